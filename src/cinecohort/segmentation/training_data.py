"""Labelled slices for training, held in memory on their native grids; splits are by subject."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cinecohort.errors import UserError
from cinecohort.files import read_names
from cinecohort.segmentation.labelled_subjects import read_labelled
from cinecohort.segmentation.participants import draw_participants, participants_of
from cinecohort.segmentation.preprocessing import anti_aliased, intensity_range, neighbouring, unit_intensity
from cinecohort.segmentation.training_options import DataOptions


def find_subjects(options: DataOptions, view: str) -> list[Path]:
    """List the subject folders with an image and this observer's labels of a view, but the held-out ones.

    Raises
    ------
    UserError
        If a folder has none or is named twice, a held-out subject is in no folder, or all are held out.
    """
    if len({folder.resolve() for folder in options.folders}) < len(options.folders):
        raise UserError("data.folders: names a folder twice, so that its subjects would count double.")
    found = [path for folder in options.folders for path in _labelled_in(folder, options.observer, view)]
    names = set(read_names(options.held_out)) if options.held_out else set()
    unknown = names - {path.name for folder in options.folders for path in folder.iterdir()}
    if unknown:
        raise UserError(
            f"{options.held_out}: {', '.join(sorted(unknown))}: no such subject in the folders that are "
            "learnt from; correct the list, so that whom it means is held out."
        )
    person = participants_of(found)
    named = [folder / name for folder in options.folders for name in names if (folder / name).is_dir()]
    held_out = names | set(participants_of(named).values())
    left = [path for path in found if path.name not in names and person[path] not in held_out]
    if not left:
        raise UserError(f"{options.held_out}: holds out every labelled subject; shorten the list.")
    return left


def _labelled_in(folder: Path, observer: str, view: str) -> list[Path]:
    found = [
        path.parent
        for path in sorted(folder.glob(f"*/label_{observer}_{view}.nii.gz"))
        if (path.parent / f"{view}.nii.gz").is_file()
    ]
    if not found:
        raise UserError(
            f"{folder}: no subject with {view}.nii.gz and label_{observer}_{view}.nii.gz; correct "
            "data.folders, observer or view."
        )
    return found


@dataclass(frozen=True)
class Split:
    """Folders of the subjects by the part that they play in a training."""

    training: list[Path]
    validation: list[Path]
    test: list[Path]


def split_subjects(
    folders: Sequence[Path], options: DataOptions, seed: int, known: Collection[str] = ()
) -> Split:
    """Split subjects into training, validation and test, by names or by the seed.

    All visits of a participant are in one part.

    Parameters
    ----------
    folders, options, seed
        Of the subjects, what is asked for, and of the draws.
    known
        Participants or subjects that the weights which the training starts from have seen: none is drawn to
        test.

    Raises
    ------
    UserError
        If a named subject is not among them, or fewer are left to test or to train on than are asked for.
    """
    ordered = sorted(folders, key=lambda folder: folder.name)
    person = participants_of(ordered)

    def drawn(from_: Sequence[Path], count: int, *stream: int) -> list[Path]:
        whose = [person[folder] for folder in from_]
        chosen = draw_participants(whose, count, np.random.default_rng([seed, *stream] if stream else seed))
        return [folder for folder in from_ if person[folder] in chosen]

    wanted = options.validation
    validation = named_for_validation(ordered, person, wanted) if isinstance(wanted, list) else []
    taken = {*known, *(folder.name for folder in validation)}
    new = [folder for folder in ordered if taken.isdisjoint({folder.name, person[folder]})]
    if options.test > len(new):
        seen = ", and those that the weights it starts from have seen" if known else ""
        raise UserError(
            f"data.test: {options.test} subjects are asked for, {len(new)} can be drawn (not those named for "
            f"validation{seen}); ask for fewer."
        )
    test = drawn(new, options.test, 4) if options.test else []
    left = [folder for folder in ordered if folder not in test]
    if not isinstance(wanted, list):
        validation = drawn(left, wanted if isinstance(wanted, int) else round(wanted * len(left)))
    training = [folder for folder in left if folder not in validation]
    if options.training is not None:
        if options.training > len(training):
            raise UserError(
                f"data.training: {options.training} subjects are asked for, {len(training)} are left; "
                "ask for fewer, or give more data."
            )
        training = drawn(training, options.training, 1)
    if not training:
        raise UserError("no subject is left to train on; make data.validation or data.test smaller.")
    return Split(training, validation, test)


def named_for_validation(
    folders: Sequence[Path], person: Mapping[Path, str], names: Sequence[str]
) -> list[Path]:
    """The subjects of these names, with all visits of their participants."""
    unknown = set(names) - {folder.name for folder in folders}
    if unknown:
        raise UserError(
            f"data.validation: {', '.join(sorted(unknown))} not among the labelled subjects that are not "
            "held out; correct the names."
        )
    whose = {person[folder] for folder in folders if folder.name in names}
    return [folder for folder in folders if person[folder] in whose]


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
    without_labels
        Names of the subjects in which nothing was annotated: nothing is learnt from them.
    """

    images: Tensor
    neighbours: Tensor
    labels: Tensor
    annotated: Tensor
    spacing_mm: Tensor
    size_px: Tensor
    heart_px: Tensor
    without_labels: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.labels.shape[0]


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

    @property
    def labelled_slices(self) -> list[int]:
        """Slices in which the observer drew, or looked for, any structure."""
        return [int(index) for index in np.flatnonzero(self.annotated[:, 1:].any(axis=1))]


