"""Measures that follow from others: each function computes the columns of the catalogue that name it here."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from cinecohort.catalogue.measures import DERIVED
from cinecohort.measures import function

FUNCTIONS: dict[str, Callable[..., float]] = {
    "lvsv_ml": function.stroke_volume_ml,
    "rvsv_ml": function.stroke_volume_ml,
    "lvef_pct": function.ejection_fraction_pct,
    "rvef_pct": function.ejection_fraction_pct,
    "laef_pct": function.ejection_fraction_pct,
    "raef_pct": function.ejection_fraction_pct,
    "lvco_l_min": function.cardiac_output_l_min,
    "rvco_l_min": function.cardiac_output_l_min,
}
"""Column to the function of the columns that it is ``of``."""


def with_derived(values: Mapping[str, float]) -> dict[str, float]:
    """`values` of one subject with every measure that follows from them; what they have already stays."""
    known = dict(values)
    for measure in DERIVED:
        if measure.column not in known and known.keys() >= set(measure.of):
            known[measure.column] = FUNCTIONS[measure.column](*(known[name] for name in measure.of))
    return known


def add_derived(table: pd.DataFrame) -> pd.DataFrame:
    """`table`, one row per subject, with a column for every measure that follows from its columns."""
    for measure in DERIVED:
        if measure.column not in table and set(measure.of) <= set(table):
            compute: Any = np.vectorize(FUNCTIONS[measure.column], otypes=[float])
            values = compute(*(table[name].to_numpy(dtype=float) for name in measure.of))
            table = table.assign(**{measure.column: values})
    return table
