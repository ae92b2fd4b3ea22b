"""Agreement of people who judge the same things: Cohen's kappa with weights, pair by pair."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from cinecohort.review.digests import WHOLE
from cinecohort.review.verdicts import Verdicts

ORDER = ("accept", "unsure", "reject")
"""Verdicts from good to bad: unsure lies half-way between the others."""
WEIGHTS = ("linear", "quadratic")
COLUMNS = ("first", "second", "weights", "n", "n_same", "kappa", "ci_low", "ci_high")


def reviewer_agreement(verdicts: Verdicts) -> pd.DataFrame:
    """Weighted kappa of every two reviewers, over the subjects that both judged as a whole.

    Only verdicts on the same images and label maps are compared, whether or not they have changed since.

    Parameters
    ----------
    verdicts
        Those of all files.

    Returns
    -------
    pandas.DataFrame
        The columns of :data:`COLUMNS`, one row per pair of reviewers and kind of weights; see :func:`kappa`.
    """
    by_reviewer: dict[str, dict[Hashable, str]] = {}
    for listed in verdicts.by_subject.values():
        for one in listed:
            if one.view == WHOLE:
                by_reviewer.setdefault(one.reviewer, {})[one.subject, one.digest] = one.verdict
    rows = [
        {"first": first, "second": second, "weights": weights}
        | kappa(by_reviewer[first], by_reviewer[second], ORDER, weights)
        for first, second in combinations(sorted(by_reviewer), 2)
        for weights in WEIGHTS
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def kappa(
    first: Mapping[Hashable, str],
    second: Mapping[Hashable, str],
    order: Sequence[str],
    weights: str | None = None,
) -> dict[str, float]:
    """Cohen's kappa of two raters over what both rated.

    Parameters
    ----------
    first, second
        What was rated to the category that each rater gave.
    order
        All categories; with weights, from one end to the other.
    weights
        ``linear`` (Cicchetti and Allison, Am J EEG Technol 1971;11:101), ``quadratic`` (Fleiss and Cohen,
        Educ Psychol Meas 1973;33:613) or None, for categories without an order.

    Returns
    -------
    dict
        ``n`` rated by both, ``n_same``, ``kappa`` and its 95 % interval ``ci_low, ci_high`` by the variance
        of Fleiss, Cohen and Everitt (Psychol Bull 1969;72:323). Undefined is NaN: nothing rated by both, or
        both gave everything the same category.
    """
    both = [(first[what], second[what]) for what in first.keys() & second.keys()]
    counts = Counter(both)
    table = np.array([[counts[row, column] for column in order] for row in order])
    same = int(np.trace(table))
    found = {"n": len(both), "n_same": same, "kappa": np.nan, "ci_low": np.nan, "ci_high": np.nan}
    if not both or len({category for pair in both for category in pair}) == 1:
        return found
    # It takes half a second to load, and most runs have no two reviewers.
    from statsmodels.stats.inter_rater import cohens_kappa

    with np.errstate(invalid="ignore"):  # Of a test that is not asked for.
        result = cohens_kappa(table, wt=weights)
    low, high = np.clip([result.kappa_low, result.kappa_upp], -1.0, 1.0)
    return found | {"kappa": float(result.kappa), "ci_low": float(low), "ci_high": float(high)}
