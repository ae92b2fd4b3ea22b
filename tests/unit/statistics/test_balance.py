"""Balance against values worked out by hand and against direct definitions."""

import numpy as np
import pandas as pd
import pytest

from cinecohort.statistics.balance import (
    balance_table,
    balance_verdict,
    compare_distributions,
    smd_denominator,
)
from cinecohort.statistics.matching import match
from cinecohort.statistics.study_options import MatchingOptions


def four_against_four(ratio=1):
    table = pd.DataFrame(
        {
            "subject": list("abcdefgh"),
            "t": [1, 1, 0, 0, 0, 0, 0, 1],
            "score": [0.9, 0.5, 0.8, 0.41, 0.42, 0.1, 0.05, 0.2],
            "x": [4.0, 8.0, 5.0, 6.0, 1.0, 0.0, 2.0, 6.0],
            "sex": ["F", "M", "F", "F", "M", "M", "F", "M"],
        }
    )
    return match(table, "t", ["x", "sex"], MatchingOptions(ratio=ratio), score="score")


def row(balance, covariate, stage):
    return balance[(balance["covariate"] == covariate) & (balance["stage"] == stage)].iloc[0]


def test_by_hand():
    # Pairs: a-c, b-e, h-f. Treated x: 4, 8, 6 (mean 6, SD 2); all controls 5, 6, 1, 0, 2 (mean 2.8);
    # matched controls 5, 1, 0 (mean 2).
    balance = balance_table(four_against_four())
    before, after = row(balance, "x", "before"), row(balance, "x", "after")
    assert before["mean_control"] == pytest.approx(2.8)
    assert before["smd"] == pytest.approx(3.2 / 2)
    assert after["smd"] == pytest.approx(4 / 2)
    assert before["variance_ratio"] == pytest.approx(4 / np.var([5, 6, 1, 0, 2], ddof=1))
    assert after["variance_ratio"] == pytest.approx(4 / 7)
    assert after["pair_distance"] == pytest.approx((1 + 7 + 6) / 3 / 2)
    # eCDF after, at the distinct values 0 1 2 4 5 6 8: differences 1/3 2/3 2/3 1/3 2/3 1/3 0.
    assert after["ecdf_max"] == pytest.approx(2 / 3)
    assert after["ecdf_mean"] == pytest.approx((1 + 2 + 2 + 1 + 2 + 1) / 3 / 7)


def test_a_two_level_factor_has_both_levels_and_binary_rules():
    balance = balance_table(four_against_four())
    female, male = row(balance, "sexF", "before"), row(balance, "sexM", "before")
    # Treated: 1 of 3 female; controls 3 of 5.
    difference = 1 / 3 - 3 / 5
    assert female["smd"] == pytest.approx(difference / np.sqrt(1 / 3 * 2 / 3))
    assert male["smd"] == pytest.approx(-female["smd"])
    assert np.isnan(female["variance_ratio"])
    assert female["ecdf_mean"] == female["ecdf_max"] == pytest.approx(abs(difference))
    assert balance["covariate"].tolist()[:2] == ["distance", "distance"]


def test_weighted_variance_and_distribution_with_ratio_two():
    result = four_against_four(ratio=2)
    after = row(balance_table(result), "x", "after")
    control = (result.treatment == 0) & (result.weights > 0)
    x, w = result.table["x"].to_numpy()[control], result.weights[control] / result.weights[control].sum()
    mean = (w * x).sum()
    treated = result.table["x"].to_numpy()[(result.treatment == 1) & (result.weights > 0)]
    variance = (w * (x - mean) ** 2).sum() / (1 - (w**2).sum())
    assert after["mean_control"] == pytest.approx(mean)
    assert after["variance_ratio"] == pytest.approx(treated.var(ddof=1) / variance)


def test_denominator_is_the_focal_group_or_pooled():
    x, t = np.array([1.0, 3.0, 5.0, 0.0, 10.0]), np.array([1, 1, 1, 0, 0])
    assert smd_denominator(x, t, 1) == pytest.approx(2)
    assert smd_denominator(x, t, 0) == pytest.approx(np.sqrt(50))
    assert smd_denominator(x, t, 1, "pooled") == pytest.approx(np.sqrt((4 + 50) / 2))


def test_no_difference_is_returned_as_it_is_and_no_spread_gives_no_crash():
    x, t = np.array([2.0, 2.0, 2.0, 2.0]), np.array([1, 1, 0, 0])
    assert compare_distributions(x, t, np.ones(4), smd_denominator(x, t, 1))["smd"] == 0
    assert np.isnan(compare_distributions(x, t, np.array([1, 1, 0, 0.0]), 1.0)["smd"])


def test_verdict_without_covariates():
    table = pd.DataFrame({"subject": range(6), "t": [1, 0] * 3, "score": np.linspace(0.2, 0.7, 6)})
    balanced, sentence = balance_verdict(balance_table(match(table, "t", [], score="score")))
    assert (balanced, sentence) == (False, "Balance cannot be judged: no covariate was named.")


def test_verdict_says_when_balance_is_not_reached():
    balanced, sentence = balance_verdict(balance_table(four_against_four()))
    assert not balanced
    assert "not balanced" in sentence
    assert "x has SMD 2.000" in sentence
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"subject": range(4000), "t": np.arange(4000) % 4 == 0, "x": rng.normal(size=4000)})
    balanced, sentence = balance_verdict(balance_table(match(table, "t", ["x"])))
    assert balanced
    assert "largest |SMD|" in sentence
