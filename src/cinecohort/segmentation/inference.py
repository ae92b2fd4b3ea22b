"""One image through one network: native image in, native label map out.

The slices of an image go through the network in batches; the labels of a slice depend on its own pixels,
those of its neighbours where the network sees them, the series' intensity range and the located region only,
never on what shares its batch.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import InitVar, dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cinecohort.images import Image
from cinecohort.segmentation.clean_up import RIVAL, apart_from_the_heart, pieces
from cinecohort.segmentation.descriptions import ModelDescription
from cinecohort.segmentation.engines import Network
from cinecohort.segmentation.networks import SIZE_MULTIPLE
from cinecohort.segmentation.preprocessing import (
    WorkingGrid,
    intensity_range,
    neighbouring,
    network_intensity,
    unit_intensity,
    without_contrast,
)
from cinecohort.segmentation.symmetries import AS_IT_IS, Symmetry

LOCATING_FRAMES = 2
"""Frames in which the heart is looked for, each slice in one of them in turn."""

WORTH_CUTTING = 0.8
"""A region that is a larger part of the image saves nothing."""

CLEARANCE_MM = 5.0
"""A heart that comes nearer than this to the border of its region may have been cut off."""

Box = tuple[int, int, int, int]
"""x start, x stop, y start, y stop on the working grid."""


@dataclass
class ImageInference:
    """An image on its way through a network.

    Parameters
    ----------
    image
        The image; its data may be of any numeric type.
    description
        Which spacing and intensities the network takes.
    network
        From :func:`cinecohort.segmentation.engines.make_network`.
    batch_size
        Slices at once.
    known_limits
        Intensity range of the cine; that of the image where not given.
    """

    image: Image
    description: ModelDescription
    network: Network
    batch_size: int
    known_limits: InitVar[tuple[float, float] | None] = None
    whole_images: str | None = field(default="not asked for", init=False)
    """Why whole images are segmented; None: only the heart's region is."""

    def __post_init__(self, known_limits: tuple[float, float] | None) -> None:
        data = np.asfortranarray(self.image.data)
        size_x, size_y, self.n_slices, self.n_frames = data.shape
        self.slices = data.transpose(3, 2, 1, 0).reshape(-1, size_y, size_x).transpose(0, 2, 1)
        self.label_of_class = np.array([0, *self.description.labels], dtype=np.uint8)
        self.limits = known_limits or intensity_range(data)
        self.blank = without_contrast(data)
        self.grid = WorkingGrid(
            (size_x, size_y), self.image.spacing_mm[:2], self.description.spacing_mm, SIZE_MULTIPLE
        )

    def through(self, network: Network) -> "ImageInference":
        """Return the same image in the same region on its way through another network."""
        other = copy(self)
        other.network = network
        return other

    def working_slices(self, indices: Sequence[int]) -> Tensor:
        """Slices with their neighbours as the network takes them, (n, 2 neighbours + 1, x, y).

        Parameters
        ----------
        indices
            Frame times number of slices plus slice.
        """
        window_x, window_y = self.grid.window
        seen = np.array([self._with_neighbours(index) for index in indices])
        needed, places = np.unique(seen, return_inverse=True)
        native = self.slices[needed][:, window_x, window_y]
        working = self.grid.to_working(torch.from_numpy(unit_intensity(native, self.limits)))
        images = working[torch.from_numpy(places.reshape(seen.shape))]
        return network_intensity(images, self.description.normalisation)

    def _with_neighbours(self, index: int) -> list[int]:
        frame, slice_ = divmod(index, self.n_slices)
        places = neighbouring(slice_, self.n_slices, self.description.neighbours)
        return [frame * self.n_slices + place for place in places]

    def labels(self, frames: Sequence[int], symmetry: Symmetry = AS_IT_IS) -> NDArray[np.uint8]:
        """Segment frames.

        Parameters
        ----------
        frames
            Which; the others stay background.
        symmetry
            How the working images are mirrored and turned for the network.

        Returns
        -------
        numpy.ndarray
            Label map (x, y, z, t), uint8, on the native grid. Probabilities are resampled linearly, then
            the most probable class is taken, under the label that the description gives it; what lies
            outside the working grid is background.
        """
        shape = (self.n_frames * self.n_slices, *self.grid.native_shape[::-1])
        labels = np.zeros(shape, dtype=np.uint8)
        window_x, window_y = self.grid.window
        for indices, probabilities in self.probabilities(frames, symmetry):
            classes = most_probable(probabilities).transpose(1, 2).numpy()
            labels[indices, window_y, window_x] = self.label_of_class[classes]
        volume = labels.reshape(self.n_frames, self.n_slices, *shape[1:])
        return volume.transpose(3, 2, 1, 0)

    def probabilities(
        self, frames: Sequence[int], symmetry: Symmetry = AS_IT_IS
    ) -> Iterator[tuple[list[int], Tensor]]:
        """Probabilities of the structures on the native grid, in the window that is segmented.

        Parameters
        ----------
        frames, symmetry
            As for :meth:`labels`.

        Yields
        ------
        tuple
            Indices (frame times number of slices plus slice) of a batch, in the order of the frames, and
            probabilities (n, structures, x, y); what is missing to 1 is the background's.
        """
        wanted = [frame * self.n_slices + index for frame in frames for index in range(self.n_slices)]
        for start in range(0, len(wanted), self.batch_size):
            indices = wanted[start : start + self.batch_size]
            images = self.working_slices(indices)
            structures = symmetry.undo(self.network(symmetry.apply(images))[:, 1:])
            yield indices, self.grid.to_native(structures)

    def labels_around_heart(self, frames: Sequence[int], margin_mm: float) -> NDArray[np.uint8]:
        """Segment frames in one region around the heart, which is looked for in a few of them first.

        The network learnt from crops around hearts: a region as large shows it what it knows, and takes less
        time from two frames on. Whole images are segmented where the intensities depend on the whole field of
        view, where no heart is found, and where it turns out to come near the region's border:
        :attr:`whole_images` says why. Later calls of :meth:`labels` keep to the region.

        Parameters
        ----------
        frames
            Which; the others stay background.
        margin_mm
            Kept around the heart on each side.

        Returns
        -------
        numpy.ndarray
            As :meth:`labels`; background outside the region.
        """
        box, self.whole_images = self._region(frames, margin_mm)
        if box is None:
            return self.labels(frames)
        self.grid = replace(self.grid, box=box)
        labels = self.labels(frames)
        if self._may_be_cut_off(labels, frames):
            self.grid = replace(self.grid, box=None)
            self.whole_images = "the heart leaves its region or comes near its border"
            return self.labels(frames)
        return labels

    def _region(self, frames: Sequence[int], margin_mm: float) -> tuple[Box | None, str | None]:
        """Box around the heart, or why there is none."""
        if self.description.normalisation != "unit":
            return None, "intensities depend on the whole image"
        box = box_around(*self._found(frames), self.grid.working_spacing_mm, margin_mm)
        if box is None:
            return None, "no heart was found in the first frames"
        x_start, x_stop, y_start, y_stop = box
        if (x_stop - x_start) * (y_stop - y_start) > WORTH_CUTTING * np.prod(self.grid.shape):
            return None, "the region is nearly the whole image"
        return box, None

    def _found(self, frames: Sequence[int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where the network sees any structure, (x, y, n), and which images are blank, (n,).

        The n images that are looked at are all slices, in turn in one frame and another; a single slice in
        both frames.
        """
        looked_at = [frames[len(frames) * part // (LOCATING_FRAMES + 1)] for part in range(LOCATING_FRAMES)]
        slices = range(self.n_slices) if self.n_slices > 1 else [0] * LOCATING_FRAMES
        indices = [
            looked_at[turn % LOCATING_FRAMES] * self.n_slices + place for turn, place in enumerate(slices)
        ]
        hearts = []
        for start in range(0, len(indices), self.batch_size):
            probabilities = self.network(self.working_slices(indices[start : start + self.batch_size]))
            hearts.append((probabilities[:, 0] < 0.5).numpy())
        return np.concatenate(hearts).transpose(1, 2, 0), self.blank.T.ravel()[indices]

    def _may_be_cut_off(self, labels: NDArray[np.uint8], frames: Sequence[int]) -> bool:
        """Whether the heart is absent from its region in any frame, or comes near the region's border.

        Frames that are blank are not asked.
        """
        shown = [frame for frame in frames if not self.blank[:, frame].all()]
        labelled = labels[self.grid.window][..., shown] > 0
        if self._is_well_inside(labelled):
            return False
        spacing = self.grid.native_spacing_mm
        apart = apart_from_the_heart(labelled.astype(np.uint8), spacing, np.all(self.blank, axis=1))
        return not self._is_well_inside(labelled & ~apart[..., None])

    def _is_well_inside(self, heart: NDArray[np.bool_]) -> bool:
        """Whether a mask (x, y, z, t) of the window has something in every frame, away from the border."""
        in_every_frame = bool(heart.max(axis=(0, 1, 2)).all())
        return (
            in_every_frame and self.grid.clearance_mm(heart.max(axis=(2, 3), initial=False)) >= CLEARANCE_MM
        )


def most_probable(structures: Tensor) -> Tensor:
    """The most probable class of each pixel; the first of equal ones.

    Parameters
    ----------
    structures
        Probabilities (n, structures, x, y); what is missing to 1 is the background's.

    Returns
    -------
    torch.Tensor
        (n, x, y), uint8, 0 for the background. As ``argmax``, which is many times slower along an axis that
        is not the last.
    """
    highest = 1 - structures.sum(dim=1)
    labels = torch.zeros(highest.shape, dtype=torch.uint8)
    for label, probability in enumerate(structures.unbind(dim=1), start=1):
        labels.masked_fill_(probability > highest, label)
        torch.maximum(highest, probability, out=highest)
    return labels


def box_around(
    found: NDArray[np.bool_], blank: NDArray[np.bool_], spacing_mm: tuple[float, float], margin_mm: float
) -> Box | None:
    """Box around the largest thing in a mask (x, y, z), and around what may be the heart too, with a margin.

    Slices that are `blank`, (z,), part nothing. The bounds are multiples of :data:`SIZE_MULTIPLE`, so that
    the network halves the same pairs of pixels as in the whole image; or the bounds of the mask's grid. None
    where the mask is empty.
    """
    components, count = pieces(found, blank)
    if count == 0:
        return None
    sizes = np.bincount(components.ravel())[1:]
    heart = np.isin(components, 1 + np.flatnonzero(sizes >= RIVAL * sizes.max()))
    box = []
    for axis, spacing in enumerate(spacing_mm):
        others = tuple(other for other in range(3) if other != axis)
        places = np.flatnonzero(heart.any(axis=others))
        start, stop = places[0] - margin_mm / spacing, places[-1] + 1 + margin_mm / spacing
        box.append(max(0, int(start // SIZE_MULTIPLE) * SIZE_MULTIPLE))
        box.append(min(found.shape[axis], int(-(-stop // SIZE_MULTIPLE)) * SIZE_MULTIPLE))
    return box[0], box[1], box[2], box[3]
