"""Robust z scores."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def robust_z(values: ArrayLike) -> NDArray[np.float64]:
    """Distance of each value from the median, in units of 1.4826 times the median absolute deviation.

    NaN values are left out and stay NaN. Where the deviation is 0, so is the score of the values at the
    median and infinite that of the others.
    """
    array = np.asarray(values, dtype=float)
    if not np.isfinite(array).any():
        return np.full_like(array, np.nan)
    offset = array - np.nanmedian(array)
    scale = 1.4826 * np.nanmedian(np.abs(offset))
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = offset / scale
    return np.where(offset == 0, 0.0, scores)
