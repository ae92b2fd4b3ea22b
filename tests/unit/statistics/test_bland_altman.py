"""Bland-Altman against the published example, statsmodels, and the distribution worked out by quadrature."""

import itertools
import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import integrate, stats
from statsmodels.stats.diagnostic import het_breuschpagan

from cinecohort.statistics.bland_altman import (
    LIMIT_COLUMNS,
    bland_altman_rows,
    limits_of_agreement,
    outlying,
    trends,
)

# Peak expiratory flow, Bland and Altman, Lancet 1986, Table 1: first readings of two meters, L/min.
WRIGHT = np.array([494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427.0])
MINI = np.array([512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451.0])


def pairs(n: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    second = random.normal(140, 30, n)
    return second * 1.05 + random.normal(2, 6, n), second


def test_published_example() -> None:
    """Mean -2.1, SD 38.8, limits at 2 SD -79.7 and 75.5 (from the rounded two), bias from -22.1 to 17.8."""
    limits = limits_of_agreement(WRIGHT - MINI, limit_factor=2)
    assert limits["bias"] == pytest.approx(-2.1, abs=0.05)
    assert limits["sd"] == pytest.approx(38.8, abs=0.05)
    assert limits["loa_lower"] == pytest.approx(-79.7, abs=0.1)
    assert limits["loa_upper"] == pytest.approx(75.5, abs=0.1)
    assert limits["bias_ci_low"] == pytest.approx(-22.1, abs=0.06)
    assert limits["bias_ci_high"] == pytest.approx(17.8, abs=0.06)


def test_hand_calculation() -> None:
    """Differences 1, 2, 3, 6: mean 3, SD sqrt(14/3)."""
    limits = limits_of_agreement(np.array([1.0, 2, 3, 6]))
    sd = math.sqrt(14 / 3)
    assert limits["bias"] == pytest.approx(3, abs=1e-12)
    assert limits["sd"] == pytest.approx(sd, abs=1e-12)
    assert limits["loa_upper"] == pytest.approx(3 + 1.96 * sd, abs=1e-12)
    half = 3.182446305284263 * sd * math.sqrt(1 / 4 + 1.96**2 / 6)
    assert limits["loa_lower_ci_low_approx"] == pytest.approx(3 - 1.96 * sd - half, abs=1e-8)


@pytest.mark.parametrize("n", [2, 5, 17, 60])
def test_exact_interval_covers_as_worked_out_by_quadrature(n: int) -> None:
    """P(limit of the interval < true limit) from the joint density of mean and SD, without nct."""
    limits = limits_of_agreement(np.random.default_rng(n).normal(size=n))

    def below(bound: float) -> float:
        """Probability that mean + bound * sd stays below 1.96 for standard normal differences."""

        def density(chi: float) -> float:
            spread = bound * chi / math.sqrt(n - 1)
            return stats.norm.cdf((1.96 - spread) * math.sqrt(n)) * stats.chi.pdf(chi, n - 1)

        parts = [stats.chi.ppf(q, n - 1) for q in (0, 1e-6, 0.01, 0.1, 0.5, 0.9, 0.99, 1 - 1e-12)]
        return sum(
            integrate.quad(density, a, b, epsabs=1e-13, epsrel=1e-13, limit=500)[0]
            for a, b in itertools.pairwise(parts)
        )

    low = (limits["loa_upper_ci_low"] - limits["bias"]) / limits["sd"]
    high = (limits["loa_upper_ci_high"] - limits["bias"]) / limits["sd"]
    assert below(low) == pytest.approx(0.975, abs=1e-8)
    assert below(high) == pytest.approx(0.025, abs=1e-8)


def test_exact_intervals_mirror_each_other() -> None:
    difference = np.random.default_rng(1).normal(3, 2, 23)
    limits, mirrored = limits_of_agreement(difference), limits_of_agreement(-difference)
    assert limits["loa_lower_ci_low"] == pytest.approx(-mirrored["loa_upper_ci_high"], abs=1e-12)
    assert limits["loa_lower_ci_high"] == pytest.approx(-mirrored["loa_upper_ci_low"], abs=1e-12)


def test_trends_against_statsmodels() -> None:
    first, second = pairs(40)
    result = trends(first, second)
    design = sm.add_constant((first + second) / 2)
    fit = sm.OLS(first - second, design).fit()
    low, high = fit.conf_int()[1]
    assert result["proportional_slope"] == pytest.approx(fit.params[1], abs=1e-10)
    assert result["proportional_ci_low"] == pytest.approx(low, abs=1e-10)
    assert result["proportional_ci_high"] == pytest.approx(high, abs=1e-10)
    assert result["proportional_p"] == pytest.approx(fit.pvalues[1], rel=1e-8)
    assert result["spread_p"] == pytest.approx(het_breuschpagan(fit.resid, design)[1], rel=1e-8)
    spread = sm.OLS(np.abs(fit.resid), design).fit().params[1] * math.sqrt(math.pi / 2)
    assert result["spread_slope"] == pytest.approx(spread, abs=1e-10)
    assert result["pitman_morgan_r"] == pytest.approx(np.corrcoef(first + second, first - second)[0, 1])
    assert result["normality_p"] == pytest.approx(stats.shapiro(first - second).pvalue)


def test_outlier_rule_is_on_the_mean_not_the_difference() -> None:
    second = np.array([10.0, 11, 12, 13, 14, 60])
    first = second + np.array([0, 0, 0, 0, 40, 0])
    assert list(np.flatnonzero(outlying(first, second))) == [5]
    far_difference = second[:5] + np.array([-30.0, 30, 0, 0, 0])
    mean = (far_difference + second[:5]) / 2
    q1, q3 = np.percentile(mean, [25, 75])
    expected = (mean < q1 - 1.5 * (q3 - q1)) | (mean > q3 + 1.5 * (q3 - q1))
    assert list(outlying(far_difference, second[:5])) == list(expected)


def test_value_on_the_fence_is_kept() -> None:
    """Quartiles of 0, 1, 2, 3, 6 are 1 and 3, so the upper fence is 6: equality is not outside."""
    values = np.array([0.0, 1, 2, 3, 6])
    assert not outlying(values, values).any()
    assert outlying(np.array([0.0, 1, 2, 3, 6.0001]), np.array([0.0, 1, 2, 3, 6.0001])).sum() == 1


def test_rows_with_outliers_removed_stand_beside_all() -> None:
    second = np.append(900.0, np.linspace(100, 180, 29))
    first = second + np.append(0.0, np.sin(np.arange(29)))
    kept, removed = bland_altman_rows(first, second, exclude_outliers=True)
    assert (kept["outliers"], kept["n"], kept["n_removed"]) == ("kept", 30, 0)
    assert (removed["outliers"], removed["n"], removed["n_removed"]) == ("removed", 29, 1)
    assert removed["bias"] == pytest.approx(float((first - second)[1:].mean()))
    assert [name for name in kept if name in LIMIT_COLUMNS] == list(LIMIT_COLUMNS)


def test_scales() -> None:
    """Twice as large everywhere: 200/3 per cent of the mean, ratio 2, without spread."""
    second = np.array([10.0, 20, 50])
    (percent,) = bland_altman_rows(2 * second, second, scale="percent")
    (ratio,) = bland_altman_rows(2 * second, second, scale="ratio")
    assert percent["bias"] == pytest.approx(200 / 3, abs=1e-10)
    assert ratio["bias"] == pytest.approx(2, abs=1e-10)
    assert ratio["loa_upper"] == pytest.approx(2, abs=1e-10)


def test_ratio_scale_counts_what_has_no_logarithm() -> None:
    first, second = np.array([1.0, -2, 3, 0]), np.array([2.0, 2, 6, 5])
    (ratio,) = bland_altman_rows(first, second, scale="ratio")
    assert (ratio["n"], ratio["n_undefined"]) == (2, 2)
    assert ratio["bias"] == pytest.approx(0.5)
    assert "needs two positive values" in str(ratio["note"])


@pytest.mark.parametrize(
    ("first", "second", "filled", "empty", "note"),
    [
        ([], [], [], ["bias", "sd"], "no pairs"),
        ([3.0], [1.0], ["bias"], ["sd", "loa_lower", "bias_ci_low"], "one pair"),
        ([3.0, 4], [1.0, 1], ["bias", "sd", "loa_upper_ci_high"], ["proportional_p"], "a trend needs 3"),
        ([3.0, 4, 5], [1.0, 2, 3], ["bias", "loa_lower"], ["proportional_p", "normality_p"], "constant"),
        ([1.0, 3, 2], [3.0, 1, 2], ["bias"], ["proportional_slope"], "mean of both is constant"),
    ],
)
def test_small_and_constant(first: list, second: list, filled: list, empty: list, note: str) -> None:
    (row,) = bland_altman_rows(np.array(first), np.array(second))
    assert all(np.isfinite(float(row[name])) for name in filled)
    assert all(np.isnan(float(row[name])) for name in empty)
    assert note in str(row["note"])


def test_large_samples_stay_stable() -> None:
    limits = limits_of_agreement(np.random.default_rng(0).normal(size=100_000))
    assert 0 < limits["loa_upper_ci_high"] - limits["loa_upper_ci_low"] < 0.05
    assert limits["loa_upper_ci_low"] == pytest.approx(limits["loa_upper_ci_low_approx"], abs=1e-3)
