import re

import pandas as pd
import pytest

from cinecohort.catalogue.findings import Code
from cinecohort.cohort.participant_tables import read_participants
from cinecohort.cohort.participant_values import heart_attack_reported
from cinecohort.cohort.participants import gather_participants, with_scanner_facts
from cinecohort.config import ImagesDataset, NiftiDataset
from cinecohort.errors import UserError
from support.tiny_cohort import write_patient


@pytest.fixture
def table(tmp_path):
    def write(text, name="people.csv", encoding="utf-8"):
        (tmp_path / name).write_text(text, encoding=encoding)
        return tmp_path / name

    return write


UKB = (
    "eid,31-0.0,21003-2.0,21003-3.0,50-2.0,50-3.0,21002-2.0,21002-3.0,4080-2.0,4080-2.1,4080-3.0,"
    "41270-0.0,41270-0.1,6150-2.0,6150-2.1,20002-2.0\n"
    "SYN1,0,60,64,160,159,64,70,120,130,150,I210,E119,-7,,1065\n"
    "SYN2,1,55,,180,,81,,140,,,,,4,1,\n"
    "SYN3,1,50,,170,,,,,,,I10,,-3,,1075\n"
)
COLUMNS = {
    "participant": "eid",
    "sex": "31-0.0",
    "age_years": "21003-{visit}.0",
    "height_cm": "50-{visit}.0",
    "weight_kg": "21002-{visit}.0",
    "sbp_mmhg": ["4080-{visit}.0", "4080-{visit}.1"],
    "icd10": "41270-0.*",
    "self_reported_mi": ["6150-2.*", "20002-2.*"],
}


def index(*rows, dataset="tiny"):
    columns = ["subject", "dataset", "id", "participant", "visit"]
    return pd.DataFrame([(key, dataset, key, person, visit) for key, person, visit in rows], columns=columns)


def gathered(path, people, columns=None):
    options = NiftiDataset(source="nifti", path=path.parent, participants=path, columns=columns or {})
    return gather_participants(people, {"tiny": options})[0].set_index("subject")


def test_uk_biobank_fields_at_the_visit_of_the_scan(table):
    people = index(("SYN1_2", "SYN1", "2"), ("SYN1_3", "SYN1", "3"), ("SYN2_2", "SYN2", "2"))
    known = gathered(table(UKB), people, COLUMNS)
    assert list(known.index) == ["SYN1_2", "SYN1_3", "SYN2_2"]
    assert known["sex"].tolist() == ["F", "F", "M"]
    assert known["age_years"].tolist() == [60, 64, 55]
    assert known["sbp_mmhg"].tolist() == [125, 150, 140]
    assert known["bmi"].tolist() == pytest.approx([64 / 1.6**2, 70 / 1.59**2, 81 / 1.8**2])
    assert known.loc["SYN1_2", "icd10"] == "I210;E119"
    assert pd.isna(known.loc["SYN2_2", "icd10"])


def test_without_visit_in_the_columns_both_visits_get_the_same(table):
    people = index(("SYN1_2", "SYN1", "2"), ("SYN1_3", "SYN1", "3"))
    known = gathered(table(UKB), people, {"participant": "eid", "age_years": "21003-2.0"})
    assert known["age_years"].tolist() == [60, 60]


def test_self_reported_heart_attacks(table):
    known = read_participants(table(UKB), COLUMNS, visits=["2"]).set_index("participant")
    assert known["self_reported_mi"].to_dict() == {"SYN1": "false", "SYN2": "true", "SYN3": "true"}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["1"], "true"),
        (["1.0"], "true"),
        (["-7"], "false"),
        (["2", "1"], "true"),
        (["2|1"], "true"),
        (["[4, 1]"], "true"),
        (["11"], None),
        (["1075"], "true"),
        (["10750"], None),
        (["1065"], "false"),
        (["heart attack/myocardial infarction"], "true"),
        (["Myocardial infarction (2010)"], "true"),
        (["No heart attack"], "false"),
        (["possible heart attack"], None),
        (["perhaps"], None),
        (["-7", "perhaps"], None),
        (["perhaps", "1"], "true"),
        (["99999"], None),
        (["None of the above"], "false"),
        (["-3"], None),
        (["-1", "-7"], "false"),
        ([], None),
        (["Heart attack"], "true"),
        (["High blood pressure"], "false"),
        (["Prefer not to answer"], None),
        (["no"], "false"),
        (["0"], "false"),
        (["TRUE"], "true"),
    ],
)
def test_answers_about_a_heart_attack(answers, expected):
    assert heart_attack_reported(answers)[0] == expected


