"""Bland-Altman analysis: bias, limits of agreement and their intervals, trends of bias and spread."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Scale = Literal["absolute", "percent", "ratio"]
Quantile = Literal["linear", "hazen", "weibull", "median_unbiased"]

LIMIT_COLUMNS = (
    "n",
    "n_removed",
    "bias",
    "sd",
    "loa_lower",
    "loa_upper",
    "bias_ci_low",
    "bias_ci_high",
    "loa_lower_ci_low",
    "loa_lower_ci_high",
    "loa_upper_ci_low",
    "loa_upper_ci_high",
)
"""Columns that other software reads, after ``measure`` and ``outliers``."""

_APPROXIMATE_COLUMNS = tuple(f"{name}_approx" for name in LIMIT_COLUMNS[8:])

_SHAPIRO_UP_TO = 5000


def limits_of_agreement(
    difference: NDArray[np.float64], limit_factor: float = 1.96, confidence: float = 0.95
) -> dict[str, float]:
    """Bias, standard deviation and limits of agreement with their confidence intervals.

    The limits are ``bias ± limit_factor · sd`` with n - 1 in the standard deviation (Bland and Altman,
    Lancet 1986). The interval of the bias is Student's. The exact interval of a limit inverts the
    non-central t distribution with non-centrality ``limit_factor · sqrt(n)`` (Carkeet, Optom Vis Sci 2015);
    the approximate one is ``t · sd · sqrt(1/n + limit_factor²/(2(n - 1)))`` (Bland and Altman, 1999).

    Parameters
    ----------
    difference
        First minus second measurement of each subject, shape (n,).

    Returns
    -------
    dict
        The columns of :data:`LIMIT_COLUMNS` but the counts, and the approximate intervals as
        ``loa_lower_ci_low_approx`` and so on. NaN where n is too small (1 for anything but the bias).

    Examples
    --------
    >>> limits = limits_of_agreement(np.array([2.0, -1.0, 3.0, 0.0, 1.0]))
    >>> for column in ("bias", "sd", "loa_lower", "loa_upper", "loa_upper_ci_low", "loa_upper_ci_high"):
    ...     print(f"{column:17} {limits[column]:6.2f}")
    bias                1.00
    sd                  1.58
    loa_lower          -2.10
    loa_upper           4.10
    loa_upper_ci_low    2.46
    loa_upper_ci_high  10.45
    """
    n = difference.size
    tail = (1 + confidence) / 2
    bias = float(difference.mean()) if n else np.nan
    sd = float(difference.std(ddof=1)) if n > 1 else np.nan
    result = {"bias": bias, "sd": sd}
    result |= {"loa_lower": bias - limit_factor * sd, "loa_upper": bias + limit_factor * sd}
    if n < 2:
        return result | dict.fromkeys((*LIMIT_COLUMNS[6:], *_APPROXIMATE_COLUMNS), np.nan)
    t = float(stats.t.ppf(tail, n - 1))
    quantiles = stats.nct.ppf(np.array([1 - tail, tail]), n - 1, limit_factor * math.sqrt(n))
    near, far = np.asarray(quantiles) * sd / math.sqrt(n)
    half = t * sd * math.sqrt(1 / n + limit_factor**2 / (2 * (n - 1)))
    return result | {
        "bias_ci_low": bias - t * sd / math.sqrt(n),
        "bias_ci_high": bias + t * sd / math.sqrt(n),
        "loa_lower_ci_low": float(bias - far),
        "loa_lower_ci_high": float(bias - near),
        "loa_upper_ci_low": float(bias + near),
        "loa_upper_ci_high": float(bias + far),
        "loa_lower_ci_low_approx": result["loa_lower"] - half,
        "loa_lower_ci_high_approx": result["loa_lower"] + half,
        "loa_upper_ci_low_approx": result["loa_upper"] - half,
        "loa_upper_ci_high_approx": result["loa_upper"] + half,
    }


def trends(
    first: NDArray[np.float64], second: NDArray[np.float64], confidence: float = 0.95
) -> dict[str, float | str]:
    """Proportional bias and trend of the spread: how the differences depend on the size measured.

    * ``proportional_slope`` with interval and p: least squares of the difference on the mean of both. Its
      test is that of Pitman and Morgan for equal variances, whose correlation between sum and difference is
      ``pitman_morgan_r``. The slope is biased when the two methods' standard deviations differ for other
      reasons than a proportional error: ``sd_ratio`` (first over second) says by how much they do.
    * ``spread_slope``: change of the differences' standard deviation for a unit of the mean, from least
      squares of the absolute residuals times sqrt(pi/2) (Bland and Altman 1999); ``spread_p``: the test of
      Breusch and Pagan in Koenker's studentised form.
    * ``normality_p``: Shapiro and Wilk's test of the differences, for n from 3 to 5,000.

    Returns
    -------
    dict
        These values, NaN where undefined, and ``note`` with the reason.
    """
    names = (
        "proportional_slope",
        "proportional_ci_low",
        "proportional_ci_high",
        "proportional_p",
        "pitman_morgan_r",
        "sd_ratio",
        "spread_slope",
        "spread_p",
        "normality_p",
    )
    result: dict[str, float | str] = dict.fromkeys(names, np.nan)
    difference, mean = first - second, (first + second) / 2
    n = difference.size
    if n < 3:
        return result | {"note": f"{n} pairs: a trend needs 3"}
    if second.std() > 0:
        result["sd_ratio"] = float(first.std() / second.std())
    if _is_constant(difference, first, second):
        return result | {"note": "the difference is constant: no trend, no normality"}
    notes = []
    if n <= _SHAPIRO_UP_TO:
        result["normality_p"] = float(stats.shapiro(difference).pvalue)
    else:
        notes.append(f"normality not tested beyond {_SHAPIRO_UP_TO} pairs")
    if _is_constant(mean, first, second):
        return result | {"note": "; ".join([*notes, "the mean of both is constant: no trend"])}
    line = stats.linregress(mean, difference)
    half = stats.t.ppf((1 + confidence) / 2, n - 2) * line.stderr
    result |= {
        "proportional_slope": float(line.slope),
        "proportional_ci_low": float(line.slope - half),
        "proportional_ci_high": float(line.slope + half),
        "proportional_p": float(line.pvalue),
        "pitman_morgan_r": float(line.rvalue),
    }
    residual = difference - line.intercept - line.slope * mean
    if _is_constant(np.abs(residual), first, second):
        return result | {"note": "; ".join([*notes, "the residuals are equal: no trend of the spread"])}
    result["spread_slope"] = float(stats.linregress(mean, np.abs(residual)).slope * math.sqrt(math.pi / 2))
    result["spread_p"] = float(stats.chi2.sf(n * stats.linregress(mean, residual**2).rvalue ** 2, 1))
    return result | {"note": "; ".join(notes)}


def _is_constant(values: NDArray[np.float64], *measured: NDArray[np.float64]) -> bool:
    """Say whether values differ by no more than rounding, held against the size of what was measured."""
    return bool(np.ptp(values) <= 1e-12 * max(np.abs(numbers).max() for numbers in measured))


def outlying(
    first: NDArray[np.float64], second: NDArray[np.float64], quantile: Quantile = "linear"
) -> NDArray[np.bool_]:
    """Mark pairs whose mean lies beyond 1.5 interquartile ranges from the quartiles (Chen 2020, III-E).

    The rule is on the mean of both measurements, the x axis of the plot, not on their difference.
    """
    mean = (first + second) / 2
    if mean.size == 0:
        return np.zeros(0, dtype=bool)
    lower, upper = np.quantile(mean, [0.25, 0.75], method=quantile)
    margin = 1.5 * (upper - lower)
    return (mean < lower - margin) | (mean > upper + margin)


def rescaled(
    first: NDArray[np.float64], second: NDArray[np.float64], scale: Scale
) -> tuple[NDArray[np.float64], int]:
    """Differences on another scale, and how many pairs have none.

    ``percent``: 100 times the difference over the mean of both (undefined for a mean of zero); ``ratio``: the
    difference of natural logarithms (undefined unless both are positive).
    """
    if scale == "absolute":
        return first - second, 0
    mean = (first + second) / 2
    defined = (first > 0) & (second > 0) if scale == "ratio" else mean != 0
    undefined = int((~defined).sum())
    if scale == "ratio":
        return np.log(first[defined]) - np.log(second[defined]), undefined
    return 100 * (first - second)[defined] / mean[defined], undefined


def bland_altman_rows(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    exclude_outliers: bool = False,
    quantile: Quantile = "linear",
    limit_factor: float = 1.96,
    confidence: float = 0.95,
    scale: Scale = "absolute",
) -> list[dict[str, float | int | str]]:
    """Rows of one measure: all pairs, and where asked without the outlying ones.

    On the ratio scale everything but ``sd`` (which is that of the log differences) is an antilog: a bias of
    1.05 means that the first measurement is 5 % larger in geometric mean.

    Returns
    -------
    list of dict
        ``outliers`` (``kept`` or ``removed``), :data:`LIMIT_COLUMNS`, approximate intervals and note, as in
        ``bland_altman.csv``; trends on the absolute scale, ``scale`` and ``n_undefined`` on the others.
    """
    selections = [("kept", np.ones(first.size, dtype=bool))]
    if exclude_outliers:
        selections.append(("removed", ~outlying(first, second, quantile)))
    rows: list[dict[str, float | int | str]] = []
    for outliers, keep in selections:
        difference, undefined = rescaled(first[keep], second[keep], scale)
        limits = limits_of_agreement(difference, limit_factor, confidence)
        if scale == "ratio":
            limits = {name: value if name == "sd" else math.exp(value) for name, value in limits.items()}
        notes = [{0: "no pairs", 1: "one pair: no standard deviation, no limits"}.get(difference.size, "")]
        row: dict[str, float | int | str] = {"outliers": outliers, "n": difference.size}
        row |= {"n_removed": int((~keep).sum()), **limits}
        if scale == "absolute":
            row |= trends(first[keep], second[keep], confidence)
            notes.append(str(row["note"]))
        else:
            row = {"scale": scale, **row, "n_undefined": undefined}
        if undefined:
            need = "needs two positive values" if scale == "ratio" else "needs a mean other than zero"
            notes.append(f"{undefined} pairs left out: the scale {need}")
        rows.append(row | {"note": "; ".join(note for note in notes if note)})
    return rows
