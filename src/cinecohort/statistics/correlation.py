"""Rank, product-moment and concordance correlation of paired measurements."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

SpearmanInterval = Literal["fisher", "bonett_wright"]

_EXACT_UP_TO = 8
"""Largest n for which every permutation is looked at (40,320 of them), and their share is the p to print."""


def correlation_row(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    confidence: float = 0.95,
    spearman_interval: SpearmanInterval = "fisher",
) -> dict[str, float | int | str]:
    """Spearman's, Pearson's and Lin's coefficients with intervals (Chen 2020, Table IX, and beside it).

    Chen 2020 prints "Spearman's rank correlation coefficients (r²)", which may be either rho or its square:
    both are here. The p-value is that of Student's t with n - 2 degrees of freedom; for n up to 8 the exact
    one, over all permutations and with ties as they are, stands beside it, and is the one that is printed.

    Parameters
    ----------
    first, second
        Finite measurements, shape (n,).
    confidence
        Confidence of the intervals, all by Fisher's transformation.
    spearman_interval
        Standard error of the transformed rho: ``fisher`` 1/sqrt(n - 3), ``bonett_wright``
        sqrt((1 + rho²/2)/(n - 3)) (Bonett and Wright, Psychometrika 2000).

    Returns
    -------
    dict
        Columns of ``correlation.csv`` but the measure; NaN where undefined, with the reason in ``note``.

    Examples
    --------
    >>> row = correlation_row(np.array([1.0, 2, 3, 4, 5]), np.array([1.0, 3, 2, 5, 4]))
    >>> print(f"rho {row['spearman_rho']:.2f}, exact p {row['spearman_p_exact']:.3f}")
    rho 0.80, exact p 0.133
    """
    row: dict[str, float | int | str] = dict.fromkeys(_COLUMNS, np.nan)
    row["n"] = n = first.size
    if n < 3:
        row["note"] = f"{n} pairs: a correlation needs 3"
        return row
    row |= _concordance(first, second, confidence)
    constant = [name for name, values in (("first", first), ("second", second)) if np.ptp(values) == 0]
    if constant:
        row["note"] = f"no correlation: the {' and the '.join(constant)} measurement is constant"
        return row
    spearman, pearson = stats.spearmanr(first, second), stats.pearsonr(first, second)
    rho, r = float(spearman.statistic), float(pearson.statistic)
    scale = math.sqrt(1 + rho**2 / 2) if spearman_interval == "bonett_wright" else 1.0
    row |= {"spearman_rho": rho, "spearman_rho2": rho**2, "spearman_p": float(spearman.pvalue)}
    row["spearman_ci_low"], row["spearman_ci_high"] = fisher_interval(rho, n, confidence, scale)
    row |= {"pearson_r": r, "pearson_p": float(pearson.pvalue)}
    row["pearson_ci_low"], row["pearson_ci_high"] = fisher_interval(r, n, confidence)
    if n <= _EXACT_UP_TO:
        row["spearman_p_exact"] = exact_spearman_p(first, second)
    notes = []
    if n == 3:
        notes.append("3 pairs: an interval needs 4")
    if abs(rho) > 1 - 1e-12:
        notes.append("perfect rank correlation: its interval has no width")
    row["note"] = "; ".join(notes)
    return row


_COLUMNS = (
    "n",
    "spearman_rho",
    "spearman_rho2",
    "spearman_p",
    "spearman_ci_low",
    "spearman_ci_high",
    "pearson_r",
    "concordance",
    "spearman_p_exact",
    "pearson_p",
    "pearson_ci_low",
    "pearson_ci_high",
    "concordance_ci_low",
    "concordance_ci_high",
    "note",
)


def fisher_interval(
    coefficient: float, n: int, confidence: float = 0.95, scale: float = 1.0
) -> tuple[float, float]:
    """Confidence interval of a correlation by Fisher's transformation; NaN for n of 3 or less.

    The standard error of atanh(r) is ``scale`` / sqrt(n - 3). For r of exactly 1 or -1 both bounds are r.

    Examples
    --------
    >>> print("{:.3f} to {:.3f}".format(*fisher_interval(0.9, 30)))
    0.799 to 0.952
    """
    if n <= 3:
        return np.nan, np.nan
    if abs(coefficient) >= 1 - 1e-15:
        return coefficient, coefficient
    centre = math.atanh(coefficient)
    half = stats.norm.ppf((1 + confidence) / 2) * scale / math.sqrt(n - 3)
    return math.tanh(centre - half), math.tanh(centre + half)


def exact_spearman_p(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Two-sided exact p-value of Spearman's rho: the share of permutations with |rho| at least as large."""
    ranks = [stats.rankdata(values) - (len(values) + 1) / 2 for values in (first, second)]

    def size(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        return np.abs((values * ranks[1]).sum(axis=axis))

    test = stats.permutation_test(
        ranks[:1],
        size,
        permutation_type="pairings",
        n_resamples=math.factorial(len(first)),
        vectorized=True,
        alternative="greater",
    )
    return float(test.pvalue)


def _concordance(
    first: NDArray[np.float64], second: NDArray[np.float64], confidence: float
) -> dict[str, float]:
    """Lin's concordance (Biometrics 1989, moments over n) with his interval (as corrected in 2000)."""
    n = first.size
    deviation_first, deviation_second = first - first.mean(), second - second.mean()
    covariance = float(np.mean(deviation_first * deviation_second))
    variances = float(np.mean(deviation_first**2)), float(np.mean(deviation_second**2))
    shift = float(first.mean() - second.mean())
    whole = sum(variances) + shift**2
    if whole == 0:
        return {}
    concordance = 2 * covariance / whole
    row = {"concordance": concordance}
    product = math.sqrt(variances[0] * variances[1])
    r = covariance / product if product > 0 else 0.0
    if r == 0 or n <= 3 or abs(concordance) >= 1 - 1e-15:
        return row
    u2 = shift**2 / product
    variance = (
        (1 - r**2) * concordance**2 * (1 - concordance**2) / r**2
        + 2 * concordance**3 * (1 - concordance) * u2 / r
        - concordance**4 * u2**2 / (2 * r**2)
    ) / (n - 2)
    half = stats.norm.ppf((1 + confidence) / 2) * math.sqrt(max(variance, 0)) / (1 - concordance**2)
    centre = math.atanh(concordance)
    row["concordance_ci_low"], row["concordance_ci_high"] = math.tanh(centre - half), math.tanh(centre + half)
    return row
