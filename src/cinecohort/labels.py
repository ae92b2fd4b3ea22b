"""Label maps of other codings: brought to ours, or found out by the anatomy."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.views import FURTHER_STRUCTURES

_PLUS_IN_PLANE = np.zeros((3, 3, 1), dtype=bool)
_PLUS_IN_PLANE[1, :, 0] = _PLUS_IN_PLANE[:, 1, 0] = True

LEAST_ENCLOSED = 0.5
"""Least share of the LV's border that touches myocardium in the long axis, where the valve is a fifth of it;
what takes the place of both in another coding touches along a valve at most."""


def recode(labels: NDArray[np.integer], coding: Mapping[int, int]) -> NDArray[np.uint8]:
    """Map a label map of another coding onto ours.

    Parameters
    ----------
    labels
        Label map of any shape; 0 is background.
    coding
        Their label number to ours, for instance ``cinecohort.catalogue.views.CODINGS["acdc"]``.

    Returns
    -------
    numpy.ndarray
        The same shape, ``uint8``.

    Raises
    ------
    ValueError
        If the map holds a label that the coding does not name.
    """
    present = {int(value) for value in np.unique(labels)} - {0}
    unknown = sorted(present - set(coding))
    if unknown:
        shown = ", ".join(map(str, unknown[:5])) + (", ..." if len(unknown) > 5 else "")
        raise ValueError(f"label map holds [{shown}], which the coding {dict(coding)} does not name")
    table = np.zeros(max([0, *present, *coding]) + 1, dtype=np.uint8)
    for theirs, ours in coding.items():
        table[theirs] = ours
    return table[labels]


def enclosed_share(labels: NDArray[np.uint8], cavity: int, wall: int = 2) -> float | None:
    """Share of a cavity's in-plane border that touches the wall, over the slices that have both.

    Parameters
    ----------
    labels
        Label map (x, y, z).
    cavity, wall
        Label numbers.

    Returns
    -------
    float or None
        0 to 1; None where no slice has both.
    """
    inside = labels == cavity
    usable = inside.any(axis=(0, 1)) & (labels == wall).any(axis=(0, 1))
    if not usable.any():
        return None
    inside, chosen = inside[:, :, usable], labels[:, :, usable]
    from scipy import ndimage  # slow to import, and few subjects have contours

    border = ndimage.binary_dilation(inside, _PLUS_IN_PLANE) & ~inside
    return float((chosen[border] == wall).mean())


def long_axis_fault(labels: NDArray[np.uint8], view: str) -> str | None:
    """Why a long-axis map cannot be in our coding, or None.

    Others number LV, myocardium and RV first, or the ventricles before the atria: their LV would be our LA.
    Where a map holds more than atria, its myocardium has to enclose its LV.

    Parameters
    ----------
    labels
        Label map (x, y, z, t).
    view
        ``la_2ch`` or ``la_4ch``.
    """
    numbers = {name: label for label, name in FURTHER_STRUCTURES[view].items()}
    shown = [np.isin(labels[..., frame], list(numbers.values())).any() for frame in range(labels.shape[3])]
    if not any(shown):
        return None
    frames = np.flatnonzero(shown)
    shares = [enclosed_share(labels[..., frame], numbers["LV"], numbers["MYO"]) for frame in frames]
    known = [share for share in shares if share is not None]
    usual = float(np.median(known)) if known else 0.0
    if usual >= LEAST_ENCLOSED:
        return None
    coding = ", ".join(f"{label} {name}" for name, label in numbers.items())
    return (
        f"the myocardium encloses {usual:.0%} of the LV's border by the labels of {view} ({coding} beside"
        " the atria); is the label coding right?"
    )
