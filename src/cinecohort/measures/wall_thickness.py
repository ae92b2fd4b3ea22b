"""Wall thickness of the left ventricle in the 16 segments of the American Heart Association."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cinecohort.measures.contours import (
    distance_to_polygon,
    largest_component,
    outer_contour,
    resample_evenly,
)
from cinecohort.measures.positions import base_direction, thirds

SEGMENTS = 16


@dataclass(frozen=True)
class SlicePoints:
    """Endocardial points of one slice: position (n, 2) in mm, thickness (n,) in mm, and the LV's centre."""

    points: NDArray[np.float64]
    thickness: NDArray[np.float64]
    centre: NDArray[np.float64]


def slice_thickness(
    lv: NDArray[np.bool_],
    myocardium: NDArray[np.bool_],
    spacing_mm: tuple[float, float],
    smoothing_mm: float = 1.5,
    minimum_area_mm2: float = 30.0,
) -> SlicePoints | None:
    """Wall thickness along the endocardium of one short-axis slice.

    At points every mm along the sub-pixel endocardial contour, the distance to the nearest place on the
    epicardial contour (of LV and myocardium together). Where the myocardium is open and
    the cavity lies on the epicardial contour there is no wall to measure: such points are left out.

    Parameters
    ----------
    lv, myocardium
        Masks (x, y).
    spacing_mm
        Pixel size along x and y.
    smoothing_mm
        See :func:`cinecohort.measures.contours.outer_contour`; the same for both contours.
    minimum_area_mm2
        Less cavity or myocardium than this gives None.
    """
    cavity = largest_component(lv)
    pixel = spacing_mm[0] * spacing_mm[1]
    if min(np.count_nonzero(cavity), np.count_nonzero(myocardium)) * pixel < minimum_area_mm2:
        return None
    whole = largest_component(cavity | myocardium)
    endocardium = outer_contour(cavity & whole, spacing_mm, smoothing_mm)
    epicardium = outer_contour(whole, spacing_mm, smoothing_mm)
    if len(endocardium) < 3 or len(epicardium) < 3:
        return None
    points = resample_evenly(endocardium)
    thickness = distance_to_polygon(points, epicardium)
    walled = thickness > 0.5 * min(spacing_mm)
    if not walled.any():
        return None
    return SlicePoints(points[walled], thickness[walled], points.mean(axis=0))


def septal_direction(
    lv: NDArray[np.bool_],
    myocardium: NDArray[np.bool_],
    rv: NDArray[np.bool_],
    spacing_mm: tuple[float, float],
) -> NDArray[np.float64] | None:
    """Direction (2,) in mm from the LV's centre to the middle of the septum in one slice.

    The septum is the part of the epicardial contour within a pixel and a half of the RV; where the RV
    stays away, within that of its least distance. None without an LV or RV.
    """
    if not lv.any() or not rv.any():
        return None
    epicardium = outer_contour(largest_component(lv | myocardium), spacing_mm)
    rv_contour = outer_contour(largest_component(rv), spacing_mm)
    points = resample_evenly(epicardium)
    away = distance_to_polygon(points, rv_contour)
    septum = points[away <= away.min() + 1.5 * max(spacing_mm)]
    centre = (np.argwhere(lv) * spacing_mm).mean(axis=0)
    rays = (septum - centre) / np.linalg.norm(septum - centre, axis=1, keepdims=True)
    direction = rays.mean(axis=0)
    length = float(np.linalg.norm(direction))
    return direction / length if length > 1e-6 else None


