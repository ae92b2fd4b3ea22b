"""Comparison of outcomes between two groups, matched or not."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from cinecohort.errors import UserError
from cinecohort.ledger.tables import no_column
from cinecohort.statistics.matched_samples import (
    LEFT_UNLIKE,
    MatchedSets,
    Regression,
    matched_difference,
    matched_unlike_note,
    no_estimate,
    paired_t,
    read_pairs,
    robust_difference,
    withheld,
)
from cinecohort.statistics.matching import check_identifiers, read_treatment
from cinecohort.statistics.propensity import check_factor, is_factor, text_in
from cinecohort.statistics.two_samples import (
    benjamini_hochberg,
    e_value,
    effect_sizes,
    holm,
    printed_p,
    rank_tests,
    student,
    weighted_effect_sizes,
    weighted_mean_sd,
    welch,
)

LITERAL_COLUMNS = [
    *("outcome", "n1", "n0", "mean1", "sd1", "mean0", "sd0", "difference", "ci_low", "ci_high"),
    *(
        "welch_t",
        "welch_df",
        "welch_p",
        "paired_t",
        "paired_p",
        "cluster_estimate",
        "cluster_se",
        "cluster_p",
    ),
    *("cohen_d", "hedges_g", "p_holm", "p_bh"),
]
"""Columns that other software reads, in their order; further ones follow."""
_IDS = re.compile(r"[ep]?id|(subject|patient|participant)(_?id)?", re.IGNORECASE)
"""Names of columns of ids, where none is named."""
NO_TEST = "no interval and no p: too few values, or values that do not vary"
UNEQUAL, LARGE_SAMPLE, SMALLEST_SAMPLE = 2, 500, 4
"""Welch's test rejects too often where one group is more than so many times the other, the smaller is below
the second size, and the outcome is skewed (with 10 and 100 of a log-normal one 13 %); and with fewer than the
last of either (``benchmarks/two_sample_level.md``)."""
UNADJUSTED_P = ("welch_p", "student_p", "rank_p", "paired_p")
SMALLEST_FOR_STUDENT = 7
"""Subjects of each matched group from which on Student's test keeps its level with unequal spreads: with 4 to
6 it rejects up to 6.0 %, with an upper limit of 6.1 % (``benchmarks/two_sample_level.md``)."""
INTERVALS_OF_EFFECT = (
    *("cohen_d_ci_low", "cohen_d_ci_high", "hedges_g_ci_low", "hedges_g_ci_high"),
    *("e_value", "e_value_ci"),
)
"""Columns that go with the interval of the difference."""


def compare(
    table: pd.DataFrame,
    group: str,
    outcomes: Sequence[str],
    *,
    pairs: pd.DataFrame | None = None,
    covariates: Sequence[str] = (),
    identifier: str = "subject",
    estimand: str = "att",
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Compare outcomes between group 1 and group 0.

    Parameters
    ----------
    table
        One row per subject.
    group
        Column of 0 and 1; differences are group 1 - group 0.
    outcomes
        Numeric columns. Subjects without a value are left out of that outcome alone, so that every row states
        its n.
    pairs
        Matched pairs (``treated, control``). All analyses are then of the matched subjects: Welch, Student
        and rank tests of every one of them with a value, once; the paired and the cluster-robust ones of
        the pairs in which both have one.
    covariates
        For the covariate-adjusted difference (g-computation) of the matched sample, or of everybody without
        pairs; columns ``adjusted_*``.
    identifier
        Column of ids that `pairs` names.
    estimand
        ``att`` or ``atc``: in which group the adjusted effect is averaged, where pairs do not tell.
    alpha
        Intervals cover 1 - alpha.

    Returns
    -------
    pandas.DataFrame
        One row per outcome: :data:`LITERAL_COLUMNS`, then more. ``p`` is of the analysis named in
        ``p_method``, to which difference, interval and the adjusted p values (Holm; Benjamini and Hochberg)
        belong: Welch's test, or the weighted regression where the matching weights subjects unequally. Where
        it has none, ``p_note`` says why; where the groups' sizes make Welch's p too small, it says so too.

    Notes
    -----
    After matching with replacement, or k:1 with sets of different sizes, the matched groups are alike only
    under the weights of the matching (Stuart, Stat Sci 2010, section 6.1). Means, SDs, difference, interval,
    p and effect sizes are then weighted, of the pairs in which both have a value: difference, interval and p
    are the ``cluster_*`` columns, effect sizes use effective numbers of subjects. Tests that count every
    subject once (Welch, Student, ranks) have no p then; the last two have none either where the matched
    groups differ in size by more than a tenth, since they then need equal spreads, nor has Student's in
    groups of fewer than :data:`SMALLEST_FOR_STUDENT`, and the paired test has none after matching with
    replacement, where pairs that share a partner are not independent. Whether weights differ is judged once,
    by the pairs as given.
    The Mann-Whitney test has a p without pairs alone; in matched groups ``rank_p`` stands for it
    (:func:`~cinecohort.statistics.two_samples.rank_tests`).

    Which p value keeps its level depends on how outcomes relate to the covariates;
    ``benchmarks/type_one_error.md`` holds the measured sizes. Where covariates drive the outcome and the
    matched groups are alike, Welch's test, which takes them for independent samples, rejects too rarely.
    Where covariates that matching left unlike move the estimate, every unadjusted analysis rejects too
    often: difference and statistics stay, interval and p are missing, and ``p_note`` and ``cluster_note``
    say so. Such a test still counts among those for which p values are adjusted. The covariate-adjusted
    analysis keeps its level, as long as outcomes are not strongly curved in the covariates.

    Raises
    ------
    UserError
        Columns are absent or hold text, the group is not 0 and 1, or pairs name ids that are not in the
        table.
    """
    table = table.reset_index(drop=True)
    treatment = read_treatment(table, group)
    for outcome in outcomes:
        check_outcome(table, outcome)
    if both := set(outcomes) & set(covariates):
        raise UserError(f"{', '.join(sorted(both))}: an outcome cannot be adjusted for itself.")
    sets = None
    if pairs is None:
        _check_repeated(table, identifier)
    if pairs is not None:
        check_identifiers(table, identifier)
        sets = read_pairs(pairs, table[identifier], estimand)
        _check_sides(sets, treatment)
    focal_value = 0 if estimand == "atc" or (sets is not None and not sets.focal_is_treated) else 1
    settings = Regression(tuple(covariates), focal_value, alpha)
    _check_adjustable(table, covariates, sets)
    rows = [{"outcome": outcome, **_one(table, treatment, outcome, sets, settings)} for outcome in outcomes]
    p_values = np.array([row["p"] for row in rows], float)
    # A test whose p was withheld was made all the same, and counts among the tests as one that found nothing.
    made = np.array([LEFT_UNLIKE in str(row["p_note"]) for row in rows])
    counted = np.where(made, 1.0, p_values)
    adjusted = zip(rows, holm(counted), benjamini_hochberg(counted), p_values, strict=True)
    for row, by_holm, by_bh, p in adjusted:
        row |= {"p_holm": float(by_holm), "p_bh": float(by_bh), "p_printed": printed_p(p)}
        if np.isnan(p):
            row |= {"p_holm": np.nan, "p_bh": np.nan}
    further = [name for name in rows[0] if name not in LITERAL_COLUMNS] if rows else []
    return pd.DataFrame(rows, columns=[*LITERAL_COLUMNS, *further])


