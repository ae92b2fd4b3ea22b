"""Equivalence tests against statsmodels and scipy."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from cinecohort.statistics.equivalence import (
    COLUMNS,
    below_margin,
    computer_as_another_observer,
    two_one_sided_tests,
    upper_bound_of_mean,
)


def observers(n: int = 50, seed: int = 2) -> tuple[pd.Series, pd.DataFrame]:
    random = np.random.default_rng(seed)
    index = [f"S{i}" for i in range(n)]
    truth = random.normal(150, 30, n)
    table = pd.DataFrame({name: truth + random.normal(0, 5, n) for name in ("O1", "O2", "O3")}, index=index)
    return pd.Series(truth + random.normal(0, 3, n), index=index), table


@pytest.mark.parametrize("margin", [0.5, 2.0, 5.0])
def test_two_one_sided_tests_against_statsmodels(margin: float) -> None:
    difference = np.random.default_rng(4).normal(0.7, 4, 35)
    row = two_one_sided_tests(difference, margin)
    p, *_ = DescrStatsW(difference).ttost_mean(-margin, margin)
    assert row["p"] == pytest.approx(p, abs=1e-10)
    low, high = stats.t.interval(0.9, 34, difference.mean(), stats.sem(difference))
    assert [row["ci_low"], row["ci_high"]] == pytest.approx([low, high], abs=1e-10)
    assert row["equivalent"] == (low > -margin and high < margin)


def test_size_below_margin_against_scipy() -> None:
    size = np.abs(np.random.default_rng(5).normal(0, 4, 30))
    expected = stats.ttest_1samp(size, 3.5, alternative="less")
    assert below_margin(size, 3.5)["p"] == pytest.approx(expected.pvalue, abs=1e-12)
    assert below_margin(size, 3.5)["t"] == pytest.approx(expected.statistic, abs=1e-12)


def test_upper_bound_against_scipy() -> None:
    values = np.random.default_rng(6).normal(5, 2, 20)
    expected = stats.ttest_1samp(values, 0, alternative="less").confidence_interval(0.95).high
    assert upper_bound_of_mean(values) == pytest.approx(expected, abs=1e-10)


def test_differences_by_hand() -> None:
    """Computer 10; observers 8 and 14: human-human 6, computer-human (2 + 4) / 2 = 3, bias 10 - 11 = -1."""
    table = pd.DataFrame({"O1": [8.0, 8.0], "O2": [14.0, 12.0]}, index=["a", "b"])
    size, bias = computer_as_another_observer(pd.Series([10.0, 11.0], index=["a", "b"]), table, "m", "net")
    assert size["human_human_mean"] == pytest.approx(5)
    assert size["estimate"] == pytest.approx((3 + 2) / 2)
    assert size["excess"] == pytest.approx((-3 - 2) / 2)
    assert bias["estimate"] == pytest.approx((-1 + 1) / 2)
    assert set(size) == set(COLUMNS) == set(bias)


def test_a_good_computer_is_inside_and_a_biased_one_is_not() -> None:
    computer, humans = observers()
    size, bias = computer_as_another_observer(computer, humans, "lvedv_ml", "net")
    assert size["equivalent"] is True
    assert bias["equivalent"] is True
    size, bias = computer_as_another_observer(computer + 15, humans, "lvedv_ml", "net")
    assert size["equivalent"] is False
    assert bias["equivalent"] is False
    assert float(size["excess_ci_low"]) > 0  # type: ignore[arg-type]


def test_margin_of_the_user() -> None:
    computer, humans = observers()
    size, _ = computer_as_another_observer(computer, humans, "lvedv_ml", "net", margin=0.1)
    assert size["margin"] == 0.1
    assert size["margin_source"] == "set"
    assert size["equivalent"] is False


def test_one_observer_has_no_margin_and_says_so() -> None:
    computer, humans = observers()
    size, bias = computer_as_another_observer(computer, humans[["O1"]], "lvedv_ml", "net")
    assert size["equivalent"] is None
    assert np.isnan(float(size["p"]))  # type: ignore[arg-type]
    assert "no margin" in str(size["note"])
    assert np.isfinite(float(bias["estimate"]))  # type: ignore[arg-type]


def test_observers_who_measured_other_subjects() -> None:
    """The computer's 30 subjects and the observers' 20 overlap in 10: each part uses what it has."""
    computer, humans = observers(40)
    size, _ = computer_as_another_observer(computer.iloc[:30], humans.iloc[20:], "lvedv_ml", "net")
    assert (size["n_human"], size["n_computer"], size["n_both"]) == (20, 10, 10)
