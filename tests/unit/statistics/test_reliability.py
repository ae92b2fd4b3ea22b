"""Intraclass correlations against Shrout and Fleiss 1979 and pingouin."""

import math

import numpy as np
import pandas as pd
import pingouin
import pytest

from cinecohort.errors import UserError
from cinecohort.statistics.reliability import FIXED_COLUMNS, intraclass_correlations, reliability

# Shrout and Fleiss, Psychol Bull 1979, Table 2: six subjects by four judges.
JUDGES = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)


def long_table(ratings: np.ndarray) -> pd.DataFrame:
    n, k = ratings.shape
    return pd.DataFrame(
        {
            "subject": np.repeat([f"S{i}" for i in range(n)], k),
            "rater": np.tile([f"O{j}" for j in range(k)], n),
            "value": ratings.ravel(),
        }
    )


def test_published_table() -> None:
    """Table 4 of Shrout and Fleiss: .17, .29, .71 and for the mean of four .44, .62, .91."""
    icc = intraclass_correlations(JUDGES).set_index("type")["icc"].round(2)
    assert icc.to_dict() == {
        "ICC(1,1)": 0.17,
        "ICC(A,1)": 0.29,
        "ICC(C,1)": 0.71,
        "ICC(1,k)": 0.44,
        "ICC(A,k)": 0.62,
        "ICC(C,k)": 0.91,
    }


@pytest.mark.filterwarnings("ignore:The inplace keyword")
@pytest.mark.parametrize(("n", "k", "seed"), [(6, 4, 0), (50, 3, 1), (8, 2, 2), (30, 5, 3)])
def test_against_pingouin(n: int, k: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pingouin.options, "round.column.CI95", None)
    random = np.random.default_rng(seed)
    ratings = random.normal(100, 20, (n, 1)) + random.normal(0, 5, k) + random.normal(0, 8, (n, k))
    if seed == 0:
        ratings = JUDGES
    ours = intraclass_correlations(ratings).set_index("type")
    theirs = pingouin.intraclass_corr(long_table(ratings), "subject", "rater", "value").set_index("Type")
    assert set(ours.index) == set(theirs.index)
    for form in ours.index:
        assert ours.loc[form, "icc"] == pytest.approx(theirs.loc[form, "ICC"], abs=1e-10)
        assert [ours.loc[form, "ci_low"], ours.loc[form, "ci_high"]] == pytest.approx(
            list(theirs.loc[form, "CI95"]), abs=1e-8
        )
        assert ours.loc[form, "p"] == pytest.approx(theirs.loc[form, "pval" if "pval" in theirs else "p_val"])


def test_errors_of_measurement_by_hand() -> None:
    """Two raters, values (1, 3), (2, 4), (6, 8): a constant shift of 2."""
    table = intraclass_correlations(np.array([[1.0, 3], [2, 4], [6, 8]])).set_index("type")
    assert table.loc["ICC(C,1)", "sem"] == pytest.approx(0, abs=1e-12)
    assert table.loc["ICC(C,1)", "icc"] == pytest.approx(1)
    assert table.loc["ICC(A,1)", "sem"] == pytest.approx(math.sqrt(2), abs=1e-12)
    assert table.loc["ICC(1,1)", "mdc95"] == pytest.approx(1.96 * math.sqrt(2) * math.sqrt(2), abs=1e-12)
    assert np.isnan(table.loc["ICC(A,1)", "ci_low"])
    assert "constant only" in table.loc["ICC(A,1)", "note"]
    squares = [2 / 4, 2 / 9, 2 / 49]
    cv = 100 * math.sqrt(sum(squares) / 3)
    assert table.loc["ICC(1,1)", "within_subject_cv_pct"] == pytest.approx(cv, abs=1e-10)


def test_incomplete_subjects_are_left_out_and_counted() -> None:
    table = long_table(JUDGES).assign(value=lambda t: t["value"].where(t.index != 5))
    result = reliability(table, "subject", "rater", "value")
    assert list(result.columns[: len(FIXED_COLUMNS)]) == list(FIXED_COLUMNS)
    assert (result["n_subjects"] == 5).all()
    assert (result["n_incomplete"] == 1).all()
    without = intraclass_correlations(np.delete(JUDGES, 1, axis=0))
    assert list(result["icc"]) == pytest.approx(list(without["icc"]))


def test_absent_row_is_the_same_as_an_empty_cell() -> None:
    table = long_table(JUDGES)
    empty = reliability(
        table.assign(value=table["value"].where(table.index != 5)), "subject", "rater", "value"
    )
    absent = reliability(table.drop(index=5), "subject", "rater", "value")
    assert list(absent["icc"]) == list(empty["icc"])


@pytest.mark.parametrize(
    ("ratings", "reason"),
    [
        (np.full((4, 3), 7.0), "all values are equal"),
        (np.ones((1, 3)), "needs 2 of each"),
        (np.ones((4, 1)), "needs 2 of each"),
        (np.ones((0, 2)), "needs 2 of each"),
    ],
)
def test_nothing_to_apportion(ratings: np.ndarray, reason: str) -> None:
    table = intraclass_correlations(ratings)
    assert table["icc"].isna().all()
    assert table["note"].str.contains(reason).all()


def test_a_rater_with_two_values_of_a_subject_is_refused() -> None:
    table = pd.concat([long_table(JUDGES), long_table(JUDGES).head(1)])
    with pytest.raises(UserError, match="O0 has several values of subject S0"):
        reliability(table, "subject", "rater", "value")


def test_missing_column_is_named() -> None:
    with pytest.raises(UserError, match="no column observer"):
        reliability(long_table(JUDGES), "subject", "observer", "value")


def test_a_negative_correlation_says_what_it_means():
    ratings = np.array([[1.0, 9.0], [9.0, 1.0], [2.0, 8.0], [8.0, 2.5]])
    table = intraclass_correlations(ratings)
    negative = table[table["icc"] < 0]
    assert len(negative) and negative["note"].str.contains("read it as 0").all()


@pytest.mark.filterwarnings("error")
def test_what_has_no_bound_has_no_interval() -> None:
    first = np.arange(8.0)
    table = intraclass_correlations(np.column_stack([first, 10 - first])).set_index("type")
    assert table.loc["ICC(1,1)", "icc"] == pytest.approx(-1)
    assert np.isnan(table.loc["ICC(1,k)", "icc"])
    assert table[["ci_low", "ci_high"]].isna().all(axis=None)
    assert table["note"].str.startswith("negative").all()


def test_rows_that_belong_to_nobody_are_counted() -> None:
    table = long_table(JUDGES)
    table.loc[table["subject"] == "S5", "subject"] = None
    found = reliability(table, "subject", "rater", "value")
    assert (found["n_subjects"] == 5).all()
    assert (found["n_incomplete"] == 0).all()
    assert found["note"].str.contains("4 rows without a subject or rater left out").all()
    for columns in (("subject", "rater", "rater"), ("subject", "rater", "subject")):
        with pytest.raises(UserError, match="cannot be both"):
            reliability(table, *columns)
    with pytest.raises(UserError, match="No row has a subject"):
        reliability(table.assign(subject=None), "subject", "rater", "value")
