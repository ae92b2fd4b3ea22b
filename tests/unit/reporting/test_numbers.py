import math

import pandas as pd
import pytest

from cinecohort.reporting import numbers


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.9, 2, "0.90"),
        (-3.25, 1, "−3.2"),
        (-0.04, 1, "0.0"),
        (12345.6, 0, "12,346"),
        (math.nan, 1, "–"),
        (None, 1, "–"),
        (math.inf, 1, "–"),
        ("", 1, "–"),
    ],
)
def test_number_rounds_once_and_never_prints_nan(value, digits, text):
    assert numbers.number(value, digits) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1.26, "+1.3"), (-1.26, "−1.3"), (0.001, "0.0"), (math.nan, "–")]
)
def test_signed_writes_the_sign_of_a_difference(value, text):
    assert numbers.signed(value, 1) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "< 0.001"),
        (1e-30, "< 0.001"),
        (0.00099, "< 0.001"),
        (0.001, "0.001"),
        (0.0432, "0.043"),
        (0.995, "> 0.99"),
        (1.0, "> 0.99"),
        (math.nan, "–"),
    ],
)
def test_p_value_is_never_zero(p, text):
    assert numbers.p_value(p) == text


def test_mean_sd_of_one_value_has_no_sd():
    assert numbers.summary_mean_sd(pd.Series([3.0])) == "3.0"
    assert numbers.summary_mean_sd(pd.Series([1.0, 3.0, math.nan])) == "2.0 (1.4)"
    assert numbers.summary_mean_sd(pd.Series([math.nan])) == "–"


def test_median_with_linear_quartiles():
    assert numbers.summary_median_iqr(pd.Series([1.0, 2.0, 3.0, 4.0])) == "2.5 [1.8, 3.2]"
    assert numbers.summary_median_iqr(pd.Series([1.0, None])) == "1.0", "one value has no quartiles"


def test_small_counts_are_hidden():
    assert numbers.count_percent(3, 10, smallest=5) == "< 5"
    assert numbers.count_percent(0, 10, smallest=5) == "0 (0.0 %)"
    assert numbers.count_percent(5, 10, smallest=5) == "5 (50.0 %)"
    assert numbers.count_percent(0, 0) == "0"
    assert numbers.hidden_count(4, 5) == "< 5"


def test_words():
    assert numbers.listing(["a"]) == "a"
    assert numbers.listing(["a", "b", "c"]) == "a, b and c"
    assert numbers.quantity(0, "subject") == "no subjects"
    assert numbers.quantity(1, "subject") == "1 subject"
    assert numbers.quantity(1200, "study", "studies") == "1,200 studies"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("163.0 (56.8)", ["163", ".0", " (56", ".8)"]),
        ("−3.7 (−39.6 to 32.1)", ["−3", ".7", " (−39", ".6 to", " 32", ".1)"]),
        ("< 0.001", ["< 0", ".001"]),
        ("19 (100.0 %)", ["19", "", " (100", ".0 %)"]),
        ("1,234", ["1,234", ""]),
        ("–", ["–", ""]),
        ("not tested", []),
        ("", []),
    ],
)
def test_cells_are_cut_at_their_decimal_points(text, parts):
    cut, mark = numbers.decimal_parts(text)
    assert [part.replace("\N{NO-BREAK SPACE}", " ") for part in cut] == parts
    assert mark == ""
    assert "".join(cut).replace("\N{NO-BREAK SPACE}", " ") == (text if parts else "")


def test_a_smaller_n_is_a_letter_and_each_n_has_one():
    marks = numbers.NoteMarks()
    cells = [marks.with_n(f"{n}.0 (1.0)", n, 19) for n in (18, 19, 17, 18)]
    assert [cell[-1] for cell in cells] == ["ᵃ", ")", "ᵇ", "ᵃ"]
    assert marks.note().replace("\N{NO-BREAK SPACE}", " ") == "ᵃ n = 18. ᵇ n = 17. "
    assert numbers.decimal_parts(cells[0]) == (["18", ".0", "\N{NO-BREAK SPACE}(1", ".0)"], "ᵃ")
    assert marks.with_n("–", 3, 19) == "–"
