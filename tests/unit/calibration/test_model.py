import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from cinecohort.calibration.model import (
    BENDS,
    PENALTIES,
    FailureModel,
    fit_model,
    grouped_folds,
    terms_of,
)

NAMES = ["lv_second_dice", "lv_roughness"]


def rows(n=300, seed=0):
    random = np.random.default_rng(seed)
    values = pd.DataFrame(random.normal(size=(n, 2)) * [0.1, 3.0] + [0.8, 2.0], columns=NAMES)
    odds = -1.5 - 12 * (values["lv_second_dice"] - 0.8) + 0.3 * (values["lv_roughness"] - 2)
    bad = (random.random(n) < 1 / (1 + np.exp(-odds))).to_numpy()
    return values, bad, np.array([f"p{i // 3}" for i in range(n)], dtype=object)


def test_probabilities_are_those_of_scikit_learns_pipeline():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    values, bad, groups = rows()
    model = fit_model(values, bad, groups, NAMES)
    reference = make_pipeline(StandardScaler(), LogisticRegression(C=model.penalty, tol=1e-10)).fit(
        values, bad
    )
    assert model.penalty in PENALTIES
    assert model.probabilities(values) == pytest.approx(reference.predict_proba(values)[:, 1], abs=1e-6)


def test_another_prevalence_moves_all_log_odds_by_the_same():
    values, bad, groups = rows()
    as_found, rare = (fit_model(values, bad, groups, NAMES, prevalence) for prevalence in (None, 0.02))
    moved = logit(rare.probabilities(values)) - logit(as_found.probabilities(values))
    assert moved == pytest.approx(logit(0.02) - logit(bad.mean()), abs=1e-9)


def test_without_a_networks_predictor_there_is_no_probability():
    values, bad, groups = rows()
    model = fit_model(values, bad, groups, NAMES)
    values.loc[0, "lv_second_dice"] = np.nan
    found = model.probabilities(values)
    assert np.isnan(found[0])
    assert np.isfinite(found[1:]).all()
    assert np.isnan(model.probabilities(values[["lv_roughness"]])).all()


def test_an_undefined_number_counts_as_such_and_takes_the_mean():
    values, bad, groups = rows()
    values.loc[bad, "lv_roughness"] = np.where(np.arange(bad.sum()) % 2, np.nan, values["lv_roughness"][bad])
    model = fit_model(values, bad, groups, NAMES)
    undefined = next(term for term in model.terms if term.name == "undefined")
    assert undefined.coefficient > 0
    roughness = next(term for term in model.terms if term.name == "lv_roughness")
    known = values.iloc[[0]].assign(lv_roughness=roughness.mean)
    unknown = known.assign(lv_roughness=np.nan)
    moved = logit(model.probabilities(unknown)) - logit(model.probabilities(known))
    assert moved == pytest.approx(undefined.coefficient / undefined.sd)


def test_values_beyond_the_training_count_as_its_ends():
    values, bad, groups = rows()
    model = fit_model(values, bad, groups, NAMES)
    ends = pd.DataFrame([values.min(), values.max()])
    beyond = pd.DataFrame([values.min() - 10, values.max() + 10])
    assert model.probabilities(beyond) == pytest.approx(model.probabilities(ends))


def test_all_rows_of_a_participant_are_in_one_fold_and_every_row_is_left_out_once():
    _, bad, groups = rows()
    folds = grouped_folds(bad, groups, 7, seed=3)
    assert len(folds) == 7
    assert (np.sum(folds, axis=0) == 1).all()
    for held_out in folds:
        assert not set(groups[held_out]) & set(groups[~held_out])
        assert abs(bad[held_out].sum() - bad.sum() / 7) <= 3


@pytest.mark.parametrize("bad", [np.zeros(9, dtype=bool), np.ones(9, dtype=bool)])
def test_nothing_is_learnt_where_all_failed_or_none(bad):
    values = pd.DataFrame({"lv_second_dice": np.linspace(0, 1, 9)})
    assert fit_model(values, bad, np.arange(9).astype(object), ["lv_second_dice"]) is None


def test_what_is_bad_on_both_sides_gets_a_line_with_a_bend() -> None:
    random = np.random.default_rng(2)
    values = pd.DataFrame(random.normal(size=(400, 2)), columns=NAMES)
    bad = random.random(400) < 1 / (1 + np.exp(4 - 3 * values["lv_roughness"].abs()))
    groups = np.array([f"p{i // 2}" for i in range(400)], dtype=object)
    model = fit_model(values, bad.to_numpy(), groups, NAMES)
    assert {term.bend is None for term in model.terms} == {True, False}
    ends = values.iloc[[0, 0, 0]].assign(lv_roughness=[-2.0, 0.0, 2.0])
    low, middle, high = model.probabilities(ends)
    assert min(low, high) > 4 * middle
    again = FailureModel.model_validate_json(model.model_dump_json())
    assert again.probabilities(values) == pytest.approx(model.probabilities(values))
    unknown = values.assign(lv_roughness=np.nan)
    assert np.isfinite(model.probabilities(unknown)).all()


def test_a_predictor_with_one_value_for_most_has_no_bend_there() -> None:
    values = pd.DataFrame({NAMES[0]: [0.0] * 90 + [0.5] * 10, NAMES[1]: 1.0})
    terms = terms_of(values, BENDS)
    assert not terms
    assert [term.name for term in terms_of(values)] == NAMES[:1]
