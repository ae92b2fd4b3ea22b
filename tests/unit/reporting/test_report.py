"""The study report as a reader sees it: the PDF's text."""

import json
import re

import numpy as np
import pandas as pd
import pypdf
import pytest

from cinecohort.cli import main
from cinecohort.errors import UserError
from cinecohort.images import Image, write_image
from cinecohort.reporting.options import ReportOptions
from cinecohort.reporting.report import make_report
from cinecohort.reporting.sections.study import reason_words
from cinecohort.reporting.settings import report_settings
from support.fake_analyses import add_agreement, add_study
from support.fake_cohort import FakeCohort

pytestmark = pytest.mark.usefixtures("quick_figures")


def report(folder, **options):
    """Make the report; its reader."""
    stored, config = report_settings(folder)
    make_report(folder, folder / "report.pdf", stored.model_copy(update=options), config)
    return pypdf.PdfReader(folder / "report.pdf")


def text_of(reader):
    return "\n".join(page.extract_text() for page in reader.pages)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A results folder and its report, made once; tests only make the report again."""
    folder = FakeCohort(tmp_path_factory.mktemp("plain") / "results").write()
    return folder, report(folder)


def test_synthetic_data_are_marked_on_every_page(plain):
    _, reader = plain
    assert len(reader.pages) > 4
    for page in reader.pages:
        assert "SYNTHETIC DATA" in page.extract_text()


def test_pages_are_numbered_of_all(plain):
    _, reader = plain
    last = len(reader.pages)
    for index, page in enumerate(reader.pages):
        assert f"page {index + 1} of {last}" in page.extract_text()


def test_user_text_is_printed_as_it_is(plain):
    _, reader = plain
    text = text_of(reader)
    assert "The *test* cohort #1, $x$ @all" in text
    assert "Philips_#1" in text
    assert "Reading_$1" in text


def test_numbers_add_up_and_nothing_undefined_is_printed(plain):
    _, reader = plain
    text = text_of(reader)
    words = " ".join(text.split())
    assert "Of 24 subjects received from the dataset phantom, 22 were analysed" in words
    assert "2 of 24: " in words
    assert "4 of the analysed are flagged for review and kept" in words
    assert not re.search(r"\b(nan|NaN|None|inf|Inf|NaT)\b", text)


def test_no_subject_key_is_printed_unless_asked_for(plain):
    folder, reader = plain
    assert "SYN0" not in text_of(reader)
    listed = text_of(report(folder, list_subjects=True))
    assert "SYN0004" in listed, "the first subject for review"


def test_the_pdf_is_tagged_titled_and_has_an_outline(plain):
    _, reader = plain
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.metadata.title == "The *test* cohort #1, $x$ @all"
    assert len(reader.outline) > 8


def test_missing_parts_are_said_in_a_sentence(plain):
    _, reader = plain
    text = " ".join(text_of(reader).split())
    assert "holds no tables of agreement" in text
    assert "No group study was configured" in text
    assert "no images with label maps to draw" in text


def test_the_same_results_give_the_same_bytes(plain):
    folder, _ = plain
    report(folder)
    first = (folder / "report.pdf").read_bytes()
    run = folder / "run.json"
    run.write_text(run.read_text().replace("2026-03-01 10:00", "2027-04-02 11:01"))
    report(folder)
    assert (folder / "report.pdf").read_bytes() == first


def test_real_data_carry_no_mark(fake_results):
    text = text_of(report(fake_results(synthetic=False, n=5, n_excluded=0)))
    assert "SYNTHETIC" not in text
    assert "phantoms" not in text
    assert "No subject was excluded: all 5" in text


def test_everyone_excluded(fake_results):
    text = " ".join(text_of(report(fake_results(n=4, n_excluded=4))).split())
    assert "Of 4 subjects received, 0 (0.0 %) were analysed and 4 (100.0 %) excluded" in text
    assert "No measure could be taken of any subject" in text
    assert "there are no participants to describe" in text


def test_a_cohort_of_three(fake_results):
    folder = fake_results(n=3, n_excluded=1)
    add_agreement(folder)
    text = " ".join(text_of(report(folder)).split())
    assert "Only 2 subjects were analysed" in text
    assert "Differences between measures" in text
    assert not re.search(r"\b(nan|NaN|None|inf|Inf|NaT)\b", text)


def test_without_observers_and_participants(fake_results):
    folder = fake_results(observers=(), participants=False)
    add_agreement(folder)
    text = " ".join(text_of(report(folder)).split())
    assert "by group" not in text
    assert "Not known of the participants: age, sex and body size" in text
    assert "No human observer's contours came with this cohort" in text
    assert "No segmentation could be compared with another" in text
    assert "no human contours, so the accuracy of the automatic measures" in text


def test_without_models(fake_results):
    text = " ".join(text_of(report(fake_results(models=(), observers=("O1", "O2")))).split())
    assert "There are no automatic measures" in text


def test_several_datasets_are_distinguished(fake_results):
    folder = fake_results(datasets={"acdc": "acdc", "clinic": "dicom"}, n=12, synthetic=False)
    text = " ".join(text_of(report(folder)).split())
    assert "Subjects by dataset" in text
    assert "cite Bernard et al" in text
    assert "by dataset: mean (SD)" in text


def test_published_figures_stand_beside_and_are_marked(fake_results):
    folder = fake_results(n=16, n_excluded=0, observers=("O1", "O2", "O3"))
    add_agreement(folder)
    add_study(folder)
    text = " ".join(text_of(report(folder)).split())
    for words in ("6.1 (5.3)", "4.8 (3.1)", "158 (34)", "143 (31)", "UKBB", "BSCMR-AS"):
        assert words in text
    assert "Published, Bai et al. 2018" in text
    assert "Obesity and the heart" in text
    assert "Verdict." in text
    assert "Obese minus Normal weight (" in text
    assert "Reliability of single measurements" in text
    assert "as a further observer" in text
    without = " ".join(text_of(report(folder, published_figures=False)).split())
    assert "6.1 (5.3)" not in without
    assert "BSCMR-AS" not in without
    assert "Published" not in without.replace("Published figures are of other cohorts", "")


def test_intervals_are_called_by_the_confidence_that_was_set(fake_results):
    folder = fake_results(n=40)
    settings = {"confidence": 0.8, "overlap_unit": "image"}
    add_agreement(folder, **settings)
    add_study(folder, alpha=0.1)
    run = json.loads((folder / "run.json").read_text())
    run["config"]["agreement"] |= settings
    (folder / "run.json").write_text(json.dumps(run))
    text = " ".join(text_of(report(folder, published_figures=False)).split())
    # What is known of intervals by weighting is of studies that were simulated with 95 %.
    assert "95 %" not in text.replace("of 95 % intervals left out zero in simulated studies", "")
    assert "80 % CI" in text
    assert "exact 80 % confidence" in text
    assert "90 % CI" in text
    assert "n counts frames" in text
    assert "averaged first" not in text


def test_a_study_that_could_not_be_done_says_why(fake_results):
    folder = fake_results(n=5)
    study = folder / "study" / "obesity"
    study.mkdir(parents=True)
    (study / "flow.csv").write_text(
        "step,reason,n,kind\nsubjects,,5,remaining\ngroups,missing bmi,5,excluded\n"
    )
    summary = {"status": "not done", "title": "Obesity", "verdict": "No subject is left in the group Obese."}
    (study / "summary.json").write_text(json.dumps(summary))
    text = " ".join(text_of(report(folder)).split())
    assert "This study could not be done. No subject is left in the group Obese." in text


def test_reasons_of_a_studys_flow_are_in_words():
    assert reason_words("excluded: GAP") == "a slice position is missing in the stack (GAP)"
    assert reason_words("diagnosis ICD-10 I21") == "diagnosis ICD-10 I21"
    assert reason_words("Obese: no partner") == "Obese: no partner"
    assert reason_words("error") == "error"


def test_pictures_of_the_worst_cases(fake_results):
    folder = fake_results(n=8, n_excluded=0)
    overlap = pd.read_csv(folder / "cohort" / "overlap.tsv", sep="\t")
    overlap.loc[overlap["subject"] == "SYN0003", "dice"] = 0.4
    overlap.to_csv(folder / "cohort" / "overlap.tsv", sep="\t", index=False)
    labels = np.zeros((40, 40, 3, 2), np.uint8)
    labels[10:30, 10:30] = 2
    labels[14:26, 14:26] = 1
    affine = np.diag([2.0, 2.0, 10.0, 1.0])
    for name in ("SYN0003", "SYN0000"):
        subject = folder / "subjects" / name
        subject.mkdir(parents=True)
        write_image(subject / "sa.nii.gz", Image(labels.astype(np.int16) * 50, affine, 0.05))
        write_image(subject / "seg_sa.nii.gz", Image(labels, affine, 0.05))
    reader = report(folder, gallery_worst=1, gallery_best=0, list_subjects=True)
    text = " ".join(text_of(reader).split())
    assert "SYN0003. Dice 0.40 at E" in text
    assert "not flagged by quality control" in text
    assert "highest Dice" not in text


def test_small_counts_are_hidden_on_request(fake_results):
    folder = fake_results(n=24, n_excluded=2)
    text = " ".join(text_of(report(folder, smallest_count=5)).split())
    assert "Counts from 1 to 4 are shown as < 5" in text
    assert "(NO_VIEW): < 5" in text


def test_a_mixture_of_engines_is_said(fake_results):
    folder = fake_results(n=5)
    run = json.loads((folder / "run.json").read_text())
    run["engines"] = {"openvino/bf16/cpu": 3, "torch/fp32/cuda": 2}
    (folder / "run.json").write_text(json.dumps(run))
    text = " ".join(text_of(report(folder)).split())
    assert "different engines, precisions or devices: openvino/bf16/cpu (3) and torch/fp32/cuda (2)" in text


def test_a_flow_that_does_not_add_up_is_an_error(fake_results):
    folder = fake_results()
    flow = pd.read_csv(folder / "cohort" / "flow.tsv", sep="\t")
    flow.loc[flow["step"] == "measured", "received"] = 21
    flow.to_csv(folder / "cohort" / "flow.tsv", sep="\t", index=False)
    with pytest.raises(UserError, match="does not add up"):
        report(folder)


def test_a_subject_listed_twice_is_an_error(fake_results):
    folder = fake_results()
    status = pd.read_csv(folder / "cohort" / "status.tsv", sep="\t")
    pd.concat([status, status.head(1)]).to_csv(folder / "cohort" / "status.tsv", sep="\t", index=False)
    with pytest.raises(UserError, match="lists a subject twice"):
        report(folder)


def test_a_fault_of_the_evaluation_is_counted_after_the_flow(fake_results):
    folder = fake_results(n=6, n_excluded=0)
    status = pd.read_csv(folder / "cohort" / "status.tsv", sep="\t")
    status.loc[0, ["status", "stage", "code"]] = ["error", "evaluate", "UNEXPECTED"]
    status.to_csv(folder / "cohort" / "status.tsv", sep="\t", index=False)
    text = " ".join(text_of(report(folder)).split())
    assert "Of 6 subjects received from the dataset phantom, 5 were analysed" in text
    assert "1 of 6: " in text
    assert "fault of the comparison with observers" in text


def test_the_command_writes_the_report(fake_results, capsys):
    folder = fake_results(n=3, n_excluded=0)
    assert main(["report", str(folder)]) == 0
    assert "report.pdf" in capsys.readouterr().out
    assert (folder / "report.pdf").stat().st_size > 10_000


def test_settings_of_another_version_are_a_sentence(fake_results, capsys):
    folder = fake_results(n=3, n_excluded=0)
    config = report_settings(folder)[1]
    limits = {**(config.get("conversion") or {}).get("limits", {}), "another": 1}
    config["conversion"] = {**(config.get("conversion") or {}), "limits": limits}
    (folder / "config.json").write_text(json.dumps(config))
    assert main(["report", str(folder)]) == 1
    said = capsys.readouterr().err
    assert "`limits.another` of ConversionOptions" in said
    assert "run the workflow again" in said


def test_the_command_says_what_is_missing(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 1
    assert "run the workflow first" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "nowhere")]) == 1
    assert "no such folder" in capsys.readouterr().err


def test_settings_of_another_version_are_named(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"report": {"colour": "red"}}))
    with pytest.raises(UserError, match="settings of the report cannot be read"):
        report_settings(tmp_path)
    assert report_settings(tmp_path.parent)[0] == ReportOptions()
