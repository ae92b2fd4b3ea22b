"""The ventricles' surfaces at the pixels of a plane, in every frame, fast.

Across the axis (all pixels at one s) the surfaces are tables over the angle; any other plane is computed
pixel by pixel. All surfaces follow the contraction, so that a few states of contraction are computed and the
frames in between interpolated.
"""

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

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

    def rough(self, trabeculae: Signal) -> Signal:
        """Depth of the trabeculae (n,) at the pixels' angles and heights."""
        angles, heights = trabeculae.shape
        i = (self.theta / (2.0 * np.pi) * angles).astype(np.intp) % angles
        j = np.clip(self.z * heights, 0, heights - 1).astype(np.intp)
        return trabeculae[i, j]


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


def _in_states(ventricles: Ventricles, theta: Signal, s: Signal) -> tuple[Signal, Signal, Signal]:
    """Compute states of contraction, told apart by the ventricle's length, and interpolate the frames."""
    length = ventricles.length
    order = np.argsort(length)
    if length.size <= N_STATES:
        return _surfaces(ventricles, theta, s)
    wanted = np.linspace(float(length.min()), float(length.max()), N_STATES)
    nearest = np.searchsorted(length[order], wanted).clip(0, length.size - 1)
    states = order[np.unique(nearest)]
    at = np.interp(length, length[states], np.arange(states.size))
    lower = np.minimum(at.astype(np.intp), states.size - 2)
    share = (at - lower).astype(np.float32)[:, None]
    tables = _surfaces(ventricles.at(states), theta, s)
    first, second, third = (table[lower] + share * (table[lower + 1] - table[lower]) for table in tables)
    return first, second, third


def _surfaces(ventricles: Ventricles, theta: Signal, s: Signal) -> tuple[Signal, Signal, Signal]:
    endo = ventricles.endocardium(theta, s)
    epi = ventricles.epicardium(theta, s, endo)
    right = ventricles.right(theta, s, epi)
    return endo.astype(np.float32), epi.astype(np.float32), right.astype(np.float32)
