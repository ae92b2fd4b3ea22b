import numpy as np
import pytest

from cinecohort.ledger.rows import cell, columns_of, read_rows, table_text, write_rows


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (0.1, "0.1"),
        (1 / 3, "0.3333333333333333"),
        (np.float64(2.5), "2.5"),
        (np.int64(7), "7"),
        ([1, 2], "1,2"),
        ((), ""),
        ("one\ttab and\nline", "one tab and line"),
        ('"quoted"', '"quoted"'),
    ],
)
def test_cells(value, text):
    assert cell(value) == text


def test_numbers_come_back_as_they_were():
    for value in (np.pi, 1e-300, 123456789.123456789):
        assert float(cell(value)) == value


def test_a_table_comes_back_as_it_was(tmp_path):
    rows = [{"subject": "a b", "reason": 'a "quoted", long; reason', "n": None}, {"subject": "É", "n": 2}]
    write_rows(tmp_path / "t.tsv", rows, ["subject", "reason", "n"])
    assert read_rows(tmp_path / "t.tsv") == [
        {"subject": "a b", "reason": 'a "quoted", long; reason', "n": ""},
        {"subject": "É", "reason": "", "n": "2"},
    ]


def test_a_table_without_rows_has_its_columns(tmp_path):
    assert table_text([], ["subject", "n"]) == "subject\tn\n"
    write_rows(tmp_path / "t.tsv", [], ["subject"])
    assert read_rows(tmp_path / "t.tsv") == []


def test_keys_that_are_no_column_are_left_out():
    assert table_text([{"subject": "a", "other": 1}], ["subject"]) == "subject\na\n"


def test_columns_come_in_the_order_of_their_appearance():
    rows = [{"b": 1, "subject": "x"}, {"c": 1, "a": 2}]
    assert columns_of(rows, ("subject", "dataset")) == ["subject", "dataset", "b", "c", "a"]
