"""Pairing of two tables: what has no partner is counted and listed, and nothing multiplies."""

import numpy as np
import pandas as pd
import pytest

from cinecohort.errors import UserError
from cinecohort.statistics.pairing import pair_tables


def table(**columns: list) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_unmatched_duplicate_and_keyless_rows_are_counted_and_listed() -> None:
    first = table(subject=["a", "b", "b", None, "x"], m=[1.0, 2, 3, 4, 5])
    second = table(subject=["b", "a", "y"], m=[20.0, 10, 30])
    pairing = pair_tables(first, second)
    assert list(pairing.keys["subject"]) == ["a", "b"]
    assert [list(values) for values in pairing.values("m")] == [[1, 2], [10, 20]]
    counts = pairing.counts.set_index("table")
    assert counts.loc["first"].to_dict() == {
        "rows": 5,
        "subjects": 3,
        "duplicate_rows": 1,
        "rows_without_key": 1,
        "unmatched": 1,
        "paired": 2,
    }
    assert counts.loc["second", "unmatched"] == 1
    listed = pairing.unpaired.set_index("reason")["table"].to_dict()
    assert listed == {
        "no key": "first",
        "further row of the subject, not used": "first",
        "not in second": "first",
        "not in first": "second",
    }


@pytest.mark.parametrize(("rule", "expected"), [("first", [1.0, 2]), ("mean", [1, 3]), ("exclude", [1])])
def test_rules_for_duplicates(rule, expected: list) -> None:
    first = table(subject=["a", "b", "b"], m=[1.0, 2, 4])
    pairing = pair_tables(first, table(subject=["a", "b"], m=[0.0, 0]), duplicates=rule)
    assert list(pairing.values("m")[0]) == expected


def test_duplicates_may_be_refused() -> None:
    with pytest.raises(UserError, match="further rows"):
        pair_tables(table(subject=["a", "a"], m=[1, 2]), table(subject=["a"], m=[1]), duplicates="error")


def test_every_shared_number_is_a_measure_but_ids_and_frames() -> None:
    columns = {
        "subject": ["a", "b"],
        "lvedv_ml": [1.0, 2],
        "anything": [1, 2],
        "ed_frame": [0, 1],
        "frame": [0, 0],
        "participant": [7, 8],
        "eid": [7, 8],
        "patient_id": [7, 8],
        "Unnamed: 3": [0, 1],
        "sex": ["F", "M"],
        "flag": [True, False],
    }
    assert pair_tables(table(**columns), table(**columns)).measures == ["lvedv_ml", "anything"]


def test_names_of_ukbb_cardiac_meet_ours_and_an_unnamed_first_column_is_the_subject() -> None:
    theirs = pd.DataFrame({"": ["1", "2"], "LVEDV (mL)": [100.0, 200], "WT_AHA_1 (mm)": [5.0, 6]})
    ours = table(subject=["1", "2"], lvedv_ml=[101.0, 199], wt_aha_01_mm=[5.0, 5])
    assert pair_tables(theirs, ours).measures == ["lvedv_ml", "wt_aha_01_mm"]


def test_a_name_that_both_share_is_kept() -> None:
    theirs = table(subject=["1", "2"], **{"LVEDV (mL)": [100.0, 200]})
    assert pair_tables(theirs, theirs).measures == ["LVEDV (mL)"]


def test_missing_infinite_and_text_cells_leave_the_pair_of_that_measure_only() -> None:
    first = table(subject=list("abcd"), m=[1.0, np.nan, np.inf, 4], w=["1", "failed", "3", "4"])
    second = table(subject=list("abcd"), m=[1.0, 2, 3, 4], w=[1, 2, 3, 4])
    pairing = pair_tables(first, second)
    assert pairing.values("m")[0].size == 2
    assert pairing.values("w")[0].size == 3
    assert pairing.not_numbers == {"m": 1, "w": 1}


def test_several_key_columns() -> None:
    first = table(subject=["a", "a"], visit=["2", "3"], m=[1.0, 2])
    pairing = pair_tables(first, first.iloc[::-1], on=("subject", "visit"))
    assert [list(values) for values in pairing.values("m")] == [[1, 2], [1, 2]]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ({"id": ["a"], "m": [1]}, {"subject": ["a"], "m": [1]}, "no column subject"),
        ({"subject": ["a"], "m": [1]}, {"subject": ["b"], "m": [1]}, "No subject of first"),
        ({"subject": ["a"], "m": [1]}, {"subject": ["a"], "w": [1]}, "share no column of numbers"),
    ],
)
def test_nothing_usable_is_one_sentence(first: dict, second: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        pair_tables(pd.DataFrame(first), pd.DataFrame(second))
