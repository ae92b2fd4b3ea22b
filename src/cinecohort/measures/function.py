"""Ventricular function and mass from volumes; the formulas of Bai 2018 and of ukbb_cardiac."""

import math

NAN = float("nan")


def stroke_volume_ml(edv_ml: float, esv_ml: float) -> float:
    """End-diastolic minus end-systolic volume, mL."""
    return edv_ml - esv_ml


def ejection_fraction_pct(edv_ml: float, esv_ml: float) -> float:
    """Stroke volume over end-diastolic volume, percent; NaN where the latter is not positive.

    Of an atrium, the emptying fraction: the maximum and the minimum stand for the two.
    """
    return 100.0 * (edv_ml - esv_ml) / edv_ml if edv_ml > 0 else NAN


def cardiac_output_l_min(stroke_volume_ml: float, heart_rate_bpm: float) -> float:
    """Stroke volume times heart rate, L/min; NaN where the heart rate is."""
    return stroke_volume_ml * heart_rate_bpm / 1000.0


def mass_g(volume_ml: float, density_g_ml: float = 1.05) -> float:
    """Myocardial volume times density, g (1.05 g/mL: Bai 2018)."""
    return volume_ml * density_g_ml


def heart_rate_from_cycle(n_frames: int, frame_interval_s: float | None) -> float | None:
    """60 over the duration of the cycle, beats per minute (ukbb_cardiac's rule).

    None where the interval is unknown or the rate would be outside 25 to 250, as with files whose time
    step is a placeholder of 1 s.
    """
    if frame_interval_s is None or frame_interval_s <= 0 or n_frames < 2:
        return None
    rate = 60.0 / (n_frames * frame_interval_s)
    return rate if 25.0 <= rate <= 250.0 and math.isfinite(rate) else None
