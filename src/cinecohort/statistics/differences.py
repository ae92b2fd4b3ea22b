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


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else np.nan


def _sd(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) if values.size > 1 else np.nan
