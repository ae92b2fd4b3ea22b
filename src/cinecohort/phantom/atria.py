"""Atria as ellipsoids cut by the planes of their valves, and the great vessels, in the heart's coordinates.

A plane cuts off an ellipsoid what it cuts off a sphere after scaling the axes, so that the volume has a
closed form: with the plane at the share d of the way from the centre to the tangent plane, the part on the
near side is (1 - d)² (2 + d) / 4 of the whole.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cinecohort.phantom.ventricles import Plane

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Atrium:
    """An ellipsoid with axes along x, y and s, of which the part above a valve's plane is the atrium.

    Parameters
    ----------
    centre
        (t, 3): x, y, s by frame, mm.
    semi_axes
        (t, 3), mm.
    turn
        Angle by which its first two axes are turned from x and y.
    valve
        The valve's plane.
    """

    centre: FloatArray
    semi_axes: FloatArray
    turn: float
    valve: Plane

    def at(self, frames: NDArray[np.intp]) -> "Atrium":
        """The same atrium in some of its frames."""
        valve = replace(self.valve, position=self.valve.position[frames])
        return Atrium(self.centre[frames], self.semi_axes[frames], self.turn, valve)

    def field(self, x: FloatArray, y: FloatArray, s: FloatArray) -> FloatArray:
        """About the distance to the surface, mm, shape (t, ...); positive inside."""
        return np.minimum(*self.borders(x, y, s))

    def borders(self, x: FloatArray, y: FloatArray, s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distances (t, ...) to the wall and to the valve, mm; positive inside and above."""
        lead = (slice(None),) + (None,) * np.broadcast(x, y, s).ndim
        cx, cy, cs = (self.centre[:, axis][lead] for axis in range(3))
        a, b, c = (self.semi_axes[:, axis][lead] for axis in range(3))
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        u = ((x - cx) * cos + (y - cy) * sin) / a
        v = ((y - cy) * cos - (x - cx) * sin) / b
        w = (s - cs) / c
        rho = np.sqrt(u * u + v * v + w * w)
        gradient = np.sqrt((u / a) ** 2 + (v / b) ** 2 + (w / c) ** 2)
        inside = np.where(rho < 0.3, 0.7 * b, (1.0 - rho) * rho / np.maximum(gradient, 1e-6))
        above = s - self.valve.lift(x, y) - self.valve.position[lead]
        return inside, above

    def volume_ml(self) -> FloatArray:
        """Volume above the valve by frame, mL."""
        whole = 4.0 / 3.0 * np.pi * self.semi_axes.prod(axis=1)
        return whole * (1.0 - _share_below(self.centre, self.semi_axes, self.turn, self.valve)) / 1000.0


def _share_below(centre: FloatArray, semi_axes: FloatArray, turn: float, valve: Plane) -> FloatArray:
    """Share of an ellipsoid's volume below a plane, by frame."""
    normal = np.array([-valve.slope * np.cos(valve.direction), -valve.slope * np.sin(valve.direction), 1.0])
    cos, sin = np.cos(turn), np.sin(turn)
    along = np.array([normal[0] * cos + normal[1] * sin, normal[1] * cos - normal[0] * sin, 1.0])
    reach = np.linalg.norm(semi_axes * along, axis=1)
    distance = np.clip((centre @ normal - valve.position) / reach, -1.0, 1.0)
    return (1.0 - distance) ** 2 * (2.0 + distance) / 4.0


def build_atrium(
    volume_ml: FloatArray,
    valve: Plane,
    *,
    middle: tuple[float, float],
    height_mm: float,
    aspect: float,
    turn: float,
    lean: float = 0.0,
) -> Atrium:
    """Find the ellipsoid that holds the wanted volume above its valve in every frame.

    Parameters
    ----------
    volume_ml
        Wanted volume by frame.
    valve
        The valve's plane.
    middle
        (x, y) of the middle, mm.
    height_mm
        Height over the valve at the largest volume; the roof stays where it then is.
    aspect
        Second over first transverse semi-axis.
    turn
        See :class:`Atrium`.
    lean
        How far the middle lies from `middle` towards x, for a roof that leans over, mm.
    """
    local = valve.position + float(valve.lift(np.asarray(middle[0]), np.asarray(middle[1])))
    roof = local[int(np.argmax(volume_ml))] + height_mm * (0.94 + 0.06 * volume_ml / volume_ml.max())
    semi = (roof - local) / 1.5
    across = np.full_like(volume_ml, 22.0)
    centre = np.stack([np.full_like(roof, middle[0] + lean), np.full_like(roof, middle[1]), roof - semi], 1)
    for _ in range(30):
        axes = np.stack([across, across * aspect, semi], 1)
        atrium = Atrium(centre, axes, turn, valve)
        found = atrium.volume_ml()
        across = across * np.sqrt(volume_ml / found)
        if float(np.abs(found / volume_ml - 1.0).max()) < 1e-5:
            break
    return atrium


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
