"""What of a heart is finer than its surfaces: textures, trabeculae, papillary muscles, patches of fat."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from cinecohort.phantom.tissue import Noise3D, Signal

N_AROUND, N_HEIGHTS = 240, 60
"""Points of the maps of fine structure over the heart's surface."""


@dataclass(frozen=True)
class Papillary:
    """A head of a papillary muscle.

    Parameters
    ----------
    angle
        Where it lies, radians.
    low, high
        Heights at which it begins and ends, relative to the LV's length.
    radius_mm, gap_mm
        Its radius at end-diastole, and how far its surface is from the wall (negative: part of it).
    tilt
        Change of the angle from its root to its tip, radians.
    """

    angle: float
    low: float
    high: float
    radius_mm: float
    gap_mm: float
    tilt: float


@dataclass(frozen=True)
class FineStructure:
    """What is below the scale of the surfaces.

    Parameters
    ----------
    texture, swirl
        Noises that move with the heart: of tissue, and of blood as it turns round in a cycle.
    trabeculae, rv_trabeculae
        (n, k): depth of the trabeculae by angle and height, mm.
    papillaries
        Heads of the papillary muscles.
    fat_mm
        Thickness of the fat on the heart where there is much.
    fat_patches
        (n, k): by angle and height, where there is more or less of it.
    jet
        How dark the jet through the aortic valve is: 0.1 normal, much more where the valve is narrow.
    brightness
        Of the blood in left atrium, right atrium, left ventricle and right ventricle, relative to all blood.
    """

    texture: Noise3D
    swirl: tuple[Noise3D, Noise3D]
    trabeculae: Signal
    rv_trabeculae: Signal
    papillaries: tuple[Papillary, ...]
    fat_patches: Signal
    fat_mm: float = 2.5
    jet: float = 0.3
    brightness: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)


def draw_fine_structure(
    rng: np.random.Generator, fat_mm: float, *, stenosis: bool, variety: float = 1.0
) -> FineStructure:
    """Draw textures and the roughness of the ventricles' inner surfaces; `variety` widens what is drawn."""
    grain_mm = 9.0 * float(np.exp(rng.normal(0.0, 0.15 * variety)))
    swirl = (Noise3D(rng, grain_mm), Noise3D(rng, 2.6))
    jet = float(rng.uniform(0.6, 0.9) if stenosis else rng.uniform(0.2, 0.5))
    bright = np.clip(rng.normal((0.92, 1.0, 0.98, 0.94), 0.07 * variety), 0.7, 1.35)
    left, right, lv, rv = (float(value) for value in bright)
    apical = 1.3 * np.clip(1.1 - np.arange(N_HEIGHTS) / (0.5 * N_HEIGHTS), -0.15, 1.0)
    return FineStructure(
        texture=Noise3D(rng, 5.0),
        swirl=swirl,
        trabeculae=_ridges(rng, (3.0, 5.0), apical - 0.5, 1.7, 3.6),
        rv_trabeculae=_ridges(rng, (1.5, 3.5), 0.6 * apical - 0.15, 2.6, 8.0),
        papillaries=_draw_papillaries(rng),
        fat_patches=smooth_map(rng, (12.0, 5.0)),
        fat_mm=fat_mm,
        jet=jet,
        brightness=(left, right, lv, rv),
    )


def smooth_map(rng: np.random.Generator, sigma: tuple[float, float]) -> Signal:
    """Noise of standard deviation 1 by angle and height, in streaks that run obliquely to the axis."""
    raw = rng.standard_normal((N_AROUND, N_HEIGHTS + 20))
    smooth = ndimage.gaussian_filter(raw, sigma, mode="wrap")[:, 10:-10]
    for height in range(N_HEIGHTS):
        smooth[:, height] = np.roll(smooth[:, height], height)
    return np.asarray(smooth / smooth.std(), dtype=np.float32)


def _ridges(
    rng: np.random.Generator, sigma: tuple[float, float], more: Signal, scale_mm: float, most_mm: float
) -> Signal:
    """Depth in mm of sparse, unequal ridges, as wide at the narrow apex; `more` by height lets more out."""
    narrow, wide = smooth_map(rng, sigma), smooth_map(rng, (3.0 * sigma[0], sigma[1]))
    apical = np.clip(1.15 - np.arange(N_HEIGHTS) / (0.5 * N_HEIGHTS), 0.0, 1.0)
    noise = np.sqrt(1.0 - apical) * narrow + np.sqrt(apical) * wide
    return np.clip(scale_mm * (noise + more), 0.0, most_mm).astype(np.float32)


def _draw_papillaries(rng: np.random.Generator) -> tuple[Papillary, ...]:
    """An anterolateral and a posteromedial group of one to three heads."""
    heads = []
    for angle in (-0.85, 1.95):
        middle = angle + float(rng.normal(0.0, 0.12))
        number = int(rng.integers(1, 4))
        for place in range(number):
            apart = 0.36 * (place - 0.5 * (number - 1)) + float(rng.normal(0.0, 0.06))
            heads.append(
                Papillary(
                    angle=middle + apart,
                    low=float(rng.uniform(0.16, 0.28)),
                    high=float(rng.uniform(0.56, 0.70)),
                    radius_mm=float(rng.uniform(3.4, 5.0) if number > 1 else rng.uniform(4.8, 6.2)),
                    gap_mm=float(rng.choice([-1.5, 0.0, 2.0]) + rng.normal(0.0, 0.6)),
                    tilt=float(rng.normal(0.0, 0.15)),
                )
            )
    return tuple(heads)
