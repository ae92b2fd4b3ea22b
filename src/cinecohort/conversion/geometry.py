"""Planes in space: axes of a slice, affine of a stack, resampling of a slice onto another's grid.

Positions and directions are in DICOM's patient coordinates (LPS, millimetres) unless an affine is meant:
affines map voxel indices (column, row, slice) to RAS, as NIfTI does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Axes:
    """Directions of a slice, orthonormal.

    Parameters
    ----------
    row
        Direction of increasing column index (along a row).
    column
        Direction of increasing row index (along a column).
    normal
        ``row`` x ``column``; slices sorted along it give a positive determinant.
    """

    row: Vector
    column: Vector
    normal: Vector


def slice_axes(orientation: Sequence[float]) -> Axes:
    """Axes from ImageOrientationPatient, made exactly orthonormal (the file holds rounded text).

    Raises
    ------
    ValueError
        If the six numbers are not two directions at right angles (within 0.5 degrees).
    """
    row, column = np.asarray(orientation[:3], float), np.asarray(orientation[3:], float)
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if not np.all(np.isfinite(orientation)) or min(lengths) < 0.9 or max(lengths) > 1.1:
        raise ValueError("ImageOrientationPatient does not hold two unit vectors")
    row, column = row / lengths[0], column / lengths[1]
    if abs(row @ column) > np.sin(np.radians(0.5)):
        raise ValueError("the directions in ImageOrientationPatient are not at right angles")
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    # The rounding error is shared between the two directions instead of being put on one of them.
    middle = (row + column) / np.linalg.norm(row + column)
    across = np.cross(normal, middle)
    return Axes((middle - across) / np.sqrt(2), (middle + across) / np.sqrt(2), normal)


def angle_deg(a: Vector, b: Vector) -> float:
    """Angle between two unit vectors in degrees, 0 to 180."""
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)))


def stack_affine(
    axes: Axes, pixel_spacing: Sequence[float], step_mm: float, corner: Sequence[float] | Vector
) -> NDArray[np.float64]:
    """Affine of a stack, voxel (column, row, slice) to RAS millimetres.

    Parameters
    ----------
    axes
        Of its slices.
    pixel_spacing
        PixelSpacing: distance between rows, then between columns.
    step_mm
        Distance from slice to slice along the normal.
    corner
        ImagePositionPatient of the first slice.

    Examples
    --------
    Axial slices, 8 mm apart, of 2 mm between rows and 1.5 mm between columns:

    >>> print(stack_affine(slice_axes([1, 0, 0, 0, 1, 0]), (2.0, 1.5), 8.0, (10.0, 20.0, 30.0)) + 0.0)
    [[ -1.5   0.    0.  -10. ]
     [  0.   -2.    0.  -20. ]
     [  0.    0.    8.   30. ]
     [  0.    0.    0.    1. ]]
    """
    affine = np.eye(4)
    affine[:3, 0] = axes.row * pixel_spacing[1]
    affine[:3, 1] = axes.column * pixel_spacing[0]
    affine[:3, 2] = axes.normal * step_mm
    affine[:3, 3] = corner
    return LPS_TO_RAS @ affine


def corner_of_slice(affine: NDArray[np.float64], index: int) -> Vector:
    """ImagePositionPatient (LPS, millimetres) that an affine gives the slice `index`."""
    return (LPS_TO_RAS @ affine @ np.array([0.0, 0.0, index, 1.0]))[:3]


def resample_slice(
    frames: NDArray[np.generic],
    axes: Axes,
    from_corner: Vector,
    from_spacing: Sequence[float],
    to_corner: Vector,
    to_spacing: Sequence[float],
    to_shape: tuple[int, int],
) -> NDArray[np.generic]:
    """Resample a slice in its own plane onto another grid, linearly; 0 outside the slice.

    Parameters
    ----------
    frames
        (frames, rows, columns).
    axes
        Of the plane.
    from_corner, from_spacing
        Position and PixelSpacing (rows, columns) of the slice.
    to_corner, to_spacing, to_shape
        The same, and (rows, columns), of the grid.

    Returns
    -------
    numpy.ndarray
        (frames, rows, columns) of the grid, in the type of `frames` (rounded where that is an integer).
    """
    from scipy import ndimage  # slow to import, and few subjects need it

    moved = np.asarray(to_corner) - np.asarray(from_corner)
    scale = np.asarray(to_spacing, float) / np.asarray(from_spacing, float)
    offset = np.array([moved @ axes.column / from_spacing[0], moved @ axes.row / from_spacing[1]])
    # Positions are rounded text: without this, an offset of whole pixels would miss the border's pixels.
    offset = np.round(offset, 4)
    resampled = np.stack(
        [
            ndimage.affine_transform(
                frame.astype(np.float64), scale, offset, output_shape=to_shape, order=1, cval=0.0
            )
            for frame in frames
        ]
    )
    if frames.dtype.kind in "iu":
        resampled = np.rint(resampled)
    return resampled.astype(frames.dtype)
