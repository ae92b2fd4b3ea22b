"""Atria that grow out of their valves, as surfaces with a closed form of their volume, mm.

An atrium is a stack of egg-shaped sections parallel to its valve's plane, from the annulus (height 0) to the
roof (height 1). All sections have one outline; their size follows a superellipse over the height and their
middle moves from the annulus's to the body's. The stack leans: coordinates are sheared before the sections
are taken. A shear keeps volumes, so that the volume is the roof's height over the plane times the mean area
of the sections, times a constant for a plane and a lean that are not at right angles.

The side towards the septum stays where it is while the atrium fills: two atria that lean alike, on either
side of a line, never overlap.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinecohort.phantom.ventricles import Plane

FloatArray = NDArray[np.floating[Any]]

ROUNDNESS = 3
"""Exponent of the superellipse over the height: 2 is an ellipsoid, more has a flatter roof."""

HEIGHTS = (np.arange(200) + 0.5) / 200


@dataclass(frozen=True)
class Outline:
    """Shape of an atrium's sections, in directions away from the septum (u) and along it (v).

    Parameters
    ----------
    away
        Direction of u in (x, y), radians.
    septal, free
        Semi-axes towards the septum and away from it, relative to the radius.
    first, second
        Semi-axes towards negative and positive v, relative to the radius.
    lobes, lobes_at
        Depth of three smooth lobes, relative to the radius, and their angle, radians.
    """

    away: float
    septal: float = 0.85
    free: float = 1.0
    first: float = 1.0
    second: float = 1.0
    lobes: float = 0.0
    lobes_at: float = 0.0

    def area(self) -> float:
        """Area of the section of radius 1."""
        angle = (np.arange(720) + 0.5) * (2.0 * np.pi / 720)
        across = np.where(np.cos(angle) < 0.0, self.septal, self.free)
        along = np.where(np.sin(angle) < 0.0, self.first, self.second)
        reach = 1.0 + self.lobes * np.cos(3.0 * angle - self.lobes_at)
        return float(0.5 * (across * along * reach**2).mean() * 2.0 * np.pi)

    def relative(self, dx: FloatArray, dy: FloatArray) -> FloatArray:
        """Distance from the middle over the outline's distance in that direction, times the radius, mm."""
        cos, sin = np.float32(np.cos(self.away)), np.float32(np.sin(self.away))
        u, v = dx * cos + dy * sin, dy * cos - dx * sin
        u = u / np.where(u < 0.0, np.float32(self.septal), np.float32(self.free))
        v = v / np.where(v < 0.0, np.float32(self.first), np.float32(self.second))
        rho = np.sqrt(u * u + v * v)
        if self.lobes == 0.0:
            return rho
        c, s = u / np.maximum(rho, 1e-3), v / np.maximum(rho, 1e-3)
        cos3, sin3 = 4.0 * c**3 - 3.0 * c, 3.0 * s - 4.0 * s**3
        lobes = self.lobes * (np.cos(self.lobes_at) * cos3 + np.sin(self.lobes_at) * sin3)
        return np.asarray(rho / (1.0 + lobes))


