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
    rv_es_bias_mm
        What comes on top for the RV at end-systole, where opinions differ most.
    basal
        Share of the next slice's area that an outline at the valve must have to be drawn.
    """

    name: str
    bias_mm: Mapping[str, float] = field(default_factory=dict)
    rv_es_bias_mm: float = 0.0
    basal: float = 0.3


@dataclass(frozen=True)
class Unsteadiness:
    """How unsteadily a structure is drawn, by any observer, in mm.

    Parameters
    ----------
    border
        Spread of the border in one slice.
    case
        Spread of the whole border from case to case.
    lapse
        Spread of the depth of a lapse: a part of the border drawn elsewhere, as where an outflow tract, a
        vein or trabeculae leave room for opinion.
    """

    border: float
    case: float
    lapse: float


UNSTEADINESS = {
    ("sa", "LV"): Unsteadiness(1.0, 0.30, 0.6),
    ("sa", "MYO"): Unsteadiness(0.95, 0.25, 1.2),
    ("sa", "RV"): Unsteadiness(1.4, 0.30, 5.8),
    ("la_2ch", "LA"): Unsteadiness(1.2, 0.45, 4.6),
    ("la_4ch", "LA"): Unsteadiness(0.95, 0.25, 2.3),
    ("la_4ch", "RA"): Unsteadiness(0.95, 0.25, 2.9),
}

OBSERVERS = (
    Observer("O1", {"LV": 0.0, "MYO": 0.1, "RV": -0.40, "LA": 0.0, "RA": 0.0}, -0.45, 0.30),
    Observer("O2", {"LV": -0.35, "MYO": -0.1, "RV": 0.25, "LA": 0.3, "RA": 0.1}, 0.20, 0.25),
    Observer("O3", {"LV": 0.35, "MYO": 0.25, "RV": 0.05, "LA": -0.35, "RA": -0.1}, 0.0, 0.45),
)


def reference_observer(number: int) -> Observer:
    """One of the group of eight who drew the main reference, a subject each."""
    rng = np.random.default_rng([8, number % 8])
    bias = {name: float(rng.normal(0.0, 0.2)) for name in ("LV", "MYO", "RV", "LA", "RA")}
    return Observer("manual", bias, 0.0, 0.35)


def draw(
    observer: Observer,
    slices: list[tuple[Slice, dict[str, FloatArray]]],
    rng: np.random.Generator,
    *,
    systole: bool = False,
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
    systole
        Whether the frame is end-systole.

    Returns
    -------
    list of dict
        For each slice: contour name of cvi42 to points (n, 2), column and row in pixels.
    """
    result: list[dict[str, FloatArray]] = []
    names = SHORT_AXIS | LONG_AXIS
    case = {structure: float(rng.normal()) for structure in names}
    case["MYO"] = 0.6 * case["LV"] + 0.8 * case["MYO"]
    for index, (image, true) in enumerate(slices):
        drawn = {}
        common = _wobble(rng)
        for structure, outline in true.items():
            own, lapse = _wobble(rng), _lapse(rng)
            if image.view == "sa" and _too_basal(observer, slices, index, structure):
                continue
            size = UNSTEADINESS[image.view, structure]
            wobble = 0.85 * own + 0.5 * common if structure in ("LV", "MYO") else own
            bias = observer.bias_mm.get(structure, 0.0) + size.case * case[structure]
            if systole and structure == "RV":
                bias += observer.rv_es_bias_mm
            shift = bias + size.border * wobble + size.lapse * lapse
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


def _wobble(rng: np.random.Generator) -> FloatArray:
    """A smooth closed curve of mean square about 1 around 0, at :data:`N_POINTS` points."""
    angle = np.arange(N_POINTS) * (2.0 * np.pi / N_POINTS)
    curve = np.full(N_POINTS, rng.normal(0.0, 0.2))
    for wave in range(1, 7):
        amplitude = rng.normal(0.0, 0.56 / wave**0.7, 2)
        curve = curve + amplitude[0] * np.cos(wave * angle) + amplitude[1] * np.sin(wave * angle)
    return curve


def _lapse(rng: np.random.Generator) -> FloatArray:
    """A bump of random place, sign and depth over about a sixth of a closed curve."""
    angle = np.arange(N_POINTS) * (2.0 * np.pi / N_POINTS) - rng.uniform(0.0, 2.0 * np.pi)
    away = (angle + np.pi) % (2.0 * np.pi) - np.pi
    return rng.normal() * np.exp(-((away / 0.4) ** 2))


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
