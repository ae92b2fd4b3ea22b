"""Folders named after people do not become keys unless somebody says so."""

import pytest

from cinecohort.cohort.index import list_subjects, open_dataset
from cinecohort.cohort.refresh import refresh_index
from cinecohort.config import parse_config
from cinecohort.conversion.options import ConversionOptions
from cinecohort.errors import UserError
from cinecohort.findings import Status
from cinecohort.sources.names import gives_away
from support import synthetic_dicom as synthetic

DOE = {"PatientName": "Doe^Jane", "PatientID": "PID-778", "PatientBirthDate": "19570312"}


@pytest.mark.parametrize(
    "key",
    ["Doe^Jane", "Jane_Doe", "doe jane", "DOE", "PID-778", "pid-778", "x19570312", "sub_12.03.1957", "Doe1"],
)
def test_what_gives_a_person_away(key):
    assert gives_away(key, DOE)


@pytest.mark.parametrize("key", ["S1", "sub-0001", "patient017", "SCD0000101", "A", "case_12", "MnM_x_2"])
def test_what_does_not(key):
    assert not gives_away(key, DOE)


def test_a_phantom_is_nobody():
    assert not gives_away("Jane_Doe", {"PatientName": "Jane_Doe^PHANTOM"})


def configuration(folder, **how):
    dataset = {"source": "dicom", "path": str(folder / "raw"), **how}
    return parse_config({"datasets": {"d": dataset}, "results": str(folder / "results")})


@pytest.fixture
def cohort(tmp_path):
    for key in ("Doe_Jane", "S2"):
        synthetic.write_files(tmp_path / "raw" / key, synthetic.stack(4, 12))
    return tmp_path


def test_the_run_stops_with_a_sentence_that_does_not_repeat_the_name(cohort):
    with pytest.raises(
        UserError, match="1 of 2 folders of the dataset d are named after a patient"
    ) as refusal:
        list_subjects(configuration(cohort))
    assert "Doe" not in str(refusal.value)


@pytest.mark.parametrize(("folder", "named"), [("PID-778", True), ("P1", False)])
def test_a_folder_of_two_visits_is_judged_without_the_number_of_the_visit(tmp_path, folder, named):
    for visit, date in enumerate(("20140605", "20160605")):
        images = synthetic.stack(4, 12)
        for image in images:
            image.StudyInstanceUID, image.FrameOfReferenceUID = f"1.2.{visit}", f"1.3.{visit}"
            image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = date
        synthetic.write_files(tmp_path / "raw" / folder / str(visit), images)
    config = configuration(tmp_path)
    if named:
        with pytest.raises(UserError, match="2 of 2 folders"):
            list_subjects(config)
    else:
        assert [row["subject"] for row in list_subjects(config)[0]] == ["P1_1", "P1_2"]


def test_a_number_behind_a_folder_s_name_stays_where_there_are_no_visits(tmp_path):
    images = synthetic.stack(4, 12)
    for image in images:
        image.PatientID = "PID"
    synthetic.write_files(tmp_path / "raw" / "PID_1", images)
    assert [row["subject"] for row in list_subjects(configuration(tmp_path))[0]] == ["PID_1"]


def test_unless_the_names_are_said_to_be_pseudonyms(cohort):
    rows, _ = list_subjects(configuration(cohort, subject_names="folder"))
    assert [row["subject"] for row in rows] == ["Doe_Jane", "S2"]


def test_hashed_names_lead_back_to_the_folder_and_leave_no_trace_of_it(cohort):
    table = cohort / "keys.tsv"
    config = configuration(cohort, subject_names="hashed", key_table=str(table))
    first, _ = list_subjects(config)
    again, _ = list_subjects(config)
    assert first == again
    source = open_dataset(config.datasets["d"])
    key = next(line.split("\t")[0] for line in table.read_text().splitlines() if line.endswith("Doe_Jane"))
    outcome = source.convert(source.subject(key), cohort / "made", ConversionOptions())
    assert outcome.status is Status.OK
    assert outcome.values["participant"] == source.subject(key).participant == key
    refresh_index(config)
    written = [path for path in config.results.rglob("*") if path.is_file()]
    assert not any("Doe" in path.read_text() for path in written)
    assert table.stat().st_mode & 0o077 == 0


def test_who_withdrew_is_found_by_the_folder_s_name(cohort):
    (cohort / "withdrawn.txt").write_text("Doe_Jane\n")
    how = {"subject_names": "hashed", "key_table": str(cohort / "keys.tsv")}
    rows, withdrawn = list_subjects(configuration(cohort, withdrawals=str(cohort / "withdrawn.txt"), **how))
    assert (len(rows), len(withdrawn)) == (1, 1)


@pytest.mark.parametrize(
    "how",
    [
        {"subject_names": "hashed"},
        {"key_table": "k.tsv"},
        {"subject_names": "hashed", "key_table": "results/k"},
    ],
)
def test_a_key_table_is_needed_and_lies_outside_the_results(tmp_path, monkeypatch, how):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="key_table"):
        parse_config({"datasets": {"d": {"source": "dicom", "path": "raw", **how}}, "results": "results"})


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"key\tname\nonly\n", b"other\ttable\n1\t2\n"])
def test_a_damaged_key_table_says_so(cohort, content):
    (cohort / "keys.tsv").write_bytes(content)
    how = {"subject_names": "hashed", "key_table": str(cohort / "keys.tsv")}
    with pytest.raises(UserError, match="no table of keys"):
        list_subjects(configuration(cohort, **how))
