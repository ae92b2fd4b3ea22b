"""The steps of experiments by name: what the workflow's jobs and the command line run."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cinecohort.errors import UserError
from cinecohort.experiments.options import ExperimentDataset, ExperimentOptions
from cinecohort.experiments.versions import VERSIONS
from cinecohort.files import digest_file
from cinecohort.segmentation.descriptions import describe_model, weights_path

Report = Callable[[str], None]

CURVES = "curves"
"""The one step of its kind."""


def run_step(options: ExperimentOptions, kind: str, name: str, report: Report = print) -> None:
    """Run one step.

    Parameters
    ----------
    options
        The experiments.
    kind
        ``datasets``, ``rows``, ``tests``, ``tables``, ``curves`` or ``panels``.
    name
        Of the dataset, row, test (``row.dataset``), table or panel.
    report
        Takes lines of progress.

    Raises
    ------
    UserError
        If there is no such step, or it cannot be done.
    """
    known = names_of_steps(options)[kind]
    if name not in known:
        raise UserError(f"The configuration has no {kind} {name}; it has {', '.join(known)}.")
    from cinecohort.experiments.accuracy import evaluate_row
    from cinecohort.experiments.datasets import prepare_dataset
    from cinecohort.experiments.panels import make_panel
    from cinecohort.experiments.rows import train_row
    from cinecohort.experiments.tables import make_curves, make_table

    steps: dict[str, Callable[[], Any]] = {
        "datasets": lambda: prepare_dataset(options, name),
        "rows": lambda: train_row(options, name, report),
        "tests": lambda: evaluate_row(options, *name.split(".")),
        "tables": lambda: make_table(options, name),
        "curves": lambda: make_curves(options),
        "panels": lambda: make_panel(options, name),
    }
    steps[kind]()


def settings_of_step(options: ExperimentOptions, kind: str, name: str) -> str:
    """What of the configuration a step uses, as JSON; what it reads of other steps' results apart.

    Files that the configuration names count by what is in them: weights, and lists of held-out subjects.

    Raises
    ------
    UserError
        If such a file is not there, or cannot be read.
    """
    titles = {row: options.title_of(row) for row in options.rows}
    datasets = {name: options.title_of_dataset(name) for name in options.datasets}
    used: dict[str, Callable[[], Any]] = {
        "datasets": lambda: [
            *(options.datasets[name], options.view, options.seed),
            *listed_subjects(options.datasets[name]),
        ],
        "rows": lambda: [
            options.rows[name],
            options.settings_of(name),
            options.budget_of(name),
            *(options.view, options.seed, options.validation, options.precision, options.device),
            *given_weights(options, name),
        ],
        "tests": lambda: [options.view, options.clean_up, options.device],
        "tables": lambda: [options.tables[name], titles, datasets, options.budget],
        "curves": lambda: titles,
        "panels": lambda: [options.panels[name], titles],
    }
    return json.dumps(
        [VERSIONS[kind], used[kind]()], default=lambda item: item.model_dump(mode="json"), sort_keys=True
    )


def listed_subjects(dataset: ExperimentDataset) -> list[list[str]]:
    """Subjects that a dataset's files name, as one more setting for each file."""
    held_out = [sorted(set(dataset.held_out_names()))] if isinstance(dataset.held_out, Path) else []
    used = [sorted(set(dataset.subject_names() or ()))] if isinstance(dataset.subjects, Path) else []
    return held_out + used


def given_weights(options: ExperimentOptions, row: str) -> list[Any]:
    """Digest and description of the weights that a row is given, as more settings where it is given some.

    All of the description counts: whom the training saw decides who is tested.
    """
    weights = options.rows[row].weights
    return [digest_file(weights_path(weights)), describe_model(weights)] if weights else []


def check_files(options: ExperimentOptions) -> None:
    """Read the files that the configuration names and steps depend on, before any job is planned.

    Raises
    ------
    UserError
        If one is not there, or cannot be read.
    """
    for name, dataset in options.datasets.items():
        with told_of(f"datasets.{name}"):
            listed_subjects(dataset)
    for name in options.rows:
        with told_of(f"rows.{name}"):
            given_weights(options, name)


@contextmanager
def told_of(place: str) -> Iterator[None]:
    """Put the place in the configuration before what is said of it."""
    try:
        yield
    except UserError as fault:
        raise UserError(f"{place}: {fault}") from fault


def names_of_steps(options: ExperimentOptions) -> dict[str, list[str]]:
    """Names of all steps that a configuration has, by kind. Their order is the workflow's."""
    return {
        "datasets": list(options.datasets),
        "rows": list(options.rows),
        "tests": [f"{row}.{dataset}" for row in options.rows for dataset in options.datasets],
        "tables": list(options.tables),
        "curves": [CURVES],
        "panels": list(options.panels),
    }
