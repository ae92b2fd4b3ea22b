"""Estimates for matched samples: paired t-test, and weighted regressions with cluster-robust errors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cinecohort.errors import UserError
from cinecohort.ledger.tables import no_column
from cinecohort.statistics.propensity import expand, one_sided_levels
from cinecohort.statistics.robust_regression import RobustRegression, independent_columns
from cinecohort.statistics.two_samples import is_rounding

SAME_DIFFERENCE = "every matched set shows the same difference, so that no error can be estimated"
"""Why there is an estimate without an error, where errors are clustered by matched set."""
NO_RESIDUALS = "the values do not vary within the groups, so that no error can be estimated"
"""The same where errors are by unit."""
LEFT_UNLIKE = "the groups differ in covariates that move the estimate; see the adjusted one"
"""Why an unadjusted analysis has no interval and no p."""
SPARE_SETS = 3
"""Matched sets beyond the covariates' columns (subjects beyond the parameters, without sets) from which on a
covariate-adjusted p value keeps its level; measured in ``benchmarks/type_one_error.md``."""
SMALLEST_ADJUSTED = 6
"""Matched sets from which on the covariate-adjusted analysis has interval and p: with 5 and one covariate it
rejected up to 5.9 %."""
MOVED = 0.25
"""Share of its error by which covariates may move an estimate before its p value is withheld."""
CHANCE = 0.2
"""Level of the test of that movement; what chance alone moves is no reason to withhold."""
UNEQUAL, LARGE_GROUP = 4, 1000
"""Without sets there is no p where one group is more than so many times the other and the smaller is below
this size: with a log-normal outcome and 1:8 up to 9 % of true nulls were rejected."""
_ESTIMATES = ("estimate", "se", "df", "ci_low", "ci_high", "p")


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
        One row per pair. A column ``match`` numbers the partners of each focal unit and so shows which side
        is focal.
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
    average effect in that group, whose covariate means are taken as given. Columns that those before them
    determine are left out, main effects before products with the treatment, as R's ``lm`` does, and `note`
    says which: the estimate is that of R's ``avg_comparisons``. Errors are clustered by matched set: CR1 (the
    HC1 form; t with sets - 1 degrees of freedom), with covariates CR2 with Satterthwaite's degrees of
    freedom, of which there are at most sets - 1 - columns of covariates (with 1:2 and a wider spread in the
    smaller group there are no more). Without sets, or where they share units (matching with replacement),
    they are heteroscedasticity-robust (HC3; t with n - k degrees of freedom; of everybody with those that the
    smaller group's own regression has, :func:`_most_df`).

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
        ``estimate, se, df, ci_low, ci_high, p, method, note``; missing where there are too few units. Where
        the robust variance is zero (all sets show the same difference), there is an estimate alone, and
        `method` says why. Where fewer than :data:`SPARE_SETS` sets (or units) more than parameters are
        there, or groups without sets are too unequal (:data:`UNEQUAL`), interval and p are missing, and
        `note` says so.
    """
    result = no_estimate()
    if len(outcome) < 3 or len(np.unique(treatment)) < 2 or np.ptp(outcome) == 0:
        return result
    design = adjusted_design(table, treatment, weights, settings)
    kind = "HC3" if groups is None else "CR2" if settings.covariates else "CR1"
    fit = RobustRegression(design.matrix, weights, groups, kind)
    spare = _spare(fit, design)
    method = kind if groups is None else f"{kind} by matched set"
    result |= {"method": method, "note": design.note}
    if design.separates:
        return result
    if fit.n_clusters < 3 or len(outcome) <= design.matrix.shape[1]:
        lacking = f"{len(outcome)} values are too few for {design.matrix.shape[1]} parameters"
        return result | {"note": joined(design.note, lacking if settings.covariates else "")}
    found = fit.test(outcome, np.eye(design.matrix.shape[1])[1])
    result["estimate"] = found.estimate
    if is_rounding(found.error, outcome):
        reason = NO_RESIDUALS if groups is None else SAME_DIFFERENCE
        return result | {"method": f"{method}: {reason}"}
    if kind == "CR2":
        found = replace(found, df=min(found.df, max(spare, 1)))
    elif groups is None and settings.covariates and np.ptp(weights) == 0:
        found = replace(found, df=min(found.df, _most_df(treatment, design.n_covariates)))
    low, high = found.interval(settings.alpha)
    result |= {"se": found.error, "df": found.df, "ci_low": low, "ci_high": high, "p": found.p}
    units = f"{fit.n_clusters} {'subjects' if groups is None else 'matched sets'}"
    too_few = kind == "CR2" and fit.n_clusters < SMALLEST_ADJUSTED
    if spare < SPARE_SETS or too_few:
        return withheld(
            result,
            f"{units} are too few to adjust for {design.n_covariates} columns of covariates"
            if settings.covariates
            else f"{units} are too few for a test that keeps its level",
        )
    fewest, most = sorted((int((treatment == 1).sum()), int((treatment == 0).sum())))
    if groups is None and fewest < LARGE_GROUP and most > UNEQUAL * fewest:
        return withheld(
            result, f"groups of {fewest} and {most} are too unequal for an outcome that may be skewed"
        )
    return result


