"""Scores of a network on validation subjects: whole images, native grid, no augmentation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from cinecohort.segmentation.descriptions import ModelDescription
from cinecohort.segmentation.inference import ImageInference
from cinecohort.segmentation.labelled_subjects import LabelledSubject, read_labelled
from cinecohort.segmentation.preprocessing import intensity_range


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


@dataclass(frozen=True)
class AnnotatedFrames:
    """A subject to validate on: the frames in which anything was annotated, kept in memory.

    Parameters
    ----------
    subject
        Image and labels of these frames alone.
    limits
        Intensity range of the whole cine.
    """

    subject: LabelledSubject
    limits: tuple[float, float]


def read_annotated(
    folder: Path, observer: str, view: str, structures: Mapping[int, str] | None = None
) -> AnnotatedFrames:
    """Read what a subject is validated by; what cannot be used is reported as :func:`read_labelled` does."""
    whole = read_labelled(folder, observer, view, structures)
    frames = whole.frames
    image = replace(whole.image, data=whole.image.data[..., frames].copy())
    subject = LabelledSubject(image, whole.labels[..., frames].copy(), whole.annotated[frames])
    return AnnotatedFrames(subject, intensity_range(whole.image.data))


def validate(
    network: nn.Module,
    description: ModelDescription,
    subjects: Sequence[AnnotatedFrames],
    low_precision: bool = False,
) -> ValidationScores:
    """Segment the annotated frames of subjects and compare them with the observer's labels.

    Parameters
    ----------
    network, description
        The network and what it takes.
    subjects
        From :func:`read_annotated`.
    low_precision
        Whether the network computes in bf16.

    Returns
    -------
    ValidationScores
        Over annotated slices only; NaN where nothing was annotated.
    """
    device = next(network.parameters()).device

    def probabilities(images: Tensor) -> Tensor:
        with (
            torch.inference_mode(),
            torch.autocast(device.type, dtype=torch.bfloat16, enabled=low_precision),
        ):
            logits = network(images.to(device).contiguous(memory_format=torch.channels_last))
        return logits.float().softmax(dim=1).cpu()

    dice: dict[str, list[float]] = {name: [] for name in description.labels.values()}
    for item in subjects:
        image, labels = item.subject.image, item.subject.labels
        slices = image.data.shape[2]
        inference = ImageInference(image, description, probabilities, slices, item.limits)
        frames = range(image.data.shape[3])
        predicted = inference.labels(frames)
        for frame in frames:
            for class_, (label, name) in enumerate(description.labels.items(), start=1):
                use = item.subject.annotated[frame][:, class_]
                ours = predicted[:, :, use, frame] == label
                truth = labels[:, :, use, frame] == class_
                if truth.any():
                    dice[name].append(2 * float((ours & truth).sum()) / float(ours.sum() + truth.sum()))
    means = {name: float(np.mean(values)) for name, values in dice.items() if values}
    every = np.array([value for values in dice.values() for value in values])
    iou = float(np.mean(every / (2 - every))) if every.size else float("nan")
    return ValidationScores(means, iou)
