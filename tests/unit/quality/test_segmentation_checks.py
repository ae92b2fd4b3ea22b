"""Each check of a segmentation fires on its fault and stays silent on a sound heart."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cinecohort.findings import Outcome
from cinecohort.images import Image, write_image
from cinecohort.quality.options import Check, SegmentationQualityOptions
from cinecohort.quality.segmentations import check_segmentations
from cinecohort.quality.short_axis import ShortAxis
from support.findings import codes

AFFINE = np.diag([1.8, 1.8, 10.0, 1.0])
FRAMES, SLICES = 12, 8


def half_width(frame: int, z: int) -> int:
    """LV half width: largest in frame 0, smallest in frame 5, tapering to slice 0, the apex."""
    return round(5 + 4 * abs(frame - 5) / 7) + (z - 4)


def sound_heart(frames: int = FRAMES) -> np.ndarray:
    labels = np.zeros((64, 64, SLICES, frames), dtype=np.uint8)
    for frame in range(frames):
        for z in range(1, SLICES):
            half = half_width(frame, z)
            labels[30 - half - 4 : 30 + half + 4, 30 - half - 4 : 30 + half + 4, z, frame] = 2
            labels[30 - half : 30 + half, 30 - half : 30 + half, z, frame] = 1
            if z > 1:
                labels[30 + half + 4 : 30 + half + 12, 24:36, z, frame] = 3
    return labels


def picture(labels: np.ndarray) -> np.ndarray:
    return np.array([40, 200, 90, 190], dtype=np.int16)[labels]


def check(folder: Path, labels: np.ndarray, image: np.ndarray | None = None, **options: Any) -> Outcome:
    write_image(folder / "seg_sa.nii.gz", Image(labels, AFFINE))
    pixels = picture(labels) if image is None else image
    write_image(folder / "sa.nii.gz", Image(pixels, AFFINE, sidecar={"frame_roles": None}))
    return check_segmentations(folder, None, SegmentationQualityOptions(**options))


def test_sound_heart_has_no_findings(tmp_path: Path) -> None:
    outcome = check(tmp_path, sound_heart())
    assert outcome.findings == []
    assert outcome.status == "ok"
    assert outcome.values["contrast"] == pytest.approx(110 / 210, abs=1e-4)
    assert outcome.values["lv_on_myocardium"] == 1
    assert outcome.values["systole_phase"] == pytest.approx(5 / 12, abs=1e-4)
    json.dumps(outcome.values, allow_nan=False)


def no_rv_in_a_frame(labels: np.ndarray) -> None:
    labels[..., 3][labels[..., 3] == 3] = 0


def fragment(labels: np.ndarray) -> None:
    labels[2:12, 2:12, 4, 2:4] = 1


def open_ring(labels: np.ndarray) -> None:
    labels[:, :29, 3][labels[:, :29, 3] == 2] = 0


def lv_on_rv(labels: np.ndarray) -> None:
    labels[30:, 24:36, 4][labels[30:, 24:36, 4] == 2] = 3


def rv_apart(labels: np.ndarray) -> None:
    for frame in range(FRAMES):
        rv = labels[:, :, 4, frame] == 3
        labels[:, :, 4, frame][rv] = 0
        labels[:, :, 4, frame][np.roll(rv, 2, axis=0)] = 3


def hole(labels: np.ndarray) -> None:
    labels[30, 30, 4, 6] = 0


def empty_slice(labels: np.ndarray) -> None:
    labels[:, :, 4, 7] = 0


def hardly_any_rv(labels: np.ndarray) -> None:
    """A few pixels are left of the RV in a slice."""
    labels[:, 26:, 4, 7][labels[:, 26:, 4, 7] == 3] = 0


def jump(labels: np.ndarray) -> None:
    small = labels[:, :, 2:5, 6].copy()
    labels[..., 6] = 0
    labels[:, :, 2:5, 6] = small


def late_systole(labels: np.ndarray) -> None:
    labels[:] = np.roll(labels[..., ::-1], 1, axis=3)
    labels[:] = np.concatenate([labels[..., :1], labels[..., [1, 1, 1, 1, 2, 2, 2, 3, 4, 5, 7]]], axis=3)


def mistriggered(labels: np.ndarray) -> None:
    labels[:, :, 4] = np.roll(labels[:, :, 4], -3, axis=2)


def swap(labels: np.ndarray) -> None:
    labels[:] = np.array([0, 3, 2, 1], dtype=np.uint8)[labels]


def shifted_slices(labels: np.ndarray) -> None:
    labels[:, :, 2::2] = np.roll(labels[:, :, 2::2], 8, axis=1)


def apex_cut_off(labels: np.ndarray) -> None:
    labels[:, :, 0] = labels[:, :, 3]


def one_slice_shifted(labels: np.ndarray) -> None:
    labels[:, :, 4] = np.roll(labels[:, :, 4], 7, axis=1)


def base_cut_off(labels: np.ndarray) -> None:
    """Three of ten slices are left of an LV twice as wide."""
    labels[:] = np.repeat(np.repeat(labels[14:46, 14:46], 2, axis=0), 2, axis=1)
    labels[:, :, 3:] = labels[:, :, :-3].copy()
    labels[:, :, :3] = 0


def cavity_taken_for_wall(labels: np.ndarray) -> None:
    labels[:, :, 7, 2][labels[:, :, 7, 2] == 1] = 2


def two_beats(labels: np.ndarray) -> None:
    labels[:] = labels[..., [0, 1, 3, 5, 8, 10, 0, 1, 3, 5, 8, 10]]


def frames_out_of_order(labels: np.ndarray) -> None:
    labels[:] = labels[..., [0, 4, 2, 6, 1, 5, 3, 8, 7, 10, 9, 11]]


def one_frame_failed(labels: np.ndarray) -> None:
    labels[..., 9] = labels[..., 5]


@pytest.mark.parametrize(
    ("removed", "filled", "said"),
    [
        ({"LV": 0.09, "MYO": 0.0}, 0.02, None),
        ({"LV": 0.3}, 0.0, "clean-up removed up to 30 % of LV in a frame, at most 7.0 mL"),
        ({}, 0.11, "clean-up filled up to 11 % of the heart in a frame, at most 20.0 mL"),
    ],
)
def test_a_clean_up_that_changed_much_is_flagged(
    removed: dict[str, float], filled: float, said: str | None, tmp_path: Path
) -> None:
    cleaned = {
        "removed_ml": {"LV": 7.0}, "removed_share": removed, "filled_ml": 20.0, "filled_share": filled,
        "removed_at": {"LV": {"frame": 3, "slices": [1, 2]}},
    }  # fmt: skip
    write_image(tmp_path / "seg_sa.nii.gz", Image(sound_heart(), AFFINE, sidecar={"clean_up": cleaned}))
    outcome = check_segmentations(tmp_path, None, SegmentationQualityOptions())
    found = [finding for finding in outcome.findings if finding.code == "S11"]
    assert len(found) == (said is not None)
    assert said is None or said in found[0].message
    where = {(each.slices, each.frames) for each in found}
    assert where <= ({((1, 2), (3,))} if removed else {((), ())})
    assert outcome.values["sa_lv_removed_share"] == removed.get("LV")
    assert outcome.values["sa_filled_share"] == filled


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (no_rv_in_a_frame, "S1"), (fragment, "S2"), (open_ring, "S3"), (lv_on_rv, "S4"), (rv_apart, "S4"),
        (hole, "S4"), (empty_slice, "S4"), (hardly_any_rv, "S4"), (jump, "S5"), (late_systole, "S6"),
        (empty_slice, None),
        (mistriggered, "S10"), (swap, "LABEL_SWAP"), (shifted_slices, "I3"), (apex_cut_off, "I4"),
        (one_slice_shifted, "I3"), (base_cut_off, "I4"), (cavity_taken_for_wall, "S4"),
        (two_beats, "S6"), (frames_out_of_order, "S6"), (one_frame_failed, "S6"),
    ],
)  # fmt: skip
def test_fault_is_found(fault: Callable[[np.ndarray], None], code: str | None, tmp_path: Path) -> None:
    labels = sound_heart()
    fault(labels)
    outcome = check(tmp_path, labels)
    assert code is None or code in codes(outcome)
    assert outcome.status == "review"


@pytest.mark.parametrize("lost", [(4,), (2,), (3, 4)])
def test_slices_that_were_never_sent_are_not_blamed(tmp_path: Path, lost: tuple[int, ...]) -> None:
    """With ``on_gap: empty`` nothing can be segmented there; other slices keep their numbers."""
    labels = sound_heart()
    labels[:, :, list(lost)] = 0
    write_image(tmp_path / "seg_sa.nii.gz", Image(labels, AFFINE))
    sidecar = {"frame_roles": None, "missing_slices": list(lost)}
    write_image(tmp_path / "sa.nii.gz", Image(picture(labels), AFFINE, sidecar=sidecar))
    outcome = check_segmentations(tmp_path, None, SegmentationQualityOptions())
    assert not codes(outcome) & {"S1", "S3", "S4", "S5", "S6", "I3", "I4"}
    labels[30, 30, 5, 6] = 0
    write_image(tmp_path / "seg_sa.nii.gz", Image(labels, AFFINE))
    findings = check_segmentations(tmp_path, None, SegmentationQualityOptions()).findings
    assert {f.slices for f in findings if f.code == "S4"} == {(5,)}


def test_a_sliver_beyond_the_base_has_no_centre(tmp_path: Path) -> None:
    """Eight pixels far from the axis, where the valve's plane has left the slice; nor is it missing below."""
    labels = np.concatenate([sound_heart(), np.zeros((64, 64, 1, FRAMES), np.uint8)], axis=2)
    labels[44:48, 44:46, 8] = 1
    labels[43:49, 43:47, 8][labels[43:49, 43:47, 8] == 0] = 2
    outcome = check(tmp_path, labels)
    assert "I3" not in codes(outcome)
    assert outcome.values["one_slice_shift_mm"] < 2