@pytest.mark.parametrize(
    ("cell", "codes"),
    [
        ("I21;I50", "I21;I50"),
        ("I21|I50", "I21;I50"),
        ("\"['I21', 'I50']\"", "I21;I50"),
        ("I21:-400", "I21:-400"),
    ],
)
def test_diagnoses_in_one_cell(table, cell, codes):
    assert read_participants(table(f"subject,icd10\na,{cell}\n"), {})["icd10"].tolist() == [codes]


def test_a_bmi_of_the_table_is_kept_and_a_missing_one_computed(table):
    path = table(
        "subject\theight_cm\tweight_kg\tbmi\na\t200\t100\t25.5\nb\t200\t100\t\nc\t0\t100\t\n", "p.tsv"
    )
    assert read_participants(path, {})["bmi"].tolist() == pytest.approx([25.5, 25, float("nan")], nan_ok=True)


def test_no_column_is_read_that_nobody_asked_for(table):
    path = table("subject,name,birth_date,smoking,sex\na,Smith,1950-01-01,never,female\n")
    known = gathered(path, index(("a", "a", "")), {"smoking": "smoking"})
    assert known.loc["a", ["sex", "smoking"]].tolist() == ["F", "never"]
    assert not {"name", "birth_date"} & set(known.columns)


def test_rows_of_people_outside_of_the_cohort_are_not_looked_at(table):
    path = table("subject,age_years\na,50\nstranger,unknown\n")
    assert gathered(path, index(("a", "a", "")))["age_years"].tolist() == [50]
    with pytest.raises(UserError, match=r"age_years, row 3: 'unknown' is no number"):
        read_participants(path, {})


def test_missing_values_stay_missing(table):
    path = table("subject,sex,age_years\na,,\nb,F,50\n")
    known = gathered(path, index(("a", "a", ""), ("b", "b", ""), ("c", "c", "")))
    assert known["age_years"].isna().tolist() == [True, False, True]
    assert known["sex"].isna().tolist() == [True, False, True]


@pytest.mark.parametrize(("value", "sex"), [("0", "F"), ("1.0", "M"), ("Male", "M"), (" f ", "F")])
def test_sexes(table, value, sex):
    assert read_participants(table(f"subject,sex\na,{value}\n"), {})["sex"].tolist() == [sex]


def test_sexes_that_are_not_understood_are_refused(table):
    with pytest.raises(UserError, match="no sex is understood, such as '2'"):
        read_participants(table("subject,sex\na,2\nb,3\n"), {})


def test_a_byte_order_mark_hides_no_column(table):
    assert read_participants(table("eid,sex\na,F\n", encoding="utf-8-sig"), {})["participant"].tolist() == [
        "a"
    ]


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("subject,sex\na,F\n", {"age_years": "21003-2.0"}, "has no column 21003-2.0.*age_years"),
        ("name,sex\na,F\n", {}, "needs a column `subject` or `participant`"),
    ],
)
def test_missing_columns_are_named(table, text, columns, message):
    with pytest.raises(UserError, match=message):
        read_participants(table(text), columns)


def test_a_table_that_says_two_things_of_one_person_is_refused(table):
    with pytest.raises(UserError, match="a stands more than once"):
        gathered(table("participant,age_years\na,50\na,60\n"), index(("a", "a", "")))


def test_rows_without_an_id_say_nothing(table):
    known = gathered(table("participant,age_years\na,50\n,60\n,70\n"), index(("a", "a", "")))
    assert known["age_years"].tolist() == [50]


def test_a_table_that_knows_nobody_is_refused(table):
    with pytest.raises(UserError, match=r"has no row of any subject of the dataset tiny.*'a'"):
        gathered(table("participant,age_years\n001,50\n"), index(("a", "a", "")))


