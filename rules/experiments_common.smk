"""Reads the configuration of experiments and names the files that its rules share."""

from cinecohort.cohort.run_progress import SNAKEMAKE, FailedJobs
from cinecohort.experiments.options import parse_experiments
from cinecohort.experiments.steps import check_files, settings_of_step

with mistakes_as_sentences():
    OPTIONS = parse_experiments(config)
    check_files(OPTIONS)

RESULTS = OPTIONS.results.as_posix()


wildcard_constraints:
    name=r"[A-Za-z]\w*",
    dataset=r"[A-Za-z]\w*",


def step_settings(kind):
    """What of the configuration a step uses, as text: the job reruns when it changes."""
    return lambda wildcards: settings_of_step(OPTIONS, kind, wildcards.get("name", ""))


def inputs_of_row(wildcards):
    """The datasets that a row is trained on, and the row that it starts from."""
    row = OPTIONS.rows[wildcards.name]
    datasets = [
        f"{RESULTS}/datasets/{dataset}/subjects.csv" for dataset in row.trained_on
    ]
    start = (
        [] if row.start_from is None else [f"{RESULTS}/rows/{row.start_from}/row.json"]
    )
    return datasets + start


def tests_of_table(wildcards):
    """The tests that a table shows."""
    table = OPTIONS.tables[wildcards.name]
    return [
        f"{RESULTS}/tests/{row}/{dataset}.csv"
        for row in table.rows
        for dataset in table.datasets
    ]


def tests_of_panel(wildcards):
    """The tests whose segmentations a panel shows."""
    panel = OPTIONS.panels[wildcards.name]
    return [f"{RESULTS}/tests/{row}/{panel.dataset}.csv" for row in panel.rows]


onstart:
    SNAKEMAKE.addHandler(FailedJobs())
