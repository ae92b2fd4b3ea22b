"""Indexed measures and the column names of ukbb_cardiac."""

import numpy as np
import pandas as pd
import pytest

from cinecohort.catalogue.measures import THEIR_NAMES
from cinecohort.measures.indexing import add_indexed, body_surface_m2
from cinecohort.measures.ukbb_columns import to_ukbb_columns


def test_body_surface_of_a_person_of_180_cm_and_80_kg() -> None:
    height, weight = pd.Series([180.0]), pd.Series([80.0])
    assert body_surface_m2(height, weight)[0] == pytest.approx(1.996, abs=0.001)
    assert body_surface_m2(height, weight, "mosteller")[0] == pytest.approx(2.0)
    with pytest.raises(ValueError, match="neither"):
        body_surface_m2(height, weight, "other")


def test_indexed_columns() -> None:
    measures = pd.DataFrame({"subject": ["a", "a", "b", "c"], "lvedv_ml": [150.0, 160.0, 100.0, 90.0]})
    measures["lvef_pct"] = 60.0
    participants = pd.DataFrame(
        {"subject": ["a", "b"], "height_cm": [180.0, np.nan], "weight_kg": ["80", "70"]}
    )
    table = add_indexed(measures, participants, "mosteller")
    assert table["lvedv_ml_i"].tolist()[:2] == [75.0, 80.0]
    assert table["lvedv_ml_i"].isna().tolist() == [False, False, True, True]
    assert "lvef_pct_i" not in table
    assert "bsa_m2" in table


def test_without_height_nothing_is_indexed() -> None:
    measures = pd.DataFrame({"subject": ["a"], "lvedv_ml": [150.0]})
    for participants in (
        pd.DataFrame({"subject": ["a"]}),
        pd.DataFrame({"subject": ["a"], "height_cm": [None], "weight_kg": [80.0]}),
    ):
        assert list(add_indexed(measures, participants).columns) == ["subject", "lvedv_ml"]


def test_ukbb_columns_there_and_back() -> None:
    ours = pd.DataFrame({"subject": ["a"], "lvedv_ml": [150.0], "wt_aha_03_mm": [7.5], "source": ["net"]})
    ours[["la_max_ml", "la_min_ml"]] = [80.0, 30.0]
    theirs = to_ukbb_columns(ours)
    assert list(theirs.columns) == [
        "", "LVEDV (mL)", "LAV max (mL)", "LAV min (mL)", "WT_AHA_3 (mm)", "LASV (mL)",
    ]  # fmt: skip
    assert theirs["LASV (mL)"][0] == 50
    assert theirs.rename(columns=THEIR_NAMES)["lvedv_ml"][0] == 150
