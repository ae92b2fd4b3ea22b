"""The datasets of experiments: brought into one shape, and split into those trained on and those held out.

Below ``datasets/{name}/``: ``subjects/{subject}/`` with the image, ``label_manual_{view}.nii.gz`` whoever the
observer is, sidecars and the record of conversion, all of them links; ``subjects.csv`` with the part that
each subject plays, and whose visit it is.
"""

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from cinecohort.cohort.versions import VERSIONS
from cinecohort.conversion.options import ConversionOptions
from cinecohort.errors import UserError
from cinecohort.experiments.options import ExperimentDataset, ExperimentOptions
from cinecohort.files import replacing
from cinecohort.images import sidecar_path
from cinecohort.label_maps import label_path
from cinecohort.segmentation.labelled_subjects import read_labelled
from cinecohort.segmentation.participants import draw_participants, participant_of
from cinecohort.sources.base import open_source
from cinecohort.store import record_path, write_record

OBSERVER = "manual"
"""Name under which the labels of every dataset's observer are linked."""

TRAIN, HELD_OUT, LEFT_OUT = "train", "held_out", "no_labels"
"""Parts of a dataset; the last has no image or no labels of the view."""


def dataset_folder(options: ExperimentOptions, name: str) -> Path:
    """Folder of a dataset."""
    return options.results / "datasets" / name


def subject_folder(options: ExperimentOptions, name: str, subject: str) -> Path:
    """Folder of a subject of a dataset."""
    return dataset_folder(options, name) / "subjects" / subject


def prepare_dataset(options: ExperimentOptions, name: str) -> Path:
    """Convert a dataset where needed, link its subjects, and write which of them are held out.

    Returns
    -------
    pathlib.Path
        ``subjects.csv``, columns ``subject, part, participant``.

    Raises
    ------
    UserError
        If the dataset is not there, has no labelled subject, has labels that do not fit their image or the
        coding, or names held-out subjects that it lacks.
    """
    dataset = options.datasets[name]
    folder = dataset_folder(options, name)
    parts: dict[str, str] = {}
    participants: dict[str, str] = {}
    for subject in converted_folders(dataset, folder / "converted"):
        label = label_path(subject, options.view, dataset.observer)
        image = subject / f"{options.view}.nii.gz"
        there = label.is_file() and image.is_file()
        parts[subject.name] = TRAIN if there else LEFT_OUT
        participants[subject.name] = participant_of(subject)
        if there:
            check_labels(name, subject, dataset.observer, options.view)
            destination = folder / "subjects" / subject.name
            link_file(record_path(subject, "convert"), record_path(destination, "convert"))
            link_with_sidecar(image, destination / image.name)
            link_with_sidecar(label, label_path(destination, options.view, OBSERVER))
    labelled = {subject: participants[subject] for subject, part in parts.items() if part == TRAIN}
    if not labelled:
        raise UserError(
            f"dataset {name}: no subject of {dataset.path} has {options.view}.nii.gz and "
            f"label_{dataset.observer}_{options.view}.nii.gz; check path, source and observer."
        )
    parts |= dict.fromkeys(held_out(dataset, name, labelled, options.seed), HELD_OUT)
    path = folder / "subjects.csv"
    rows = [(subject, part, participants[subject]) for subject, part in sorted(parts.items())]
    write_rows(path, ("subject", "part", "participant"), rows)
    return path


def check_labels(dataset: str, folder: Path, observer: str, view: str) -> None:
    """Hold a subject's labels against its image and the coding, as training does, before any is used.

    Raises
    ------
    UserError
        If they do not fit; see :func:`cinecohort.segmentation.labelled_subjects.read_labelled`.
    """
    try:
        read_labelled(folder, observer, view)
    except UserError as fault:
        raise UserError(f"dataset {dataset}, subject {folder.name}: {fault}") from fault


