"""Two independent samples: t-tests, rank test, effect sizes, adjustment for multiple testing.

Sample 1 is the treated (exposed) group, sample 0 the control (reference) group; differences are 1 minus 0.
"""

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

ROUNDING = 1e-12
"""Errors and SDs up to this share of the largest value are what rounding leaves of zero."""


def is_rounding(error: float, *values: np.ndarray) -> bool:
    """Whether an error or SD of these values is zero but for rounding, or undefined.

    Sums of n values x are exact to about n 2^-53 max|x| (Higham, Accuracy and Stability of Numerical
    Algorithms, 2002, section 4.2): values that do not vary leave an SD near 1e-14 of the largest, where a
    test would be "significant" by rounding alone.
    """
    largest = max((float(np.abs(part).max()) for part in values if len(part)), default=0.0)
    return not error > ROUNDING * largest


def welch(sample1: np.ndarray, sample0: np.ndarray, alpha: float = 0.05) -> dict[str, float]:
    """Welch's t-test, which does not assume equal variances.

    Returns
    -------
    dict
        ``difference, ci_low, ci_high, welch_t, welch_df, welch_p``; missing where a sample has fewer than two
        values or none varies by more than rounding (then the difference alone is given).

    Examples
    --------
    >>> test = welch(np.array([5.0, 6, 7, 8]), np.array([3.0, 4, 5, 6]))
    >>> print(f"{test['difference']:.1f}, {test['ci_low']:.2f} to {test['ci_high']:.2f}")
    2.0, -0.23 to 4.23
    """
    names = ("difference", "ci_low", "ci_high", "welch_t", "welch_df", "welch_p")
    if min(len(sample1), len(sample0)) < 2:
        return dict.fromkeys(names, np.nan)
    difference = float(sample1.mean() - sample0.mean())
    error = float(np.sqrt(sample1.var(ddof=1) / len(sample1) + sample0.var(ddof=1) / len(sample0)))
    if is_rounding(error, sample1, sample0):
        return dict.fromkeys(names, np.nan) | {"difference": difference}
    test = stats.ttest_ind(sample1, sample0, equal_var=False)
    low, high = test.confidence_interval(1 - alpha)
    values = (difference, low, high, test.statistic, test.df, test.pvalue)
    return dict(zip(names, map(float, values), strict=True))


def student(sample1: np.ndarray, sample0: np.ndarray) -> dict[str, float]:
    """Student's t-test with a pooled variance: ``student_t, student_df, student_p``."""
    names = ("student_t", "student_df", "student_p")
    if is_rounding(pooled_sd(sample1, sample0), sample1, sample0):
        return dict.fromkeys(names, np.nan)
    test = stats.ttest_ind(sample1, sample0)
    return dict(zip(names, map(float, (test.statistic, test.df, test.pvalue)), strict=True))


def rank_tests(sample1: np.ndarray, sample0: np.ndarray) -> dict[str, float]:
    """Mann-Whitney test, exact for small samples without ties, and one that does not need equal spreads.

    Returns
    -------
    dict
        ``mann_whitney_u, mann_whitney_p, rank_p``. The last is the larger p of the Mann-Whitney and the
        Brunner-Munzel test (Brunner and Munzel, Biom J 2000): the first rejects too often where spreads
        differ, the second in small samples (``benchmarks/two_sample_level.md``).
    """
    names = ("mann_whitney_u", "mann_whitney_p", "rank_p")
    if not len(sample1) or not len(sample0):
        return dict.fromkeys(names, np.nan)
    test = stats.mannwhitneyu(sample1, sample0)
    larger = larger_rank_p(sample1, sample0)
    return dict(zip(names, map(float, (test.statistic, test.pvalue, larger)), strict=True))


