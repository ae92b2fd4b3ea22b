"""Estimates for matched samples: paired t-test, and weighted regressions with cluster-robust errors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from cinecohort.errors import UserError
from cinecohort.ledger.tables import no_column
from cinecohort.statistics.propensity import expand
from cinecohort.statistics.two_samples import is_rounding

SAME_DIFFERENCE = "every matched set shows the same difference, so that no error can be estimated"
"""Why there is an estimate without an error, where errors are clustered by matched set."""
NO_RESIDUALS = "the values do not vary within the groups, so that no error can be estimated"
"""The same where errors are by unit."""


@dataclass(frozen=True)
class MatchedSets:
    """Matched sets as rows of a table.

    Parameters
    ----------
    treated, control
        Row numbers of the two members of each pair.
    focal_is_treated
        Whether sets are made around treated units (each with one or more controls), or around controls.
    """

    treated: np.ndarray
    control: np.ndarray
    focal_is_treated: bool

    @property
    def focal(self) -> np.ndarray:
        """Row of the unit around which the set is made, pair by pair."""
        return self.treated if self.focal_is_treated else self.control

    @property
    def partner(self) -> np.ndarray:
        """Row of the other member, pair by pair."""
        return self.control if self.focal_is_treated else self.treated

    @property
    def with_replacement(self) -> bool:
        """Whether a partner belongs to more than one set."""
        return len(np.unique(self.partner)) < len(self.partner)

    @property
    def equally_weighted(self) -> bool:
        """Whether all units count alike: no partner is shared, and all sets are of the same size."""
        return bool(np.allclose(self.units()[1], 1))

    def keep(self, available: np.ndarray) -> "MatchedSets":
        """Only the pairs whose members are both available."""
        kept = available[self.treated] & available[self.control]
        return MatchedSets(self.treated[kept], self.control[kept], self.focal_is_treated)

    def units(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of the units in any pair, their weights, and their set (the row of its focal unit)."""
        focal = np.unique(self.focal)
        partner, place = np.unique(self.partner, return_inverse=True)
        partners_each = np.bincount(self.focal)
        weights = np.bincount(place, 1 / partners_each[self.focal])
        if len(partner):
            weights *= len(partner) / weights.sum()
        sets = np.empty(len(partner), int)
        sets[place] = self.focal
        rows = np.concatenate([focal, partner])
        return rows, np.concatenate([np.ones(len(focal)), weights]), np.concatenate([focal, sets])


def read_pairs(pairs: pd.DataFrame, ids: pd.Series, estimand: str = "att") -> MatchedSets:
    """Find the rows of pairs (columns ``treated, control``) among ids.

    Parameters
    ----------
    pairs
        One row a pair. A column ``match`` numbers the partners of each focal unit and so tells which side is
        focal.
    ids
        Ids of the table's rows.
    estimand
        ``att`` or ``atc``: which side is focal where the numbers do not tell, as in 1:1 matching.

    Raises
    ------
    UserError
        Columns or ids are missing.
    """
    absent = {"treated", "control"} - set(pairs)
    if absent:
        raise no_column(pairs, *sorted(absent))
    places = {str(name): place for place, name in enumerate(ids)}
    rows = {}
    for side in ("treated", "control"):
        names = [str(name) for name in pairs[side]]
        unknown = [name for name in names if name not in places]
        if unknown:
            raise UserError(
                f"{len(unknown)} ids of the column {side!r} of the pairs are not in the table, "
                f"the first is {unknown[0]}."
            )
        rows[side] = np.array([places[name] for name in names], int)
    around_treated = estimand == "att"
    if "match" in pairs:
        numbers = pairs["match"].to_numpy()
        possible = [_numbered_from_one(rows[side], numbers) for side in ("treated", "control")]
        around_treated = possible[0] if possible[0] != possible[1] else around_treated
    return MatchedSets(rows["treated"], rows["control"], around_treated)


