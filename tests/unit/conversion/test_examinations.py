"""Which images are of one examination: never two in one stack, never one in two."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from cinecohort.conversion.examinations import examinations
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.series import convert_series
from cinecohort.findings import Level, Status
from cinecohort.sources.detect import open_detected
from cinecohort.sources.dicom import open_source
from support import synthetic_dicom as synthetic

Edit = Callable[[Dataset], None]


def dated(image: Dataset, date: str) -> None:
    image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = date


def visit(number: int, date: str = "", reference: str | None = "", off_mm: float = 5.0) -> list[Dataset]:
    """A stack of a visit with a study identifier of its own, `off_mm` beside that of visit 0."""
    images = synthetic.stack(layout="slice_major")
    for image in images:
        image.StudyInstanceUID = f"1.2.3.{number}"
        dated(image, date or f"201{4 + number}0605")
        image.FrameOfReferenceUID = f"1.2.9.{number}" if reference == "" else reference
        if reference is None:
            del image.FrameOfReferenceUID
        place = np.array(image.ImagePositionPatient, float) + number * off_mm * synthetic.NORMAL
        image.ImagePositionPatient = [round(float(value), 6) for value in place]
    return images


@pytest.mark.parametrize("reference", ["", None, "1.2.9"])
def test_visits_of_different_dates_are_never_one_stack(reference: str | None) -> None:
    images = visit(0, reference=reference) + visit(1, reference=reference)
    conversion = convert_series(synthetic.to_files(images), ConversionOptions())
    (finding,) = [finding for finding in conversion.findings if finding.code == "EXAMINATIONS"]
    assert finding.level is Level.REVIEW
    tags = conversion.views["sa"].image.data[0, 0]
    np.testing.assert_array_equal(tags, synthetic.expected_tags(6, 12))


@pytest.mark.parametrize("reference", ["", None])
def test_where_dates_were_removed_nothing_is_merged(reference: str | None) -> None:
    images = visit(0, reference=reference) + visit(1, reference=reference)
    for image in images:
        del image.StudyDate, image.SeriesDate, image.AcquisitionDate, image.ContentDate
    conversion = convert_series(synthetic.to_files(images), ConversionOptions())
    assert "as far as is known" in conversion.findings[0].message
    assert conversion.views["sa"].image.data.shape[2] == 6


def one_reference(images: list[Dataset]) -> None:
    for index, image in enumerate(images):
        image.StudyInstanceUID = f"1.2.3.{index // 12}"


def no_reference(images: list[Dataset]) -> None:
    one_reference(images)
    for image in images:
        del image.FrameOfReferenceUID


def a_study_for_each_image(images: list[Dataset]) -> None:
    for image in images:
        image.StudyInstanceUID = generate_uid()


def some_without_study(images: list[Dataset]) -> None:
    for image in images[:12]:
        del image.StudyInstanceUID


def midnight(images: list[Dataset]) -> None:
    for index, image in enumerate(images):
        later = index // 12 >= 3
        image.StudyInstanceUID = f"1.2.3.{later}"
        dated(image, "20140606" if later else "20140605")
        image.AcquisitionTime = f"{'00' if later else '23'}{(index // 12) % 3 + (1 if later else 57):02d}00"


@pytest.mark.parametrize(
    "edit", [one_reference, no_reference, a_study_for_each_image, some_without_study, midnight]
)
def test_one_examination_with_several_study_identifiers_is_one_stack(
    edit: Callable[[list[Dataset]], None], tmp_path: Path
) -> None:
    images = synthetic.stack(layout="slice_major")
    edit(images)
    conversion = convert_series(synthetic.to_files(images), ConversionOptions())
    assert conversion.findings == []
    tags = conversion.views["sa"].image.data[0, 0]
    np.testing.assert_array_equal(tags, synthetic.expected_tags(6, 12))
    synthetic.write_files(tmp_path / "cohort" / "someone", images)
    assert [subject.key for subject in open_source(tmp_path / "cohort").subjects()] == ["someone"]


def header(study: str, date: str, time: str, reference: str = "") -> dict[str, str]:
    values = {"StudyInstanceUID": study, "StudyDate": date, "AcquisitionTime": time}
    return {**values, "FrameOfReferenceUID": reference}


@pytest.mark.parametrize(
    ("headers", "n", "doubtful"),
    [
        ([header("1", "20140605", "1000"), header("2", "20140605", "1010")], 1, False),
        ([header("1", "20140605", "1000"), header("2", "20140605", "1100")], 2, True),
        ([header("1", "20140605", "1000"), header("2", "20140605", "1500")], 2, False),
        ([header("1", "20140605", "1000", "9"), header("2", "20140605", "1500", "9")], 1, False),
        ([header("1", "20140605", "1000", "8"), header("2", "20140605", "1010", "9")], 2, True),
        ([header("1", "20140605", "1000"), header("2", "20140605", "1000")], 2, True),
        ([header("1", "20140605", "1000"), header("1", "20150605", "1000")], 2, False),
        ([header("1", "", ""), header("2", "", "")], 2, True),
        ([header("1", "20140605", "1000"), header("", "", ""), header("2", "20150605", "1000")], 3, True),
        ([header("", "20140605", "1000"), header("", "20140605", "1700")], 1, False),
    ],
)
def test_what_is_together(headers: list[dict[str, str]], n: int, doubtful: bool) -> None:
    found = examinations(headers)
    assert (len(found.groups), found.doubtful) == (n, doubtful)


@pytest.mark.parametrize("flat", [False, True])
def test_examinations_become_visits_by_date(flat: bool, tmp_path: Path) -> None:
    cohort = tmp_path / "cohort"
    for number in (2, 0, 1):
        folder = cohort / "someone" if flat else cohort / "someone" / f"{9 - number}"
        synthetic.write_files(folder, visit(number))
    synthetic.write_files(cohort / "else" / "only", visit(0))
    source = open_source(cohort)
    subjects = source.subjects()
    assert [subject.key for subject in subjects] == ["else", "someone_1", "someone_2", "someone_3"]
    assert {(s.participant, s.visit) for s in subjects[1:]} == {
        ("someone", "1"),
        ("someone", "2"),
        ("someone", "3"),
    }
    for number, subject in enumerate(subjects[1:]):
        assert subject == source.subject(subject.key)
        folder = tmp_path / "out" / subject.key
        folder.mkdir(parents=True)
        outcome = source.convert(subject, folder, ConversionOptions())
        assert outcome.status is Status.OK, outcome.findings
        assert f"1.2.3.{number}" in str([image.StudyInstanceUID for image in visit(number)])
        assert len(subject.files) == 72


def test_one_flat_folder_of_two_visits_given_alone_is_two_subjects(tmp_path: Path) -> None:
    for number in (0, 1):
        synthetic.write_files(tmp_path / "someone", visit(number))
    assert [s.key for s in open_detected(tmp_path / "someone", "auto", None).subjects()] == [
        "someone_1",
        "someone_2",
    ]


def test_a_report_or_capture_of_another_day_makes_no_visit(tmp_path: Path) -> None:
    report, capture = visit(1)[:2]
    del report.PixelData
    report.SOPClassUID, report.Modality = synthetic.REPORT, "SR"
    capture.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    synthetic.write_files(tmp_path / "cohort" / "someone", [*visit(0), report, capture])
    (subject,) = open_source(tmp_path / "cohort").subjects()
    assert subject.key == "someone"


def test_images_without_patient_are_not_another_patient() -> None:
    images = synthetic.stack()
    for image in images[::3]:
        del image.PatientID
    for image in images[1::3]:
        image.PatientID = "pid-778 "
    conversion = convert_series(synthetic.to_files(images), ConversionOptions())
    assert conversion.findings == []
    images[1].PatientID = "another"
    conversion = convert_series(synthetic.to_files(images), ConversionOptions())
    assert [(f.code, f.level) for f in conversion.findings] == [("IDENTITY", Level.REJECT)]
