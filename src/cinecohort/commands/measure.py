"""The ``measure`` command: clinical measures of subjects' folders, one table."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cinecohort.commands.model_options import add_options, read_options
from cinecohort.errors import UserError
from cinecohort.findings import in_print
from cinecohort.measures.options import MeasureOptions

if TYPE_CHECKING:
    from cinecohort.findings import Finding


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="DIR", help="subjects' folders, or folders of them"
    )
    parser.add_argument("--out", type=Path, required=True, help="measures.csv")
    parser.add_argument(
        "--labels",
        default="seg",
        metavar="seg|OBSERVER",
        help="what to measure: the primary segmentation (default), another model's name, or an observer's",
    )
    parser.add_argument(
        "--columns",
        choices=["cinecohort", "ukbb_cardiac"],
        default="cinecohort",
        help="names of the columns (default: cinecohort)",
    )
    add_options(parser, MeasureOptions, tuple(MeasureOptions.model_fields))


def run(arguments: argparse.Namespace) -> int:
    """Measure each folder, write the table, sum up in one line."""
    import pandas as pd
    from tqdm import tqdm

    from cinecohort.measures.columns import COLUMNS
    from cinecohort.measures.ukbb_columns import to_ukbb_columns

    options = MeasureOptions(**read_options(arguments, tuple(MeasureOptions.model_fields)))
    rows: list[dict[str, Any]] = []
    for folder in tqdm(subject_folders(arguments.folders), "measured", unit=" subjects", disable=None):
        rows.append({"subject": folder.name, **measure_folder(folder, arguments.labels, options)})
    measured = sum(row["status"] not in ("excluded", "error") for row in rows)
    if not measured:
        raise UserError(
            f"{', '.join(map(str, arguments.folders))}: nothing to measure: no label map "
            f"{arguments.labels!r}, or nothing in it; segment or convert first, and look at the label maps."
        )
    table = pd.DataFrame(rows, columns=["subject", *COLUMNS])
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    if arguments.columns == "ukbb_cardiac":
        table = to_ukbb_columns(table)
    for column in ("ed_frame", "es_frame"):
        if column in table:
            table[column] = table[column].astype("Int64")
    table.to_csv(arguments.out, index=False)
    flagged = sum(row["status"] == "review" for row in rows)
    said = f", {flagged} of them flagged for review" if flagged else ""
    print(f"{arguments.out}: {measured} of {len(rows)} subjects measured{said}")
    return 0


def subject_folders(folders: list[Path]) -> list[Path]:
    """Folders that hold NIfTI files: those given, and those within one that holds none itself.

    Raises
    ------
    UserError
        If one is not there, or holds no NIfTI file at either level.
    """
    result = []
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder}: there is no such folder.")
        inner = (
            [folder.resolve()] if has_images(folder) else sorted(f for f in folder.iterdir() if has_images(f))
        )
        if not inner:
            raise UserError(f"{folder}: holds no .nii.gz files, nor do the folders in it.")
        result += inner
    return result


def has_images(folder: Path) -> bool:
    """Whether a folder holds NIfTI files."""
    return folder.is_dir() and any(folder.glob("*.nii.gz"))


def measure_folder(folder: Path, labels: str, options: Any) -> dict[str, Any]:
    """Row of one folder, and its findings on the error stream; what cannot be read is one of them."""
    from cinecohort.measures.subject import measure_subject
    from cinecohort.quality.measures import check_rows
    from cinecohort.quality.options import MeasureQualityOptions

    try:
        sets = segmented_sets(folder, labels)
        outcome = measure_subject(folder, sets, [] if sets else [labels], options)
        outcome.findings += swap_findings(folder, labels, bool(sets))
        outcome.findings += check_rows(outcome.rows, MeasureQualityOptions())
    except UserError as error:
        print(f"{folder.name}: UNREADABLE: {error}", file=sys.stderr)
        return {"status": "error"}
    for finding in outcome.findings:
        print(f"{folder.name}: {finding.code}: {in_print(finding.message)}", file=sys.stderr)
    row: dict[str, Any] = outcome.rows[0] if outcome.rows else {}
    return row | {"status": str(outcome.status)}


def swap_findings(folder: Path, labels: str, automatic: bool) -> "list[Finding]":
    """Whether the myocardium surrounds the RV: label maps made elsewhere may be of another coding."""
    import numpy as np

    from cinecohort.conversion.label_checks import check_enclosure
    from cinecohort.label_maps import read_label, read_segmentation

    name = None if labels == "seg" else labels
    found = read_segmentation(folder, "sa", name) if automatic else read_label(folder, "sa", labels)
    if found is None:
        return []
    drawn = np.flatnonzero(found.image.data.any(axis=(0, 1, 2))).tolist()
    return check_enclosure(found.image.data, "sa", drawn[:1], observer=labels, threshold=0.0)


def segmented_sets(folder: Path, labels: str) -> list[Any]:
    """Set of the models that made a folder's segmentations; empty where `labels` are an observer's."""
    from cinecohort.catalogue.views import STRUCTURES
    from cinecohort.images import read_sidecar
    from cinecohort.label_maps import segmentation_path
    from cinecohort.model_sets import model_sets, single_set

    if labels != "seg":
        return [single_set(labels, STRUCTURES, labels)] if any(folder.glob(f"seg_{labels}_*.nii.gz")) else []
    models = {}
    for view in STRUCTURES:
        path = segmentation_path(folder, view)
        if path.is_file():
            models[view] = [read_sidecar(path).get("model") or labels]
    return model_sets(models) or [single_set(labels, STRUCTURES)]