def larger_rank_p(sample1: np.ndarray, sample0: np.ndarray) -> np.ndarray:
    """The larger p of both rank tests; samples (subjects,) or (subjects, outcomes)."""
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        # Without overlap the second has no p.
        warnings.simplefilter("ignore", RuntimeWarning)
        second = stats.brunnermunzel(sample1, sample0).pvalue
    return np.fmax(stats.mannwhitneyu(sample1, sample0).pvalue, second)


def pooled_sd(sample1: np.ndarray, sample0: np.ndarray) -> float:
    """Pooled standard deviation, n1 + n0 - 2 degrees of freedom."""
    df = len(sample1) + len(sample0) - 2
    if min(len(sample1), len(sample0)) < 2:
        return np.nan
    squares = sample1.var(ddof=1) * (len(sample1) - 1) + sample0.var(ddof=1) * (len(sample0) - 1)
    return float(np.sqrt(squares / df))


def effect_sizes(sample1: np.ndarray, sample0: np.ndarray, alpha: float = 0.05) -> dict[str, float]:
    """Cohen's d (pooled SD) and Hedges' g, with intervals.

    Returns
    -------
    dict
        ``cohen_d, cohen_d_se, cohen_d_ci_low, cohen_d_ci_high, hedges_g, hedges_g_ci_low, hedges_g_ci_high``.
        g = d (1 - 3 / (4 (n1 + n0) - 9)); the standard error is sqrt((n1 + n0) / (n1 n0) + d² / (2 (n1 +
        n0))), intervals use the t distribution with n1 + n0 - 2 degrees of freedom.

    Examples
    --------
    >>> sizes = effect_sizes(np.array([5.0, 6, 7, 8]), np.array([3.0, 4, 5, 6]))
    >>> print(f"d {sizes['cohen_d']:.3f}, g {sizes['hedges_g']:.3f}")
    d 1.549, g 1.347
    """
    pooled = pooled_sd(sample1, sample0)
    if is_rounding(pooled, sample1, sample0):
        return _standardised(np.nan, np.nan, len(sample1), len(sample0), alpha)
    return _standardised(sample1.mean() - sample0.mean(), pooled, len(sample1), len(sample0), alpha)


def weighted_effect_sizes(
    sample1: np.ndarray, sample0: np.ndarray, weights1: np.ndarray, weights0: np.ndarray, alpha: float = 0.05
) -> dict[str, float]:
    """:func:`effect_sizes` of weighted samples: of their weighted means and SDs.

    In place of the numbers of values stand the effective ones, (sum of w)² / sum of w² (Kish, Survey
    Sampling, 1965, section 11.2), also in the pooling of the variances.
    """
    size1, size0 = effective_size(weights1), effective_size(weights0)
    if min(len(sample1), len(sample0)) < 2:
        return _standardised(np.nan, np.nan, size1, size0, alpha)
    (mean1, sd1), (mean0, sd0) = weighted_mean_sd(sample1, weights1), weighted_mean_sd(sample0, weights0)
    pooled = float(np.sqrt((sd1**2 * (size1 - 1) + sd0**2 * (size0 - 1)) / (size1 + size0 - 2)))
    if is_rounding(pooled, sample1, sample0):
        return _standardised(np.nan, np.nan, size1, size0, alpha)
    return _standardised(mean1 - mean0, pooled, size1, size0, alpha)


def effective_size(weights: np.ndarray) -> float:
    """Number of equally weighted values with as much information, (sum of w)² / sum of w² (Kish 1965).

    Examples
    --------
    >>> round(effective_size(np.array([1.0, 1.0, 2.0])), 3)
    2.667
    """
    return float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else 0.0


