"""How a short-axis segmentation looks beside what hearts look like: numbers, without limits.

None of them needs an image or a person's labels; they are predictors of a failed segmentation.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from cinecohort.quality.short_axis import ShortAxis

FEWEST_SLICES = 4
"""A profile along the stack of fewer slices says nothing about its smoothness."""

FEWEST_PIXELS = 20
"""A smaller region has no shape."""

SECTORS = 12
"""Directions around the LV in which the wall is looked at."""


def roughness(area: NDArray[np.float64]) -> float:
    """Unevenness of a structure's profile along the stack: RMS second difference of its radii over the mean.

    Parameters
    ----------
    area
        Area (z,) of the structure in each slice; its square root goes as the radius. From the first slice
        that has any to the last; an empty slice between counts as zero.

    Returns
    -------
    float
        0 for a cone or a cylinder; NaN with fewer than :data:`FEWEST_SLICES` slices.
    """
    occupied = np.flatnonzero(area)
    if occupied.size == 0 or occupied[-1] - occupied[0] + 1 < FEWEST_SLICES:
        return float("nan")
    radius = np.sqrt(area[occupied[0] : occupied[-1] + 1])
    return float(np.sqrt(np.mean(np.diff(radius, 2) ** 2)) / radius.mean())


def ellipse_share(mask: NDArray[np.bool_]) -> float:
    """Area of a region over that of the ellipse with the same second moments: 1 for an ellipse, else less.

    Parameters
    ----------
    mask
        (x, y), of square pixels; a scaling of an axis changes nothing. NaN under :data:`FEWEST_PIXELS`.
    """
    places = np.argwhere(mask).astype(float)
    if len(places) < FEWEST_PIXELS:
        return float("nan")
    # A pixel is a square with a variance of its own.
    moments = np.cov(places.T, bias=True) + np.eye(2) / 12
    return float(len(places) / (4 * np.pi * np.sqrt(np.linalg.det(moments))))


def wall_unevenness(labels: NDArray[np.uint8], spacing_mm: tuple[float, float]) -> float:
    """Coefficient of variation of the myocardium's area over sectors around the LV's centre.

    Parameters
    ----------
    labels
        Label map (x, y) of a slice. NaN where the LV or the myocardium has no shape.
    spacing_mm
        In-plane pixel size.
    """
    cavity, wall = np.argwhere(labels == 1), np.argwhere(labels == 2)
    if min(len(cavity), len(wall)) < FEWEST_PIXELS:
        return float("nan")
    offset = (wall - cavity.mean(axis=0)) * spacing_mm
    angle = np.arctan2(offset[:, 1], offset[:, 0])
    sector = np.floor((angle + np.pi) / (2 * np.pi) * SECTORS).astype(int) % SECTORS
    pixels = np.bincount(sector, minlength=SECTORS)
    return float(pixels.std() / pixels.mean())


def shape_numbers(heart: ShortAxis) -> dict[str, float]:
    """Numbers of a heart at end-diastole and end-systole; the worse of the two frames where both have one.

    Parameters
    ----------
    heart
        With these two frames alone, end-diastole first.

    Returns
    -------
    dict
        ``lv_roughness``, ``myo_roughness`` (of LV and myocardium together), ``rv_roughness``;
        ``lv_ellipse_gap`` (1 less the mean :func:`ellipse_share`); ``wall_unevenness``; ``mass_change``
        (absolute logarithm of the myocardium's volumes at both frames); ``sv_difference`` (of the
        ventricles, over the mean end-diastolic volume); ``rv_lv_ratio`` (absolute logarithm, at
        end-diastole). NaN where undefined.
    """
    lv, myo, rv = (heart.counts[label].astype(float) for label in (1, 2, 3))
    profiles = {"lv_roughness": lv, "myo_roughness": lv + myo, "rv_roughness": rv}
    numbers = {name: _worst(roughness(column) for column in area.T) for name, area in profiles.items()}
    inside = heart.levels == 1
    ellipse, wall = [], []
    for frame in range(lv.shape[1]):
        slices = [heart.labels[:, :, z, frame] for z in np.flatnonzero(inside[:, frame])]
        ellipse.append(_mean(1.0 - ellipse_share(one == 1) for one in slices))
        wall.append(_mean(wall_unevenness(one, heart.spacing_mm[:2]) for one in slices))
    numbers |= {"lv_ellipse_gap": _worst(ellipse), "wall_unevenness": _worst(wall)}
    (lv_ed, lv_es), (myo_ed, myo_es), (rv_ed, rv_es) = (area.sum(axis=0) for area in (lv, myo, rv))
    mean_edv = (lv_ed + rv_ed) / 2
    difference = abs((lv_ed - lv_es) - (rv_ed - rv_es)) / mean_edv if mean_edv else float("nan")
    return numbers | {
        "mass_change": _log_ratio(myo_es, myo_ed),
        "sv_difference": float(difference),
        "rv_lv_ratio": _log_ratio(rv_ed, lv_ed),
    }


def _log_ratio(first: float, second: float) -> float:
    return float(abs(np.log(first / second))) if first > 0 and second > 0 else float("nan")


def _defined(values: Iterable[float]) -> NDArray[np.float64]:
    numbers = np.array(list(values), dtype=float)
    return np.asarray(numbers[np.isfinite(numbers)])


def _worst(values: Iterable[float]) -> float:
    numbers = _defined(values)
    return float(numbers.max()) if numbers.size else float("nan")


def _mean(values: Iterable[float]) -> float:
    numbers = _defined(values)
    return float(numbers.mean()) if numbers.size else float("nan")
