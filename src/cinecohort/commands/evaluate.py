"""The ``evaluate`` command: overlap of label files with reference files."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cinecohort.commands.model_options import add_options
from cinecohort.errors import UserError
from cinecohort.evaluation.options import EvaluationOptions

if TYPE_CHECKING:
    import pandas as pd

    from cinecohort.images import Image


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--auto", type=Path, required=True, help="label map, or folder of label maps")
    parser.add_argument("--manual", type=Path, required=True, help="reference of the same name(s)")
    parser.add_argument("--out", type=Path, required=True, help="overlap.csv")
    parser.add_argument("--view", choices=["sa", "la_2ch", "la_4ch"], default="sa", help="default: sa")
    add_options(parser, EvaluationOptions, ("border",))
    # Off, unlike in the workflow: whoever averages the rows of this table means those of whole structures.
    parser.add_argument(
        "--positions",
        action="store_true",
        help="rows for basal, mid and apical slices too, distinguished by the column `position`",
    )
    for side in ("auto", "manual"):
        parser.add_argument(
            f"--{side}-coding",
            choices=["cinecohort", "acdc", "digital_heart"],
            default="cinecohort",
            help=f"what the numbers of the {side} short-axis labels mean (default: 1 LV, 2 MYO, 3 RV)",
        )


def run(arguments: argparse.Namespace) -> int:
    """Compare, write the table, sum up in one line."""
    import pandas as pd
    from tqdm import tqdm

    pairs = file_pairs(arguments.auto, arguments.manual)
    tables, left_out = [], []
    for automatic, manual in tqdm(pairs, "compared", unit=" files", disable=None):
        try:
            tables.append(compare_files(automatic, manual, arguments))
        except UserError as error:
            if len(pairs) == 1:
                raise
            print(f"left out: {error}", file=sys.stderr)
            left_out.append({"name": stem(automatic), "note": f"not compared: {error}"})
    if not tables:
        raise UserError("None of the pairs could be compared; the reasons are above.")
    table = pd.concat(tables, ignore_index=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    whole = pd.concat([table, pd.DataFrame(left_out)], ignore_index=True) if left_out else table
    whole.astype({"frame": "Int64", "n_skipped": "Int64"}).to_csv(arguments.out, index=False)
    undefined = int(table[["dice", "mcd_mm", "hd_mm"]].isna().any(axis=1).sum())
    print(
        f"{arguments.out}: {len(tables)} of {len(pairs)} pairs compared, {len(table)} rows, "
        f"{undefined} with an undefined value, {int(table['n_skipped'].sum())} slices in one map only"
    )
    return 0


def file_pairs(automatic: Path, manual: Path) -> list[tuple[Path, Path]]:
    """Pair two files, or the label maps of the same name in two folders.

    Raises
    ------
    UserError
        If one is a file and the other a folder, one is not there, or no name is in both folders.
    """
    for path in (automatic, manual):
        if not path.exists():
            raise UserError(f"{path}: there is no such file or folder.")
    if automatic.is_dir() != manual.is_dir():
        raise UserError(f"{automatic} and {manual}: give two files or two folders.")
    if not automatic.is_dir():
        return [(automatic, manual)]
    names = [
        sorted(p.name for p in folder.iterdir() if p.name.endswith((".nii", ".nii.gz")))
        for folder in (automatic, manual)
    ]
    common = sorted(set(names[0]) & set(names[1]))
    if not common:
        raise UserError(f"{automatic} and {manual}: no .nii or .nii.gz file has the same name in both.")
    for name in sorted(set(names[0]) ^ set(names[1])):
        print(f"left out: {name} is in one folder only", file=sys.stderr)
    return [(automatic / name, manual / name) for name in common]


def compare_files(automatic: Path, manual: Path, arguments: argparse.Namespace) -> "pd.DataFrame":
    """Overlap of two files, with the name of the first; see :mod:`cinecohort.evaluation.overlap`."""
    from cinecohort.evaluation.overlap import overlap
    from cinecohort.evaluation.subject import known_in_both
    from cinecohort.label_maps import manual_map, segmentation_map

    first = read_coded(automatic, arguments.view, arguments.auto_coding)
    second = read_coded(manual, arguments.view, arguments.manual_coding)
    first, note = on_one_grid(automatic, first, manual, second)
    annotated = None
    if "annotated" in second.sidecar:
        annotated = known_in_both(segmentation_map(first, arguments.view), manual_map(second, arguments.view))
    table = overlap(first, second, arguments.view, annotated, arguments.border, positions=arguments.positions)
    table.insert(0, "name", stem(automatic))
    position = table.pop("position")
    if arguments.positions:
        table["position"] = position
    table["note"] = note
    return table


def stem(path: Path) -> str:
    """Name of a NIfTI file without its suffixes."""
    return path.name.removesuffix(".gz").removesuffix(".nii")


def read_coded(path: Path, view: str, coding: str) -> "Image":
    """Read a label map and bring its numbers to ours.

    Raises
    ------
    UserError
        If it holds a number that the coding does not name, or one between whole numbers.
    """
    import numpy as np

    from cinecohort.catalogue.views import CODINGS, STRUCTURES
    from cinecohort.images import read_image
    from cinecohort.label_maps import ALL_BUT_WHOLE
    from cinecohort.labels import recode

    image = read_image(path)
    numbers = {label: label for label in STRUCTURES[view]} if view != "sa" else CODINGS[coding]
    whole = np.rint(image.data) if image.data.dtype.kind == "f" else image.data
    if not np.allclose(image.data, whole, rtol=0, atol=ALL_BUT_WHOLE):
        raise UserError(f"{path}: holds values between whole numbers, or none; a label map is needed.")
    whole = whole.astype(np.int64)
    if int(whole.min()) < 0:
        raise UserError(f"{path}: holds negative values; a label map is needed.")
    try:
        image.data = recode(whole, numbers)
    except ValueError as fault:
        raise UserError(f"{path}: {fault}; name the coding or the view.") from fault
    return image


TURNED = "turned to the reference's grid, as the affines say"
ON_TRUST = "compared voxel by voxel: an affine does not say where in space its voxels lie"


def on_one_grid(first: Path, a: "Image", second: Path, b: "Image") -> tuple["Image", str]:
    """Bring a label map onto the grid of its reference, with a note where it did not lie so.

    Raises
    ------
    UserError
        If shape, voxel size or place differ so that they cannot be brought together; naming both files.
    """
    import numpy as np

    from cinecohort.grids import brought_onto

    files = f"{first} and {second}"
    if sorted(a.data.shape[:3]) != sorted(b.data.shape[:3]) or a.data.shape[3] != b.data.shape[3]:
        raise UserError(f"{files}: shapes {a.data.shape} and {b.data.shape} differ.")
    if not np.allclose(sorted(a.spacing_mm), sorted(b.spacing_mm), rtol=0.01):
        raise UserError(f"{files}: voxel sizes {a.spacing_mm} and {b.spacing_mm} mm differ.")
    brought = brought_onto(a, b)
    if brought is None:
        raise UserError(f"{files}: lie elsewhere in space by their affines; write both on one grid.")
    note = {"": "", "turned": TURNED}.get(brought.how, ON_TRUST)
    if note:
        print(f"{first}: {note} ({second}).", file=sys.stderr)
    return brought.image, note
