"""Measures that follow from others: formulas of Bai 2018 and ukbb_cardiac, by the columns they compute."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cinecohort.catalogue.measures import DERIVED

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE = {"mL": 3.0, "%": 3.0}
"""How far a stroke volume or ejection fraction may lie from that of its volumes, since all are rounded."""

TOLERATED_SHARE = 0.05
"""The same as a share of it, where that is more."""

NAN = float("nan")
FUNCTIONS: dict[str, Callable[..., float]] = {}
"""Column to its function, whose arguments are the columns that it is ``of`` in the catalogue."""


def computes(*columns: str) -> Callable[[Callable[..., float]], Callable[..., float]]:
    """Register a function for the columns that it computes."""

    def register(function: Callable[..., float]) -> Callable[..., float]:
        FUNCTIONS.update(dict.fromkeys(columns, function))
        return function

    return register


@computes("lvsv_ml", "rvsv_ml")
def stroke_volume_ml(edv_ml: float, esv_ml: float) -> float:
    """End-diastolic minus end-systolic volume, mL."""
    return edv_ml - esv_ml


@computes("lvef_pct", "rvef_pct", "laef_pct", "raef_pct")
def ejection_fraction_pct(edv_ml: float, esv_ml: float) -> float:
    """Stroke volume over end-diastolic volume, percent; NaN where the latter is not positive.

    Of an atrium, the emptying fraction: the maximum and the minimum stand for the two.

    Examples
    --------
    >>> ejection_fraction_pct(150.0, 60.0)
    60.0
    """
    return 100.0 * (edv_ml - esv_ml) / edv_ml if edv_ml > 0 else NAN


@computes("lvco_l_min", "rvco_l_min")
def cardiac_output_l_min(stroke_volume_ml: float, heart_rate_bpm: float) -> float:
    """Stroke volume times heart rate, L/min; NaN where the heart rate is.

    Examples
    --------
    >>> cardiac_output_l_min(90.0, 60.0)
    5.4
    """
    return stroke_volume_ml * heart_rate_bpm / 1000.0


@computes("lvri_g_ml")
def remodelling_index_g_ml(mass_g: float, edv_ml: float) -> float:
    """Left ventricular mass over end-diastolic volume, g/mL; NaN where the latter is not positive."""
    return mass_g / edv_ml if edv_ml > 0 else NAN


def with_derived(values: Mapping[str, float]) -> dict[str, float]:
    """`values` of one subject with every measure that follows from them; what they have already stays."""
    known = dict(values)
    for measure in DERIVED:
        if measure.column not in known and known.keys() >= set(measure.of):
            known[measure.column] = FUNCTIONS[measure.column](*(known[name] for name in measure.of))
    return known


def add_derived(table: "pd.DataFrame") -> "pd.DataFrame":
    """`table`, one row per subject, with a column for every measure that follows from its columns."""
    for measure in DERIVED:
        if measure.column not in table and set(measure.of) <= set(table):
            compute: Any = np.vectorize(FUNCTIONS[measure.column], otypes=[float])
            with np.errstate(invalid="ignore"):
                values = compute(*(table[name].to_numpy(dtype=float) for name in measure.of))
            table = table.assign(**{measure.column: values})
    return table


def contradictions(table: "pd.DataFrame") -> "dict[str, pd.Series]":
    """Rows in which a stroke volume or ejection fraction is not that of the volumes beside it, by its column.

    Columns of which `table` lacks a volume are left out; rows that lack a value contradict nothing.
    """
    found = {}
    for measure in DERIVED:
        name, volumes = measure.column, list(measure.of)
        if measure.unit in TOLERANCE and {name, *volumes} <= set(table):
            computed = add_derived(table[volumes])[name]
            allowed = (TOLERATED_SHARE * computed.abs()).clip(lower=TOLERANCE[measure.unit])
            found[name] = (table[name] - computed).abs() > allowed
    return found
