"""Stacks of masks, slice by slice."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

IN_PLANE = np.pad(ndimage.generate_binary_structure(2, 1)[:, :, None], ((0, 0), (0, 0), (1, 1)))
"""Neighbours over the four sides of a pixel, within its slice."""


def fill_holes(masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill the holes of each slice.

    A hole is background that does not reach the outside over pixel sides (4-neighbours).

    Parameters
    ----------
    masks
        Stack (x, y, n).
    """
    outside = ndimage.label(np.pad(~masks, ((1, 1), (1, 1), (0, 0)), constant_values=True), IN_PLANE)[0]
    return (outside != outside[:1, :1, :])[1:-1, 1:-1]
