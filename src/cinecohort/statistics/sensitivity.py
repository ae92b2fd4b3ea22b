"""Sensitivity of a study's estimates to its choices: matching settings, method, flagged subjects."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from cinecohort.errors import UserError
from cinecohort.statistics.balance import weighted_mean_differences
from cinecohort.statistics.matched_samples import (
    MatchedSets,
    Regression,
    matched_difference,
    matched_unlike_note,
    robust_difference,
    unlike_note,
    withheld,
)
from cinecohort.statistics.matching import Matching, match
from cinecohort.statistics.propensity import is_factor
from cinecohort.statistics.study_cohort import TREATMENT, StudyCohort, outcome_values
from cinecohort.statistics.study_options import MatchingOptions, StudyOptions
from cinecohort.statistics.weighting import TOO_NARROW, augmented_difference, weighted_difference

COLUMNS = [
    *("analysis", "setting", "outcome", "n1", "n0", "estimate", "ci_low", "ci_high", "p"),
    *("max_abs_smd", "method", "note"),
]


def matched_sets(matching: Matching) -> MatchedSets:
    """Return the pairs of a matching as sets of its table's rows."""
    focal, partner = matching.pairs.focal, matching.pairs.partner
    if matching.options.estimand == "att":
        return MatchedSets(focal, partner, focal_is_treated=True)
    return MatchedSets(partner, focal, focal_is_treated=False)


def unlike_in_study(matching: Matching, outcome: str, options: StudyOptions) -> str:
    """Why unadjusted analyses of an outcome of a matched study have no p; empty where they have."""
    values = outcome_values(matching.table, outcome)
    kept = matched_sets(matching).keep(np.isfinite(values))
    settings = _adjustment(options)
    return matched_unlike_note(matching.table, values, matching.treatment, kept, settings)


def _adjustment(options: StudyOptions) -> Regression:
    """Regression on all covariates, for the average in the group of the estimand."""
    return Regression(options.covariates, 1 if options.matching.estimand == "att" else 0, options.alpha)


def variants(options: StudyOptions, table: pd.DataFrame) -> Iterator[tuple[str, str, MatchingOptions]]:
    """Name, setting and options of every other matching, each one choice away from the primary one."""
    primary = options.seeded_matching
    for caliper in options.sensitivity.calipers:
        if (caliper, "sd") != (primary.caliper, primary.caliper_scale):
            changed = {"caliper": caliper, "caliper_scale": "sd"}
            yield "caliper", f"{caliper:g} SD of the score", primary.model_copy(update=changed)
    if primary.caliper is not None:
        yield "caliper", "none", primary.model_copy(update={"caliper": None})
    logit = {"distance": "linear", "caliper": 0.2, "caliper_scale": "sd"}
    yield "caliper", "0.2 SD of the logit of the score", primary.model_copy(update=logit)
    for ratio in options.sensitivity.ratios:
        if ratio != primary.ratio:
            yield "ratio", f"1:{ratio}", primary.model_copy(update={"ratio": ratio})
    for order in options.sensitivity.orders:
        if primary.method == "nearest" and not primary.replace and order != primary.focal_order:
            yield "order", order, primary.model_copy(update={"order": order})
    other = "without" if primary.replace else "with"
    changed = {"replace": not primary.replace, "method": "nearest"}
    yield "replacement", other, primary.model_copy(update=changed)
    if primary.method == "optimal":
        yield "method", "nearest neighbour", primary.model_copy(update={"method": "nearest"})
    factors = tuple(name for name in options.covariates if is_factor(table[name]))
    if factors and set(factors) - set(primary.exact):
        exact = tuple(dict.fromkeys((*primary.exact, *factors)))
        yield "exact", ", ".join(exact), primary.model_copy(update={"exact": exact})


def sensitivity_table(
    cohort: StudyCohort, matching: Matching, options: StudyOptions, other: StudyCohort | None = None
) -> pd.DataFrame:
    """Repeat the comparison with other choices.

    Parameters
    ----------
    cohort
        The study's subjects.
    matching
        Its primary matching.
    options
        The study.
    other
        The same study with flagged subjects left out (or, where it leaves them out, with them); None: not
        asked for.

    Returns
    -------
    pandas.DataFrame
        One row an analysis and outcome: ``analysis, setting, outcome, n1, n0, estimate, ci_low, ci_high, p,
        max_abs_smd, method, note``. Matched analyses give the difference with errors clustered by matched
        set. An unadjusted analysis of groups that differ in covariates which move the estimate has neither
        interval nor p. Analyses by weighting have no p. An analysis that could not be made has a note and no
        estimate.
    """
    rows = [_matched_rows("primary", "as planned", matching, options)]
    for analysis, setting, changed in variants(options, cohort.complete):
        rows.append(_try_matching(analysis, setting, cohort, changed, options))
    if other is not None:
        setting = "left out" if options.exclusions.flagged == "keep" else "kept"
        rows.append(_try_matching("flagged subjects", setting, other, matching.options, options))
    rows.append(_unmatched_rows(cohort.complete, options))
    return pd.DataFrame([row for part in rows for row in part], columns=COLUMNS)


