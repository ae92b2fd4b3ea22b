"""Time courses of a cardiac cycle: chamber volumes and the plane of the valves, by phase of the cycle.

Phase 0 is end-diastole (the R wave). The systole takes the share of the cycle that a heart rate leaves it;
diastole is rapid filling, diastasis and the atrial contraction.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Cycle:
    """Courses (t,) over one cycle, each from 0 to 1.

    Parameters
    ----------
    phase
        Phase of each frame, 0 to below 1.
    contraction
        How far the ventricles are contracted: 0 at end-diastole, 1 at end-systole.
    atrial_filling
        How full the atria are: 0 at end-diastole, 1 at end-systole.
    ejection
        How fast blood leaves the ventricles, 1 at its fastest.
    opening
        How far the atrioventricular valves are open: early filling, diastasis, atrial contraction.
    """

    phase: FloatArray
    contraction: FloatArray
    atrial_filling: FloatArray
    ejection: FloatArray
    opening: FloatArray

    def at(self, frames: NDArray[np.intp]) -> "Cycle":
        """The same course in some of its frames."""
        return Cycle(*(getattr(self, each.name)[frames] for each in fields(self)))

    @property
    def es_frame(self) -> int:
        """The frame of the smallest ventricle."""
        return int(np.argmax(self.contraction))


def smooth_step(values: FloatArray) -> FloatArray:
    """From 0 to 1 between 0 and 1, with level ends."""
    clipped = np.clip(values, 0.0, 1.0)
    return clipped * clipped * (3.0 - 2.0 * clipped)


def make_cycle(n_frames: int, heart_rate_bpm: float, offset: float = 0.0) -> Cycle:
    """Courses of a cycle sampled at evenly spaced frames.

    Parameters
    ----------
    n_frames
        Frames of the cycle.
    heart_rate_bpm
        Heart rate: systole (about 0.33 s at 60 beats/min) shortens less than diastole as it rises.
    offset
        Phase of frame 0; a small one stands for a mistimed trigger.
    """
    phase = (np.arange(n_frames) / n_frames + offset) % 1.0
    cycle_s = 60.0 / heart_rate_bpm
    systole = float(np.clip((0.20 + 0.14 * cycle_s) / cycle_s, 0.28, 0.45))
    systole = max(round(systole * n_frames), 1) / n_frames
    filled = systole + (1.0 - systole) * 0.42
    kick = 1.0 - 0.16
    ejected = smooth_step((phase - 0.02) / (systole - 0.02))
    early = smooth_step((phase - systole) / (filled - systole))
    late = smooth_step((phase - kick) / (0.98 - kick))
    contraction = np.where(phase <= systole, ejected, 1.0 - 0.76 * early - 0.24 * late)
    stored = np.where(phase <= systole, ejected, 1.0 - 0.55 * early - 0.45 * late)
    ejection = _bump((phase - 0.02) / (systole - 0.02))
    filling = np.maximum(
        _bump((phase - systole) / (filled - systole)), 0.8 * _bump((phase - kick) / (1.0 - kick))
    )
    resting = 0.35 * ((phase > systole + 0.5 * (filled - systole)) & (phase < kick + 0.08))
    return Cycle(phase, contraction, np.clip(stored, 0.0, 1.0), ejection, np.maximum(filling, resting))


def _bump(values: FloatArray) -> FloatArray:
    """From 0 up to 1 and back to 0 between 0 and 1, steeper at first."""
    inside = np.clip(values, 0.0, 1.0)
    return np.asarray(np.sin(np.pi * inside**0.8))
