"""Published, yours and difference: rounding, missing values and the rows of a table."""

import pytest

from cinecohort.reporting.document import Column, block_to_dict
from cinecohort.reporting.numbers import UNDEFINED
from cinecohort.reporting.paper.cells import (
    Cell,
    Line,
    Part,
    compared,
    compared_table,
    mean_and_sd,
    own_note,
)


@pytest.mark.parametrize(
    ("published", "own", "digits", "expected"),
    [
        ((0.94, 0.04), (0.9138, 0.022), 2, ("0.94 (0.04)", "0.91 (0.02)", "−0.03")),
        ((6.1, 5.3), (9.2144, 6.2254), 1, ("6.1 (5.3)", "9.2 (6.2)", "+3.1")),
        ((143, 31), (151.03, 28.27), 0, ("143 (31)", "151 (28)", "+8")),
        ((0.97, None), (0.974, None), 2, ("0.97", "0.97", "0.00")),
        ((0.97, None), None, 2, ("0.97", UNDEFINED, UNDEFINED)),
        (None, (0.5, 0.1), 2, (UNDEFINED, "0.50 (0.10)", UNDEFINED)),
        ((0.97, None), (float("nan"), None), 2, ("0.97", UNDEFINED, UNDEFINED)),
    ],
)
def test_a_cell_is_rounded_as_the_paper_prints(published, own, digits, expected):
    assert compared(published, own, digits) == Cell(*expected)


def test_fewer_subjects_than_the_head_says_are_named():
    assert compared(None, (1.0, None), 1, own_note(7, 9)).own == "1.0, n = 7"
    assert own_note(9, 9) == ""
    assert own_note(float("nan"), 9) == ""
    assert compared((1.0, None), None, 1, ", n = 7").own == UNDEFINED


def test_a_row_without_a_mean_has_no_value():
    assert mean_and_sd({"mean": float("nan"), "sd": 1.0}, "mean", "sd") is None
    assert mean_and_sd(None, "mean", "sd") is None
    assert mean_and_sd({"mean": 2.0}, "mean", "sd") == (2.0, None)


def test_a_line_has_only_the_rows_that_hold_something():
    lines = [
        Line("both", [compared((1, None), (2, None), 0)]),
        Line("theirs", [compared((1, None), None, 0)]),
        Line("ours", [compared(None, (2, None), 0)]),
        Line("nobody's", [Cell()]),
    ]
    table = compared_table("tab-x", "A table.", [Column("a")], [Part("(a) Head", lines)])
    assert table.rows == [
        "(a) Head",
        ["both", "published", "1"],
        ["", "yours", "2"],
        ["", "difference", "+1"],
        ["theirs", "published", "1"],
        ["ours", "yours", "2"],
    ]
    assert table.published_rows == [1, 4]
    assert block_to_dict(table)["kind"] == "table"
