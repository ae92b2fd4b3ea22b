"""Label maps of hearts made of discs."""

import numpy as np

Point = tuple[float, float]


def disc_heart(
    shape: tuple[int, int], centre: Point, radius: float, wall: float, rv_centre: Point, rv_radius: float
) -> np.ndarray:
    """A slice, in pixels: LV disc (1), ring of myocardium (2), and what an RV disc (3) shows beside them."""
    x, y = np.indices(shape)
    distance = np.hypot(x - centre[0], y - centre[1])
    rv = np.hypot(x - rv_centre[0], y - rv_centre[1]) < rv_radius
    return np.select([distance < radius, distance < radius + wall, rv], [1, 2, 3], 0).astype(np.uint8)
