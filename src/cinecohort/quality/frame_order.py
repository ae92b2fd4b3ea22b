"""I5: frames that are out of step in all slices alike, which no comparison between slices can show.

Over a heart cycle the image changes steadily: over two frames it changes more than from one to the next.
A frame that was disturbed or exchanged is further from both its neighbours than these from each other; where
frames are missing, one step is larger than the steps before and after. In the sound cines of Sunnybrook, ACDC
and Siemens and in phantoms (80 views) the three numbers are at most 1.10, 1.03 and 1.23.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.findings import Finding
from cinecohort.quality.options import ImageQualityOptions
from cinecohort.quality.reports import finding

FloatArray = NDArray[np.float64]

BLOCK_PIXELS = 4
"""Pixels are averaged over blocks of so many squared, which leaves motion and takes most of the noise."""


def check_common_steps(
    data: NDArray[Any], view: str, options: ImageQualityOptions
) -> tuple[list[Finding], dict[str, float | None]]:
    """Find frames that jump, are exchanged or are missing in most slices at once.

    Parameters
    ----------
    data
        Image (x, y, z, t) of one heart cycle.
    view
        The view.
    options
        Limits and actions.
    """
    one, two = step_lengths(data)
    if not len(one):
        return [], {}
    alone, exchanged, gap = frame_alone(one, two), frames_exchanged(one, two), step_beyond(one)
    values: dict[str, float | None] = {
        "frame_alone": round(float(alone.max()), 3),
        "frames_exchanged": round(float(exchanged.max()), 3),
        "frame_gap": round(float(gap.max()), 3),
    }
    jump, hole = options.i5_common_jump, options.i5_common_gap
    found: list[Finding] = []
    for scores, check, words in (
        (alone, jump, "unlike both the one before and the one after"),
        (exchanged, jump, "in the place of the next one"),
        (gap, hole, "further from the one before than others are; frames between them may be missing"),
    ):
        worst = float(scores.max())
        if worst > check.threshold:
            frames = np.flatnonzero(scores > check.threshold)
            message = f"frame {', '.join(map(str, frames))} is, in most slices, {words} ({worst:.1f} times)"
            found += finding(
                Code.I5, check.action, message, view=view, frames=frames, value=worst,
                threshold=check.threshold,
            )  # fmt: skip
            break  # A frame out of place shows in the other numbers too.
    return found, values


def step_lengths(data: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
    """Mean absolute change (z, t) from the frame before, and from the frame before to the frame after.

    Slices that stand still in any frame are left out.
    """
    x, y = (size // BLOCK_PIXELS * BLOCK_PIXELS for size in data.shape[:2])
    if not x or not y:
        return np.empty((0, data.shape[3])), np.empty((0, data.shape[3]))
    blocks = data[:x, :y].reshape(
        x // BLOCK_PIXELS, BLOCK_PIXELS, y // BLOCK_PIXELS, BLOCK_PIXELS, *data.shape[2:]
    )
    smooth = blocks.mean(axis=(1, 3), dtype=np.float32)
    before, after = np.roll(smooth, 1, axis=3), np.roll(smooth, -1, axis=3)
    one = np.abs(smooth - before).mean(axis=(0, 1)).astype(np.float64)
    two = np.abs(after - before).mean(axis=(0, 1)).astype(np.float64)
    moving = (one > 0).all(axis=1) & (two > 0).all(axis=1)
    return one[moving], two[moving]


def frame_alone(one: FloatArray, two: FloatArray) -> FloatArray:
    """Shorter of the steps to and from each frame, over that past it or a usual step (t,); medians of slices.

    Where the heart turns, the frames before and after are alike too, but the steps are short.
    """
    usual = np.median(one, axis=1, keepdims=True)
    shares: FloatArray = np.median(np.minimum(one, np.roll(one, -1, axis=1)) / np.maximum(two, usual), axis=0)
    return shares


def frames_exchanged(one: FloatArray, two: FloatArray) -> FloatArray:
    """Way past each frame and the next as they stand, over that with the two exchanged or a usual one (t,).

    0 where the step that closes the cycle takes part.
    """
    as_they_stand = one + np.roll(one, -2, axis=1)
    the_other_way = two + np.roll(two, -1, axis=1)
    usual = 2.0 * np.median(one, axis=1, keepdims=True)
    shares: FloatArray = np.median(as_they_stand / np.maximum(the_other_way, usual), axis=0)
    shares[[0, -2, -1]] = 0.0
    return shares


def step_beyond(one: FloatArray) -> FloatArray:
    """Step to each frame over the larger of those beside it (t,); 0 for the step that closes the cycle."""
    usual = np.median(one / np.median(one, axis=1, keepdims=True), axis=0)
    beyond: FloatArray = usual / np.maximum(np.roll(usual, 1), np.roll(usual, -1))
    beyond[0] = 0.0
    return beyond
