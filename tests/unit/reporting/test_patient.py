"""One page of one patient."""

import json

import numpy as np
import pypdf
import pytest
from PIL import Image as Picture

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.measures import PRINTED
from cinecohort.cli import main
from cinecohort.findings import Finding, Level
from cinecohort.images import Image, write_image
from cinecohort.measures.options import ReferenceOptions
from cinecohort.measures.reference_ranges import reference_of
from cinecohort.reporting.gallery import GAP_PIXELS
from cinecohort.reporting.patient import (
    PatientPage,
    finding_rows,
    in_print,
    make_patient_page,
    measures_table,
    reference_notes,
)
from cinecohort.reporting.patient_figures import PANEL_PIXELS, columns_for, draw_curves, draw_phases


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


def test_a_patient_with_everything_has_one_page(folder):
    measures = dict.fromkeys(PRINTED, 123.4) | {"ed_frame": 0, "es_frame": 1}
    findings = [Finding(Code.S2, Level.REVIEW, "the RV is in 2 pieces in frame 4")] * 5
    page = PatientPage("P1", folder, measures, findings, "unet", ("One warning.", "Another warning."))
    make_patient_page(page, folder / "report.pdf")
    text = page_text(folder / "report.pdf")
    assert "Orange: LV; green" in text
    assert "long axes" not in text, "none was segmented"
    for words in (
        "LVEF 123.4 %",
        "ED: frame 1 of 3",
        "ES: frame 2 of 3",
        "S2 (for review): the RV is in 2 pieces in frame 5",
        "Frames and slices are counted from 1",
        "GE 1.5 T",
        "One warning.",
    ):
        assert words in text


def test_many_findings_go_on_to_further_pages_in_full(folder):
    findings = [Finding(code, Level.REVIEW, f"{code} {'long words ' * 40}end") for code in list(Code)[:30]]
    measures = {"lvedv_ml": 150.0, "ed_frame": 0, "es_frame": 1}
    make_patient_page(PatientPage("P1", folder, measures, findings, "unet"), folder / "report.pdf")
    reader = pypdf.PdfReader(folder / "report.pdf")
    text = " ".join(" ".join(page.extract_text().split()) for page in reader.pages)
    assert len(reader.pages) > 1
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    assert text.count("words end") == 30


def test_intervals_indexed_measures_and_healthy_people_stand_beside_the_measures(folder):
    """LVEF of 48 % in a man: (48 - 58) / 5 = -2; 80 g/m² of mass: (80 - 53) / 9 = +3."""
    measures = {
        "lvef_pct": 48.0,
        "lvef_pct_low": 44.1,
        "lvef_pct_high": 52.3,
        "lvm_g": 152.0,
        "lvm_g_i": 80.0,
    }
    reference = reference_of(ReferenceOptions(), from_tables=False)
    man = {"sex": "M", "age_years": 60.0, "height_cm": 180.0}
    page = PatientPage("P1", folder, measures, [], "unet", person=man, reference=reference)
    assert [column.title for column in measures_table(page).columns] == [
        *("Measure", "Value", "Unit", "90 % interval", "per m²", "Healthy range", "z"),
    ]
    assert measures_table(page).rows == [
        ["LVEF", "48.0", "%", "44.1 to 52.3", "", "48 to 68", "−2.0 low"],
        ["LVM", "152.0", "g", "", "80.0", "35 to 71 per m²", "+3.0 high"],
    ]
    make_patient_page(page, folder / "report.pdf")
    text = page_text(folder / "report.pdf")
    assert "man · 60 years · 180 cm" in text
    assert "Petersen" in text
    boy = PatientPage(
        "P1", folder, measures, [], "unet", person=man | {"age_years": 9.0}, reference=reference
    )
    assert [column.title for column in measures_table(boy).columns][-1] == "per m²"
    assert reference_notes(boy) == ["No comparison with healthy people: no range for this sex and age."]


def test_what_is_not_given_says_why(folder):
    voided = {"rvedv_ml": "the RV was lost", "rvef_pct": "the RV was lost"}
    page = PatientPage("P1", folder, {"lvedv_ml": 150.0}, [], "unet", voided=voided)
    notes = str(measures_table(page).notes)
    assert "RVEDV, RVEF (the RV was lost)" in notes
    assert notes.startswith("Not measured: LVESV, ")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("frame 0 of it", "frame 1 of it"),
        ("Frames 0, 4 and 11.", "Frames 1, 5 and 12."),
        ("slices 2 to 5 in 20 frames", "slices 3 to 6 in 20 frames"),
        ("slices 8.0 mm apart", "slices 8.0 mm apart"),
        ("slices 8 mm apart", "slices 8 mm apart"),
        ("12 slices of the 20", "12 slices of the 20"),
        ("slice 3: 1.25 mm", "slice 4: 1.25 mm"),
        ("la_4ch: frame 2", "4-chamber: frame 3"),
    ],
)
def test_findings_count_frames_and_slices_from_one(message, words):
    assert in_print(message) == words


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
    assert draw_curves(folder, "unet", path) == "Volume over the cycle of: LV cavity."
    assert "counted from 1" in path.read_text()
    assert draw_curves(folder, "other", path) == ""


def test_pictures_show_every_slice_of_both_phases(folder):
    drawn = draw_phases(folder, {"ED": 0, "ES": 2, "gone": 7}, folder, 90.0)
    assert [words for words, _ in drawn] == ["ED: frame 1 of 3", "ES: frame 3 of 3"]
    columns, step = columns_for(18, 90.0), PANEL_PIXELS + GAP_PIXELS
    assert columns == 5
    with Picture.open(folder / "slices_ed.png") as picture:
        assert picture.size == (columns * step - GAP_PIXELS, 4 * step - GAP_PIXELS)
        sheet = np.asarray(picture)
    last = sheet[3 * step :, 2 * step : 3 * step - GAP_PIXELS]
    assert (last < 255).any(), "the eighteenth slice is drawn"
    assert (sheet[3 * step :, 3 * step :] == 255).all(), "and no nineteenth"


def test_the_gravest_findings_come_first():
    levels = [Level.INFO, Level.REVIEW, Level.ERROR, Level.REJECT]
    rows = finding_rows([Finding(f"S{i}", level, "words") for i, level in enumerate(levels, 1)])
    assert [row["code"] for row in rows] == ["S3", "S4", "S2", "S1"]
    assert [row["level"] for row in rows] == ["fault", "not used", "for review", "noted"]


def test_the_command_says_in_a_sentence_that_nothing_is_usable(tmp_path, capsys):
    empty, text = tmp_path / "empty", tmp_path / "text"
    empty.mkdir()
    text.mkdir()
    (text / "image.dcm").write_text("not an image")
    for source, words in (
        (tmp_path / "nowhere", "no such folder or zip archive"),
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
    assert "Measured by unet_all_sa (short axis)" in text
    assert (tmp_path / "out" / "measures.csv").is_file()