@dataclass(frozen=True)
class Atrium:
    """An atrium over a cycle; made by :func:`build_atrium`.

    Parameters
    ----------
    valve
        The valve's plane.
    outline
        Shape of the sections.
    septum
        (x, y) of the septal wall, where the sections are widest.
    annulus
        (x, y) of the annulus's middle.
    annulus_mm
        Radius of the annulus by frame (t,).
    height_mm
        Height of the roof over the plane by frame.
    radius_mm
        Radius where the sections are widest, by frame.
    widest
        Height at which they are widest.
    drift
        How far the middle goes on in (x, y) from there to the roof, mm.
    lean
        How far everything is displaced in (x, y) per mm along s.
    upright
        The s at which nothing is displaced, mm.
    """

    valve: Plane
    outline: Outline
    septum: tuple[float, float]
    annulus: tuple[float, float]
    annulus_mm: FloatArray
    height_mm: FloatArray
    radius_mm: FloatArray
    widest: float
    drift: tuple[float, float]
    lean: tuple[float, float] = (0.0, 0.0)
    upright: float = 0.0

    def at(self, frames: NDArray[np.intp]) -> "Atrium":
        """The same atrium in some of its frames."""
        return replace(
            self,
            valve=replace(self.valve, position=self.valve.position[frames]),
            annulus_mm=self.annulus_mm[frames],
            height_mm=self.height_mm[frames],
            radius_mm=self.radius_mm[frames],
        )

    def field(self, x: FloatArray, y: FloatArray, s: FloatArray) -> FloatArray:
        """About the distance to the surface, mm, shape (t, ...); positive inside."""
        return np.minimum(*self.borders(x, y, s))

    def borders(self, x: FloatArray, y: FloatArray, s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distances (t, ...) to the wall and to the valve, mm; positive inside and above."""
        lead = (slice(None),) + (None,) * np.broadcast(x, y, s).ndim
        above = s - self.valve.lift(x, y) - self.valve.position[lead]
        height = above / self.height_mm[lead]
        middle = self._middle(lambda values: values[lead])
        share = np.clip(height / self.widest, 0.0, 1.0)
        beyond = np.clip(height - self.widest, 0.0, 1.2)
        annulus = self._annulus(self.valve.position[lead])
        cx = annulus[0] + share * (middle[0] - annulus[0]) + beyond * self.drift[0]
        cy = annulus[1] + share * (middle[1] - annulus[1]) + beyond * self.drift[1]
        radius = self.radius_mm[lead]
        dx, dy = (along * (s - self.upright) for along in self.lean)
        u = self.outline.relative(x - dx - cx, y - dy - cy) / radius
        reach = np.where(height > self.widest, 1.0 - self.widest, self._reach_below()[lead])
        v = np.abs(height - self.widest) / reach
        rho = np.cbrt(np.maximum(u * u * u + v * v * v, 1e-6))
        u, v = u / rho, v / rho
        slope_u, slope_v = u * u / radius, v * v / (reach * self.height_mm[lead])
        slope = np.sqrt(slope_u * slope_u + slope_v * slope_v)
        return (1.0 - rho) / np.maximum(slope, 1e-3), above

    def volume_ml(self) -> FloatArray:
        """Volume above the valve by frame, mL."""
        v = np.where(
            self.widest < HEIGHTS,
            (HEIGHTS - self.widest) / (1.0 - self.widest),
            (self.widest - HEIGHTS) / self._reach_below()[:, None],
        )
        share = (1.0 - v**ROUNDNESS) ** (2.0 / ROUNDNESS)
        area = self.outline.area() * self.radius_mm**2 * share.mean(axis=1)
        return self.height_mm * area / self._skewed() / 1000.0

    def place(self, share: float, u: float, v: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Where something enters: the point (x, y, s) by frame at a height and a place in the section.

        Parameters
        ----------
        share
            Height, 0 to 1.
        u, v
            Place away from the septum and along it, relative to the semi-axes.
        """
        middle = self._middle(lambda values: values)
        beyond = max(share - self.widest, 0.0)
        inward = min(share / self.widest, 1.0)
        across = u * (self.outline.free if u > 0 else self.outline.septal) * self.radius_mm
        along = v * (self.outline.second if v > 0 else self.outline.first) * self.radius_mm
        cos, sin = np.cos(self.outline.away), np.sin(self.outline.away)
        annulus = self._annulus(self.valve.position)
        x = annulus[0] + inward * (middle[0] - annulus[0]) + beyond * self.drift[0]
        y = annulus[1] + inward * (middle[1] - annulus[1]) + beyond * self.drift[1]
        x, y = x + across * cos - along * sin, y + across * sin + along * cos
        above = self.valve.position + self.valve.lift(x, y) + share * self.height_mm - self.upright
        s = above / self._skewed()
        return x + self.lean[0] * s, y + self.lean[1] * s, s + self.upright

    def _annulus(self, position: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The annulus's middle before the stack leans."""
        rise = position - self.upright
        return self.annulus[0] - self.lean[0] * rise, self.annulus[1] - self.lean[1] * rise

    def _skewed(self) -> float:
        """How much of a step along the leaning stack is a step away from the plane."""
        return 1.0 - float(self.valve.lift(np.asarray(self.lean[0]), np.asarray(self.lean[1])))

    def _middle(self, shaped: Callable[[FloatArray], FloatArray]) -> tuple[FloatArray, FloatArray]:
        reach = shaped(self.outline.septal * (1.0 + self.outline.lobes) * self.radius_mm)
        return (
            self.septum[0] + reach * np.cos(self.outline.away),
            self.septum[1] + reach * np.sin(self.outline.away),
        )

    def _reach_below(self) -> FloatArray:
        """Height at which the superellipse would close below the annulus, from the widest, by frame."""
        share = np.minimum(self.annulus_mm / self.radius_mm, 0.97)
        return np.asarray(self.widest / (1.0 - share**ROUNDNESS) ** (1.0 / ROUNDNESS))


def build_atrium(
    volume_ml: FloatArray,
    valve: Plane,
    *,
    outline: Outline,
    septum: tuple[float, float],
    annulus: tuple[float, float],
    annulus_mm: FloatArray,
    height_mm: float,
    widest: float = 0.5,
    drift: tuple[float, float] = (0.0, 0.0),
    lean: tuple[float, float] = (0.0, 0.0),
    upright: float = 0.0,
) -> Atrium:
    """Find the radius that gives the wanted volume above the valve in every frame.

    Parameters
    ----------
    volume_ml
        Wanted volume by frame.
    valve
        The valve's plane.
    height_mm
        Height over the valve at the largest volume; the roof hardly moves as the valve does.
    outline, septum, annulus, annulus_mm, widest, drift, lean, upright
        See :class:`Atrium`.
    """
    at_most = int(np.argmax(volume_ml))
    roof = valve.position[at_most] + height_mm * (0.94 + 0.06 * volume_ml / volume_ml.max())
    low, high = np.full_like(volume_ml, 4.0), np.full_like(volume_ml, 90.0)
    atrium = Atrium(
        valve=valve,
        outline=outline,
        septum=septum,
        annulus=annulus,
        annulus_mm=annulus_mm,
        height_mm=roof - valve.position,
        radius_mm=0.5 * (low + high),
        widest=widest,
        drift=drift,
        lean=lean,
        upright=upright,
    )
    for _ in range(40):
        too_large = atrium.volume_ml() > volume_ml
        high = np.where(too_large, atrium.radius_mm, high)
        low = np.where(too_large, low, atrium.radius_mm)
        atrium = replace(atrium, radius_mm=0.5 * (low + high))
    return atrium
