"""What is removed from, and filled in, a segmentation after the network; all of it is counted."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cinecohort.images import Image
from cinecohort.masks import IN_PLANE
from cinecohort.segmentation.options import CleanUpOptions
from cinecohort.segmentation.preprocessing import without_contrast

EVERY_NEIGHBOUR = np.ones((3, 3, 3), dtype=bool)

GAP_MM = 10.0
"""What is nearer than this to the heart belongs to it."""

RIVAL = 0.25
"""What has this part of the largest piece's size may be the heart as well."""


def enclosing(structures: Mapping[int, str]) -> tuple[tuple[int, ...], ...]:
    """Labels that belong together, as around a hole: LV and myocardium; each other structure alone."""
    wall = tuple(label for label, name in structures.items() if name in ("LV", "MYO"))
    others = tuple((label,) for label, name in structures.items() if name not in ("LV", "MYO"))
    return (wall, *others) if wall else others


def heart_box(labels: NDArray[np.uint8]) -> tuple[slice, slice, slice] | None:
    """Smallest box (x, y, z) around all labels of a frame, one pixel wider in-plane; None where empty."""
    found = ndimage.find_objects((labels > 0).astype(np.uint8))
    if not found:
        return None
    x, y, z = found[0]
    return slice(max(0, x.start - 1), x.stop + 1), slice(max(0, y.start - 1), y.stop + 1), z


class Heart(NamedTuple):
    """What is labelled in a frame."""

    frame: int
    slices: slice
    labels: NDArray[np.uint8]
    """(x, y, z), a view of the frame's :func:`heart_box`."""


def hearts(labels: NDArray[np.uint8]) -> list[Heart]:
    """Return the heart of each frame that has labels."""
    boxes = [(frame, heart_box(labels[..., frame])) for frame in range(labels.shape[3])]
    return [Heart(frame, box[2], labels[..., frame][box]) for frame, box in boxes if box is not None]


