"""Measures: one record for each, read by whatever computes, checks, indexes, compares, marks or prints them.

A new measure is a record here, a function in :mod:`cinecohort.measures` and their tests. One that follows
from other columns (``of``) is computed wherever these are known, by its function in
:mod:`cinecohort.measures.derived`.
"""

from dataclasses import dataclass
from enum import Enum, Flag, auto


class Use(Enum):
    """What a measure is for."""

    PRINTED = auto()
    """Analysed, and a row of the report's tables."""
    SEGMENT = auto()
    """Analysed, and printed among the other segments of the wall."""
    CHECK = auto()
    """Looked at by the checks of consistency alone."""
    FOREIGN = auto()
    """Read from and written to ukbb_cardiac's tables, not kept in ours."""


class Show(Flag):
    """Where a measure is shown beside the full tables."""

    NOWHERE = 0
    SUMMARY = auto()
    """The report's first page: mean (SD)."""
    AGREEMENT = auto()
    """The report's first page: agreement with the observer."""
    PATIENT = auto()
    """The sentence about one patient."""
    DISTRIBUTION = auto()
    """The figure of distributions."""
    PRINCIPAL = auto()
    """Bai 2018 Table 5 and Figure 4, Chen 2020 Figure 8 and Table IX; check M5."""
    FUNCTION = auto()
    """Bai 2018 Table 9."""