def converted_folders(dataset: ExperimentDataset, destination: Path) -> Iterator[Path]:
    """Yield the subject folders of a dataset that are used, converting raw sources into `destination`."""
    if not dataset.path.is_dir():
        raise UserError(f"{dataset.path}: there is no such folder; correct the path of the dataset.")
    wanted = dataset.subject_names()
    if dataset.source == "converted":
        folders = {path.name: path for path in sorted(dataset.path.iterdir()) if path.is_dir()}
        check_listed(dataset, wanted, folders)
        yield from (path for name, path in folders.items() if wanted is None or name in wanted)
        return
    source = open_source(dataset.source, dataset.path, dataset.annotations)
    subjects = {subject.key: subject for subject in source.subjects()}
    check_listed(dataset, wanted, subjects)
    for subject in subjects.values():
        if wanted is not None and subject.key not in wanted:
            continue
        folder = destination / subject.key
        outcome = source.convert(subject, folder, ConversionOptions())
        write_record(folder, "convert", VERSIONS["convert"], "", outcome)
        yield folder


def check_listed(dataset: ExperimentDataset, wanted: Sequence[str] | None, there: Collection[str]) -> None:
    """Refuse a list of subjects that names some who are not there."""
    missing = sorted(set(wanted or ()) - set(there))
    if missing:
        raise UserError(f"{dataset.path}: holds no {', '.join(missing)}; correct `subjects` of the dataset.")


def link_with_sidecar(target: Path, link: Path) -> None:
    """Link a file, and its sidecar where there is one, under another name; links that exist are replaced."""
    pairs = [(target, link), (sidecar_path(target), sidecar_path(link))]
    for source, destination in pairs:
        link_file(source, destination)


def link_file(target: Path, place: Path) -> None:
    """Link a file, where there is one; a link that exists is replaced."""
    if target.is_file():
        with replacing(place) as temporary:
            temporary.symlink_to(target.resolve())


def held_out(dataset: ExperimentDataset, name: str, labelled: Mapping[str, str], seed: int) -> list[str]:
    """Subjects that are never trained on, as named or drawn by the seed, with all visits of each participant.

    Parameters
    ----------
    dataset, name
        The dataset.
    labelled
        Its labelled subjects, with whose visits they are.
    seed
        Of the draw.

    Raises
    ------
    UserError
        If a named subject, or the file that names them, is not there, or none would be left to train on.
    """
    wanted = dataset.held_out
    if isinstance(wanted, int):
        whose = [labelled[subject] for subject in sorted(labelled)]
        chosen = draw_participants(whose, wanted, np.random.default_rng(seed))
        if chosen >= set(whose):
            raise UserError(
                f"dataset {name}: cannot hold out {wanted} of {len(labelled)} subjects (of {len(set(whose))} "
                "participants): none would be left to train on."
            )
    else:
        names = dataset.held_out_names()
        missing = sorted(set(names) - set(labelled))
        if missing:
            raise UserError(
                f"dataset {name}: held-out subjects {', '.join(missing)} are not among its labelled ones; "
                "correct the list."
            )
        chosen = {labelled[subject] for subject in names}
    return [subject for subject in sorted(labelled) if labelled[subject] in chosen]


def read_subjects(options: ExperimentOptions, name: str) -> list[dict[str, str]]:
    """Read what is known of the subjects of a prepared dataset: ``subject, part, participant``."""
    path = dataset_folder(options, name) / "subjects.csv"
    if not path.is_file():
        raise UserError(f"{path}: is missing; prepare the dataset first.")
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    if any("participant" not in row for row in rows):
        raise UserError(f"{path}: has no column participant; prepare the dataset again.")
    return rows


def read_parts(options: ExperimentOptions, name: str) -> dict[str, str]:
    """Read the part that each subject of a prepared dataset plays."""
    return {row["subject"]: row["part"] for row in read_subjects(options, name)}


def participants(options: ExperimentOptions, name: str) -> dict[str, str]:
    """Read whose visit each subject of a prepared dataset is."""
    return {row["subject"]: row["participant"] for row in read_subjects(options, name)}


def training_subjects(options: ExperimentOptions, name: str) -> list[str]:
    """Subjects of a dataset that may be trained on."""
    return [subject for subject, part in read_parts(options, name).items() if part == TRAIN]


def subjects_to_test(options: ExperimentOptions, name: str) -> list[str]:
    """Subjects of a dataset that are tested on: the held-out ones; all labelled ones where none are."""
    parts = read_parts(options, name)
    held = [subject for subject, part in parts.items() if part == HELD_OUT]
    return held or [subject for subject, part in parts.items() if part == TRAIN]


def write_rows(path: Path, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Write a CSV file by rename."""
    with replacing(path) as temporary, temporary.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)
