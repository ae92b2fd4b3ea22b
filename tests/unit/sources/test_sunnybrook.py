"""Sunnybrook: contours joined by link.csv and InstanceNumber, and the three real studies."""

from pathlib import Path

import numpy as np
import pytest

from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.sunnybrook_contours import read_contours, read_points
from cinecohort.errors import UserError
from cinecohort.findings import Status
from cinecohort.images import read_image
from cinecohort.sources.base import open_source


def write_contour(folder: Path, instance: int, kind: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"IM-0001-{instance:04d}-{kind}contour-manual.txt"
    path.write_text(text)
    return path


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_coordinates_count_from_one(tmp_path: Path, ending: str) -> None:
    path = write_contour(tmp_path, 1, "i", ending.join(["1.00 1.00", "11.50 1.00", "1.00 21.00", ""]))
    np.testing.assert_array_equal(read_points(path), [[0, 0], [10.5, 0], [0, 20]])


def test_contours_go_where_their_image_went(tmp_path: Path) -> None:
    square = "10 10\n20 10\n20 20\n10 20\n"
    files = [
        write_contour(tmp_path / "i-contours", 48, "i", square),
        write_contour(tmp_path / "o-contours", 59, "o", square),
        write_contour(tmp_path / "i-contours", 59, "i", square),
        write_contour(tmp_path / "i-contours", 99, "i", square),
        write_contour(tmp_path / "i-contours", 60, "i", "10 ten\n"),
        tmp_path / "notes.txt",
    ]
    contours, findings = read_contours(files, {48: (3, 7), 59: (3, 18), 60: (4, 0)})
    assert {place: sorted(named) for place, named in contours.items()} == {
        (3, 7): ["saendocardialContour"],
        (3, 18): ["saendocardialContour", "saepicardialContour"],
    }
    assert [(finding.code, finding.value) for finding in findings] == [
        ("UNREADABLE", 1.0),
        ("MISSING_FRAME", 1.0),
    ]


@pytest.mark.parametrize("text", ["1 2 3\n", "1\n", "nan 2\n", "a b\n"])
def test_damaged_lines_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError):
        read_points(write_contour(tmp_path, 1, "i", text))


def make_dataset(root: Path) -> None:
    for study in ("A1", "A2"):
        (root / "dicoms" / study).mkdir(parents=True)
        (root / "dicoms" / study / "1.dcm").write_text("no image")
    (root / "link.csv").write_text("patient_id,original_id\nA1,SC-1\nA2,SC-2\n")
    text = "\ufeffPatientID,OriginalID,Gender,Age,Pathology\nA1,SC-1,Female,61,Normal\nA3,SC-3,Male,50,HF\n"
    (root / "scd_patientdata.csv").write_text(text, encoding="utf-8")
    write_contour(root / "contourfiles" / "SC-1" / "i-contours", 1, "i", "1 1\n")


def test_studies_and_their_contours_are_listed(tmp_path: Path) -> None:
    make_dataset(tmp_path)
    source = open_source("sunnybrook", tmp_path)
    first, second = source.subjects()
    assert (first.key, second.key) == ("A1", "A2")
    assert first.paths == ("dicoms/A1", "contourfiles/SC-1")
    assert second.paths == ("dicoms/A2",)
    assert [name for name, _, _ in first.files] == [
        "contourfiles/SC-1/i-contours/IM-0001-0001-icontour-manual.txt",
        "dicoms/A1/1.dcm",
    ]
    assert source.subject("A1") == first
    with pytest.raises(UserError, match="A9"):
        source.subject("A9")


def test_participants_are_read_past_the_byte_order_mark(tmp_path: Path) -> None:
    make_dataset(tmp_path)
    table = open_source("sunnybrook", tmp_path).participants().set_index("subject")
    assert table.loc["A1", ["sex", "age_years", "group"]].tolist() == ["F", 61.0, "Normal"]
    assert table.loc["A2", ["sex", "age_years", "group"]].isna().all()
    assert list(table.index) == ["A1", "A2"]


def test_a_study_without_images_is_excluded_with_a_reason(tmp_path: Path) -> None:
    make_dataset(tmp_path)
    source = open_source("sunnybrook", tmp_path)
    outcome = source.convert(source.subject("A1"), tmp_path / "out", ConversionOptions())
    assert outcome.status is Status.EXCLUDED
    assert outcome.findings