@dataclass(frozen=True)
class Measure:
    """What there is to know of a measure.

    Parameters
    ----------
    column
        Its column in all tables; the unit is its ending.
    label, words
        Printed name, and the name written out.
    unit, digits
        As printed; digits after the point.
    structures, views
        Structures whose labels it is taken from, and the views that these are segmented on. The left atrium
        takes both long-axis views (biplane area-length); the short axis only gives the atria their direction.
        Empty for what is not taken from label maps.
    formula, source
        How it is computed, and where that is defined.
    frames, caveat
        When in the cycle it is taken (empty for what follows from others), and what to know of it.
    of
        The columns that it follows from, in the order of its function's arguments; empty for what is
        measured on the label maps themselves.
    indexed
        Whether it is divided by body surface area, in a column ending in ``_i`` (unit/m²).
    plausible
        Range of a living heart, where there is a check (M1) of it.
    ukb_field
        UK Biobank's data field of the same measure.
    ukbb_cardiac
        Its column in ukbb_cardiac's tables.
    use, show
        What it is for and where it is shown.
    """

    column: str
    label: str
    words: str
    unit: str
    digits: int
    structures: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    formula: str = ""
    source: str = ""
    of: tuple[str, ...] = ()
    indexed: bool = False
    plausible: tuple[float, float] | None = None
    ukb_field: int | None = None
    ukbb_cardiac: str = ""
    use: Use = Use.PRINTED
    show: Show = Show.NOWHERE
    frames: str = ""
    caveat: str = ""

    @property
    def heading(self) -> str:
        """Label with unit, for a table's first column or an axis."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


SEGMENT_NAMES = (
    *("basal anterior", "basal anteroseptal", "basal inferoseptal"),
    *("basal inferior", "basal inferolateral", "basal anterolateral"),
    *("mid anterior", "mid anteroseptal", "mid inferoseptal"),
    *("mid inferior", "mid inferolateral", "mid anterolateral"),
    *("apical anterior", "apical septal", "apical inferior", "apical lateral"),
)
"""The segments of the wall in their order (Cerqueira 2002, without the apex)."""

_BAI = "Bai et al., J Cardiovasc Magn Reson 2018;20:65"
_AREA_LENGTH = "Bai et al. 2018 and its published code (ukbb_cardiac)"
_AHA = "Cerqueira et al., Circulation 2002;105:539, and ukbb_cardiac"
_LV, _RV, _LA, _RA, _WALL, _HEART = ("LV",), ("RV",), ("LA",), ("RA",), ("MYO",), ("LV", "MYO")
_SA, _2CH, _4CH, _BOTH = ("sa",), ("la_2ch",), ("la_4ch",), ("la_2ch", "la_4ch")
_STROKE, _FRACTION, _OUTPUT = "EDV - ESV", "100 (EDV - ESV) / EDV", "stroke volume x heart rate / 1000"
_EMPTYING, _DISKS = "100 (maximum - minimum) / maximum", "sum of the slices' areas x slice spacing"
_OF_LV, _OF_RV = ("lvedv_ml", "lvesv_ml"), ("rvedv_ml", "rvesv_ml")
_OF_LA, _OF_RA = ("la_max_ml", "la_min_ml"), ("ra_max_ml", "ra_min_ml")
_ED, _ES = "end-diastole", "end-systole"
_LARGEST, _SMALLEST = "where the atrium is largest", "where the atrium is smallest"
_PAPILLARY = (
    "Papillary muscles count as in the labels that the network learnt from: as cavity in the shipped ones."
)
_RV_BASE = "Taken at the frames of the LV. Observers and networks disagree most at the base."
_RATE = "Empty where the heart rate is not known."
_RATIO = "Where the volumes are small, a few mL move it by several points."
_ATRIUM = (
    "Without appendage and veins. Needs the short axis for the direction of the long axis "
    "(`measures.atrial_axis`)."
)
_KEY = Show.SUMMARY | Show.AGREEMENT | Show.DISTRIBUTION

# fmt: off
MEASURES: tuple[Measure, ...] = (
    Measure("lvedv_ml", "LVEDV", "left ventricular end-diastolic volume", "mL", 1, _LV, _SA, _DISKS, _BAI,
            indexed=True, plausible=(20.0, 600.0), ukb_field=24100, ukbb_cardiac="LVEDV (mL)",
            show=_KEY | Show.PATIENT | Show.PRINCIPAL,
            frames=_ED, caveat=_PAPILLARY),
    Measure("lvesv_ml", "LVESV", "left ventricular end-systolic volume", "mL", 1, _LV, _SA, _DISKS, _BAI,
            indexed=True, ukb_field=24101, ukbb_cardiac="LVESV (mL)",
            show=Show.PATIENT | Show.DISTRIBUTION | Show.PRINCIPAL,
            frames=_ES, caveat=_PAPILLARY),
    Measure("lvsv_ml", "LVSV", "left ventricular stroke volume", "mL", 1, _LV, _SA, _STROKE, _BAI, _OF_LV,
            indexed=True, ukb_field=24102, ukbb_cardiac="LVSV (mL)", show=Show.FUNCTION),
    Measure("lvef_pct", "LVEF", "left ventricular ejection fraction", "%", 1, _LV, _SA, _FRACTION, _BAI,
            _OF_LV, plausible=(10.0, 85.0), ukb_field=24103, ukbb_cardiac="LVEF (%)",
            show=_KEY | Show.PATIENT | Show.FUNCTION,
            caveat=_RATIO),
    Measure("lvco_l_min", "LVCO", "left ventricular cardiac output", "L/min", 2, _LV, _SA, _OUTPUT, _BAI,
            ("lvsv_ml", "heart_rate_bpm"), indexed=True, ukb_field=24104, ukbb_cardiac="LVCO (L/min)",
            show=Show.FUNCTION,
            caveat=_RATE),
    Measure("lvm_g", "LVM", "left ventricular myocardial mass", "g", 1, _WALL, _SA,
            "end-diastolic myocardial volume x density (1.05 g/mL)", _BAI, indexed=True,
            plausible=(25.0, 350.0), ukb_field=24105, ukbb_cardiac="LVM (g)",
            show=_KEY | Show.PATIENT | Show.PRINCIPAL,
            frames=_ED, caveat="The density is `measures.myocardial_density_g_ml`. " + _PAPILLARY),
    Measure("lvri_g_ml", "LVRI", "left ventricular remodelling index (mass-to-volume ratio)",
            "g/mL", 2, _HEART, _SA, "LVM / LVEDV", "Bluemke et al., J Am Coll Cardiol 2008;52:2148",
            ("lvm_g", "lvedv_ml")),
    Measure("rvedv_ml", "RVEDV", "right ventricular end-diastolic volume", "mL", 1, _RV, _SA, _DISKS, _BAI,
            indexed=True, plausible=(20.0, 600.0), ukb_field=24106, ukbb_cardiac="RVEDV (mL)",
            show=_KEY | Show.PRINCIPAL,
            frames=_ED, caveat=_RV_BASE),
    Measure("rvesv_ml", "RVESV", "right ventricular end-systolic volume", "mL", 1, _RV, _SA, _DISKS, _BAI,
            indexed=True, ukb_field=24107, ukbb_cardiac="RVESV (mL)",
            show=Show.DISTRIBUTION | Show.PRINCIPAL,
            frames=_ES, caveat=_RV_BASE),
    Measure("rvsv_ml", "RVSV", "right ventricular stroke volume", "mL", 1, _RV, _SA, _STROKE, _BAI, _OF_RV,
            indexed=True, ukb_field=24108, ukbb_cardiac="RVSV (mL)", show=Show.FUNCTION),
    Measure("rvef_pct", "RVEF", "right ventricular ejection fraction", "%", 1, _RV, _SA, _FRACTION, _BAI,
            _OF_RV, plausible=(10.0, 85.0), ukb_field=24109, ukbb_cardiac="RVEF (%)",
            show=Show.SUMMARY | Show.DISTRIBUTION | Show.FUNCTION,
            caveat=_RATIO),
    Measure("rvco_l_min", "RVCO", "right ventricular cardiac output", "L/min", 2, _RV, _SA, _OUTPUT, _BAI,
            ("rvsv_ml", "heart_rate_bpm"), indexed=True, ukbb_cardiac="RVCO (L/min)", show=Show.FUNCTION,
            caveat=_RATE),
    Measure("la_max_ml", "LA maximum", "maximal left atrial volume", "mL", 1, _LA, _BOTH,
            "biplane area-length: 8 A2 A4 / (3 pi L)", _AREA_LENGTH, indexed=True, ukb_field=24110,
            ukbb_cardiac="LAV max (mL)", show=Show.DISTRIBUTION,
            frames=_LARGEST, caveat=_ATRIUM),
    Measure("la_min_ml", "LA minimum", "minimal left atrial volume", "mL", 1, _LA, _BOTH,
            "biplane area-length: 8 A2 A4 / (3 pi L)", _AREA_LENGTH, indexed=True, ukb_field=24111,
            ukbb_cardiac="LAV min (mL)",
            frames=_SMALLEST, caveat=_ATRIUM),
    Measure("laef_pct", "LAEF", "left atrial ejection fraction", "%", 1, _LA, _BOTH, _EMPTYING, _AREA_LENGTH,
            _OF_LA, ukb_field=24113, ukbb_cardiac="LAEF (%)", show=Show.DISTRIBUTION),
    Measure("ra_max_ml", "RA maximum", "maximal right atrial volume", "mL", 1, _RA, _4CH,
            "single-plane area-length: 8 A^2 / (3 pi L)", _AREA_LENGTH, indexed=True, ukb_field=24114,
            ukbb_cardiac="RAV max (mL)", show=Show.DISTRIBUTION,
            frames=_LARGEST, caveat=_ATRIUM),
    Measure("ra_min_ml", "RA minimum", "minimal right atrial volume", "mL", 1, _RA, _4CH,
            "single-plane area-length: 8 A^2 / (3 pi L)", _AREA_LENGTH, indexed=True, ukb_field=24115,
            ukbb_cardiac="RAV min (mL)",
            frames=_SMALLEST, caveat=_ATRIUM),
    Measure("raef_pct", "RAEF", "right atrial ejection fraction", "%", 1, _RA, _4CH, _EMPTYING, _AREA_LENGTH,
            _OF_RA, ukb_field=24117, ukbb_cardiac="RAEF (%)", show=Show.DISTRIBUTION),
    *(Measure(f"wt_aha_{segment:02d}_mm", f"Wall thickness, segment {segment}",
              f"end-diastolic wall thickness, {name}", "mm", 1, _HEART, _SA,
              "mean distance of the epicardial from the endocardial contour", _AHA,
              ukb_field=24123 + segment, ukbb_cardiac=f"WT_AHA_{segment} (mm)", use=Use.SEGMENT, frames=_ED,
              caveat="The apex (segment 17) is not measured. Empty without an RV, which shows the septum.")
      for segment, name in enumerate(SEGMENT_NAMES, 1)),
    Measure("wt_global_mm", "Wall thickness", "mean end-diastolic wall thickness", "mm", 1, _HEART, _SA,
            "mean over all segments' distances", _AHA, ukb_field=24140, ukbb_cardiac="WT_Global (mm)",
            frames=_ED, caveat="Mean over all endocardial points, so that large slices count more."),
    Measure("heart_rate_bpm", "Heart rate", "heart rate", "1/min", 0,
            frames="all",
            caveat="Of the scan, from what the header says; empty where that is missing or cannot be true."),
    Measure("lvm_es_g", "LVM at ES", "left ventricular myocardial mass at end-systole", "g", 1, _WALL, _SA,
            "end-systolic myocardial volume x density", _BAI, use=Use.CHECK,
            frames=_ES, caveat="Beside the mass at end-diastole in check M2; in no analysis."),
    Measure("la_2ch_max_ml", "LA maximum, 2Ch", "maximal left atrial volume of the 2-chamber view", "mL", 1,
            _LA, _2CH, "single-plane area-length: 8 A^2 / (3 pi L)", _AREA_LENGTH, use=Use.CHECK,
            frames=_LARGEST, caveat="Beside that of the 4-chamber view in check M4; in no analysis."),
    Measure("la_4ch_max_ml", "LA maximum, 4Ch", "maximal left atrial volume of the 4-chamber view", "mL", 1,
            _LA, _4CH, "single-plane area-length: 8 A^2 / (3 pi L)", _AREA_LENGTH, use=Use.CHECK,
            frames=_LARGEST, caveat="Beside that of the 2-chamber view in check M4; in no analysis."),
    Measure("es_phase", "ES phase", "part of the cycle at which the LV is smallest", "", 2, _LV, _SA,
            "end-systolic frame / frames", use=Use.CHECK,
            frames="all", caveat="For check M4; in no analysis."),
    Measure("la_max_phase", "LA phase", "part of the cycle at which the LA is largest", "", 2, _LA, _BOTH,
            "frame of the LA maximum / frames", use=Use.CHECK,
            frames="all", caveat="Beside the LV's end-systole in check M4; in no analysis."),
    Measure("lasv_ml", "LASV", "left atrial stroke volume", "mL", 1, _LA, _BOTH, "maximum - minimum",
            _AREA_LENGTH, _OF_LA, ukb_field=24112, ukbb_cardiac="LASV (mL)", use=Use.FOREIGN),
    Measure("rasv_ml", "RASV", "right atrial stroke volume", "mL", 1, _RA, _4CH, "maximum - minimum",
            _AREA_LENGTH, _OF_RA, ukb_field=24116, ukbb_cardiac="RASV (mL)", use=Use.FOREIGN),
)
# fmt: on
"""Every measure, in the order of the tables' columns and rows; what follows from others comes after them."""

