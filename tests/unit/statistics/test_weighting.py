"""Weighting estimators against statsmodels, and the coverage of their intervals."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.discrete.discrete_model import Logit
from statsmodels.regression.linear_model import OLS
from statsmodels.treatment.treatment_effects import TreatmentEffect

from cinecohort.errors import UserError
from cinecohort.statistics.weighting import (
    SPARE_SUBJECTS,
    augmented_difference,
    weighted_difference,
    weighted_influence,
)


def simulate(n, seed):
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), rng.normal(size=n)
    treated = (rng.random(n) < 1 / (1 + np.exp(0.8 - 0.7 * x - 0.3 * z))).astype(int)
    y = 2 * x + z + 3 * treated + rng.normal(size=n)
    return pd.DataFrame({"x": x, "z": z}), treated, y


def test_against_the_gmm_estimates_of_statsmodels():
    table, treated, y = simulate(3000, 0)
    design = np.column_stack([np.ones(len(table)), table])
    effect = TreatmentEffect(
        OLS(y, design), treated, results_select=Logit(treated, design).fit(disp=False, tol=1e-12)
    )
    expected = effect.ipw(effect_group=1)
    ours = weighted_difference(table, treated, y, ["x", "z"], "att")
    assert ours["estimate"] == pytest.approx(float(np.asarray(expected.effect).ravel()[0]), rel=1e-4)
    assert ours["se"] == pytest.approx(np.asarray(expected.results_gmm.bse)[0], rel=0.02)


@pytest.mark.parametrize("kind", ["att", "atc", "overlap"])
def test_weights_and_errors_of_everybody(kind):
    estimates, errors = [], []
    for seed in range(100):
        table, treated, y = simulate(500, seed)
        result = weighted_difference(table, treated, y, ["x", "z"], kind)
        estimates.append(result["estimate"])
        errors.append(result["se"])
    assert np.mean(estimates) == pytest.approx(3, abs=0.05)
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.2)


@pytest.mark.parametrize("kind", ["att", "atc"])
def test_augmented_weighting(kind):
    results = [augmented_difference(*simulate(500, seed), ["x", "z"], kind) for seed in range(100)]
    estimates = [result["estimate"] for result in results]
    assert np.mean(estimates) == pytest.approx(3, abs=0.04)
    assert np.mean([result["se"] for result in results]) == pytest.approx(np.std(estimates), rel=0.2)
    covered = np.mean([result["ci_low"] < 3 < result["ci_high"] for result in results])
    assert 0.88 < covered <= 1


def test_augmented_weighting_is_right_if_the_outcome_model_alone_is_right():
    # The score depends on x squared, which the logistic model does not know; the outcome is linear in x.
    rng = np.random.default_rng(4)
    x = rng.normal(size=20_000)
    treated = (rng.random(20_000) < 1 / (1 + np.exp(1 - x**2 / 2))).astype(int)
    y = 2 * x + treated + rng.normal(size=20_000)
    result = augmented_difference(pd.DataFrame({"x": x}), treated, y, ["x"], "att")
    assert result["estimate"] == pytest.approx(1, abs=0.05)


def test_a_value_that_only_the_focal_group_has_is_refused_but_for_overlap_weights():
    table, treated, y = simulate(400, 1)
    table["site"] = np.where(np.arange(400) == np.flatnonzero(treated)[0], "C", "A")
    for estimate in (weighted_difference, augmented_difference):
        with pytest.raises(UserError, match=r"'site' is C in group 1 only \(1 subject\)"):
            estimate(table, treated, y, ["x", "site"], "att")
    assert np.isfinite(weighted_difference(table, treated, y, ["x", "site"], "overlap")["estimate"])


def test_without_confounding_errors_are_those_of_two_means_by_hc3():
    rng = np.random.default_rng(2)
    treated = np.repeat([1, 0], (8, 24))
    y = rng.normal(size=32)
    design = np.ones((32, 1))
    difference, influence, df = weighted_influence(design, treated, y[:, None], np.full(32, 0.25), "overlap")
    hc3 = OLS(y, np.column_stack([np.ones(32), treated])).fit(cov_type="HC3")
    assert difference[0] == pytest.approx(hc3.params[1])
    assert np.sqrt((influence**2).sum()) / 32 == pytest.approx(hc3.bse[1])
    assert df == pytest.approx(7)


def test_no_interval_where_few_subjects_carry_the_weight():
    table, treated, y = simulate(500, 3)
    table.loc[treated == 0, "x"] -= 2.5
    many, few = (weighted_difference(table, treated, y, ["x", "z"], kind) for kind in ("overlap", "att"))
    assert np.isfinite(many["ci_low"]) and many["df"] > 4 * SPARE_SUBJECTS
    assert few["df"] < SPARE_SUBJECTS and np.isnan(few["ci_low"]) and np.isfinite(few["estimate"])
