import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from cinecohort.calibration.conformal import (
    Spread,
    conformal_quantile,
    exact_interval,
    fit_spread,
    group_weights,
)


def names(n):
    return np.array([f"p{i}" for i in range(n)], dtype=object)


@pytest.mark.parametrize("n", [9, 10, 19, 100])
def test_one_row_each_gives_the_order_statistic_of_split_conformal(n):
    scores = np.random.default_rng(n).permutation(np.arange(1.0, n + 1))
    expected = np.ceil((n + 1) * 0.9)
    assert conformal_quantile(scores, names(n), 0.9) == expected


def test_too_few_participants_have_no_quantile_however_many_rows():
    scores, groups = np.arange(80.0), np.repeat(names(8), 10)
    assert conformal_quantile(scores, groups, 0.9) == float("inf")


def test_rows_of_a_participant_share_its_weight():
    groups = np.array(["a", "a", "a", "b"], dtype=object)
    assert group_weights(groups) == pytest.approx([1 / 9, 1 / 9, 1 / 9, 1 / 3])


def test_coverage_over_participants_with_several_rows_of_their_own_level():
    random = np.random.default_rng(5)
    covered = []
    for _ in range(400):
        level = random.normal(0, 1, 31)
        scores = np.abs(level[:, None] + random.normal(0, 0.3, (31, 4)))
        quantile = conformal_quantile(scores[:30].ravel(), np.repeat(names(30), 4), 0.9)
        covered.append((scores[30] <= quantile).mean())
    # The truth lies between 0.9 and 0.9 + 1/31; the mean of 400 has a standard error of about 0.013.
    assert 0.87 < np.mean(covered) < 0.97


def test_the_spread_of_errors_that_grow_with_the_odds_is_found():
    random = np.random.default_rng(2)
    odds = random.normal(-2, 1.5, 20_000)
    error = np.exp(1.0 + 0.4 * odds) * random.choice([-1, 1], 20_000) * random.uniform(0.8, 1.25, 20_000)
    volume = random.uniform(80, 320, 20_000)
    spread = fit_spread(error * volume**0.6, 1 / (1 + np.exp(-odds)), volume)
    assert spread.b == pytest.approx(0.4, abs=0.02)
    assert spread.c == pytest.approx(0.6, abs=0.02)
    expected = np.exp(1.0) * 150**0.6
    assert spread.sizes(np.array([0.5]), np.array([150.0])) == pytest.approx(expected, rel=0.05)


def test_a_lost_heart_has_no_narrow_interval():
    """A measure beyond those of the training counts as the nearest of them, next to nothing as a tenth."""
    random = np.random.default_rng(3)
    volume = random.uniform(80, 320, 2_000)
    spread = fit_spread(0.1 * volume * random.normal(0, 1, 2_000), np.full(2_000, 0.1), volume)
    at = spread.sizes(np.full(4, 0.1), np.array([0.0, np.median(volume) / 10, volume.max(), 1e4]))
    assert at[0] == pytest.approx(at[1])
    assert at[2] == pytest.approx(at[3])
    assert at[2] > at[0] > 0


def test_predictors_widen_the_spread_where_errors_grow_with_them():
    """Whatever the probability says; a predictor without a value, or without its column, counts as usual."""
    random = np.random.default_rng(4)
    seen = pd.DataFrame({"shows": random.normal(size=4_000), "silent": random.normal(size=4_000)})
    error = np.exp(0.5 * seen["shows"].to_numpy()) * random.choice([-1, 1], 4_000)
    error *= random.uniform(0.8, 1.25, 4_000)
    odds, volume = np.full(4_000, 0.2), np.full(4_000, 60.0)
    spread = fit_spread(error, odds, volume, seen)
    by_name = {term.name: term.coefficient for term in spread.terms}
    assert by_name["shows"] == pytest.approx(0.5, abs=0.05)
    assert abs(by_name["silent"]) < 0.02
    ends = pd.DataFrame({"shows": [-1.0, 1.0, np.nan, 50.0, 500.0], "silent": 0.0})
    low, high, unknown, beyond, far_beyond = spread.sizes(odds[:5], volume[:5], ends)
    assert high / low == pytest.approx(np.e, rel=0.1)
    assert unknown == pytest.approx(spread.sizes(odds[:1], volume[:1])[0], rel=1e-3)
    assert low < unknown < high < beyond
    assert far_beyond == beyond
    assert Spread.model_validate_json(spread.model_dump_json()) == spread


def test_errors_that_shrink_with_the_odds_get_one_spread():
    spread = fit_spread(np.array([8.0, 4.0, 2.0, 1.0]), np.array([0.1, 0.2, 0.4, 0.6]), np.arange(4.0, 8.0))
    assert spread.b == pytest.approx(0, abs=1e-6)
    assert np.ptp(spread.sizes(np.array([0.0, 0.5, 1.0]), np.ones(3))) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (90, 100)])
def test_exact_interval_is_that_of_statsmodels(k, n):
    assert exact_interval(k, n) == pytest.approx(proportion_confint(k, n, method="beta"))


def test_nobody_says_nothing():
    assert exact_interval(0, 0) == (0.0, 1.0)


def test_spread_grows_with_the_odds():
    assert Spread(a=0.0, b=1.0).sizes(np.array([0.5, 0.75]), np.ones(2)) == pytest.approx([1.0, 3.0])
