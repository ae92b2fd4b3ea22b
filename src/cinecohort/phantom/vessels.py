"""Great vessels, veins and appendages as tubes around lines of points, in the heart's coordinates, mm."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinecohort.phantom.atria import Atrium
from cinecohort.phantom.ventricles import Ventricles

FloatArray = NDArray[np.floating[Any]]

HEAD, BACK, RIGHT = np.array([0.0, -0.85, 0.53]), np.array([0.68, 0.39, 0.62]), np.array([-0.734, 0.36, 0.58])
"""The patient's directions in the heart's coordinates, as the typical heart lies."""


@dataclass(frozen=True)
class Tube:
    """A vessel: everything within a radius of a line of points, whose radius may change along it.

    Parameters
    ----------
    points
        (n, 3): x, y, s, mm.
    radii
        (n,), mm.
    """

    points: FloatArray
    radii: FloatArray

    def near(self, x: FloatArray, y: FloatArray, s: FloatArray, margin_mm: float) -> NDArray[np.intp]:
        """Which of the points (n,) lie in the box around the vessel."""
        low, high = self._box[0] - margin_mm, self._box[1] + margin_mm
        found = np.flatnonzero((s > low[2]) & (s < high[2]))
        for values, least, most in ((x, low[0], high[0]), (y, low[1], high[1])):
            here = values[found]
            found = found[(here > least) & (here < most)]
        return found

    @cached_property
    def _box(self) -> tuple[FloatArray, FloatArray]:
        reach = self.radii.max()
        return self.points.min(axis=0) - reach, self.points.max(axis=0) + reach

    def beside(self, normal: FloatArray, level_mm: float, margin_mm: float) -> "Tube | None":
        """The pieces that a plane, of a unit normal and a distance from the origin, comes near, if any."""
        away = self.points @ normal - level_mm
        reach = float(self.radii.max()) + margin_mm
        first, last = np.minimum(away[:-1], away[1:]), np.maximum(away[:-1], away[1:])
        pieces = np.flatnonzero((first < reach) & (last > -reach))
        if not pieces.size:
            return None
        part = slice(int(pieces[0]), int(pieces[-1]) + 2)
        return Tube(self.points[part], self.radii[part])

    def field(self, x: FloatArray, y: FloatArray, s: FloatArray) -> FloatArray:
        """Distance to the wall, mm; positive inside."""
        best: FloatArray | None = None
        pieces = zip(self.points[:-1], self.points[1:], self.radii[:-1], self.radii[1:], strict=True)
        for start, end, first, last in pieces:
            along = end - start
            px, py, ps = x - start[0], y - start[1], s - start[2]
            share = np.clip((px * along[0] + py * along[1] + ps * along[2]) / (along @ along), 0.0, 1.0)
            distance = np.sqrt(
                (px - share * along[0]) ** 2 + (py - share * along[1]) ** 2 + (ps - share * along[2]) ** 2
            )
            inside = first + share * (last - first) - distance
            best = inside if best is None else np.maximum(best, inside)
        assert best is not None
        return best


@dataclass(frozen=True)
class Vessels:
    """All tubes.

    Parameters
    ----------
    aorta, pulmonary_artery
        Great arteries from their valves on.
    veins
        Venae cavae and pulmonary veins.
    hepatic
        Veins of the liver.
    appendages
        Left and right atrial appendage as they lie at end-systole.
    appendage_shift
        How far they lie above that, by frame and appendage (t, 2), mm.
    """

    aorta: Tube
    pulmonary_artery: Tube
    veins: tuple[Tube, ...]
    hepatic: tuple[Tube, ...]
    appendages: tuple[Tube, Tube]
    appendage_shift: FloatArray

    def at(self, frames: NDArray[np.intp]) -> "Vessels":
        """The same in some frames."""
        return replace(self, appendage_shift=self.appendage_shift[frames])


def draw_vessels(ventricles: Ventricles, left: Atrium, right: Atrium, rng: np.random.Generator) -> Vessels:
    """Courses of the vessels of a heart."""
    base = ventricles.length_ed
    scale = ventricles.radius_mm / 25.0
    root = np.array([-14.0 * scale, -13.0 * scale, base + 2.0])
    up = root + 22.0 * np.array([-0.25, -0.35, 0.9])
    arch = up + 42.0 * HEAD + 6.0 * RIGHT
    over = arch + 14.0 * HEAD + 22.0 * BACK - 10.0 * RIGHT
    behind = over + 38.0 * BACK - 26.0 * RIGHT - 6.0 * HEAD
    aorta = _tube([root, up, arch, over, behind], np.array([12.5, 14.5, 13.5, 12.5, 12.0]) * scale**0.5)
    outflow = np.array([-26.0 * scale, -36.0 * scale, base - 4.0])
    trunk = outflow + 26.0 * (0.8 * HEAD + 0.4 * BACK)
    fork = trunk + 20.0 * (0.5 * HEAD + 0.8 * BACK)
    hilum = fork + 50.0 * RIGHT + 12.0 * BACK - 6.0 * HEAD
    pulmonary = _tube([outflow, trunk, fork, hilum], np.array([15.0, 12.5, 12.0, 9.0]) * scale**0.5)
    appendages = (
        _bag(left, (0.4, 0.45, -0.75), np.array([0.55, -0.75, -0.2]), 26.0, (9.5, 8.0, 4.0)),
        _bag(right, (0.5, 0.0, -0.7), np.array([0.35, -0.85, 0.2]), 24.0, (12.0, 9.5, 5.0)),
    )
    shift = np.stack([0.7 * (each.valve.position - each.valve.position.min()) for each in (left, right)], 1)
    veins = (*_caval(right), *_pulmonary(left, rng))
    return Vessels(aorta, pulmonary, veins, _hepatic(veins[1], rng.spawn(1)[0]), appendages, shift)


def _tube(points: list[FloatArray], radii: FloatArray) -> Tube:
    return Tube(np.array(points), np.asarray(radii, dtype=np.float64))


def _entry(atrium: Atrium, place: tuple[float, float, float]) -> FloatArray:
    """A place in an atrium (height, away from the septum, along it) when it is fullest."""
    fullest = int(np.argmax(atrium.radius_mm))
    return np.array([values[fullest] for values in atrium.place(*place)])


def _bag(
    atrium: Atrium,
    place: tuple[float, float, float],
    direction: FloatArray,
    length_mm: float,
    radii: tuple[float, float, float],
) -> Tube:
    """An appendage that bends towards the apex."""
    start = _entry(atrium, place)
    bend = start + 0.6 * length_mm * direction
    tip = bend + 0.4 * length_mm * (0.6 * direction + np.array([0.3, 0.0, -0.7]))
    return _tube([start, bend, tip], np.array(radii))


def _caval(right: Atrium) -> list[Tube]:
    """Superior and inferior vena cava."""
    upper = _entry(right, (0.6, -0.1, -0.45))
    lower = _entry(right, (0.55, 0.0, 0.45))
    return [
        _tube([upper, upper + 30.0 * HEAD, upper + 90.0 * HEAD + 6.0 * BACK], np.array([11.0, 9.5, 9.5])),
        _tube([lower, lower - 22.0 * HEAD + 5.0 * BACK, lower - 80.0 * HEAD], np.array([13.0, 11.0, 11.5])),
    ]


def _hepatic(cava: Tube, rng: np.random.Generator) -> tuple[Tube, ...]:
    """Veins that taper into the liver from the vena cava and from the porta, each with branches."""
    found = []
    confluence = cava.points[1] - 24.0 * HEAD
    porta = confluence - 45.0 * HEAD - 12.0 * RIGHT - 5.0 * BACK
    for start, right, back, head in (
        (confluence, 0.95, 0.25, -0.5),
        (confluence, 0.5, -0.6, -0.7),
        (confluence, -0.7, -0.3, -0.75),
        (porta, -0.9, 0.1, 0.1),
        (porta, -0.6, -0.6, 0.3),
        (porta, 0.5, -0.7, 0.1),
        (porta, -0.6, 0.4, -0.4),
    ):
        way = right * RIGHT + back * BACK + head * HEAD
        points = [start]
        for length in (22.0, 20.0, 18.0, 18.0):
            way = way + rng.normal(0.0, 0.22, 3)
            points.append(points[-1] + length * way / np.linalg.norm(way))
        found.append(_tube(points, np.array([5.5, 4.2, 3.2, 2.2, 0.8])))
        for at, radius in ((1, 3.0), (2, 2.4), (2, 2.0), (3, 1.8)):
            aside = way / np.linalg.norm(way) + rng.normal(0.0, 0.7, 3)
            middle = points[at] + 16.0 * aside / np.linalg.norm(aside)
            end = middle + 18.0 * (aside + rng.normal(0.0, 0.3, 3)) / np.linalg.norm(aside)
            found.append(_tube([points[at], middle, end], np.array([radius, 0.7 * radius, 0.4])))
    return tuple(found)


def _pulmonary(left: Atrium, rng: np.random.Generator) -> list[Tube]:
    """Upper and lower pulmonary veins of both sides, each with a branch."""
    found = []
    for side, across in ((1.0, -0.45), (-1.0, 0.45)):
        for level, along in ((0.5, -0.6), (-0.25, 0.1)):
            start = _entry(left, (0.78, across, along))
            out = side * RIGHT + (0.45 if level < 0 else 0.1) * BACK + level * HEAD + rng.normal(0.0, 0.12, 3)
            out /= np.linalg.norm(out)
            ostium = start + 17.0 * out
            end = ostium + 20.0 * out + 8.0 * rng.normal(0.0, 0.5, 3)
            found.append(_tube([start, ostium, end], np.array([11.0, 6.0, 2.0])))
            found.append(
                _tube([ostium, ostium + 22.0 * (out + rng.normal(0.0, 0.4, 3))], np.array([3.0, 1.2]))
            )
    return found
