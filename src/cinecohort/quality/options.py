"""Settings of the quality checks: for each check what it does and where its limit lies.

``action`` says what a subject beyond the limit becomes: ``off`` (not checked), ``info`` (noted), ``review``
(kept and flagged, the default) or ``reject``. A view whose image is rejected is neither measured nor
compared; of a view whose segmentation is rejected the first model's label map is not; a subject whose
measures are rejected is excluded.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator, field_validator

from cinecohort.catalogue.measures import PLAUSIBLE
from cinecohort.options import Options


def _off(value: object) -> object:
    """YAML 1.1 reads a bare ``off`` as false."""
    return "off" if value is False else value


Action = Annotated[Literal["off", "info", "review", "reject"], BeforeValidator(_off)]


class Check(Options):
    """A check with one limit."""

    action: Action = "review"
    """What becomes of what lies beyond the limit."""

    threshold: float
    """The limit; its unit is that of the check."""


class GeometryCheck(Options):
    """I1: the stack is large enough to be a heart."""

    action: Action = "review"
    """What becomes of what lies beyond the limits."""

    min_slices: int = 6
    """Fewest short-axis slices."""

    min_frames: int = 10
    """Fewest frames of a cine (a source that gives end-diastole and end-systole alone is not held to it)."""

    max_pixel_mm: float = 3.0
    """Largest pixel."""

    max_slice_spacing_mm: float = 15.0
    """Largest distance between short-axis slices."""


class PlausibleCheck(Options):
    """M1: volumes, mass and ejection fraction are those of a living heart."""

    action: Action = "review"
    """What becomes of what lies outside."""

    ef_pct: tuple[float, float] = PLAUSIBLE["lvef_pct"]
    """Ejection fraction of either ventricle."""

    mass_g: tuple[float, float] = PLAUSIBLE["lvm_g"]
    """LV mass."""

    edv_ml: tuple[float, float] = PLAUSIBLE["lvedv_ml"]
    """End-diastolic volume of either ventricle."""

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Range of each measure that is checked, by column; those without a setting are the catalogue's."""
        own = {"lvm_g": self.mass_g, "lvedv_ml": self.edv_ml, "rvedv_ml": self.edv_ml}
        own |= {"lvef_pct": self.ef_pct, "rvef_pct": self.ef_pct}
        return own | {name: known for name, known in PLAUSIBLE.items() if name not in own}


class StrokeVolumeCheck(Options):
    """M3: both ventricles pump the same, shunts and regurgitation apart."""

    action: Action = "review"
    """What becomes of what lies beyond both limits."""

    difference_ml: float = 45.0
    """Largest difference. Experts' own labels differ by more than both limits in one of twenty hearts of ACDC
    and M&Ms, and in none of the normal ones."""

    difference_pct: float = 50.0
    """Largest difference in percent of their mean."""


class RatioCheck(Options):
    """A check of a ratio against a range."""

    action: Action = "review"
    """What becomes of what lies outside."""

    low: float
    """Smallest ratio."""

    high: float
    """Largest ratio."""


class UncertaintyCheck(Options):
    """U1: repeated predictions agree."""

    action: Action = "review"
    """What becomes of less agreement."""

    dice_lv: float = 0.85
    """Least mean pairwise Dice of the LV cavity."""

    dice_myo: float = 0.75
    """Least mean pairwise Dice of the myocardium."""

    dice_rv: float = 0.80
    """Least mean pairwise Dice of the RV cavity."""

    dice_atria: float = 0.80
    """Least mean pairwise Dice of the atria."""

    volume_cv: float = 0.10
    """Largest coefficient of variation of a structure's volume."""


class ImageQualityOptions(Options):
    """Checks of the images alone."""

    i1_geometry: GeometryCheck = GeometryCheck()
    """Slices, frames and spacing."""

    i5_frame_jump: Check = Check(threshold=1.5)
    """Largest step of a slice between two frames, over what the slice and the moment lead to expect."""

    i5_common_jump: Check = Check(threshold=1.15)
    """Largest step to and from a frame over that past it, in most slices; beyond, it is out of place."""

    i5_common_gap: Check = Check(threshold=1.4)
    """Largest step between two frames over those beside it, in most slices; beyond, frames are missing."""

    i5_open_cycle: Check = Check(action="info", threshold=2.0)
    """Largest step from the last frame to the first over the usual one; beyond, the cycle is not whole."""

    i5_repeated_frames: Check = Check(threshold=0.0)
    """Share of a slice's frames that equal the one before, pixel for pixel."""

    i6_cohort_z: Check = Check(threshold=3.5)
    """Robust z of an image's numbers among those of its scanner."""

    i6_saturation: Check = Check(threshold=0.02)
    """Share of pixels at the largest value."""

    view_confidence: Check = Check(action="info", threshold=0.5)
    """Least confidence with which the view was recognised."""


