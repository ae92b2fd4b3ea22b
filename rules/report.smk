# The study report as PDF.
#
# Reads:   every table and figure of the cohort
# Writes:  results/report.pdf, results/report/{tables,figures}/, results/report/captions.json

import json
import re
from pathlib import Path


def captions():
    """What the files of tables and figures show, for `snakemake --report`: nothing before they are there.

    Captions are reStructuredText there: whatever would be markup is escaped.
    """
    path = Path(RESULTS) / "report" / "captions.json"
    listed = json.loads(path.read_text()) if path.is_file() else {}
    for one in (each for kind in listed.values() for each in kind.values()):
        one["caption"] = re.sub(r"([^\w\s])", r"\\\1", one["caption"])
    return listed


def shown(kind, wildcards):
    """Number, section and caption of a table or figure."""
    listed = config.get("captions", {}).get(kind, {})
    return listed.get(wildcards[0], {"number": "", "section": kind.capitalize()})


def number(kind, wildcards):
    """Label of a table or figure: where it stands in the report, and its file's name."""
    return {"in the report": shown(kind, wildcards)["number"], "file": wildcards[0]}


# The templates of captions see nothing but the job's wildcards and `config`; jobs do not need them.
if workflow.is_main_process:
    config["captions"] = captions()


rule report:
    """The study report as PDF."""
    input:
        tables=cohort_tables(),
        run=f"{RESULTS}/run.json",
        agreement=f"{RESULTS}/agreement",
        studies=study_folders(),
    output:
        pdf=report(
            f"{RESULTS}/report.pdf",
            category="Report",
            caption="captions/report.rst",
        ),
        tables=report(
            directory(f"{RESULTS}/report/tables"),
            patterns=["{table}.csv"],
            category=lambda wildcards: shown("tables", wildcards)["section"],
            labels=lambda wildcards: number("tables", wildcards),
            caption="captions/table.rst",
        ),
        figures=report(
            directory(f"{RESULTS}/report/figures"),
            patterns=["{figure}.png"],
            category=lambda wildcards: shown("figures", wildcards)["section"],
            labels=lambda wildcards: number("figures", wildcards),
            caption="captions/figure.rst",
        ),
        captions=f"{RESULTS}/report/captions.json",
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report.tsv"
    conda:
        "../envs/cinecohort.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        settings=settings_of("report"),
    script:
        "../scripts/report.py"