def load_slices(
    folders: Sequence[Path],
    observer: str,
    view: str,
    neighbours: int = 0,
    spacing_mm: float | None = None,
    structures: Mapping[int, str] | None = None,
) -> LabelledSlices:
    """Read the annotated slices of subjects, with this many neighbours on either side.

    Images with finer pixels than the network's (`spacing_mm`) are blurred for it. Labels are the classes of
    a network that learns these `structures`; see :func:`read_labelled`.

    Raises
    ------
    UserError
        If an image and its labels do not fit (see :func:`read_labelled`), or nothing was annotated in any.
    """
    stacks: deque[LabelledStack] = deque()
    without_labels = []
    for folder in folders:
        of_subject = list(labelled_stacks(folder, observer, view, structures))
        stacks.extend(of_subject)
        if not of_subject:
            without_labels.append(folder.name)
    if not stacks:
        raise UserError(
            f"{folders[0]} and {len(folders) - 1} others: {observer} labelled nothing in {view}; label some "
            "or choose another observer."
        )
    size = (max(stack.images.shape[0] for stack in stacks), max(stack.images.shape[1] for stack in stacks))
    images = np.zeros((sum(stack.images.shape[2] for stack in stacks), *size), dtype=np.float32)
    labels = np.zeros((sum(len(stack.labelled_slices) for stack in stacks), *size), dtype=np.uint8)
    seen: list[list[int]] = []
    annotated, spacing, sizes, centres = [], [], [], []
    first = 0
    while stacks:
        # Each is let go once it is copied: the slices of a large cohort fit into memory once.
        stack = stacks.popleft()
        shape = stack.images.shape
        margin = [(outer - inner) // 2 for outer, inner in zip(size, shape[:2], strict=True)]
        along_x, along_y = (
            slice(start, start + inner) for start, inner in zip(margin, shape[:2], strict=True)
        )
        blurred = anti_aliased(stack.images, stack.spacing_mm, spacing_mm)
        images[first : first + shape[2], along_x, along_y] = blurred.transpose(2, 0, 1)
        for index in stack.labelled_slices:
            labels[len(seen), along_x, along_y] = stack.labels[..., index]
            seen.append([first + place for place in neighbouring(index, shape[2], neighbours)])
            annotated.append(stack.annotated[index])
            spacing.append(stack.spacing_mm)
            sizes.append(shape[:2])
            centres.append(stack.heart_px + margin)
        first += shape[2]
    return LabelledSlices(
        images=torch.from_numpy(images),
        neighbours=torch.tensor(seen),
        labels=torch.from_numpy(labels),
        annotated=torch.from_numpy(np.stack(annotated)),
        spacing_mm=torch.tensor(spacing, dtype=torch.float32),
        size_px=torch.tensor(sizes, dtype=torch.float32),
        heart_px=torch.from_numpy(np.array(centres, dtype=np.float32)),
        without_labels=tuple(without_labels),
    )


def labelled_stacks(
    folder: Path, observer: str, view: str, structures: Mapping[int, str] | None = None
) -> Iterator[LabelledStack]:
    """Yield the frames of a subject in which something was annotated; see :func:`read_labelled`."""
    subject = read_labelled(folder, observer, view, structures)
    data, labels = subject.image.data, subject.labels
    intensity = unit_intensity(data, intensity_range(data))
    marked = np.argwhere(labels > 0)[:, :2]
    middle = (np.array(data.shape[:2]) - 1) / 2
    heart = marked.mean(axis=0) if len(marked) else middle
    for frame in subject.frames:
        yield LabelledStack(
            np.ascontiguousarray(intensity[..., frame]),
            np.ascontiguousarray(labels[..., frame]),
            subject.annotated[frame],
            subject.image.spacing_mm[:2],
            heart,
        )
