"""Where the voxels of two volumes lie in space: on one grid, on one grid in another order, or elsewhere."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cinecohort.images import SAME_PLACE_MM, Image, slice_normal

Affine = NDArray[np.float64]

NEARLY = 0.5
"""Largest distance, in voxels, of a volume that was stored in another order from the grid it was made on."""


class Brought(NamedTuple):
    """A volume in the order of voxels of another.

    Parameters
    ----------
    image
        The volume, on the other's grid.
    how
        Empty where it lay so; ``turned`` where its axes were exchanged or reversed, as the affines say;
        ``voxel by voxel`` where an affine says nothing of the place, so that the order is taken on trust.
    """

    image: Image
    how: str


def same_grid(shape: tuple[int, ...], affine: Affine, other: Image) -> bool:
    """Whether a volume of `shape` (x, y, z, ...) with `affine` lies on the voxels of `other` (0.1 mm)."""
    return shape[:3] == other.data.shape[:3] and bool(np.allclose(affine, other.affine, atol=SAME_PLACE_MM))


def shear_mm(affine: Affine) -> float:
    """How far each slice lies beside the one below, in mm; 0 where the third axis is normal to the slices."""
    normal = slice_normal(affine)
    return float(np.linalg.norm(affine[:3, 2] - (affine[:3, 2] @ normal) * normal))


def slices_along_normal(image: Image) -> Image:
    """Reverse the order of slices, and the affine with it: every voxel keeps its place in space."""
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, 2] * (image.data.shape[2] - 1)
    affine[:3, 2] *= -1
    return Image(image.data[:, :, ::-1], affine, image.frame_interval_s, image.sidecar)


def brought_onto(volume: Image, image: Image) -> Brought | None:
    """Bring a volume to the order of an image's voxels; None where the affines do not allow it.

    Nothing is interpolated: axes are exchanged and reversed, so that each voxel keeps its place in space.

    Parameters
    ----------
    volume
        Label map or image (x, y, z, t).
    image
        The image whose grid is wanted.
    """
    if same_grid(volume.data.shape, volume.affine, image):
        return Brought(volume, "")
    turned = _turned(volume, image)
    if turned is not None:
        return turned
    same_size = volume.data.shape[:3] == image.data.shape[:3]
    close = np.allclose(volume.spacing_mm, image.spacing_mm, rtol=0.01)
    if same_size and close and (says_no_place(volume.affine) or says_no_place(image.affine)):
        return Brought(volume, "voxel by voxel")
    return None


def _turned(volume: Image, image: Image) -> Brought | None:
    """Put the volume's axes in the order of the image's, if that puts it on the image's grid."""
    steps = np.rint(np.linalg.inv(image.affine[:3, :3]) @ volume.affine[:3, :3])
    permutation = np.abs(steps)
    if not (np.all(permutation.sum(axis=0) == 1) and np.all(permutation.sum(axis=1) == 1)):
        return None
    axes = permutation.argmax(axis=1)
    data: NDArray[Any] = volume.data.transpose(*axes, 3)
    index = np.zeros((4, 4))  # From an index in the image's order to one in the volume's.
    index[3, 3] = 1.0
    for axis, own in enumerate(axes):
        index[own, axis] = steps[axis, own]
        if steps[axis, own] < 0:
            index[own, 3] = volume.data.shape[own] - 1
            data = np.flip(data, axis)
    affine = volume.affine @ index
    apart = np.linalg.solve(image.affine[:3, :3], affine[:3, 3] - image.affine[:3, 3])
    on_grid = np.allclose(affine[:3, :3], image.affine[:3, :3], atol=SAME_PLACE_MM)
    if data.shape[:3] != image.data.shape[:3] or not on_grid or np.abs(apart).max() >= NEARLY:
        return None
    turned = Image(data, image.affine.copy(), volume.frame_interval_s, volume.sidecar)
    return Brought(turned, "" if np.array_equal(steps, np.eye(3)) else "turned")


def says_no_place(affine: Affine) -> bool:
    """Whether an affine names no place: its axes are those of the scanner, signs apart.

    Software that knows of no place writes such affines; a heart's short axis never lies so.
    """
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.allclose(np.abs(directions), np.eye(3), atol=1e-3))