def _spare(fit: RobustRegression, design: "AdjustedDesign") -> int:
    """Matched sets beyond the covariates' columns, or units beyond the parameters."""
    used = design.matrix.shape[1] if fit.groups is None else 1 + design.n_covariates
    return fit.n_clusters - used


def _most_df(treatment: np.ndarray, n_covariates: int) -> int:
    """Degrees of freedom of the regression on the covariates in the smaller group, at least one.

    With products of group and covariates the fit is one regression per group. With n - k, a skewed outcome
    and 50 against 200 subjects 5.9 % of true nulls were rejected.
    """
    return max(int(np.bincount(treatment).min()) - 1 - n_covariates, 1)


def withheld(result: dict[str, Any], reason: str) -> dict[str, Any]:
    """An estimate without interval and p, and why."""
    missing = dict.fromkeys(("ci_low", "ci_high", "p"), np.nan)
    note = joined(str(result.get("note", "")), f"no interval and no p: {reason}")
    return {**result, **missing, "note": note}


def no_estimate() -> dict[str, float | str]:
    """Columns of :func:`robust_difference` where there is nothing to estimate."""
    return dict.fromkeys(_ESTIMATES, np.nan) | {"method": "", "note": ""}


@dataclass(frozen=True)
class AdjustedDesign:
    """Columns of a regression on treatment and covariates that can be estimated.

    Parameters
    ----------
    matrix
        Intercept, treatment, covariates, products; each column independent of those before it.
    n_covariates
        How many columns of covariates there are, products not counted.
    note
        What was left out, and why; empty where nothing was.
    separates
        Whether the covariates determine the group, so that there is nothing to estimate.
    """

    matrix: np.ndarray
    n_covariates: int
    note: str
    separates: bool


def adjusted_design(
    table: pd.DataFrame, treatment: np.ndarray, weights: np.ndarray, settings: Regression
) -> AdjustedDesign:
    """Intercept, treatment, covariates centred at the focal group's mean and scaled, and their products."""
    treated, focal = treatment.astype(float), treatment == settings.focal_value
    columns = [
        column
        for column in expand(table, settings.covariates, all_levels=False)
        if np.ptp(column.numbers) > 0
    ]
    main = [
        (column.numbers - np.average(column.numbers[focal], weights=weights[focal])) / column.numbers.std()
        for column in columns
    ]
    everything = np.column_stack([np.ones(len(treated)), treated, *main, *(part * treated for part in main)])
    kept = independent_columns(everything * np.sqrt(weights)[:, None])
    own, products = kept[2 : 2 + len(main)], kept[2 + len(main) :]
    alone = independent_columns(np.column_stack([np.ones(len(treated)), *main]) * np.sqrt(weights)[:, None])
    varying = {column.variable for column in columns}
    notes = [
        f"{name!r} does not vary and was left out" for name in settings.covariates if name not in varying
    ]
    separating = []
    for column, used, free in zip(columns, own, alone[1:], strict=True):
        if free and not used:
            separating.append(column.variable)
        elif not used:
            notes.append(f"{column.name} is determined by other covariates and was left out")
    if separating:
        shown = ", ".join(map(repr, dict.fromkeys(separating)))
        notes.append(f"no adjusted difference: who is in which group follows from {shown}")
    lacking = [c.variable for c, used, both in zip(columns, own, products, strict=True) if used and not both]
    for name in dict.fromkeys(lacking):
        levels = one_sided_levels(table, treatment, [name])
        why = " ".join(level.sentence() for level in levels) or f"{name!r} varies in one group only."
        notes.append(f"{why} No difference can be estimated there, and the mean takes that of the others")
    return AdjustedDesign(everything[:, kept], int(own.sum()), joined(*notes), bool(separating))


