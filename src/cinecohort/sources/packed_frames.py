"""Cine files whose third axis holds slices and frames in one row: all frames of a slice, then of the next."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cinecohort.grids import slices_along_normal
from cinecohort.images import Image, slice_normal

FEWEST_FRAMES, MOST_FRAMES = 8, 60
"""Frames that a cycle may have."""

DECISIVE = 2.0
"""How many times larger the change from slice to slice is, at least, than the change from the last frame of a
slice to its first: a heart is nearly the same at both ends of its cycle. In four real short-axis stacks it is
4 to 20 times by the right number, at most 2.7 by half of it and 1.0 by others, and 0.8 in a single slice."""

EVERY_PIXEL = 2
"""One pixel in so many along each axis is compared."""


class Packing(NamedTuple):
    """How many slices of how many frames a file holds."""

    slices: int
    frames: int


def stated_packing(planes: int, frames: int) -> Packing | None:
    """Packing of a file whose number of frames is known; None where it does not divide its planes."""
    return Packing(planes // frames, frames) if frames > 0 and planes % frames == 0 else None


def contrast_of_packing(data: NDArray[np.generic], packing: Packing) -> float:
    """How many times more images change from slice to slice than from the end of a cycle to its beginning.

    Parameters
    ----------
    data
        Images (x, y, slices and frames in one row).
    packing
        What is asked about; of one slice there is no such number (NaN).
    """
    if packing.slices < 2:
        return float("nan")
    images = data[::EVERY_PIXEL, ::EVERY_PIXEL].astype(np.float32)
    images = images.reshape(*images.shape[:2], packing.slices, packing.frames)
    first, last = images[..., 0], images[..., -1]
    onwards = float(np.abs(first[..., 1:] - last[..., :-1]).mean())
    around = float(np.abs(first - last).mean())
    return onwards / around if around > 0 else (np.inf if onwards > 0 else 0.0)


def found_packing(data: NDArray[np.generic]) -> Packing | None:
    """Read off images how many slices and frames a file holds.

    Of all numbers of frames that divide the planes, the one is taken by which the images change most from
    slice to slice and least around the cycle. Where none is decisive and one cycle can hold them all, it is
    one slice.

    Parameters
    ----------
    data
        Images (x, y, slices and frames in one row).

    Returns
    -------
    Packing or None
        None where the images do not tell.
    """
    planes = data.shape[2]
    counts = [n for n in range(FEWEST_FRAMES, MOST_FRAMES + 1) if planes % n == 0 and planes > n]
    contrasts = {n: contrast_of_packing(data, Packing(planes // n, n)) for n in counts}
    best = max(contrasts, key=lambda n: contrasts[n], default=0)
    if best and contrasts[best] >= DECISIVE:
        return Packing(planes // best, best)
    return Packing(1, planes) if FEWEST_FRAMES <= planes <= MOST_FRAMES else None


def unpacked(image: Image, packing: Packing, slice_distance_mm: float | None, plane: int | None) -> Image:
    """Tell slices and frames of an image, or of its labels, apart.

    Parameters
    ----------
    image
        (x, y, slices and frames in one row, 1).
    packing
        How many there are.
    slice_distance_mm
        Distance of the slices; None keeps what the file states for its third axis.
    plane
        The only slice that is kept; None keeps all.

    Returns
    -------
    Image
        (x, y, z, t), its slices in the order of their normal; without a frame interval.
    """
    affine = image.affine.copy()
    step = affine[:3, 2]
    if slice_distance_mm is not None:
        direction = np.sign(step @ slice_normal(affine)) or 1.0
        step = direction * slice_normal(affine) * slice_distance_mm
    affine[:3, 2] = step
    data = image.data[..., 0].reshape(*image.data.shape[:2], *packing)
    if plane is not None:
        affine[:3, 3] += plane * step
        data = data[:, :, plane : plane + 1]
    result = Image(data, affine, None, dict(image.sidecar))
    return slices_along_normal(result) if np.linalg.det(affine[:3, :3]) < 0 else result
