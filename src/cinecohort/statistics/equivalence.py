"""Is the difference between computer and human inside the difference between humans? Tests of equivalence."""

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

COLUMNS = (
    "quantity",
    "source",
    "test",
    "n_computer",
    "n_human",
    "estimate",
    "ci_low",
    "ci_high",
    "human_human_mean",
    "human_human_upper",
    "margin",
    "margin_source",
    "t",
    "df",
    "p",
    "equivalent",
    "n_both",
    "excess",
    "excess_ci_low",
    "excess_ci_high",
    "note",
)


def upper_bound_of_mean(values: NDArray[np.float64], alpha: float = 0.05) -> float:
    """One-sided upper confidence bound of a mean, ``mean + t(1 - alpha, n - 1) · sd / sqrt(n)``."""
    if values.size < 2:
        return np.nan
    half = stats.t.ppf(1 - alpha, values.size - 1) * values.std(ddof=1) / math.sqrt(values.size)
    return float(values.mean() + half)


def two_one_sided_tests(
    difference: NDArray[np.float64], margin: float, alpha: float = 0.05
) -> dict[str, float | bool | None]:
    """Equivalence of a mean difference with zero within ± margin (Schuirmann 1987).

    Returns
    -------
    dict
        ``estimate``, its interval ``ci_low, ci_high`` of confidence 1 - 2·alpha, ``t`` and ``p`` of the
        larger of the two one-sided tests, ``df``, ``equivalent`` (p < alpha; None where undefined).

    Examples
    --------
    >>> test = two_one_sided_tests(np.array([2.0, -1.0, 3.0, 0.0, 1.0]), margin=5.0)
    >>> print(f"{test['estimate']:.1f} ({test['ci_low']:.2f} to {test['ci_high']:.2f}), p {test['p']:.4f}")
    1.0 (-0.51 to 2.51), p 0.0024
    >>> test["equivalent"]
    True
    """
    mean, error, df = _mean_and_error(difference)
    half = stats.t.ppf(1 - alpha, df) * error if df > 0 else np.nan
    row: dict[str, float | bool | None] = {"estimate": mean, "ci_low": mean - half, "ci_high": mean + half}
    if not error > 0 or not np.isfinite(margin):
        return row | {"t": np.nan, "df": df, "p": np.nan, "equivalent": None}
    _, *both = DescrStatsW(difference).ttost_mean(-margin, margin)
    p, t = max((float(p), float(t)) for t, p, _ in both)
    return row | {"t": t, "df": df, "p": p, "equivalent": p < alpha}


def below_margin(
    size: NDArray[np.float64], margin: float, alpha: float = 0.05
) -> dict[str, float | bool | None]:
    """One-sided test that a mean size of difference is below a margin; columns as the two-sided ones."""
    mean, error, df = _mean_and_error(size)
    half = stats.t.ppf(1 - alpha, df) * error if df > 0 else np.nan
    row: dict[str, float | bool | None] = {"estimate": mean, "ci_low": mean - half, "ci_high": mean + half}
    if not error > 0 or not np.isfinite(margin):
        return row | {"t": np.nan, "df": df, "p": np.nan, "equivalent": None}
    t, p, _ = map(float, DescrStatsW(size).ttest_mean(margin, alternative="smaller"))
    return row | {"t": t, "df": df, "p": p, "equivalent": p < alpha}


def _mean_and_error(values: NDArray[np.float64]) -> tuple[float, float, int]:
    n = values.size
    mean = float(values.mean()) if n else np.nan
    return mean, float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else np.nan, n - 1


