"""Differences within subgroups of a matched sample, and whether they differ from each other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from cinecohort.statistics.matched_samples import SPARE_SETS, MatchedSets, left_unlike
from cinecohort.statistics.propensity import expand
from cinecohort.statistics.robust_regression import (
    RobustRegression,
    centred_and_scaled,
    independent_columns,
)
from cinecohort.statistics.two_samples import is_rounding

SMALLEST_CELL = 10
"""People of each group at a level from which on its interval and p, and the interaction p, are given; see
``benchmarks/type_one_error.md``."""
CHANCE_IN_LEVEL = 0.05
"""Level of the test of whether covariates move a subgroup's difference. Matching makes the groups as wholes
alike, so that chance moves subgroups more."""
UNLIKE_WITHIN = "no interval and no p: covariates that differ within the subgroup move the difference"
"""Why a subgroup has an estimate alone."""


def band_labels(values: pd.Series, cuts: Sequence[float]) -> pd.Series:
    """Cut a numeric column into bands named ``< 60``, ``60 to < 70``, ``>= 70``; lower bounds are inside."""
    edges = [-np.inf, *sorted(cuts), np.inf]
    names = [f"< {edges[1]:g}"]
    names += [f"{low:g} to < {high:g}" for low, high in pairwise(edges[1:-1])]
    names.append(f">= {edges[-2]:g}")
    return pd.cut(values, edges, right=False, labels=names)


@dataclass(frozen=True)
class LevelFits:
    """Regressions on the levels of a factor and the group, over the matched units.

    Parameters
    ----------
    plain
        A mean and a difference for each of L levels, 2 L columns, differences last. Errors are clustered by
        matched set (CR2), or by unit (HC3) after matching with replacement.
    adjusted
        The same beside the covariates, with one slope for all; None where there are none, or too few sets.
    """

    plain: RobustRegression
    adjusted: RobustRegression | None

    @property
    def spare(self) -> int:
        """Matched sets beyond the columns of the adjusted regression, or of the plain one without it."""
        return self.plain.n_clusters - (self.adjusted or self.plain).design.shape[1]

    def unlike(self, outcomes: np.ndarray, contrast: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """Whether the covariates move a combination of the L differences, outcome by outcome.

        `whole` says of m outcomes whether they surely move the difference of all: then a subgroup needs no
        sure movement of its own.
        """
        if self.adjusted is None:
            return whole
        padded = np.append(np.zeros(len(contrast)), contrast)
        moved, surely = left_unlike(self.plain, self.adjusted, outcomes, padded, self.spare, CHANCE_IN_LEVEL)
        return moved & (surely | whole)

    def df(self, outcomes: np.ndarray, contrast: np.ndarray) -> np.ndarray:
        """Degrees of freedom of a combination of the L differences, outcome by outcome.

        Those of the regression take the spread for the same in all cells; where it is wider in one group they
        are too many (with ten in each cell, partners at other levels and twice the spread in one group 5.5 %
        of true nulls were rejected). There are at most as many as with the spreads of the cells.
        """
        whole = np.append(np.zeros(len(contrast)), contrast)
        inside, both = np.hsplit(self.plain.design, 2)
        by_cells = self.plain.df_by_cells(np.hstack([inside - both, both]), outcomes, whole)
        return np.minimum(by_cells, self.plain.df(whole[None, :]))


def level_fits(
    inside: np.ndarray,
    treated: np.ndarray,
    covariates: np.ndarray,
    weights: np.ndarray,
    clusters: np.ndarray | None,
) -> LevelFits:
    """Fit a mean and a difference for each level: `inside` is n x L of 0 and 1, `covariates` n x c."""
    plain = np.hstack([inside, inside * treated[:, None]])
    design = np.column_stack([plain, *(centred_and_scaled(column, weights) for column in covariates.T)])
    kept = independent_columns(design * np.sqrt(weights)[:, None])
    kind = "HC3" if clusters is None else "CR2"
    fit, k = RobustRegression(plain, weights, clusters, kind), int(kept.sum())
    if k == plain.shape[1] or fit.n_clusters - k < SPARE_SETS:
        return LevelFits(fit, None)
    return LevelFits(fit, RobustRegression(design[:, kept], weights, clusters, kind))


def subgroup_differences(
    table: pd.DataFrame,
    treatment: np.ndarray,
    outcome: str,
    factor: pd.Series,
    sets: MatchedSets,
    covariates: Sequence[str] = (),
    unlike: bool = False,
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
    covariates
        Columns that the groups were made alike in, without missing values among the matched.
    unlike
        Whether covariates that matching left unlike move the difference of all.
    alpha
        Intervals cover 1 - alpha.

    Returns
    -------
    list of dict
        One row for each level: ``level, n1, n0, estimate, ci_low, ci_high, p, interaction_p, note``.
        Estimates and tests are those of :class:`LevelFits`; the interaction is the Wald test of equal
        differences. Levels with fewer than :data:`SMALLEST_CELL` people of either group have an estimate
        alone; with one of fewer than :data:`SMALLEST_CELL` there is no interaction p.
        A level whose sets all show the same difference has an estimate, but no error, interval or p; the
        interaction is then missing too. A level within which the covariates move the difference
        (:meth:`LevelFits.unlike`) has an estimate alone, and `note` says so; there is no interaction p where
        they move a difference between levels.
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
        result.append({"level": level, "n1": n1, "n0": n0, **missing, "note": ""})
    usable = [row for row in result if min(row["n1"], row["n0"]) >= 2]
    in_level = np.column_stack([own == row["level"] for row in usable] or [np.zeros(len(own))]).astype(float)
    inside = in_level.any(axis=1)
    if inside.sum() > 2 * len(usable) and np.ptp(values[rows][inside]) > 0:
        clusters = None if kept.with_replacement else groups[inside]
        columns = [column.numbers for column in expand(table.iloc[rows[inside]], covariates, False)]
        others = np.column_stack(columns) if columns else np.empty((int(inside.sum()), 0))
        fits = level_fits(in_level[inside], treated[inside], others, weights[inside], clusters)
        _fill(usable, fits, values[rows][inside], np.array([unlike]), alpha)
    return result


def _fill(
    levels: list[dict[str, Any]], fits: LevelFits, outcome: np.ndarray, unlike: np.ndarray, alpha: float
) -> None:
    """Put estimates and tests into the rows of the levels."""
    outcomes, fit = outcome[:, None], fits.plain
    large = min(min(row["n1"], row["n0"]) for row in levels) >= SMALLEST_CELL
    testable = large and len(levels) > 1
    differences = np.eye(len(levels))
    for row, contrast in zip(levels, differences, strict=True):
        found = fit.test(outcome, np.append(np.zeros(len(levels)), contrast))
        row["estimate"] = found.estimate
        same = is_rounding(found.error, outcome)
        testable &= not same
        if same or min(row["n1"], row["n0"]) < SMALLEST_CELL:
            continue
        if fits.unlike(outcomes, contrast, unlike)[0]:
            row["note"] = UNLIKE_WITHIN
            continue
        found = replace(found, df=float(fits.df(outcomes, contrast)[0]))
        row["ci_low"], row["ci_high"] = found.interval(alpha)
        row["p"] = found.p
    between = differences[1:] - differences[0]
    if not testable or any(fits.unlike(outcomes, contrast, unlike)[0] for contrast in between):
        return
    most = min(float(fits.df(outcomes, contrast)[0]) for contrast in between)
    p = fit.wald_p(outcome, np.hstack([np.zeros_like(between), between]), most)
    for row in levels:
        row["interaction_p"] = p
