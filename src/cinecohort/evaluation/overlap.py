"""Dice, mean contour distance and Hausdorff distance of two label maps, by structure, frame and position."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cinecohort.catalogue.views import FURTHER_STRUCTURES, LABELS, STRUCTURES
from cinecohort.evaluation.contours import Border, contour_distances
from cinecohort.images import Image
from cinecohort.ledger.columns import OVERLAP_NUMBERS
from cinecohort.measures.positions import POSITIONS, base_direction, thirds


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Twice the intersection over the sum of both sizes (Bai 2018; Chen 2020 in 3D).

    NaN where both are empty, 0 where one is.

    Examples
    --------
    >>> a, b = np.zeros((10, 10, 1), bool), np.zeros((10, 10, 1), bool)
    >>> a[2:6, 2:6] = True
    >>> b[3:7, 2:6] = True  # the same square, one of its four rows further on
    >>> print(dice(a, b))
    0.75
    """
    size = np.count_nonzero(a) + np.count_nonzero(b)
    return 2.0 * np.count_nonzero(a & b) / size if size else float("nan")


def overlap(
    automatic: Image,
    manual: Image,
    view: str,
    annotated: Mapping[str, NDArray[np.bool_]] | None = None,
    border: Border = "external",
    *,
    positions: bool = True,
) -> pd.DataFrame:
    """Compare two label maps on one grid.

    Dice is 3D; the distances are taken per slice and averaged over the slices in which both maps hold the
    structure (Bai 2018 and its published code). Slices with the structure in one map only are skipped and
    counted.

    Parameters
    ----------
    automatic, manual
        Label maps (x, y, z, t) in the coding of the view. The second is the reference.
    view
        ``sa``, ``la_2ch`` or ``la_4ch``.
    annotated
        Structure to a mask (z, t) of what may be compared; None: every slice of the frames in which
        the reference holds any label (of all frames if there is only one).
    border
        Which contours; see :func:`cinecohort.evaluation.contours.borders`.
    positions
        In the short axis, also a row for the basal, mid and apical third of the reference's LV.

    Returns
    -------
    pandas.DataFrame
        ``frame, structure, position`` and :data:`cinecohort.ledger.columns.OVERLAP_NUMBERS`. ``n_slices``
        slices went into the distances; ``n_skipped`` had the structure in one map only. Undefined is NaN.

    Raises
    ------
    ValueError
        If the maps do not have the same shape.
    """
    if automatic.data.shape != manual.data.shape:
        raise ValueError(f"shapes differ: {automatic.data.shape} and {manual.data.shape}")
    known = reference_coverage(manual, view) if annotated is None else annotated
    rows: list[dict[str, Any]] = []
    for frame in range(manual.data.shape[3]):
        if any(mask[:, frame].any() for mask in known.values()):
            a, b = _cropped(automatic.data[..., frame], manual.data[..., frame])
            at_frame = {name: mask[:, frame] for name, mask in known.items()}
            rows += _frame_rows(a, b, view, frame, manual, at_frame, border, positions)
    return pd.DataFrame(rows, columns=["frame", "structure", "position", *OVERLAP_NUMBERS])


def reference_coverage(manual: Image, view: str) -> dict[str, NDArray[np.bool_]]:
    """What of a reference may be compared when nothing says so: the frames with any label in them.

    In the long axis the ventricles and the myocardium are compared where they are drawn in any frame.
    """
    drawn = manual.data.any(axis=(0, 1, 2)) | (manual.data.shape[3] == 1)
    mask = np.broadcast_to(drawn, manual.data.shape[2:])
    further = FURTHER_STRUCTURES.get(view, {}).items()
    names = [*STRUCTURES[view].values(), *(name for label, name in further if (manual.data == label).any())]
    return dict.fromkeys(names, mask)


def _frame_rows(
    automatic: NDArray[Any],
    reference: NDArray[Any],
    view: str,
    frame: int,
    image: Image,
    annotated: Mapping[str, NDArray[np.bool_]],
    border: Border,
    positions: bool,
) -> list[dict[str, Any]]:
    groups = _groups(reference, view, image, annotated) if positions else {}
    dx, dy, _ = image.spacing_mm
    rows = []
    for label, structure in LABELS[view].items():
        slices = np.flatnonzero(annotated.get(structure, ()))
        if slices.size == 0:
            continue
        a, b = automatic[..., slices] == label, reference[..., slices] == label
        mean, hausdorff = contour_distances(a, b, (dx, dy), border)
        for position, group in {"all": np.ones(image.data.shape[2], dtype=bool), **groups}.items():
            chosen = group[slices]
            numbers = _summary(a[..., chosen], b[..., chosen], mean[chosen], hausdorff[chosen])
            rows.append({"frame": frame, "structure": structure, "position": position, **numbers})
    return rows


def _summary(
    a: NDArray[np.bool_], b: NDArray[np.bool_], mean: NDArray[np.float64], hausdorff: NDArray[np.float64]
) -> dict[str, float | int]:
    compared = ~np.isnan(mean)
    either = a.any(axis=(0, 1)) | b.any(axis=(0, 1))
    some = bool(compared.any())
    return {
        "dice": dice(a, b),
        "mcd_mm": float(mean[compared].mean()) if some else float("nan"),
        "hd_mm": float(hausdorff[compared].mean()) if some else float("nan"),
        "hd_max_mm": float(hausdorff[compared].max()) if some else float("nan"),
        "n_slices": int(compared.sum()),
        "n_skipped": int((either & ~compared).sum()),
    }


def _groups(
    reference: NDArray[Any], view: str, image: Image, annotated: Mapping[str, NDArray[np.bool_]]
) -> dict[str, NDArray[np.bool_]]:
    """Slices of the basal, mid and apical third of the reference's LV; none but in the short axis."""
    if view != "sa":
        return {}
    lv = np.count_nonzero(reference == 1, axis=(0, 1)) * annotated["LV"]
    rv = np.count_nonzero(reference == 3, axis=(0, 1)) * annotated["RV"]
    if not lv.any():
        return {}
    part = thirds(lv > 0, base_direction(lv.astype(float), rv.astype(float), image.affine))
    return {name: part == index for index, name in enumerate(POSITIONS)}


def _cropped(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both maps of a frame within the columns and rows that hold any label; all slices stay."""
    drawn = ((a != 0) | (b != 0)).any(axis=2)
    x, y = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if x.size == 0:
        return a, b
    box = (slice(x[0], x[-1] + 1), slice(y[0], y[-1] + 1))
    return a[box], b[box]
