"""What answers, codes and numbers of participants mean, and which of them are not believed."""

import pandas as pd
import pytest

from cinecohort.cohort.participant_tables import load_participants
from cinecohort.cohort.ukb_codings import field_of
from cinecohort.sources.column_options import ColumnOptions


def load(tmp_path, columns=None, settings=None, people=6):
    """A table of `people`, with columns given as lists or as one value for all."""
    table = pd.DataFrame({"subject": [f"p{i}" for i in range(people)], **(columns or {})})
    table.to_csv(tmp_path / "people.csv", index=False)
    return load_participants(tmp_path / "people.csv", settings or {})


HEIGHTS = [160, 170, 175, 180, 165, 158]
WEIGHTS = [64, 70, 75, 90, 60, 58]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("20116-2.0", 20116),
        ("20116-{visit}.*", 20116),
        ("f.20116.2.0", 20116),
        ("n_20116_2_0", 20116),
        ("20116_2_0", 20116),
        ("p20116_i2", 20116),
        ("participant.p31", 31),
        ("p20002_i2_a11", 20002),
        ("smoking_status_f20116_2_0", 20116),
        ("smoking", None),
        ("visit_2", None),
        ("2012-05-01", None),
    ],
)
def test_fields_by_the_name_of_a_column(name, field):
    assert field_of(name) == field


@pytest.mark.parametrize("name", ["20116-2.0", "p20116_i2", "f.20116.2.0"])
@pytest.mark.parametrize(
    "answers", [[0, 1, 2, -3, 0, 1], ["Never", "Previous", "Current", "Prefer not to answer", "never", 1]]
)
def test_a_coded_field_is_a_category_with_labels(tmp_path, name, answers):
    known = load(tmp_path, {name: answers}, {"smoking": name})
    assert known.table["smoking"].tolist()[:3] == ["never", "previous", "current"]
    assert known.table["smoking"].isna().tolist() == [False, False, False, True, False, False]
    assert not known.mistakes


def test_an_answer_that_is_in_no_coding_is_missing_and_reported(tmp_path):
    known = load(tmp_path, {"20116-2.0": [0, 1, 2, 7, 0, 1]}, {"smoking": "20116-2.0"})
    assert pd.isna(known.table["smoking"][3])
    assert [remark.code for remark in known.remarks[3]] == ["ANSWER"]
    assert any("'7' of column 20116-2.0 is not in its coding" in note for note in known.notes)


def test_townsends_index_is_validly_negative(tmp_path):
    values = [-3.1, -3, 2.5, 0.2, -1, -6.2]
    known = load(tmp_path, {"22189-0.0": values}, {"townsend": "22189-0.0"})
    assert known.table["townsend"].tolist() == values
    assert not known.remarks
    assert not known.notes


def test_what_looks_like_a_code_is_listed_and_kept_until_it_is_declared(tmp_path):
    portions = {"1289-2.0": [2, 3, -10, 1, -1, 4]}
    known = load(tmp_path, portions, {"vegetables": "1289-2.0"})
    assert known.table["vegetables"].tolist() == [2, 3, -10, 1, -1, 4]
    assert {code for note in known.notes for code in ("-10", "-1 ") if f"vegetables: {code}" in note} == {
        "-10",
        "-1 ",
    }
    assert sorted(known.remarks) == [2, 4]
    declared = ColumnOptions(column="1289-2.0", missing=(-1, -3), codes={-10: 0.5})
    known = load(tmp_path, portions, {"vegetables": declared})
    assert known.table["vegetables"].fillna(-99).tolist() == [2, 3, 0.5, 1, -99, 4]
    assert not known.notes


def test_codes_of_the_users_own_become_categories(tmp_path):
    declared = ColumnOptions(column="alc", codes={1: "daily", 2: "weekly", 3: "never"}, missing=("unknown",))
    known = load(tmp_path, {"alc": ["1", "2.0", "3", "unknown", "9", "weekly"]}, {"alcohol": declared})
    assert known.table["alcohol"].fillna("").tolist() == ["daily", "weekly", "never", "", "", "weekly"]
    assert [remark.code for remark in known.remarks[4]] == ["ANSWER"]


@pytest.mark.parametrize(
    ("column", "usual", "odd"),
    [
        ("height_cm", HEIGHTS, 1.75),
        ("height_cm", HEIGHTS, 68),
        ("weight_kg", WEIGHTS, 0),
        ("weight_kg", WEIGHTS, 70000),
        ("age_years", [55, 60, 65, 70, 51, 48], -3),
        ("age_years", [55, 60, 65, 70, 51, 48], 999),
        ("sbp_mmhg", [120, 130, 140, 150, 125, 110], -1),
        ("dbp_mmhg", [80, 85, 75, 90, 70, 88], -999),
        ("bmi", [22, 25, 31, 28, 24, 26], 228571),
    ],
)
def test_a_value_that_cannot_be_true_is_missing_and_reported(tmp_path, column, usual, odd):
    known = load(tmp_path, {column: [odd, *usual[1:]]})
    assert known.table[column].isna().tolist() == [True] + [False] * 5
    assert known.table["implausible"].fillna("").tolist() == [column, "", "", "", "", ""]
    (remark,) = known.remarks[0]
    assert (remark.code, remark.value) == ("IMPLAUSIBLE", odd)
    assert f"{odd:g} lies outside" in remark.message
    assert any(f"{column}: 1 implausible value" in note for note in known.notes)
    assert not known.mistakes


