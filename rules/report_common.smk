# What the study report needs: captions of its tables and figures for `snakemake --report`.

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