class SegmentationQualityOptions(Options):
    """Checks of segmentations, and of images where they need one."""

    i2_contrast: Check = Check(threshold=0.25)
    """Least difference of the signals of LV and myocardium at end-diastole, over their sum. Five of 180 sound
    hearts of ACDC and M&Ms lie below, in all of which a reader sees a grey wall."""

    i3_slice_shift_mm: Check = Check(threshold=3.4)
    """Largest mean distance of the slices' LV centres from a smooth line (Tarroni 2020), mm."""

    i3_one_slice_mm: Check = Check(threshold=9.0)
    """Largest distance of one slice's LV centre from that line, mm (of an end slice: a third more)."""

    i4_coverage: Check = Check(threshold=0.25)
    """Largest LV area in the most apical slice of the stack, as a share of the mid slice's."""

    i4_base: Check = Check(threshold=1.1)
    """Least length, over its width, of an LV that fills the stack's most basal slice at end-diastole and at
    end-systole (0.1 more where its area still grows there, 0.3 where it grows steeply). Below, the base lies
    outside the stack."""

    s1_missing: Check = Check(threshold=10.0)
    """Fewest voxels of each structure in each frame (ukbb_cardiac)."""

    s2_fragments: Check = Check(threshold=0.05)
    """Largest share of a structure outside its largest component, slice by slice."""

    s3_open_ring: Check = Check(threshold=0.05)
    """Largest share of the LV's border, over mid and apical slices, that is not on myocardium."""

    s4_topology: Check = Check(threshold=0.05)
    """Largest share of the LV's border on the RV in a mid slice; holes and empty slices always count."""

    s5_volume_step: Check = Check(threshold=2.0)
    """Largest ratio of a structure's volumes in neighbouring frames."""

    s6_systole: RatioCheck = RatioCheck(low=0.20, high=0.60)
    """Part of the cycle, from end-diastole, in which the smallest LV volume must lie."""

    s6_contractions: Check = Check(threshold=0.25)
    """Depth of a second minimum of the LV volume, as a share of its range, from which it is a contraction."""

    s7_short_axis_rule: Check = Check(threshold=10.0)
    """ukbb_cardiac's rule for the short axis at end-diastole; the threshold is its 10 pixels."""

    s8_long_axis_rule: Check = Check(threshold=10.0)
    """ukbb_cardiac's rule for long-axis views at end-diastole; the threshold is its 10 pixels."""

    s9_atrium_rule: Check = Check(threshold=2.0)
    """ukbb_cardiac's rule for atria; the threshold is its ratio of neighbouring frames' areas."""

    s10_slice_timing: Check = Check(threshold=0.12)
    """Largest distance of a slice's cycle from the others', as a share of the cycle (mistriggering)."""

    s11_clean_up: Check = Check(threshold=0.1)
    """Largest share of a structure that the clean-up took away in a frame, or of the heart that it filled."""

    label_swap: Check = Check(threshold=0.5)
    """Least share of the LV's border that lies on myocardium; below, and less than the RV's, is a swap."""

    u1_uncertainty: UncertaintyCheck = UncertaintyCheck()
    """Agreement of repeated predictions, where there are any."""


class MeasureQualityOptions(Options):
    """Plausibility of measures. Excluding on the outcome biases a study: the default is review."""

    m1_plausible: PlausibleCheck = PlausibleCheck()
    """Order and range."""

    m2_mass: Check = Check(threshold=35.0)
    """Largest difference of the mass at end-systole and end-diastole, percent of the latter. Experts' own
    labels differ by 15 % in half of ACDC and by 36 % in one of twenty."""

    m3_stroke_volumes: StrokeVolumeCheck = StrokeVolumeCheck()
    """LV against RV stroke volume."""

    m4_atria: RatioCheck = RatioCheck(low=0.6, high=1.7)
    """LA maximum from the 2-chamber over that from the 4-chamber view."""

    m4_atrial_phase: Check = Check(threshold=0.20)
    """Largest distance of the LA maximum from the LV's end-systole, as a share of the cycle."""

    m5_cohort_z: Check = Check(threshold=3.5)
    """Robust z within the cohort, by sex. It comes after all stages, so that it flags and does not reject."""

    @field_validator("m5_cohort_z")
    @classmethod
    def _flags_only(cls, check: Check) -> Check:
        if check.action == "reject":
            raise ValueError("it looks at the measures of the whole cohort and cannot reject; choose review")
        return check