def joined(*notes: str) -> str:
    """Notes that say something, in one line."""
    return "; ".join(note for note in notes if note)


def matched_difference(
    table: pd.DataFrame, outcome: np.ndarray, treatment: np.ndarray, sets: MatchedSets, settings: Regression
) -> dict[str, float | str]:
    """:func:`robust_difference` of a matched sample, with its weights and its sets.

    `table`, `outcome` and `treatment` are of all units; those in a pair are used.
    """
    rows, weights, groups = sets.units()
    clusters = None if sets.with_replacement else groups
    return robust_difference(table.iloc[rows], outcome[rows], treatment[rows], weights, clusters, settings)


def left_unlike(
    plain: RobustRegression,
    adjusted: RobustRegression,
    outcomes: np.ndarray,
    contrast: np.ndarray,
    spare: int,
    chance: float = CHANCE,
) -> tuple[np.ndarray, np.ndarray]:
    """Whether covariates that matching left unlike move an estimate, and surely so, outcome by outcome.

    They move it where the plain and the adjusted estimate lie more than :data:`MOVED` errors of the plain one
    apart; surely, where a t-test of their difference says so at the level `chance`. Tests of confounding are
    made at 20 % rather than 5 % so that they miss less of it (Mickey and Greenland, Am J Epidemiol 1989);
    groups that matching made alike fail them seldom. Where both hold, analyses that take matched sets for
    alike reject too often (``benchmarks/type_one_error.md``).

    Parameters
    ----------
    plain, adjusted
        Regressions of the same units and sets; the first columns of `adjusted` are those of `plain`.
    outcomes
        n x m.
    contrast
        Coefficients of `plain` whose combination is the estimate.
    spare
        Degrees of freedom of the t-test.
    chance
        Level of the t-test.

    Returns
    -------
    tuple of ndarray
        Two times m booleans: moved, surely.
    """
    padded = np.pad(contrast, (0, adjusted.design.shape[1] - len(contrast)))
    estimate, error = plain.estimates(outcomes, contrast)
    moved = np.abs(estimate - adjusted.estimates(outcomes, padded)[0])
    own = np.linalg.norm(plain.parts(outcomes, contrast) - adjusted.parts(outcomes, padded), axis=0)
    return moved > MOVED * error, moved > float(stats.t.isf(chance / 2, spare)) * own


def unlike_note(
    table: pd.DataFrame,
    outcome: np.ndarray,
    treatment: np.ndarray,
    weights: np.ndarray,
    groups: np.ndarray | None,
    settings: Regression,
) -> str:
    """Why unadjusted analyses have no interval and no p, in words; empty where they have.

    Parameters are those of :func:`robust_difference`. Where the covariates cannot be adjusted for, nothing is
    known of what they move.
    """
    if not settings.covariates or len(outcome) < 3 or len(np.unique(treatment)) < 2:
        return ""
    design = adjusted_design(table, treatment, weights, settings)
    fit = RobustRegression(design.matrix, weights, groups, "HC3" if groups is None else "CR2")
    spare = _spare(fit, design)
    if design.separates or spare < SPARE_SETS or len(outcome) <= design.matrix.shape[1]:
        return ""
    plain = np.column_stack([np.ones(len(outcome)), treatment])
    by_group = RobustRegression(plain, weights, groups, "HC3" if groups is None else "CR1")
    moved, surely = left_unlike(by_group, fit, outcome[:, None], np.eye(2)[1], spare)
    return LEFT_UNLIKE if moved[0] and surely[0] else ""


def matched_unlike_note(
    table: pd.DataFrame, outcome: np.ndarray, treatment: np.ndarray, sets: MatchedSets, settings: Regression
) -> str:
    """:func:`unlike_note` of a matched sample; `table`, `outcome` and `treatment` are of all units."""
    rows, weights, groups = sets.units()
    clusters = None if sets.with_replacement else groups
    return unlike_note(table.iloc[rows], outcome[rows], treatment[rows], weights, clusters, settings)
