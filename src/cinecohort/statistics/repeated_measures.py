"""Limits of agreement where a subject was measured more than once by each method."""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from cinecohort.statistics.bland_altman import LIMIT_COLUMNS


def repeated_limits(
    subjects: NDArray[np.str_] | pd.Series,
    difference: NDArray[np.float64],
    limit_factor: float = 1.96,
    confidence: float = 0.95,
) -> dict[str, float | int | str]:
    """Limits of agreement of replicate pairs whose true value may vary (Bland and Altman 2007, section 3).

    The variance of the differences has a part within and a part between subjects; the limits are ``bias ±
    limit_factor · sqrt(within + between)``, where a negative estimate of the part between is taken as zero.
    Bias, variances and intervals are those of Zou (Stat Methods Med Res 2013): the bias is the mean of the
    subjects' means, so that every subject counts once however often it was measured; the part within is the
    mean square within subjects; the part between is the variance of the subjects' means less within / m, m
    the harmonic mean of the numbers of pairs. Intervals are by the method of variance estimates recovery.

    With as many pairs of every subject all this is Bland and Altman's analysis of variance. With different
    numbers theirs weights subjects by their pairs, to which Zou's intervals do not belong: of 20 subjects,
    two of them measured 40 times, the 95 % interval of the bias then holds it in 60 % of the samples.

    Parameters
    ----------
    subjects
        Whose pair it is, shape (n,).
    difference
        First minus second measurement, shape (n,), finite.

    Returns
    -------
    dict
        ``n, n_subjects, bias, sd_within, sd_between, sd, loa_lower, loa_upper, bias_ci_low, bias_ci_high,
        loa_lower_ci_low, loa_lower_ci_high, loa_upper_ci_low, loa_upper_ci_high, note``.
    """
    groups = pd.Series(difference).groupby(np.asarray(subjects))
    sizes = groups.size().to_numpy().astype(np.float64)
    means = groups.mean().to_numpy().astype(np.float64)
    n, n_subjects = difference.size, len(sizes)
    row: dict[str, float | int | str] = dict.fromkeys(_COLUMNS, np.nan)
    row |= {"n": n, "n_subjects": n_subjects, "note": ""}
    if n_subjects < 2 or n == n_subjects:
        row["note"] = "needs two subjects, and one of them measured more than once"
        return row
    bias = float(means.mean())
    mean_square_within = float(groups.var(ddof=1).fillna(0).to_numpy() @ (sizes - 1)) / (n - n_subjects)
    between = float(means.var(ddof=1)) - float((1 / sizes).mean()) * mean_square_within
    if between < 0:
        between, row["note"] = 0.0, "variance between subjects estimated below zero, taken as zero"
    sd = math.sqrt(mean_square_within + between)
    row |= {
        "bias": bias,
        "sd_within": math.sqrt(mean_square_within),
        "sd_between": math.sqrt(between),
        "sd": sd,
        "loa_lower": bias - limit_factor * sd,
        "loa_upper": bias + limit_factor * sd,
    }
    row |= _intervals(bias, sd, mean_square_within, means, sizes, n, limit_factor, confidence)
    return row


def _intervals(
    bias: float,
    sd: float,
    within: float,
    means: NDArray[np.float64],
    sizes: NDArray[np.float64],
    n: int,
    limit_factor: float,
    confidence: float,
) -> dict[str, float]:
    """Intervals of bias and limits; the variance of subject means and harmonic mean size as in Zou 2013."""
    n_subjects = len(sizes)
    tail = (1 - confidence) / 2
    harmonic = n_subjects / float((1 / sizes).sum())
    variance_of_means = float(means.var(ddof=1))
    total = variance_of_means + (1 - 1 / harmonic) * within
    upper = total + math.hypot(
        variance_of_means * ((n_subjects - 1) / stats.chi2.ppf(tail, n_subjects - 1) - 1),
        (1 - 1 / harmonic) * within * ((n - n_subjects) / stats.chi2.ppf(tail, n - n_subjects) - 1),
    )
    lower = total - math.hypot(
        variance_of_means * (1 - (n_subjects - 1) / stats.chi2.ppf(1 - tail, n_subjects - 1)),
        (1 - 1 / harmonic) * within * (1 - (n - n_subjects) / stats.chi2.ppf(1 - tail, n - n_subjects)),
    )
    bias_half = stats.t.ppf(1 - tail, n_subjects - 1) * math.sqrt(variance_of_means / n_subjects)
    near = math.hypot(bias_half, limit_factor * (math.sqrt(total) - math.sqrt(max(lower, 0))))
    far = math.hypot(bias_half, limit_factor * (math.sqrt(upper) - math.sqrt(total)))
    loa_lower, loa_upper = bias - limit_factor * sd, bias + limit_factor * sd
    return {
        "bias_ci_low": bias - bias_half,
        "bias_ci_high": bias + bias_half,
        "loa_lower_ci_low": loa_lower - far,
        "loa_lower_ci_high": loa_lower + near,
        "loa_upper_ci_low": loa_upper - near,
        "loa_upper_ci_high": loa_upper + far,
    }


_COLUMNS = ("n", "n_subjects", "bias", "sd_within", "sd_between", *LIMIT_COLUMNS[3:], "note")