@pytest.mark.parametrize(
    "text",
    [
        "subject,age_years,dataset,id\nSYN1_2,60,other,9\nSYN1_3,64,other,9\n",
        "participant,visit,age_years\nSYN1,2,60\nSYN1,3,64\n",
    ],
)
def test_rows_by_subject_or_by_participant_and_visit(table, text):
    known = gathered(table(text), index(("SYN1_2", "SYN1", "2"), ("SYN1_3", "SYN1", "3")))
    assert known["age_years"].tolist() == [60, 64]
    assert known["dataset"].tolist() == ["tiny", "tiny"]
    assert known["participant"].tolist() == ["SYN1", "SYN1"]


def test_a_column_subject_may_hold_participants(table):
    known = gathered(table("subject,age_years\nSYN1,60\n"), index(("SYN1_2", "SYN1", "2")))
    assert known["age_years"].tolist() == [60]


def test_two_datasets_with_the_same_ids_keep_their_people_apart(table):
    people = pd.DataFrame(
        {
            "subject": ["two-a", "one-a", "one-b"],
            "dataset": ["two", "one", "one"],
            "id": ["a", "a", "b"],
            "participant": ["a", "a", "b"],
            "visit": "",
        }
    )
    paths = {
        "one": table("subject,age_years\na,50\nb,51\n", "one.csv"),
        "two": table("subject,age_years\na,70\n", "two.csv"),
    }
    datasets = {
        name: NiftiDataset(source="nifti", path=path.parent, participants=path)
        for name, path in paths.items()
    }
    known, _ = gather_participants(people, datasets)
    assert known["subject"].tolist() == ["two-a", "one-a", "one-b"]
    assert known["age_years"].tolist() == [70, 50, 51]


def test_acdc_knows_its_participants(tmp_path):
    write_patient(tmp_path, 1)
    options = ImagesDataset(source="acdc", path=tmp_path)
    people = index(("patient001", "patient001", ""))
    known, _ = gather_participants(people, {"tiny": options})
    assert known[["height_cm", "weight_kg", "group"]].to_numpy().tolist() == [[161.0, 62.0, "NOR"]]


def test_what_a_source_says_of_its_participants_is_held_to_limits(tmp_path):
    for number in range(1, 6):
        write_patient(tmp_path, number)
    info = tmp_path / "patient002" / "Info.cfg"
    info.write_text(re.sub("Height: .*", "Height: 1.61", info.read_text()))
    options = ImagesDataset(source="acdc", path=tmp_path)
    people = index(*((f"patient{number:03d}", f"patient{number:03d}", "") for number in range(1, 6)))
    known, found = gather_participants(people, {"tiny": options})
    assert known["height_cm"].isna().tolist() == [False, True, False, False, False]
    assert known["bmi"].round(2).tolist()[0] == 23.92 and pd.isna(known["bmi"][1])
    assert [finding.code for finding in found["patient002"]] == [Code.IMPLAUSIBLE]


def test_scanner_facts_come_from_the_images_where_the_table_has_none():
    people = pd.DataFrame(
        {"subject": ["a", "b"], "vendor": ["Mine", None], "scanner": None, "field_t": [None, 3.0]}
    )
    conversion = pd.DataFrame(
        {
            "subject": ["b", "a"],
            "vendor": ["Other", "Other"],
            "scanner": ["", "Aera"],
            "field_t": ["1.5", "1.5"],
        }
    )
    known = with_scanner_facts(people, conversion)
    assert known["vendor"].tolist() == ["Mine", "Other"]
    assert known["scanner"].tolist()[0] == "Aera"
    assert pd.isna(known["scanner"].tolist()[1])
    assert known["field_t"].tolist() == [1.5, 3.0]


def test_a_source_whose_raw_files_are_gone_knows_nobody(tmp_path):
    options = ImagesDataset(source="acdc", path=tmp_path)
    known, _ = gather_participants(index(("patient001", "patient001", "")), {"tiny": options})
    assert known["subject"].tolist() == ["patient001"]
    assert known["sex"].isna().all()