def _one(
    table: pd.DataFrame,
    treatment: np.ndarray,
    outcome: str,
    sets: MatchedSets | None,
    settings: Regression,
) -> dict[str, float | str]:
    """All analyses of one outcome."""
    values = table[outcome].to_numpy(float)
    present = np.isfinite(values)
    if sets is None:
        sample1, sample0 = values[present & (treatment == 1)], values[present & (treatment == 0)]
    else:
        sample1, sample0 = (_members(values, rows) for rows in (sets.treated, sets.control))
    result: dict[str, float | str] = {"n1": len(sample1), "n0": len(sample0)}
    for number, sample in (("1", sample1), ("0", sample0)):
        result[f"mean{number}"] = float(sample.mean()) if len(sample) else np.nan
        result[f"sd{number}"] = float(sample.std(ddof=1)) if len(sample) > 1 else np.nan
    result |= welch(sample1, sample0, settings.alpha) | student(sample1, sample0)
    result |= rank_tests(sample1, sample0)
    if sets is not None:
        result["mann_whitney_p"] = np.nan
    if sets is not None and not alike_in_size(len(sample1), len(sample0)):
        result |= {"student_p": np.nan, "rank_p": np.nan}
    if sets is not None and min(len(sample1), len(sample0)) < SMALLEST_FOR_STUDENT:
        result["student_p"] = np.nan
    effects = effect_sizes(sample1, sample0, settings.alpha)
    result |= effects | e_value(effects["cohen_d"], effects["cohen_d_se"])
    kept = (sets or _no_sets()).keep(present)
    result |= paired_t(values, kept)
    if kept.with_replacement:
        result["paired_p"] = np.nan
    plain = Regression(alpha=settings.alpha)
    result |= _named("cluster", matched_difference(table, values, treatment, kept, plain))
    known = np.isfinite(float(result["welch_p"]))
    note = _unequal_sizes(len(sample1), len(sample0)) if known else NO_TEST
    result |= {"p": result["welch_p"], "p_method": "Welch", "p_note": note}
    if sets is not None and not sets.equally_weighted:
        result |= _weighted_headline(result, values, treatment, kept, settings.alpha)
        result |= dict.fromkeys(("welch_p", "student_p", "rank_p"), np.nan)
    result |= _named("adjusted", _adjusted(table, values, treatment, kept if sets else None, settings))
    note = matched_unlike_note(table, values, treatment, kept, settings) if sets is not None else ""
    return _without_evidence(result, note) if note else result


