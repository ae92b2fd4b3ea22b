"""The pass rules of ukbb_cardiac, as reasons: why a label map fails, or None.

Limits are in pixels, as there.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cinecohort.measures.contours import EIGHT_NEIGHBOURS, largest_component

MINIMUM_SLICES = 6


def short_axis_reason(labels: NDArray[np.uint8], minimum: int = 10) -> str | None:
    """Rule ``sa_pass_quality_control``, asked before wall thickness and strain.

    Each of LV, myocardium and RV has `minimum` voxels; at least six slices have `minimum` pixels of LV and
    of myocardium, without a gap; in the middle one of them the largest components of LV with myocardium and
    of the RV have `minimum` pixels.

    Parameters
    ----------
    labels
        Short-axis map (x, y, z) of one frame.
    minimum
        Fewest pixels.
    """
    counts = {label: np.count_nonzero(labels == label, axis=(0, 1)) for label in (1, 2, 3)}
    for label, name in ((1, "LV"), (2, "myocardium"), (3, "RV")):
        if counts[label].sum() < minimum:
            return f"{name} has {counts[label].sum()} voxels"
    slices = np.flatnonzero((counts[1] >= minimum) & (counts[2] >= minimum))
    if slices.size < MINIMUM_SLICES:
        return f"{slices.size} slices have LV and myocardium"
    if slices[-1] - slices[0] + 1 != slices.size:
        return "there is a gap between the slices with LV and myocardium"
    middle = labels[..., slices[slices.size // 2]]
    for mask, name in (((middle == 1) | (middle == 2), "LV with myocardium"), (middle == 3, "RV")):
        size = np.count_nonzero(largest_component(mask))
        if size < minimum:
            return f"{name} has {size} pixels in the middle slice"
    return None


def long_axis_failure(
    labels: NDArray[np.uint8], expected: dict[int, str], minimum: int = 10
) -> tuple[str, str] | None:
    """Rule ``la_pass_quality_control`` for the structures that a view has: each has `minimum` pixels.

    Returns the first structure that fails, and the reason.

    Parameters
    ----------
    labels
        Long-axis map (x, y) of one frame.
    expected
        Label to structure.
    minimum
        Fewest pixels, also of the largest component.
    """
    for label, name in expected.items():
        size = np.count_nonzero(largest_component(labels == label))
        if size < minimum:
            return name, f"{name} has {size} pixels in one piece"
    return None


def atrium_reason(masks: NDArray[np.bool_], ratio: float = 2.0, minimum: int = 10) -> str | None:
    """Rule ``atrium_pass_quality_control``, asked before atrial volumes.

    The area is never 0; no frame has two components (8-neighbours) of more than `minimum` pixels; the areas
    of neighbouring frames, the last and the first too, differ by less than `ratio` times.

    Parameters
    ----------
    masks
        Atrium (x, y, t).
    ratio, minimum
        Limits.
    """
    area = np.count_nonzero(masks, axis=(0, 1))
    if (area == 0).any():
        return f"area is 0 in {np.count_nonzero(area == 0)} frames"
    for frame in range(masks.shape[2]):
        components = ndimage.label(masks[..., frame], EIGHT_NEIGHBOURS)[0]
        if np.count_nonzero(np.bincount(components.ravel())[1:] > minimum) > 1:
            return f"frame {frame} has more than one component"
    change = area / np.roll(area, 1)
    if np.any((change <= 1 / ratio) | (change >= ratio)):
        return f"area changes {max(change.max(), 1 / change.min()):.1f} times from one frame to the next"
    return None
