"""Borders of masks and the distances between them, slice by slice."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

from cinecohort.masks import fill_holes

Border = Literal["external", "both"]
LARGEST_MATRIX = 4_000_000
"""Point pairs up to which all distances are computed at once; above, a tree is searched."""


def borders(masks: NDArray[np.bool_], border: Border = "external") -> NDArray[np.bool_]:
    """Border pixels of each slice: those of the mask with a side on background or on the image's edge.

    Parameters
    ----------
    masks
        Stack (x, y, n).
    border
        ``external``: after filling holes, the outer border alone, which are the pixels of OpenCV's external
        contour (Bai's published code); ``both``: the borders of holes as well.
    """
    if border == "external":
        masks = fill_holes(masks)
    padded = np.pad(masks, ((1, 1), (1, 1), (0, 0)))
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return masks & ~inside


def directed_distances(
    a: NDArray[np.floating], b: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance of each point of `a` to the nearest of `b`, and of each of `b` to the nearest of `a`.

    Parameters
    ----------
    a, b
        Points (n, 2) in mm; neither is empty.
    """
    if len(a) * len(b) > LARGEST_MATRIX:
        return np.asarray(KDTree(b).query(a)[0]), np.asarray(KDTree(a).query(b)[0])
    squared = cdist(a, b, "sqeuclidean")
    return np.sqrt(squared.min(axis=1)), np.sqrt(squared.min(axis=0))


def contour_distances(
    a: NDArray[np.bool_], b: NDArray[np.bool_], spacing_mm: tuple[float, float], border: Border = "external"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean contour distance and Hausdorff distance of each slice, mm.

    The mean contour distance is the mean of the two directed means, the Hausdorff distance the larger of the
    two directed maxima (Bai 2018, "Evaluation", Fig. 2), between border pixel centres.

    Parameters
    ----------
    a, b
        Stacks of masks (x, y, n).
    spacing_mm
        Pixel size along x and y.
    border
        See :func:`borders`.

    Returns
    -------
    mean, hausdorff
        Arrays (n,); NaN in slices in which either mask is empty.

    Examples
    --------
    Two squares of which one lies a pixel of 1.5 mm further on; half of the border pixels coincide:

    >>> a, b = np.zeros((10, 10, 1), bool), np.zeros((10, 10, 1), bool)
    >>> a[2:6, 2:6] = True
    >>> b[3:7, 2:6] = True
    >>> mean, hausdorff = contour_distances(a, b, (1.5, 1.5))
    >>> print(mean, hausdorff)
    [0.75] [1.5]
    """
    n_slices = a.shape[2]
    mean, hausdorff = np.full(n_slices, np.nan), np.full(n_slices, np.nan)
    comparable = np.flatnonzero(a.any(axis=(0, 1)) & b.any(axis=(0, 1)))
    border_a, border_b = borders(a[..., comparable], border), borders(b[..., comparable], border)
    for position, index in enumerate(comparable):
        points_a = np.argwhere(border_a[..., position]) * spacing_mm
        points_b = np.argwhere(border_b[..., position]) * spacing_mm
        to_b, to_a = directed_distances(points_a, points_b)
        mean[index] = (to_b.mean() + to_a.mean()) / 2
        hausdorff[index] = max(to_b.max(), to_a.max())
    return mean, hausdorff