STUDIES = {
    "SCD0000101": {"n_slices": 12, "ed": 18, "es": 7, "lvedv": 191.3, "lvef": 26.2, "slices": range(1, 10)},
    "SCD0000201": {"n_slices": 13, "ed": 19, "es": 6, "lvedv": 241.9, "lvef": 25.5, "slices": range(2, 11)},
    "SCD0000301": {"n_slices": 10, "ed": 19, "es": 6, "lvedv": 229.7, "lvef": 21.8, "slices": range(10)},
}


def polygon_volume_ml(folder: Path, instances: list[int], voxel: float) -> float:
    """Sum of the shoelace areas of endocardial contours, times the volume of a voxel: apart from the code."""
    total = 0.0
    for instance in instances:
        x, y = np.loadtxt(folder / f"IM-0001-{instance:04d}-icontour-manual.txt").T
        total += 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    return total * voxel


@pytest.mark.real_data
@pytest.mark.parametrize("key", sorted(STUDIES))
def test_real_studies_with_their_experts_contours(real_data: Path, tmp_path: Path, key: str) -> None:
    study = STUDIES[key]
    source = open_source("sunnybrook", real_data / "sunnybrook")
    outcome = source.convert(source.subject(key), tmp_path, ConversionOptions())
    assert outcome.status is Status.OK, outcome.findings
    assert (outcome.values["n_slices"], outcome.values["n_frames"]) == (study["n_slices"], 20)
    label = read_image(tmp_path / "label_manual_sa.nii.gz")
    ed, es = label.sidecar["ed_frame"], label.sidecar["es_frame"]
    assert (ed, es) == (study["ed"], study["es"])
    drawn = list(study["slices"])
    assert label.sidecar["annotated"] == {str(ed): {"LV": drawn, "MYO": drawn}, str(es): {"LV": drawn}}
    cavity = np.sum(label.data == 1, axis=(0, 1, 2)) * label.voxel_volume_ml
    assert cavity[ed] == pytest.approx(study["lvedv"], abs=0.2)
    assert 100 * (1 - cavity[es] / cavity[ed]) == pytest.approx(study["lvef"], abs=0.1)
    assert not np.any(label.data[..., es] == 2)


@pytest.mark.real_data
def test_volumes_are_those_of_the_drawn_polygons(real_data: Path, tmp_path: Path) -> None:
    """Instance n is slice (n - 1) // 20 and phase (n - 1) % 20 in these files."""
    source = open_source("sunnybrook", real_data / "sunnybrook")
    source.convert(source.subject("SCD0000301"), tmp_path, ConversionOptions())
    label = read_image(tmp_path / "label_manual_sa.nii.gz")
    folder = real_data / "sunnybrook" / "contourfiles" / "SC-HF-I-4" / "i-contours"
    for phase in (6, 19):
        instances = [slice_ * 20 + phase + 1 for slice_ in range(10)]
        drawn = polygon_volume_ml(folder, instances, label.voxel_volume_ml)
        assert np.sum(label.data[..., phase] == 1) * label.voxel_volume_ml == pytest.approx(drawn, rel=0.003)


@pytest.mark.real_data
def test_contours_lie_on_the_edges_of_the_image(real_data: Path, tmp_path: Path) -> None:
    """Blood is bright, myocardium dark: a label shifted by three pixels fits worse in each direction."""
    source = open_source("sunnybrook", real_data / "sunnybrook")
    source.convert(source.subject("SCD0000101"), tmp_path, ConversionOptions())
    image = read_image(tmp_path / "sa.nii.gz").data[..., 18].astype(float)
    label = read_image(tmp_path / "label_manual_sa.nii.gz").data[..., 18]

    def contrast(dx: int, dy: int) -> float:
        moved = np.roll(label, (dx, dy), axis=(0, 1))
        return float(image[moved == 1].mean() - image[moved == 2].mean())

    here = contrast(0, 0)
    assert all(contrast(dx, dy) < here for dx, dy in ((3, 0), (-3, 0), (0, 3), (0, -3)))