def _unequal_sizes(n1: int, n0: int) -> str:
    """What to know of Welch's p in groups of such sizes; empty where it keeps its level."""
    fewest, most = sorted((n1, n0))
    if fewest < SMALLEST_SAMPLE:
        return f"Welch's p is too small with fewer than {SMALLEST_SAMPLE} subjects in a group"
    if fewest < LARGE_SAMPLE and most > UNEQUAL * fewest:
        return (
            f"where one group is over {UNEQUAL} times the other, Welch's p is too small for skewed outcomes"
        )
    return ""


def _without_evidence(result: dict[str, float | str], reason: str) -> dict[str, float | str]:
    """Take intervals and p values of all unadjusted analyses out: the groups compared are not alike."""
    cluster = {name: result[f"cluster_{name}"] for name in ("ci_low", "ci_high", "p", "note")}
    result |= _named("cluster", withheld(cluster, reason))
    headline = withheld({}, reason)
    headline["p_note"] = headline.pop("note")
    result |= headline
    return result | dict.fromkeys((*UNADJUSTED_P, *INTERVALS_OF_EFFECT), np.nan)


def alike_in_size(n1: int, n0: int) -> bool:
    """Whether groups are alike in size: else Student's and the rank test need equal spreads.

    With 1:2 and twice the spread in the smaller group Student's test rejects 11 % at the 5 % level, the rank
    test up to 5.7 % (``benchmarks/type_one_error.md``).
    """
    return max(n1, n0) <= 1.1 * min(n1, n0)