def weighted_mean_sd(sample: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Weighted mean and SD; with equal weights the plain ones, SD with n - 1.

    For weights w that sum to 1 the variance is the sum of w (x - mean)² over 1 - sum of w², as in the balance
    table (MatchIt 4.7.2, from ``cov.wt`` of R).
    """
    if not len(sample):
        return np.nan, np.nan
    if np.allclose(weights, weights[0]):
        return float(sample.mean()), float(sample.std(ddof=1)) if len(sample) > 1 else np.nan
    share = weights / weights.sum()
    mean = float(share @ sample)
    return mean, float(np.sqrt(share @ (sample - mean) ** 2 / (1 - share @ share)))


def _standardised(
    difference: float, pooled: float, size1: float, size0: float, alpha: float
) -> dict[str, float]:
    """Columns of :func:`effect_sizes` from a difference, the pooled SD and the sizes."""
    names = ("cohen_d", "cohen_d_se", "cohen_d_ci_low", "cohen_d_ci_high")
    if not np.isfinite(difference):
        return dict.fromkeys((*names, "hedges_g", "hedges_g_ci_low", "hedges_g_ci_high"), np.nan)
    total, product = size1 + size0, size1 * size0
    d = float(difference / pooled)
    g = d * (1 - 3 / (4 * total - 9))
    quantile = stats.t.isf(alpha / 2, total - 2)

    def error(effect: float) -> float:
        return float(np.sqrt(total / product + effect**2 / (2 * total)))

    return {
        **dict(zip(names, (d, error(d), d - quantile * error(d), d + quantile * error(d)), strict=True)),
        "hedges_g": g,
        "hedges_g_ci_low": g - quantile * error(g),
        "hedges_g_ci_high": g + quantile * error(g),
    }


def e_value(effect: float, error: float) -> dict[str, float]:
    """E-value of a standardised difference (VanderWeele and Ding 2017).

    How strongly an unmeasured confounder would have to be associated with both group and outcome, as a risk
    ratio, to explain the difference away. The risk ratio is approximated by exp(0.91 d), its limits by
    exp(0.91 d ± 1.78 se).

    Returns
    -------
    dict
        ``e_value`` and ``e_value_ci`` (of the limit nearer to no effect; 1 where the interval holds no
        effect).

    Examples
    --------
    >>> print({name: round(value, 2) for name, value in e_value(0.5, 0.1).items()})
    {'e_value': 2.53, 'e_value_ci': 1.97}
    """
    if not np.isfinite(effect) or not np.isfinite(error):
        return {"e_value": np.nan, "e_value_ci": np.nan}
    size = abs(effect)
    limit = np.exp(0.91 * size - 1.78 * error)
    return {"e_value": _from_risk_ratio(np.exp(0.91 * size)), "e_value_ci": _from_risk_ratio(limit)}


def _from_risk_ratio(ratio: float) -> float:
    return float(ratio + np.sqrt(ratio * (ratio - 1))) if ratio > 1 else 1.0


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Holm's adjustment (Scand J Stat 1979); missing p values stay missing and are not counted.

    Examples
    --------
    >>> print(holm([0.01, 0.04, 0.03]))
    [0.03 0.06 0.06]
    """

    def adjusted(p: np.ndarray) -> np.ndarray:
        # As by statsmodels' multipletests, which collects all of Python's garbage at every call: more work
        # than the whole comparison around it.
        order = np.argsort(p)
        steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
        return np.minimum(steps, 1.0)[np.argsort(order)]

    return _of_present(p_values, adjusted)


def benjamini_hochberg(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's adjustment; missing p values stay missing and are not counted.

    Examples
    --------
    >>> print(benjamini_hochberg([0.01, 0.04, 0.03]))
    [0.03 0.04 0.04]
    """
    from statsmodels.stats.multitest import fdrcorrection

    return _of_present(p_values, lambda p: fdrcorrection(p)[1])


def _of_present(
    p_values: Sequence[float] | np.ndarray, adjust: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    p = np.asarray(p_values, float)
    adjusted, present = np.full(len(p), np.nan), np.isfinite(p)
    if present.any():
        adjusted[present] = adjust(p[present])
    return adjusted


def printed_p(p: float) -> str:
    """Return p as papers print it: three decimals, ``< 0.001`` below that, empty where undefined."""
    if not np.isfinite(p):
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
