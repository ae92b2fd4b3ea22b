"""One image through one network: native image in, native label map out.

The slices of an image go through the network in batches; the labels of a slice depend on its own pixels,
those of its neighbours where the network sees them, the series' intensity range and the located region only,
never on what shares its batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from cinecohort.images import Image
from cinecohort.segmentation.descriptions import ModelDescription
from cinecohort.segmentation.engines import Network
from cinecohort.segmentation.networks import SIZE_MULTIPLE
from cinecohort.segmentation.preprocessing import (
    WorkingGrid,
    intensity_range,
    neighbouring,
    network_intensity,
    unit_intensity,
)

LOCATING_FRAMES = 2
"""Frames in which the heart is looked for."""

WORTH_LOCATING = 4
"""Segmenting no more frames than this takes less time than locating the heart first."""

MARGIN_MM = 25.0
"""Kept around the located heart: motion between frames, and what the network needs to see."""

Transform = Callable[[Tensor], Tensor]


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
    """

    image: Image
    description: ModelDescription
    network: Network
    batch_size: int

    def __post_init__(self) -> None:
        data = np.asfortranarray(self.image.data)
        size_x, size_y, self.n_slices, self.n_frames = data.shape
        self.slices = data.transpose(3, 2, 1, 0).reshape(-1, size_y, size_x).transpose(0, 2, 1)
        self.limits = intensity_range(data)
        self.grid = WorkingGrid(
            (size_x, size_y), self.image.spacing_mm[:2], self.description.spacing_mm, SIZE_MULTIPLE
        )

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

    def labels(
        self, frames: Sequence[int], transform: tuple[Transform, Transform] | None = None
    ) -> NDArray[np.uint8]:
        """Segment frames.

        Parameters
        ----------
        frames
            Which; the others stay background.
        transform
            A change of the working images (n, slices, x, y) and the one that undoes it on probability maps.

        Returns
        -------
        numpy.ndarray
            Label map (x, y, z, t), uint8, on the native grid. Probabilities are resampled linearly, then
            the most probable class is taken; what lies outside the working grid is background.
        """
        shape = (self.n_frames * self.n_slices, *self.grid.native_shape[::-1])
        labels = np.zeros(shape, dtype=np.uint8)
        window_x, window_y = self.grid.window
        wanted = [frame * self.n_slices + index for frame in frames for index in range(self.n_slices)]
        for start in range(0, len(wanted), self.batch_size):
            indices = wanted[start : start + self.batch_size]
            images = self.working_slices(indices)
            if transform is None:
                structures = self.network(images)[:, 1:]
            else:
                structures = transform[1](self.network(transform[0](images).contiguous())[:, 1:])
            native = self.grid.to_native(structures)
            best = most_probable(native)
            labels[indices, window_y, window_x] = best.transpose(1, 2).numpy()
        volume = labels.reshape(self.n_frames, self.n_slices, *shape[1:])
        return volume.transpose(3, 2, 1, 0)

    def locate(self, frames: Sequence[int]) -> None:
        """Look for the heart in a few of the frames and keep to the region around it from now on.

        Nothing changes where few frames are wanted, where the intensities depend on the whole field of view,
        or where nothing is found.
        """
        if len(frames) <= WORTH_LOCATING or self.description.normalisation != "unit":
            return
        looked_at = [frames[len(frames) * part // (LOCATING_FRAMES + 1)] for part in range(LOCATING_FRAMES)]
        found = np.zeros((*self.grid.full_shape, self.n_slices), dtype=bool)
        for frame in looked_at:
            wanted = list(range(frame * self.n_slices, (frame + 1) * self.n_slices))
            for start in range(0, len(wanted), self.batch_size):
                indices = wanted[start : start + self.batch_size]
                heart = (self.network(self.working_slices(indices))[:, 0] < 0.5).numpy()
                places = [index - wanted[0] for index in indices]
                found[:, :, places] |= heart.transpose(1, 2, 0)
        box = box_around(found, self.grid.working_spacing_mm)
        if box is not None:
            self.grid = WorkingGrid(
                self.grid.native_shape,
                self.grid.native_spacing_mm,
                self.grid.spacing_mm,
                self.grid.multiple,
                box,
            )


def most_probable(structures: Tensor) -> Tensor:
    """Label of the most probable class of each pixel; the first of equal ones.

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


def box_around(found: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> tuple[int, int, int, int] | None:
    """Box (x start, x stop, y start, y stop) around the largest component of a mask (x, y, z), with margins.

    The sides are multiples of :data:`SIZE_MULTIPLE` and the box lies within the mask's grid; None where the
    mask is empty.
    """
    components, count = ndimage.label(found, structure=np.ones((3, 3, 3)))
    if count == 0:
        return None
    largest = 1 + int(np.argmax(np.bincount(components.ravel())[1:]))
    box = []
    for axis, spacing in enumerate(spacing_mm):
        others = tuple(other for other in range(3) if other != axis)
        places = np.flatnonzero((components == largest).any(axis=others))
        margin = round(MARGIN_MM / spacing)
        start, stop = int(places[0]) - margin, int(places[-1]) + 1 + margin
        size = found.shape[axis]
        side = min(size, -(-(stop - start) // SIZE_MULTIPLE) * SIZE_MULTIPLE)
        start = min(max(0, (start + stop - side) // 2), size - side)
        box += [start, start + side]
    return box[0], box[1], box[2], box[3]


def _same(images: Tensor) -> Tensor:
    return images


FLIPS: tuple[tuple[Transform, Transform], ...] = (
    (_same, _same),
    (lambda images: images.flip(-1), lambda maps: maps.flip(-1)),
    (lambda images: images.flip(-2), lambda maps: maps.flip(-2)),
    (lambda images: images.rot90(1, (-2, -1)), lambda maps: maps.rot90(-1, (-2, -1))),
)
"""Test-time transforms, each with its inverse; all of them occur in training."""
