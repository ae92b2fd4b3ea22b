"""Made-up observers: each draws the true outlines with habits and an unsteadiness of their own.

Habits are the side of the border that an observer prefers, the least part of a slice at the valve that is
drawn at all, and how much of the papillary muscles is left out of the cavity. Sizes are chosen so that pairs
of observers differ as those of Bai 2018 (Tables 3, 5, 7 and 9); `benchmarks/phantom_observers.py` sets both
side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cinecohort.phantom.contours import LONG_AXIS, SHORT_AXIS, area_px, signed_area_px
from cinecohort.phantom.planning import Slice

FloatArray = NDArray[np.float64]
Outlines = Sequence[tuple[Slice, dict[str, FloatArray]]]
"""Slices from the base on, with the true outline of each structure in pixels (n, 2)."""

N_POINTS = 72

PAPILLARY_ANGLES = (-0.75, 1.95)
"""Where the papillary muscles meet the wall: radians from the lateral wall towards the inferior."""

PAPILLARY_DEPTH, PAPILLARY_WIDTH = 0.32, 0.38
"""How far they reach into the cavity relative to its radius, and half their width in radians."""

PAPILLARY_LEVELS = (0.30, 0.78)
"""Part of the LV in which they lie free, from 0 at the base to 1 at the apex."""


@dataclass(frozen=True)
class Observer:
    """How somebody draws.

    Parameters
    ----------
    name
        Folder of the observer's workspaces.
    bias_mm
        Structure to how far outside the true border they draw.
    systole_bias_mm
        Structure to what comes on top at end-systole.
    basal
        Share of the next slice's area that an outline at the valve must have to be drawn.
    papillary
        Share of the papillary muscles that is left out of the LV cavity, 0 to 1; the protocol is 0.
    haste
        Factor of how much a whole border is off from case to case.
    """

    name: str
    bias_mm: Mapping[str, float] = field(default_factory=dict)
    systole_bias_mm: Mapping[str, float] = field(default_factory=dict)
    basal: float = 0.3
    papillary: float = 0.0
    haste: float = 1.0


@dataclass(frozen=True)
class Unsteadiness:
    """How unsteadily a structure is drawn, by any observer, in mm.

    Parameters
    ----------
    border
        Spread of the border in one slice.
    case
        Spread of the whole border from case to case at end-diastole.
    systole
        The same at end-systole.
    lapse
        Spread of the depth of a lapse: a part of the border drawn elsewhere, as where an outflow tract, a
        vein or trabeculae leave room for opinion.
    """

    border: float
    case: float
    systole: float
    lapse: float


UNSTEADINESS = {
    ("sa", "LV"): Unsteadiness(0.95, 0.17, 0.41, 1.0),
    ("sa", "MYO"): Unsteadiness(0.93, 0.22, 0.41, 1.5),
    ("sa", "RV"): Unsteadiness(1.35, 0.17, 0.33, 8.2),
    ("la_2ch", "LA"): Unsteadiness(0.95, 0.30, 0.30, 4.6),
    ("la_4ch", "LA"): Unsteadiness(0.75, 0.20, 0.20, 2.7),
    ("la_4ch", "RA"): Unsteadiness(0.70, 0.20, 0.20, 3.1),
}

DIFFICULTY = 0.35
"""Spread of the logarithm of the unsteadiness from case to case."""

MIDDLE, ENDS = 0.6, 1.3
"""Unsteadiness in the middle of the short axis, and what comes on top at base and apex, where opinions differ
most (Bai 2018, Table 4)."""

WALL_TOGETHER = 0.73
"""Correlation of the LV's inner and outer border, from case to case."""

FRAMES_TOGETHER = 0.75
"""Correlation of end-diastole and end-systole of a case."""

LARGEST = (-0.5, 0.9)
"""Largest displacement inwards and outwards, relative to the radius of a circle of the outline's area."""

LARGEST_OF_TIP = (-0.5, 0.05)
"""The same of the solid tip below the cavity: nobody draws it much larger than it is, and one that were would
be an epicardium whose endocardium was forgotten."""

BASAL_SPREAD = 0.05
"""Spread from case to case of the share at which a basal outline is drawn."""

OBSERVERS = (
    Observer(
        "O1",
        {"LV": -0.02, "MYO": -0.14, "RV": -0.55, "LA": 0.0, "RA": 0.0},
        {"LV": -0.33, "RV": -0.78},
        basal=0.38,
        papillary=0.05,
    ),
    Observer(
        "O2",
        {"LV": -0.23, "MYO": -0.31, "RV": 0.18, "LA": 0.15, "RA": 0.1},
        {"LV": -0.02, "RV": 0.22},
        basal=0.43,
        papillary=0.15,
        haste=1.37,
    ),
    Observer(
        "O3",
        {"LV": 0.16, "MYO": 0.28, "RV": -0.05, "LA": -0.60, "RA": -0.30},
        {"LV": 0.22, "RV": 0.02},
        basal=0.28,
        haste=0.91,
    ),
)