def _try_matching(
    analysis: str, setting: str, cohort: StudyCohort, changed: MatchingOptions, options: StudyOptions
) -> list[dict[str, Any]]:
    """Rows of one other matching; where it cannot be made, one row with the reason."""
    try:
        matching = match(cohort.complete, TREATMENT, options.covariates, changed, identifier="subject")
    except UserError as error:
        return [{"analysis": analysis, "setting": setting, "outcome": "", "note": str(error)}]
    return _matched_rows(analysis, setting, matching, options)


def _matched_rows(
    analysis: str, setting: str, matching: Matching, options: StudyOptions
) -> list[dict[str, Any]]:
    """One row per outcome from a matched sample."""
    sets = matched_sets(matching)
    imbalance = _imbalance(matching.table, options, matching.treatment, matching.weights)
    rows = []
    for outcome in options.outcomes:
        values = outcome_values(matching.table, outcome)
        kept = sets.keep(np.isfinite(values))
        result = matched_difference(
            matching.table, values, matching.treatment, kept, Regression(alpha=options.alpha)
        )
        if note := unlike_in_study(matching, outcome, options):
            result = withheld(result, note)
        n1, n0 = len(np.unique(kept.treated)), len(np.unique(kept.control))
        row = {"analysis": analysis, "setting": setting, "outcome": outcome, "n1": n1, "n0": n0}
        rows.append({**row, **result, "max_abs_smd": imbalance})
    return rows


def _unmatched_rows(table: pd.DataFrame, options: StudyOptions) -> list[dict[str, Any]]:
    """Analyses of everybody: plain, regression, weighting."""
    rows = []
    for outcome in options.outcomes:
        present = table[np.isfinite(outcome_values(table, outcome))].reset_index(drop=True)
        treatment, values = present[TREATMENT].to_numpy(int), outcome_values(present, outcome)
        sizes = {"n1": int((treatment == 1).sum()), "n0": int((treatment == 0).sum())}
        for setting, result in _everybody(present, treatment, values, options):
            row: dict[str, Any] = {"analysis": "no matching", "setting": setting, "outcome": outcome, **sizes}
            weights = result.pop("weights", None)
            if isinstance(weights, np.ndarray):
                row["max_abs_smd"] = _imbalance(present, options, treatment, weights)
            rows.append({**row, "note": "", **result})
    return rows


def _everybody(
    table: pd.DataFrame, treatment: np.ndarray, values: np.ndarray, options: StudyOptions
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Estimates from all subjects of both groups, by name."""
    units = (table, values, treatment, np.ones(len(values)), None)
    crude: dict[str, Any] = robust_difference(*units, Regression(alpha=options.alpha))
    adjusted = _adjustment(options)
    if note := unlike_note(*units, adjusted):
        crude = withheld(crude, note)
    yield "unadjusted", {**crude, "weights": np.ones(len(values))}
    yield "regression", robust_difference(*units, adjusted)
    arguments = (table, treatment, values, options.covariates)
    kind = options.matching.estimand
    for setting, estimate in (
        (
            f"inverse probability weights ({kind.upper()})",
            lambda: weighted_difference(*arguments, kind, options.alpha),
        ),
        ("overlap weights", lambda: weighted_difference(*arguments, "overlap", options.alpha)),
        (
            f"augmented weighting ({kind.upper()})",
            lambda: augmented_difference(*arguments, kind, options.alpha),
        ),
    ):
        try:
            yield setting, {**_noted(estimate()), "method": "influence function, HC3"}
        except UserError as error:
            yield setting, {"note": str(error)}


def _noted(result: dict[str, Any]) -> dict[str, Any]:
    """An estimate by weighting with the reason why it has no p, or not even an interval."""
    if not np.isfinite(result["ci_low"]):
        return withheld(result, "too few subjects carry most of the weight")
    return {**result, "note": f"analyses by weighting have no p: {TOO_NARROW}"}


def _imbalance(
    table: pd.DataFrame, options: StudyOptions, treatment: np.ndarray, weights: np.ndarray
) -> float:
    """Largest absolute standardised mean difference among the covariates."""
    focal_value = 1 if options.matching.estimand == "att" else 0
    differences = weighted_mean_differences(table, options.covariates, treatment, weights, focal_value)
    return float(differences.abs().max())
