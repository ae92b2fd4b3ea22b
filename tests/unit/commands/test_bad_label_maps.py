"""``cinecohort measure`` on label maps that other programs wrote wrong."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from cinecohort.cli import main
from support.hearts import disc_heart

AFFINE = np.diag([3.0, 3.0, 8.0, 1.0])


def heart() -> np.ndarray:
    """Cavity, wall and crescent, in two frames of three slices."""
    frames = [disc_heart((48, 40), (26, 20), radius, 4.0, (7, 20), radius) for radius in (7.0, 5.0)]
    return np.repeat(np.stack(frames, axis=2)[:, :, None], 3, axis=2)


def subject(folder: Path, labels: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    folder.mkdir(parents=True)
    nib.save(nib.Nifti1Image(np.zeros(heart().shape, np.int16), AFFINE), folder / "sa.nii.gz")
    nib.save(nib.Nifti1Image(labels, affine), folder / "seg_sa.nii.gz")
    return folder


def measured(root: Path, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    """First row of the table, and what was said."""
    out = root / "measures.csv"
    assert main(["measure", str(root), "--out", str(out)]) == 0
    return pd.read_csv(out).iloc[0].to_dict(), capsys.readouterr().err


def test_labels_stored_as_fractions_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subject(tmp_path / "A", (heart() * np.float32(0.9999)).astype(np.float32))
    row, _ = measured(tmp_path, capsys)
    voxels = np.count_nonzero(heart()[..., 0] == 1)
    assert row["lvedv_ml"] == pytest.approx(voxels * 3.0 * 3.0 * 8.0 / 1000)
    assert row["status"] == "ok"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda labels: np.where(labels == 3, 4, labels).astype(np.uint8), "has label 4"),
        (lambda labels: np.where(labels == 3, -1, labels.astype(np.int16)), "has label -1"),
        (lambda labels: (labels * 0.6).astype(np.float32), "not whole numbers"),
        (lambda labels: np.where(labels == 3, np.nan, labels).astype(np.float32), "not whole numbers"),
    ],
    ids=["coding", "negative", "interpolated", "nan"],
)
def test_a_label_map_that_cannot_be_measured_leaves_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Any, sentence: str
) -> None:
    subject(tmp_path / "A", change(heart()))
    subject(tmp_path / "B", heart())
    row, said = measured(tmp_path, capsys)
    assert "A: UNREADABLE" in said
    assert sentence in said
    assert row["status"] == "error"
    assert pd.isna(row["lvedv_ml"])
    assert pd.read_csv(tmp_path / "measures.csv")["status"].tolist() == ["error", "ok"]


@pytest.mark.parametrize(
    ("labels", "affine", "code"),
    [
        (np.array([0, 3, 2, 1], np.uint8)[heart()], AFFINE, "LABEL_SWAP"),
        (heart(), np.eye(4), "GRID"),
        (heart()[1:], AFFINE, "GRID"),
        (heart(), np.diag([8.0, 8.0, 8.0, 1.0]), "SPACING"),
        (heart()[:, :, :1], AFFINE, "FEW_SLICES"),
        (heart()[..., :1], AFFINE, "ONE_FRAME"),
    ],
    ids=["acdc", "spacing", "shape", "no_cine", "one_slice", "3d"],
)
def test_what_gives_wrong_volumes_is_flagged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: np.ndarray, affine: np.ndarray, code: str
) -> None:
    subject(tmp_path / "A", labels, affine)
    row, said = measured(tmp_path, capsys)
    assert f"A: {code}: " in said
    assert row["status"] == "review"


def test_labels_written_by_an_affine_without_spacing_are_flagged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ACDC's affine has columns of 1 where pixdim says 1.5: software that writes from it gives 1 mm."""
    folder = subject(tmp_path / "A", heart(), np.diag([-1.0, -1.0, 1.0, 1.0]))
    image = nib.Nifti1Image(np.zeros(heart().shape, np.int16), np.diag([-1.0, -1.0, 1.0, 1.0]))
    image.header.set_zooms((1.5, 1.5, 8.0, 0.04))
    nib.save(image, folder / "sa.nii.gz")
    row, said = measured(tmp_path, capsys)
    assert "40 x 3 voxels of 1 x 1 x 1 mm, its image 48 x 40 x 3 voxels of 1.5 x 1.5 x 8 mm" in said
    assert row["status"] == "review"


def test_one_frame_whose_phase_is_named_is_not_flagged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = subject(tmp_path / "A", heart()[..., :1])
    (folder / "sa.json").write_text('{"frame_roles": {"ed": 0, "es": null}}')
    row, said = measured(tmp_path, capsys)
    assert "ONE_FRAME" not in said
    assert row["status"] == "ok"


def test_an_image_in_metres_and_milliseconds_is_no_other_grid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = subject(tmp_path / "A", heart())
    image = nib.Nifti1Image(np.zeros(heart().shape, np.int16), np.diag([3e-3, 3e-3, 8e-3, 1.0]))
    image.header.set_zooms((3e-3, 3e-3, 8e-3, 400.0))
    image.header.set_xyzt_units("meter", "msec")
    nib.save(image, folder / "sa.nii.gz")
    row, said = measured(tmp_path, capsys)
    assert "GRID" not in said
    assert row["heart_rate_bpm"] == pytest.approx(75)


@pytest.mark.parametrize("name", ["sa.json", "seg_sa.json"])
@pytest.mark.parametrize("content", ["{", "[1]"])
def test_a_damaged_sidecar_leaves_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str
) -> None:
    for key in ("A", "B"):
        subject(tmp_path / key, heart())
    (tmp_path / "A" / name).write_text(content)
    row, said = measured(tmp_path, capsys)
    assert f"its sidecar {name} is damaged" in said
    assert row["status"] == "error"


