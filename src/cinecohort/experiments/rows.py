"""Rows of the tables: networks trained alike, each for the same budget.

Below ``rows/{row}/``: ``plan.json`` (how long it is trained), the weights with their description,
``curve.csv``, ``split.csv``, ``checkpoint.pt`` and, when it is done, ``row.json``. A row with folds has
these, but for the plan and ``row.json``, in a folder a fold.
"""

import csv
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cinecohort.errors import UserError
from cinecohort.experiments.budget import Plan, clock_of, plan, uses_gpu
from cinecohort.experiments.datasets import OBSERVER, participants, subject_folder, training_subjects
from cinecohort.experiments.options import ExperimentOptions
from cinecohort.experiments.versions import VERSIONS
from cinecohort.files import digest_json, read_json, write_json
from cinecohort.options import parse_options
from cinecohort.segmentation.descriptions import check_digest, describe_model, weights_digest
from cinecohort.segmentation.training import train, training_precision
from cinecohort.segmentation.training_options import TrainingOptions

Subjects = dict[str, list[str]]
"""Dataset to some of its subjects."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Network:
    """One network of a row.

    Parameters
    ----------
    weights
        Name or path.
    seen
        Subjects that its training, or that of the row it started from, saw, and their participants.
    """

    weights: str
    seen: Subjects


def row_folder(options: ExperimentOptions, row: str) -> Path:
    """Folder of a row."""
    return options.results / "rows" / row


def fold_folders(options: ExperimentOptions, row: str) -> list[Path]:
    """Folders of the networks of a row: the row's own, or one a fold."""
    folder, folds = row_folder(options, row), options.rows[row].folds
    return [folder] if folds is None else [folder / f"fold{number}" for number in range(1, folds + 1)]


def read_row(options: ExperimentOptions, row: str) -> dict[str, Any]:
    """Read what is recorded of a row that is done.

    Raises
    ------
    UserError
        If it is not.
    """
    path = row_folder(options, row) / "row.json"
    if not path.is_file():
        raise UserError(f"{path}: is missing; train row {row} first.")
    record: dict[str, Any] = read_json(path)
    return record


def networks_of(options: ExperimentOptions, row: str) -> list[Network]:
    """The networks of a row that is done."""
    return [Network(item["weights"], item["seen"]) for item in read_row(options, row)["networks"]]


def train_row(options: ExperimentOptions, row: str, report: Report = print) -> Path:
    """Train a row, or go on with one that was stopped.

    Returns
    -------
    pathlib.Path
        ``row.json``.

    Raises
    ------
    UserError
        If its data or its settings are not usable, or the row it starts from is not trained.
    """
    path = row_folder(options, row) / "row.json"
    if options.rows[row].weights:
        write_json(path, record_of_given_weights(options, row))
        return path
    start = starting_network(options, row)
    folds = split_folds(options, row)
    trainings = [
        training_options(options, row, folder, start, validation)
        for folder, (_, validation) in zip(fold_folders(options, row), folds, strict=True)
    ]
    for training, (learnt, validation) in zip(trainings, folds, strict=True):
        link_subjects(options, training.data.folders[0], learnt, validation)
    planned, settings = planned_length(options, row, trainings, start)
    if path.is_file() and read_json(path).get("settings") == settings:
        report(f"{row}: is trained already")
        return path
    seen = []
    for training, (learnt, validation) in zip(trainings, folds, strict=True):
        run_training(training, planned, options.device, report)
        people = participants_in(options, joined(learnt, validation))
        seen.append(joined(learnt, validation, people, start.seen if start else {}))
    write_json(path, record_of_training(options, row, trainings, seen, planned, settings))
    return path


def starting_network(options: ExperimentOptions, row: str) -> Network | None:
    """The network that a row fine-tunes."""
    start = options.rows[row].start_from
    return None if start is None else networks_of(options, start)[0]


