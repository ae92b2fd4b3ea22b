"""Contrast of blood and myocardium in an image, under the labels of a segmentation."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FEWEST_PIXELS = 30
"""A slice with fewer pixels of LV, of myocardium or between two contours is not looked at."""


def contrast(image: NDArray[Any], labels: NDArray[np.uint8]) -> float:
    """Median of the LV less that of the myocardium, over their sum: the median of the slices' values.

    Taken in each slice, and of nothing but the heart, since fat beside a coil is many times as bright as
    blood, and the coil's sensitivity falls from the apex to the base: both say nothing of how well a reader
    tells the cavity from the wall. NaN where no slice has :data:`FEWEST_PIXELS` of both.

    Parameters
    ----------
    image, labels
        Intensities and label map (x, y, z).
    """
    # The signal of air, which is nothing, is not always stored as 0.
    nothing = float(np.percentile(image, 1))
    values = []
    for z in range(labels.shape[2]):
        blood, muscle = (value - nothing for value in _medians(image[..., z], labels[..., z]))
        if blood + muscle > 0:  # Not so, either, where one is NaN.
            values.append((blood - muscle) / (blood + muscle))
    return float(np.median(values)) if values else float("nan")


def contrast_of_range(image: NDArray[Any], labels: NDArray[np.uint8]) -> float:
    """Median of the LV less that of the myocardium, over the 1st to 99th percentile of the image.

    A predictor of failures, beside :func:`contrast`: it is low, too, where something near is very bright. NaN
    where either is empty or the image is flat.

    Parameters
    ----------
    image, labels
        Intensities and label map (x, y, z).
    """
    lv, myocardium = image[labels == 1], image[labels == 2]
    low, high = np.percentile(image, (1, 99))
    if lv.size == 0 or myocardium.size == 0 or high <= low:
        return float("nan")
    return float((np.median(lv) - np.median(myocardium)) / (high - low))


def moving_wall(image: NDArray[Any], labels: NDArray[np.uint8]) -> float:
    """How far pixels darken that are cavity at end-diastole and wall at end-systole, over the contrast.

    About 1 where the contours move with the heart. Where frames are mixed (mistriggering), or contours move
    and the heart does not, such pixels hardly change. Median of the slices' medians, each over the difference
    of LV and myocardium at end-diastole in that slice; NaN where no slice has :data:`FEWEST_PIXELS` of them.

    Parameters
    ----------
    image, labels
        Intensities and label map (x, y, z, 2), end-diastole first.
    """
    values = []
    for z in range(labels.shape[2]):
        early, late = labels[:, :, z, 0], labels[:, :, z, 1]
        passed = (early == 1) & (late == 2)
        blood, muscle = _medians(image[:, :, z, 0], early)
        if np.count_nonzero(passed) >= FEWEST_PIXELS and blood > muscle:
            change = image[:, :, z, 0][passed].astype(float) - image[:, :, z, 1][passed]
            values.append(float(np.median(change)) / (blood - muscle))
    return float(np.median(values)) if values else float("nan")


def frame_difference(image: NDArray[Any], labels: NDArray[np.uint8]) -> float:
    """How much the image changes from end-diastole to end-systole around the heart.

    Mean absolute difference of the two frames over the standard deviation of the first, in the box around
    all labels: of a heart that beats, and of little else. NaN without labels, and in a flat image.

    Parameters
    ----------
    image, labels
        Intensities and label map (x, y, z, 2), end-diastole first.
    """
    drawn = np.asarray(labels.any(axis=(2, 3)))
    x, y = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if not x.size:
        return float("nan")
    box = image[x[0] : x[-1] + 1, y[0] : y[-1] + 1].astype(float)
    spread = float(box[..., 0].std())
    return float(np.abs(box[..., 0] - box[..., 1]).mean() / spread) if spread > 0 else float("nan")


def _medians(image: NDArray[Any], labels: NDArray[np.uint8]) -> tuple[float, float]:
    """Median signals of LV and myocardium in a slice (x, y); NaN where there is little of either."""
    lv, myocardium = image[labels == 1], image[labels == 2]
    if min(lv.size, myocardium.size) < FEWEST_PIXELS:
        return float("nan"), float("nan")
    return float(np.median(lv)), float(np.median(myocardium))


def rounded(value: float) -> float | None:
    """A number as tables have it; None for NaN."""
    return None if np.isnan(value) else round(float(value), 5)
