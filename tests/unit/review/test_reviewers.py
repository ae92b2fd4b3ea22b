"""Kappa of reviewers, against a textbook's table and values worked out by hand."""

import numpy as np
import pytest

from cinecohort.review.reviewers import ORDER, kappa, reviewer_agreement
from cinecohort.review.verdicts import Verdict, Verdicts


def raters(table, order):
    """Ratings of two raters with the counts of a table."""
    pairs = [
        (row, column)
        for row, counts in zip(order, table, strict=True)
        for column, count in zip(order, counts, strict=True)
        for _ in range(count)
    ]
    return dict(enumerate(row for row, _ in pairs)), dict(enumerate(column for _, column in pairs))


def test_weighted_kappa_of_fleiss_cohen_and_everitt():
    """Psychol Bull 1969;72:323, table 1, as percentages of 200: kappa 0.429 and standard error 0.053."""
    first, second = raters([[106, 10, 4], [22, 28, 10], [2, 12, 6]], ORDER)
    found = kappa(first, second, ORDER)
    assert (found["n"], found["n_same"]) == (200, 140)
    assert found["kappa"] == pytest.approx(0.429, abs=5e-4)
    assert (found["ci_high"] - found["ci_low"]) / (2 * 1.959964) == pytest.approx(0.053, abs=1e-3)


@pytest.mark.parametrize(("weights", "expected"), [("linear", 5 / 7), ("quadratic", 0.8)])
def test_weights_count_how_far_apart_two_verdicts_are(weights, expected):
    # Disagreement seen: 1 of 4 by one step. By chance, over the 16 pairs of margins (1, 1, 2) and (1, 2, 1):
    # linear 14 steps, quadratic 20.
    first = dict(enumerate(["accept", "unsure", "reject", "reject"]))
    second = dict(enumerate(["accept", "unsure", "unsure", "reject"]))
    assert kappa(first, second, ORDER, weights)["kappa"] == pytest.approx(expected)


def test_what_is_not_defined_is_nan():
    assert np.isnan(kappa({}, {"A": "accept"}, ORDER, "linear")["kappa"])
    one = {"A": "accept", "B": "accept"}
    found = kappa(one, one, ORDER, "linear")
    assert np.isnan(found["kappa"]) and (found["n"], found["n_same"]) == (2, 2)


def test_only_verdicts_on_the_same_whole_subject_are_compared():
    given = [
        ("A", "", "accept", "X", "1"),
        ("A", "", "accept", "Y", "1"),
        ("B", "", "reject", "X", "1"),
        ("B", "", "accept", "Y", "1"),
        ("C", "", "reject", "X", "old"),
        ("C", "", "accept", "Y", "new"),
        ("D", "sa", "reject", "X", "1"),
        ("D", "", "accept", "Y", "1"),
    ]
    by_subject: dict[str, list[Verdict]] = {}
    for subject, view, verdict, reviewer, digest in given:
        by_subject.setdefault(subject, []).append(Verdict(subject, view, "", verdict, reviewer, "1", digest))
    table = reviewer_agreement(Verdicts(by_subject))
    assert table[["first", "second", "weights"]].to_numpy().tolist() == [
        ["X", "Y", "linear"], ["X", "Y", "quadratic"]
    ]  # fmt: skip
    assert set(table["n"]) == {2} and set(table["n_same"]) == {1}
