"""What cannot be true of a living person, and which other unit a column may be in.

The limits are wide: they are for slips and other units, not for rare people. Adults are meant; for children
set ``plausible`` of the column.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.measures import THEIR_NAMES, measure_of

LIMITS: dict[str, tuple[float, float]] = {
    "age_years": (0.5, 115.0),
    "height_cm": (100.0, 250.0),
    "weight_kg": (20.0, 350.0),
    "bmi": (8.0, 100.0),
    "sbp_mmhg": (50.0, 300.0),
    "dbp_mmhg": (20.0, 200.0),
    "field_t": (0.04, 12.0),
    "heart_rate_bpm": (20.0, 250.0),
}
"""Lowest and highest believed value of participants' columns."""

MEASURE_LIMITS: dict[str, tuple[float, float]] = {
    "mL": (1.0, 1500.0),
    "g": (1.0, 1000.0),
    "%": (2.0, 100.0),
    "L/min": (0.3, 40.0),
    "mm": (0.5, 80.0),
    "g/mL": (0.05, 10.0),
    "1/min": (20.0, 250.0),
}
"""Lowest and highest believed value of measures made elsewhere, by their unit."""

TYPICAL: dict[str, tuple[float, float]] = {
    "age_years": (5.0, 100.0),
    "height_cm": (110.0, 200.0),
    "weight_kg": (35.0, 130.0),
    "bmi": (15.0, 45.0),
    "sbp_mmhg": (85.0, 180.0),
    "dbp_mmhg": (45.0, 115.0),
    "field_t": (0.04, 12.0),
    "lvef_pct": (10.0, 85.0),
    "rvef_pct": (10.0, 85.0),
    "laef_pct": (5.0, 85.0),
    "raef_pct": (5.0, 85.0),
    "lvm_g": (25.0, 400.0),
    "volume": (10.0, 600.0),
    "wt_global_mm": (3.0, 30.0),
}
"""Where the median of a group's values lies, if the unit is ours."""

UNITS: dict[str, Mapping[str, float]] = {
    "age_years": {"months": 1 / 12, "days": 1 / 365.25},
    "height_cm": {"metres": 100.0, "inches": 2.54, "millimetres": 0.1, "feet": 30.48},
    "weight_kg": {"pounds": 0.45359237, "stone": 6.35029318, "grams": 0.001},
    "sbp_mmhg": {"kPa": 7.50062, "cmHg": 10.0},
    "dbp_mmhg": {"kPa": 7.50062, "cmHg": 10.0},
    "field_t": {"mT": 0.001, "gauss": 0.0001, "MHz (of hydrogen)": 1 / 42.577},
    "lvef_pct": {"a fraction": 100.0},
    "rvef_pct": {"a fraction": 100.0},
    "laef_pct": {"a fraction": 100.0},
    "raef_pct": {"a fraction": 100.0},
    "lvm_g": {"kilograms": 1000.0, "milligrams": 0.001},
    "volume": {"litres": 1000.0, "mm³": 0.001},
    "wt_global_mm": {"centimetres": 10.0, "metres": 1000.0},
}
"""Other units of a column, with the factor that brings them to ours."""

FEWEST = 3
"""A column of fewer values says nothing about its unit."""

BMI_TOLERANCE = 0.05
"""Share by which a BMI may differ from weight over squared height: both are rounded, and may be days
apart."""


@dataclass(frozen=True)
class Remark:
    """What is odd about one value of one person.

    Parameters
    ----------
    code
        Of the finding.
    column
        Ours.
    message
        A sentence.
    value, threshold
        The number, and the limit that it breaks.
    """

    code: Code
    column: str
    message: str
    value: float | None = None
    threshold: float | None = None


def kind_of(column: str) -> str:
    """The row of :data:`UNITS` that a column belongs to: volumes share one."""
    measure = measure_of(column)
    if measure is None:
        return column
    return "volume" if measure.unit == "mL" else measure.column


def likely_unit(values: pd.Series, column: str) -> tuple[str, float] | None:
    """The unit that a column is mostly in where that is not ours, with the factor that brings it to ours.

    The median lies where no group's does in our unit, and where it does in the other.
    """
    present = values.dropna()
    present = present[present != 0]
    kind = kind_of(column)
    if kind not in TYPICAL or len(present) < FEWEST:
        return None
    low, high = TYPICAL[kind]
    middle = float(present.median())
    if low <= middle <= high:
        return None
    if column == "age_years" and 1850 < middle < 2100:
        return "years of birth", 1.0
    return next((unit for unit in UNITS.get(kind, {}).items() if low <= middle * unit[1] <= high), None)


def measure_limits(column: str) -> tuple[float, float] | None:
    """Lowest and highest believed value of a measure, also where it is indexed by body surface (``_i``)."""
    measure = measure_of(column)
    return MEASURE_LIMITS.get(measure.unit) if measure else None


def implausible(values: pd.Series, limits: tuple[float, float]) -> pd.Series:
    """Whether each value lies outside the limits; missing ones do not."""
    return values.notna() & ~values.between(*limits)


def contradicting_bmi(table: pd.DataFrame) -> pd.Series:
    """Whether each person's BMI contradicts height and weight; False where one of them is missing."""
    if not {"bmi", "height_cm", "weight_kg"} <= set(table.columns):
        return pd.Series(False, index=table.index)
    computed = table["weight_kg"] / (table["height_cm"] / 100) ** 2
    return (table["bmi"] - computed).abs() > BMI_TOLERANCE * computed


def crossed_pressures(table: pd.DataFrame) -> pd.Series:
    """Whether each person's systolic pressure is not above the diastolic one."""
    if not {"sbp_mmhg", "dbp_mmhg"} <= set(table.columns):
        return pd.Series(False, index=table.index)
    return table["sbp_mmhg"] <= table["dbp_mmhg"]


def mostly(doubt: pd.Series, fewest: int) -> bool:
    """Whether more than half of a column's values are doubted, and there are enough to say so."""
    return len(doubt) >= fewest and bool(doubt.mean() > 0.5)


def outside(name: str, value: float, limits: tuple[float, float]) -> Remark:
    """The remark on a value outside its limits."""
    message = f"{name}: {value:g} lies outside {limits[0]:g} to {limits[1]:g}; it counts as missing"
    return Remark(Code.IMPLAUSIBLE, name, message, value, limits[0] if value < limits[0] else limits[1])


def wrong_unit(values: pd.Series, name: str) -> str | None:
    """Say that a column is mostly in another unit, and in which; None where it is not."""
    unit = likely_unit(values, name)
    if unit is None:
        return None
    how = f", or set `scale: {unit[1]:.6g}` for it" if unit[1] != 1 else ""
    median = float(values.median())
    return f"most values look like {unit[0]} (the median is {median:g}); convert the column{how}."


def doubts(values: pd.Series, name: str) -> str | None:
    """Say what cannot be true of a column that is used as it is; None where nothing is wrong or known."""
    ours = THEIR_NAMES.get(name, name)
    limits = LIMITS.get(ours) or measure_limits(ours)
    if limits is None or not pd.api.types.is_numeric_dtype(values):
        return None
    if unit := likely_unit(values, ours):
        return (
            f"most values look like {unit[0]} (the median is {values.median():g}); they are used as they are."
        )
    odd = values[implausible(values, limits)]
    if odd.empty:
        return None
    return (
        f"outside {limits[0]:g} to {limits[1]:g}, and used as a number: {odd.iloc[0]:g}"
        f"{f' and {len(odd) - 1:,} more' if len(odd) > 1 else ''}; correct or empty what is wrong."
    )
