"""Absolute and relative differences of paired measurements."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Denominator = Literal["second", "first", "mean"]


def difference_row(
    first: NDArray[np.float64], second: NDArray[np.float64], denominator: Denominator = "second"
) -> dict[str, float | int | str]:
    """Mean and standard deviation of the absolute and the relative difference (Bai 2018, Tables 5 and 9).

    The absolute difference of a subject is ``|first - second|``, the relative one 100 times that over the
    size of the denominator. Standard deviations have n - 1 in their denominator. The papers do not define
    the denominator; the second-named measurement (manual, or the second observer) is the one that agrees
    with their printed pairs.

    Parameters
    ----------
    first, second
        Finite measurements, shape (n,), in the measure's unit.
    denominator
        What the difference is relative to.

    Returns
    -------
    dict
        ``n, absolute_mean, absolute_sd, relative_mean_pct, relative_sd_pct, n_relative, denominator, note``;
        NaN where undefined, with the reason in ``note``.

    Examples
    --------
    >>> row = difference_row(np.array([102.0, 98.0, 150.0]), np.array([100.0, 100.0, 120.0]))
    >>> print(f"{row['absolute_mean']:.1f} mL, {row['relative_mean_pct']:.1f} %")
    11.3 mL, 9.7 %
    """
    absolute = np.abs(first - second)
    base = {"second": np.abs(second), "first": np.abs(first), "mean": np.abs(first + second) / 2}[denominator]
    defined = base > 0
    relative = 100 * absolute[defined] / base[defined]
    notes = []
    if absolute.size == 0:
        notes.append("no subject has both values")
    elif absolute.size == 1:
        notes.append("one pair: no standard deviation")
    if undefined := int((~defined).sum()):
        notes.append(f"relative difference undefined in {undefined} with a denominator of zero")
    if (first[defined] < 0).any() or (second[defined] < 0).any():
        notes.append("some values are negative: a relative difference says little of them")
    if scale := other_unit(first, second):
        notes.append(f"the first is about {scale:g} times the second: do both have the same unit?")
    return {
        "n": absolute.size,
        "absolute_mean": _mean(absolute),
        "absolute_sd": _sd(absolute),
        "relative_mean_pct": _mean(relative),
        "relative_sd_pct": _sd(relative),
        "n_relative": relative.size,
        "denominator": denominator,
        "note": "; ".join(notes),
    }


def other_unit(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    """Power of ten (at least 10 or at most 0.1) by which two measurements differ throughout, or None.

    Both medians have to differ by the power within 30 %, and all but a twentieth of the pairs within a factor
    of 2: two methods that measure one thing in one unit do not.
    """
    usable = (first > 0) & (second > 0)
    if usable.sum() < max(3, 0.8 * first.size):
        return None
    ratios = first[usable] / second[usable]
    exponent = round(float(np.log10(np.median(ratios))))
    scaled = ratios / 10.0**exponent
    alike = abs(np.median(scaled) - 1) <= 0.3 and np.mean((scaled > 0.5) & (scaled < 2)) >= 0.95
    return 10.0**exponent if exponent and alike else None


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else np.nan


def _sd(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) if values.size > 1 else np.nan
