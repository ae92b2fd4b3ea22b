"""Mirrored and turned images: the heart may lie anyhow in a slice, and the network should not care."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from cinecohort.segmentation.engines import Network
from cinecohort.segmentation.options import TestTimeAugmentation


class Change(Protocol):
    """A change of images that can be taken back from the maps that a network makes of them."""

    def apply(self, images: Tensor) -> Tensor:
        """Change images (n, slices, x, y)."""
        ...

    def undo(self, maps: Tensor) -> Tensor:
        """Bring maps (n, classes, x, y) of changed images back to the place of the images."""
        ...


@dataclass(frozen=True)
class Symmetry:
    """A symmetry of the pixel grid: quarter turns of an image, mirrored first or not."""

    quarter_turns: int = 0
    mirrored: bool = False

    def apply(self, images: Tensor) -> Tensor:
        """Change images (n, slices, x, y)."""
        mirrored = images.flip(-1) if self.mirrored else images
        # A turn by nothing would be a copy.
        turned = mirrored.rot90(self.quarter_turns, (-2, -1)) if self.quarter_turns else mirrored
        return turned.contiguous()

    def undo(self, maps: Tensor) -> Tensor:
        """Bring maps (n, classes, x, y) of changed images back to the place of the images."""
        turned = maps.rot90(-self.quarter_turns, (-2, -1)) if self.quarter_turns else maps
        return turned.flip(-1) if self.mirrored else turned


AS_IT_IS = Symmetry()

FLIPS = (AS_IT_IS, Symmetry(mirrored=True), Symmetry(2), Symmetry(2, mirrored=True))
"""As it is, mirrored along either axis and along both."""

FLIPS_AND_TURNS = (*FLIPS, Symmetry(1), Symmetry(3), Symmetry(1, mirrored=True), Symmetry(3, mirrored=True))
"""All symmetries of the pixel grid; all of them occur in training."""


@dataclass(frozen=True)
class Rotation:
    """A turn by some degrees about the middle; linear interpolation, the border goes on outside."""

    degrees: float

    def apply(self, images: Tensor) -> Tensor:
        """Turn images (n, slices, x, y)."""
        return turned(images, self.degrees)

    def undo(self, maps: Tensor) -> Tensor:
        """Turn maps (n, classes, x, y) back."""
        return turned(maps, -self.degrees)


def turned(images: Tensor, degrees: float) -> Tensor:
    """Turn images (n, channels, x, y) of square pixels, from the first axis towards the second."""
    size_x, size_y = images.shape[-2:]
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    # Coordinates run from -1 to 1 along each axis, the last axis first.
    rows = [[cosine, -sine * size_x / size_y, 0.0], [sine * size_y / size_x, cosine, 0.0]]
    matrix = torch.tensor([rows]).expand(len(images), 2, 3)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


ROTATIONS = (AS_IT_IS, Rotation(15.0), Rotation(-15.0))

AVERAGED: dict[TestTimeAugmentation, tuple[Change, ...]] = {
    "none": (AS_IT_IS,),
    "rotations": ROTATIONS,
    "flips": FLIPS,
    "flips_and_turns": FLIPS_AND_TURNS,
}
"""Option to the changes over which probabilities are averaged."""


def averaged(network: Network, changes: Sequence[Change]) -> Network:
    """Average a network's probabilities over changed images (test-time augmentation).

    The images of a batch are changed together, one change after the other, so that memory does not grow.
    """
    if list(changes) == [AS_IT_IS]:
        return network

    def probabilities(images: Tensor) -> Tensor:
        total = torch.zeros(())
        for change in changes:
            total = total + change.undo(network(change.apply(images)))
        return total / len(changes)

    return probabilities