@pytest.mark.parametrize(
    ("column", "values", "unit"),
    [
        ("height_cm", [height / 100 for height in HEIGHTS], "metres"),
        ("height_cm", [63, 67, 69, 71, 65, 62], "inches"),
        ("weight_kg", [141, 154, 165, 198, 132, 180], "pounds"),
        ("weight_kg", [10, 11, 12, 14, 9.5, 11], "stone"),
        ("age_years", [720, 660, 600, 840, 700, 650], "months"),
        ("age_years", [1950, 1962, 1971, 1955, 1948, 1960], "years of birth"),
        ("sbp_mmhg", [16, 17.5, 18, 19, 15, 16], "kPa"),
        ("field_t", [1500, 3000, 1500, 1500, 1500, 3000], "mT"),
    ],
)
def test_a_column_that_is_mostly_in_another_unit_stops_with_the_likely_unit(tmp_path, column, values, unit):
    known = load(tmp_path, {column: values})
    (mistake,) = known.mistakes
    assert f"people.csv: {column}: most values look like {unit}" in mistake


def test_a_declared_scale_brings_the_unit_to_ours(tmp_path):
    metres = ColumnOptions(column="height", scale=100)
    known = load(
        tmp_path, {"height": [h / 100 for h in HEIGHTS], "weight_kg": WEIGHTS}, {"height_cm": metres}
    )
    assert known.table["height_cm"].tolist() == pytest.approx(HEIGHTS)
    assert known.table["bmi"][0] == 25.0
    assert not known.mistakes


def test_declared_limits_replace_the_usual_ones(tmp_path):
    children = ColumnOptions(column="height_cm", plausible=(40, 200))
    known = load(tmp_path, {"height_cm": [60, 75, 90, 110, 85, 30]}, {"height_cm": children})
    assert known.table["height_cm"].isna().tolist() == [False] * 5 + [True]


def test_a_reading_that_cannot_be_true_is_left_out_of_the_mean(tmp_path):
    readings = {"4080-2.0": [120, 130, -1, 140, 120, 110], "4080-2.1": [130, 140, 150, 999, 120, 112]}
    known = load(tmp_path, readings, {"sbp_mmhg": ["4080-2.0", "4080-2.1"]})
    assert known.table["sbp_mmhg"].tolist() == [125, 135, 150, 140, 120, 111]
    assert sorted(known.remarks) == [2, 3]


def test_a_bmi_that_contradicts_height_and_weight_is_missing(tmp_path):
    bmi = [25, 24.2, 24.5, 40, 22, 23.2]
    known = load(tmp_path, {"height_cm": HEIGHTS, "weight_kg": WEIGHTS, "bmi": bmi})
    assert known.table["bmi"].isna().tolist() == [False] * 3 + [True] + [False] * 2
    assert [remark.code for remark in known.remarks[3]] == ["CONTRADICTION"]


@pytest.mark.parametrize("bmi", [None, ["", 24.2, 24.5, 24, 22, 23.2]])
def test_a_computed_bmi_is_held_to_its_limits(tmp_path, bmi):
    columns = {"height_cm": [105, *HEIGHTS[1:]], "weight_kg": [340, *WEIGHTS[1:]]}
    known = load(tmp_path, columns | ({} if bmi is None else {"bmi": bmi}))
    assert known.table["bmi"].isna()[0]
    assert [(remark.column, remark.code) for remark in known.remarks[0]] == [("bmi", "IMPLAUSIBLE")]


def test_a_systolic_pressure_below_the_diastolic_one_is_missing_with_it(tmp_path):
    known = load(tmp_path, {"sbp_mmhg": [120, 130, 80, 140, 120, 110], "dbp_mmhg": [80, 85, 125, 90, 70, 88]})
    assert (
        known.table[["sbp_mmhg", "dbp_mmhg"]].isna().all(axis=1).tolist()
        == [False] * 2 + [True] + [False] * 3
    )
    assert known.table["implausible"][2] == "dbp_mmhg;sbp_mmhg"


@pytest.mark.parametrize(
    ("height", "weight", "bmi"), [(160, 64.0, 25.0), (200, 120, 30.0), (150, 67.5, 30.0)]
)
def test_a_bmi_on_a_limit_is_on_it(tmp_path, height, weight, bmi):
    known = load(tmp_path, {"height_cm": [height] * 3, "weight_kg": [weight] * 3}, people=3)
    assert known.table["bmi"].tolist() == [bmi] * 3


def test_every_mistake_of_a_table_is_reported_at_once(tmp_path):
    columns = {
        "height_cm": [h / 100 for h in HEIGHTS],
        "age_years": "old",
        "sex": "x",
        "sbp_mmhg": "2012-05-01",
    }
    known = load(tmp_path, columns, {"smoking": "no such column"})
    text = "\n".join(known.mistakes)
    for words in (
        "metres",
        "'old' is no number",
        "no sex is understood",
        "is a date",
        "no column no such column",
    ):
        assert words in text
    assert len(known.mistakes) == 5


def test_men_and_women_as_one_and_two_are_not_guessed(tmp_path):
    known = load(tmp_path, {"sex": [1, 2, 2, 1, 1, 2]})
    assert "'2' beside '1'" in known.mistakes[0]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (
            ["hypertension", "heart attack/myocardial infarction", "1075", "1065", "99999", ""],
            "false true true false None None",
        ),
        (["1", "hypertension", "1075", "", "", "2"], "None false true None None None"),
    ],
)
def test_illnesses_of_field_20002(tmp_path, answers, expected):
    known = load(tmp_path, {"20002-2.0": answers}, {"self_reported_mi": "20002-2.0"})
    assert [str(value) for value in known.table["self_reported_mi"]] == expected.split()


def test_diagnoses_that_are_no_codes_are_reported(tmp_path):
    known = load(
        tmp_path, {"icd10": ["I21.0", "heart attack", "", "E11;i50", "I21 Acute, infarction", "410"]}
    )
    assert sorted(known.remarks) == [1, 5]
    assert any("'heart attack', '410' is no ICD-10 code" in note for note in known.notes)
