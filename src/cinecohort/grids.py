"""Where the voxels of two volumes lie in space: on one grid, on one grid in another order, or elsewhere."""

from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from cinecohort.images import SAME_PLACE_MM, Image, slice_normal

Affine = NDArray[np.float64]

COARSEST_PIXEL_MM = 4.0
"""A voxel that is longer along one axis alone is as long as slices are apart, not as pixels are wide."""

CONTRADICTION_MM = 2.0
"""Distance beyond which sform and qform place a volume differently; what rounding gives is far less."""

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
    return shape[:3] == other.data.shape[:3] and apart_mm(affine, other.affine, shape) <= SAME_PLACE_MM


def apart_mm(affine: Affine, other: Affine, shape: tuple[int, ...]) -> float:
    """How far apart two affines place a corner of a volume of `shape`, in mm.

    Affines are not compared number by number: 0.05 mm in the width of a pixel is 10 mm at the other end.
    """
    return float(np.linalg.norm((affine - other) @ corners(shape), axis=0).max())


def shear_mm(affine: Affine) -> float:
    """How far each slice lies beside the one below, in mm; 0 where the third axis is normal to the slices."""
    normal = slice_normal(affine)
    return float(np.linalg.norm(affine[:3, 2] - (affine[:3, 2] @ normal) * normal))


def slice_axis(image: Image) -> int:
    """Array axis that the slices are stacked on: the third, unless only another is as coarse."""
    coarse = np.flatnonzero(np.array(image.spacing_mm) > COARSEST_PIXEL_MM)
    return int(coarse[0]) if coarse.size == 1 else 2


def slices_last(image: Image) -> Image:
    """Exchange array axes so that the slices are stacked on the third; every voxel keeps its place."""
    slices = slice_axis(image)
    order = [axis for axis in range(3) if axis != slices] + [slices]
    affine = image.affine.copy()
    affine[:3, :3] = image.affine[:3, order]
    return Image(image.data.transpose(*order, 3), affine, image.frame_interval_s, image.sidecar)


def placed_apart_mm(header: nib.Nifti1Header) -> float:
    """How far apart sform and qform place a corner of the volume, in mm; 0 where only one is stated.

    Voxel sizes are those of ``pixdim`` in both, and a shear, which a qform cannot hold, is taken out.
    """
    if not header["sform_code"] or not header["qform_code"]:
        return 0.0
    places = []
    for affine in (header.get_sform(), header.get_qform()):
        unsheared = affine.copy()
        unsheared[:3, 2] = slice_normal(affine)
        unsheared[:3, :3] *= header["pixdim"][1:4] / np.linalg.norm(unsheared[:3, :3], axis=0)
        places.append(unsheared @ corners(header.get_data_shape()))
    return float(np.linalg.norm(places[0] - places[1], axis=0).max())


def corners(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Indices (4, 8) of a volume's corner voxels, with a 1 below each."""
    last = [max(size - 1, 0) for size in (*shape, 1, 1, 1)[:3]]
    places = np.stack(np.meshgrid(*([0, end] for end in last), indexing="ij")).reshape(3, -1)
    return np.concatenate([places, np.ones((1, places.shape[1]))]).astype(float)


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
    apart = np.linalg.solve(image.affine, (affine - image.affine) @ corners(image.data.shape))
    alike = np.allclose(affine[:3, :3], image.affine[:3, :3], atol=SAME_PLACE_MM)
    if data.shape[:3] != image.data.shape[:3] or not alike or np.abs(apart).max() >= NEARLY:
        return None
    turned = Image(data, image.affine.copy(), volume.frame_interval_s, volume.sidecar)
    return Brought(turned, "" if np.array_equal(steps, np.eye(3)) else "turned")


def says_no_place(affine: Affine) -> bool:
    """Whether an affine names no place: its axes are those of the scanner, signs apart.

    Software that knows of no place writes such affines; a heart's short axis never lies so.
    """
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.allclose(np.abs(directions), np.eye(3), atol=1e-3))
