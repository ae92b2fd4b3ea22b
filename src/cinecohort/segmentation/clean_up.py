"""What is removed from, and filled in, a segmentation after the network; all of it is counted."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cinecohort.segmentation.options import CleanUpOptions

IN_PLANE = np.zeros((3, 3, 3), dtype=bool)
IN_PLANE[:, :, 1] = ndimage.generate_binary_structure(2, 1)

GAP_MM = 10.0
"""What is nearer than this to the heart belongs to it."""

ENCLOSING = {"sa": ((1, 2), (3,)), "la_2ch": ((1,),), "la_4ch": ((1,), (2,))}
"""Labels that enclose holes together: LV and myocardium; each other structure alone."""


def heart_box(labels: NDArray[np.uint8]) -> tuple[slice, slice, slice] | None:
    """Smallest box (x, y, z) around all labels of a frame, one pixel wider in-plane; None where empty."""
    found = ndimage.find_objects((labels > 0).astype(np.uint8))
    if not found:
        return None
    x, y, z = found[0]
    return slice(max(0, x.start - 1), x.stop + 1), slice(max(0, y.start - 1), y.stop + 1), z


def keep_largest(labels: NDArray[np.uint8], label: int) -> int:
    """Remove all but the largest 3D component (26 neighbours) of a label, in place.

    Returns
    -------
    int
        Number of voxels removed.
    """
    components, count = ndimage.label(labels == label, structure=np.ones((3, 3, 3)))
    if count <= 1:
        return 0
    sizes = np.bincount(components.ravel())
    sizes[0] = 0
    largest = int(np.argmax(sizes))
    labels[(components > 0) & (components != largest)] = 0
    return int(sizes.sum() - sizes[largest])


def apart_from_the_heart(labels: NDArray[np.uint8], spacing_mm: tuple[float, float]) -> NDArray[np.bool_]:
    """Find what is labelled apart from the heart: the place that is labelled most over all frames together.

    What is taken for a heart elsewhere in the chest can be larger than the heart in one frame, hardly in all.
    Labels less than :data:`GAP_MM` apart in a slice belong together, such as an RV that a gap parts from the
    septum.

    Parameters
    ----------
    labels
        Label map (x, y, z, t).
    spacing_mm
        In-plane pixel size.

    Returns
    -------
    numpy.ndarray
        (x, y, z), bool: where labels are to be removed in every frame.
    """
    counts = (labels > 0).sum(axis=3)
    if not counts.any():
        return np.zeros(counts.shape, dtype=bool)
    away = ndimage.distance_transform_edt(counts == 0, sampling=(*spacing_mm, 2 * GAP_MM))
    places, count = ndimage.label(away < GAP_MM / 2, structure=np.ones((3, 3, 3)))
    if count <= 1:
        return np.zeros(places.shape, dtype=bool)
    sizes = np.bincount(places.ravel(), weights=counts.ravel())
    return (places > 0) & (places != int(np.argmax(sizes)))


def keep_ventricle(labels: NDArray[np.uint8]) -> int:
    """Remove LV cavity (1) apart from the piece of LV and myocardium with most myocardium (2), in place.

    At end-systole a bright structure that was taken for cavity can be larger than the cavity itself; what
    tells them apart is the wall around it.

    Returns
    -------
    int
        Number of voxels of the cavity that were removed.
    """
    components, count = ndimage.label((labels == 1) | (labels == 2), structure=np.ones((3, 3, 3)))
    if count <= 1:
        return 0
    wall = np.bincount(components[labels == 2], minlength=count + 1)
    if not wall.any():
        return 0
    apart = (labels == 1) & (components != int(np.argmax(wall)))
    labels[apart] = 0
    return int(apart.sum())


def fill_holes(labels: NDArray[np.uint8], enclosing: tuple[int, ...]) -> int:
    """Fill background that labels enclose in a slice with the label of the nearest pixel, in place.

    Returns
    -------
    int
        Number of voxels filled.
    """
    wall = np.isin(labels, enclosing)
    outside, _ = ndimage.label(
        np.pad(~wall, ((1, 1), (1, 1), (0, 0)), constant_values=True), structure=IN_PLANE
    )
    border = np.unique(outside[0])
    holes = ~np.isin(outside, border)[1:-1, 1:-1] & ~wall & (labels == 0)
    if not holes.any():
        return 0
    for index in np.flatnonzero(holes.any(axis=(0, 1))):
        nearest = ndimage.distance_transform_edt(
            ~wall[..., index], return_distances=False, return_indices=True
        )
        hole = holes[..., index]
        labels[..., index][hole] = labels[..., index][tuple(nearest)][hole]
    return int(holes.sum())


def clean_up(
    labels: NDArray[np.uint8],
    view: str,
    structures: Mapping[int, str],
    options: CleanUpOptions,
    spacing_mm: tuple[float, float, float],
) -> dict[str, float]:
    """Clean up a label map (x, y, z, t), with voxels of `spacing_mm`, in place.

    Returns
    -------
    dict
        Structure to the largest volume, in millilitres, that was removed from it in any frame; and
        ``filled`` to the largest volume of holes filled in any frame.
    """
    removed = dict.fromkeys(structures.values(), 0)
    filled = 0
    elsewhere = (
        apart_from_the_heart(labels, spacing_mm[:2]) if options.largest_component and view == "sa" else None
    )
    for frame in range(labels.shape[3]):
        box = heart_box(labels[..., frame])
        if box is None:
            continue
        part = labels[..., frame][box]
        if options.largest_component:
            gone = np.zeros(max(structures) + 1, dtype=np.int64)
            if elsewhere is not None:
                gone += np.bincount(part[elsewhere[box]], minlength=len(gone))
                part[elsewhere[box]] = 0
                gone[1] += keep_ventricle(part)
            for label, name in structures.items():
                gone[label] += keep_largest(part, label)
                removed[name] = max(removed[name], int(gone[label]))
        if options.fill_holes:
            filled = max(filled, sum(fill_holes(part, enclosing) for enclosing in ENCLOSING[view]))
    voxel_volume_ml = float(np.prod(spacing_mm)) / 1000
    volumes = {name: count * voxel_volume_ml for name, count in removed.items()}
    return {
        name: round(volume, 4) for name, volume in {**volumes, "filled": filled * voxel_volume_ml}.items()
    }
