"""Reads the configuration, brings the index up to date and names the files that rules share."""

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from cinecohort.cohort.index import open_results
from cinecohort.cohort.run import Run
from cinecohort.cohort.settings import COHORT_TABLES, check_models, settings_for
from cinecohort.cohort.versions import STAGES
from cinecohort.config import parse_config
from cinecohort.errors import UserError

# `--configfile` replaces the demo's configuration; it is not merged into it.
if "datasets" not in config:

    configfile: workflow.source_path("../config/config.yaml")


try:
    CONFIG = parse_config(config)
    check_models(CONFIG)
    SHARDS, message = open_results(
        CONFIG, main_process=workflow.is_main_process, locks=Path(".snakemake/locks")
    )
except UserError as error:
    raise WorkflowError(str(error))
if message:
    print(message, file=sys.stderr)

RUN = Run(CONFIG.results)
RESULTS = CONFIG.results.as_posix()
BY_SUBJECT = () if CONFIG.from_tables else STAGES


wildcard_constraints:
    shard=r"\d+",
    study=r"[A-Za-z]\w*",


def shard_tables(stages):
    """Tables of subjects and of findings of every shard, for the given stages."""
    return [
        f"{RESULTS}/{stage}/{shard}{kind}.tsv"
        for stage in stages
        for shard in SHARDS
        for kind in ("", ".findings")
    ]


def cohort_tables():
    """Tables of the whole cohort."""
    return [f"{RESULTS}/cohort/{name}.tsv" for name in COHORT_TABLES]


def study_folders():
    """One folder a group study."""
    return [f"{RESULTS}/study/{name}" for name in CONFIG.studies]


def participant_tables():
    """The users' tables of participants."""
    tables = [options.participants for options in CONFIG.datasets.values()]
    return [table.as_posix() for table in tables if table is not None]


def measure_tables():
    """The users' tables of measures that were made elsewhere."""
    return [
        (options.path / file["path"]).as_posix()
        for options in CONFIG.datasets.values()
        for source in options.settings.get("tables", {}).values()
        for file in source["files"]
    ]


def settings_of(stage, study=None):
    """What of the configuration a stage uses, as text: the job reruns when it changes."""
    return settings_for(stage, CONFIG, study)


def growing(base):
    """A resource that grows with each attempt."""
    return lambda wildcards, attempt: base * attempt


def planned_jobs():
    """The jobs of this run, by rule, and shard or study."""
    return [
        (job.rule.name, job.wildcards.get("shard", job.wildcards.get("study", "")))
        for job in workflow.dag.needrun_jobs()
        if job.benchmark
    ]


onstart:
    try:
        RUN.start(planned_jobs())
    except UserError as error:
        raise WorkflowError(str(error))


onsuccess:
    RUN.finish(succeeded=True)


onerror:
    RUN.finish(succeeded=False)
