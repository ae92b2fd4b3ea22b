"""Correlations against scipy, pingouin, enumeration and Lin's definition."""

import math

import numpy as np
import pingouin
import pytest
from scipy import stats

from cinecohort.statistics.correlation import correlation_row, exact_spearman_p, fisher_interval


def sample(n: int, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    second = np.round(random.normal(60, 15, n))
    return np.round(second + random.normal(0, 8, n)), second


@pytest.mark.parametrize("n", [4, 9, 50])
def test_against_scipy_and_pingouin_with_ties(n: int) -> None:
    first, second = sample(n)
    row = correlation_row(first, second)
    reference = stats.spearmanr(first, second)
    assert row["spearman_rho"] == pytest.approx(reference.statistic, abs=1e-12)
    assert row["spearman_rho2"] == pytest.approx(reference.statistic**2, abs=1e-12)
    assert row["spearman_p"] == pytest.approx(reference.pvalue, rel=1e-10)
    assert row["pearson_r"] == pytest.approx(np.corrcoef(first, second)[0, 1], abs=1e-12)
    for name, coefficient in (("spearman", reference.statistic), ("pearson", row["pearson_r"])):
        interval = pingouin.compute_esci(coefficient, nx=n, ny=n, eftype="r", decimals=12)
        assert [row[f"{name}_ci_low"], row[f"{name}_ci_high"]] == pytest.approx(list(interval), abs=1e-8)
    interval = stats.pearsonr(first, second).confidence_interval()
    assert [row["pearson_ci_low"], row["pearson_ci_high"]] == pytest.approx(list(interval), abs=1e-8)


def test_bonett_wright_interval() -> None:
    """rho 0.6, n 30: standard error sqrt((1 + 0.18) / 27)."""
    half = 1.959963984540054 * math.sqrt(1.18 / 27)
    centre = 0.5 * math.log(1.6 / 0.4)
    low, high = fisher_interval(0.6, 30, scale=math.sqrt(1.18))
    assert low == pytest.approx(math.tanh(centre - half), abs=1e-12)
    assert high == pytest.approx(math.tanh(centre + half), abs=1e-12)


@pytest.mark.parametrize("n", [3, 5, 6])
def test_exact_p_against_scipy_permutations(n: int) -> None:
    first, second = sample(n, seed=n)

    def statistic(values: np.ndarray) -> float:
        return float(stats.spearmanr(values, second).statistic)

    reference = stats.permutation_test((first,), statistic, permutation_type="pairings", n_resamples=np.inf)
    doubled = np.mean(np.abs(reference.null_distribution) >= abs(statistic(first)) - 1e-12)
    assert exact_spearman_p(first, second) == pytest.approx(doubled, abs=1e-12)


def test_concordance_by_its_parts() -> None:
    """Lin 1989: Pearson's r times the bias correction 2 / (v + 1/v + u²), moments over n."""
    first, second = sample(40)
    v = first.std() / second.std()
    u = (first.mean() - second.mean()) / math.sqrt(first.std() * second.std())
    expected = np.corrcoef(first, second)[0, 1] * 2 / (v + 1 / v + u**2)
    row = correlation_row(first, second)
    assert row["concordance"] == pytest.approx(expected, abs=1e-12)
    assert row["concordance_ci_low"] < expected < row["concordance_ci_high"]  # type: ignore[operator]


def test_concordance_by_hand() -> None:
    """1, 2, 3 against 2, 3, 4: 2 (2/3) / (2/3 + 2/3 + 1) = 4/7."""
    row = correlation_row(np.array([1.0, 2, 3]), np.array([2.0, 3, 4]))
    assert row["concordance"] == pytest.approx(4 / 7, abs=1e-12)
    assert row["spearman_rho"] == pytest.approx(1)
    assert np.isnan(float(row["spearman_ci_low"]))
    assert "an interval needs 4" in str(row["note"])


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three(n: int) -> None:
    row = correlation_row(np.arange(n, dtype=float), np.arange(n, dtype=float))
    assert np.isnan(float(row["spearman_rho"]))
    assert "needs 3" in str(row["note"])


def test_constant_column_has_no_correlation_but_a_concordance() -> None:
    row = correlation_row(np.full(5, 3.0), np.arange(5, dtype=float))
    assert np.isnan(float(row["spearman_rho"]))
    assert np.isnan(float(row["pearson_r"]))
    assert row["concordance"] == 0
    assert "first measurement is constant" in str(row["note"])


def test_perfect_agreement() -> None:
    values = np.arange(6, dtype=float)
    row = correlation_row(values, values)
    assert row["spearman_rho"] == pytest.approx(1)
    assert row["concordance"] == pytest.approx(1)
    assert row["spearman_ci_low"] == row["spearman_ci_high"] == row["spearman_rho"]
    assert "no width" in str(row["note"])
