"""Mirrored and turned images: the heart may lie anyhow in a slice, and the network should not care."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cinecohort.segmentation.engines import Network
from cinecohort.segmentation.options import TestTimeAugmentation


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

AVERAGED: dict[TestTimeAugmentation, tuple[Symmetry, ...]] = {
    "none": (AS_IT_IS,),
    "flips": FLIPS,
    "flips_and_turns": FLIPS_AND_TURNS,
}
"""Option to the symmetries over which probabilities are averaged."""


def averaged(network: Network, symmetries: Sequence[Symmetry]) -> Network:
    """Average a network's probabilities over changed images (test-time augmentation).

    The images of a batch are changed together, one symmetry after the other, so that memory does not grow.
    """
    if list(symmetries) == [AS_IT_IS]:
        return network

    def probabilities(images: Tensor) -> Tensor:
        total = torch.zeros(())
        for symmetry in symmetries:
            total = total + symmetry.undo(network(symmetry.apply(images)))
        return total / len(symmetries)

    return probabilities
