"""What borders on what in a short-axis label map, for all slices and frames at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

EIGHT_IN_PLANE = np.pad(np.ones((3, 3, 1), dtype=bool), ((0, 0), (0, 0), (1, 1)))


@dataclass(frozen=True)
class Borders:
    """Pixel sides (z, t) by which a structure borders on each label; 0 is background."""

    on: dict[int, NDArray[np.int64]]

    def share(self, labels: tuple[int, ...]) -> NDArray[np.float64]:
        """Share (z, t) of the border that lies on some labels; NaN where there is no border."""
        everything = np.sum(list(self.on.values()), axis=0)
        return divide(np.sum([self.on[label] for label in labels], axis=0), everything)

    def total_share(self, labels: tuple[int, ...]) -> float:
        """Share over all slices and frames."""
        total = sum(int(count.sum()) for count in self.on.values())
        return sum(int(self.on[label].sum()) for label in labels) / total if total else float("nan")


def divide(part: NDArray, whole: NDArray) -> NDArray[np.float64]:
    """Element by element; NaN where the divisor is 0."""
    whole = np.asarray(whole, dtype=float)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def borders_of(labels: NDArray[np.uint8], structure: int) -> Borders:
    """Count the pixel sides between a structure and every other label.

    Parameters
    ----------
    labels
        Label map (x, y, z, t) of labels 0 to 3.
    structure
        The label whose border it is. Beyond the image lies background.
    """
    padded = np.pad(labels, ((1, 1), (1, 1), (0, 0), (0, 0)))
    mask = labels == structure
    neighbours = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    counts = {label: np.zeros(labels.shape[2:], dtype=np.int64) for label in range(4) if label != structure}
    for neighbour in neighbours:
        for label, count in counts.items():
            count += np.count_nonzero(mask & (neighbour == label), axis=(0, 1))
    return Borders(counts)


def largest_component_sizes(masks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Pixels of the largest 8-connected component of each slice.

    Parameters
    ----------
    masks
        Stack (x, y, n).

    Returns
    -------
    numpy.ndarray
        Sizes (n,); 0 where the slice is empty.
    """
    components, count = ndimage.label(masks, EIGHT_IN_PLANE)
    sizes = np.bincount(components.ravel(), minlength=count + 1)[1:]
    largest = np.zeros(masks.shape[2], dtype=np.int64)
    if count:
        occupied = np.nonzero(components)
        slice_of = np.empty(count, dtype=np.int64)
        slice_of[components[occupied] - 1] = occupied[2]
        np.maximum.at(largest, slice_of, sizes)
    return largest
