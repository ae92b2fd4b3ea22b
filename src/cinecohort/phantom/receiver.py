"""How a scanner sees: contrast, coil, noise and artefacts."""

from dataclasses import dataclass, field

from cinecohort.phantom.tissue import Signals


@dataclass(frozen=True)
class Receiver:
    """How the scanner sees.

    Parameters
    ----------
    signals
        Contrast.
    scale
        Grey value of blood.
    noise
        Standard deviation of the noise in each channel, relative to blood.
    coil_depth_mm
        Length over which the sensitivity falls with the distance to the front of the chest.
    slab_samples
        Planes over the slab's thickness that are averaged.
    coil_unevenness
        Spread of the slope of the sensitivity across the coil, per 100 mm.
    band_mm
        Least and largest distance from the heart at which the first dark band lies.
    ghosting
        Share of what moves that comes back as ghosts, shifted along the phase-encoding direction.
    mistriggering
        Share of the lines of k-space that come from another phase of the heart.
    edge_px
        Width over which the signals of two tissues blend, in pixels.
    blur_px
        Standard deviation of the point spread that comes on top of the pixel's own, in pixels.
    resolution
        Share of k-space that is acquired along the rows' and the columns' index; the rest is filled with
        zeros, so that sharp borders ring. 1 leaves it out.
    gamma
        Exponent of the grey scale.
    """

    signals: Signals = field(default_factory=Signals)
    scale: float = 260.0
    noise: float = 0.022
    coil_depth_mm: float = 130.0
    slab_samples: int = 3
    coil_unevenness: float = 0.06
    band_mm: tuple[float, float] = (150.0, 200.0)
    ghosting: float = 0.03
    mistriggering: float = 0.0
    edge_px: float = 1.6
    blur_px: float = 0.0
    resolution: tuple[float, float] = (0.8, 0.92)
    gamma: float = 1.0