def components_of(mask: NDArray[np.bool_], structure: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Number the components of a mask (x, y, z), whose neighbours a structure tells.

    SciPy goes along the last axis, which has to be the longest and contiguous to take half the time.
    """
    components = np.zeros(mask.shape[::-1], dtype=np.int32)
    count = ndimage.label(np.ascontiguousarray(mask.T), structure=structure.T, output=components)
    return components.T, int(count)


def pieces(mask: NDArray[np.bool_], passable: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Number the 3D components (26 neighbours) of a mask.

    Parameters
    ----------
    mask
        (x, y, z).
    passable
        (z,), slices that are no border where the mask is empty: what lies above one and what lies below it
        touch as if it was not there.

    Returns
    -------
    components, count
        (x, y, z), numbers from 1, 0 outside the mask; and how many there are.
    """
    kept = mask.any(axis=(0, 1)) | ~passable
    components = np.zeros(mask.shape, dtype=np.int32)
    # Taking slices out copies the mask, and hardly ever is there one to take out.
    within = ... if kept.all() else (..., kept)
    components[within], count = components_of(mask[within], EVERY_NEIGHBOUR)
    return components, count


def main_piece(
    mask: NDArray[np.bool_],
    counted: NDArray[np.bool_],
    blank: NDArray[np.bool_],
    shown: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Find the piece of a mask with most of what counts, and what belongs to it on the other side of a gap.

    Slices without an image are no gap. Where the mask is empty in a slice that shows the structure in other
    frames, the network may have missed it, or the heart may have moved out of the slice: what lies beyond
    belongs to the piece if it has at least :data:`RIVAL` of its size.

    Parameters
    ----------
    mask, counted
        (x, y, z).
    blank, shown
        (z,), slices without an image, and those that show the structure in any frame.

    Returns
    -------
    numpy.ndarray
        (x, y, z), a part of the mask; all of it where nothing counts.
    """
    components, count = pieces(mask, blank)
    sizes = np.bincount(components[counted], minlength=count + 1)
    sizes[0] = 0
    if count <= 1 or not sizes.any():
        return mask
    joined, _ = pieces(mask, blank | shown)
    whole = np.zeros(count + 1, dtype=np.int64)
    whole[components[mask]] = joined[mask]
    largest = int(np.argmax(sizes))
    kept = (whole == whole[largest]) & (sizes >= RIVAL * sizes[largest])
    return np.asarray(kept[components] & mask)


def apart_from_the_heart(
    labels: NDArray[np.uint8], spacing_mm: tuple[float, float], blank: NDArray[np.bool_]
) -> NDArray[np.bool_]:
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
    blank
        (z,), slices without an image, which part nothing.

    Returns
    -------
    numpy.ndarray
        (x, y, z), bool: where labels are to be removed in every frame.
    """
    counts = (labels > 0).sum(axis=3)
    if not counts.any():
        return np.zeros(counts.shape, dtype=bool)
    away = ndimage.distance_transform_edt(counts == 0, sampling=(*spacing_mm, 2 * GAP_MM))
    places, count = pieces(away < GAP_MM / 2, blank)
    if count <= 1:
        return np.zeros(places.shape, dtype=bool)
    sizes = np.bincount(places.ravel(), weights=counts.ravel())
    return (places > 0) & (places != int(np.argmax(sizes)))


def keep_ventricle(
    cavity: NDArray[np.bool_], wall: NDArray[np.bool_], *slices: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Find the cavity and the wall of the LV: a ring and the cavity in it stay together, or go together.

    Both lie in the :func:`main_piece` of the two, that with most wall: at end-systole a bright structure that
    was taken for cavity can be larger than the cavity itself; what tells them apart is the wall around it.
    Of this, the main piece of each stays; and what the main piece of the other would lack without it:

    - in a slice without the main cavity, a cavity that the wall surrounds (at an apex that lies beside the
      slice above, its cavity touches none; without it the ring would stand alone);
    - the wall of a cavity that has no other.

    Where all cavity of a slice goes, a wall beside it that is smaller than it was goes as well.

    Returns
    -------
    cavity, wall
        (x, y, z), parts of those given.
    """
    ventricle = main_piece(cavity | wall, wall, *slices)
    cavity, wall = cavity & ventricle, wall & ventricle
    blood, ring = main_piece(cavity, cavity, *slices), main_piece(wall, wall, *slices)
    blood = blood | surrounded(cavity & ~blood.any(axis=(0, 1)), ring)
    if (wall & ~ring).any():
        bare = surrounded(blood, wall) & ~surrounded(blood, ring)
        ring = ring | touching(wall, bare)
    lost = cavity & ~blood.any(axis=(0, 1))
    if lost.any():
        beside = touching(ring, lost)
        ring = ring & ~(beside & (beside.sum(axis=(0, 1)) < lost.sum(axis=(0, 1))))
    return blood, ring


def touching(mask: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep those sections (pieces in a slice) of a mask that touch another mask; all (x, y, z)."""
    beside = ndimage.binary_dilation(other, IN_PLANE) & mask
    return np.asarray(ndimage.binary_propagation(beside, IN_PLANE, mask=mask))


def surrounded(cavity: NDArray[np.bool_], wall: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep those sections (pieces in a slice) of a cavity most of whose border is wall; all (x, y, z)."""
    if not cavity.any():
        return cavity
    sections, count = components_of(cavity, IN_PLANE)
    border = np.where(cavity, 0, ndimage.grey_dilation(sections, footprint=IN_PLANE))
    is_wall = np.bincount(border[wall], minlength=count + 1)
    most = 2 * is_wall > np.bincount(border.ravel(), minlength=count + 1)
    return np.asarray(cavity & most[sections])


def fill_holes(labels: NDArray[np.uint8], together: tuple[int, ...]) -> int:
    """Fill background that labels enclose in a slice with the label of the nearest pixel, in place.

    A slice that lacks the first of the labels is left alone: what a ring of myocardium without a cavity
    encloses is a cavity that was missed.

    Returns
    -------
    int
        Number of voxels filled.
    """
    wall = np.logical_or.reduce([labels == label for label in together])
    padded = np.pad(~wall, ((1, 1), (1, 1), (0, 0)), constant_values=True)
    background, count = components_of(padded, IN_PLANE)
    enclosed = np.ones(count + 1, dtype=bool)
    enclosed[background[0]] = False  # In each slice, the padding is one component with what reaches it.
    holes = enclosed[background[1:-1, 1:-1]] & ~wall & (labels == 0)
    holes &= (labels == together[0]).any(axis=(0, 1))
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
    image: Image,
) -> dict[str, Any]:
    """Clean up a label map (x, y, z, t) of an image, in place.

    A slice without an image is no border: what lies on its two sides is one piece. See :func:`main_piece` for
    one that shows the structure (the LV cavity or the myocardium, for both of them) in other frames only.

    Returns
    -------
    dict
        ``removed_ml``: structure to the largest volume that was removed from it in any frame, and
        ``removed_share`` to the largest share of what it had in a frame; ``removed_at`` to that frame and to
        the slices in which it lay; ``filled_ml`` and ``filled_share``: the largest volume of holes filled in
        any frame, and the largest share of the heart that they are.
    """
    removed = np.zeros((max(structures) + 1, labels.shape[3]), dtype=np.int64)
    filled = np.zeros(labels.shape[3], dtype=np.int64)
    blank = without_contrast(image.data)
    box = heart_box(labels.max(axis=3))
    if box is not None:
        labels = labels[box[:2]]
    before = labels.copy()
    if options.largest_component and view == "sa":
        elsewhere = apart_from_the_heart(labels, image.spacing_mm[:2], np.all(blank, axis=1))
        for frame in range(labels.shape[3]):
            removed[:, frame] += np.bincount(labels[elsewhere, frame], minlength=len(removed))
        labels[elsewhere] = 0
    found, groups = hearts(labels), enclosing(structures)
    if options.largest_component:
        removed += keep_main_pieces(found, view, groups, blank)
    kept = np.zeros_like(removed)
    for frame, _, part in found:
        kept[:, frame] = np.bincount(part.ravel(), minlength=len(kept))
        if options.fill_holes:
            filled[frame] = sum(fill_holes(part, together) for together in groups)
    volume_ml = float(np.prod(image.spacing_mm)) / 1000
    names = structures.items()
    return {
        "removed_ml": {name: round(removed[label].max() * volume_ml, 4) for label, name in names},
        "removed_share": {name: _largest_share(removed[label], kept[label]) for label, name in names},
        "removed_at": {
            name: _place((before == label) & (labels != label), _shares(removed[label], kept[label]))
            for label, name in names
            if removed[label].any()
        },
        "filled_ml": round(filled.max() * volume_ml, 4),
        "filled_share": _largest_share(filled, kept[1:].sum(axis=0)),
    }


def _shares(part: NDArray[np.int64], rest: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share (t,) of a part in itself and the rest; 0 where both are empty."""
    return np.asarray(part / np.maximum(part + rest, 1))


def _largest_share(part: NDArray[np.int64], rest: NDArray[np.int64]) -> float:
    return round(float(_shares(part, rest).max()), 5)


def _place(gone: NDArray[np.bool_], share: NDArray[np.float64]) -> dict[str, Any]:
    """Frame with the largest share (t,), and the slices in which voxels (x, y, z, t) are gone there."""
    frame = int(share.argmax())
    return {"frame": frame, "slices": np.flatnonzero(gone[..., frame].any(axis=(0, 1))).tolist()}


def keep_main_pieces(
    hearts: Sequence[Heart], view: str, groups: Sequence[tuple[int, ...]], blank: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Keep the main piece of each structure in each frame, in place.

    Parameters
    ----------
    hearts
        Of the frames.
    view
        What they show.
    groups
        Of labels, as :func:`enclosing` gives them.
    blank
        (z, t), slices without an image.

    Returns
    -------
    numpy.ndarray
        (labels, t), voxels removed.
    """
    labels = sorted(label for together in groups for label in together)
    removed = np.zeros((labels[-1] + 1, blank.shape[1]), dtype=np.int64)
    shows = np.zeros((len(removed), len(blank)), dtype=bool)
    for heart in hearts:
        for label in labels:
            shows[label, heart.slices] |= (heart.labels == label).any(axis=(0, 1))
    shown = {label: np.any(shows[list(together)], axis=0) for together in groups for label in together}
    for frame, slices, part in hearts:
        masks = {label: part == label for label in labels}
        around = {label: (blank[slices, frame], shown[label][slices]) for label in labels}
        kept = {}
        if view == "sa" and {1, 2} <= masks.keys():
            kept[1], kept[2] = keep_ventricle(masks[1], masks[2], *around[1])
        for label, mask in masks.items():
            apart = mask & ~(kept[label] if label in kept else main_piece(mask, mask, *around[label]))
            removed[label, frame] = apart.sum()
            part[apart] = 0
    return removed