def reference_observer(number: int) -> Observer:
    """One of the group of eight who drew the main reference, a subject each."""
    rng = np.random.default_rng([8, number % 8])
    bias = {name: float(rng.normal(0.0, 0.2)) for name in ("LV", "MYO", "RV", "LA", "RA")}
    return Observer("manual", bias, basal=0.35)


def draw(
    observer: Observer, truth: Mapping[str, Sequence[Outlines]], rng: np.random.Generator
) -> dict[str, list[list[dict[str, FloatArray]]]]:
    """What an observer draws in one case.

    Parameters
    ----------
    observer
        Who draws.
    truth
        View to its outlines at end-diastole and at end-systole.
    rng
        Random numbers.

    Returns
    -------
    dict
        View to, for both frames and each slice, contour name of cvi42 to points (n, 2), column and row in
        pixels.
    """
    return {view: _draw_view(observer, view, frames, rng) for view, frames in truth.items()}


def _draw_view(
    observer: Observer, view: str, frames: Sequence[Outlines], rng: np.random.Generator
) -> list[list[dict[str, FloatArray]]]:
    basal = observer.basal + float(rng.normal(0.0, BASAL_SPREAD))
    case = _case(rng)
    difficulty = float(np.exp(DIFFICULTY * _moderate(rng)))
    result = []
    for frame, slices in enumerate(frames):
        if frame:
            case = _together(case, _case(rng), FRAMES_TOGETHER)
        pen = _Pen(observer, view, slices, frame > 0, case, difficulty, basal)
        result.append([pen.drawn(index, rng) for index in range(len(slices))])
    return result


@dataclass(frozen=True)
class _Pen:
    """An observer at one view and frame of a case.

    Parameters
    ----------
    observer, view, slices
        Who draws what.
    systole
        Whether the frame is end-systole.
    case
        How far out each structure is drawn altogether, in standard deviations.
    difficulty
        Factor of the unsteadiness.
    basal
        Share of the next slice's area below which a basal outline is left out.
    """

    observer: Observer
    view: str
    slices: Outlines
    systole: bool
    case: Mapping[str, float]
    difficulty: float
    basal: float

    def drawn(self, index: int, rng: np.random.Generator) -> dict[str, FloatArray]:
        """Contour name of cvi42 to points of a slice."""
        image, true = self.slices[index]
        names = SHORT_AXIS | LONG_AXIS
        common = _wobble(rng)
        contours = {}
        for structure, outline in true.items():
            own, lapse = _wobble(rng), _lapse(rng)
            if self.view == "sa" and _too_basal(self.basal, self.slices, index, structure):
                continue
            size = UNSTEADINESS[self.view, structure]
            wobble = 0.85 * own + 0.5 * common if structure in ("LV", "MYO") else own
            points = resampled(outline)
            outward = self._unsteadiness(index, structure) * (size.border * wobble + size.lapse * lapse)
            outward_px = (outward + self._habit_mm(structure)) / image.pixel_mm
            if structure == "LV" and self.observer.papillary:
                level = _level(self.slices, index, structure)
                outward_px = outward_px - self.observer.papillary * _papillaries(points, level)
            tip = self.view == "sa" and structure == "MYO" and "LV" not in true
            limits = LARGEST_OF_TIP if tip else LARGEST
            contours[names[structure]] = displaced(points, _plausible(outward_px, outline, limits))
        return contours

    def _unsteadiness(self, index: int, structure: str) -> float:
        if self.view != "sa":
            return self.difficulty
        return self.difficulty * _unsteady_at(_level(self.slices, index, structure))

    def _habit_mm(self, structure: str) -> float:
        """How far out a structure is drawn in the whole case."""
        size = UNSTEADINESS[self.view, structure]
        spread = size.systole if self.systole else size.case
        bias = self.observer.bias_mm.get(structure, 0.0)
        if self.systole:
            bias += self.observer.systole_bias_mm.get(structure, 0.0)
        return bias + self.observer.haste * spread * self.case[structure]


def _case(rng: np.random.Generator) -> dict[str, float]:
    """How far out a case is drawn altogether, in standard deviations."""
    case = {structure: float(rng.normal()) for structure in SHORT_AXIS | LONG_AXIS}
    case["MYO"] = _mixed(case["LV"], case["MYO"], WALL_TOGETHER)
    return case


