"""Labelled slices for training, held in memory on their native grids; splits are by subject."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cinecohort.errors import UserError
from cinecohort.images import Image, read_image
from cinecohort.labels import STRUCTURES
from cinecohort.segmentation.preprocessing import intensity_range, neighbouring, unit_intensity
from cinecohort.segmentation.training_options import DataOptions


def find_subjects(options: DataOptions, view: str) -> list[Path]:
    """List the subject folders with an image and this observer's labels of a view, but the held-out ones.

    Raises
    ------
    UserError
        If there are none.
    """
    held_out = set(options.held_out.read_text().split()) if options.held_out else set()
    found = [
        path.parent
        for folder in options.folders
        for path in sorted(folder.glob(f"*/label_{options.observer}_{view}.nii.gz"))
        if (path.parent / f"{view}.nii.gz").is_file() and path.parent.name not in held_out
    ]
    if not found:
        places = ", ".join(str(folder) for folder in options.folders)
        raise UserError(
            f"{places}: no subject with {view}.nii.gz and label_{options.observer}_{view}.nii.gz."
        )
    return found


def split_subjects(folders: Sequence[Path], options: DataOptions, seed: int) -> tuple[list[Path], list[Path]]:
    """Split subjects into training and validation, by names or by the seed."""
    ordered = sorted(folders, key=lambda folder: folder.name)
    if isinstance(options.validation, list):
        names = set(options.validation)
        validation = [folder for folder in ordered if folder.name in names]
    else:
        wanted = options.validation
        count = wanted if isinstance(wanted, int) else round(wanted * len(ordered))
        chosen = np.random.default_rng(seed).permutation(len(ordered))[:count]
        validation = [ordered[index] for index in sorted(chosen)]
    training = [folder for folder in ordered if folder not in validation]
    if options.training is not None:
        chosen = np.random.default_rng([seed, 1]).permutation(len(training))[: options.training]
        training = [training[index] for index in sorted(chosen)]
    if not training:
        raise UserError("no subject is left to train on; make the validation part smaller.")
    return training, validation


def annotated_classes(labels: Image, view: str, frame: int, slice_: int) -> NDArray[np.bool_]:
    """Which classes (background first) were annotated in a slice; all, where the sidecar does not say."""
    structures = STRUCTURES[view]
    annotated = labels.sidecar.get("annotated")
    if annotated is None:
        return np.ones(len(structures) + 1, dtype=bool)
    by_structure = annotated.get(str(frame), {})
    return np.array([True] + [slice_ in by_structure.get(name, []) for name in structures.values()])


@dataclass(frozen=True)
class LabelledSlices:
    """All labelled slices of some subjects.

    Parameters
    ----------
    images
        (images, x, y), float32 in [0, 1], centred in a common size; black around. All slices of the stacks,
        labelled or not.
    neighbours
        (n, 2 neighbours + 1), which images the network sees to segment each labelled slice, in order.
    labels
        (n, x, y), uint8.
    annotated
        (n, classes), bool: what the observer drew in each slice.
    spacing_mm
        (n, 2), native pixel size.
    size_px
        (n, 2), native image size.
    heart_px
        (n, 2), centre of the labelled structures of the stack, in stored pixels.
    """

    images: Tensor
    neighbours: Tensor
    labels: Tensor
    annotated: Tensor
    spacing_mm: Tensor
    size_px: Tensor
    heart_px: Tensor

    def __len__(self) -> int:
        return self.labels.shape[0]


def pad_centred(image: NDArray[np.generic], size: tuple[int, int]) -> NDArray[np.generic]:
    """Put a slice (x, y) into the middle of a larger black one."""
    padded = np.zeros(size, dtype=image.dtype)
    start = [(outer - inner) // 2 for outer, inner in zip(size, image.shape, strict=True)]
    padded[start[0] : start[0] + image.shape[0], start[1] : start[1] + image.shape[1]] = image
    return padded


@dataclass(frozen=True)
class LabelledStack:
    """One frame of a subject.

    Parameters
    ----------
    images
        (x, y, z), float32 in [0, 1].
    labels
        (x, y, z), uint8.
    annotated
        (z, classes), bool: what the observer drew in each slice.
    spacing_mm
        In-plane pixel size.
    heart_px
        (2,), centre of the labelled structures over all frames.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.uint8]
    annotated: NDArray[np.bool_]
    spacing_mm: tuple[float, float]
    heart_px: NDArray[np.float64]


def load_slices(folders: Sequence[Path], observer: str, view: str, neighbours: int = 0) -> LabelledSlices:
    """Read the annotated slices of subjects, with this many neighbours on either side.

    Raises
    ------
    UserError
        If an image and its labels do not fit, or labels are outside the view's coding.
    """
    stacks = [stack for folder in folders for stack in labelled_stacks(folder, observer, view)]
    size = (max(stack.images.shape[0] for stack in stacks), max(stack.images.shape[1] for stack in stacks))
    images: list[NDArray[np.generic]] = []
    seen, labels, annotated, spacing, sizes, centres = [], [], [], [], [], []
    for stack in stacks:
        first, shape = len(images), stack.images.shape
        margin = [(outer - inner) // 2 for outer, inner in zip(size, shape[:2], strict=True)]
        images += [pad_centred(stack.images[..., index], size) for index in range(shape[2])]
        for index in np.flatnonzero(stack.annotated[:, 1:].any(axis=1)):
            seen.append([first + place for place in neighbouring(int(index), shape[2], neighbours)])
            labels.append(pad_centred(stack.labels[..., index], size))
            annotated.append(stack.annotated[index])
            spacing.append(stack.spacing_mm)
            sizes.append(shape[:2])
            centres.append(stack.heart_px + margin)
    return LabelledSlices(
        images=torch.from_numpy(np.stack(images)),
        neighbours=torch.tensor(seen),
        labels=torch.from_numpy(np.stack(labels)),
        annotated=torch.from_numpy(np.stack(annotated)),
        spacing_mm=torch.tensor(spacing, dtype=torch.float32),
        size_px=torch.tensor(sizes, dtype=torch.float32),
        heart_px=torch.from_numpy(np.array(centres, dtype=np.float32)),
    )


def labelled_stacks(folder: Path, observer: str, view: str) -> Iterator[LabelledStack]:
    """Yield the frames of a subject in which something was annotated."""
    image = read_image(folder / f"{view}.nii.gz")
    path = folder / f"label_{observer}_{view}.nii.gz"
    labels = read_image(path)
    if image.data.shape != labels.data.shape:
        raise UserError(f"{path}: is {labels.data.shape}, its image {image.data.shape}; convert it again.")
    highest = max(STRUCTURES[view])
    if labels.data.max() > highest:
        raise UserError(f"{path}: has label {labels.data.max()}, but {view} ends at {highest}; recode it.")
    intensity = unit_intensity(image.data, intensity_range(image.data))
    marked = np.argwhere(labels.data > 0)[:, :2]
    middle = (np.array(image.data.shape[:2]) - 1) / 2
    heart = marked.mean(axis=0) if len(marked) else middle
    for frame in range(image.data.shape[3]):
        slices = range(image.data.shape[2])
        annotated = np.stack([annotated_classes(labels, view, frame, index) for index in slices])
        if annotated[:, 1:].any():
            yield LabelledStack(
                np.ascontiguousarray(intensity[..., frame]),
                labels.data[..., frame].astype(np.uint8),
                annotated,
                image.spacing_mm[:2],
                heart,
            )
