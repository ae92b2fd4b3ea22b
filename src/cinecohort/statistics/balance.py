"""Balance of covariates between two groups, before and after matching.

Definitions are those of the summary in R's MatchIt 4.7.2. The denominator of every standardised mean
difference is a standard deviation in the full, unmatched sample, the same before and after: by default that
of the focal group (the treated for the ATT), or the pooled one, sqrt((s1² + s0²) / 2).
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from cinecohort.catalogue.covariates import covariate_words, in_sentence
from cinecohort.statistics.matching import Matching
from cinecohort.statistics.propensity import DesignColumn, expand

Denominator = Literal["focal", "pooled"]
_TINY = 1.5e-8


def balance_table(matching: Matching, denominator: Denominator = "focal") -> pd.DataFrame:
    """Balance of the score and of every covariate before and after matching.

    Parameters
    ----------
    matching
        A matched sample.
    denominator
        Of the standardised mean differences.

    Returns
    -------
    pandas.DataFrame
        Two rows a covariate, ``stage`` before and after: ``covariate, stage, mean_treated, mean_control, smd,
        variance_ratio, ecdf_mean, ecdf_max, pair_distance, variable, level``. The score is the first
        covariate, called ``distance``. A factor gives a row for each of its levels, of two as of more. The
        variance ratio (treated / control) is missing for 0/1 columns, and the standardised pair distance
        before matching.
    """
    columns = [
        DesignColumn("distance", "distance", None, matching.distance),
        *expand(matching.table, matching.covariates, all_levels=True),
    ]
    focal_value = 1 if matching.options.estimand == "att" else 0
    ones = np.ones(len(matching.treatment))
    rows = []
    for column in columns:
        scale = smd_denominator(column.numbers, matching.treatment, focal_value, denominator)
        for stage, weights in (("before", ones), ("after", matching.weights)):
            row: dict[str, Any] = {"covariate": column.name, "stage": stage}
            row |= compare_distributions(column.numbers, matching.treatment, weights, scale)
            row["pair_distance"] = (
                _pair_distance(column.numbers, matching, scale) if stage == "after" else np.nan
            )
            rows.append({**row, "variable": column.variable, "level": column.level})
    return pd.DataFrame(rows)


def smd_denominator(
    values: np.ndarray, treatment: np.ndarray, focal_value: int, denominator: Denominator = "focal"
) -> float:
    """Standard deviation by which differences in means are divided.

    sqrt(p (1 - p)) for 0/1 columns, the sample SD (n - 1) for others; in the full sample. Where the group has
    no spread, the SD of all units is taken.
    """
    binary = is_binary(values)
    treated, control = values[treatment == 1], values[treatment == 0]
    if denominator == "pooled":
        scale = float(np.sqrt((_spread(treated, binary) ** 2 + _spread(control, binary) ** 2) / 2))
    else:
        scale = _spread(treated if focal_value == 1 else control, binary)
    return scale if scale >= _TINY else _spread(values, binary)


def compare_distributions(
    values: np.ndarray, treatment: np.ndarray, weights: np.ndarray, scale: float
) -> dict[str, float]:
    """Weighted means, standardised difference, variance ratio and distance of distribution functions.

    Parameters
    ----------
    values, treatment, weights
        Of all units; those with weight 0 do not count.
    scale
        Denominator of the standardised mean difference.

    Returns
    -------
    dict
        ``mean_treated, mean_control, smd, variance_ratio, ecdf_mean, ecdf_max``; all missing where a group is
        empty. A difference in means below 1.5e-8 is given as it is, not divided.
    """
    names = ("mean_treated", "mean_control", "smd", "variance_ratio", "ecdf_mean", "ecdf_max")
    weights1, weights0 = (np.where(treatment == value, weights, 0.0) for value in (1, 0))
    if weights1.sum() <= 0 or weights0.sum() <= 0:
        return dict.fromkeys(names, np.nan)
    weights1, weights0 = weights1 / weights1.sum(), weights0 / weights0.sum()
    mean1, mean0 = float((weights1 * values).sum()), float((weights0 * values).sum())
    difference = mean1 - mean0
    smd = difference if abs(difference) < _TINY else difference / scale if scale > 0 else np.nan
    if is_binary(values):
        return dict(zip(names, (mean1, mean0, smd, np.nan, abs(difference), abs(difference)), strict=True))
    variance0 = _weighted_variance(values, weights0)
    ratio = _weighted_variance(values, weights1) / variance0 if variance0 > 0 else np.nan
    order = np.argsort(values, kind="stable")
    gaps = np.abs(np.cumsum(weights1[order] - weights0[order]))
    last_of_value = np.append(np.diff(values[order]) != 0, True)
    gaps = gaps[last_of_value]
    return dict(zip(names, (mean1, mean0, smd, ratio, float(gaps.mean()), float(gaps.max())), strict=True))


def is_binary(values: np.ndarray) -> bool:
    """Whether a column holds nothing but 0 and 1."""
    return bool(np.isin(values, (0.0, 1.0)).all())


def not_balanced(
    balance: pd.DataFrame, threshold: float = 0.1, ratios: tuple[float, float] = (0.5, 2.0)
) -> pd.DataFrame:
    """Rows of the covariates that differ after matching, by absolute SMD or by variance ratio."""
    after = balance[(balance["stage"] == "after") & (balance["variable"] != "distance")]
    smd, ratio = after["smd"].abs(), after["variance_ratio"]
    return after[~(smd <= threshold) | (ratio < ratios[0]) | (ratio > ratios[1])]


def balance_verdict(
    balance: pd.DataFrame, threshold: float = 0.1, ratios: tuple[float, float] = (0.5, 2.0)
) -> tuple[bool, str]:
    """Say in one sentence whether the groups are alike after matching.

    Parameters
    ----------
    balance
        See :func:`balance_table`.
    threshold
        Largest absolute standardised mean difference.
    ratios
        Smallest and largest variance ratio.

    Returns
    -------
    tuple
        Whether all covariates are balanced, and the sentence.
    """
    after = balance[(balance["stage"] == "after") & (balance["variable"] != "distance")]
    worst = without_mirrors(not_balanced(balance, threshold, ratios))
    limits = f"|SMD| at most {threshold:g}, variance ratio {ratios[0]:g} to {ratios[1]:g}"
    if after.empty:
        return False, "Balance cannot be judged: no covariate was named."
    if after["smd"].isna().all():
        return False, "Balance cannot be judged: no pair was matched."
    if worst.empty:
        largest = after.iloc[int(np.nanargmax(after["smd"].abs()))]
        return True, (
            f"All {after['variable'].nunique()} covariates are balanced after matching ({limits}); the "
            f"largest |SMD| is {abs(largest['smd']):.3f} ({_words(largest)})."
        )
    named = "; ".join(_describe_imbalance(row) for _, row in worst.iterrows())
    return False, (
        f"The groups are not balanced after matching ({limits}): {named}. Differences in outcome may be due "
        "to these covariates; a narrower caliper, exact matching or adjustment may help."
    )


def weighted_mean_differences(
    table: pd.DataFrame,
    covariates: Sequence[str],
    treatment: np.ndarray,
    weights: np.ndarray,
    focal_value: int = 1,
) -> pd.Series:
    """Standardised mean difference of every design column under any weights, by name of the column."""
    result = {}
    for column in expand(table, covariates, all_levels=True):
        scale = smd_denominator(column.numbers, treatment, focal_value)
        result[column.name] = compare_distributions(column.numbers, treatment, weights, scale)["smd"]
    return pd.Series(result, dtype=float)


def _words(row: pd.Series) -> str:
    return in_sentence(covariate_words(row["variable"], row["level"]))


def _describe_imbalance(row: pd.Series) -> str:
    smd = f"{row['smd']:.3f}".replace("-", "\N{MINUS SIGN}")
    text = f"{_words(row)} has SMD {smd}"
    return text if pd.isna(row["variance_ratio"]) else f"{text}, variance ratio {row['variance_ratio']:.2f}"


def _spread(values: np.ndarray, binary: bool) -> float:
    if not len(values):
        return 0.0
    if binary:
        share = float(values.mean())
        return float(np.sqrt(share * (1 - share)))
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def _weighted_variance(values: np.ndarray, weights: np.ndarray) -> float:
    """Sum of w (x - m)² / (1 - sum of w²) for weights that sum to 1."""
    mean = (weights * values).sum()
    divisor = 1 - float((weights**2).sum())
    return float((weights * (values - mean) ** 2).sum()) / divisor if divisor > 1e-12 else np.nan


def _pair_distance(values: np.ndarray, matching: Matching, scale: float) -> float:
    """Mean absolute difference within pairs over the denominator of the standardised mean difference."""
    pairs = matching.pairs
    if not len(pairs.focal) or not scale > 0:
        return np.nan
    return float(np.abs(values[pairs.focal] - values[pairs.partner]).mean()) / scale


def without_mirrors(balance: pd.DataFrame) -> pd.DataFrame:
    """Rows without the second level of a factor of two, whose difference is that of the first, mirrored."""
    known = balance[["variable", "level"]].drop_duplicates()
    levels = known[known["level"].fillna("") != ""].groupby("variable", sort=False)["level"].agg(list)
    mirrors = {(name, two[1]) for name, two in levels.items() if len(two) == 2}
    keys = zip(balance["variable"], balance["level"], strict=True)
    return balance[[key not in mirrors for key in keys]]
