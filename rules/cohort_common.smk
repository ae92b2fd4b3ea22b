"""Reads the configuration of a cohort, compares the raw data with the index and names the files that rules share.

Nothing is written here: the Snakefile is read for dry runs and by every job. What a run changes before its first
job stands under `onstart`.
"""

import sys

from cinecohort.cohort.preflight import check_before_run, note_checked
from cinecohort.cohort.refresh import read_index_of
from cinecohort.cohort.run import Run
from cinecohort.cohort.settings import COHORT_TABLES, settings_for
from cinecohort.cohort.versions import STAGES
from cinecohort.config import parse_config
from cinecohort.review.corrections import check_names, corrections_in
from cinecohort.review.verdicts import read_verdicts

# `--configfile` replaces the demo's configuration; it is not merged into it. A file is never filled up from the
# demo, which runs when no file is given.
if "datasets" not in config and not workflow.configfiles:

    configfile: workflow.source_path("../config/config.yaml")


with mistakes_as_sentences():
    NOTES = check_before_run(config, main_process=workflow.is_main_process)
    CONFIG = parse_config(config)
    INDEX = read_index_of(CONFIG, main_process=workflow.is_main_process)
    VERDICTS = read_verdicts(CONFIG.review.verdicts)
    if workflow.is_main_process:
        check_names(CONFIG.review.corrections, INDEX.everybody())
if workflow.is_main_process:
    print(*NOTES, INDEX.message(), sep="\n", file=sys.stderr)

RUN = Run(INDEX)
RESULTS = CONFIG.results.as_posix()
SHARDS = list(INDEX.tables)
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
    """One folder per group study."""
    return [f"{RESULTS}/study/{name}" for name in CONFIG.studies]


def review_room():
    """The page of the review room, where there is to be one."""
    wanted = BY_SUBJECT and CONFIG.review.room != "none"
    return [f"{RESULTS}/review/index.html"] if wanted else []


def blinded_page():
    """The page of the blinded assessment, where there is to be one."""
    wanted = BY_SUBJECT and CONFIG.review.blinded is not None
    return [f"{RESULTS}/review/blinded.html"] if wanted else []


def blinded_key():
    """Which side is automatic on that page, where analysts have scored it."""
    return (
        [f"{RESULTS}/blinded_key.tsv"]
        if blinded_page() and CONFIG.review.assessments
        else []
    )


def subject_pages():
    """The list of the subjects' pages, where they are to be made."""
    wanted = BY_SUBJECT and CONFIG.report.subjects != "none"
    return [f"{RESULTS}/pages/pages.tsv"] if wanted else []


def withdrawals():
    """The mark of the lists of withdrawn participants, where there are any."""
    return [f"{RESULTS}/index/withdrawals"] if any(INDEX.withdrawn.values()) else []


def participant_tables():
    """The users' tables of participants."""
    tables = [options.participants for options in CONFIG.datasets.values()]
    return [table.as_posix() for table in tables if table is not None]


def measure_tables():
    """The users' tables of measures that were made elsewhere."""
    return [
        (options.path / file.path).as_posix()
        for options in CONFIG.datasets.values()
        for source in options.settings.tables.values()
        for file in source.files
    ]


def index_of(wildcards):
    """Digest of a shard's index: its jobs run again when it changes."""
    return INDEX.digest(wildcards.shard)


def settings_of(stage, study=None):
    """What of the configuration a stage uses, as text: the job reruns when it changes."""
    return settings_for(stage, CONFIG, study)


def segmentation_quality_settings(wildcards):
    """Settings of the checks of label maps, with what people corrected of the shard's subjects."""
    listed = corrections_in(CONFIG.review.corrections, INDEX.subjects(wildcards.shard))
    return settings_for("segmentation_quality", CONFIG, corrections=listed)


def measure_settings(wildcards):
    """Settings of the measures, with what reviewers reject of the shard's subjects."""
    return settings_for(
        "measure", CONFIG, rejected=VERDICTS.rejections(INDEX.subjects(wildcards.shard))
    )


def planned_jobs():
    """The jobs of this run, by rule, and shard or study.

    Snakemake has no public way to ask for them: its logger plugins hear of a job when it starts, and of numbers
    by rule before. `needrun_jobs` is what it uses itself; a test in tests/workflow pins it.
    """
    return [
        (job.rule.name, job.wildcards.get("shard", job.wildcards.get("study", "")))
        for job in workflow.dag.needrun_jobs()
        if job.benchmark
    ]


onstart:
    with mistakes_as_sentences():
        RUN.start(planned_jobs())
        note_checked(CONFIG)


onsuccess:
    RUN.finish(succeeded=True)


onerror:
    RUN.finish(succeeded=False)