def _numbered_from_one(members: np.ndarray, numbers: np.ndarray) -> bool:
    """Whether every member's matches are numbered 1, 2, ..., as they are around focal units."""
    order = np.lexsort((numbers, members))
    starts = np.flatnonzero(np.diff(members[order], prepend=-1))
    counts = np.diff(np.append(starts, len(members)))
    return bool((numbers[order] == np.arange(len(members)) - np.repeat(starts, counts) + 1).all())


def paired_t(outcome: np.ndarray, sets: MatchedSets) -> dict[str, float]:
    """Paired t-test: each focal unit against the mean of its partners.

    Returns
    -------
    dict
        ``n_pairs, paired_difference, paired_t, paired_df, paired_p``; the last three missing where all
        differences are the same but for rounding.
    """
    focal, place = np.unique(sets.focal, return_inverse=True)
    result: dict[str, float] = {"n_pairs": len(focal)}
    names = ("paired_difference", "paired_t", "paired_df", "paired_p")
    if len(focal) < 2:
        return result | dict.fromkeys(names, np.nan)
    partners = np.bincount(place, outcome[sets.partner]) / np.bincount(place)
    differences = outcome[focal] - partners if sets.focal_is_treated else partners - outcome[focal]
    error = float(differences.std(ddof=1)) / np.sqrt(len(focal))
    if is_rounding(error, outcome[focal], outcome[sets.partner]):
        return result | dict.fromkeys(names, np.nan) | {"paired_difference": float(differences.mean())}
    t, df = float(differences.mean()) / error, len(focal) - 1
    p = float(2 * stats.t.sf(abs(t), df))
    return result | dict(zip(names, (float(differences.mean()), float(t), float(df), p), strict=True))


@dataclass(frozen=True)
class Regression:
    """Settings of a regression of an outcome on the treatment.

    Parameters
    ----------
    covariates
        Columns to adjust for; none for the plain difference in means.
    focal_value
        Group (1 or 0) in which the average effect is estimated; matters with covariates only.
    alpha
        Intervals cover 1 - alpha.
    """

    covariates: Sequence[str] = ()
    focal_value: int = 1
    alpha: float = 0.05


def robust_difference(
    table: pd.DataFrame,
    outcome: np.ndarray,
    treatment: np.ndarray,
    weights: np.ndarray,
    groups: np.ndarray | None,
    settings: Regression,
) -> dict[str, float | str]:
    """Difference in means by weighted regression, with robust standard errors.

    Without covariates, outcome ~ treatment. With covariates, outcome ~ treatment x (covariates centred at the
    mean of the focal group): the coefficient of the treatment is then the g-computation estimate of the
    average effect in that group, whose covariate means are taken as given. Errors are clustered by matched
    set (CR1, the HC1 form; t with sets - 1 degrees of freedom); without sets, or where they share units
    (matching with replacement), they are heteroscedasticity-robust (HC3; t with n - k degrees of freedom).

    Parameters
    ----------
    table, outcome, treatment, weights
        Of the units analysed, row by row.
    groups
        Matched set of every unit, or None.
    settings
        See :class:`Regression`.

    Returns
    -------
    dict
        ``estimate, se, ci_low, ci_high, p, method``; missing where there are too few units. Where the robust
        variance is zero (all sets show the same difference), there is an estimate alone, and `method` says
        why.
    """
    names = ("estimate", "se", "ci_low", "ci_high", "p")
    if len(outcome) < 3:
        return dict.fromkeys(names, np.nan) | {"method": ""}
    matrix = _design(table, treatment, weights, settings)
    n_groups = len(outcome) if groups is None else len(np.unique(groups))
    too_few = n_groups < 3 or len(outcome) <= matrix.shape[1] or len(np.unique(treatment)) < 2
    if too_few or np.ptp(outcome) == 0:
        return dict.fromkeys(names, np.nan) | {"method": ""}
    fit = weighted_regression(outcome, matrix, weights, groups)
    estimate, error = float(fit.coefficients[1]), float(np.sqrt(fit.covariance[1, 1]))
    if is_rounding(error, outcome):
        reason = NO_RESIDUALS if groups is None else SAME_DIFFERENCE
        missing = dict.fromkeys(names, np.nan) | {"estimate": estimate}
        return missing | {"method": f"{fit.method}: {reason}"}
    half = float(stats.t.isf(settings.alpha / 2, fit.df)) * error
    p = float(2 * stats.t.sf(abs(estimate / error), fit.df))
    values = (estimate, error, estimate - half, estimate + half, p)
    return dict(zip(names, values, strict=True)) | {"method": fit.method}


