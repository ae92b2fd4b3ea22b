"""The chest around the heart: skin and fat, muscle and ribs, lungs, liver, spine, in patient coordinates."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinecohort.phantom.people import Person
from cinecohort.phantom.tissue import Noise3D, Signal, Signals, mix, ridge, soft

FloatArray = NDArray[np.floating[Any]]


FLUID_LEVEL_MM = -22.0
"""Where the stomach's fluid ends and its gas begins, towards the front of the chest."""

SLOW = 3.5
"""How much larger than the coarse noise's the variations of thickness are."""


@dataclass(frozen=True)
class Torso:
    """A chest of elliptic cross-section.

    Parameters
    ----------
    half_width_mm, half_depth_mm
        Outer half axes.
    fat_mm
        Thickness of the fat under the skin.
    visceral
        Share of fat in the mediastinum.
    coarse, fine
        Noise in space.
    lumps
        Balls around the heart that nobody expects: middle (x, y, z) and radius in mm, signal.
    """

    half_width_mm: float
    half_depth_mm: float
    fat_mm: float
    visceral: float
    coarse: Noise3D
    fine: Noise3D
    lumps: tuple[tuple[float, float, float, float, float], ...] = ()

    def noises(self, points: FloatArray) -> tuple[Signal, Signal, Signal]:
        """Slow, rough and fine variation (n,) at points (n, 3)."""
        return self.coarse(points / SLOW), self.coarse(points), self.fine(points)

    def signal(
        self,
        points: FloatArray,
        noises: tuple[Signal, Signal, Signal],
        signals: Signals,
        width_mm: float = 2.0,
    ) -> Signal:
        """Signal of everything but heart and vessels.

        Parameters
        ----------
        points
            (n, 3).
        noises
            Of :meth:`noises` there (one plane's will do for the whole of a slab).
        signals
            Contrast.
        width_mm
            Width over which tissues blend.
        """
        x, y, z = points.T
        slow, rough, grain = noises
        depth = self._depth(x, y + 0.04 * z)
        result = np.full(x.shape, signals.air, dtype=np.float32)
        septa = ridge(rough + 0.15 * grain, 0.15)
        mix(result, soft(depth, width_mm), np.float32(signals.fat) * (1 + 0.03 * rough - 0.08 * septa))
        wall = depth - self.fat_mm * (1.0 + 0.08 * rough + 0.22 * slow)
        mix(result, soft(wall, width_mm), np.float32(signals.muscle) * (1 + 0.15 * grain))
        self._chest_wall(result, points, wall, rough, slow, signals, width_mm)
        cavity = wall - 17.5 - 2.5 * slow - 1.0 * rough
        inside = soft(cavity, width_mm)
        contents = self._contents(points, slow, rough, grain, signals, width_mm)
        mix(result, inside, contents)
        for at_x, at_y, at_z, radius, lump in self.lumps:
            away = np.sqrt((x - at_x) ** 2 + (y - at_y) ** 2 + (0.7 * (z - at_z)) ** 2)
            mix(
                result,
                soft(radius + 2.0 * rough - away, 2.0 * width_mm),
                np.float32(lump) * (1 + 0.1 * grain),
            )
        self._spine(result, points, rough, grain, signals, width_mm)
        self._posterior_mediastinum(result, x, y, z, rough, signals, width_mm)
        self._arms(result, x, y, rough, signals, width_mm)
        return result

    def near(self, points: FloatArray, margin_mm: float) -> NDArray[np.intp]:
        """Which of the points (n, 3) lie in the body, or at most about `margin_mm` off it."""
        x, y, z = points.T
        skin = -self._arm_depth(x, y) if self.half_width_mm < np.abs(x).max() + margin_mm else np.inf
        return np.flatnonzero(np.minimum(-self._depth(x, y + 0.04 * z), skin) < margin_mm)

    def _arm_depth(self, x: FloatArray, y: FloatArray) -> FloatArray:
        radius = self._arm_radius()
        return radius - np.hypot(np.abs(x) - self.half_width_mm - radius - 4.0, 0.85 * (y - 25.0))

    def _arm_radius(self) -> float:
        return 36.0 + 0.6 * self.fat_mm

    def _depth(self, x: FloatArray, y: FloatArray) -> FloatArray:
        a, b = self.half_width_mm, self.half_depth_mm
        u, v = np.abs(x / a) ** 2.4, np.abs((y - 8.0) / b) ** 2.4
        return (1.0 - (u + v) ** (1 / 2.4)) * b

    def _chest_wall(
        self,
        result: Signal,
        points: FloatArray,
        wall: FloatArray,
        rough: Signal,
        slow: Signal,
        signals: Signals,
        width_mm: float,
    ) -> None:
        """Muscles with fat between them, ribs that run obliquely with marrow inside, the sternum."""
        x, y, z = points.T
        layers = 0.9 + 1.2 * rough + 0.8 * slow - np.abs(wall - 5.5 - 2.5 * slow)
        mix(result, soft(layers, 2.5), np.float32(0.75 * signals.fat))
        level = (z + 0.35 * y + 0.1 * np.abs(x) + 5.0 * slow + 1.5 * rough) / 29.0
        across = (level - np.round(level)) * 29.0
        inner = wall - 12.0 - 2.5 * slow
        rib = 4.6 + 1.0 * slow - np.sqrt((across / 1.5) ** 2 + inner**2)
        sternum = np.minimum(17.0 + 2.0 * rough - np.abs(x), 5.0 - np.abs(wall - 9.0))
        sternum = np.where((y < 0.0) & (z > -70.0), sternum, -9.0)
        bone = np.maximum(rib, sternum)
        mix(result, soft(bone, width_mm), np.float32(signals.bone))
        mix(result, soft(bone - 1.6, 1.5 * width_mm), np.float32(signals.marrow) * (0.75 + 0.25 * rough))
        lining = 1.2 + 1.2 * rough + 0.9 * slow - np.abs(wall - 16.5 - 2.0 * slow)
        mix(result, soft(lining, 2.5), np.float32(0.65 * signals.fat))

    def _contents(
        self,
        points: FloatArray,
        slow: Signal,
        rough: Signal,
        grain: Signal,
        signals: Signals,
        width_mm: float,
    ) -> Signal:
        x, y, z = points.T
        hilum = np.exp(-(((np.abs(x) - 55.0) / 45.0) ** 2) - ((y - 25.0) / 60.0) ** 2)
        vessels = np.clip(1.4 * (grain + 0.5 * rough) - 2.7 + 0.5 * hilum, 0.0, 1.0) * (0.2 + 0.45 * hilum)
        result = np.asarray(signals.lung * (1.0 + 0.25 * rough) + vessels, dtype=np.float32)
        middle = (
            27.0 - np.abs(x - 6.0 - 0.1 * y) + 8.0 * slow + 1.5 * rough + 0.25 * np.maximum(-y - 20.0, 0.0)
        )
        strands = ridge(0.8 * rough + 1.2 * slow, 0.7 - 0.4 * self.visceral)
        loose = np.float32(signals.fat) * (0.5 + 0.05 * grain + 0.06 * rough - 0.5 * strands)
        lean = soft(y - 8.0 + 14.0 * slow + 5.0 * rough + 12.0 * (0.5 - self.visceral), 2.0 * width_mm)
        mix(loose, lean, np.float32(signals.muscle) * (1.0 + 0.3 * grain + 0.3 * rough))
        mix(result, soft(middle + 1.0, width_mm), np.float32(signals.muscle))
        mix(result, soft(middle - 1.0, width_mm), loose)
        dome = (
            -38.0
            + 30.0 * np.exp(-(((x + 62.0) / 62.0) ** 2))
            - ((y - 5.0) / 21.0) ** 2
            + 2.0 * rough
            + 4.0 * slow
        )
        dome += 8.0 * np.exp(-(((x - 95.0) / 40.0) ** 2))
        below = dome - z
        belly = np.full(x.shape, signals.fat * 0.9, dtype=np.float32)
        liver = 62.0 - x - 0.25 * (z + 60.0) + 3.0 * rough
        mix(
            belly,
            soft(liver, width_mm),
            np.float32(signals.liver) * (1 + 0.09 * grain + 0.08 * rough + 0.10 * slow),
        )
        bowel = soft(9.0 * (slow + 0.25 * rough), 3.0 * width_mm)
        mix(belly, soft(-liver - 3.0, width_mm) * bowel, np.float32(0.24) * (1 + 0.25 * grain))
        stomach = 1.0 - np.sqrt(
            ((x - 88.0) / 34.0) ** 2 + ((y + 12.0) / 42.0) ** 2 + ((z + 72.0) / 26.0) ** 2
        )
        stomach += 0.14 * slow + 0.05 * rough
        # Gas lies in front of a person on the back; folds of the wall reach into what is left.
        gas = soft(FLUID_LEVEL_MM + 6.0 * slow - y, width_mm)
        folds = ridge(rough + 0.3 * grain, 0.5)
        filling = np.float32(signals.stomach) * (0.8 + 0.25 * slow + 0.1 * grain) * (1.0 - 0.6 * folds)
        mix(filling, gas, np.float32(signals.air))
        mix(belly, soft(stomach * 28.0, width_mm), np.float32(signals.muscle))
        mix(belly, soft(stomach * 28.0 - 4.0, width_mm), filling)
        spleen = 1.0 - np.sqrt(
            ((x - 112.0) / 24.0) ** 2 + ((y - 58.0) / 40.0) ** 2 + ((z + 66.0) / 40.0) ** 2
        )
        mix(belly, soft(spleen * 24.0, width_mm), np.float32(signals.spleen) * (1 + 0.05 * grain))
        mix(result, soft(below, width_mm), np.float32(signals.muscle))
        mix(result, soft(below - 3.0, width_mm), belly)
        return result

    def _posterior_mediastinum(
        self,
        result: Signal,
        x: FloatArray,
        y: FloatArray,
        z: FloatArray,
        rough: Signal,
        signals: Signals,
        width_mm: float,
    ) -> None:
        """Descending aorta, oesophagus and azygos vein in front of the spine."""
        front = self.half_depth_mm - self.fat_mm - 38.0 - 17.0
        near = np.flatnonzero((np.abs(x - 10.0) < 40.0) & (np.abs(y - front) < 28.0))
        if not near.size:
            return
        x, y, rough, part = x[near], y[near], rough[near], result[near]
        bend = 4.0 * np.sin(z[near] / 55.0)
        for at_x, at_y, radius, tissue in (
            (4.0, front - 9.0, 7.5, 1.3 * signals.muscle),
            (4.0, front - 9.0, 2.5, 0.5 * signals.muscle),
            (30.0, front + 8.0, 12.5, signals.myocardium),
            (30.0, front + 8.0, 11.2, 0.93 * signals.blood),
            (-9.0, front + 1.0, 4.0, 0.7 * signals.blood),
        ):
            away = np.hypot(x - at_x - bend, y - at_y)
            mix(part, soft(radius - away, width_mm), np.float32(tissue) * (1 + 0.04 * rough))
        result[near] = part

    def _arms(
        self, result: Signal, x: FloatArray, y: FloatArray, rough: Signal, signals: Signals, width_mm: float
    ) -> None:
        """Upper arms along the body: fat, muscle, bone with marrow."""
        beside = np.flatnonzero(np.abs(x) > self.half_width_mm - 8.0)
        if not beside.size:
            return
        radius, away = self._arm_radius(), self._arm_depth(x[beside], y[beside])
        part = result[beside]
        mix(part, soft(away, width_mm), np.float32(signals.fat))
        muscle = away - 0.6 * self.fat_mm - 2.0 * rough[beside]
        mix(part, soft(muscle, width_mm), np.float32(signals.muscle))
        mix(part, soft(away - radius + 11.0, width_mm), np.float32(signals.bone))
        mix(part, soft(away - radius + 7.0, width_mm), np.float32(signals.marrow))
        result[beside] = part

    def _spine(
        self,
        result: Signal,
        points: FloatArray,
        rough: Signal,
        grain: Signal,
        signals: Signals,
        width_mm: float,
    ) -> None:
        """A column that bends, of waisted bodies with uneven marrow, discs of unlike height, and the cord."""
        front = self.half_depth_mm - self.fat_mm - 38.0
        near = np.flatnonzero((np.abs(points[:, 0]) < 75.0) & (points[:, 1] > front - 40.0))
        if not near.size:
            return
        x, y, z = points[near].T
        rough, grain, part = rough[near], grain[near], result[near]
        x = x - 3.0 * np.sin(z / 85.0 + self.half_width_mm)
        behind = y - front - 4.0 + 6.0 * ((z - 40.0) / 75.0) ** 2
        muscles = 30.0 + 2.0 * rough - np.hypot((np.abs(x) - 32.0) * 0.8, (behind - 30.0) * 1.5)
        streaks = ridge(rough + 0.4 * grain, 0.15)
        tissue = np.float32(signals.muscle) * (1 + 0.2 * grain) * (1 - streaks)
        mix(part, soft(muscles, width_mm), tissue + 0.4 * np.float32(signals.fat) * streaks)
        level = (z + 1.5 * rough) / 25.0 + self.half_width_mm / 7.0
        number = np.round(level)
        share = np.abs(level - number)
        away = np.hypot(x, behind * 1.12)
        body = 18.5 - 2.4 * np.sin(np.pi * share) ** 2 + 0.4 * rough - away
        mix(part, soft(body, 1.5 * width_mm), np.float32(signals.bone))
        height = 2.6 + 0.9 * np.sin(2.3 * number + self.half_depth_mm) + 1.2 * (1.0 - (away / 17.0) ** 2)
        marrow = np.float32(0.62 * signals.marrow) * (1 + 0.22 * rough + 0.15 * grain)
        disc = np.float32(0.55 * signals.myocardium) * (1 + 0.2 * rough)
        marrow += soft(height - 25.0 * share, 2.0 * width_mm) * (disc - marrow)
        mix(part, soft(body - 1.5, 1.5 * width_mm), marrow)
        canal = 8.0 - np.hypot(x, behind - 27.0)
        mix(part, soft(canal, 2.0 * width_mm), np.float32(0.55 * signals.fluid) * (1 + 0.15 * rough))
        mix(part, soft(canal - 4.0, 2.0 * width_mm), np.float32(0.38))
        result[near] = part


