"""Accuracy of a row on a dataset: subjects that it never saw, segmented as the workflow segments.

``tests/{row}/{dataset}.csv`` has the overlap by subject, frame and structure, ``{dataset}.subjects.csv``
what became of each subject, and ``{dataset}.json`` which weights these were;
``segmentations/{dataset}/{row}/{subject}/`` has the label maps beside links to image and human labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cinecohort.catalogue.views import LABELS, STRUCTURES
from cinecohort.evaluation.overlap import overlap
from cinecohort.experiments.datasets import (
    OBSERVER,
    check_labels,
    link_with_sidecar,
    participants,
    subject_folder,
    subjects_to_test,
    write_rows,
)
from cinecohort.experiments.options import ExperimentOptions
from cinecohort.experiments.rows import Network, networks_of, read_row
from cinecohort.files import read_json, replacing, write_json
from cinecohort.findings import Outcome
from cinecohort.images import sidecar_path
from cinecohort.label_maps import label_path, read_label, read_segmentation
from cinecohort.ledger.columns import OVERLAP_NUMBERS
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
from cinecohort.segmentation.prediction import segment_subjects

COLUMNS = (
    *("row", "dataset", "subject", "frame", "phase", "structure"),
    *(name for name in OVERLAP_NUMBERS if name != "hd_max_mm"),
)
WEIGHTS = "weights_sha256"
"""Key of the weights' digests in the records of rows and tests."""

TESTED, SEEN, NOT_SEGMENTED = "tested", "seen_in_training", "not_segmented"


@dataclass(frozen=True)
class Fate:
    """What became of a subject in a test."""

    subject: str
    status: str
    words: str = ""


def folder_of_tests(options: ExperimentOptions, row: str) -> Path:
    """Folder of a row's tests."""
    return options.results / "tests" / row


def record_of_test(options: ExperimentOptions, row: str, dataset: str) -> Path:
    """File with the digests of the weights that a test was made with."""
    return folder_of_tests(options, row) / f"{dataset}.json"


def segmentation_folder(options: ExperimentOptions, row: str, dataset: str) -> Path:
    """Folder of a row's segmentations of a dataset."""
    return options.results / "segmentations" / dataset / row


def evaluate_row(options: ExperimentOptions, row: str, dataset: str) -> Path:
    """Segment a dataset's test subjects with a row and compare with its observer.

    A subject is segmented by the first of the row's networks that did not see it; one that all of them saw
    is left out, and said to be.

    Returns
    -------
    pathlib.Path
        The table of overlap; 3D Dice at the observer's end-diastole and end-systole, where these are named.
    """
    networks = networks_of(options, row)
    record_of_test(options, row, dataset).unlink(missing_ok=True)
    whose = participants(options, dataset)
    chosen = {
        subject: first_unseen(networks, {subject, whose[subject]})
        for subject in subjects_to_test(options, dataset)
    }
    fates = [Fate(subject, SEEN) for subject, network in chosen.items() if network is None]
    tables = []
    for network in networks:
        own = [subject for subject, unseen in chosen.items() if unseen is network]
        folders = [link_for_test(options, row, dataset, subject) for subject in own]
        for folder, outcome in segmented(options, row, network, folders):
            if outcome.outputs:
                tables.append(compared(folder, options.view))
                fates.append(Fate(folder.name, TESTED))
            else:
                words = " ".join(finding.message for finding in outcome.findings)
                fates.append(Fate(folder.name, NOT_SEGMENTED, words))
    path = folder_of_tests(options, row) / f"{dataset}.csv"
    table = pd.concat(tables) if tables else pd.DataFrame(columns=list(COLUMNS))
    table = table.assign(row=row, dataset=dataset)[list(COLUMNS)]
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g")
    listed = sorted((fate.subject, fate.status, fate.words) for fate in fates)
    write_rows(path.with_name(f"{dataset}.subjects.csv"), ("subject", "status", "words"), listed)
    # Last, so that a test that is cut short has no record, and is not taken for one of these weights.
    write_json(record_of_test(options, row, dataset), {WEIGHTS: read_row(options, row)[WEIGHTS]})
    return path


def first_unseen(networks: Sequence[Network], names: set[str]) -> Network | None:
    """Return the first network that never saw a subject or its participant, in whatever dataset."""
    return next((item for item in networks if all(map(names.isdisjoint, item.seen.values()))), None)


def link_for_test(options: ExperimentOptions, row: str, dataset: str, subject: str) -> Path:
    """Make a folder for a segmentation, with links to the image and the labels.

    The image's sidecar names the observer's end-diastole and end-systole, so that just these are segmented.

    Raises
    ------
    UserError
        If labels and image do not fit.
    """
    source = subject_folder(options, dataset, subject)
    # What is linked may have changed since the dataset was prepared, and a test compares voxel by voxel.
    check_labels(dataset, source, OBSERVER, options.view)
    folder = segmentation_folder(options, row, dataset) / subject
    image, label = source / f"{options.view}.nii.gz", label_path(source, options.view, OBSERVER)
    link_with_sidecar(label, folder / label.name)
    link_with_sidecar(image, folder / image.name)
    manual = read_label(source, options.view, OBSERVER)
    assert manual is not None
    if manual.ed_frame is not None and manual.es_frame is not None:
        known = read_json(sidecar_path(image)) if sidecar_path(image).is_file() else {}
        roles = {"ed": manual.ed_frame, "es": manual.es_frame}
        write_json(sidecar_path(folder / image.name), {**known, "frame_roles": roles})
    return folder


def segmented(
    options: ExperimentOptions, row: str, network: Network, folders: list[Path]
) -> list[tuple[Path, Outcome]]:
    """Segment folders through the workflow's own path, in whole images as the papers did."""
    if not folders:
        return []
    settings = SegmentationOptions.model_validate(
        {
            "device": options.device,
            "frames": "ed_es",
            "heart_region_margin_mm": None,
            "clean_up": {"largest_component": options.clean_up, "fill_holes": options.clean_up},
        }
    )
    model = ModelOptions(name=row, weights=network.weights)
    return list(segment_subjects(folders, model, settings, options.view, threads=options.threads))


def compared(folder: Path, view: str) -> pd.DataFrame:
    """Overlap of a segmentation with the observer's labels: annotated slices of segmented frames."""
    automatic, manual = read_segmentation(folder, view), read_label(folder, view, OBSERVER)
    assert automatic is not None
    assert manual is not None
    known = {name: mask & automatic.annotated[name] for name, mask in manual.annotated.items()}
    table = overlap(automatic.image, manual.image, view, known, positions=False)
    roles = {manual.ed_frame: "ED", manual.es_frame: "ES"}
    return table.assign(subject=folder.name, phase=table["frame"].map(roles))


def compared_structures(options: ExperimentOptions, table: pd.DataFrame) -> list[str]:
    """Names of what is shown of a view: what measures are made of, and what else a table has."""
    names = set(table["structure"]) | set(STRUCTURES[options.view].values())
    return [name for name in LABELS[options.view].values() if name in names]