def test_an_lv_that_lacks_an_end_is_short_for_its_width(tmp_path: Path) -> None:
    whole, cut = sound_heart(), sound_heart()
    cut[:, :, 1:5] = 0
    short = [check(tmp_path, labels).values["predictor_shortness"] for labels in (whole, cut)]
    width = 2 * np.sqrt((2 * half_width(0, 7)) ** 2 / np.pi) * 1.8
    assert short[0] == 0
    assert short[1] == pytest.approx(1.5 - 30 / width, abs=0.1)


@pytest.mark.parametrize(("frames", "found"), [([2], False), ([2, 3], True), ([0], True), ([5], True)])
@pytest.mark.parametrize("code", ["S2", "S3"])
def test_shapes_count_at_ed_and_es_or_in_several_frames(
    code: str, frames: list[int], found: bool, tmp_path: Path
) -> None:
    """Of twelve frames one that is neither makes no flag."""
    labels = sound_heart()
    for frame in frames:
        if code == "S2":
            labels[2:8, 2:8, 4, frame] = 3
        else:
            labels[:, :29, 3:5, frame][labels[:, :29, 3:5, frame] == 2] = 0
    assert (code in codes(check(tmp_path, labels))) == found


def test_messages_tell_slices_from_frames(tmp_path: Path) -> None:
    labels = sound_heart()
    labels[30, 30, 4, 2:8] = 0
    messages = [finding.message for finding in check(tmp_path, labels).findings]
    said = "there are holes in LV in 1 slice, 6 frames, 6 pixels together"
    assert any(said in message for message in messages)


