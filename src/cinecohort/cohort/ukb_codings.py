"""Codings of the few UK Biobank fields that this software knows: which codes are values, and what they mean.

Of every other field the user says it in ``columns``; nothing is concluded from a code's sign, since
Townsend's index (fields 189 and 22189) is validly negative and -10 means "less than one" in some codings. The
codes are those of UK Biobank's public showcase (https://biobank.ndph.ox.ac.uk/showcase/field.cgi?id=20116,
and so on for each field).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_NO_ANSWER = {"-1": "do not know", "-3": "prefer not to answer"}


@dataclass(frozen=True)
class Coding:
    """What the codes of a field mean.

    Parameters
    ----------
    labels
        Code to label, of codes that are values.
    missing
        Code to label, of codes that are none.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


_CENTRES = {
    **{"11012": "Barts", "11021": "Birmingham", "11011": "Bristol", "11008": "Bury", "11003": "Cardiff"},
    **{"11024": "Cheadle (revisit)", "11020": "Croydon", "11005": "Edinburgh", "11004": "Glasgow"},
    **{"11018": "Hounslow", "11010": "Leeds", "11016": "Liverpool", "11001": "Manchester"},
    **{"11017": "Middlesborough", "11009": "Newcastle", "11013": "Nottingham", "11002": "Oxford"},
    **{"11007": "Reading", "11014": "Sheffield", "10003": "Stockport (pilot)", "11006": "Stoke"},
    **{"11022": "Swansea", "11023": "Wrexham", "11025": "Cheadle (imaging)", "11026": "Reading (imaging)"},
    **{"11027": "Newcastle (imaging)", "11028": "Bristol (imaging)"},
}
_STATUS = Coding({"0": "never", "1": "previous", "2": "current"}, {"-3": "prefer not to answer"})
VASCULAR = Coding(
    {
        "1": "heart attack",
        "2": "angina",
        "3": "stroke",
        "4": "high blood pressure",
        "-7": "none of the above",
    },
    {"-3": "prefer not to answer"},
)
ALCOHOL = {
    "1": "daily or almost daily",
    "2": "three or four times a week",
    "3": "once or twice a week",
    "4": "one to three times a month",
    "5": "special occasions only",
    "6": "never",
}

CODINGS: dict[int, Coding] = {
    31: Coding({"0": "female", "1": "male"}),
    54: Coding(_CENTRES),
    1558: Coding(ALCOHOL, {"-3": "prefer not to answer"}),
    2443: Coding({"0": "no", "1": "yes"}, _NO_ANSWER),
    6150: VASCULAR,
    20002: Coding({}, {"99999": "unclassifiable"}),
    20116: _STATUS,
    20117: _STATUS,
}
"""Field to its coding."""

ILLNESSES = 20002
"""Self-reported illnesses, in four digits; 1075 is a heart attack."""

_NAMES = (
    r"(\d+)-[^.]+\..+",  # 20116-2.0, as ukbconv writes CSV
    r"f\.(\d+)\..+",  # f.20116.2.0, for R
    r"(?:x|n_|s_|ts_)?(\d+)_\d+_\d+",  # n_20116_2_0, for Stata
    r"(?:participant\.)?p(\d+)(?:_i[^_]+)?(?:_a.+)?",  # p20116_i2, of the research analysis platform
    r".+_f(\d+)_\d+_\d+",  # smoking_status_f20116_2_0, of ukbtools
)
_NAME = re.compile("|".join(_NAMES))


def field_of(name: str) -> int | None:
    """UK Biobank's field by the name of a column; None where the name is no field's."""
    found = _NAME.fullmatch(name.strip().lower())
    return next((int(number) for number in found.groups() if number), None) if found else None


def plain_code(text: str) -> str:
    """A code as text, whether it was written as a whole number or with a decimal point, in lower case."""
    return text.strip().removesuffix(".0").lower()
