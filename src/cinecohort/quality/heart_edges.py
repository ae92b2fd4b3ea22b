"""Where an image has its edges, beside where a segmentation has its contours: numbers, without limits.

Profiles of the image along the normals of the contours say how sharp the wall's edges are, how far the
strongest gradient lies from the contour, and how much blood the image shows beyond the contour of the cavity
or lacks within it. Lengths are shares of the LV's radius: they do not depend on the size of the voxels, which
are taken as square in-plane. Predictors of a failed segmentation; none needs a person's labels.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FEWEST_PIXELS = 30
"""A slice with fewer pixels of LV or of myocardium is not looked at."""

FEWEST_POINTS = 8
"""A border with fewer points is not looked at."""

OFFSETS: Floats = np.arange(-8, 9, dtype=np.float64) * 0.03
"""Places of a profile along the outward normal, in radii of the LV, with the contour at 0."""

INSIDE, OUTSIDE = slice(4, 7), slice(10, 13)
"""Parts of a profile on either side of the contour: 0.06 to 0.12 radii away."""

BESIDE = 1.5
"""Pixels from the contour at which it is asked what a region borders on."""

NAMES = (
    *("lv_edge_ed", "blood_beyond_ed", "lv_edge_es", "blood_beyond_es"),
    *("myo_edge", "myo_edge_strength", "myo_edge_offset", "myo_edge_distance", "ef_by_edges"),
)
"""Of the numbers of :func:`edge_numbers`."""

LOW = 0.2
"""Quantile of the sharpness over the points of a border: where it is worst, but for a few points."""


class Edges(NamedTuple):
    """What the profiles of a slice's border say; myocardium is 0 and blood is 1."""

    low: float
    """:data:`LOW` quantile of the differences between both sides."""

    strength: float
    """Mean of the steepest change in a step of :data:`OFFSETS`."""

    offset: float
    """Mean place of the steepest change: above 0 outside the contour."""

    distance: float
    """Mean distance of the steepest change from the contour."""

    beyond: float
    """Area of blood beyond the contour less what is lacking within it, over the region's area."""


class FrameEdges(NamedTuple):
    """Means over the slices of a frame, weighted by the area of the LV; NaN where no slice has any."""

    endocardium: Edges
    """Of the LV, where it borders on the myocardium."""

    epicardium: Edges
    """Of LV and myocardium together, where the myocardium is its border."""


NOTHING = Edges(*[float("nan")] * len(Edges._fields))


def edge_numbers(image: NDArray[Any], labels: NDArray[np.uint8]) -> dict[str, float]:
    """Edges of a heart at end-diastole and end-systole.

    Parameters
    ----------
    image, labels
        Intensities and label map (x, y, z, 2), end-diastole first.

    Returns
    -------
    dict
        Of the endocardium in each frame (``_ed``, ``_es``): ``lv_edge``, its ``low``, and ``blood_beyond``.
        Of the epicardium at end-diastole: ``myo_edge``, its ``low``, ``myo_edge_strength``,
        ``myo_edge_offset`` and ``myo_edge_distance``. ``ef_by_edges``: the LV's ejection fraction with the
        volumes by which blood lies beyond the contours, less that of the labels. NaN where undefined.
    """
    lv = np.count_nonzero(labels == 1, axis=(0, 1))
    radius = float(np.sqrt(np.quantile(lv[:, 0][lv[:, 0] > 0], 0.9) / np.pi)) if lv[:, 0].any() else np.nan
    early, late = (frame_edges(image[..., frame], labels[..., frame], radius) for frame in (0, 1))
    edv, esv = lv.sum(axis=0).astype(float)
    by_edges = float("nan")
    if edv > 0 and early.endocardium.beyond > -1:
        by_edges = float(esv / edv * (1 - (1 + late.endocardium.beyond) / (1 + early.endocardium.beyond)))
    inner = [value for one in (early, late) for value in (one.endocardium.low, one.endocardium.beyond)]
    outer = early.epicardium
    wall = (outer.low, outer.strength, outer.offset, outer.distance)
    return dict(zip(NAMES, (*inner, *wall, by_edges), strict=True))


