"""Any DICOM folder: listing, conversion, empty and hopeless ones."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from cinecohort.conversion.options import ConversionOptions
from cinecohort.errors import UserError
from cinecohort.findings import Level, Status
from cinecohort.images import read_image
from cinecohort.sources.base import open_source
from cinecohort.sources.detect import detect_layout, open_detected
from support import synthetic_dicom as synthetic

OPTIONS = ConversionOptions()


def test_folder_of_folders(tmp_path: Path) -> None:
    synthetic.write_files(tmp_path / "P1" / "series 1" / "deep", synthetic.stack(5, 10, layout="ge"))
    (tmp_path / "P2").mkdir()
    (tmp_path / "P1" / ".hidden").write_bytes(b"x")
    source = open_source("dicom", tmp_path)
    subjects = source.subjects()
    assert [(subject.key, subject.participant, subject.visit) for subject in subjects] == [
        ("P1", "P1", ""),
        ("P2", "P2", ""),
    ]
    assert len(subjects[0].files) == 50
    assert subjects[0].files[0][0].startswith("P1/series 1/deep/")
    assert source.subject("P1") == subjects[0]
    outcome = source.convert(subjects[0], tmp_path / "out", OPTIONS)
    assert outcome.status is Status.OK
    image = read_image(tmp_path / "out" / "sa.nii.gz")
    np.testing.assert_array_equal(image.data[0, 0], synthetic.expected_tags(5, 10))
    empty = source.convert(subjects[1], tmp_path / "out2", OPTIONS)
    assert empty.status is Status.EXCLUDED
    assert [(f.code, f.level) for f in empty.findings] == [("NO_VIEW", Level.REJECT)]


def test_unknown_names_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no data source 'dicoms'"):
        open_source("dicoms", tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        open_source("dicom", tmp_path / "absent")
    with pytest.raises(UserError, match=r"no setting \['colour'\]"):
        open_source("dicom", tmp_path, colour="red")
    with pytest.raises(UserError, match="Subject 'P9'"):
        open_source("dicom", tmp_path).subject("P9")


def test_one_study_is_one_subject_however_it_lies(tmp_path: Path) -> None:
    images = synthetic.stack(5, 10)
    flat = synthetic.write_files(tmp_path / "flat", images)
    for dataset in images:
        synthetic.write_files(tmp_path / "nested" / f"Se{dataset.SeriesNumber}", [dataset])
    for folder in (flat, tmp_path / "nested"):
        (subject,) = open_detected(folder, "auto", None).subjects()
        assert subject.key == folder.name
        assert len(subject.files) == 50


def two_visits() -> list[list[Dataset]]:
    """Stacks of two examinations of one patient, two years apart."""
    visits = [synthetic.stack(5, 10) for _ in range(2)]
    for image in visits[1]:
        image.StudyInstanceUID, image.FrameOfReferenceUID = "1.2.3.4", "1.2.3.5"
        image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = "20160605"
    return visits


def zipped(path: Path, images: list[Dataset]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("README", "images")
        for number, image in enumerate(images):
            archive.writestr(f"{number:04d}.dcm", synthetic.to_bytes(image))


def test_two_examinations_as_two_archives_of_one_folder_are_two_visits(tmp_path: Path) -> None:
    for name, images in zip("ba", two_visits(), strict=True):
        zipped(tmp_path / "raw" / "P1" / f"{name}.zip", images)
    zipped(tmp_path / "raw" / "P2" / "all.zip", [image for images in two_visits() for image in images])
    for place, image in enumerate(synthetic.stack(5, 10)):
        zipped(tmp_path / "raw" / "P3" / f"{place}.zip", [image])
    source = open_source("dicom", tmp_path / "raw")
    subjects = source.subjects()
    # In time, not by name; an archive that holds two examinations stays whole, and so does one examination.
    assert [subject.key for subject in subjects] == ["P1_1", "P1_2", "P2", "P3"]
    assert [[name for name, _, _ in subject.files] for subject in subjects[:2]] == [
        ["P1/b.zip"],
        ["P1/a.zip"],
    ]
    for subject in (*subjects[:2], subjects[3]):
        assert source.convert(subject, tmp_path / subject.key, OPTIONS).status is Status.OK
    assert source.convert(subjects[2], tmp_path / "P2", OPTIONS).status is Status.REVIEW


def test_two_patients_are_two_subjects(tmp_path: Path) -> None:
    for name in ("A", "B"):
        images = synthetic.stack(2, 10)
        for dataset in images:
            dataset.PatientID = name
        synthetic.write_files(tmp_path / name, images)
    assert [subject.key for subject in open_detected(tmp_path, "auto", None).subjects()] == ["A", "B"]


def test_two_patients_whose_identifiers_were_emptied_are_two_subjects(tmp_path: Path) -> None:
    """What both lack is nothing that they share."""
    for number, name in enumerate(("A", "B")):
        images = synthetic.stack(2, 10)
        for dataset in images:
            dataset.PatientID = dataset.FrameOfReferenceUID = ""
            dataset.StudyInstanceUID = f"1.2.3.{number}"
        synthetic.write_files(tmp_path / name, images)
    assert [subject.key for subject in open_detected(tmp_path, "auto", None).subjects()] == ["A", "B"]


@pytest.mark.parametrize(
    ("file", "layout"),
    [
        ("A_20209_2_0.zip", "ukbiobank"),
        ("bulk/A_20208_3_0.zip", "ukbiobank"),
        ("patient001/Info.cfg", "acdc"),
        ("training/patient001/Info.cfg", "acdc"),
        ("contourfiles/x.txt", "sunnybrook"),
        ("S1/sa.nii.gz", "nifti"),
        ("S1/IM0001", "dicom"),
    ],
)
def test_layouts_are_known_by_names(tmp_path: Path, file: str, layout: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    assert detect_layout(tmp_path) == layout
