"""Studies given as folder, zip archive or folder of several; the persons; the summary."""

import shutil
from typing import Any, cast

import pandas as pd
import pypdf
import pytest

from cinecohort.analyses import patient_folder
from cinecohort.analyses.patient_folder import people_of, study_folder
from cinecohort.analyses.patient_study import PatientStudy, StudySettings, studies_in, with_comparisons
from cinecohort.errors import UserError
from cinecohort.findings import Finding, Level
from cinecohort.measures.options import ReferenceOptions
from cinecohort.measures.reference_ranges import reference_of
from cinecohort.sources.base import RawSubject
from support.hostile import write_good

SHIPPED = reference_of(ReferenceOptions(), from_tables=False)


def keys(source) -> list[str]:
    return [subject.key for subject in studies_in(source)[1]]


def test_a_folder_a_zip_archive_and_a_folder_of_both_are_studies(tmp_path):
    for name in ("anna", "bert"):
        write_good(tmp_path / "raw" / name)
    shutil.make_archive(str(tmp_path / "raw" / "carl"), "zip", tmp_path / "raw" / "anna")
    assert keys(tmp_path / "raw" / "anna") == ["anna"]
    assert keys(tmp_path / "raw" / "carl.zip") == ["carl"]
    assert keys(tmp_path / "raw") == ["anna", "bert", "carl"]
    opened, (subject,) = studies_in(tmp_path / "raw" / "carl.zip")
    with pytest.raises(UserError, match="no such folder or zip archive"):
        studies_in(tmp_path / "raw" / "nobody.zip")
    assert subject.files[0][0] == "carl.zip"
    assert opened.subject("carl") == subject


def test_uk_biobanks_archives_are_one_study_per_participant_and_visit(tmp_path):
    write_good(tmp_path / "files")
    for name in ("SYN0001_20208_2_0", "SYN0001_20209_2_0", "SYN0002_20209_3_0"):
        shutil.make_archive(str(tmp_path / "raw" / name), "zip", tmp_path / "files")
    assert keys(tmp_path / "raw") == ["SYN0001_2", "SYN0002_3"]


def subjects(*names: str) -> list[RawSubject]:
    return [RawSubject(name, name.split("_")[0], "", (), ()) for name in names]


def test_persons_come_from_what_is_given_or_from_a_table(tmp_path):
    nothing = {"sex": None, "age_years": None}
    assert people_of(subjects("a"), None, {"sex": "F", "age_years": 61.0}) == {
        "a": {"sex": "F", "age_years": 61.0}
    }
    assert people_of(subjects("a", "b"), None, nothing) == {"a": {}, "b": {}}
    table = tmp_path / "people.csv"
    table.write_text("subject,sex,age_years,height_cm\na,female,61,170\nb_2,M,,\n")
    assert people_of(subjects("a", "b_2", "c"), table, nothing) == {
        "a": {"sex": "F", "age_years": 61.0, "height_cm": 170.0},
        "b_2": {"sex": "M"},
        "c": {},
    }
    with pytest.raises(UserError, match="There are 2 studies, and sex of one person"):
        people_of(subjects("a", "b"), None, {"sex": "F"})
    with pytest.raises(UserError, match=r"height_cm of 1\.7 cannot be right"):
        people_of(subjects("a"), None, {"height_cm": 1.7})


def test_a_persons_row_has_indexed_measures_and_z_scores():
    """Du Bois of 170 cm and 70 kg is 1.8097 m²; an LVEF of 51 % is two SDs under the 61 (5) % of women."""
    person = {"sex": "F", "age_years": 60.0, "height_cm": 170.0, "weight_kg": 70.0}
    row = with_comparisons("a", {"lvef_pct": 51.0, "lvm_g": 80.0, "source": "net"}, person, SHIPPED)
    assert row["lvef_pct_z"] == -2.0
    assert row["lvm_g_i"] == pytest.approx(80 / 1.8097, abs=1e-3)
    alone = with_comparisons("a", {"lvef_pct": 51.0, "lvm_g": 80.0}, {}, SHIPPED)
    assert "lvm_g_i" not in alone
    assert pd.isna(alone["lvef_pct_z"])


def test_a_study_that_fails_stands_in_the_summary_and_stops_no_other(tmp_path, monkeypatch):
    person = {"sex": "M", "age_years": 60.0}
    measured = {"lvedv_ml": 210.0, "lvef_pct": 40.0, "lvef_pct_z": -3.6, "status": "review"}
    findings = [Finding("S2", Level.REVIEW, "Why."), Finding("VIEW", Level.INFO, "Noted.")]

    def study(opened: Any, subject: RawSubject, out: Any, settings: Any, known: Any) -> PatientStudy:
        if subject.key == "b":
            raise UserError(
                "b: no short-axis stack (NO_VIEW: nothing lies so). The records have the details."
            )
        return PatientStudy(subject.key, {"subject": "a", **measured}, findings, known)

    monkeypatch.setattr(patient_folder, "study_patient", study)
    done = study_folder(cast("Any", None), subjects("a", "b"), tmp_path, StudySettings({}), {"a": person})
    assert [each.status for each in done] == ["review", "excluded"]
    table = pd.read_csv(tmp_path / "summary.csv").set_index("subject")
    assert table.loc["a", ["status", "codes", "page"]].tolist() == ["review", "S2", "a/report.pdf"]
    assert table.loc["a", "why"] == "a structure is in several pieces (S2)"
    assert table.loc["a", "lvedv_ml"] == 210.0
    assert table.loc["b", "why"].startswith("no short-axis stack")
    assert pd.isna(table.loc["b", "lvedv_ml"])
    (page,) = pypdf.PdfReader(tmp_path / "summary.pdf").pages
    text = " ".join(page.extract_text().split())
    for words in ("Summary of 2 studies", "1 for review, 1 without measures", "40.0 (−3.6)", "NO_VIEW"):
        assert words in text