def frame_edges(image: NDArray[Any], labels: NDArray[np.uint8], radius: float) -> FrameEdges:
    """Edges of a frame, the mean over its slices.

    Parameters
    ----------
    image, labels
        Intensities and label map (x, y, z).
    radius
        Of the LV at end-diastole, in pixels; without one (NaN) nothing is defined.
    """
    found: dict[str, list[Edges]] = {"endocardium": [], "epicardium": []}
    areas: dict[str, list[float]] = {name: [] for name in found}
    for z in range(labels.shape[2]) if np.isfinite(radius) else ():
        for name, edges in slice_edges(image[..., z], labels[..., z], radius).items():
            found[name].append(edges)
            areas[name].append(float(np.count_nonzero(labels[..., z] == 1)))
    means = {
        name: Edges(*np.average(np.array(edges), axis=0, weights=areas[name]).tolist()) if edges else NOTHING
        for name, edges in found.items()
    }
    return FrameEdges(**means)


def slice_edges(image: NDArray[Any], labels: NDArray[np.uint8], radius: float) -> Mapping[str, Edges]:
    """Edges of a slice (x, y) by border; without a border that is too short, or if blood is not brighter."""
    lv, wall = labels == 1, labels == 2
    if min(np.count_nonzero(lv), np.count_nonzero(wall)) < FEWEST_PIXELS:
        return {}
    margin = int(np.ceil(OFFSETS[-1] * radius)) + 4
    heart = lv | wall
    x, y = np.flatnonzero(heart.any(axis=1)), np.flatnonzero(heart.any(axis=0))
    box = slice(max(x[0] - margin, 0), x[-1] + margin), slice(max(y[0] - margin, 0), y[-1] + margin)
    image, lv, wall, heart = image[box].astype(float), lv[box], wall[box], heart[box]
    blood, muscle = np.median(image[lv]), np.median(image[wall])
    if blood <= muscle:
        return {}
    signal = (image - muscle) / (blood - muscle)
    edges = {}
    for name, region, side in (("endocardium", lv, BESIDE), ("epicardium", heart, -BESIDE)):
        points, normals = outline(region)
        beside = np.rint(points + side * normals).astype(int).clip(0, np.array(wall.shape) - 1)
        here = wall[beside[:, 0], beside[:, 1]]
        if np.count_nonzero(here) >= FEWEST_POINTS:
            profiles = profiles_along(signal, points[here], normals[here], OFFSETS * radius)
            # Blood is brighter than the wall; what lies beyond the wall may be brighter or darker.
            falling = name == "endocardium"
            edges[name] = edges_of(profiles, radius, int(np.count_nonzero(region)), falling)
    return edges


def outline(region: Bools) -> tuple[Floats, Floats]:
    """Points (n, 2) on a region's border, and their outward normals (n, 2).

    A point for each pixel of the region that has a neighbour outside, moved along the normal to where the
    smoothed region is one half.
    """
    smooth = ndimage.gaussian_filter(region.astype(float), 1.0)
    border = np.asarray(region & ~ndimage.binary_erosion(region))
    slope = -np.array(np.gradient(smooth))[:, border].T
    length = np.linalg.norm(slope, axis=1)
    known = length > 1e-3
    normals = slope[known] / length[known, None]
    step = np.clip((smooth[border][known] - 0.5) / length[known], -1.0, 1.5)
    return np.argwhere(border)[known] + normals * step[:, None], normals


def profiles_along(image: Floats, points: Floats, normals: Floats, offsets: Floats) -> Floats:
    """Values of an image (x, y) at offsets in pixels along the normals, (points, offsets), linearly."""
    places = points[:, None] + normals[:, None] * offsets[None, :, None]
    values = ndimage.map_coordinates(image, places.reshape(-1, 2).T, order=1, mode="nearest")
    return np.asarray(values.reshape(len(points), len(offsets)))


def edges_of(profiles: Floats, radius: float, area: int, falling: bool) -> Edges:
    """What profiles (points, offsets) say.

    Parameters
    ----------
    profiles
        Signal in which myocardium is 0 and blood is 1.
    radius, area
        Of the LV and of the region, both in pixels.
    falling
        Whether the signal falls outwards; else it may rise as well.
    """
    step = profiles[:, INSIDE].mean(axis=1) - profiles[:, OUTSIDE].mean(axis=1)
    change = -np.gradient(ndimage.gaussian_filter1d(profiles, 1.0, axis=1), axis=1)
    if not falling:
        step, change = np.abs(step), np.abs(change)
    steepest = OFFSETS[change.argmax(axis=1)]
    # A border of as many pixels is about as long; blood fills half of a profile where the contour is right.
    excess = (np.clip(profiles, 0.0, 1.0).mean(axis=1) - 0.5) * (OFFSETS[-1] - OFFSETS[0])
    return Edges(
        low=float(np.quantile(step, LOW)),
        strength=float(change.max(axis=1).mean()),
        offset=float(steepest.mean()),
        distance=float(np.abs(steepest).mean()),
        beyond=float(excess.sum() * radius / area),
    )
