"""Both ventricles as analytic surfaces in the coordinates of the heart, in millimetres.

The heart's coordinates: the LV's long axis is s, from 0 at the endocardial apex towards the base; x points
to the lateral wall and y to the inferior wall; r and theta are the polar coordinates of (x, y). Every
surface is a radius as a function of theta, s and frame, so that a slice across the axis needs no more than
a table over theta.

* LV cavity: a truncated ellipsoid, bounded by the tilted plane of the mitral valve, which moves to the apex
  in systole.
* Myocardium: its material moves with the long axis, and each ring keeps its volume, so that the wall
  thickens as the cavity shrinks and the mass is the same in every frame.
* RV cavity: the crescent between the LV's epicardium and a free wall, bounded by the plane of the tricuspid
  valve, which is tilted up towards the outflow tract.

Volumes are integrals of the surfaces (the radial one in closed form, over theta and s by the midpoint rule),
computed without any image.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from cinecohort.phantom.cycle import Cycle
from cinecohort.phantom.people import HeartTargets

FloatArray = NDArray[np.floating[Any]]

DENSITY_G_ML = 1.05
"""Density of myocardium, as Bai 2018 takes it."""

NARROWING = 1.4
"""How soon the LV narrows above where it is widest, relative to the apex's half."""

APEX_WALL = 0.55
"""Thickness of the wall at the apex, relative to the base."""

N_THETA, N_S = 96, 160
"""Points of the integrals."""