def beat(*radii: float) -> np.ndarray:
    """A heart of seven slices, with the radius of both cavities in each frame."""
    x, y = np.meshgrid(np.arange(60), np.arange(40), indexing="ij")
    left, right = (np.hypot(x - centre, y - 20)[..., None] for centre in (40, 14))
    planes = np.select([left < radii, left < np.add(radii, 4), right < radii], [1, 2, 3])
    return np.repeat(planes[:, :, None, :], 7, axis=2).astype(np.uint8)


def affine_like(**change: float) -> np.ndarray:
    affine = np.diag([1.8, 1.8, 8.0, 1.0])
    for place, value in change.items():
        affine[int(place[1]), int(place[2])] = value
    return affine


@pytest.mark.parametrize("lost", [slice(2, 5), slice(3, 4), slice(0, 4), slice(4, 7), slice(0, 2)])
def test_a_frame_that_lost_slices_is_no_end_systole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lost: slice
) -> None:
    labels = beat(9, 9, 8.5, 8, 7, 6.5, 6, 7, 8, 9)
    labels[:, :, lost, 1] = 0
    folder = tmp_path / "A"
    folder.mkdir()
    nib.save(nib.Nifti1Image(labels, affine_like()), folder / "seg_sa.nii.gz")
    row, said = measured(tmp_path, capsys)
    assert row["es_frame"] == 6
    assert row["status"] == "review"
    assert "missing in slices of frame 2 where other frames have it" in said


def test_a_sound_beat_is_ok(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = beat(9, 9, 8.5, 8, 7.5, 7.2, 7, 7.5, 8, 9)
    labels[:, :, 0, 3:8] = 0
    (tmp_path / "A").mkdir()
    nib.save(nib.Nifti1Image(labels, affine_like()), tmp_path / "A" / "seg_sa.nii.gz")
    row, said = measured(tmp_path, capsys)
    assert (row["status"], row["es_frame"]) == ("ok", 6)
    assert "missing in slices" not in said


@pytest.mark.parametrize("labels", ["seg", "O1"])
def test_exchanged_frames_are_flagged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: str
) -> None:
    folder = tmp_path / "A"
    folder.mkdir()
    name, sidecar = ("seg_sa", "sa.json") if labels == "seg" else ("label_O1_sa", "label_O1_sa.json")
    nib.save(nib.Nifti1Image(beat(9, 8, 6, 8), affine_like()), folder / f"{name}.nii.gz")
    roles = '{"frame_roles": {"ed": 2, "es": 0}}' if labels == "seg" else '{"ed_frame": 2, "es_frame": 0}'
    (folder / sidecar).write_text(roles)
    out = tmp_path / "measures.csv"
    assert main(["measure", str(folder), "--out", str(out), "--labels", labels]) == 0
    said = capsys.readouterr()
    assert pd.read_csv(out)["status"].tolist() == ["review"]
    assert "A: NO_EJECTION: " in said.err
    assert "1 of 1 subjects measured, 1 of them flagged for review" in said.out


@pytest.mark.parametrize(
    ("frame", "known"), [(2, "lvesv_ml"), (3, "lvesv_ml"), (0, "lvedv_ml"), (5, "lvedv_ml")]
)
def test_one_drawn_frame_of_a_cine_is_one_of_the_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], frame: int, known: str
) -> None:
    labels = np.zeros_like(beat(*[8] * 6))
    labels[..., frame] = beat(8)[..., 0]
    (tmp_path / "A").mkdir()
    nib.save(nib.Nifti1Image(labels, affine_like()), tmp_path / "A" / "label_O1_sa.nii.gz")
    out = tmp_path / "measures.csv"
    assert main(["measure", str(tmp_path / "A"), "--out", str(out), "--labels", "O1"]) == 0
    row = pd.read_csv(out).iloc[0]
    assert row[["lvedv_ml", "lvesv_ml"]].dropna().index.tolist() == [known]
    assert row["status"] == "review"
    assert f"one frame ({frame} of 6)" in capsys.readouterr().err


def test_a_map_of_other_frames_than_its_image_is_flagged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "A").mkdir()
    image = nib.Nifti1Image(np.zeros(beat(9, 7, 6, 8).shape, np.int16), affine_like())
    nib.save(image, tmp_path / "A" / "sa.nii.gz")
    nib.save(nib.Nifti1Image(beat(9, 6), affine_like()), tmp_path / "A" / "seg_sa.nii.gz")
    row, said = measured(tmp_path, capsys)
    assert "A: GRID: short axis: seg has 2 frames, its image 4" in said
    assert row["status"] == "review"


@pytest.mark.parametrize(
    ("affine", "code"),
    [
        (affine_like(_02=4.0), "SHIFT"),
        (affine_like(_00=-1.8, _03=106.2), "GRID"),
        (affine_like(_23=40.0), "GRID"),
    ],
    ids=["sheared", "reversed", "moved"],
)
def test_maps_that_lie_otherwise_than_their_image_are_flagged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], affine: np.ndarray, code: str
) -> None:
    labels = beat(9, 6)
    (tmp_path / "A").mkdir()
    image = nib.Nifti1Image(np.zeros(labels.shape, np.int16), affine if code == "SHIFT" else affine_like())
    nib.save(image, tmp_path / "A" / "sa.nii.gz")
    nib.save(nib.Nifti1Image(labels, affine), tmp_path / "A" / "seg_sa.nii.gz")
    row, said = measured(tmp_path, capsys)
    assert f"A: {code}: " in said
    assert row["status"] == "review"
    assert row["lvedv_ml"] == pytest.approx(np.count_nonzero(labels[..., 0] == 1) * 1.8 * 1.8 * 8 / 1000)
