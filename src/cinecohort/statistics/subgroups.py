"""Differences within subgroups of a matched sample, and whether they differ from each other."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from cinecohort.statistics.matched_samples import MatchedSets
from cinecohort.statistics.robust_regression import RobustRegression
from cinecohort.statistics.two_samples import is_rounding

SMALLEST_CELL = 10
"""People of each group at a level from which on its interval and p, and the interaction p, are given; see
``benchmarks/type_one_error.md``."""


def band_labels(values: pd.Series, cuts: Sequence[float]) -> pd.Series:
    """Cut a numeric column into bands named ``< 60``, ``60 to < 70``, ``>= 70``; lower bounds are inside."""
    edges = [-np.inf, *sorted(cuts), np.inf]
    names = [f"< {edges[1]:g}"]
    names += [f"{low:g} to < {high:g}" for low, high in pairwise(edges[1:-1])]
    names.append(f">= {edges[-2]:g}")
    return pd.cut(values, edges, right=False, labels=names)


def subgroup_differences(
    table: pd.DataFrame,
    treatment: np.ndarray,
    outcome: str,
    factor: pd.Series,
    sets: MatchedSets,
    alpha: float = 0.05,
) -> list[dict[str, Any]]:
    """Difference between the groups at each level of a factor, among the matched.

    Parameters
    ----------
    table, treatment
        Of all units.
    outcome
        Column to compare.
    factor
        Level of every unit; ordered where categorical, else sorted.
    sets
        Matched sets.
    alpha
        Intervals cover 1 - alpha.

    Returns
    -------
    list of dict
        One a level: ``level, n1, n0, estimate, ci_low, ci_high, p, interaction_p``. Estimates come from one
        weighted regression (a mean and a difference for each level) with errors clustered by matched set (CR2
        with Satterthwaite's degrees of freedom), or robust (HC3) after matching with replacement; the
        interaction is the Wald test of equal differences. Levels with fewer than :data:`SMALLEST_CELL` people
        of either group have an estimate alone; with one of fewer than :data:`SMALLEST_CELL` there
        is no interaction p.
        A level whose sets all show the same difference has an estimate, but no error, interval or p; the
        interaction is then missing too.
    """
    values = table[outcome].to_numpy(float)
    text = factor.astype("string").fillna("")
    kept = sets.keep(np.isfinite(values) & (text != "").to_numpy(bool))
    rows, weights, groups = kept.units()
    levels = (
        [str(level) for level in factor.cat.categories]
        if isinstance(factor.dtype, pd.CategoricalDtype)
        else sorted(set(text.iloc[rows]))
    )
    own = text.iloc[rows].to_numpy()
    treated = treatment[rows]
    result: list[dict[str, Any]] = []
    for level in levels:
        n1, n0 = (int(((own == level) & (treated == value)).sum()) for value in (1, 0))
        missing = dict.fromkeys(("estimate", "ci_low", "ci_high", "p", "interaction_p"), np.nan)
        result.append({"level": level, "n1": n1, "n0": n0, **missing})
    usable = [row for row in result if min(row["n1"], row["n0"]) >= 2]
    if usable:
        inside = np.isin(own, [row["level"] for row in usable])
        clusters = None if kept.with_replacement else groups[inside]
        parts = (values[rows][inside], treated[inside], own[inside], weights[inside])
        _fill(usable, *parts, clusters, alpha)
    return result


def _fill(
    levels: list[dict[str, Any]],
    outcome: np.ndarray,
    treated: np.ndarray,
    own: np.ndarray,
    weights: np.ndarray,
    clusters: np.ndarray | None,
    alpha: float,
) -> None:
    """Fit the regression and put its estimates into the rows of the levels."""
    inside = np.column_stack([own == row["level"] for row in levels]).astype(float)
    design = np.hstack([inside, inside * treated[:, None]])
    n_levels, k = len(levels), design.shape[1]
    if len(outcome) <= k or np.ptp(outcome) == 0:
        return
    fit = RobustRegression(design, weights, clusters, "HC3" if clusters is None else "CR2")
    differences = np.eye(k)[n_levels:]
    same = []
    for row, contrast in zip(levels, differences, strict=True):
        found = fit.test(outcome, contrast)
        row["estimate"] = found.estimate
        same.append(is_rounding(found.error, outcome))
        if not same[-1] and min(row["n1"], row["n0"]) >= SMALLEST_CELL:
            row["ci_low"], row["ci_high"] = found.interval(alpha)
            row["p"] = found.p
    smallest = min(min(row["n1"], row["n0"]) for row in levels)
    if n_levels > 1 and not any(same) and smallest >= SMALLEST_CELL:
        p = fit.wald_p(outcome, differences[1:] - differences[0])
        for row in levels:
            row["interaction_p"] = p
