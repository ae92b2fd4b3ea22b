import numpy as np
import pandas as pd
import pytest

from cinecohort.calibration.apply import (
    failure_findings,
    failure_probabilities,
    predictors_of,
    with_intervals,
)
from cinecohort.calibration.learn import calibrate
from cinecohort.calibration.options import CalibrateOptions
from cinecohort.findings import Level
from cinecohort.ledger.columns import FAILURE
from support.calibration_rows import MADE_BY, made_up_rows


@pytest.fixture(scope="module")
def made():
    return calibrate(made_up_rows(60), "O1", CalibrateOptions())


def quality(made_by=MADE_BY):
    """The quality table as text, as it is gathered from shards."""
    table = made_up_rows(60).table
    names = list(table.columns[: table.columns.get_loc("dice_lv")])
    text = table[names].astype(str).rename(columns=lambda name: f"predictor_{name}")
    return text.assign(made_by=made_by).reset_index()


def test_a_structures_probability_is_the_highest_of_its_criteria_and_the_highest_leads(made):
    models = {"dice_lv": made.models["dice_lv"], "lvef_pct": made.models["dice_rv"], "lvedv_ml": None}
    two = made.model_copy(update={"models": made.models | models})
    found, table = failure_probabilities(two, quality()), made_up_rows(60).table
    of_lv = np.array([models[name].probabilities(table) for name in ("dice_lv", "lvef_pct")])
    assert 0 < of_lv.argmax(axis=0).mean() < 1
    assert found["failure_probability_lv"].to_numpy() == pytest.approx(of_lv.max(axis=0), abs=1e-5)
    assert (found["failure_probability"] == found[list(FAILURE[1:])].max(axis=1)).all()


def test_a_calibration_with_a_model_for_each_structure_is_still_read(made):
    lv = made.models["dice_lv"]
    found = failure_probabilities(made.model_copy(update={"models": {"LV": lv, "RV": None}}), quality())
    expected = lv.probabilities(made_up_rows(60).table)
    assert found["failure_probability_lv"].to_numpy() == pytest.approx(expected, abs=1e-5)
    assert found["failure_probability"].to_numpy() == pytest.approx(expected, abs=1e-5)
    assert found["failure_probability_rv"].isna().all()


def test_other_weights_or_engines_have_none(made):
    for table in (quality("other@0 second=none"), quality().drop(columns="made_by")):
        found = failure_probabilities(made, table)
        assert list(found.columns) == list(FAILURE)
        assert found.isna().all(axis=None)
    assert failure_probabilities(None, quality()).isna().all(axis=None)


def test_subjects_from_the_cut_on_are_found_with_their_reasons(made):
    probabilities = failure_probabilities(made, quality())
    found = failure_findings(made, probabilities, {"p000_0": ["S3"]})
    assert set(found) == set(probabilities.index[probabilities["failure_probability"] >= made.cut])
    assert 0 < len(found) < len(probabilities)
    assert all(one.level is Level.REVIEW for listed in found.values() for one in listed)
    everybody = failure_findings(made.model_copy(update={"cut": 0.0}), probabilities, {"p000_0": ["S3"]})
    assert "S3" in everybody["p000_0"][0].message


def measures():
    rows = [
        ("p000_0", "net", "auto", "own", 60.0),
        ("p000_0", "slow", "auto", "own", 61.0),
        ("p000_0", "O1", "manual", "own", 62.0),
        ("elsewhere", "net", "auto", "own", 50.0),
    ]
    table = pd.DataFrame(rows, columns=["subject", "source", "kind", "frames", "lvef_pct"])
    names = ("lvedv_ml", "lvesv_ml", "lvm_g", "rvedv_ml", "rvesv_ml", "rvef_pct")
    return table.assign(**dict.fromkeys(names, 90.0))


def test_intervals_are_the_first_models_where_there_is_a_probability(made):
    probabilities = failure_probabilities(made, quality())
    table = with_intervals(measures(), made, probabilities, quality())
    p = probabilities.loc[["p000_0"], "failure_probability_lv"].to_numpy()
    seen = predictors_of(quality().set_index("subject")).loc[["p000_0"]]
    half = made.intervals["lvef_pct"].half_widths(p, np.array([60.0]), seen)
    assert half[0] != pytest.approx(made.intervals["lvef_pct"].half_widths(p, np.array([60.0]))[0], rel=1e-3)
    assert table.loc[0, "lvef_pct_low"] == pytest.approx(60 - half[0])
    assert table.loc[0, "lvef_pct_high"] == pytest.approx(60 + half[0])
    assert table.loc[1:, ["lvef_pct_low", "lvef_pct_high"]].isna().all(axis=None)


def test_a_first_subject_without_the_first_models_does_not_change_whose_intervals_they_are(made):
    early = measures().iloc[[1]].assign(subject="aaa")
    table = pd.concat([early, measures()], ignore_index=True)
    found = with_intervals(table, made, failure_probabilities(made, quality()), quality())
    given = found[found["lvef_pct_low"].notna()]
    assert given[["subject", "source"]].to_numpy().tolist() == [["p000_0", "net"]]


def test_intervals_stay_within_what_can_be(made):
    wide = made.intervals["lvef_pct"].model_copy(update={"quantile": 1e3})
    wider = made.model_copy(update={"intervals": {"lvef_pct": wide, "lvedv_ml": wide}})
    table = with_intervals(measures(), wider, failure_probabilities(made, quality()), quality())
    assert (table.loc[0, "lvef_pct_low"], table.loc[0, "lvef_pct_high"]) == (0.0, 100.0)
    assert table.loc[0, "lvedv_ml_low"] == 0.0
    assert table.loc[0, "lvedv_ml_high"] > 100.0


def test_a_void_measure_has_no_interval(made):
    table = measures()
    table.loc[0, "lvef_pct"] = np.nan
    found = with_intervals(table, made, failure_probabilities(made, quality()), quality())
    assert np.isnan(found.loc[0, "lvef_pct_high"])


def test_without_a_calibration_the_columns_are_there_and_empty():
    found = with_intervals(measures(), None, failure_probabilities(None, quality()), quality())
    assert found[["lvef_pct_low", "rvesv_ml_high"]].isna().all(axis=None)
