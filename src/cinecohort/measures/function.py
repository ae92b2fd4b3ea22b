"""Mass from the volume of the myocardium, heart rate from the length of the cycle."""

import math


def mass_g(volume_ml: float, density_g_ml: float = 1.05) -> float:
    """Myocardial volume times density, g (1.05 g/mL: Bai 2018).

    Examples
    --------
    >>> mass_g(100.0)
    105.0
    """
    return volume_ml * density_g_ml


def heart_rate_from_cycle(n_frames: int, frame_interval_s: float | None) -> float | None:
    """60 over the duration of the cycle, beats per minute (ukbb_cardiac's rule).

    None where the interval is unknown or the rate would be outside 25 to 250, as with files whose time
    step is a placeholder of 1 s.

    Examples
    --------
    >>> heart_rate_from_cycle(50, 0.02)
    60.0
    >>> heart_rate_from_cycle(30, 1.0) is None  # a placeholder, not a time
    True
    """
    if frame_interval_s is None or frame_interval_s <= 0 or n_frames < 2:
        return None
    rate = 60.0 / (n_frames * frame_interval_s)
    return rate if 25.0 <= rate <= 250.0 and math.isfinite(rate) else None
