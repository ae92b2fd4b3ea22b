"""The ventricles' surfaces at the pixels of a plane, in every frame, fast.

Across the axis (all pixels at one s) the surfaces are tables over the angle; any other plane is computed
pixel by pixel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cinecohort.phantom.tissue import Signal
from cinecohort.phantom.ventricles import Ventricles

FloatArray = NDArray[np.float64]

N_ANGLES = 360


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


def look_up(ventricles: Ventricles, x: FloatArray, y: FloatArray, s: FloatArray) -> Lookup:
    """Surfaces at pixels (n,) given in the heart's coordinates."""
    theta: FloatArray = np.arctan2(y, x) % (2.0 * np.pi)
    r = np.hypot(x, y).astype(np.float32)
    z = (s / ventricles.length_ed).astype(np.float32)
    if x.size and float(np.ptp(s)) < 1e-3:
        angles = (np.arange(N_ANGLES, dtype=np.float64) + 0.5) * (2.0 * np.pi / N_ANGLES)
        index = (theta * (N_ANGLES / (2.0 * np.pi))).astype(np.intp) % N_ANGLES
        tables = _surfaces(ventricles, angles, np.full(1, float(s[0])))
        endo, epi, right = (np.take(table, index, axis=1) for table in tables)
    else:
        endo, epi, right = _surfaces(ventricles, theta, s)
    return Lookup(r, theta.astype(np.float32), z, endo, epi, right)


def _surfaces(ventricles: Ventricles, theta: FloatArray, s: FloatArray) -> tuple[Signal, Signal, Signal]:
    endo = ventricles.endocardium(theta, s)
    epi = ventricles.epicardium(theta, s, endo)
    right = ventricles.right(theta, s, epi)
    return endo.astype(np.float32), epi.astype(np.float32), right.astype(np.float32)
