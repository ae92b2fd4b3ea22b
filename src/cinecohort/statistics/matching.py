"""Propensity score matching: from a table of subjects to pairs, weights and who was left over.

Nearest-neighbour matching behaves as R's MatchIt 4.7.2 does (Ho, Imai, King and Stuart, J Stat Softw 2011),
re-implemented: distance, caliper scale, order, ties, rounds of ratio matching and weights. Optimal matching
differs in how pairs are found alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cinecohort.errors import UserError
from cinecohort.ledger.tables import no_column
from cinecohort.statistics.nearest import NearestPairs, SearchRules, nearest_pairs
from cinecohort.statistics.optimal import optimal_pairs
from cinecohort.statistics.propensity import check_covariates, fit_propensity, is_factor, text_in
from cinecohort.statistics.study_options import MatchingOptions

EMULATED = "MatchIt 4.7.2"
"""The implementation whose behaviour is reproduced."""


@dataclass(frozen=True)
class Matching:
    """A matched sample.

    Parameters
    ----------
    ids, treatment, covariates, table
        What was matched, in the table's row order.
    propensity
        Probability of being treated, or the score that the table brought along.
    distance
        The score on which units were matched.
    pairs
        Row numbers of focal units and partners.
    weights
        1 for matched focal units; for partners the number of times used, each divided by the number of
        partners of that focal unit, scaled to mean 1 over the matched partners; 0 for the unmatched.
    discarded
        Whom the rule on overlap left out beforehand.
    options
        The settings.
    caliper
        The caliper in the units of `distance`, or None.
    coefficients
        Of the model of the score; empty where the table brought the score along.
    warnings
        Sentences on what a reader should know.
    """

    ids: np.ndarray
    treatment: np.ndarray
    covariates: tuple[str, ...]
    table: pd.DataFrame
    propensity: np.ndarray
    distance: np.ndarray
    pairs: NearestPairs
    weights: np.ndarray
    discarded: np.ndarray
    options: MatchingOptions
    caliper: float | None
    coefficients: dict[str, float]
    warnings: list[str] = field(default_factory=list)

    @property
    def focal(self) -> np.ndarray:
        """Which units looked for partners, as booleans."""
        return self.treatment == (1 if self.options.estimand == "att" else 0)

    @property
    def matched(self) -> np.ndarray:
        """Which units are part of the matched sample, as booleans."""
        return self.weights > 0

    def pairs_table(self) -> pd.DataFrame:
        """``treated, control, match, distance``: one row per pair, ids as in the table."""
        treated, control = self.pairs.focal, self.pairs.partner
        if self.options.estimand == "atc":
            treated, control = control, treated
        return pd.DataFrame(
            {
                "treated": self.ids[treated],
                "control": self.ids[control],
                "match": self.pairs.match,
                "distance": self.pairs.distance,
            }
        )

    def scores_table(self) -> pd.DataFrame:
        """``id, propensity, weight, matched`` and, beside them, group, distance and whether discarded."""
        return pd.DataFrame(
            {
                "id": self.ids,
                "propensity": self.propensity,
                "weight": self.weights,
                "matched": self.matched,
                "treatment": self.treatment,
                "distance": self.distance,
                "discarded": self.discarded,
            }
        )

    def matched_table(self) -> pd.DataFrame:
        """The matched sample, as R's ``match.data`` gives it.

        All columns of the table, then ``pair`` (id of the focal unit, or several of them where a partner was
        used more than once), ``weight``, ``propensity`` and ``distance``; ``matching_`` stands before the
        name of one that the table has already.
        """
        pairs: dict[int, list[str]] = {}
        for focal, partner in zip(self.pairs.focal, self.pairs.partner, strict=True):
            name = str(self.ids[focal])
            pairs.setdefault(int(focal), [name])
            pairs.setdefault(int(partner), []).append(name)
        added: dict[str, list[str] | np.ndarray] = {
            "pair": [";".join(pairs.get(row, ())) for row in range(len(self.ids))],
            "weight": self.weights,
            "propensity": self.propensity,
            "distance": self.distance,
        }
        named = {f"matching_{name}" if name in self.table else name: column for name, column in added.items()}
        return pd.concat([self.table, pd.DataFrame(named, self.table.index)], axis=1)[self.matched]

    def size(self, row: str, group: str) -> float:
        """One number of :meth:`sample_sizes`."""
        return float(self.sample_sizes()[group].loc[row])

    def sample_sizes(self) -> pd.DataFrame:
        """Rows ``all, matched, effective, unmatched, discarded``; columns ``treated, control``.

        The effective sample size is (sum of weights)² / sum of squared weights.
        """
        sizes = {}
        for name, value in (("treated", 1), ("control", 0)):
            group = self.treatment == value
            weights = self.weights[group]
            squares = float((weights**2).sum())
            sizes[name] = {
                "all": int(group.sum()),
                "matched": int((weights > 0).sum()),
                "effective": float(weights.sum()) ** 2 / squares if squares else 0.0,
                "unmatched": int(((self.weights == 0) & ~self.discarded & group).sum()),
                "discarded": int((self.discarded & group).sum()),
            }
        return pd.DataFrame(sizes)


def match(
    table: pd.DataFrame,
    treatment: str,
    covariates: Sequence[str],
    options: MatchingOptions | None = None,
    *,
    identifier: str = "subject",
    score: str | None = None,
) -> Matching:
    """Match two groups on the propensity score.

    Parameters
    ----------
    table
        One row per subject.
    treatment
        Column of 0 and 1 (or false and true); 1 is the treated group.
    covariates
        Columns of the model of the score and of the balance table; text columns are factors.
    options
        Settings; the defaults are MatchIt's: 1:1, without replacement, largest score first, no caliper.
    identifier
        Column of unique ids.
    score
        Column with a propensity score that is there already; no model is fitted then.

    Returns
    -------
    Matching
        Pairs, weights, and who was left over.

    Raises
    ------
    UserError
        The input cannot be matched: duplicate ids, a treatment that is not 0 and 1, an empty group, missing
        or constant covariates, groups that the covariates separate perfectly.
    """
    options = options or MatchingOptions()
    table = table.reset_index(drop=True)
    check_identifiers(table, identifier)
    treated = read_treatment(table, treatment)
    notes: list[str] = []
    if score is None:
        propensity = fit_propensity(table, treated, covariates)
        probability, coefficients = propensity.probability, propensity.coefficients
        distance = probability if options.distance == "probability" else propensity.linear_predictor
        notes.extend(propensity.warnings)
    else:
        probability = distance = read_numbers(table, score)
        coefficients = {}
        check_covariates(table, covariates)
    usable = _usable(distance, treated, options.discard)
    focal = treated == (1 if options.estimand == "att" else 0)
    caliper, widths = _calipers(table, distance, usable, options)
    rules = SearchRules(
        order=options.focal_order,
        ratio=options.ratio,
        replace=options.replace,
        caliper=float("inf") if caliper is None else caliper,
        covariates=np.column_stack([read_numbers(table, name) for name in widths])
        if widths
        else np.empty((0, 0)),
        widths=tuple(widths.values()),
        seed=options.seed,
    )
    search = optimal_pairs if options.method == "optimal" else nearest_pairs
    pairs = search(distance, focal, usable, _strata(table, options.exact), rules)
    notes.extend(_warnings(focal, usable, options))
    return Matching(
        ids=table[identifier].to_numpy(),
        treatment=treated,
        covariates=tuple(covariates),
        table=table,
        propensity=probability,
        distance=distance,
        pairs=pairs,
        weights=matching_weights(pairs, focal),
        discarded=~usable,
        options=options,
        caliper=caliper,
        coefficients=coefficients,
        warnings=notes,
    )


def matching_weights(pairs: NearestPairs, focal: np.ndarray) -> np.ndarray:
    """Weights of all units from their pairs; see :class:`Matching`."""
    weights = np.zeros(len(focal))
    if not len(pairs.focal):
        return weights
    partners_each = np.bincount(pairs.focal, minlength=len(focal))
    np.add.at(weights, pairs.partner, 1 / partners_each[pairs.focal])
    used = weights > 0
    weights[used] *= used.sum() / weights[used].sum()
    weights[np.unique(pairs.focal)] = 1.0
    return weights


def check_identifiers(table: pd.DataFrame, identifier: str) -> None:
    """Refuse a table without its id column, or with missing or repeated ids."""
    if identifier not in table:
        raise no_column(table, identifier)
    ids = table[identifier]
    if ids.isna().any():
        raise UserError(
            f"Column {identifier!r} is empty in {int(ids.isna().sum())} rows: every row needs an id."
        )
    repeated = ids[ids.duplicated()].unique()
    if len(repeated):
        raise UserError(
            f"Column {identifier!r} holds {len(repeated)} ids more than once (the first is {repeated[0]}): "
            "keep one row per subject."
        )


def read_treatment(table: pd.DataFrame, treatment: str) -> np.ndarray:
    """Read a column of 0 and 1 (or false and true) as integers.

    Raises
    ------
    UserError
        The column is not there, holds anything else, or one of the groups is empty.
    """
    if treatment not in table:
        raise no_column(table, treatment)
    values = table[treatment]
    if values.isna().any():
        raise UserError(
            f"Column {treatment!r} is empty for {int(values.isna().sum())} subjects: each needs 0 or 1."
        )
    numbers = pd.to_numeric(values, errors="coerce")
    if not numbers.isin([0, 1]).all():
        shown = ", ".join(map(repr, values.unique()[:3].tolist()))
        raise UserError(
            f"Column {treatment!r} must hold 0 and 1 (1 = treated), but holds {shown}. "
            "On the command line --groups names the two labels to match."
        )
    treated = numbers.to_numpy(int)
    for value in (1, 0):
        if not (treated == value).any():
            raise UserError(f"No subject has {treatment!r} = {value}: one of the two groups is empty.")
    return treated


def read_numbers(table: pd.DataFrame, name: str) -> np.ndarray:
    """Read a column of finite numbers, nothing missing."""
    if name not in table:
        raise no_column(table, name)
    if is_factor(table[name]):
        raise UserError(f"Column {name!r} must hold numbers for this, but {text_in(table[name])}.")
    values = table[name].to_numpy(float)
    if not np.isfinite(values).all():
        raise UserError(
            f"Column {name!r} is missing or infinite for {int((~np.isfinite(values)).sum())} subjects."
        )
    return values


def _usable(distance: np.ndarray, treated: np.ndarray, discard: str) -> np.ndarray:
    """Apply the rule on overlap: which units lie within the range that it asks for."""
    usable = np.ones(len(distance), bool)
    if discard == "none":
        return usable
    low1, high1 = distance[treated == 1].min(), distance[treated == 1].max()
    low0, high0 = distance[treated == 0].min(), distance[treated == 0].max()
    if discard == "both":
        return (distance >= max(low1, low0)) & (distance <= min(high1, high0))
    if discard == "control":
        return (treated == 1) | ((distance >= low1) & (distance <= high1))
    return (treated == 0) | ((distance >= low0) & (distance <= high0))


def _calipers(
    table: pd.DataFrame, distance: np.ndarray, usable: np.ndarray, options: MatchingOptions
) -> tuple[float | None, dict[str, float]]:
    """Calipers in the units of the score and of the covariates.

    Standard deviations have denominator n - 1 and are taken over both groups together: of the score over the
    units that are not discarded, of a covariate over all.
    """
    scaled = options.caliper_scale == "sd"
    caliper = options.caliper
    if caliper is not None and scaled:
        caliper = caliper * float(np.std(distance[usable], ddof=1)) if usable.sum() > 1 else 0.0
    widths = {}
    for name, width in options.covariate_calipers.items():
        values = read_numbers(table, name)
        if len(np.unique(values)) <= 2:
            raise UserError(
                f"Column {name!r} has two values only: match it exactly rather than with a caliper."
            )
        widths[name] = width * float(np.std(values, ddof=1)) if scaled else width
    return caliper, widths


def _strata(table: pd.DataFrame, exact: Sequence[str]) -> np.ndarray:
    """Integer code of the combination of values of the columns to be matched exactly."""
    if not exact:
        return np.zeros(len(table), int)
    absent = [name for name in exact if name not in table]
    if absent:
        raise no_column(table, *absent)
    missing = [name for name in exact if table[name].isna().any()]
    if missing:
        raise UserError(f"Columns to match exactly on are missing for some subjects: {', '.join(missing)}.")
    return table.groupby(list(exact), sort=True).ngroup().to_numpy(int)


def _warnings(focal: np.ndarray, usable: np.ndarray, options: MatchingOptions) -> list[str]:
    """Say what the numbers of subjects alone make impossible."""
    n_focal, n_others = int((focal & usable).sum()), int((~focal & usable).sum())
    if not options.replace and n_focal > n_others:
        return [f"Only {n_others} subjects can be partners for {n_focal}: the rest stays unmatched."]
    if not options.replace and options.ratio > 1 and n_focal * options.ratio > n_others:
        return [
            f"{n_others} possible partners are too few for {options.ratio} each of {n_focal}: some sets are "
            "partial."
        ]
    return []
