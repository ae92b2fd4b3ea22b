"""Conditions: what they mean at their bounds and for missing values, and what they refuse."""

import pandas as pd
import pytest

from cinecohort.errors import UserError
from cinecohort.statistics.condition_syntax import condition_columns, parse_condition
from cinecohort.statistics.conditions import meets

TABLE = pd.DataFrame(
    {
        "bmi": [18.4999, 18.5, 24.9999, 25.0, 30.0, None],
        "group": ["DCM", "NOR", None, "DCM", "RV", "NOR"],
        "sex": ["F", "M", "F", "F", "M", "M"],
        "icd10": ["I21.9;E11", "", None, "E11; I50", "Z99", "I420"],
        "mi": ["True", "false", "0", "1", None, "yes"],
        "flag": [True, False, True, False, True, False],
    }
)


def truth(condition):
    return [None if pd.isna(value) else bool(value) for value in meets(TABLE, condition)]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("18.5 <= bmi < 25", [False, True, True, False, False, None]),
        ("bmi >= 30", [False, False, False, False, True, None]),
        ("group == 'DCM'", [True, False, None, True, False, False]),
        ("group != 'DCM'", [False, True, None, False, True, True]),
        ("group in ('DCM', 'RV')", [True, False, None, True, True, False]),
        ("group not in ['DCM']", [False, True, None, False, True, True]),
        ("icd10 startswith 'I5'", [False, False, False, True, False, False]),
        ("icd10 startswith ('I21', 'I42')", [True, False, False, False, False, True]),
        ("icd10 contains '9'", [True, False, False, False, True, False]),
        ("mi", [True, False, False, True, None, True]),
        ("not mi", [False, True, True, False, None, False]),
        ("flag and sex == 'F'", [True, False, True, False, False, False]),
        # Three-valued logic: missing and false is false, missing or true is true.
        ("bmi > 100 and group == 'XX'", [False, False, False, False, False, False]),
        ("group == 'DCM' or bmi < 25", [True, True, True, True, False, None]),
        ("bmi * 2 + 1 > 61 - 0.5", [False, False, False, False, True, None]),
        ("-bmi <= -25", [False, False, False, True, True, None]),
        ("group == 'a @ b % c'", [False, False, None, False, False, False]),
    ],
)
def test_meaning(condition, expected):
    assert truth(condition) == expected


@pytest.mark.parametrize(
    "condition",
    [
        "__import__('os').system('true')",
        "bmi.values",
        "[x for x in bmi]",
        "(lambda: 1)()",
        "bmi[0] > 1",
        "bmi ** 9 > 1",
        "bmi @ 'x'",
        "bmi if flag else 1",
        "f'{bmi}' == 'x'",
        "bmi > None",
        "bmi > 1j",
        "bmi >",
        "",
        "bmi > 1; flag",
        "x := 1",
        "'unfinished",
        "(" * 500 + "bmi" + ")" * 500,
    ],
)
def test_anything_else_is_refused(condition):
    with pytest.raises(ValueError, match="condition"):
        parse_condition(condition)
    with pytest.raises(UserError):
        meets(TABLE, condition)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("mi == 1 or 2", "2 stands alone: name the column again"),
        ("group == 'DCM' or 'RV'", "'RV' stands alone"),
        ("bmi > 20 and not 5", "5 stands alone"),
        ("bmi > 20 and -3", "-3 stands alone"),
        ("bmi >= 30,5", "decimal points"),
        ("18,5 <= bmi < 25", "decimal points"),
        ("(bmi >= 30,5) and group == 'DCM'", "decimal points"),
        ("bmi => 30", "write >= and <="),
        ("bmi > 30 and group = 'a=b'", "write == for equal"),
        ("bmi >= 30 kg/m2", "numbers without units"),
    ],
)
def test_what_nobody_means_is_refused_with_a_hint(condition, words):
    with pytest.raises(ValueError, match=words):
        parse_condition(condition)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("weight > 3", "no column 'weight'"),
        ("group > 3", "compares text with numbers"),
        ("bmi == 'high'", "compares text with numbers"),
        ("bmi", "not true or false"),
        ("1 < 2", "names no column"),
        ("18 in (bmi, 3)", "'in' needs a column"),
    ],
)
def test_misuse_is_explained(condition, words):
    with pytest.raises(UserError, match=words):
        meets(TABLE, condition)


def test_an_empty_column_is_missing_whatever_it_is_compared_with():
    table = pd.DataFrame({"group": [None, None]}, dtype=object)
    assert meets(table, "group == 'DCM'").isna().all()


def test_columns_of_a_condition():
    assert condition_columns("18.5 <= bmi < 25 and sex == 'F' or bmi > age_years") == [
        "bmi",
        "sex",
        "age_years",
    ]
