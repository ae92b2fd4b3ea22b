"""How the report names what the tables hold: measures with units and digits, structures, views, findings."""

from dataclasses import dataclass

from cinecohort.catalogue.findings import Code


@dataclass(frozen=True)
class MeasureName:
    """A measure's printed name, unit and digits after the point."""

    label: str
    words: str
    unit: str
    digits: int

    @property
    def heading(self) -> str:
        """Label with unit, for a table's first column or an axis."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


MEASURES: dict[str, MeasureName] = {
    "lvedv_ml": MeasureName("LVEDV", "left ventricular end-diastolic volume", "mL", 1),
    "lvesv_ml": MeasureName("LVESV", "left ventricular end-systolic volume", "mL", 1),
    "lvsv_ml": MeasureName("LVSV", "left ventricular stroke volume", "mL", 1),
    "lvef_pct": MeasureName("LVEF", "left ventricular ejection fraction", "%", 1),
    "lvco_l_min": MeasureName("LVCO", "left ventricular cardiac output", "L/min", 2),
    "lvm_g": MeasureName("LVM", "left ventricular myocardial mass", "g", 1),
    "rvedv_ml": MeasureName("RVEDV", "right ventricular end-diastolic volume", "mL", 1),
    "rvesv_ml": MeasureName("RVESV", "right ventricular end-systolic volume", "mL", 1),
    "rvsv_ml": MeasureName("RVSV", "right ventricular stroke volume", "mL", 1),
    "rvef_pct": MeasureName("RVEF", "right ventricular ejection fraction", "%", 1),
    "rvco_l_min": MeasureName("RVCO", "right ventricular cardiac output", "L/min", 2),
    "la_max_ml": MeasureName("LA maximum", "maximal left atrial volume", "mL", 1),
    "la_min_ml": MeasureName("LA minimum", "minimal left atrial volume", "mL", 1),
    "laef_pct": MeasureName("LAEF", "left atrial ejection fraction", "%", 1),
    "ra_max_ml": MeasureName("RA maximum", "maximal right atrial volume", "mL", 1),
    "ra_min_ml": MeasureName("RA minimum", "minimal right atrial volume", "mL", 1),
    "raef_pct": MeasureName("RAEF", "right atrial ejection fraction", "%", 1),
    "wt_global_mm": MeasureName("Wall thickness", "mean end-diastolic wall thickness", "mm", 1),
    "heart_rate_bpm": MeasureName("Heart rate", "heart rate", "1/min", 0),
}
"""The measures of the printed tables, in their order."""

COMPARED = tuple(name for name in MEASURES if name != "heart_rate_bpm")
"""Measures in the tables of agreement; the heart rate is the scanner's, whoever measures."""

WALL_SEGMENTS = tuple(f"wt_aha_{segment:02d}_mm" for segment in range(1, 17))
"""Columns of end-diastolic wall thickness by segment (Cerqueira 2002, without the apex)."""

SEGMENT_NAMES = (
    *("basal anterior", "basal anteroseptal", "basal inferoseptal"),
    *("basal inferior", "basal inferolateral", "basal anterolateral"),
    *("mid anterior", "mid anteroseptal", "mid inferoseptal"),
    *("mid inferior", "mid inferolateral", "mid anterolateral"),
    *("apical anterior", "apical septal", "apical inferior", "apical lateral"),
)

DISTRIBUTION_MEASURES = ("lvedv_ml", "lvesv_ml", "lvef_pct", "lvm_g", "rvedv_ml", "rvesv_ml", "rvef_pct")
"""Measures whose distribution is drawn; atrial ones follow where they were measured."""

ATRIAL_MEASURES = ("la_max_ml", "laef_pct", "ra_max_ml", "raef_pct")

STRUCTURE_NAMES = {
    "LV": "LV cavity",
    "MYO": "LV myocardium",
    "RV": "RV cavity",
    "LA": "LA cavity",
    "RA": "RA cavity",
}
VIEW_NAMES = {"sa": "short axis", "la_2ch": "2-chamber", "la_3ch": "3-chamber", "la_4ch": "4-chamber"}
VIEW_SHORT = {"sa": "SA", "la_2ch": "2Ch", "la_3ch": "3Ch", "la_4ch": "4Ch"}
ROLE_NAMES = {"ed": "ED", "es": "ES", "both": "ED and ES", "": "all frames"}

STEP_NAMES = {
    "indexed": "Received",
    "converted": "Converted",
    "convert": "Converted",
    "image quality": "Passed image checks",
    "image_quality": "Passed image checks",
    "segmented": "Segmented",
    "segment": "Segmented",
    "segmentation quality": "Passed segmentation checks",
    "segmentation_quality": "Passed segmentation checks",
    "measured": "Measured",
    "measure": "Measured",
}
"""Steps of the flow, as printed."""

STAGE_NAMES = {
    "convert": "Conversion",
    "image_quality": "Image quality",
    "segment": "Segmentation",
    "segmentation_quality": "Segmentation quality",
    "measure": "Measures",
    "measure_quality": "Plausibility of measures",
    "evaluate": "Evaluation",
}


def finding_words(code: str) -> str:
    """Return a code's meaning in words; a status that stands in for a code is its own."""
    return Code[code].words if code in Code.__members__ else code.replace("_", " ").lower()


COVARIATES = {
    "distance": "Propensity score",
    "age_years": "Age (years)",
    "height_cm": "Height (cm)",
    "weight_kg": "Weight (kg)",
    "bmi": "Body mass index (kg/m²)",
    "sbp_mmhg": "Systolic blood pressure (mmHg)",
    "dbp_mmhg": "Diastolic blood pressure (mmHg)",
    "sex": "Sex",
    "site": "Site",
    "vendor": "Vendor",
    "scanner": "Scanner",
    "field_t": "Field strength",
}
"""Printed names of participants' columns; others are printed as they are."""

LEVELS = {"sex": {"F": "women", "M": "men"}}
"""Words for the levels of participants' columns."""


def covariate_words(variable: str, level: object = None) -> str:
    """Printed name of a participants' column, or of a level of it (``Sex: women``)."""
    title = COVARIATES.get(variable, variable)
    return (
        f"{title}: {LEVELS.get(variable, {}).get(level, level)}"
        if isinstance(level, str) and level
        else title
    )


def in_sentence(words: str) -> str:
    """A printed name within a sentence: without its capital, unless it is an abbreviation."""
    return words if words[:2].isupper() else words[:1].lower() + words[1:]


def measure_label(column: str) -> str:
    """Printed name with unit of a column, also of a body-surface indexed one (``lvedv_ml_i``)."""
    if column in MEASURES:
        return MEASURES[column].heading
    if column.endswith("_i") and column[:-2] in MEASURES:
        name = MEASURES[column[:-2]]
        return f"{name.label} index ({name.unit}/m²)"
    if column in WALL_SEGMENTS:
        return f"Wall thickness, segment {int(column[7:9])} (mm)"
    return column


def measure_digits(column: str) -> int:
    """Digits that a measure is printed with."""
    name = MEASURES.get(column.removesuffix("_i"))
    return name.digits if name else 1
