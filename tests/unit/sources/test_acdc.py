"""ACDC: both layouts, spacing from pixdim, our label coding, and every fault as a finding."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cinecohort.conversion.options import ConversionOptions
from cinecohort.errors import UserError
from cinecohort.findings import Level, Outcome, Status
from cinecohort.images import read_image
from cinecohort.sources.base import open_source
from support.findings import codes

SHAPE = (20, 24, 6)
SPACING = (1.5, 1.5, 8.0)
INFO = "ED: 1\nES: 8\nGroup: DCM\nHeight: 180.0\nNbFrame: 20\nWeight: 81.0\n"


def acdc_labels(radius: int) -> np.ndarray:
    """LV (3) in a ring of myocardium (2) with an RV (1) beside it, as ACDC codes them."""
    x, y = np.indices(SHAPE[:2])
    distance = np.hypot(x - 8, y - 12)
    plane = np.zeros(SHAPE[:2], dtype=np.uint8)
    plane[(x > 8) & (distance < radius + 6)] = 1
    plane[distance < radius + 2] = 2
    plane[distance < radius] = 3
    return np.repeat(plane[:, :, None], SHAPE[2], axis=2)


def write(path: Path, data: np.ndarray, spacing: tuple[float, ...] = SPACING) -> None:
    """Write as ACDC does: the sform holds no spacing, qform is 0."""
    image = nib.Nifti1Image(data, np.diag([-1.0, -1.0, 1.0, 1.0]))
    image.header.set_zooms(spacing)
    image.header.set_sform(np.diag([-1.0, -1.0, 1.0, 1.0]), code=2)
    image.header.set_qform(None, code=0)
    nib.save(image, path)


def make_patient(folder: Path, name: str = "patient001") -> Path:
    patient = folder / name
    patient.mkdir(parents=True)
    (patient / "Info.cfg").write_text(INFO)
    for frame, radius in ((1, 5), (8, 3)):
        image = np.full(SHAPE, 100.0 * frame, dtype=np.float32)
        write(patient / f"{name}_frame{frame:02d}.nii.gz", image)
        write(patient / f"{name}_frame{frame:02d}_gt.nii.gz", acdc_labels(radius))
    return patient


def convert(root: Path, key: str = "patient001") -> tuple[Outcome, Path]:
    source = open_source("acdc", root)
    folder = root.parent / "store" / key
    return source.convert(source.subject(key), folder, ConversionOptions()), folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "acdc"


def test_two_volumes_become_ed_and_es(root: Path) -> None:
    make_patient(root)
    outcome, folder = convert(root)
    assert outcome.status is Status.OK
    image = read_image(folder / "sa.nii.gz")
    assert image.data.shape == (*SHAPE, 2)
    assert image.data.dtype == np.int16
    assert image.data[0, 0, 0].tolist() == [100, 800]
    assert image.spacing_mm == pytest.approx(SPACING)
    assert image.sidecar["frame_roles"] == {"ed": 0, "es": 1}
    assert image.sidecar["heart_rate_bpm"] is None
    assert image.frame_interval_s is None
    assert set(outcome.outputs) == {path.name for path in folder.iterdir()}
    assert outcome.values["observers"] == "manual"


def test_the_lost_spacing_is_a_finding_with_both_numbers(root: Path) -> None:
    make_patient(root)
    (spacing,) = convert(root)[0].findings
    assert (spacing.code, spacing.level, spacing.value, spacing.threshold) == (
        "SPACING",
        Level.INFO,
        1.0,
        8.0,
    )


def test_labels_are_in_our_coding_and_all_annotated(root: Path) -> None:
    make_patient(root)
    folder = convert(root)[1]
    label = read_image(folder / "label_manual_sa.nii.gz")
    theirs = acdc_labels(5)
    assert label.data.dtype == np.uint8
    for number, their_number in ((1, 3), (2, 2), (3, 1)):
        np.testing.assert_array_equal(label.data[..., 0] == number, theirs == their_number)
    everything = {name: list(range(SHAPE[2])) for name in ("LV", "MYO", "RV")}
    assert label.sidecar["annotated"] == {"0": everything, "1": everything}
    assert (label.sidecar["ed_frame"], label.sidecar["es_frame"]) == (0, 1)
    assert label.sidecar["coding"] == "acdc"


def test_training_and_testing_folders_are_found_too(root: Path) -> None:
    make_patient(root / "training", "patient002")
    make_patient(root / "testing", "patient101")
    source = open_source("acdc", root)
    assert [subject.key for subject in source.subjects()] == ["patient002", "patient101"]
    assert source.subject("patient101") == source.subjects()[1]
    assert len(source.subject("patient101").files) == 5
    assert convert(root, "patient101")[0].status is Status.OK


def test_an_unknown_patient_is_an_error_for_people(root: Path) -> None:
    make_patient(root)
    with pytest.raises(UserError, match="patient009"):
        open_source("acdc", root).subject("patient009")


def test_participants_have_body_size_and_group(root: Path) -> None:
    make_patient(root)
    bare = make_patient(root, "patient002")
    (bare / "Info.cfg").unlink()
    table = open_source("acdc", root).participants().set_index("subject")
    assert table.loc["patient001", ["height_cm", "weight_kg", "group"]].tolist() == [180, 81, "DCM"]
    assert table.loc["patient002"].drop(["participant", "visit"]).isna().all()
    assert table["sex"].isna().all()
    assert table["age_years"].isna().all()


@pytest.mark.parametrize("number", ["inf", "1e308", "1e-320", "nan", "-1", "x", "9" * 400])
def test_what_is_no_number_of_a_patient_is_missing(root: Path, number: str) -> None:
    info = INFO.replace("180.0", number).replace("ED: 1", f"ED: {number}")
    (make_patient(root) / "Info.cfg").write_text(info)
    row = open_source("acdc", root).participants().iloc[0]
    assert row["height_cm"] is None
    assert row["weight_kg"] == 81.0
    outcome, _ = convert(root)
    assert "UNREADABLE" in codes(outcome)


def test_without_info_the_earlier_frame_is_ed_and_flagged(root: Path) -> None:
    (make_patient(root) / "Info.cfg").unlink()
    outcome, folder = convert(root)
    assert (outcome.status, codes(outcome, notes=False)) == (Status.REVIEW, {"UNREADABLE"})
    assert read_image(folder / "sa.nii.gz").data[0, 0, 0].tolist() == [100, 800]


def test_a_missing_label_leaves_that_frame_absent(root: Path) -> None:
    (make_patient(root) / "patient001_frame08_gt.nii.gz").unlink()
    outcome, folder = convert(root)
    assert (outcome.status, codes(outcome, notes=False)) == (Status.REVIEW, {"LABEL_INCOMPLETE"})
    label = read_image(folder / "label_manual_sa.nii.gz")
    assert list(label.sidecar["annotated"]) == ["0"]
    assert label.sidecar["es_frame"] is None


def test_no_labels_at_all_still_gives_the_image(root: Path) -> None:
    patient = make_patient(root)
    for path in patient.glob("*_gt.nii.gz"):
        path.unlink()
    outcome, folder = convert(root)
    assert (outcome.status, codes(outcome, notes=False)) == (Status.REVIEW, {"LABEL_INCOMPLETE"})
    assert {path.name for path in folder.iterdir()} == {"sa.nii.gz", "sa.json"}
    assert outcome.values["observers"] == ""


def test_unknown_label_values_are_a_finding(root: Path) -> None:
    path = make_patient(root) / "patient001_frame08_gt.nii.gz"
    wrong = acdc_labels(3)
    wrong[0, 0, 0] = 7
    write(path, wrong)
    outcome, _ = convert(root)
    assert codes(outcome, notes=False) == {"UNREADABLE", "LABEL_INCOMPLETE"}
    assert any("[7]" in finding.message for finding in outcome.findings)


def test_fractional_label_values_are_a_finding(root: Path) -> None:
    path = make_patient(root) / "patient001_frame08_gt.nii.gz"
    write(path, acdc_labels(3).astype(np.float32) * 0.5)
    assert "UNREADABLE" in codes(convert(root)[0], notes=False)


def test_a_label_of_another_shape_is_a_finding(root: Path) -> None:
    path = make_patient(root) / "patient001_frame01_gt.nii.gz"
    write(path, acdc_labels(5)[:, :, :-1])
    assert codes(convert(root)[0], notes=False) == {"MATRIX", "LABEL_INCOMPLETE"}


def test_volumes_of_different_shape_exclude_the_patient(root: Path) -> None:
    write(make_patient(root) / "patient001_frame08.nii.gz", np.ones((20, 24, 5), dtype=np.int16))
    outcome, _ = convert(root)
    assert (outcome.status, codes(outcome, notes=False)) == (Status.EXCLUDED, {"MATRIX"})


def test_a_truncated_volume_excludes_the_patient(root: Path) -> None:
    path = make_patient(root) / "patient001_frame08.nii.gz"
    path.write_bytes(path.read_bytes()[:60])
    outcome, folder = convert(root)
    assert (outcome.status, codes(outcome, notes=False)) == (Status.EXCLUDED, {"UNREADABLE"})
    assert not folder.exists()
    assert str(root) not in " ".join(finding.message for finding in outcome.findings)


@pytest.mark.parametrize("name", ["empty", "frame file missing"])
def test_missing_frames_exclude_the_patient(root: Path, name: str) -> None:
    if name == "empty":
        (root / "patient001").mkdir(parents=True)
    else:
        (make_patient(root) / "patient001_frame08.nii.gz").unlink()
    outcome, _ = convert(root)
    assert (outcome.status, codes(outcome, notes=False)) == (Status.EXCLUDED, {"MISSING_FRAME"})


def test_swapped_cavities_are_noticed(root: Path) -> None:
    patient = make_patient(root)
    for frame, radius in ((1, 5), (8, 3)):
        ours = np.array([0, 3, 2, 1], dtype=np.uint8)[acdc_labels(radius)]
        write(patient / f"patient001_frame{frame:02d}_gt.nii.gz", ours)
    outcome, _ = convert(root)
    assert codes(outcome, notes=False) == {"LABEL_SWAP"}
    assert [finding.frames for finding in outcome.findings if finding.code == "LABEL_SWAP"] == [(0,), (1,)]


@pytest.mark.real_data
@pytest.mark.slow
def test_group_means_of_the_expert_labels_are_clinically_right(real_data: Path, tmp_path: Path) -> None:
    """Means of the manual labels of the patients, by counting voxels: mL and %."""
    expected = {
        "DCM": (285, 18),
        "HCM": (129, 67),
        "MINF": (172, 31),
        "NOR": (130, 60),
        "RV": (107, 55),
    }
    source = open_source("acdc", real_data / "acdc")
    groups = source.participants().set_index("subject")["group"]
    found: dict[str, list[tuple[float, float]]] = {group: [] for group in expected}
    for subject in source.subjects():
        outcome = source.convert(subject, tmp_path / subject.key, ConversionOptions())
        assert outcome.status is Status.OK, (subject.key, outcome.findings)
        label = read_image(tmp_path / subject.key / "label_manual_sa.nii.gz")
        edv, esv = (np.sum(label.data == 1, axis=(0, 1, 2)) * label.voxel_volume_ml).tolist()
        found[groups[subject.key]].append((edv, 100 * (1 - esv / edv)))
    for group, values in found.items():
        assert len(values) == 20
        assert np.mean(values, axis=0) == pytest.approx(expected[group], abs=0.6)


@pytest.mark.real_data
def test_the_late_ed_frame_of_a_real_patient(real_data: Path, tmp_path: Path) -> None:
    """Patient 090 has its ED at frame 4 and its ES at frame 11, counted from 1, and its whole cine."""
    source = open_source("acdc", real_data / "acdc")
    source.convert(source.subject("patient090"), tmp_path, ConversionOptions())
    image = read_image(tmp_path / "sa.nii.gz")
    cine = read_image(real_data / "acdc" / "patient090" / "patient090_4d.nii.gz")
    np.testing.assert_array_equal(image.data, cine.data[..., [3, 10]])
    assert image.spacing_mm == pytest.approx(cine.spacing_mm)
