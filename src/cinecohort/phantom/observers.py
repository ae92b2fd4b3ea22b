"""Made-up observers: each draws the true outlines with a bias and an unsteadiness of their own.

Sizes are chosen so that pairs of observers differ as those of Bai 2018 (Tables 3, 5 and 7).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cinecohort.phantom.contours import LONG_AXIS, SHORT_AXIS, area_px
from cinecohort.phantom.planning import Slice

FloatArray = NDArray[np.float64]

N_POINTS = 72


@dataclass(frozen=True)
class Observer:
    """How somebody draws.

    Parameters
    ----------
    name
        Folder of the observer's workspaces.
    bias_mm
        Structure to how far outside the true border they draw.
    unsteadiness_mm
        Structure to the spread of their border about that.
    basal
        Share of the LV's (RV's) next area that a basal outline must have to be drawn.
    """

    name: str
    bias_mm: Mapping[str, float] = field(default_factory=dict)
    unsteadiness_mm: Mapping[str, float] = field(default_factory=dict)
    basal: float = 0.3


UNSTEADINESS = {"LV": 0.8, "MYO": 0.8, "RV": 1.3, "LA": 1.2, "RA": 1.0}

OBSERVERS = (
    Observer("O1", {"LV": 0.1, "MYO": 0.1, "RV": -0.4, "LA": 0.0, "RA": 0.0}, UNSTEADINESS, 0.30),
    Observer("O2", {"LV": -0.1, "MYO": -0.1, "RV": 0.7, "LA": 0.2, "RA": 0.1}, UNSTEADINESS, 0.25),
    Observer("O3", {"LV": 0.4, "MYO": 0.2, "RV": 0.4, "LA": -0.3, "RA": -0.1}, UNSTEADINESS, 0.45),
)


def reference_observer(number: int) -> Observer:
    """One of the group of eight who drew the main reference, a subject each."""
    rng = np.random.default_rng([8, number % 8])
    bias = {name: float(rng.normal(0.0, 0.25)) for name in UNSTEADINESS}
    return Observer("manual", bias, UNSTEADINESS, 0.35)


def draw(
    observer: Observer,
    slices: list[tuple[Slice, dict[str, FloatArray]]],
    rng: np.random.Generator,
) -> list[dict[str, FloatArray]]:
    """What an observer draws in the slices of one view and frame.

    Parameters
    ----------
    observer
        Who draws.
    slices
        Slices from the base on, with their true outlines.
    rng
        Random numbers.

    Returns
    -------
    list of dict
        For each slice: contour name of cvi42 to points (n, 2), column and row in pixels.
    """
    result: list[dict[str, FloatArray]] = []
    names = SHORT_AXIS | LONG_AXIS
    for index, (image, true) in enumerate(slices):
        drawn = {}
        common = _wobble(rng, 1.0)
        for structure, outline in true.items():
            if image.view == "sa" and _too_basal(observer, slices, index, structure):
                continue
            own = _wobble(rng, 1.0)
            wobble = own if structure in ("LA", "RA", "RV") else 0.8 * own + 0.6 * common
            size = observer.unsteadiness_mm.get(structure, 0.0)
            shift = observer.bias_mm.get(structure, 0.0) + size * wobble
            drawn[names[structure]] = displaced(outline, shift / image.pixel_mm)
        result.append(drawn)
    return result


def _too_basal(
    observer: Observer, slices: list[tuple[Slice, dict[str, FloatArray]]], index: int, structure: str
) -> bool:
    """Whether an outline near the valve is so small against the next one that it is left out."""
    if index + 1 >= len(slices) or structure not in slices[index + 1][1]:
        return False
    above = index == 0 or structure not in slices[index - 1][1]
    reference = "LV" if structure == "MYO" else structure
    here, below = (slices[i][1].get(reference) for i in (index, index + 1))
    if here is None:
        return True
    return above and below is not None and area_px(here) < observer.basal * area_px(below)


def _wobble(rng: np.random.Generator, size: float) -> FloatArray:
    """A smooth closed curve of mean square `size`² about 0, at :data:`N_POINTS` points."""
    angle = np.arange(N_POINTS) * (2.0 * np.pi / N_POINTS)
    curve = np.full(N_POINTS, rng.normal(0.0, 0.35))
    for wave in range(1, 7):
        amplitude = rng.normal(0.0, 0.75 / wave**0.7, 2)
        curve = curve + amplitude[0] * np.cos(wave * angle) + amplitude[1] * np.sin(wave * angle)
    return size * 0.75 * curve


def displaced(outline: FloatArray, outward_px: FloatArray) -> FloatArray:
    """Move a closed outline along its normals; the result has :data:`N_POINTS` points.

    Parameters
    ----------
    outline
        (n, 2) in pixels.
    outward_px
        (:data:`N_POINTS`,) displacement, positive outwards.
    """
    closed = np.vstack([outline, outline[:1]])
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    at = np.arange(N_POINTS) * (length[-1] / N_POINTS)
    points = np.stack([np.interp(at, length, closed[:, axis]) for axis in (0, 1)], axis=1)
    tangent = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0)
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    x, y = points.T
    turn = np.sign(x @ np.roll(y, -1) - y @ np.roll(x, -1))
    return points + normal * (turn * outward_px)[:, None]
