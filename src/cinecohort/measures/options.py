"""Settings of the measures."""

from typing import Literal

from pydantic import Field

from cinecohort.options import ConfiguredPath, Options


class MeasureOptions(Options):
    """How label maps become clinical measures."""

    ed: Literal["max", "first"] = "max"
    """End-diastole where the source does not name it: the frame of the largest LV volume, or the first
    frame (the rule of ukbb_cardiac, right for retrospective gating only)."""

    ed_tolerance_pct: float = 5.0
    """A finding where the first frame's LV volume differs from the largest by more, in percent."""

    missing_slices: Literal["undefined", "interpolate"] = "undefined"
    """A slice that is missing inside or beside a structure: no volume, or its area interpolated."""

    structure_slices_ed: float = Field(default=0.5, ge=0, le=1)
    """Least share of the slices with LV in which a structure has to be at end-diastole; below it the map has
    lost the structure and none of its measures is given. (No expert's map of 180 hearts has less.)"""

    structure_slices_es: float = Field(default=0.25, ge=0, le=1)
    """The same at end-systole, where the base of the RV has left the stack in sound hearts too (the experts'
    lowest share is 0.3)."""

    myocardial_density_g_ml: float = 1.05
    """Density that turns myocardial volume into mass."""

    biplane_length: Literal["mean", "shorter"] = "mean"
    """Length of the biplane atrial volume: mean of both views' (ukbb_cardiac) or the shorter one."""

    atrial_axis: Literal["short_axis", "principal"] = "short_axis"
    """Where there is no short axis to give the long axis: no atrial volume (``short_axis``), or the atrium's
    own principal axis, with a finding."""

    body_surface: Literal["du_bois", "mosteller"] = "du_bois"
    """Formula of the body surface area by which volumes and mass are indexed."""

    wall_thickness: bool = True
    """Measure wall thickness in the 16 AHA segments."""

    contour_smoothing_mm: float = 1.5
    """Gaussian standard deviation with which masks are smoothed before wall contours are drawn."""

    minimum_area_mm2: float = 30.0
    """Slices with less cavity or myocardium than this have no wall thickness (ukbb_cardiac: 10 pixels)."""


class ReferenceOptions(Options):
    """With which healthy people measures are compared. A file's name alone stands for `table`."""

    table: ConfiguredPath | None = None
    """Table (CSV or TSV) of reference ranges: columns `measure`, `sex` (F or M), `age_from` and `age_to` (in
    completed years, both within), `mean`, `sd`, `source`, and, if you like, `papillary_muscles` (`cavity` or
    `myocardium`; empty: the range fits both). It replaces the shipped ranges of the measures in it."""

    papillary_muscles: Literal["cavity", "myocardium", "unknown"] | None = None
    """What the papillary muscles of the LV count as in these measures. Unset: `cavity` where images are
    segmented (as in the contours of ACDC and UK Biobank), `unknown` for tables of measures made elsewhere.
    Ranges that were made in another way give no z-score."""