def _together(first: dict[str, float], second: dict[str, float], correlation: float) -> dict[str, float]:
    return {name: _mixed(first[name], second[name], correlation) for name in first}


def _mixed(first: float, second: float, correlation: float) -> float:
    return correlation * first + float(np.sqrt(1.0 - correlation**2)) * second


def _too_basal(basal: float, slices: Outlines, index: int, structure: str) -> bool:
    """Whether an outline near the valve is so small against the next one that it is left out."""
    if index + 1 >= len(slices) or structure not in slices[index + 1][1]:
        return False
    above = index == 0 or structure not in slices[index - 1][1]
    reference = "LV" if structure == "MYO" else structure
    here, below = (slices[i][1].get(reference) for i in (index, index + 1))
    if here is None:
        return True
    return above and below is not None and area_px(here) < basal * area_px(below)


def _level(slices: Outlines, index: int, structure: str) -> float:
    """Place of a slice in a ventricle: 0 at the base, 1 at the apex."""
    places = [place for place, (_, true) in enumerate(slices) if structure in true]
    return (index - places[0] + 0.5) / len(places)


def _unsteady_at(level: float) -> float:
    """Unsteadiness at a place in the ventricle, relative to its typical size."""
    return MIDDLE + ENDS * abs(2.0 * level - 1.0) ** 3


def _papillaries(points: FloatArray, level: float) -> FloatArray:
    """How far the papillary muscles reach into the cavity at the points of its outline, in pixels."""
    if not PAPILLARY_LEVELS[0] < level < PAPILLARY_LEVELS[1]:
        return np.zeros(len(points))
    away = points - points.mean(axis=0)
    angle = np.arctan2(away[:, 1], away[:, 0])
    depth = np.zeros(len(points))
    for middle in PAPILLARY_ANGLES:
        apart = (angle - middle + np.pi) % (2.0 * np.pi) - np.pi
        depth += np.exp(-((apart / PAPILLARY_WIDTH) ** 2))
    return np.asarray(PAPILLARY_DEPTH * float(np.hypot(*away.T).mean()) * depth)


_ANGLES = np.arange(N_POINTS) * (2.0 * np.pi / N_POINTS)
_WAVES = np.concatenate([[np.cos(wave * _ANGLES), np.sin(wave * _ANGLES)] for wave in range(1, 7)])
_WAVE_SPREADS = np.repeat([0.56 / wave**0.7 for wave in range(1, 7)], 2)


def _wobble(rng: np.random.Generator) -> FloatArray:
    """A smooth closed curve of mean square about 1 around 0, at :data:`N_POINTS` points."""
    return np.asarray(rng.normal(0.0, 0.2) + rng.normal(0.0, _WAVE_SPREADS) @ _WAVES)


def _lapse(rng: np.random.Generator) -> FloatArray:
    """A bump of random place, sign and depth over about a sixth of a closed curve."""
    angle = _ANGLES - rng.uniform(0.0, 2.0 * np.pi)
    away = (angle + np.pi) % (2.0 * np.pi) - np.pi
    return np.asarray(_moderate(rng) * np.exp(-((away / 0.4) ** 2)))


def _moderate(rng: np.random.Generator) -> float:
    """A normal number, within two standard deviations."""
    return float(np.clip(rng.normal(), -2.0, 2.0))


def _plausible(outward_px: FloatArray, outline: FloatArray, limits: tuple[float, float]) -> FloatArray:
    """Displacements that nobody would call wrong at sight: within limits relative to the outline's radius."""
    radius = np.sqrt(area_px(outline) / np.pi)
    return np.clip(outward_px, limits[0] * radius, limits[1] * radius)


def resampled(outline: FloatArray) -> FloatArray:
    """:data:`N_POINTS` points at equal distances along a closed outline (n, 2)."""
    closed = np.vstack([outline, outline[:1]])
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    at = np.arange(N_POINTS) * (length[-1] / N_POINTS)
    return np.stack([np.interp(at, length, closed[:, axis]) for axis in (0, 1)], axis=1)


def displaced(points: FloatArray, outward_px: FloatArray) -> FloatArray:
    """Move points (n, 2) of a closed outline along its normals, outwards where positive."""
    around = np.concatenate([points[-1:], points, points[:1]])
    tangent = around[2:] - around[:-2]
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
    normal /= np.maximum(np.hypot(tangent[:, :1], tangent[:, 1:]), 1e-9)
    turn = np.sign(signed_area_px(points))
    return np.asarray(points + normal * (turn * outward_px)[:, None])
