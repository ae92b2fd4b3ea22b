"""The ventricles' surfaces at the pixels of a plane, in every frame, fast.

Across the axis (all pixels at one s) the surfaces are tables over the angle; any other plane is computed
pixel by pixel. All surfaces follow the contraction, so that a few states of contraction are computed and the
frames in between interpolated.
"""

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cinecohort.phantom.tissue import Signal
from cinecohort.phantom.ventricles import Ventricles

N_ANGLES = 360
N_STATES = 12
"""States of contraction that are computed; between them radii err by less than 0.05 mm."""

Anatomy = TypeVar("Anatomy")


def single(anatomy: Anatomy) -> Anatomy:
    """The same dataclass with its arrays in single precision, which images need no more than."""
    if not is_dataclass(anatomy) or isinstance(anatomy, type):
        return anatomy
    changed: dict[str, Any] = {}
    for each in fields(anatomy):
        value = getattr(anatomy, each.name)
        if isinstance(value, np.ndarray):
            changed[each.name] = value.astype(np.float32)
        elif is_dataclass(value):
            changed[each.name] = single(value)
        elif isinstance(value, tuple) and value and is_dataclass(value[0]):
            changed[each.name] = tuple(single(item) for item in value)
    return replace(anatomy, **changed)


@dataclass(frozen=True)
class Lookup:
    """Surfaces at n pixels.

    Parameters
    ----------
    r, theta, z
        (n,): polar coordinates about the axis, and height relative to the length at end-diastole.
    endo, epi, right
        (t, n): radii of the LV cavity, of its outer surface and of the RV's free wall, mm.
    """

    r: Signal
    theta: Signal
    z: Signal
    endo: Signal
    epi: Signal
    right: Signal

    def part(self, index: NDArray[np.intp]) -> "Lookup":
        """Some of the pixels."""
        r, theta, z = self.r[index], self.theta[index], self.z[index]
        return Lookup(r, theta, z, self.endo[:, index], self.epi[:, index], self.right[:, index])

    def rough(self, surface: Signal) -> Signal:
        """Values (n,) of a map over the surface, by angle and height, at the pixels."""
        angles, heights = surface.shape
        i = self.theta * np.float32(angles / (2.0 * np.pi)) - np.float32(0.5)
        j = np.clip(self.z * np.float32(heights), 0.0, heights - 1.001)
        lower, left = np.floor(i).astype(np.intp), j.astype(np.intp)
        across, along = i - lower, j - left
        first, second = lower % angles, (lower + 1) % angles
        here = surface[first, left] * (1.0 - along) + surface[first, left + 1] * along
        beside = surface[second, left] * (1.0 - along) + surface[second, left + 1] * along
        return np.asarray(here + across * (beside - here), dtype=np.float32)


def look_up(ventricles: Ventricles, x: Signal, y: Signal, s: Signal) -> Lookup:
    """Surfaces at pixels (n,) given in the heart's coordinates; `ventricles` should be :func:`single`."""
    theta: Signal = (np.arctan2(y, x) % (2.0 * np.pi)).astype(np.float32)
    r = np.hypot(x, y).astype(np.float32)
    z = (s / ventricles.length_ed).astype(np.float32)
    if x.size and float(np.ptp(s)) < 1e-3:
        angles = (np.arange(N_ANGLES, dtype=np.float32) + np.float32(0.5)) * np.float32(
            2.0 * np.pi / N_ANGLES
        )
        index = (theta * (N_ANGLES / (2.0 * np.pi))).astype(np.intp) % N_ANGLES
        tables = _surfaces(ventricles, angles, np.full(1, s[0], dtype=np.float32))
        endo, epi, right = (np.take(table, index, axis=1) for table in tables)
    else:
        endo, epi, right = _in_states(ventricles, theta, s.astype(np.float32))
    return Lookup(r, theta, z, endo, epi, right)


@dataclass(frozen=True)
class States:
    """Some frames that stand for all: the others are interpolated between two of them.

    Parameters
    ----------
    frames
        Which are computed.
    lower, share
        For each of all frames (t,): the first of its two states, and how far it is on the way to the next.
    """

    frames: NDArray[np.intp]
    lower: NDArray[np.intp]
    share: Signal

    def spread(self, table: Signal) -> Signal:
        """Values in the states (k, n) to values in all frames (t, n)."""
        if self.frames.size < 2:
            return np.repeat(table, self.lower.size, axis=0)
        result = table[self.lower]
        result += self.share[:, None] * np.diff(table, axis=0)[self.lower]
        return result


def choose_states(course: Signal, n_states: int = N_STATES) -> States:
    """Choose frames at even steps of a course (t,) on which everything depends."""
    order = np.argsort(course, kind="stable")
    wanted = np.linspace(float(course.min()), float(course.max()), n_states)
    nearest = np.searchsorted(course[order], wanted).clip(0, course.size - 1)
    frames = order[np.unique(nearest)] if course.size > n_states else order
    frames = frames[np.unique(course[frames], return_index=True)[1]]
    at = np.interp(course, course[frames], np.arange(frames.size))
    lower = np.clip(at.astype(np.intp), 0, max(frames.size - 2, 0))
    return States(frames, lower, (at - lower).astype(np.float32))


def _in_states(ventricles: Ventricles, theta: Signal, s: Signal) -> tuple[Signal, Signal, Signal]:
    """The LV's length distinguishes states of contraction."""
    states = choose_states(ventricles.length)
    first, second, third = _surfaces(ventricles.at(states.frames), theta, s)
    return states.spread(first), states.spread(second), states.spread(third)


def _surfaces(ventricles: Ventricles, theta: Signal, s: Signal) -> tuple[Signal, Signal, Signal]:
    endo, epi, right = ventricles.surfaces(theta, s)
    return endo.astype(np.float32), epi.astype(np.float32), right.astype(np.float32)