def _design(
    table: pd.DataFrame, treatment: np.ndarray, weights: np.ndarray, settings: Regression
) -> np.ndarray:
    """Intercept, treatment, centred covariates and their products with the treatment."""
    treated = treatment.astype(float)
    focal = treatment == settings.focal_value
    design = [np.ones(len(treated)), treated]
    for column in expand(table, settings.covariates, all_levels=False):
        if np.ptp(column.numbers) == 0:
            continue
        centre = np.average(column.numbers[focal], weights=weights[focal]) if focal.any() else 0.0
        design += [column.numbers - centre, (column.numbers - centre) * treated]
    return np.column_stack(design)


def matched_difference(
    table: pd.DataFrame, outcome: np.ndarray, treatment: np.ndarray, sets: MatchedSets, settings: Regression
) -> dict[str, float | str]:
    """:func:`robust_difference` of a matched sample, with its weights and its sets.

    `table`, `outcome` and `treatment` are of all units; those in a pair are used.
    """
    rows, weights, groups = sets.units()
    clusters = None if sets.with_replacement else groups
    return robust_difference(table.iloc[rows], outcome[rows], treatment[rows], weights, clusters, settings)


@dataclass(frozen=True)
class RobustFit:
    """Coefficients of a weighted regression with their robust covariance, degrees of freedom and its name."""

    coefficients: np.ndarray
    covariance: np.ndarray
    df: float
    method: str


def weighted_regression(
    outcome: np.ndarray, design: np.ndarray, weights: np.ndarray, groups: np.ndarray | None
) -> RobustFit:
    """Weighted least squares with robust errors.

    Parameters
    ----------
    outcome, design, weights
        Of n units; `design` is n x k.
    groups
        Cluster of every unit: covariance CR1, that is the sandwich of sums by cluster times G / (G - 1) (n -
        1) / (n - k), with G - 1 degrees of freedom. None: HC3, residuals divided by 1 - leverage, with n - k.

    Returns
    -------
    RobustFit
        The fit; where columns are linearly dependent, the one of least norm. The covariance is made as a sum
        of squares, so that rounding leaves no variance below zero.
    """
    n, rank = design.shape[0], int(np.linalg.matrix_rank(design))
    bread = np.linalg.pinv((design * weights[:, None]).T @ design, hermitian=True)
    coefficients = bread @ (design.T @ (weights * outcome))
    residuals = outcome - design @ coefficients
    if groups is None:
        leverage = weights * np.einsum("ij,jk,ik->i", design, bread, design)
        scores = design * (weights * residuals / (1 - np.minimum(leverage, 1 - 1e-12)))[:, None]
        influence = scores @ bread
        return RobustFit(coefficients, influence.T @ influence, float(n - rank), "HC3")
    codes = np.unique(groups, return_inverse=True)[1]
    n_groups = int(codes.max()) + 1
    scores = design * (weights * residuals)[:, None]
    sums = np.column_stack([np.bincount(codes, column) for column in scores.T])
    factor = n_groups / (n_groups - 1) * (n - 1) / (n - rank)
    influence = sums @ bread
    covariance = influence.T @ influence * factor
    return RobustFit(coefficients, covariance, float(n_groups - 1), "CR1 by matched set")
