"""When each short-axis slice contracts, beside the others: slices that were triggered at another time.

A slice that is acquired with a mistimed trigger shows a heart like any other, only earlier or later in the
cycle than its neighbours; neither header nor a single frame shows it.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

FEWEST_SLICES = 5
"""Slices that a line through their lags takes to show one that lies off it."""

STEEPEST = 0.03
"""Largest delay from one slice to the next that is taken for the heart's own, as a share of the cycle: the
steepest of the real hearts of ``benchmarks/slice_timing.md``. A steeper line follows mistimed slices."""

LEAST_CHANGE = 0.2
"""Least change of area over the cycle, as a share of the largest, that a slice is judged by. What moves less
(an akinetic apex) has no course to speak of."""

LEAST_SIZE = 0.2
"""Least area that a slice is judged by, as a share of the largest in the stack, each at its largest."""


def slices_out_of_step(areas: Mapping[int, NDArray[np.int64]]) -> FloatArray:
    """How far each slice's cycle lies off that of its neighbours, as a share of the cycle.

    The time of a slice is the phase of the first harmonic of its area's course. That of the LV is held
    against a line along the stack, since hearts with infarcts contract later towards the apex, evenly; that
    of the RV, which fewer slices show well, against the median of its slices. A mistimed trigger moves both
    ventricles alike, a disease of the wall one of them. So where the RV can be judged as well, the smaller
    of the two distances counts, and none where they point to opposite sides.
    The end slices of a ventricle are not judged: the valves and the apex pass through them, and they have
    neighbours on one side only.

    Parameters
    ----------
    areas
        Pixels (z, t) of the LV (1) and the RV (3) in every frame of a whole cycle.

    Returns
    -------
    numpy.ndarray
        (z,): above 0 where a slice shows later moments than its neighbours; NaN where it cannot be judged.
    """
    left, right = _off_the_line(_lags(areas[1])), _off_the_median(_lags(areas[3]))
    both = np.isfinite(left) & np.isfinite(right)
    agreed = np.where(left * right > 0.0, np.sign(left) * np.minimum(np.abs(left), np.abs(right)), 0.0)
    return np.where(both, agreed, left)


def _lags(area: NDArray[np.int64]) -> FloatArray:
    """Share of the cycle (z,) by which the area's course runs ahead of the stack's; NaN where unjudged."""
    most, least = area.max(axis=1), area.min(axis=1)
    lags = np.full(len(area), np.nan)
    if not most.any():
        return lags
    large = most >= LEAST_SIZE * most.max()
    judged = large & (least > 0) & (most - least >= LEAST_CHANGE * most)
    judged[np.flatnonzero(large)[[0, -1]]] = False
    if judged.any():
        harmonic = np.fft.rfft(area[judged], axis=1)[:, 1]
        together = (harmonic / most[judged]).sum()
        lags[judged] = np.angle(harmonic / together) / (2.0 * np.pi)
    return lags


def _off_the_line(lags: FloatArray, rounds: int = 20) -> FloatArray:
    """Distance (z,) from a straight line along the stack, by least absolute distances (reweighted).

    Where that line is steeper than a heart's delays are, from the median line of the steepest slope.
    """
    result = np.full(len(lags), np.nan)
    slices = np.flatnonzero(np.isfinite(lags))
    if slices.size < FEWEST_SLICES:
        return result
    known = lags[slices]
    design = np.stack([np.ones(slices.size), slices - slices.mean()], axis=1)
    weights, line = np.ones(slices.size), np.zeros(2)
    for _ in range(rounds):
        root = np.sqrt(weights)
        line = np.linalg.lstsq(design * root[:, None], known * root, rcond=None)[0]
        weights = 1.0 / np.maximum(np.abs(known - design @ line), 0.005)
    sloping = known - design[:, 1] * np.clip(line[1], -STEEPEST, STEEPEST)
    away = sloping - (line[0] if abs(line[1]) <= STEEPEST else np.median(sloping))
    result[slices] = away - np.round(away)
    return result


def _off_the_median(lags: FloatArray) -> FloatArray:
    """Distance (z,) from the median; NaN throughout with fewer than three slices."""
    known = lags[np.isfinite(lags)]
    return lags - np.median(known) if known.size >= 3 else np.full(len(lags), np.nan)