@pytest.mark.parametrize("share", [0.02, 0.2, 0.3])
def test_a_volume_that_wavers_has_one_minimum(share: float) -> None:
    """A second dip counts from a quarter of the range on."""
    volume = np.array([100, 90, 70, 50, 40, 50, 70, 90, 95, 92, 97, 99]) * 100
    volume[9] = volume[8] - 6000 * share
    counts = np.broadcast_to(volume[None], (1, 12))
    heart = ShortAxis(np.zeros((1, 1, 1, 12), np.uint8), (1, 1, 1), AFFINE, np.arange(12), 12, 0)
    heart.__dict__["counts"] = {1: counts, 2: counts, 3: counts}
    assert heart.contractions().max() == pytest.approx(share, abs=0.02)


def test_fault_names_slices_and_frames(tmp_path: Path) -> None:
    labels = sound_heart()
    hole(labels)
    finding = next(f for f in check(tmp_path, labels).findings if f.code == "S4")
    assert (finding.view, finding.slices, finding.frames) == ("sa", (4,), (6,))


def test_action_decides_what_becomes_of_it(tmp_path: Path) -> None:
    labels = sound_heart()
    hole(labels)
    ring = Check(action="off", threshold=0.05)
    off, noted, rejected = (
        check(tmp_path, labels, s3_open_ring=ring, s4_topology=Check(action=action, threshold=0.05))
        for action in ("off", "info", "reject")
    )
    assert (off.findings, off.status, noted.status) == ([], "ok", "ok")
    assert {finding.level for finding in rejected.findings} == {"reject"}


def test_rule_of_ukbb_cardiac(tmp_path: Path) -> None:
    labels = sound_heart()
    labels[:, :, 6:] = 0
    assert "S7" in codes(check(tmp_path, labels))


SIGNALS = np.array([0, 150, 100, 150], dtype=np.int16)


