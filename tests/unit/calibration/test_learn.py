import numpy as np
import pytest

from cinecohort.calibration.failures import by_structure, mark_failures
from cinecohort.calibration.learn import any_of, calibrate
from cinecohort.calibration.options import CalibrateOptions, FailureOptions
from cinecohort.calibration.record import read_calibration, write_calibration
from cinecohort.calibration.rows import Rows
from cinecohort.errors import UserError
from cinecohort.reporting.calibration_page import write_report
from support.calibration_rows import MADE_BY, made_up_rows


@pytest.fixture(scope="module")
def made():
    return calibrate(made_up_rows(), "O1", CalibrateOptions(prevalence=0.05))


def test_what_shows_the_difficulty_finds_most_failures(made):
    judged = made.assessment
    assert judged.auc["any"].value > 0.9
    assert judged.auc["any"].low < judged.auc["any"].value < judged.auc["any"].high
    assert judged.sensitivity.value > 0.85
    assert judged.sensitivity.high >= 0.95
    assert judged.good_flagged.value < 0.5
    assert 0 < made.cut < 1


def test_predictors_of_chance_find_nothing_and_the_report_says_so(tmp_path):
    rows = made_up_rows(seed=4)
    random = np.random.default_rng(1)
    for name in rows.table.columns[: rows.table.columns.get_loc("dice_lv")]:
        rows.table[name] = random.permutation(rows.table[name])
    made = calibrate(rows, "O1", CalibrateOptions(folds=4))
    assert made.assessment.auc["any"].low < 0.55
    assert made.cut is None
    text, _ = write_report(made, tmp_path / "c.json")
    assert "No cut" in text.read_text()


def test_probabilities_are_of_the_stated_prevalence(made):
    rows = made_up_rows()
    bad = any_of(mark_failures(rows.table, FailureOptions()))
    assert made.prevalence == 0.05
    learnt = [model for model in made.models.values() if model is not None]
    assert len(learnt) >= 3
    for model in learnt:
        assert model.prevalence == pytest.approx(model.rate * 0.05 / bad.mean())


def test_intervals_cover_and_widen_with_the_difficulty(made):
    for part in made.assessment.coverage:
        if part.factor == "all":
            assert 0.85 < part.covered.value < 0.96
            assert part.covered.low < 0.9 < part.covered.high + 0.02
    table = made_up_rows().table
    by_criterion = {name: model.probabilities(table) for name, model in made.models.items() if model}
    found = by_structure(by_criterion)["LV"]
    half = made.intervals["lvef_pct"].half_widths(found, np.full(len(table), 60.0), table)
    easy, hard = np.quantile(found, [0.1, 0.9])
    assert half[found >= hard].mean() > 1.5 * half[found <= easy].mean()


def test_what_was_missed_is_listed_and_counted(made):
    judged, failed = made.assessment, made.failures["any"]
    found = sum(one.found for one in judged.strata if one.factor == "kind")
    assert len(judged.missed) == failed - found
    assert all(one.structures and one.errors for one in judged.missed)
    assert judged.sensitivity.value == pytest.approx(found / failed)


def test_the_file_comes_back_as_it_was_and_its_report_names_limits(made, tmp_path):
    write_calibration(made, tmp_path / "c.json")
    again, table = read_calibration(tmp_path / "c.json"), made_up_rows().table
    learnt = {name: model for name, model in made.models.items() if model is not None}
    assert {name for name, model in again.models.items() if model is not None} == set(learnt)
    for name, model in learnt.items():
        assert again.models[name].probabilities(table) == pytest.approx(model.probabilities(table), abs=1e-4)
    assert again.cut == pytest.approx(made.cut, abs=1e-6)
    write_calibration(again, tmp_path / "d.json")
    assert read_calibration(tmp_path / "d.json") == again
    text, figure = write_report(made, tmp_path / "c.json")
    words = text.read_text()
    assert MADE_BY in words
    assert "marginal" in words
    assert "No cut" not in words
    assert "over 15 mL" in words or "more than 15 mL" in words
    assert figure.read_text().startswith("<?xml")


