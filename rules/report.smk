# The study report as PDF.
#
# Reads:   every table and figure of the cohort
# Writes:  results/report.pdf, results/report/{tables,figures}/, results/report/captions.json


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
