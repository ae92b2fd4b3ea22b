"""Frames in which the LV is missing in slices that the heart has: their volume is no end-systole."""

import numpy as np
from numpy.typing import NDArray

FEWEST_SHARE = 0.6
"""Least slices of a frame as a share of the fullest frame's. The base descends and the apex closes in
systole; in the labels of 183 hearts (ACDC, M&Ms, Sunnybrook) the share at end-systole is 0.7 or more."""

WHOLE_CYCLE = 8
"""Frames from which a cycle is fine enough to hold a frame against the ones beside it."""

DIP = 2
"""Slices by which a frame falls short of both frames beside it, where slices were lost."""


def frames_with_lost_slices(present: NDArray[np.bool_], known: NDArray[np.bool_]) -> tuple[int, ...]:
    """Frames with a gap in the LV, with far fewer slices than others, or fewer than both frames beside them.

    Parameters
    ----------
    present
        Whether any of the LV is in a slice (z, t).
    known
        Frames (t,) that were segmented or annotated.
    """
    count = present.sum(axis=0)
    above = np.maximum.accumulate(present, axis=0)
    below = np.maximum.accumulate(present[::-1], axis=0)[::-1]
    lost = (above & below & ~present).any(axis=0) | (count < FEWEST_SHARE * count.max(initial=0))
    if known.all() and known.size >= WHOLE_CYCLE:
        lost |= count + DIP <= np.minimum(np.roll(count, 1), np.roll(count, -1))
    return tuple(np.flatnonzero(lost & known & (count > 0)).tolist())
