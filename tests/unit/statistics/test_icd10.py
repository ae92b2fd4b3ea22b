"""ICD-10 codes as papers and registers write them."""

import pytest

from cinecohort.statistics.icd10 import code_in, parse_codes


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("I21", ["I21", "I210", "I21.9", "i21.0"], ["I2", "I22", "I11"]),
        ("i21", ["I210"], ["I22"]),
        ("I21.0", ["I210", "I21.0"], ["I21", "I211"]),
        ("I210", ["I21.0"], ["I211"]),
        ("I2*", ["I20", "I29.9"], ["I30", "I19"]),
        ("I21.*", ["I21", "I21.4"], ["I22"]),
        ("I21.-", ["I214"], ["I22"]),
        ("I21.X", ["I214"], ["I22"]),
        ("I20-I25", ["I20", "I200", "I25.9", "I229"], ["I26", "I19", "J22"]),
        ("I20–I25", ["I259"], ["I26"]),
        ("i20 - i25", ["I259"], ["I26"]),
        ("I20 to I25", ["I259"], ["I26"]),
        ("I21-25", ["I21", "I25.9"], ["I20", "I26"]),
        ("I20.0-I21.9", ["I200", "I219"], ["I220"]),
        ("I98-J02", ["I99", "J00", "J02.1"], ["J03", "I97"]),
        ("C00-D48", ["C50.9", "D480"], ["D49"]),
    ],
)
def test_what_a_set_holds(text, inside, outside):
    codes = parse_codes(text)
    assert all(codes.holds(code_in(code)) for code in inside)
    assert not any(code_in(code) and codes.holds(code_in(code)) for code in outside)


@pytest.mark.parametrize(
    "text", ["heart attack", "21", "I2", "I", "I25-I20", "", "MI", "I21;I22", "II21", "I20-I", "410.1", "*"]
)
def test_what_is_no_code_is_refused(text):
    with pytest.raises(ValueError, match=r"ICD-10|range"):
        parse_codes(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("I21.0 Acute transmural myocardial infarction", "I210"),
        (" i25.1", "I251"),
        ("I32.0*", "I320"),
        ("I21X", "I21X"),
        ("heart attack", None),
        ("410", None),
        ("", None),
    ],
)
def test_the_code_of_a_cell(text, code):
    assert code_in(text) == code
