"""Measures that follow from others, of one subject and of a table."""

import numpy as np
import pandas as pd
import pytest

from cinecohort.measures.derived import (
    add_derived,
    cardiac_output_l_min,
    ejection_fraction_pct,
    remodelling_index_g_ml,
    with_derived,
)

VOLUMES = {"lvedv_ml": 150.0, "lvesv_ml": 60.0, "heart_rate_bpm": 70.0, "la_max_ml": 80.0, "la_min_ml": 30.0}


def test_formulas() -> None:
    assert ejection_fraction_pct(150.0, 60.0) == pytest.approx(60.0)
    assert np.isnan(ejection_fraction_pct(0.0, 0.0))
    assert cardiac_output_l_min(90.0, 70.0) == pytest.approx(6.3)
    assert np.isnan(cardiac_output_l_min(90.0, float("nan")))
    assert remodelling_index_g_ml(120.0, 150.0) == pytest.approx(0.8)
    assert np.isnan(remodelling_index_g_ml(120.0, 0.0))


def test_of_one_subject() -> None:
    derived = with_derived(VOLUMES)
    assert derived["lvsv_ml"] == 90.0
    assert derived["lvef_pct"] == pytest.approx(60.0)
    assert derived["lvco_l_min"] == pytest.approx(6.3)
    assert derived["laef_pct"] == pytest.approx(62.5)
    assert not any(name.startswith("rv") for name in derived)
    assert with_derived({**VOLUMES, "lvef_pct": 1.0})["lvef_pct"] == 1.0
    assert np.isnan(with_derived({**VOLUMES, "heart_rate_bpm": float("nan")})["lvco_l_min"])


def test_of_a_table_as_of_each_subject() -> None:
    table = pd.DataFrame([VOLUMES, {**VOLUMES, "lvedv_ml": 0.0}, {**VOLUMES, "lvesv_ml": np.nan}])
    derived = add_derived(table)
    for row, values in zip(derived.to_dict("records"), table.to_dict("records"), strict=True):
        assert row == pytest.approx(with_derived(values), nan_ok=True)
    assert np.isnan(derived["lvef_pct"][1])
    assert add_derived(table.head(0)).empty
