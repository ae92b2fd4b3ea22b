"""Scores of a network on validation subjects: whole images, native grid, no augmentation."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cinecohort.labels import STRUCTURES
from cinecohort.segmentation.descriptions import ModelDescription
from cinecohort.segmentation.labelled_subjects import read_labelled
from cinecohort.segmentation.networks import SIZE_MULTIPLE
from cinecohort.segmentation.preprocessing import (
    WorkingGrid,
    intensity_range,
    neighbouring,
    network_intensity,
    unit_intensity,
)


@dataclass(frozen=True)
class ValidationScores:
    """Mean 3D Dice by structure over subjects and frames, and mean intersection over union."""

    dice: dict[str, float]
    mean_iou: float

    @property
    def mean_dice(self) -> float:
        """Mean over structures."""
        return float(np.mean(list(self.dice.values()))) if self.dice else float("nan")

    def sentence(self) -> str:
        """For people."""
        scores = ", ".join(f"{name} {value:.3f}" for name, value in self.dice.items())
        return f"Dice {scores}" if scores else "nothing to validate"


def validate(
    network: nn.Module,
    description: ModelDescription,
    folders: Sequence[Path],
    observer: str,
    low_precision: bool = False,
) -> ValidationScores:
    """Segment the annotated frames of subjects and compare them with the observer's labels.

    Parameters
    ----------
    network, description
        The network and what it takes.
    folders, observer
        Subjects' folders and whose labels.
    low_precision
        Whether the network computes in bf16.

    Returns
    -------
    ValidationScores
        Over annotated slices only; NaN where nothing was annotated.
    """
    device = next(network.parameters()).device
    view = description.view
    dice: dict[str, list[float]] = {name: [] for name in STRUCTURES[view].values()}
    for folder in folders:
        subject = read_labelled(folder, observer, view)
        image, labels = subject.image, subject.labels
        grid = WorkingGrid(image.data.shape[:2], image.spacing_mm[:2], description.spacing_mm, SIZE_MULTIPLE)
        intensity = unit_intensity(image.data, intensity_range(image.data))
        for frame in subject.frames:
            annotated = subject.annotated[frame]
            stack = torch.from_numpy(np.ascontiguousarray(intensity[..., frame].transpose(2, 0, 1)))
            count = len(stack)
            seen = torch.tensor(
                [neighbouring(index, count, description.neighbours) for index in range(count)]
            )
            slices = network_intensity(grid.to_working(stack)[seen], description.normalisation)
            with (
                torch.inference_mode(),
                torch.autocast(device.type, dtype=torch.bfloat16, enabled=low_precision),
            ):
                logits = network(slices.to(device).contiguous(memory_format=torch.channels_last))
            probabilities = logits.float().softmax(dim=1).cpu()
            predicted = grid.to_native(probabilities).argmax(dim=1).numpy().transpose(1, 2, 0)
            for label, name in STRUCTURES[view].items():
                use = annotated[:, label]
                ours = predicted[:, :, use] == label
                truth = labels[:, :, use, frame] == label
                if truth.any():
                    dice[name].append(2 * float((ours & truth).sum()) / float(ours.sum() + truth.sum()))
    means = {name: float(np.mean(values)) for name, values in dice.items() if values}
    every = np.array([value for values in dice.values() for value in values])
    iou = float(np.mean(every / (2 - every))) if every.size else float("nan")
    return ValidationScores(means, iou)
