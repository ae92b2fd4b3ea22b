"""Sub-pixel contours of masks, in millimetres of the slice plane."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from skimage.measure import find_contours

EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


def largest_component(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest 8-connected component of a 2D mask (the first of equals)."""
    components, count = ndimage.label(mask, EIGHT_NEIGHBOURS)
    if count <= 1:
        return mask
    sizes = np.bincount(components.ravel())
    sizes[0] = 0
    return np.equal(components, sizes.argmax())


def outer_contour(
    mask: NDArray[np.bool_], spacing_mm: tuple[float, float], smoothing_mm: float = 0.0
) -> NDArray[np.float64]:
    """Outer contour of a 2D mask at its half level.

    Pixel (i, j) is centred on (i dx, j dy); the contour runs between pixels, not over their centres.

    Parameters
    ----------
    mask
        Mask (x, y).
    spacing_mm
        Pixel size along x and y.
    smoothing_mm
        Standard deviation of a Gaussian over the mask before its contour is drawn. It takes the
        staircase away and shrinks a circle of radius R by about its square over 2 R.

    Returns
    -------
    numpy.ndarray
        Closed polygon (n, 2) in mm, first point not repeated; empty (0, 2) for an empty mask.
    """
    occupied = np.argwhere(mask)
    if len(occupied) == 0:
        return np.empty((0, 2))
    low, high = occupied.min(axis=0), occupied.max(axis=0) + 1
    box = mask[low[0] : high[0], low[1] : high[1]]
    margin = 2 + int(np.ceil(4 * smoothing_mm / min(spacing_mm)))
    filled = np.pad(ndimage.binary_fill_holes(box), margin).astype(np.float64)
    if smoothing_mm > 0:
        filled = ndimage.gaussian_filter(filled, smoothing_mm / np.asarray(spacing_mm), truncate=4.0)
    contours = find_contours(filled, 0.5)
    if not contours:
        return np.empty((0, 2))
    polygons = [(contour[:-1] - margin + low) * spacing_mm for contour in contours]
    return max(polygons, key=polygon_area)


def polygon_area(points: NDArray[np.float64]) -> float:
    """Area of a closed polygon (n, 2), by the shoelace formula."""
    following = np.roll(points, -1, axis=0)
    return 0.5 * abs(float((points[:, 0] * following[:, 1] - points[:, 1] * following[:, 0]).sum()))


def resample_evenly(points: NDArray[np.float64], step_mm: float = 1.0) -> NDArray[np.float64]:
    """Points at equal arc length along a closed polygon, about `step_mm` apart and at least 36."""
    closed = np.vstack([points, points[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    wanted = np.linspace(0, along[-1], max(36, round(along[-1] / step_mm)), endpoint=False)
    return np.column_stack([np.interp(wanted, along, closed[:, axis]) for axis in (0, 1)])


def distance_to_polygon(points: NDArray[np.float64], polygon: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each point (n, 2) to the nearest place on a closed polygon, sides included."""
    start, side = polygon, np.roll(polygon, -1, axis=0) - polygon
    length = np.maximum((side**2).sum(axis=1), 1e-12)
    offset = points[:, None, :] - start[None, :, :]
    along = np.clip((offset * side).sum(axis=2) / length, 0.0, 1.0)
    nearest = offset - along[..., None] * side
    return np.sqrt((nearest**2).sum(axis=2).min(axis=1))


def chord_length(polygon: NDArray[np.float64], point: ArrayLike, direction: ArrayLike) -> float:
    """Distance between the outermost crossings of a line with a closed polygon; NaN where they do not meet.

    Parameters
    ----------
    polygon
        Corners (n, 2).
    point, direction
        A point of the line and its direction.
    """
    origin = np.asarray(point, dtype=float)
    unit = np.asarray(direction, dtype=float) / np.linalg.norm(direction)
    relative = polygon - origin
    across = relative @ np.array([-unit[1], unit[0]])
    along = relative @ unit
    next_across, next_along = np.roll(across, -1), np.roll(along, -1)
    crosses = (across >= 0) != (next_across >= 0)
    if not crosses.any():
        return float("nan")
    share = across[crosses] / (across[crosses] - next_across[crosses])
    at = along[crosses] + share * (next_along[crosses] - along[crosses])
    return float(at.max() - at.min())