def test_volumes_of_a_dataset_without_voxel_size_have_no_interval():
    made = calibrate(made_up_rows(40), "O1", CalibrateOptions(), without_volumes=["one"])
    assert set(made.intervals) == {"lvef_pct", "rvef_pct"}


def test_what_is_far_beyond_a_limit_is_found_more_surely(tmp_path):
    options = CalibrateOptions(failure=FailureOptions(dice=0.85, edv_ml=99, ef_pct=99, mass_g=99))
    made = calibrate(made_up_rows(40), "O1", options)
    every, far = made.assessment.auc["any"], made.assessment.auc_far
    assert far.value > every.value
    assert far.n < every.n
    text, _ = write_report(made, tmp_path / "c.json")
    assert f"beyond twice a limit, against good ones: {far.value:.3f}" in text.read_text()


def test_where_nothing_failed_nothing_is_learnt():
    rows = made_up_rows(30)
    rows.table[["dice_lv", "dice_myo", "dice_rv"]] = 0.9
    for name in ("lvedv_ml", "lvef_pct", "lvm_g"):
        rows.table[f"error_{name}"] = 0.5
    with pytest.raises(UserError, match="no structure failed in 5 participants"):
        calibrate(rows, "O1", CalibrateOptions())


def test_too_few_participants_are_refused():
    with pytest.raises(UserError, match="at least 10"):
        calibrate(made_up_rows(8), "O1", CalibrateOptions())


def test_a_structure_with_few_failures_has_no_model():
    rows = made_up_rows()
    rows.table["dice_rv"] = 0.9
    made = calibrate(rows, "O1", CalibrateOptions(folds=4))
    assert made.models["dice_rv"] is None
    assert made.models["dice_lv"] is not None
    assert "RV" not in made.assessment.auc
    assert made.intervals["rvef_pct"].spread.b == 0


def test_a_predictor_that_the_results_lack_is_named_and_not_used():
    rows = made_up_rows()
    rows.table = rows.table.drop(columns="lv_second_dice")
    made = calibrate(rows, "O1", CalibrateOptions(folds=4))
    assert made.unused == ["lv_second_dice"]
    assert "lv_second_dice" not in [term.name for term in made.models["dice_lv"].terms]


def test_volumes_are_learnt_where_they_are_known_and_held_against_nobody_else():
    rows, random = made_up_rows(60), np.random.default_rng(5)
    table = rows.table
    table["dataset"] = np.where(np.arange(len(table)) < len(table) // 2, "one", "two")
    two = (table["dataset"] == "two").to_numpy()
    # Wrong in two as well, but nobody can tell: what predicts it there must not count as sound.
    table["error_lvedv_ml"] = np.where(table["base_missing"] > 0.8, -40.0, 1.0)
    hidden = rows.table.copy()
    hidden.loc[two, "error_lvedv_ml"] = random.normal(scale=99, size=two.sum())
    made, same = (
        calibrate(Rows(each, MADE_BY), "O1", CalibrateOptions(folds=4), ["two"]) for each in (table, hidden)
    )
    assert made.models["lvedv_ml"] == same.models["lvedv_ml"]
    assert made.models["lvedv_ml"].rate == pytest.approx((table["base_missing"] > 0.8)[~two].mean())
    assert made.assessment.criteria["lvedv_ml"].n == (~two).sum()
    assert made.assessment.criteria["dice_lv"].n == len(table)
    assert made.assessment.auc == same.assessment.auc


def test_a_file_that_is_no_calibration_is_refused(tmp_path):
    (tmp_path / "c.json").write_text("{}")
    with pytest.raises(UserError, match="no calibration"):
        read_calibration(tmp_path / "c.json")