@dataclass(frozen=True)
class Plane:
    """A valve's plane: s = position + slope * (x cos(direction) + y sin(direction)).

    Parameters
    ----------
    position
        Where the plane cuts the LV's axis, by frame (t,), mm.
    slope
        Tangent of the tilt.
    direction
        Direction of the rise in (x, y), radians.
    """

    position: FloatArray
    slope: float
    direction: float

    def lift(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """How much higher the plane is at (x, y) than on the axis, mm."""
        return self.slope * (x * np.cos(self.direction) + y * np.sin(self.direction))


Waves = tuple[tuple[int, tuple[float, ...]], ...]
"""A smooth departure around and along a surface: for each harmonic of theta, its number and the coefficients
of cosine and sine times each of 1, 2z - 1 and 2(2z - 1)² - 1."""


@dataclass(frozen=True)
class Shape:
    """What is drawn for a heart beside its volumes.

    Parameters
    ----------
    ovality, ovality_angle
        Relative departure of the LV's cross-section from a circle, and its direction.
    widest
        Where along the axis (0 apex, 1 base) the LV is widest.
    septal_flattening
        Share by which the septum is flattened at end-systole (pressure in the RV).
    wall_pattern
        ``even``, ``septal`` (hypertrophic) or ``infarct``.
    infarct_angle
        Middle of the infarct, radians.
    taper
        How blunt the LV's apex is: 2.3 an egg, 1.6 a cone with a rounded tip.
    rv_angle, rv_span
        Direction of the RV's middle and half its angle, radians.
    contour, wall
        Relative departures of the LV's outline and of its wall's thickness from round and even.
    rv_waves
        Relative departures of the RV's width: towards the inferior side at the base, at the apex, and its
        corners.
    """

    ovality: float = 0.03
    ovality_angle: float = 0.5
    widest: float = 0.78
    septal_flattening: float = 0.0
    wall_pattern: str = "even"
    infarct_angle: float = 0.0
    rv_angle: float = np.pi
    rv_span: float = 1.15
    taper: float = 2.25
    contour: Waves = ()
    wall: Waves = ()
    rv_waves: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Ventricles:
    """The ventricles over a cycle; made by :func:`build_ventricles`.

    Parameters
    ----------
    shape
        What was drawn.
    length
        LV length from the endocardial apex to the mitral plane, by frame, mm.
    mitral, tricuspid
        The valves' planes.
    radius_mm
        Radius of the LV cavity at end-diastole where it is widest.
    contraction
        Radial factor of normal myocardium by frame (1 at end-diastole).
    wall_mm
        Thickness of the wall at end-diastole.
    rv_width_mm
        Width of the RV by frame.
    flattening
        Septal flattening by frame.
    length_ed
        LV length at end-diastole, mm.
    """

    shape: Shape
    length: FloatArray
    mitral: Plane
    tricuspid: Plane
    radius_mm: float
    contraction: FloatArray
    wall_mm: float
    rv_width_mm: FloatArray
    flattening: FloatArray
    length_ed: float

    def at(self, frames: NDArray[np.intp]) -> "Ventricles":
        """The same heart in some of its frames."""
        return replace(
            self,
            length=self.length[frames],
            mitral=replace(self.mitral, position=self.mitral.position[frames]),
            tricuspid=replace(self.tricuspid, position=self.tricuspid.position[frames]),
            contraction=self.contraction[frames],
            rv_width_mm=self.rv_width_mm[frames],
            flattening=self.flattening[frames],
        )

    def surfaces(self, theta: FloatArray, s: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Radii of the LV cavity, of the LV's outer surface and of the RV cavity's free wall.

        Parameters
        ----------
        theta, s
            Angle and height; they broadcast against each other.

        Returns
        -------
        tuple of numpy.ndarray
            Each in mm, of shape (t, ...). The last is the epicardium where there is no RV.
        """
        lead = (slice(None),) + (None,) * np.broadcast(theta, s).ndim
        z = s / self.length[lead]
        section = self.radius_mm * self._section(theta, z)
        endo_ed = self._endocardium_ed(section, z)
        endo = self._contracted(endo_ed, theta, z)
        area = self._epicardium_ed(section, theta, z) ** 2 - endo_ed**2
        epi = np.sqrt(endo**2 + np.maximum(area, 0.0) * (self.length_ed / self.length[lead]))
        return endo, epi, epi + self._right_width(theta, s)

    def endocardium(self, theta: FloatArray, s: FloatArray) -> FloatArray:
        """Radius of the LV cavity, mm, shape (t, ...); `theta` and `s` broadcast against each other."""
        z = s / self.length[(slice(None),) + (None,) * np.broadcast(theta, s).ndim]
        return self._contracted(self._endocardium_ed(self.radius_mm * self._section(theta, z), z), theta, z)

    def epicardium(self, theta: FloatArray, s: FloatArray) -> FloatArray:
        """Radius of the LV's outer surface, mm, shape (t, ...)."""
        return self.surfaces(theta, s)[1]

    def right(self, theta: FloatArray, s: FloatArray) -> FloatArray:
        """Radius of the RV cavity's free wall, mm, shape (t, ...); the epicardium where there is no RV."""
        return self.surfaces(theta, s)[2]

    def _contracted(self, at_ed: FloatArray, theta: FloatArray, z: FloatArray) -> FloatArray:
        """The endocardium's radius in every frame from that of the same material at end-diastole."""
        lead = (slice(None),) + (None,) * (z.ndim - 1)
        moved = at_ed * np.exp(self._contractility(theta, z) * np.log(self.contraction)[lead])
        if not self.flattening.any():
            return moved
        toward_rv = np.exp(-(_angle(theta - self.shape.rv_angle) ** 2) / 0.5)
        return moved * (1.0 - self.flattening[lead] * toward_rv)

    def _right_width(self, theta: FloatArray, s: FloatArray) -> FloatArray:
        """Width of the RV cavity between the epicardium and its free wall, mm, shape (t, ...)."""
        lead = (slice(None),) + (None,) * np.broadcast(theta, s).ndim
        z = (s - 0.09 * self.length_ed) / (self.tricuspid.position[lead] - 0.09 * self.length_ed)
        rise = np.clip(z, 0.0, 1.6)
        along = np.clip(1.0 - (1.0 - np.minimum(rise, 1.0)) ** 2.6, 0.0, 1.0) ** 0.6
        span = self.shape.rv_span * (0.62 + 0.38 * np.clip(rise, 0.0, 1.0) ** 0.6)
        middle = self.shape.rv_angle + 0.22 * np.clip(rise - 0.45, 0.0, 1.0)
        u = _angle(theta - middle) / span
        inside = np.clip(u, -1.0, 1.0)
        at_base, at_apex, corners = self.shape.rv_waves
        level = np.clip(rise, 0.0, 1.0)
        sin, cos = np.sin(np.pi * inside), np.cos(np.pi * inside)
        uneven = (at_base * level + at_apex * (1.0 - level)) * sin
        uneven = uneven + corners * (2.0 * cos * cos - 1.0) - 0.2 * inside
        across = (1.0 - np.abs(inside) ** 2.3) * (0.94 - 0.06 * cos) * (1.0 + uneven)
        return self.rv_width_mm[lead] * along * across

    def _endocardium_ed(self, section: FloatArray, z: FloatArray) -> FloatArray:
        widest = self.shape.widest
        inside = np.minimum(np.where(z < widest, (widest - z) / widest, (z - widest) * NARROWING), 1.0)
        profile = np.clip(1.0 - inside**self.shape.taper, 0.0, None) ** 0.47
        return section * np.where(z > 0.0, profile, 0.0)

    def _epicardium_ed(self, section: FloatArray, theta: FloatArray, z: FloatArray) -> FloatArray:
        widest = self.shape.widest
        cap = APEX_WALL * self.wall_mm / self.length_ed
        inside = np.minimum(
            np.where(z < widest, (widest - z) / (widest + cap), (z - widest) * NARROWING), 1.0
        )
        profile = np.clip(1.0 - inside**self.shape.taper, 0.0, None) ** 0.47
        thick = self.wall_mm * self._wall(theta, z)
        return (section + thick) * profile

    def _section(self, theta: FloatArray, z: FloatArray) -> FloatArray:
        oval = 1.0 + self.shape.ovality * np.cos(2.0 * (theta - self.shape.ovality_angle))
        return oval + waves(self.shape.contour, theta, z)

    def _wall(self, theta: FloatArray, z: FloatArray) -> FloatArray:
        """Relative thickness of the wall at end-diastole."""
        toward_rv = np.cos(theta - self.shape.rv_angle)
        even = APEX_WALL + (1.0 - APEX_WALL) * np.sin(0.5 * np.pi * np.clip(z / 0.6, 0.0, 1.0))
        membranous = np.clip((z - 0.78) / 0.22, 0.0, 1.0) * np.exp(-((1.0 - toward_rv) ** 2) / 0.05)
        even = even * (1.0 + 0.06 * toward_rv + waves(self.shape.wall, theta, z)) * (1.0 - 0.35 * membranous)
        if self.shape.wall_pattern == "septal":
            septal = np.exp(-(_angle(theta - self.shape.rv_angle - 0.35) ** 2) / 1.1)
            return even * (0.78 + 0.95 * septal * np.exp(-((z - 0.75) ** 2) / 0.16))
        if self.shape.wall_pattern == "infarct":
            return even * (1.0 - 0.5 * self._infarct(theta, z))
        return even

    def _contractility(self, theta: FloatArray, z: FloatArray) -> FloatArray:
        """Exponent of the radial contraction: 1 normal, 0 akinetic."""
        normal = 1.12 - 0.22 * np.clip(z, 0.0, 1.2)
        if self.shape.wall_pattern == "infarct":
            return normal * (1.0 - 0.97 * self._infarct(theta, z))
        return normal

    def _infarct(self, theta: FloatArray, z: FloatArray) -> FloatArray:
        around = np.exp(-((_angle(theta - self.shape.infarct_angle) / 0.85) ** 4))
        return around * np.exp(-(((np.clip(z, 0.0, 1.0) - 0.35) / 0.45) ** 4))


def waves(departures: Waves, theta: FloatArray, z: FloatArray) -> FloatArray:
    """Departures at an angle (radians) and a height (0 apex, 1 base), relative."""
    total = np.zeros(1, dtype=z.dtype)
    if not departures:
        return total
    around = [np.zeros(1, dtype=theta.dtype)] * 3
    for number, coefficients in departures:
        cos, sin = np.cos(number * theta), np.sin(number * theta)
        for order in range(3):
            around[order] = around[order] + coefficients[2 * order] * cos + coefficients[2 * order + 1] * sin
    height = 2.0 * np.clip(z, -0.1, 1.2) - 1.0
    return np.asarray(around[0] + height * (around[1] + 2.0 * height * around[2]) - around[2])


def _angle(theta: FloatArray) -> FloatArray:
    """Angle between -pi and pi."""
    return (theta + np.pi) % (2.0 * np.pi) - np.pi


def sector(radius: FloatArray, height: FloatArray, slope_along: FloatArray) -> FloatArray:
    """Integral of r dr from 0 to `radius` over the part that lies below a tilted plane, mm².

    Parameters
    ----------
    radius
        Radius of the surface.
    height
        How far the plane lies above this s on the axis (negative: below).
    slope_along
        Rise of the plane per mm along the ray.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = np.where(np.abs(slope_along) > 1e-9, -height / slope_along, np.inf)
    crossing = np.where(crossing > 0.0, np.minimum(crossing, radius), radius)
    inner, whole = 0.5 * crossing**2, 0.5 * radius**2
    return np.where(height >= 0.0, inner, np.where(slope_along > 0.0, whole - inner, 0.0))


def _grid(top: float, bottom: float) -> tuple[FloatArray, FloatArray, float]:
    theta = (np.arange(N_THETA, dtype=np.float64) + 0.5) * (2.0 * np.pi / N_THETA)
    step = (top - bottom) / N_S
    s = bottom + (np.arange(N_S, dtype=np.float64) + 0.5) * step
    return theta[None, :], s[:, None], step * 2.0 * np.pi / N_THETA


@dataclass(frozen=True)
class Volumes:
    """Analytic volumes by frame (t,): mL, and the myocardium's mass in g."""

    lv_ml: FloatArray
    myocardium_g: FloatArray
    rv_ml: FloatArray


def volumes(heart: Ventricles) -> Volumes:
    """Integrate the ventricles in every frame of `heart`."""
    # Few frames at a time: the tables of some stay in the processor's cache.
    parts = [
        _volumes(heart.at(np.arange(first, min(first + 4, heart.length.size))))
        for first in range(0, heart.length.size, 4)
    ]
    lv, whole, rv = (np.concatenate(values) for values in zip(*parts, strict=True))
    return Volumes(lv, (whole - lv) * DENSITY_G_ML, rv)


def _volumes(heart: Ventricles) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Volumes inside the endocardium, inside the epicardium and of the RV by frame (t,), mL."""
    theta, s, cell = _grid(heart.length_ed + 32.0, -16.0)
    endo, epi, right = heart.surfaces(theta, s)

    def below(plane: Plane, radius: FloatArray) -> FloatArray:
        height = plane.position[:, None, None] - s
        part = sector(radius, height, plane.slope * np.cos(theta - plane.direction))
        return np.asarray(part.sum(axis=(1, 2)) * cell / 1000.0)

    right_ventricle = below(heart.tricuspid, right) - below(heart.tricuspid, epi)
    return below(heart.mitral, endo), below(heart.mitral, epi), right_ventricle


LEVELS = np.linspace(0.0, 1.0, 9)
"""States of contraction in which the surfaces are fitted; between them they are interpolated."""


def build_ventricles(targets: HeartTargets, shape: Shape, cycle: Cycle) -> Ventricles:
    """Find the surfaces whose integrals are the wanted volumes.

    Parameters
    ----------
    targets
        Volumes at end-diastole and end-systole, and mass.
    shape
        The rest of what is drawn.
    cycle
        Course of the contraction; between end-diastole and end-systole volumes follow it.
    """
    levels = _fitted(_first_guess(targets, shape), targets)

    def course(values: FloatArray) -> FloatArray:
        return np.asarray(CubicSpline(LEVELS, values)(cycle.contraction))

    return replace(
        levels,
        length=course(levels.length),
        mitral=replace(levels.mitral, position=course(levels.mitral.position)),
        tricuspid=replace(levels.tricuspid, position=course(levels.tricuspid.position)),
        contraction=course(levels.contraction),
        rv_width_mm=course(levels.rv_width_mm),
        flattening=course(levels.flattening),
    )


def _first_guess(targets: HeartTargets, shape: Shape) -> Ventricles:
    length_ed = 90.0 * (targets.lvedv_ml / 143.0) ** 0.31
    fraction = 1.0 - targets.lvesv_ml / targets.lvedv_ml
    descent = length_ed * 0.155 * (fraction / 0.6) ** 0.6 * LEVELS
    tapse = 18.0 * (1.0 - targets.rvesv_ml / targets.rvedv_ml) / 0.56 * LEVELS
    return Ventricles(
        shape=shape,
        length=length_ed - descent,
        mitral=Plane(length_ed - descent, 0.27, -2.45),
        tricuspid=Plane(length_ed - 4.0 - tapse, 0.30, -1.9),
        radius_mm=25.0 * (targets.lvedv_ml / 143.0) ** 0.345,
        contraction=1.0 - 0.3 * LEVELS,
        wall_mm=7.5,
        rv_width_mm=np.full(LEVELS.size, 30.0),
        flattening=shape.septal_flattening * (0.4 + 0.6 * LEVELS),
        length_ed=length_ed,
    )


def _fitted(heart: Ventricles, targets: HeartTargets) -> Ventricles:
    """Adjust radius, contraction, wall and RV width until the integrals agree to 1e-4."""
    lv = targets.lvedv_ml + LEVELS * (targets.lvesv_ml - targets.lvedv_ml)
    rv = targets.rvedv_ml + LEVELS * (targets.rvesv_ml - targets.rvedv_ml)
    for _ in range(25):
        found = volumes(heart)
        relative = (lv / lv[0]) / (found.lv_ml / found.lv_ml[0])
        heart = replace(
            heart,
            radius_mm=heart.radius_mm * float(np.sqrt(lv[0] / found.lv_ml[0])),
            contraction=heart.contraction * np.sqrt(relative),
            wall_mm=heart.wall_mm * float(targets.lvm_g / found.myocardium_g[0]) ** 0.85,
            rv_width_mm=heart.rv_width_mm * (rv / found.rv_ml) ** 0.85,
        )
        ratios = (found.lv_ml / lv, found.rv_ml / rv, found.myocardium_g[:1] / targets.lvm_g)
        if max(float(np.abs(ratio - 1.0).max()) for ratio in ratios) < 1e-4:
            break
    return heart