BY_COLUMN = {measure.column: measure for measure in MEASURES}
PRINTED = {name: measure for name, measure in BY_COLUMN.items() if measure.use is Use.PRINTED}
"""The measures of the printed tables, in their order."""

COMPARED = tuple(name for name, measure in PRINTED.items() if measure.views)
"""Measures in the tables of agreement; the heart rate is the scanner's, whoever measures."""

WALL_SEGMENTS = tuple(measure.column for measure in MEASURES if measure.use is Use.SEGMENT)
ANALYSED = tuple(m.column for m in MEASURES if m.use in (Use.PRINTED, Use.SEGMENT) and m.views)
"""The measures that analyses use."""

CHECKED = tuple(measure.column for measure in MEASURES if measure.use is Use.CHECK)
"""What only the checks of consistency look at."""

THEIR_NAMES = {measure.ukbb_cardiac: measure.column for measure in MEASURES if measure.ukbb_cardiac}
"""Column of ukbb_cardiac's tables to ours."""

PLAUSIBLE = {measure.column: measure.plausible for measure in MEASURES if measure.plausible}
INDEXED = tuple(measure.column for measure in MEASURES if measure.indexed)
DERIVED = tuple(m for m in MEASURES if m.of and m.use is not Use.FOREIGN)
"""Measures of ours that follow from other columns."""