def _weighted_headline(
    result: dict[str, float | str],
    values: np.ndarray,
    treatment: np.ndarray,
    kept: MatchedSets,
    alpha: float,
) -> dict[str, float | str]:
    """Numbers, moments, difference, test and effect sizes under the weights of the matching."""
    rows, weights, _ = kept.units()
    sample1, sample0 = (values[rows[treatment[rows] == value]] for value in (1, 0))
    weights1, weights0 = (weights[treatment[rows] == value] for value in (1, 0))
    headline: dict[str, float | str] = {"n1": len(sample1), "n0": len(sample0)}
    headline["mean1"], headline["sd1"] = weighted_mean_sd(sample1, weights1)
    headline["mean0"], headline["sd0"] = weighted_mean_sd(sample0, weights0)
    effects = weighted_effect_sizes(sample1, sample0, weights1, weights0, alpha)
    headline |= effects | e_value(effects["cohen_d"], effects["cohen_d_se"])
    headline["difference"] = result["cluster_estimate"]
    headline |= {name: result[f"cluster_{name}"] for name in ("ci_low", "ci_high", "p")}
    headline |= {"p_method": f"weighted regression, {result['cluster_method']}", "p_note": ""}
    if np.isfinite(float(headline["p"])):
        return headline
    lacking = {"p_note": result["cluster_note"] or NO_TEST}
    return headline | lacking | dict.fromkeys(INTERVALS_OF_EFFECT, np.nan)


def _adjusted(
    table: pd.DataFrame,
    values: np.ndarray,
    treatment: np.ndarray,
    sets: MatchedSets | None,
    settings: Regression,
) -> dict[str, float | str]:
    """Covariate-adjusted difference, of the matched sample or of everybody; missing without covariates."""
    if not settings.covariates:
        return no_estimate()
    if sets is not None:
        return matched_difference(table, values, treatment, sets, settings)
    rows = np.flatnonzero(np.isfinite(values))
    weights = np.ones(len(rows))
    return robust_difference(table.iloc[rows], values[rows], treatment[rows], weights, None, settings)


def _named(prefix: str, result: dict[str, float | str]) -> dict[str, float | str]:
    return {f"{prefix}_{name}": value for name, value in result.items()}


def _members(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Present values of the units in any pair, each once."""
    members = values[np.unique(rows)]
    return members[np.isfinite(members)]


def _no_sets() -> MatchedSets:
    empty = np.empty(0, int)
    return MatchedSets(empty, empty, focal_is_treated=True)


def check_outcome(table: pd.DataFrame, outcome: str) -> None:
    """Refuse an outcome that is not there, or holds text or infinite values."""
    if outcome not in table:
        raise no_column(table, outcome)
    if is_factor(table[outcome]) and table[outcome].notna().any():
        raise UserError(f"Outcome {outcome!r} must hold numbers, but {text_in(table[outcome])}.")
    if np.isinf(pd.to_numeric(table[outcome], errors="coerce")).any():
        raise UserError(f"Outcome {outcome!r} holds infinite values: correct or empty these cells.")


def _check_repeated(table: pd.DataFrame, identifier: str) -> None:
    """Refuse several rows of one subject, which would count as several subjects."""
    for name in [identifier] if identifier in table else filter(_IDS.fullmatch, map(str, table.columns)):
        if table[name].dropna().duplicated().any():
            check_identifiers(table.dropna(subset=[name]), name)


def _check_sides(sets: MatchedSets, treatment: np.ndarray) -> None:
    wrong = (treatment[sets.treated] != 1).sum() + (treatment[sets.control] != 0).sum()
    if wrong:
        raise UserError(
            f"{int(wrong)} members of the pairs are not in the group of their column: treated = 1, control "
            "= 0."
        )


def _check_adjustable(table: pd.DataFrame, covariates: Sequence[str], sets: MatchedSets | None) -> None:
    """Refuse covariates that are absent, or missing for a subject that is analysed."""
    analysed = table if sets is None else table.iloc[sets.units()[0]]
    for name in covariates:
        if name not in table:
            raise no_column(table, name)
        check_factor(analysed[name], name)
        if not is_factor(analysed[name]) and np.isinf(analysed[name].to_numpy(float)).any():
            raise UserError(f"Covariate {name!r} holds infinite values: correct or leave them out.")
        if analysed[name].isna().any():
            raise UserError(
                f"Covariate {name!r} is missing for {int(analysed[name].isna().sum())} of {len(analysed)} "
                "subjects: leave these subjects out, or fill it in."
            )
