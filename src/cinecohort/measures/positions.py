"""Where in the heart a short-axis slice lies: basal, mid-ventricular, apical."""

import numpy as np
from numpy.typing import NDArray

POSITIONS = ("basal", "mid", "apical")

APEX_TO_BASE = np.array([1.0, -1.0, 1.0]) / np.sqrt(3.0)
"""About where the base lies from the apex in world coordinates: to the right, behind and above."""

ALONG_THE_HEART = 0.8
"""Cosine of the angle to that axis from which on a stack's slices surely run along the heart. Those of real
short axes have 0.96 to 1.00 (Sunnybrook, Siemens), those of an affine without geometry (ACDC) have 0.58."""


def base_direction(
    lv_area: NDArray[np.float64], rv_area: NDArray[np.float64], affine: NDArray[np.float64]
) -> int:
    """Which way the slices run: +1 if the base is at the last slice, -1 if it is at the first.

    The affine says so where its slices run along the axis that hearts have in the body. Elsewhere (an affine
    without geometry, a heart on the right) the heart does: the LV cavity tapers towards the apex, and the RV
    ends before it. Where neither can, the base is the end that lies higher (the rule of ukbb_cardiac).

    Parameters
    ----------
    lv_area, rv_area
        Area (z,) of the cavities; any unit; NaN counts as none.
    affine
        (4, 4), voxel indices to RAS+ world coordinates.
    """
    axis = affine[:3, 2] / np.linalg.norm(affine[:3, 2])
    along = float(axis @ APEX_TO_BASE)
    if abs(along) >= ALONG_THE_HEART:
        return 1 if along > 0 else -1
    taper = _lean(np.nan_to_num(lv_area)) + _lean(np.nan_to_num(rv_area), np.nan_to_num(lv_area))
    if abs(taper) > 1e-6:
        return 1 if taper > 0 else -1
    return 1 if axis[2] >= 0 else -1


def _lean(area: NDArray[np.float64], extent_of: NDArray[np.float64] | None = None) -> float:
    """How far the area's centroid lies from the middle of an extent, as a share of the extent."""
    occupied = np.flatnonzero((area if extent_of is None else extent_of) > 0)
    if occupied.size < 2 or area.sum() == 0:
        return 0.0
    centroid = float((area * np.arange(area.size)).sum() / area.sum())
    return (centroid - (occupied[0] + occupied[-1]) / 2) / occupied.size


def thirds(present: NDArray[np.bool_], direction: int) -> NDArray[np.int8]:
    """Third of the LV that each slice belongs to: 0 basal, 1 mid, 2 apical; -1 outside.

    Slices from the first to the last that hold LV, counted from the base: the first ceil(n / 3) are basal,
    those up to ceil(2 n / 3) mid, the rest apical (ukbb_cardiac).

    Parameters
    ----------
    present
        Slices (z,) that hold LV.
    direction
        See :func:`base_direction`.
    """
    result = np.full(present.size, -1, dtype=np.int8)
    occupied = np.flatnonzero(present)
    if occupied.size == 0:
        return result
    extent = np.arange(occupied[0], occupied[-1] + 1)[:: -1 if direction > 0 else 1]
    n = extent.size
    basal, mid = -(-n // 3), -(-2 * n // 3)
    result[extent[:basal]], result[extent[basal:mid]], result[extent[mid:]] = 0, 1, 2
    return result
