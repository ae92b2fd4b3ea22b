"""Overlap of label files with reference files, made anywhere: folders, other codings, other grids."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from cinecohort.catalogue.views import CODINGS, LABELS
from cinecohort.errors import UserError
from cinecohort.evaluation.options import EvaluationOptions
from cinecohort.evaluation.overlap import overlap
from cinecohort.evaluation.subject import known_in_both
from cinecohort.grids import brought_onto
from cinecohort.images import Image, read_image
from cinecohort.label_maps import ALL_BUT_WHOLE, manual_map, segmentation_map
from cinecohort.labels import recode

TURNED = "turned to the reference's grid, as the affines say"
ON_TRUST = "compared voxel by voxel: an affine does not say where in space its voxels lie"


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


def compare_files(
    automatic: Path,
    manual: Path,
    view: str,
    options: EvaluationOptions,
    codings: tuple[str, str] = ("cinecohort", "cinecohort"),
) -> pd.DataFrame:
    """Overlap of two files, with the name of the first; see :mod:`cinecohort.evaluation.overlap`.

    Parameters
    ----------
    automatic, manual
        The label map and its reference.
    view
        Their view.
    options
        Contours and positions.
    codings
        What the numbers of either short-axis map mean, by name of :data:`cinecohort.catalogue.views.CODINGS`.

    Raises
    ------
    UserError
        See :func:`read_coded` and :func:`on_one_grid`.
    """
    first, second = (
        read_coded(path, view, coding) for path, coding in zip((automatic, manual), codings, strict=True)
    )
    first, note = on_one_grid(automatic, first, manual, second)
    annotated = None
    if "annotated" in second.sidecar:
        annotated = known_in_both(segmentation_map(first, view), manual_map(second, view))
    table = overlap(first, second, view, annotated, options.border, positions=options.positions)
    table.insert(0, "name", stem(automatic))
    position = table.pop("position")
    if options.positions:
        table["position"] = position
    table["note"] = note
    return table


def stem(path: Path) -> str:
    """Name of a NIfTI file without its suffixes."""
    return path.name.removesuffix(".gz").removesuffix(".nii")


def read_coded(path: Path, view: str, coding: str) -> Image:
    """Read a label map and bring its numbers to ours.

    Raises
    ------
    UserError
        If it holds a number that the coding does not name, or one between whole numbers.
    """
    image = read_image(path)
    numbers = {label: label for label in LABELS[view]} if view != "sa" else CODINGS[coding]
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


def on_one_grid(first: Path, a: Image, second: Path, b: Image) -> tuple[Image, str]:
    """Bring a label map onto the grid of its reference, with a note where it did not lie so.

    Raises
    ------
    UserError
        If shape, voxel size or place differ so that they cannot be brought together; naming both files.
    """
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
