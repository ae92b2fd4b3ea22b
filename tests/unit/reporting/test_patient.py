"""One page of one patient."""

import json

import numpy as np
import pypdf
import pytest

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.measures import PRINTED
from cinecohort.cli import main
from cinecohort.findings import Finding, Level
from cinecohort.images import Image, write_image
from cinecohort.reporting.patient import PatientPage, draw_curves, finding_lines, make_patient_page


@pytest.fixture
def folder(tmp_path):
    """Eighteen slices, three frames."""
    labels = np.zeros((48, 48, 18, 3), np.uint8)
    for index in range(18):
        labels[12:36, 12:36, index] = 2
        labels[16 : 30 - index // 3, 16:30, index] = 1
    sidecar = {"n_slices": 18, "n_frames": 3, "spacing_mm": [1.8, 1.8, 10.0], "vendor": "GE", "field_t": 1.5}
    affine = np.diag([1.8, 1.8, 10.0, 1.0])
    write_image(tmp_path / "sa.nii.gz", Image(labels.astype(np.int16) * 40, affine, 0.03, sidecar))
    write_image(tmp_path / "seg_sa.nii.gz", Image(labels, affine, 0.03))
    curves = {"unet": {"ed_frame": 0, "es_frame": 1, "volume_ml": {"LV": [150.0, 60.0, None, 140.0]}}}
    (tmp_path / "curves.json").write_text(json.dumps(curves))
    return tmp_path


def page_text(path):
    reader = pypdf.PdfReader(path)
    assert len(reader.pages) == 1
    return " ".join(reader.pages[0].extract_text().split())


def test_everything_at_once_stays_on_one_page(folder):
    measures = dict.fromkeys(PRINTED, 123.4) | {"ed_frame": 0, "es_frame": 1}
    findings = [Finding(code, Level.REVIEW, "long words " * 40) for code in list(Code)[:30]]
    page = PatientPage("P1", folder, measures, findings, "unet", ("One warning.", "Another warning."))
    make_patient_page(page, folder / "report.pdf")
    text = page_text(folder / "report.pdf")
    assert "LVEDV 123.4 mL" in text
    assert "and 22 more" in text
    assert "All short-axis slices at ED (frame 0) and ES (frame 1)" in text
    assert "61 ± 5 % in women" in text
    assert "GE 1.5 T" in text


def test_nothing_measured_is_said(tmp_path):
    make_patient_page(PatientPage("P1", tmp_path, {}, [], "unet"), tmp_path / "report.pdf")
    text = page_text(tmp_path / "report.pdf")
    assert "Nothing could be measured" in text
    assert "no cine series to draw" in text
    assert "No check had anything to note" in text


def test_undefined_measures_are_named_and_not_printed(folder):
    measures = {"lvedv_ml": 150.0, "lvef_pct": float("nan"), "ed_frame": 0, "es_frame": None}
    make_patient_page(PatientPage("P1", folder, measures, [], "unet", synthetic=True), folder / "report.pdf")
    text = page_text(folder / "report.pdf")
    assert "nan" not in text.lower()
    assert "Not measured: LVESV, LVSV, LVEF" in text
    assert "SYNTHETIC DATA" in text


def test_curves_pass_over_undefined_frames(folder):
    path = folder / "curves.svg"
    assert (
        draw_curves(PatientPage("P1", folder, {}, [], "unet"), path) == "Volume over the cycle of: LV cavity."
    )
    assert "LV cavity" in path.read_text()
    assert draw_curves(PatientPage("P1", folder, {}, [], "other"), path) == ""


def test_the_gravest_findings_come_first():
    levels = [Level.INFO, Level.REVIEW, Level.ERROR, Level.REJECT]
    lines = finding_lines([Finding(f"S{i}", level, "words") for i, level in enumerate(levels, 1)])
    assert [line.split()[0] for line in lines] == ["S3", "S4", "S2", "S1"]


def test_the_command_says_in_a_sentence_that_nothing_is_usable(tmp_path, capsys):
    empty, text = tmp_path / "empty", tmp_path / "text"
    empty.mkdir()
    text.mkdir()
    (text / "image.dcm").write_text("not an image")
    for source, words in (
        (tmp_path / "nowhere", "no such folder"),
        (empty, "holds no DICOM images"),
        (text, "holds no DICOM images"),
    ):
        assert main(["study", str(source), "--out", str(tmp_path / "out")]) == 1
        assert words in capsys.readouterr().err


@pytest.mark.real_data
@pytest.mark.slow
def test_one_study_from_dicom_to_a_page(real_data, tmp_path, capsys):
    source = sorted((real_data / "sunnybrook" / "dicoms").iterdir())[0]
    assert main(["study", str(source), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    assert "LVEDV" in said.out
    assert "segmenting: step 2 of 6 done" in said.err
    text = page_text(tmp_path / "out" / "report.pdf")
    assert "12 short-axis slices × 20 frames" in text
    assert "no cine series to draw" not in text, "the curves are those of the networks of all views"
    assert "Measured by sa=" in text
    assert (tmp_path / "out" / "measures.csv").is_file()
