"""Volumes of ventricular structures from the areas of their slices."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cinecohort.label_maps import LabelMap


def slice_areas(labels: LabelMap, structure: str) -> NDArray[np.float64]:
    """Area (z, t) of a structure in mm², voxel count times pixel area; NaN where it is not known."""
    dx, dy, _ = labels.image.spacing_mm
    areas = np.count_nonzero(labels.mask(structure), axis=(0, 1)) * (dx * dy)
    return np.where(labels.annotated[structure], areas, np.nan)


def slice_spacing(
    n_slices: int, spacing_mm: float, positions_mm: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Thickness (z,) that each slice stands for, in mm.

    With positions, half the distance to both neighbours, and at the two ends the whole distance to the only
    neighbour; without them, or with one slice, the nominal spacing.

    Examples
    --------
    >>> print(slice_spacing(3, 10.0, [0.0, 10.0, 22.0]))
    [10. 11. 12.]
    """
    positions = None if positions_mm is None else np.asarray(positions_mm, dtype=float)
    if positions is None or positions.size != n_slices or n_slices < 2:
        return np.full(n_slices, float(spacing_mm))
    steps = np.abs(np.diff(positions))
    return (np.concatenate([steps[:1], steps]) + np.concatenate([steps, steps[-1:]])) / 2


def complete_areas(
    areas_mm2: NDArray[np.float64], missing_slices: ArrayLike = (), *, interpolate: bool = False
) -> NDArray[np.float64]:
    """Decide what slices of unknown area mean for a volume.

    A slice that was not annotated lies outside the structure, unless the structure is there on both of its
    sides. A slice that is missing from the image also leaves the volume unknown where the structure
    is in a neighbouring slice, since it may go on there.

    Parameters
    ----------
    areas_mm2
        Areas (z, t) of :func:`slice_areas`; NaN is unknown.
    missing_slices
        Slices that the scanner never sent, counted from 0.
    interpolate
        Fill what is unknown from the neighbours in the stack (beyond its ends: 0) instead.

    Returns
    -------
    numpy.ndarray
        Areas (z, t) without NaN but in frames in which the volume is not known: those are NaN throughout.
    """
    n_slices, n_frames = areas_mm2.shape
    missing = np.isin(np.arange(n_slices), missing_slices)
    areas = np.where(missing[:, None], np.nan, areas_mm2)
    completed = np.full_like(areas, np.nan)
    for frame in range(n_frames):
        column = areas[:, frame]
        known = np.flatnonzero(~np.isnan(column))
        if known.size == 0:
            continue
        filled = np.interp(np.arange(n_slices), known, column[known], left=0.0, right=0.0)
        present = known[column[known] > 0]
        unknown = np.isnan(column)
        if present.size:
            index = np.arange(n_slices)
            inside = unknown & (index > present[0]) & (index < present[-1]) & (filled > 0)
            beside = unknown & missing & np.isin(index, [present[0] - 1, present[-1] + 1])
            if (inside.any() or beside.any()) and not interpolate:
                continue
        completed[:, frame] = filled
    return completed


def volume_curve(
    areas_mm2: NDArray[np.float64],
    spacing_mm: NDArray[np.float64],
    missing_slices: ArrayLike = (),
    *,
    interpolate: bool = False,
) -> NDArray[np.float64]:
    """Volume (t,) in mL: the sum of slice area times slice spacing (Bai 2018, "Evaluation").

    With even spacing that is the voxel count times the voxel volume. NaN in frames that are not known.

    Parameters
    ----------
    areas_mm2
        Areas (z, t); NaN is unknown.
    spacing_mm
        Thickness (z,) of :func:`slice_spacing`.
    missing_slices, interpolate
        See :func:`complete_areas`.

    Examples
    --------
    Three slices, 10 mm apart; in the first of two frames the middle one was not drawn:

    >>> areas = np.array([[100.0, 80.0], [np.nan, 60.0], [100.0, 40.0]])
    >>> print(volume_curve(areas, slice_spacing(3, 10.0)))
    [nan 1.8]
    >>> print(volume_curve(areas, slice_spacing(3, 10.0), interpolate=True))
    [3.  1.8]
    """
    areas = complete_areas(areas_mm2, missing_slices, interpolate=interpolate)
    return (areas * spacing_mm[:, None]).sum(axis=0) / 1000.0
