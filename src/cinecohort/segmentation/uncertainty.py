"""How far segmentations of the same frame agree, under flips and turns or between the members of an ensemble.

A measure for quality control: hearts that a network is unsure of are those that it gets wrong more often.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinecohort.segmentation.engines import Network
from cinecohort.segmentation.inference import ImageInference
from cinecohort.segmentation.symmetries import AS_IT_IS, Symmetry

COMPARED = (AS_IT_IS, Symmetry(mirrored=True), Symmetry(2, mirrored=True), Symmetry(1))
"""How a frame is segmented again: mirrored along either axis, and turned by a quarter."""


def uncertain_frames(labels: NDArray[np.uint8], frames: Sequence[int], roles: Mapping[str, Any]) -> list[int]:
    """Frames to look at: ED and ES where the source names them, else largest and smallest first label."""
    named = [roles.get("ed"), roles.get("es")]
    if all(frame in frames for frame in named):
        return sorted({int(frame) for frame in named if frame is not None})
    volumes = [int((labels[..., frame] == 1).sum()) for frame in frames]
    return sorted({frames[int(np.argmax(volumes))], frames[int(np.argmin(volumes))]})


def mean_pairwise_dice(masks: Sequence[NDArray[np.bool_]]) -> float | None:
    """Mean Dice overlap over all pairs of masks; None where all are empty."""
    values = []
    for first, second in combinations(masks, 2):
        total = int(first.sum()) + int(second.sum())
        if total:
            values.append(2 * int((first & second).sum()) / total)
    return float(np.mean(values)) if values else None


def flip_agreement(
    inference: ImageInference, frames: Sequence[int], structures: Mapping[int, str]
) -> dict[str, Any]:
    """Segment frames as they are, mirrored along each axis and turned a quarter; see :func:`agreement`."""
    results = [inference.labels(frames, symmetry) for symmetry in COMPARED]
    return agreement(results, frames, structures, "flips and a quarter turn")


def member_agreement(
    inference: ImageInference,
    members: Sequence[Network],
    frames: Sequence[int],
    structures: Mapping[int, str],
) -> dict[str, Any]:
    """Segment frames with each network of an ensemble alone, and compare; see :func:`agreement`."""
    results = [inference.through(network).labels(frames) for network in members]
    return agreement(results, frames, structures, f"{len(results)} members of the ensemble")


def agreement(
    results: Sequence[NDArray[np.uint8]], frames: Sequence[int], structures: Mapping[int, str], method: str
) -> dict[str, Any]:
    """Compare several segmentations (x, y, z, t) of the same frames.

    Returns
    -------
    dict
        ``method``; ``frames``; ``agreement``: structure to the lowest mean pairwise Dice of any frame;
        ``volume_cv``: structure to the largest coefficient of variation of its volume. None where no result
        has any of the structure.
    """
    agreements: dict[str, float | None] = {}
    variation: dict[str, float | None] = {}
    for label, name in structures.items():
        dice, spread = [], []
        for frame in frames:
            masks = [result[..., frame] == label for result in results]
            overlap = mean_pairwise_dice(masks)
            volumes = np.array([mask.sum() for mask in masks], dtype=float)
            if overlap is not None:
                dice.append(overlap)
                spread.append(float(volumes.std(ddof=1) / volumes.mean()))
        agreements[name] = round(min(dice), 4) if dice else None
        variation[name] = round(max(spread), 4) if spread else None
    return {
        "method": method,
        "frames": list(frames),
        "agreement": agreements,
        "volume_cv": variation,
    }