def test_low_contrast(tmp_path: Path) -> None:
    labels = sound_heart()
    outcome = check(tmp_path, labels, SIGNALS[labels])
    assert "I2" in codes(outcome)
    assert outcome.values["contrast"] == pytest.approx(50 / 250, abs=1e-4)
    assert outcome.values["predictor_moving_wall"] == pytest.approx(1.0, abs=1e-4)


def test_course_is_not_asked_of_two_frames(tmp_path: Path) -> None:
    outcome = check(tmp_path, sound_heart()[..., [0, 5]])
    assert outcome.findings == []
    assert "systole_phase" not in outcome.values


def test_frames_that_were_not_segmented_are_not_missing(tmp_path: Path) -> None:
    labels = sound_heart()
    labels[..., 1:5], labels[..., 6:] = 0, 0
    write_image(tmp_path / "seg_sa.nii.gz", Image(labels, AFFINE, sidecar={"frames": [0, 5]}))
    outcome = check_segmentations(tmp_path, None, SegmentationQualityOptions())
    assert outcome.findings == []
    assert outcome.values["contrast"] is None


def test_empty_segmentation_is_a_finding(tmp_path: Path) -> None:
    outcome = check(tmp_path, np.zeros_like(sound_heart()), picture(sound_heart()))
    assert {"S1", "S7"} <= codes(outcome)


def test_agreement_of_repeated_predictions(tmp_path: Path) -> None:
    uncertainty = {
        "agreement": {"LV": 0.95, "MYO": 0.6, "RV": None},
        "volume_cv": {"LV": 0.02, "MYO": 0.04, "RV": 0.3},
    }
    sidecar = {"uncertainty": uncertainty}
    write_image(tmp_path / "seg_sa.nii.gz", Image(sound_heart(), AFFINE, sidecar=sidecar))
    outcome = check_segmentations(tmp_path, None, SegmentationQualityOptions())
    assert [(f.code, f.value) for f in outcome.findings] == [("U1", 0.6), ("U1", 0.3)]
    assert outcome.values["sa_lv_agreement"] == 0.95


def atria(frames: int = 10) -> np.ndarray:
    labels = np.zeros((40, 40, 1, frames), dtype=np.uint8)
    labels[5:15, 5:20], labels[20:32, 5:20] = 1, 2
    return labels


def test_atria(tmp_path: Path) -> None:
    options = SegmentationQualityOptions()
    write_image(tmp_path / "seg_la_4ch.nii.gz", Image(atria(), AFFINE))
    assert check_segmentations(tmp_path, None, options).findings == []
    broken = atria()
    broken[broken == 2] = 0
    broken[30:38, 25:38] = 1
    write_image(tmp_path / "seg_la_4ch.nii.gz", Image(broken, AFFINE))
    outcome = check_segmentations(tmp_path, None, options)
    assert codes(outcome) == {"S1", "S2", "S8", "S9"}
    assert {finding.view for finding in outcome.findings} == {"la_4ch"}


@pytest.mark.parametrize(
    ("lost", "status"), [("LA", "review"), ("RA", "review"), ("RV", "ok"), ("MYO", "ok")]
)
def test_what_nothing_is_measured_from_flags_nobody(tmp_path: Path, lost: str, status: str) -> None:
    """Ventricles of the 4-chamber view are drawn, and no measure is made of them."""
    numbers = {"LA": 1, "RA": 2, "LV": 3, "MYO": 4, "RV": 5}
    labels = atria()
    labels[5:15, 24:32], labels[15:18, 24:32], labels[20:30, 24:32] = 3, 4, 5
    labels[..., 0][labels[..., 0] == numbers[lost]] = 0
    labels[36:40, 36:40, :, 3] = numbers[lost]
    named = {str(label): name for name, label in numbers.items()}
    cleaned = {"removed_share": {lost: 0.5}, "removed_ml": {lost: 3.0}, "filled_share": 0.0, "filled_ml": 0.0}
    unsure = {"agreement": {lost: 0.1}, "volume_cv": {lost: 0.9}}
    sidecar = {"structures": named, "clean_up": cleaned, "uncertainty": unsure}
    write_image(tmp_path / "seg_la_4ch.nii.gz", Image(labels, AFFINE, None, sidecar))
    outcome = check_segmentations(tmp_path, None, SegmentationQualityOptions())
    assert codes(outcome) - {"S9"} == {"S1", "S2", "S8", "S11", "U1"}
    assert outcome.status == status


def test_no_segmentation_no_findings(tmp_path: Path) -> None:
    outcome = check_segmentations(tmp_path, "net", SegmentationQualityOptions())
    assert (outcome.status, outcome.findings, outcome.values) == ("ok", [], {})
