"""Tables as users write them: read alike by every command, or refused with file, column and row."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cinecohort.errors import UserError
from cinecohort.ledger.tables import read_users_table
from cinecohort.ledger.users_tables import encoding_of, list_of_ids, plain_ids
from cinecohort.statistics.propensity import check_factor

ROWS = "subject{0}age{0}sex\na{0}59{1}2{0}F\nb{0}60{1}25{0}M\nc{0}{0}F\n"


def read(tmp_path: Path, text: str, encoding: str = "utf-8") -> tuple[pd.DataFrame, list[str]]:
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    return read_users_table(tmp_path / "t.csv", ["subject"])


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_decimal_signs_and_encodings(tmp_path, separator, decimal, encoding):
    text = ROWS.format(separator, decimal)
    if separator == decimal:
        text = text.replace("59,2", '"59,2"').replace("60,25", '"60,25"')
    table, notes = read(tmp_path, text, encoding)
    assert table["age"].tolist()[:2] == [59.2, 60.25]
    assert np.isnan(table["age"][2])
    assert table["sex"].tolist() == ["F", "M", "F"]
    assert notes == []


def test_the_line_by_which_excel_names_the_separator(tmp_path):
    table, _ = read(tmp_path, "sep=;\nsubject;age\na;59,2\n")
    assert table["age"].tolist() == [59.2]


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (["1,234", "2,345"], r"age: it is not clear whether '1,234' is 1.234 or 1234"),
        (["59.2", "60,2"], r"age: holds numbers with decimal points \(59.2\) and with commas \(60,2\)"),
    ],
)
def test_numbers_that_may_mean_two_things(tmp_path, cells, sentence):
    with pytest.raises(UserError, match=sentence):
        read(tmp_path, "subject;age\n" + "".join(f"s{i};{cell}\n" for i, cell in enumerate(cells)))


@pytest.mark.parametrize("code", ["-999", "-9999", "9999", "-99", "-999,0"])
def test_numbers_that_stand_for_a_missing_value_are_reported(tmp_path, code):
    table, notes = read(tmp_path, f"subject;age\na;59,5\nb;{code}\nc;61,5\n")
    assert table["age"].isna().tolist() == [False, True, False]
    (note,) = notes
    assert "t.csv: column age: " in note
    assert "missing value (1 row)" in note


def test_a_large_number_among_large_ones_is_a_number(tmp_path):
    table, notes = read(tmp_path, "subject,mass\na,999\nb,870\nc,1020\n")
    assert table["mass"].tolist() == [999, 870, 1020]
    assert notes == []


@pytest.mark.parametrize(
    ("values", "noted"),
    [
        ("0 1 2 -3", True),
        ("-3.5 -3 2.25 0", False),
        ("-3 -5 2 0", False),
        ("5 -10 0 1", True),
        ("1 2 -818 -3 -1", True),
        ("-23 0 7", True),
    ],
)
def test_what_looks_like_a_code_is_noted_and_kept(tmp_path, values, noted):
    rows = "".join(f"s{i},{value}\n" for i, value in enumerate(values.split()))
    table, notes = read(tmp_path, f"subject,x\n{rows}")
    assert table["x"].notna().all()
    assert bool(notes) == noted
    assert all("may be a code" in note for note in notes)


@pytest.mark.parametrize("word", ["NA", "n/a", ".", "-", "Prefer not to answer", "#N/A"])
def test_words_for_missing(tmp_path, word):
    table, _ = read(tmp_path, f"subject;age;smoking\na;59,2;{word}\nb;{word};never\n")
    assert table["age"].tolist()[0] == 59.2
    assert table[["age", "smoking"]].isna().to_numpy().tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        ("subject,name\na,M\xfcller\n".encode("latin-1"), "line 2 has other bytes, as Latin-1"),
        (b"PK\x03\x04workbook", "is a workbook"),
        (b'subject,age\na,"50\nb,60\nc,70\n', "quotation mark"),
        (b'subject,age\na,"50\nb,60\nc,7"0\nd,60\n', "not a table of text|not closed"),
        (b"subject,age\na,50,1\nb,60,2\n", "more values than its header has names"),
        (b"\xff\xfes", "is not a table of text"),
    ],
)
def test_files_that_are_no_tables(tmp_path, content, sentence):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(UserError, match=sentence) as caught:
        read_users_table(tmp_path / "t.csv", ["subject"])
    assert str(tmp_path / "t.csv") in str(caught.value)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (["2012-05-01", "2013-01-31"], "holds dates, such as '2012-05-01'"),
        (["01/05/2012", "31.01.2013"], "holds dates"),
        ([f"text {i}" for i in range(30)], "30 different values in 30 rows"),
    ],
)
def test_text_that_is_no_category(values, sentence):
    with pytest.raises(UserError, match=sentence):
        check_factor(pd.Series(values), "x")
    check_factor(pd.Series([f"site {i}" for i in range(12)]), "site")


@pytest.mark.parametrize(
    ("name", "values", "noted"),
    [
        ("lvedv_ml", [0.12, 0.14, 0.15], "most values look like litres (the median is 0.14)"),
        ("LVEF (%)", [0.5, 0.6, 0.7], "most values look like a fraction"),
        ("lvef_pct", [-126, 55, 60], "outside 2 to 100, and used as a number: -126;"),
        ("height_cm", [1.75, 170, 180, 1.8], "outside 100 to 250, and used as a number: 1.75 and 1 more;"),
        ("lvef_pct", [54, 55, 60], None),
        ("x", [-126, 55, 60.5], None),
    ],
)
def test_what_cannot_be_true_of_a_known_column_is_noted(tmp_path, name, values, noted):
    table, notes = read(tmp_path, f"subject,{name}\n" + "".join(f"s{v},{v}\n" for v in values))
    assert table[name].tolist() == values
    assert len(notes) == (noted is not None)
    assert all(f"t.csv: column {name}: {noted}" in note for note in notes)


@pytest.mark.parametrize("values", [["Never", "never"], ["F", "M", "f"], ["site  1", "Site 1"]])
def test_one_category_written_in_several_ways(values):
    with pytest.raises(UserError, match="differ in capitals or blanks alone: write one of them"):
        check_factor(pd.Series(values * 3), "x")


def test_blanks_around_names_and_ids_mean_nothing(tmp_path):
    table, _ = read(tmp_path, " subject ;age\t; sex\na;59;F\n")
    assert list(table) == ["subject", "age", "sex"]
    with pytest.raises(UserError, match="several columns age"):
        read(tmp_path, "subject,age,age \na,59,60\n")


def test_ids_that_were_written_as_decimal_numbers():
    assert plain_ids(pd.Series(["1000.0", None, "1002.0"])).tolist() == ["1000", pd.NA, "1002"]
    for kept in (["007", "008"], ["1.0", "s2.0"], ["1.5", "2.0"]):
        assert plain_ids(pd.Series(kept)).tolist() == kept


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lists_of_ids(tmp_path, encoding):
    (tmp_path / "list.csv").write_bytes('a\n"b",x\r\n\nc;1\n'.encode(encoding))
    assert list_of_ids(tmp_path / "list.csv") == {"a", "b", "c"}
    assert encoding_of(tmp_path / "list.csv") == encoding
