"""A subject's rows: sources, frames, what is unknown, and the measure command."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cinecohort.catalogue.views import STRUCTURES
from cinecohort.cli import main
from cinecohort.findings import Outcome
from cinecohort.images import Image, write_image
from cinecohort.measures.columns import COLUMNS
from cinecohort.measures.options import MeasureOptions
from cinecohort.measures.subject import measure_subject
from cinecohort.model_sets import single_set

AFFINE = np.diag([2.0, 2.0, 10.0, 1.0])
VOXEL_ML = 0.04
FRAMES = 10


def half_widths(frames: int = FRAMES) -> list[int]:
    """LV half width by frame: largest in the last frame, smallest in frame 4."""
    return [12, 11, 9, 7, 6, 7, 9, 10, 11, 13][:frames]


def short_axis(frames: int = FRAMES) -> np.ndarray:
    data = np.zeros((64, 64, 7, frames), dtype=np.uint8)
    for frame, half in enumerate(half_widths(frames)):
        for z in range(7):
            width = half + (z - 3)
            data[32 - width - 4 : 32 + width + 4, 32 - width - 4 : 32 + width + 4, z, frame] = 2
            data[32 - width : 32 + width, 32 - width : 32 + width, z, frame] = 1
            data[32 + width + 4 : 32 + width + (12 if half > 6 else 11), 24:40, z, frame] = 3
    return data


def write(folder: Path, name: str, data: np.ndarray, affine: np.ndarray = AFFINE, **sidecar: Any) -> None:
    write_image(folder / f"{name}.nii.gz", Image(data, affine, sidecar=sidecar))


def sidecar_of_image(**facts: Any) -> dict[str, Any]:
    plain = {"view": "sa", "heart_rate_bpm": 60.0, "frame_roles": {"ed": None, "es": None}}
    return {**plain, "missing_slices": [], **facts}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "sa", short_axis(), **sidecar_of_image())
    write(tmp_path, "seg_sa", short_axis(), model="net", frames=list(range(FRAMES)))
    return tmp_path


def measure(
    folder: Path, *observers: str, models: tuple[str | None, ...] = (None,), **options: Any
) -> Outcome:
    sets = [single_set(model or "net", STRUCTURES, model) for model in models]
    return measure_subject(folder, sets, observers, MeasureOptions(**options))


def only_row(outcome: Outcome) -> dict[str, Any]:
    assert len(outcome.rows) == 1
    return outcome.rows[0]


def lv_ml(half: int) -> float:
    return sum((2 * (half + z - 3)) ** 2 for z in range(7)) * VOXEL_ML


def test_ventricles_by_hand(folder: Path) -> None:
    outcome = measure(folder)
    row = only_row(outcome)
    assert list(row) == list(COLUMNS)
    assert (row["ed_frame"], row["es_frame"]) == (9, 4)
    assert row["lvedv_ml"] == pytest.approx(lv_ml(13))
    assert row["lvesv_ml"] == pytest.approx(lv_ml(6))
    assert row["lvco_l_min"] == pytest.approx((lv_ml(13) - lv_ml(6)) * 0.06)
    assert row["rvedv_ml"] == pytest.approx(7 * 8 * 16 * VOXEL_ML)
    wall = sum((2 * (13 + z - 3 + 4)) ** 2 for z in range(7)) * VOXEL_ML - lv_ml(13)
    assert row["lvm_g"] == pytest.approx(1.05 * wall)
    assert row["es_phase"] == 0.4
    assert row["wt_global_mm"] == pytest.approx(8.0, abs=1.0)
    assert (row["source"], row["kind"], row["frames"]) == ("net", "auto", "own")
    assert row["la_max_ml"] is None
    json.dumps(outcome.rows, allow_nan=False)


def test_end_diastole_in_the_first_frame_is_reported_when_it_is_not_the_largest(folder: Path) -> None:
    largest, first = measure(folder), measure(folder, ed="first")
    assert only_row(first)["ed_frame"] == 0
    assert [(f.code, f.level) for f in largest.findings] == [("ED_NOT_FIRST", "info")]
    assert [(f.code, f.level) for f in first.findings] == [("ED_NOT_FIRST", "review")]
    deficit = 100 * (1 - lv_ml(12) / lv_ml(13))
    assert first.findings[0].value == pytest.approx(deficit)
    assert (largest.status, first.status) == ("ok", "review")


def test_frames_that_the_source_names_win(folder: Path) -> None:
    write(folder, "sa", short_axis(), **sidecar_of_image(frame_roles={"ed": 1, "es": 5}))
    row = only_row(measure(folder))
    assert (row["ed_frame"], row["es_frame"]) == (1, 5)
    assert row["lvedv_ml"] == pytest.approx(lv_ml(11))


def test_only_segmented_frames_are_used(folder: Path) -> None:
    write(folder, "seg_sa", short_axis(), frames=[0, 3])
    row = only_row(measure(folder))
    assert (row["ed_frame"], row["es_frame"]) == (0, 3)
    volumes = json.loads((folder / "curves.json").read_text())["net"]["volume_ml"]["LV"]
    assert [value is None for value in volumes].count(False) == 2


def test_unknown_heart_rate_leaves_the_output_empty(folder: Path) -> None:
    write(folder, "sa", short_axis(), **sidecar_of_image(heart_rate_bpm=None))
    outcome = measure(folder)
    row = only_row(outcome)
    assert row["lvco_l_min"] is row["rvco_l_min"] is row["heart_rate_bpm"] is None
    assert row["lvsv_ml"] is not None
    assert "NO_HEART_RATE" in [finding.code for finding in outcome.findings]


def test_missing_slice_leaves_the_volume_empty_or_filled(folder: Path) -> None:
    broken = short_axis()
    broken[:, :, 3] = 0
    write(folder, "seg_sa", broken)
    write(folder, "sa", broken, **sidecar_of_image(missing_slices=[3]))
    outcome = measure(folder)
    assert only_row(outcome)["lvedv_ml"] is None
    assert "MISSING_SLICE" in [finding.code for finding in outcome.findings]
    filled = only_row(measure(folder, missing_slices="interpolate"))["lvedv_ml"]
    assert filled == pytest.approx(lv_ml(13), rel=0.01)


def write_observer(folder: Path, name: str, ed_frame: int, es_frame: int) -> None:
    slices = list(range(7))
    annotated = {str(ed_frame): {"LV": slices, "MYO": slices}, str(es_frame): {"LV": slices}}
    data = short_axis()
    data[data == 3] = 0
    data[..., es_frame][data[..., es_frame] == 2] = 0
    write(folder, f"label_{name}_sa", data, ed_frame=ed_frame, es_frame=es_frame, annotated=annotated)


def test_what_an_observer_did_not_annotate_is_empty_not_zero(folder: Path) -> None:
    write_observer(folder, "O1", ed_frame=0, es_frame=3)
    rows = {(row["source"], row["frames"]): row for row in measure(folder, "O1").rows}
    assert set(rows) == {("net", "own"), ("net", "O1"), ("O1", "own")}
    manual = rows["O1", "own"]
    assert manual["kind"] == "manual"
    assert (manual["lvedv_ml"], manual["lvesv_ml"]) == pytest.approx((lv_ml(12), lv_ml(7)))
    assert manual["lvm_g"] > 0
    assert manual["lvm_es_g"] is manual["rvedv_ml"] is manual["rvef_pct"] is None
    at_frames = rows["net", "O1"]
    assert (at_frames["ed_frame"], at_frames["es_frame"]) == (0, 3)
    assert at_frames["lvedv_ml"] == pytest.approx(manual["lvedv_ml"])
    assert rows["net", "own"]["ed_frame"] == 9


def test_observer_with_one_annotated_frame_has_no_systole(folder: Path) -> None:
    data = short_axis()
    slices = list(range(7))
    annotated = {"0": {"LV": slices, "MYO": slices, "RV": slices}}
    write(folder, "label_O1_sa", data, ed_frame=0, es_frame=None, annotated=annotated)
    rows = {row["frames"]: row for row in measure(folder, "O1", models=()).rows}
    assert rows["own"]["lvedv_ml"] is not None
    assert rows["own"]["lvesv_ml"] is rows["own"]["lvef_pct"] is None


def atrium(frames: int, scale: float) -> np.ndarray:
    """Ellipse along y that is largest half way through the cycle."""
    x, y = np.meshgrid(np.arange(64) * 1.5 - 48, np.arange(64) * 1.5 - 48, indexing="ij")
    data = np.zeros((64, 64, 1, frames), dtype=np.uint8)
    for frame in range(frames):
        grown = 1 - 0.2 * np.cos(2 * np.pi * frame / frames)
        data[:, :, 0, frame][(x / (18 * scale * grown)) ** 2 + (y / (25 * grown)) ** 2 <= 1] = 1
    return data


def write_atria(folder: Path) -> None:
    upright = np.eye(4)
    upright[:3, 0], upright[:3, 1], upright[:3, 2] = [1.5, 0, 0], [0, 0, 1.5], [0, -6, 0]
    write(folder, "seg_la_2ch", atrium(12, 1.0), upright)
    write(folder, "seg_la_4ch", atrium(18, 1.1), upright)


def test_atria_from_views_of_different_frames(folder: Path) -> None:
    write_atria(folder)
    row = only_row(measure(folder))
    expected = 4 / 3 * np.pi * 1.8 * 1.98 * 2.5 * 1.2**3
    assert row["la_max_ml"] == pytest.approx(expected, rel=0.03)
    assert row["la_min_ml"] == pytest.approx(expected * (0.8 / 1.2) ** 3, rel=0.04)
    assert row["laef_pct"] == pytest.approx(100 * (1 - (0.8 / 1.2) ** 3), abs=2)
    assert row["la_max_phase"] == 0.5
    assert row["ra_max_ml"] is None


def test_networks_without_validation_are_named(folder: Path) -> None:
    write_atria(folder)
    write(folder, "seg_sa", short_axis(), validated=True)
    assert only_row(measure(folder))["unvalidated"] is None
    write(folder, "seg_sa", short_axis(), validated=False)
    assert only_row(measure(folder))["unvalidated"] == "sa"


def test_atria_without_a_short_axis(tmp_path: Path) -> None:
    write_atria(tmp_path)
    outcome = measure(tmp_path)
    assert {finding.code for finding in outcome.findings} == {"NO_LONG_AXIS", "NOT_MEASURABLE"}
    assert outcome.status == "excluded"
    fallback = measure(tmp_path, atrial_axis="principal")
    assert only_row(fallback)["la_max_ml"] > 0
    assert fallback.status == "review"


def test_failed_frame_does_not_make_the_minimum(folder: Path) -> None:
    write_atria(folder)
    whole = only_row(measure(folder))["la_min_ml"]
    four = atrium(18, 1.1)
    four[..., 7] = 0
    upright = np.eye(4)
    upright[:3, 0], upright[:3, 1], upright[:3, 2] = [1.5, 0, 0], [0, 0, 1.5], [0, -6, 0]
    write(folder, "seg_la_4ch", four, upright)
    assert only_row(measure(folder))["la_min_ml"] == pytest.approx(whole)


def test_frame_without_a_ventricle_is_a_failure_not_a_systole(folder: Path) -> None:
    failed = short_axis()
    failed[..., 6] = 0
    write(folder, "seg_sa", failed)
    outcome = measure(folder)
    row = only_row(outcome)
    assert (row["es_frame"], row["lvesv_ml"]) == (4, pytest.approx(lv_ml(6)))
    found = [f for f in outcome.findings if f.code == "NOT_FOUND"]
    assert [f.frames for f in found] == [(6,)] * 3
    assert outcome.status == "review"


def test_empty_segmentation_excludes(folder: Path) -> None:
    write(folder, "seg_sa", np.zeros_like(short_axis()))
    outcome = measure(folder)
    assert outcome.status == "excluded"
    assert only_row(outcome)["lvedv_ml"] is None


def test_nothing_to_measure_excludes(tmp_path: Path) -> None:
    outcome = measure(tmp_path, "O1")
    assert (outcome.status, outcome.rows, outcome.outputs) == ("excluded", [], [])


def test_same_input_same_bytes(folder: Path) -> None:
    measure(folder)
    first = (folder / "curves.json").read_bytes()
    measure(folder)
    assert (folder / "curves.json").read_bytes() == first


def test_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_observer(folder, "O1", ed_frame=0, es_frame=3)
    out = tmp_path / "table" / "measures.csv"
    assert main(["measure", str(folder), "--out", str(out)]) == 0
    table = pd.read_csv(out)
    assert table.loc[0, ["subject", "source"]].tolist() == [folder.name, "net"]
    assert table.loc[0, "status"] == "review"  # The heart of a few voxels is no living one.
    assert main(["measure", str(folder), "--out", str(out), "--labels", "O1"]) == 0
    assert pd.read_csv(out)["kind"].tolist() == ["manual"]
    assert main(["measure", str(folder), "--out", str(out), "--columns", "ukbb_cardiac"]) == 0
    assert "LVEDV (mL)" in out.read_text().splitlines()[0]
    assert "1 of 1 subjects measured" in capsys.readouterr().out


def test_command_measures_a_folder_of_subjects(tmp_path: Path) -> None:
    for name in ("p1", "p2"):
        (tmp_path / "store" / name).mkdir(parents=True)
        write(tmp_path / "store" / name, "seg_sa", short_axis(3))
    out = tmp_path / "measures.csv"
    assert main(["measure", str(tmp_path / "store"), "--out", str(out)]) == 0
    assert pd.read_csv(out)["subject"].tolist() == ["p1", "p2"]


def test_command_refuses_what_it_cannot_measure(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m.csv"
    assert main(["measure", str(tmp_path / "absent"), "--out", str(out)]) == 1
    assert main(["measure", str(folder), "--out", str(out), "--labels", "nobody"]) == 1
    assert "nobody" in capsys.readouterr().err
    assert not out.exists()
