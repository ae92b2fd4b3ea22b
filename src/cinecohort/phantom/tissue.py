"""Signal of tissues in a balanced steady-state cine, relative to blood, and smooth noise in space."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatArray = NDArray[np.floating[Any]]
Signal = NDArray[np.floating[Any]]
"""Single precision where it is fast; double where it comes from the geometry."""


@dataclass(frozen=True)
class Signals:
    """Relative signal of each tissue: its T2/T1 ratio and the flip angle decide; blood is 1.

    Fat is negative: with an echo in the middle of the repetition time it is in opposite phase to water, which
    leaves a dark line where the two share a pixel. Blood of the right heart carries less oxygen and has a
    shorter T2; with the shading of the coils the RV then has about 0.8 of the LV's signal, as in ACDC. The
    liver is somewhat darker than myocardium.
    """

    blood: float = 1.0
    venous: float = 0.80
    myocardium: float = 0.30
    fat: float = -0.92
    lung: float = 0.07
    liver: float = 0.23
    spleen: float = 0.42
    stomach: float = 0.33
    muscle: float = 0.17
    marrow: float = -0.40
    bone: float = 0.08
    air: float = 0.015
    fluid: float = 1.15


class Noise3D:
    """Smooth noise of mean 0 and standard deviation 1, fixed in space and periodic.

    Parameters
    ----------
    rng
        Random numbers.
    grain_mm
        Length over which it varies.
    """

    def __init__(self, rng: np.random.Generator, grain_mm: float):
        raw = ndimage.gaussian_filter(rng.standard_normal((32, 32, 32)), 0.9, mode="wrap")
        self.values = (raw / raw.std()).astype(np.float32)
        self.grain_mm = grain_mm

    def __call__(self, points: FloatArray) -> Signal:
        """Values at points (n, 3) in mm."""
        places = (points.T / self.grain_mm).astype(np.float32)
        return ndimage.map_coordinates(self.values, places, order=1, mode="grid-wrap")


def soft(field: Signal, width_mm: float) -> Signal:
    """Share of a pixel that lies inside, from the distance to the border in mm."""
    share = field * np.float32(1.0 / width_mm)
    share += np.float32(0.5)
    return np.clip(share, 0.0, 1.0, out=share)


def ridge(noise: Signal, width: float) -> Signal:
    """Thin sheets where a noise crosses 0: 1 in their middle, 0 from `width` on."""
    return np.clip(1.0 - np.abs(noise) * np.float32(1.0 / width), 0.0, 1.0)


def mix(signal: Signal, share: Signal, tissue: Signal | np.floating[Any] | float) -> None:
    """Put a tissue over what is there, in place."""
    signal += share * (tissue - signal)
