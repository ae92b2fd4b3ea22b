"""How far segmentations of the same frame agree, under flips and turns or between the members of an ensemble.

A measure for quality control: hearts that a network is unsure of are those that it gets wrong more often.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cinecohort.segmentation.engines import Network
from cinecohort.segmentation.inference import ImageInference, most_probable
from cinecohort.segmentation.symmetries import AS_IT_IS, Symmetry

SURE, POSSIBLE = 0.75, 0.25
"""Probabilities from which a voxel surely, or possibly, belongs to a structure."""

COMPARED = (AS_IT_IS, Symmetry(mirrored=True), Symmetry(2, mirrored=True), Symmetry(1))
"""How a frame is segmented again: mirrored along either axis, and turned by a quarter."""


def uncertain_frames(labels: NDArray[np.uint8], frames: Sequence[int], roles: Mapping[str, Any]) -> list[int]:
    """Frames to look at: ED and ES where the source names them, else largest and smallest first label."""
    named = [roles.get("ed"), roles.get("es")]
    if all(frame in frames for frame in named):
        return sorted({int(frame) for frame in named if frame is not None})
    first = labels[labels > 0].min(initial=np.iinfo(labels.dtype).max)
    volumes = [int((labels[..., frame] == first).sum()) for frame in frames]
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


def network_confidence(
    inference: ImageInference,
    second: NDArray[np.uint8],
    frames: Sequence[int],
    structures: Mapping[int, str],
) -> dict[str, Any]:
    """How sure a network is of frames, and how far a second network agrees.

    Parameters
    ----------
    inference
        The image on its way through the network.
    second
        The second network's segmentation (x, y, z, t) of the same frames.
    frames
        Which frames.
    structures
        Label to structure.

    Returns
    -------
    dict
        ``frames``; by structure, the worse of the frames: ``expected_dice``, the Dice that the network's own
        probabilities lead to expect, 2 S / (V + P) for V voxels of the structure, whose probabilities sum up
        to S, and a sum P over all voxels; ``entropy``, of being the structure or not, in bits, summed over
        all voxels and divided by P; ``second``, the Dice of both networks. None where neither network has
        the structure in a frame. By structure, a number for each frame: ``voxels``, V; ``expected_voxels``,
        P; ``sure_voxels`` and ``possible_voxels``, with probabilities over :data:`SURE` and :data:`POSSIBLE`;
        ``second_voxels``, the second network's; ``area_difference``, the absolute differences of the areas
        that both networks give the structure in a slice, summed over the slices, over V. None where V is 0.
    """
    place = {frame: order for order, frame in enumerate(frames)}
    sums = np.zeros((6, len(structures), len(frames)))
    """S, P, entropy, V, sure and possible voxels of each structure and frame."""
    own, channels = np.zeros_like(second), [label - 1 for label in structures]
    window_x, window_y = inference.grid.window
    for indices, probabilities in inference.probabilities(frames):
        labels = most_probable(probabilities)
        for index, image, probability in zip(indices, labels, probabilities, strict=True):
            frame, slice_ = divmod(index, inference.n_slices)
            own[window_x, window_y, slice_, frame] = image.numpy()
            p = probability[channels].double()
            bits = -(torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p)) / math.log(2)
            masks = image[None] == torch.tensor(list(structures), dtype=image.dtype)[:, None, None]
            values = (p * masks, p, bits, masks, p > SURE, p > POSSIBLE)
            sums[:, :, place[frame]] += torch.stack(
                [value.double().sum(dim=(1, 2)) for value in values]
            ).numpy()
    inside, total, entropy, voxels, sure, possible = sums
    areas = [
        np.array([np.count_nonzero(maps[..., list(frames)] == label, axis=(0, 1)) for label in structures])
        for maps in (own, second)
    ]
    apart = np.abs(areas[0] - areas[1]).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.where(voxels > 0, 2 * inside / (voxels + total), 0.0)
        doubt = np.where(total > 0, entropy / total, np.nan)
        apart = np.where(voxels > 0, apart / voxels, np.nan)
    counted = {"voxels": voxels, "expected_voxels": total, "sure_voxels": sure, "possible_voxels": possible}
    counted["second_voxels"] = areas[1].sum(axis=1)
    agreed = agreement([own, second], frames, structures, "")["agreement"]
    return {
        "frames": list(frames),
        "expected_dice": {
            name: round(float(expected[row].min()), 4) for row, name in enumerate(structures.values())
        },
        "entropy": {
            name: None if np.isnan(doubt[row]).any() else round(float(doubt[row].max()), 4)
            for row, name in enumerate(structures.values())
        },
        "second": agreed,
        **{
            key: {name: numbers[row].round(1).tolist() for row, name in enumerate(structures.values())}
            for key, numbers in counted.items()
        },
        "area_difference": {
            name: [None if np.isnan(value) else round(float(value), 4) for value in apart[row]]
            for row, name in enumerate(structures.values())
        },
    }
