"""Subgroups and interaction against formulas written for two levels, and bands."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from cinecohort.statistics.matched_samples import MatchedSets
from cinecohort.statistics.robust_regression import RobustRegression
from cinecohort.statistics.subgroups import (
    UNLIKE_WITHIN,
    band_labels,
    level_fits,
    subgroup_differences,
)


@pytest.fixture
def sample():
    rng = np.random.default_rng(2)
    n = 120
    treated = np.repeat([1, 0], n // 2)
    sex = pd.Series(rng.choice(["F", "M"], n))
    y = 100 + 5 * treated + 8 * treated * (sex == "M") + rng.normal(0, 6, n)
    sets = MatchedSets(np.arange(n // 2), np.arange(n // 2, n), focal_is_treated=True)
    return pd.DataFrame({"y": y, "sex": sex, "t": treated, "pair": np.tile(np.arange(n // 2), 2)}), sets


def test_as_a_regression_with_interaction(sample):
    table, sets = sample
    rows = subgroup_differences(table, table["t"].to_numpy(), "y", table["sex"], sets)
    fit = smf.ols("y ~ t * C(sex)", table).fit()
    female, male = rows
    assert (female["level"], male["level"]) == ("F", "M")
    assert female["estimate"] == pytest.approx(fit.params["t"], rel=1e-9)
    assert male["estimate"] == pytest.approx(fit.params["t"] + fit.params["t:C(sex)[T.M]"], rel=1e-9)
    design = np.asarray(fit.model.exog)
    robust = RobustRegression(design, np.ones(len(table)), table["pair"].to_numpy(), "CR2")
    names = list(fit.params.index)
    for row, name in ((female, "p"), (female, "interaction_p"), (male, "interaction_p")):
        contrast = np.eye(4)[names.index("t" if name == "p" else "t:C(sex)[T.M]")]
        found = robust.test(table["y"].to_numpy(), contrast)
        cells = pd.get_dummies(table["sex"] + table["t"].astype(str)).to_numpy(float)
        by_cells = robust.df_by_cells(cells, table[["y"]].to_numpy(), contrast)[0]
        assert row[name] == pytest.approx(replace(found, df=min(found.df, by_cells)).p, rel=1e-9)
    group = table[table["sex"] == "F"]
    by_hand = group.loc[group["t"] == 1, "y"].mean() - group.loc[group["t"] == 0, "y"].mean()
    assert female["estimate"] == pytest.approx(by_hand, rel=1e-9)


def test_a_level_without_one_of_the_groups_stays_empty(sample):
    table, sets = sample
    factor = table["sex"].where(table["t"] == 1, "M")
    rows = subgroup_differences(table, table["t"].to_numpy(), "y", factor, sets)
    assert rows[0]["n0"] == 0
    assert np.isnan(rows[0]["estimate"])
    assert np.isfinite(rows[1]["estimate"])
    assert np.isnan(rows[1]["interaction_p"])


def test_bands_hold_their_lower_bound():
    bands = band_labels(pd.Series([59.9, 60.0, 69.9, 70.0, None]), (60, 70))
    assert bands.astype(object).tolist()[:4] == ["< 60", "60 to < 70", "60 to < 70", ">= 70"]
    assert band_labels(pd.Series([1.0, 2.0]), (2,)).tolist() == ["< 2", ">= 2"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(20))
def test_a_level_with_equal_differences_has_no_error(seed):
    rng = np.random.default_rng(seed)
    n = 20
    base, level = rng.normal(150, 30, n).round(1), np.repeat(["F", "M"], n // 2)
    higher = np.where(level == "F", 2.0, rng.normal(5, 3, n))
    table = pd.DataFrame({"y": np.concatenate([base + higher, base]), "sex": np.tile(level, 2)})
    sets = MatchedSets(np.arange(n), np.arange(n, 2 * n), focal_is_treated=True)
    female, male = subgroup_differences(table, np.repeat([1, 0], n), "y", table["sex"], sets)
    assert female["estimate"] == pytest.approx(2)
    assert np.isnan([female[name] for name in ("ci_low", "ci_high", "p", "interaction_p")]).all()
    assert 0 < male["p"] < 1


@pytest.mark.parametrize(("n_male", "given"), [(4, False), (9, False), (10, True)])
def test_small_cells_have_no_p_and_no_interaction(n_male, given):
    rng = np.random.default_rng(n_male)
    n = 30
    sex = np.tile(np.where(np.arange(n) < n_male, "M", "F"), 2)
    table = pd.DataFrame({"y": rng.normal(size=2 * n), "sex": sex})
    sets = MatchedSets(np.arange(n), np.arange(n, 2 * n), focal_is_treated=True)
    female, male = subgroup_differences(table, np.repeat([1, 0], n), "y", table["sex"], sets)
    assert np.isfinite(male["estimate"])
    assert np.isfinite([male["p"], male["ci_low"], male["ci_high"]]).all() == given
    assert np.isfinite(female["p"])
    assert np.isfinite(female["interaction_p"]) == np.isfinite(male["interaction_p"]) == given


def test_subgroups_of_ten_keep_their_level_where_spreads_differ():
    # CR2's degrees of freedom take the spreads for equal; half of the pairs lie in one level.
    n, replicates = 20, 100_000
    inside = np.tile(np.repeat(np.eye(2), n // 2, axis=0), (2, 1))
    partner = np.r_[np.arange(5), np.arange(10, 15), np.arange(5, 10), np.arange(15, 20)]
    treated, pairs = np.repeat([1.0, 0.0], n), np.append(np.arange(n), partner)
    fits = level_fits(inside, treated, np.empty((2 * n, 0)), np.ones(2 * n), pairs)
    spread = np.where(treated == 1, 2.0, 1.0)[:, None]
    outcomes = np.random.default_rng(0).normal(size=(2 * n, replicates)) * spread
    contrast = np.array([1.0, 0.0])
    estimates, errors = fits.plain.estimates(outcomes, np.append(np.zeros(2), contrast))
    t, own = np.abs(estimates / errors), fits.plain.df(np.array([[0.0, 0.0, 1.0, 0.0]]))
    plain, given = (float((2 * stats.t.sf(t, df) < 0.05).mean()) for df in (own, fits.df(outcomes, contrast)))
    assert given < plain - 0.001
    assert 0.048 < given < 0.052


def _unlike_among_men(apart: float) -> tuple[pd.DataFrame, MatchedSets]:
    """Age drives the outcome; among men alone the groups differ in it."""
    rng = np.random.default_rng(4)
    n = 80
    sex = np.tile(np.repeat(["F", "M"], n // 2), 2)
    age = rng.normal(60, 5, 2 * n) + apart * ((sex == "M") & (np.arange(2 * n) < n))
    table = pd.DataFrame({"sex": sex, "age": age, "y": age + rng.normal(0, 4, 2 * n)})
    return table, MatchedSets(np.arange(n), np.arange(n, 2 * n), focal_is_treated=True)


@pytest.mark.parametrize("apart", [0.0, 6.0])
def test_a_subgroup_that_stayed_unlike_has_an_estimate_alone(apart):
    table, sets = _unlike_among_men(apart)
    given = (table, np.repeat([1, 0], 80), "y", table["sex"], sets)
    female, male = subgroup_differences(*given, ["sex", "age"])
    assert (male["note"] == UNLIKE_WITHIN) == np.isnan(male["p"]) == np.isnan(male["ci_low"]) == (apart > 0)
    assert np.isnan(male["interaction_p"]) == np.isnan(female["interaction_p"]) == (apart > 0)
    assert np.isfinite(male["estimate"])
    assert female["note"] == ""
    assert np.isfinite([female["p"], female["ci_low"]]).all()
    # Nothing is known of covariates that are not named.
    assert all(np.isfinite(row["p"]) for row in subgroup_differences(*given))


def test_what_moves_all_needs_no_proof_in_a_subgroup():
    table, sets = _unlike_among_men(1.5)
    given = (table, np.repeat([1, 0], 80), "y", table["sex"], sets)
    by_itself, with_all = (subgroup_differences(*given, ["age"], unlike) for unlike in (False, True))
    assert np.isfinite([row["p"] for row in by_itself]).all()
    assert [row["note"] for row in with_all] != ["", ""]
    # Without covariates to look at, a difference of all that is moved counts for every subgroup.
    assert all(np.isnan(row["p"]) for row in subgroup_differences(*given, (), True))
