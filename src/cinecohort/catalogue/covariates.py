"""Columns of the participants' table: what they are called, what kind they are of, words for their levels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto


class Kind(Enum):
    """How a column is described."""

    CONTINUOUS = auto()
    CATEGORY = auto()
    OTHER = auto()
    """Lists of codes, and what only conditions ask for."""


@dataclass(frozen=True)
class Covariate:
    """A column of the participants' table: printed label (the column itself where empty) and kind.

    ``number`` says that its values are numbers, ``levels`` gives words for them where they are categories.
    """

    column: str
    label: str = ""
    kind: Kind = Kind.OTHER
    number: bool = False
    levels: Mapping[str, str] = field(default_factory=dict)


COVARIATES = (
    Covariate("sex", "Sex", Kind.CATEGORY, levels={"F": "women", "M": "men"}),
    Covariate("age_years", "Age (years)", Kind.CONTINUOUS, number=True),
    Covariate("height_cm", "Height (cm)", Kind.CONTINUOUS, number=True),
    Covariate("weight_kg", "Weight (kg)", Kind.CONTINUOUS, number=True),
    Covariate("bmi", "Body mass index (kg/m²)", Kind.CONTINUOUS, number=True),
    Covariate("sbp_mmhg", "Systolic blood pressure (mmHg)", Kind.CONTINUOUS, number=True),
    Covariate("dbp_mmhg", "Diastolic blood pressure (mmHg)", Kind.CONTINUOUS, number=True),
    Covariate("icd10"),
    Covariate("self_reported_mi"),
    Covariate("site", "Site", Kind.CATEGORY),
    Covariate("vendor", "Vendor", Kind.CATEGORY),
    Covariate("scanner", "Scanner", Kind.CATEGORY),
    Covariate("field_t", "Field strength", Kind.CATEGORY, number=True),
    Covariate("group"),
)
"""The columns that we read of a participant, in the order of the table."""

BY_COLUMN = {covariate.column: covariate for covariate in COVARIATES}
NUMBERS = tuple(covariate.column for covariate in COVARIATES if covariate.number)
CONTINUOUS = tuple(covariate.column for covariate in COVARIATES if covariate.kind is Kind.CONTINUOUS)
CATEGORIES = tuple(covariate.column for covariate in COVARIATES if covariate.kind is Kind.CATEGORY)
_LABELS = {"distance": "Propensity score"}


def covariate_words(variable: str, level: object = None) -> str:
    """Printed name of a participants' column, or of a level of it (``Sex: women``)."""
    title = BY_COLUMN[variable].label if variable in BY_COLUMN else _LABELS.get(variable)
    of_level = f": {level_words(variable, level)}" if isinstance(level, str) and level else ""
    return f"{title or variable}{of_level}"


def level_words(variable: str, level: str) -> str:
    """Word for a level of a participants' column (``women``)."""
    words = BY_COLUMN[variable].levels.get(level, level) if variable in BY_COLUMN else level
    return words.replace(">= ", "≥ ")


def in_sentence(words: str) -> str:
    """A printed name within a sentence: without its capital, unless it is an abbreviation."""
    return words if words[:2].isupper() else words[:1].lower() + words[1:]
