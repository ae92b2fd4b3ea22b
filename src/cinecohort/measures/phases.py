"""Which frames are end-diastole and end-systole."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray


def end_diastole(
    lv_volume_ml: NDArray[np.float64], rule: Literal["max", "first"] = "max", known: int | None = None
) -> int | None:
    """Frame of end-diastole.

    Parameters
    ----------
    lv_volume_ml
        LV cavity volume (t,); NaN in frames that were not segmented.
    rule
        ``max``: the largest volume, the first of equals; ``first``: the first segmented frame
        (ukbb_cardiac's rule, valid for retrospective gating).
    known
        The frame that the source names, which wins.
    """
    if known is not None:
        return int(known)
    measured = np.flatnonzero(np.isfinite(lv_volume_ml))
    if measured.size == 0:
        return None
    return int(measured[0]) if rule == "first" else int(np.nanargmax(lv_volume_ml))


def end_systole(lv_volume_ml: NDArray[np.float64], known: int | None = None) -> int | None:
    """Frame of end-systole: the smallest LV cavity volume, the first of equals, unless the source names it.

    None where fewer than two frames were segmented, since one frame cannot be both.
    """
    if known is not None:
        return int(known)
    if np.count_nonzero(np.isfinite(lv_volume_ml)) < 2:
        return None
    return int(np.nanargmin(lv_volume_ml))


def single_frame(lv_volume_ml: NDArray[np.float64]) -> int | None:
    """The only frame of a cine with an LV volume; None where there are more, or the cine is one frame."""
    measured = np.flatnonzero(np.isfinite(lv_volume_ml))
    return int(measured[0]) if measured.size == 1 and lv_volume_ml.size > 1 else None


def first_frame_deficit_pct(lv_volume_ml: NDArray[np.float64]) -> float:
    """By how much the first frame's LV volume falls short of the largest, in percent; NaN if not known."""
    if np.isnan(lv_volume_ml[0]):
        return float("nan")
    largest = float(np.nanmax(lv_volume_ml))
    return 100.0 * (largest - float(lv_volume_ml[0])) / largest