def anterior_direction(
    septal: NDArray[np.float64], base: int, affine: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Direction (2,) in the slice plane from the inferior to the anterior wall.

    It is the cross product of the direction from apex to base and that from the LV to the septum.

    Parameters
    ----------
    septal
        See :func:`septal_direction`.
    base
        +1 if the base is at the last slice, else -1.
    affine
        Of the image; only its handedness is used.
    """
    handed = base * (1 if np.linalg.det(affine[:3, :3]) > 0 else -1)
    return handed * np.array([-septal[1], septal[0]])


def segment_of(angle_deg: NDArray[np.float64], level: int) -> NDArray[np.int64]:
    """AHA segment (1 to 16) at an angle from anterior (0) over septal (+90) to inferior (180).

    Basal 1-6 and mid 7-12: anterior, anteroseptal, inferoseptal, inferior, inferolateral, anterolateral, 60
    degrees each; apical 13-16: anterior, septal, inferior, lateral, 90 degrees each (Cerqueira et al.,
    Circulation 2002;105:539). The anterior segment is centred on 0; intervals are closed below.

    Parameters
    ----------
    angle_deg
        Angles; any multiple of 360 may be added.
    level
        0 basal, 1 mid, 2 apical.
    """
    width, first = (90.0, 13) if level == 2 else (60.0, 1 + 6 * level)
    return first + (np.floor((angle_deg + width / 2) / width).astype(np.int64) % round(360 / width))


def wall_thickness(
    labels: NDArray[np.uint8],
    affine: NDArray[np.float64],
    spacing_mm: tuple[float, float],
    smoothing_mm: float = 1.5,
    minimum_area_mm2: float = 30.0,
) -> dict[str, float]:
    """Mean wall thickness of each AHA segment and of the whole wall, mm.

    Slices with enough cavity and myocardium are counted from the base: the first third (rounded up) is basal,
    the next mid, the rest apical. Segments are distinguished by the angle around each slice's LV centre, from
    the septum in the middle slice of the LV (the nearest with an RV). Segment 17 is not measured.

    Parameters
    ----------
    labels
        Short-axis label map (x, y, z) of one frame: 1 LV, 2 myocardium, 3 RV.
    affine
        Of the image.
    spacing_mm
        Pixel size along x and y.
    smoothing_mm, minimum_area_mm2
        See :func:`slice_thickness`.

    Returns
    -------
    dict
        ``wt_aha_01_mm`` to ``wt_aha_16_mm`` (NaN for a segment without points, all of them without an RV)
        and ``wt_global_mm``, the mean over all endocardial points.
    """
    lv, myocardium, rv = labels == 1, labels == 2, labels == 3
    n_slices = labels.shape[2]
    slices = {}
    for index in np.flatnonzero(lv.any(axis=(0, 1)) & myocardium.any(axis=(0, 1))):
        measured = slice_thickness(
            lv[..., index], myocardium[..., index], spacing_mm, smoothing_mm, minimum_area_mm2
        )
        if measured is not None:
            slices[int(index)] = measured
    base = base_direction(
        np.count_nonzero(lv, axis=(0, 1)).astype(float),
        np.count_nonzero(rv, axis=(0, 1)).astype(float),
        affine,
    )
    septal = _septum_of_heart(lv, myocardium, rv, spacing_mm)
    levels = thirds(np.isin(np.arange(n_slices), list(slices)), base)
    segments: list[list[NDArray[np.float64]]] = [[] for _ in range(SEGMENTS)]
    for slice_index, measured in slices.items():
        if septal is not None:
            anterior = anterior_direction(septal, base, affine)
            offset = measured.points - measured.centre
            angle = np.degrees(np.arctan2(offset @ septal, offset @ anterior))
            of_point = segment_of(angle, int(levels[slice_index]))
            for segment in np.unique(of_point):
                segments[segment - 1].append(measured.thickness[of_point == segment])
    everything = [measured.thickness for measured in slices.values()]
    means = {f"wt_aha_{i:02d}_mm": _mean(parts) for i, parts in enumerate(segments, start=1)}
    return means | {"wt_global_mm": _mean(everything)}


def _septum_of_heart(
    lv: NDArray[np.bool_],
    myocardium: NDArray[np.bool_],
    rv: NDArray[np.bool_],
    spacing_mm: tuple[float, float],
) -> NDArray[np.float64] | None:
    both = np.flatnonzero(lv.any(axis=(0, 1)) & rv.any(axis=(0, 1)))
    if both.size == 0:
        return None
    sizes = np.count_nonzero(lv, axis=(0, 1))
    middle = round(float((sizes * np.arange(sizes.size)).sum() / sizes.sum()))
    index = int(both[np.argmin(np.abs(both - middle))])
    return septal_direction(lv[..., index], myocardium[..., index], rv[..., index], spacing_mm)


def _mean(parts: list[NDArray[np.float64]]) -> float:
    return float(np.concatenate(parts).mean()) if parts else float("nan")