def computer_as_another_observer(
    computer: pd.Series,
    observers: pd.DataFrame,
    quantity: str,
    source: str,
    margin: float | None = None,
    alpha: float = 0.05,
) -> list[dict[str, object]]:
    """Test a measure of the computer against observers, in the size and in the sign of the difference.

    A subject's human-human difference is the mean of ``|Oi - Oj|`` over its pairs of observers, its
    computer-human difference the mean of ``|computer - Oi|`` over its observers. Two tests are made:

    * ``absolute difference``: the mean computer-human difference is below the margin (one-sided t);
    * ``bias``: the mean of computer minus the subject's mean of observers lies within ± the margin (two
      one-sided tests).

    The margin is given, or the upper confidence bound of the mean human-human difference, which the tests
    then take as fixed. ``excess`` is the mean over subjects with both of computer-human minus human-human
    difference, with its two-sided interval of confidence 1 - 2·alpha; it needs no margin.

    Parameters
    ----------
    computer
        Values by subject.
    observers
        Values by subject and observer; missing where an observer did not measure.

    Returns
    -------
    list of dict
        Two rows of :data:`COLUMNS`.
    """
    shared = computer.reindex(observers.index)
    human = _mean_over_pairs([observers[a] - observers[b] for a, b in combinations(observers, 2)])
    computer_human = _mean_over_pairs([shared - observers[name] for name in observers])
    signed = (shared - observers.mean(axis=1)).dropna()
    rows = against_humans(computer_human, human, quantity, source, "absolute difference", margin, alpha)
    bias = two_one_sided_tests(signed.to_numpy(), float(rows["margin"]), alpha)  # type: ignore[arg-type]
    return [rows, rows | {"test": "bias", "n_computer": len(signed)} | bias]


def _mean_over_pairs(differences: Sequence[pd.Series]) -> pd.Series:
    if not differences:
        return pd.Series(dtype=float)
    return pd.concat([difference.abs() for difference in differences], axis=1).mean(axis=1)


def against_humans(
    computer_human: pd.Series,
    human_human: pd.Series,
    quantity: str,
    source: str,
    test: str,
    margin: float | None = None,
    alpha: float = 0.05,
) -> dict[str, object]:
    """Test that a mean computer-human difference is below the margin that human-human differences set.

    Parameters
    ----------
    computer_human, human_human
        Size of the difference by subject (absolute difference, contour distance, or 1 - Dice).

    Returns
    -------
    dict
        A row of :data:`COLUMNS`.
    """
    computer, human = computer_human.dropna(), human_human.dropna()
    upper = upper_bound_of_mean(human.to_numpy(), alpha)
    limit = upper if margin is None else margin
    both = (computer - human).dropna().to_numpy()
    mean, error, df = _mean_and_error(both)
    half = stats.t.ppf(1 - alpha, df) * error if df > 0 else np.nan
    notes = []
    if not np.isfinite(limit):
        notes.append("no margin: fewer than 2 subjects with two observers, and none was set")
    if len(computer) < 2:
        notes.append(f"{len(computer)} subjects with computer and observer: a test needs 2")
    elif computer.std(ddof=1) == 0:
        notes.append("all differences are equal: no test")
    return {
        "quantity": quantity,
        "source": source,
        "test": test,
        "n_computer": len(computer),
        "n_human": len(human),
        "human_human_mean": float(human.mean()) if len(human) else np.nan,
        "human_human_upper": upper,
        "margin": limit,
        "margin_source": "human-human upper bound" if margin is None else "set",
        **below_margin(computer.to_numpy(), limit, alpha),
        "n_both": len(both),
        "excess": mean,
        "excess_ci_low": mean - half,
        "excess_ci_high": mean + half,
        "note": "; ".join(notes),
    }


def overlap_equivalence(
    overlap: pd.DataFrame, models: Sequence[str], observers: Sequence[str], alpha: float = 0.05
) -> list[dict[str, object]]:
    """Test 1 - Dice, mean contour distance and Hausdorff distance in the same way, by view and structure.

    Parameters
    ----------
    overlap
        The cohort's overlap table.
    models, observers
        Which sources are automatic and which observers are compared with each other.
    """
    whole = overlap[overlap["position"] == "all"].copy()
    whole["1 - dice"] = 1 - pd.to_numeric(whole["dice"], errors="coerce")
    human = whole[whole["source"].isin(observers) & whole["reference"].isin(observers)]
    rows = []
    for model in models:
        computer = whole[(whole["source"] == model) & whole["reference"].isin(observers)]
        for (view, structure), part in computer.groupby(["view", "structure"], sort=False):
            other = human[(human["view"] == view) & (human["structure"] == structure)]
            for metric in ("1 - dice", "mcd_mm", "hd_mm"):
                sizes = [
                    pd.to_numeric(table[metric], errors="coerce").groupby(table["subject"]).mean()
                    for table in (part, other)
                ]
                quantity = f"{view} {structure} {metric}"
                rows.append(against_humans(sizes[0], sizes[1], quantity, model, "overlap", None, alpha))
    return rows
