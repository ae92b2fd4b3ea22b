"""The sidecar of a converted view: acquisition facts, times, and how the view was found."""

from typing import Any

import numpy as np

from cinecohort.conversion.cardiac_time import frame_interval_ms, rr_interval_ms
from cinecohort.conversion.frame_order import Run
from cinecohort.conversion.frames import Frame
from cinecohort.conversion.grid import Grid
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.privacy import hashed
from cinecohort.conversion.runs import FramePlan
from cinecohort.conversion.views import ViewChoice

_VENDORS = (
    ("siemens", "Siemens"),
    ("philips", "Philips"),
    ("ge medical", "GE"),
    ("ge healthcare", "GE"),
    ("canon", "Canon"),
    ("toshiba", "Canon"),
    ("uih", "United Imaging"),
    ("united imaging", "United Imaging"),
)


def short_vendor(manufacturer: str) -> str | None:
    """Vendor's short name; the one given where it is not known, None where it is empty."""
    for pattern, vendor in _VENDORS:
        if pattern in manufacturer.lower():
            return vendor
    return manufacturer or None


def frame_interval_s(runs: list[Run]) -> float | None:
    """Median over slices of the frame interval, in seconds."""
    intervals = [interval for run in runs if (interval := frame_interval_ms(run)) is not None]
    return round(float(np.median(intervals)) / 1000.0, 6) if intervals else None


def make_sidecar(
    view: str,
    choice: ViewChoice,
    grid: Grid,
    plan: FramePlan,
    layout: str,
    options: ConversionOptions,
    rescale: tuple[float, float] | None,
) -> dict[str, Any]:
    """Make the sidecar; facts that the files do not hold are null.

    Parameters
    ----------
    view, choice, grid, plan, layout
        What was found.
    options
        For the salt of the hashes.
    rescale
        Slope and intercept that turn the stored values into the scanner's, where one pair holds for all;
        None where they vary and were applied.
    """
    slices = choice.stack.slices
    runs = [item.run for item in slices]
    first = runs[0].frames[0]
    values = first.values
    intervals = [rr_interval_ms(run) for run in runs]
    known = [rr for rr in intervals if rr is not None]
    return {
        "view": view,
        "n_slices": grid.n_slices,
        "n_frames": plan.n_frames,
        "spacing_mm": [
            round(float(mm), 6) for mm in (grid.pixel_spacing[1], grid.pixel_spacing[0], grid.step_mm)
        ],
        "frame_interval_s": frame_interval_s(runs),
        "heart_rate_bpm": round(60000.0 / float(np.median(known)), 2) if known else None,
        "rr_interval_ms": _on_grid([None if rr is None else round(rr, 3) for rr in intervals], grid),
        "trigger_times_ms": _on_grid([_times(run) for run in runs], grid),
        "acquired_after_s": _on_grid(_after_first(runs), grid),
        "frame_roles": {"ed": None, "es": None},
        "missing_slices": grid.missing,
        "resampled_slices": [grid.places[index] for index in grid.resampled],
        "repaired_frames": [[grid.places[index], frame] for index, frame in plan.repaired],
        "position_residual_mm": round(grid.residual_mm, 4),
        "slice_thickness_mm": values.get("SliceThickness"),
        "rescale": None if rescale is None else {"slope": rescale[0], "intercept": rescale[1]},
        "philips_scale_slope": values.get("PhilipsScaleSlope"),
        "vendor": short_vendor(str(first.values.get("Manufacturer", ""))),
        "scanner": values.get("ManufacturerModelName"),
        "software": values.get("SoftwareVersions"),
        "field_t": _field_strength(values.get("MagneticFieldStrength")),
        "site_hash": _site(first, options),
        "tr_ms": values.get("RepetitionTime"),
        "te_ms": values.get("EchoTime"),
        "flip_angle_deg": values.get("FlipAngle"),
        "view_confidence": choice.confidence,
        "view_evidence": choice.evidence,
        "source_uids": _on_grid([hashed(run.frames[0].series, options.uid_salt) for run in runs], grid),
        "layout": layout,
    }


def _on_grid(by_slice: list[Any], grid: Grid) -> list[Any]:
    """One value a place of the grid; None where the slice is missing."""
    placed: list[Any] = [None] * grid.n_slices
    for place, value in zip(grid.places, by_slice, strict=True):
        placed[place] = value
    return placed


def _times(run: Run) -> list[float] | None:
    times = run.trigger_times_ms
    return None if times is None else [round(time, 4) for time in times]


def _after_first(runs: list[Run]) -> list[float | None]:
    """Seconds from the first acquired slice to each; the clock time and the date stay in the file."""
    times = [run.acquired_s for run in runs]
    known = [time for time in times if time is not None]
    start = min(known) if known else 0.0
    return [None if time is None else round(time - start, 3) for time in times]


def _field_strength(tesla: float | None) -> float | None:
    """In tesla; some files hold it in gauss."""
    if tesla is None:
        return None
    return tesla / 10000.0 if tesla > 100 else tesla


def _site(frame: Frame, options: ConversionOptions) -> str | None:
    """Hash of institution and station; None without a salt, since their names are easily guessed."""
    names = [str(frame.values.get(k, "")) for k in ("InstitutionName", "StationName")]
    return hashed("\n".join(names), options.uid_salt) if options.uid_salt and any(names) else None