def draw_torso(person: Person, rng: np.random.Generator, *, randomise: bool = False) -> Torso:
    """A chest that fits a person's sex, height and body mass index; `randomise` ignores the latter."""
    over = float(rng.uniform(-5.0, 20.0)) if randomise else person.bmi - 23.0
    male = person.sex == "M"
    width = (168.0 if male else 150.0) + 2.6 * over + rng.normal(0.0, 6.0)
    return Torso(
        half_width_mm=float(width),
        half_depth_mm=float((112.0 if male else 104.0) + 2.2 * over + rng.normal(0.0, 4.0)),
        fat_mm=float(np.clip((9.0 if male else 14.0) + 1.5 * over, 5.0, 55.0)),
        visceral=float(np.clip(0.42 + 0.018 * over + rng.normal(0, 0.25 if randomise else 0.08), 0.05, 0.95)),
        coarse=Noise3D(rng, 9.0),
        fine=Noise3D(rng, 2.2),
        lumps=_lumps(rng) if randomise else (),
    )


def _lumps(rng: np.random.Generator) -> tuple[tuple[float, float, float, float, float], ...]:
    """Up to eight balls beside the heart, of any signal."""
    low, high = (-80.0, -60.0, -60.0, 6.0, -0.8), (90.0, 70.0, 80.0, 32.0, 1.1)
    drawn = rng.uniform(low, high, (int(rng.integers(0, 9)), 5))
    return tuple(
        (float(x), float(y), float(z), float(radius), float(signal)) for x, y, z, radius, signal in drawn
    )