def columns_shown(where: Show) -> tuple[str, ...]:
    """Columns of the measures that are shown there."""
    return tuple(measure.column for measure in MEASURES if where in measure.show)


def measure_of(column: str) -> Measure | None:
    """Measure of a column, of its index (``lvedv_ml_i``) or of an end of its interval (``lvef_pct_low``)."""
    for ending in ("_low", "_high", "_i"):
        column = column.removesuffix(ending)
    return BY_COLUMN.get(column)


def views_of(column: str) -> tuple[str, ...]:
    """Views whose label maps a column is taken from; none for what is not taken from label maps."""
    measure = measure_of(column)
    return measure.views if measure else ()


def frames_of(measure: Measure) -> str:
    """When in the cycle a measure is taken, of what follows from others with those of each."""
    parts = [measure.frames, *(frames_of(BY_COLUMN[column]) for column in measure.of)]
    return " and ".join(dict.fromkeys(part for part in parts if part and part != "all")) or measure.frames


def rests_on(column: str) -> frozenset[str]:
    """Columns that a measure follows from, directly or not; itself among them."""
    measure = BY_COLUMN.get(column)
    return frozenset({column}).union(*(rests_on(name) for name in (measure.of if measure else ())))


def measure_label(column: str) -> str:
    """Printed name with unit of a column, also of an index (``lvedv_ml_i``) or a z-score (``lvef_pct_z``)."""
    if column in BY_COLUMN:
        return BY_COLUMN[column].heading
    name = column.removesuffix("_z")
    measure = PRINTED.get(name.removesuffix("_i"))
    if measure is None:
        return column
    words = f"{measure.label} index" if name.endswith("_i") else measure.label
    return f"{words}, z-score" if name != column else f"{words} ({measure.unit}/m²)"


def measure_digits(column: str) -> int:
    """Digits that a measure is printed with; two for a z-score."""
    measure = BY_COLUMN.get(column.removesuffix("_i"))
    return measure.digits if measure else 2 if column.endswith("_z") else 1
