"""Options of conversion."""

from typing import Literal

from pydantic import Field, field_validator

from cinecohort.catalogue.views import VIEWS
from cinecohort.conversion.label_options import LabelOptions
from cinecohort.conversion.limits import Limits
from cinecohort.options import Options

NAME_PATTERNS: dict[str, str] = {
    "sa": r"(?<![a-z])(?:(?:lv[ _-]*)?sax?|short[ _-]*axis)(?![a-z])",
    "la_2ch": r"(?<!\d)(?:2|two)[ _-]*ch|(?<![a-z])vla(?![a-z])",
    "la_3ch": r"(?<!\d)(?:3|three)[ _-]*ch",
    "la_4ch": r"(?<!\d)(?:4|four)[ _-]*ch|(?<![a-z])hla(?![a-z])",
}
"""Regular expressions, searched without regard to case in SeriesDescription, then in ProtocolName."""

EXCLUDED_NAMES: tuple[str, ...] = (
    r"inline[ _-]*vf",
    r"locali[sz]er|scout|survey",
    r"tagging|(?<![a-z])tag(?![a-z])",
    r"(?<![a-z])(?:flow|pc|venc|phase)(?![a-z])",
    r"molli|t1[ _-]*map|t2[ _-]*map|t2\*",
    r"(?<![a-z])(?:lge|psir|perf|perfusion|delayed)(?![a-z])",
    r"ao[ _-]*dist|rvot|lvot",
)
"""Series whose name matches one of these are never one of the four views."""


class ConversionOptions(Options):
    """How raw data becomes images, and what is done about each kind of fault."""

    required_views: tuple[str, ...] = ("sa",)
    """A subject without one of these views is excluded."""

    name_patterns: dict[str, str] = Field(default_factory=lambda: dict(NAME_PATTERNS))
    """View to the regular expression that its series names match (case does not matter)."""

    excluded_names: tuple[str, ...] = EXCLUDED_NAMES
    """Series whose name matches one of these regular expressions are left out."""

    keep_derived: bool = False
    """Whether images marked DERIVED may be used."""

    min_frames: int = Field(default=10, ge=1)
    """A stack with fewer frames per slice is not a cine."""

    min_parallel_slices: int = Field(default=5, ge=2)
    """So many parallel slices without a telling name are taken for a short-axis stack."""

    orientation_tolerance_deg: float = Field(default=1.0, gt=0)
    """Slices whose normals or row directions differ by more belong to different stacks."""

    position_tolerance_mm: float = Field(default=0.5, gt=0)
    """Frames nearer than this along the normal are of the same slice."""

    spacing_tolerance: float = Field(default=0.05, gt=0, lt=0.5)
    """Share of the median slice step by which a step may differ."""

    shift_tolerance_mm: float = Field(default=1.0, gt=0)
    """In-plane offset of a slice's corner from the others' beyond which the field of view has moved."""

    max_step_to_thickness: float = Field(default=2.0, gt=1)
    """A slice step that is more than so many slice thicknesses is flagged."""

    on_gap: Literal["reject", "empty"] = "reject"
    """Where slices are missing: refuse the view, or keep empty slices that are marked as missing."""

    on_unequal_frames: Literal["reject", "nearest_phase"] = "reject"
    """Where slices have different numbers of frames, or lack some: refuse the view, or take for each
    missing frame the same slice's frame nearest in cardiac phase, listed in the sidecar."""

    on_shift: Literal["reject", "resample"] = "reject"
    """Where a slice's field of view has moved: refuse, or resample that slice onto the others' grid."""

    on_matrix: Literal["reject", "resample"] = "reject"
    """Where a slice has another matrix or pixel size: refuse, or resample it onto the others' grid."""

    on_orientation: Literal["reject", "largest"] = "reject"
    """Where a view's slices are not parallel: refuse, or use the largest parallel group."""

    on_duplicate: Literal["complete", "contoured", "first", "last", "reject"] = "complete"
    """Which acquisition of a slice that was acquired more than once is used: the one with most frames and
    then the latest; the one that was contoured; the first; the last; or none (the view is refused)."""

    on_ambiguous_view: Literal["geometry", "first", "last", "reject"] = "geometry"
    """Which of several planes of one view is used: the one whose plane fits best, the first or the last by
    series number, or none."""

    labels: LabelOptions = LabelOptions()
    """How human contours and label maps are taken over."""

    limits: Limits = Limits()
    """How much a subject's raw files may ask for; what asks for more is a finding."""

    uid_salt: str = ""
    """Secret text that goes into the hashes of unique identifiers, so that nobody can test a guess."""

    @field_validator("required_views")
    @classmethod
    def _views_exist(cls, views: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(views) - set(VIEWS))
        if unknown:
            raise ValueError(f"unknown views {unknown}; known are {list(VIEWS)}")
        return views

    @field_validator("name_patterns")
    @classmethod
    def _patterns_are_of_views(cls, patterns: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(patterns) - set(VIEWS))
        if unknown:
            raise ValueError(f"name patterns for unknown views {unknown}; known are {list(VIEWS)}")
        return {**NAME_PATTERNS, **patterns}
