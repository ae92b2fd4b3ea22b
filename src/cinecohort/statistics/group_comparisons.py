"""Comparison of groups by their labels: two, or every pair of several with tests of all together."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from cinecohort.errors import UserError
from cinecohort.ledger.tables import no_column
from cinecohort.ledger.users_tables import check_levels
from cinecohort.statistics.effects import check_outcome, compare
from cinecohort.statistics.two_samples import benjamini_hochberg, holm, is_rounding

OVERALL_COLUMNS = (
    *("outcome", "n_groups", "n", "groups", "welch_anova_f", "welch_anova_df1", "welch_anova_df2"),
    *("welch_anova_p", "kruskal_h", "kruskal_p", "note"),
)
TREATMENT = "group (1 or 0)"
"""Column that stands for two labels while they are compared."""


def label_texts(values: pd.Series, name: str) -> pd.Series:
    """Labels of groups as text, whole numbers without a decimal point.

    Raises
    ------
    UserError
        A label is missing.
    """
    if values.isna().any():
        raise UserError(
            f"Column {name!r} is empty for {int(values.isna().sum())} subjects: each needs a group."
        )
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return values.map(lambda value: str(int(value) if value % 1 == 0 else value))
    return values.astype(str).str.strip()


def ordered_labels(table: pd.DataFrame, name: str, wanted: Sequence[str] = ()) -> tuple[pd.Series, list[str]]:
    """Label of every row, and the labels in the order in which they are compared.

    Parameters
    ----------
    table, name
        Column `name` of it holds the labels.
    wanted
        Labels to compare, in this order; none: all, the last of the alphabet (or the largest number) first,
        so that of 0 and 1 the difference is 1 - 0.

    Raises
    ------
    UserError
        The column is absent or empty somewhere, there are fewer than two labels or so many that they are no
        groups, two differ in capitals alone, or a wanted one is unknown.
    """
    if name not in table:
        raise no_column(table, name)
    texts = label_texts(table[name], name)
    numbers = pd.to_numeric(pd.Series(texts.unique()), errors="coerce")
    known = sorted(texts.unique(), key=float if numbers.notna().all() else str, reverse=True)
    unknown = [label for label in wanted if label not in known]
    if unknown:
        raise UserError(f"No subject has {name!r} = {', '.join(unknown)}: it holds {', '.join(known[::-1])}.")
    labels = list(wanted) or known
    check_levels(texts[texts.isin(labels)], name)
    if len(labels) < 2:
        raise UserError(f"Column {name!r} holds {', '.join(labels)} alone: a comparison needs two groups.")
    return texts, labels


def two_groups(table: pd.DataFrame, name: str, labels: Sequence[str]) -> pd.DataFrame:
    """Rows of two labels, with the column :data:`TREATMENT`: 1 for the first, 0 for the second."""
    texts, (first, second) = ordered_labels(table, name, labels)
    kept = table[texts.isin([first, second])]
    return kept.assign(**{TREATMENT: (texts[kept.index] == first).astype(int)})


def compare_groups(
    table: pd.DataFrame,
    group: str,
    outcomes: Sequence[str],
    *,
    labels: Sequence[str] = (),
    pairs: pd.DataFrame | None = None,
    covariates: Sequence[str] = (),
    identifier: str = "subject",
    alpha: float = 0.05,
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Compare outcomes between groups with any labels.

    Parameters
    ----------
    table, outcomes, pairs, covariates, identifier, alpha
        See :func:`cinecohort.statistics.effects.compare`.
    group
        Column of labels.
    labels
        See :func:`ordered_labels`; differences are an earlier label minus a later one. With pairs, the group
        of the treated comes first where none are given and the labels are not 1 and 0.

    Returns
    -------
    tuple
        The columns of ``compare``, then ``group1, group0``: one row per outcome, or an outcome and pair of
        groups, over all of which p values are adjusted; and, of more than two groups,
        :func:`overall_tests`, else None.
    """
    for name in (*outcomes, *covariates):
        if name not in table:
            raise no_column(table, name)
    texts, names = ordered_labels(table, group, labels)
    if pairs is not None and len(names) > 2:
        raise UserError(f"Pairs are of two groups, but {group!r} has {len(names)}: name two of them.")
    coded = set(names) in ({"0", "1"}, {"False", "True"})
    if pairs is not None and not labels and not coded and identifier in table and "treated" in pairs:
        treated = texts[table[identifier].astype(str).isin(pairs["treated"].astype(str))]
        names = sorted(names, key=lambda name: name not in set(treated))
    parts = []
    for first, second in combinations(names, 2):
        own = two_groups(table, group, (first, second))
        found = compare(
            own,
            TREATMENT,
            outcomes,
            pairs=pairs,
            covariates=covariates,
            identifier=identifier,
            alpha=alpha,
        )
        parts.append(found.assign(group1=first, group0=second))
    if len(names) == 2:
        return parts[0], None
    result = pd.concat(parts, ignore_index=True)
    p_values = result["p"].to_numpy(float)
    result = result.assign(p_holm=holm(p_values), p_bh=benjamini_hochberg(p_values))
    chosen = table[texts.isin(names)]
    return result, overall_tests(chosen, texts[chosen.index], outcomes)


def overall_tests(table: pd.DataFrame, labels: pd.Series, outcomes: Sequence[str]) -> pd.DataFrame:
    """Tests of no difference between any of the groups: Welch's analysis of variance and Kruskal-Wallis.

    Returns
    -------
    pandas.DataFrame
        One row for each outcome: :data:`OVERALL_COLUMNS`; missing where a group has fewer than two values or
        does not vary, with the reason in ``note``.
    """
    rows = []
    for outcome in outcomes:
        check_outcome(table, outcome)
        values = pd.DataFrame({"value": table[outcome].astype(float), "group": labels}).dropna()
        samples = {str(name): part.to_numpy() for name, part in values.groupby("group")["value"]}
        rows.append(
            {
                **dict.fromkeys(OVERALL_COLUMNS, np.nan),
                **{"outcome": outcome, "n_groups": labels.nunique(), "n": len(values), "note": ""},
                "groups": "; ".join(f"{name}: {len(samples.get(name, ()))}" for name in labels.unique()),
                **_overall(values, samples, labels.nunique()),
            }
        )
    return pd.DataFrame(rows, columns=list(OVERALL_COLUMNS))


def _overall(values: pd.DataFrame, samples: dict[str, np.ndarray], n_groups: int) -> dict[str, float | str]:
    """Statistics and p values of one outcome, or why there are none."""
    import pingouin

    if len(samples) < n_groups or min(len(sample) for sample in samples.values()) < 2:
        return {"note": "a group has fewer than two values"}
    if any(is_rounding(float(sample.std(ddof=1)), sample) for sample in samples.values()):
        return {"note": "a group does not vary"}
    welch = pingouin.welch_anova(values, dv="value", between="group").iloc[0]
    rank = stats.kruskal(*samples.values())
    return {
        "welch_anova_f": float(welch["F"]),
        "welch_anova_df1": float(welch["ddof1"]),
        "welch_anova_df2": float(welch["ddof2"]),
        "welch_anova_p": float(welch["p_unc"]),
        "kruskal_h": float(rank.statistic),
        "kruskal_p": float(rank.pvalue),
    }