def split_folds(options: ExperimentOptions, row: str) -> list[tuple[Subjects, Subjects]]:
    """Subjects of training and of validation of each network of a row, drawn by the seed.

    All visits of a participant stay together, whatever dataset they are in. Without folds there is one
    network. Validation takes no more than a fifth of the participants, so that few are all learnt from.

    Raises
    ------
    UserError
        If there are more folds than participants.
    """
    folds = options.rows[row].folds
    visits: dict[str, list[tuple[str, str]]] = {}
    for name in options.rows[row].trained_on:
        whose = participants(options, name)
        for subject in training_subjects(options, name):
            visits.setdefault(whose[subject], []).append((name, subject))
    people = list(visits)
    order = [people[index] for index in np.random.default_rng(options.seed).permutation(len(people))]
    if not order or (folds or 0) > len(order):
        raise UserError(
            f"row {row}: {len(order)} participants to train on are too few for {folds or 1} folds."
        )

    def subjects_of(chosen: list[str]) -> Subjects:
        return by_dataset([visit for person in chosen for visit in visits[person]])

    result = []
    for number in range(folds or 1):
        kept = [item for index, item in enumerate(order) if folds is None or index % folds != number]
        count = min(options.validation, len(kept) // 5)
        result.append((subjects_of(kept[count:]), subjects_of(kept[:count])))
    return result


def by_dataset(pairs: list[tuple[str, str]]) -> Subjects:
    """Group (dataset, subject) pairs."""
    return {
        name: sorted(subject for dataset, subject in pairs if dataset == name)
        for name in sorted({dataset for dataset, _ in pairs})
    }


def participants_in(options: ExperimentOptions, subjects: Subjects) -> Subjects:
    """The participants of some subjects, by dataset."""
    result = {}
    for name, listed in subjects.items():
        whose = participants(options, name)
        result[name] = sorted({whose[subject] for subject in listed})
    return result


def joined(*parts: Subjects) -> Subjects:
    """Union of some datasets' subjects."""
    names = sorted({name for part in parts for name in part})
    return {name: sorted({item for part in parts for item in part.get(name, [])}) for name in names}


def link_subjects(options: ExperimentOptions, folder: Path, training: Subjects, validation: Subjects) -> None:
    """Make a folder of links to the subjects of a training, named dataset and subject, and nobody else's."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, subjects in joined(training, validation).items():
        for subject in subjects:
            target = subject_folder(options, name, subject).resolve()
            (folder / f"{name}-{subject}").symlink_to(target, target_is_directory=True)


def training_options(
    options: ExperimentOptions, row: str, output: Path, start: Network | None, validation: Subjects
) -> TrainingOptions:
    """Options of one training of a row, as long as its recipe has it."""
    names = [f"{name}-{subject}" for name, subjects in validation.items() for subject in subjects]
    values = {
        "precision": options.precision,
        "seed": options.seed,
        **options.settings_of(row),
        "name": row,
        "view": options.view,
        "output": output,
        "data": {"folders": [output / "subjects"], "observer": OBSERVER, "validation": names},
        "start_from": start.weights if start else None,
        "device": options.device,
        "threads": options.threads,
    }
    if not names:
        # Without validation there is no best one to choose.
        values["select"] = "last"
    return parse_options(values, TrainingOptions, f"rows.{row}.settings")


def planned_length(
    options: ExperimentOptions, row: str, trainings: list[TrainingOptions], start: Network | None
) -> tuple[Plan, str]:
    """Read the length that was planned when the row was begun, or plan it now; and the settings' digest.

    What other settings left in the row's folder is removed.
    """
    folder = row_folder(options, row)
    settings = digest_json(
        {
            "version": VERSIONS["rows"],
            "budget": options.budget_of(row),
            "start": weights_digest(start.weights) if start else "",
            "trainings": [
                item.model_dump(
                    mode="json", exclude={"threads", "output", "start_from"}, exclude_defaults=True
                )
                for item in trainings
            ],
            "subjects": [sorted(path.name for path in item.data.folders[0].iterdir()) for item in trainings],
        }
    )
    path = folder / "plan.json"
    known = read_json(path) if path.is_file() else {}
    if known.get("settings") == settings:
        return Plan(**known["plan"]), settings
    (folder / "row.json").unlink(missing_ok=True)
    for training in trainings:
        forget_training(training.output)
    first = trainings[0]
    names = set(first.data.validation) if isinstance(first.data.validation, list) else set()
    subjects = sorted(first.data.folders[0].iterdir())
    planned = plan(
        first,
        options.budget_of(row),
        [item for item in subjects if item.name not in names],
        [item for item in subjects if item.name in names],
    )
    write_json(path, {"settings": settings, "plan": asdict(planned)})
    return planned, settings


def forget_training(output: Path) -> None:
    """Remove what a training of other settings left."""
    for name in ("checkpoint.pt", "curve.csv", "time.json"):
        (output / name).unlink(missing_ok=True)


def run_training(training: TrainingOptions, planned: Plan, device: str, report: Report) -> None:
    """Run one training to its planned end, and record the time that it took."""
    path = training.output / "time.json"
    clock = clock_of(device)
    before = read_json(path)["seconds"] if path.is_file() else 0.0
    began = clock()

    def note_time() -> None:
        write_json(path, {"seconds": round(before + clock() - began, 1)})

    final = training.model_copy(
        update={
            "iterations": planned.iterations,
            "epochs": None,
            "validate_every": planned.validate_every,
            "checkpoint_every": planned.checkpoint_every,
        }
    )
    # With the checkpoint: what is trained after it and lost to a kill is trained, and counted, again.
    train(final, report, saved=note_time)


def record_of_given_weights(options: ExperimentOptions, row: str) -> dict[str, Any]:
    """What is recorded of a row that is not trained here."""
    weights = options.rows[row].weights
    check_digest(weights)
    description = describe_model(weights)
    if description.view != options.view:
        raise UserError(f"row {row}: {weights} segments {description.view}, not {options.view}; name others.")
    if not description.trained_on:
        raise UserError(
            f"row {row}: the description beside {weights} does not say whom its training saw (trained_on), "
            "so that no test of it would be sound; add them by source."
        )
    # Which source a dataset here is is not known, so that a name counts whatever source it was seen in.
    everyone = sorted({subject for subjects in description.trained_on.values() for subject in subjects})
    return {
        "row": row,
        "title": options.title_of(row),
        "architecture": description.architecture,
        "recipe": description.recipe.get("recipe", ""),
        "trained_on": sorted(description.trained_on),
        "training_subjects": description.training_subjects,
        "networks": [{"weights": weights, "seen": dict.fromkeys(options.datasets, everyone)}],
        "weights_sha256": [weights_digest(weights)],
        # What the recipe says is the length of the last training, which may have begun with others' weights.
        "iterations": None,
        "budget_minutes": None,
        "minutes": None,
    }


def record_of_training(
    options: ExperimentOptions,
    row: str,
    trainings: list[TrainingOptions],
    seen: list[Subjects],
    planned: Plan,
    settings: str,
) -> dict[str, Any]:
    """What is recorded of a row that was trained here."""
    first = trainings[0]
    weights = [(item.output / f"{row}.safetensors").as_posix() for item in trainings]
    seconds = [read_json(item.output / "time.json")["seconds"] for item in trainings]
    return {
        "row": row,
        "title": options.title_of(row),
        "architecture": first.architecture,
        "recipe": first.recipe,
        "start_from": options.rows[row].start_from,
        "trained_on": options.rows[row].trained_on,
        "training_subjects": describe_model(weights[0]).training_subjects,
        "networks": [{"weights": item, "seen": known} for item, known in zip(weights, seen, strict=True)],
        "weights_sha256": [weights_digest(item) for item in weights],
        "settings": settings,
        "iterations": planned.iterations,
        "recipe_iterations": planned.recipe_iterations,
        "seconds_per_iteration": planned.seconds_per_iteration,
        "budget_minutes": options.budget_of(row),
        "minutes": round(max(seconds) / 60, 2),
        "clock": "wall" if uses_gpu(options.device) else "processor",
        "precision": training_precision(first),
        "threads": first.threads,
        "seed": first.seed,
        "torch": torch.__version__,
    }


def read_curve(folder: Path) -> list[dict[str, str]]:
    """Read the curve of a training; no points where it has none."""
    path = folder / "curve.csv"
    if not path.is_file():
        return []
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))
