"""Each check of an image fires on its fault and stays silent on a sound cine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from cinecohort.images import Image, write_image
from cinecohort.quality.frame_order import check_common_steps
from cinecohort.quality.images import check_image, check_images, image_numbers, relative_steps
from cinecohort.quality.options import ImageQualityOptions

AFFINE = np.diag([1.8, 1.8, 10.0, 1.0])


def beating(slices: int = 8, frames: int = 20, seed: int = 0) -> np.ndarray:
    """Bright disc that shrinks and grows, with noise."""
    x, y = np.meshgrid(np.arange(48) - 24, np.arange(48) - 24, indexing="ij")
    radius = 12 + 4 * np.cos(2 * np.pi * np.arange(frames) / frames)
    disc = np.clip(radius - np.hypot(x, y)[:, :, None, None] + 0.1 * np.arange(slices)[:, None], 0, 1)
    noise = np.random.default_rng(seed).normal(0, 6, (48, 48, slices, frames))
    return np.rint(60 + 240 * disc + noise).astype(np.int16)


def codes(data: np.ndarray, affine: np.ndarray = AFFINE, view: str = "sa", **sidecar: Any) -> list[str]:
    findings, values = check_image(Image(data, affine, sidecar=sidecar), view, ImageQualityOptions())
    json.dumps(values, allow_nan=False)
    return [finding.code for finding in findings]


def test_sound_cine_has_no_findings() -> None:
    assert codes(beating()) == []


def test_geometry() -> None:
    assert codes(beating(slices=4)) == ["I1"]
    assert codes(beating(slices=1), view="la_2ch") == []
    assert codes(beating(frames=4)) == ["I1"]
    assert codes(beating(frames=2), frame_roles={"ed": 0, "es": 1}) == []
    assert codes(beating(), np.diag([4.0, 1.8, 10.0, 1.0])) == ["I1"]
    assert codes(beating(), np.diag([1.8, 1.8, 17.7, 1.0])) == ["I1"]
    assert codes(beating(), missing_slices=[3]) == ["I1"]


def test_swapped_frame_of_one_slice_is_out_of_step() -> None:
    data = beating()
    data[:, :, 3, 4] = data[:, :, 3, 14]
    data[:, :, 3, 4, None] += np.int16(1)
    findings, _ = check_image(Image(data, AFFINE), "sa", ImageQualityOptions())
    assert [finding.code for finding in findings] == ["I5"]
    assert findings[0].slices == (3,)
    assert set(findings[0].frames) <= {4, 5}


def exchanged(data: np.ndarray) -> np.ndarray:
    data[..., [4, 5]] = data[..., [5, 4]]
    return data


def displaced(data: np.ndarray) -> np.ndarray:
    data[..., 13] = np.roll(data[..., 13], 4, axis=0)
    return data


def displaced_first(data: np.ndarray) -> np.ndarray:
    data[..., 0] = np.roll(data[..., 0], 4, axis=1)
    return data


def of_another_moment(data: np.ndarray) -> np.ndarray:
    data[..., 3] = data[..., 9]
    return data


def brighter(data: np.ndarray) -> np.ndarray:
    data[..., 6] = data[..., 6] * 1.3
    return data


def frames_missing(data: np.ndarray) -> np.ndarray:
    return np.delete(data, [4, 5, 6], axis=3)


@pytest.mark.parametrize("slices", [1, 8])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("fault", "frames"),
    [
        (exchanged, {4, 5}),
        (displaced, {13}),
        (displaced_first, {0}),
        (of_another_moment, {3}),
        (brighter, {6}),
        (frames_missing, {4}),
    ],
)
def test_what_befalls_all_slices_at_once_is_found(
    fault: Callable[[np.ndarray], np.ndarray], frames: set[int], slices: int, seed: int
) -> None:
    data = beating(slices, seed=seed)
    view = "sa" if slices > 1 else "la_4ch"
    assert check_image(Image(data.copy(), AFFINE), view, ImageQualityOptions())[0] == []
    findings, values = check_image(Image(fault(data), AFFINE), view, ImageQualityOptions())
    found = next(f for f in findings if f.code == "I5" and f.level == "review")
    assert frames & set(found.frames)
    assert set(found.frames) <= {frame + step for frame in frames for step in (-1, 0, 1)}
    assert "in most slices" in found.message
    json.dumps(values, allow_nan=False)


@pytest.mark.real_data
@pytest.mark.slow
def test_real_cines_are_in_step_and_faults_of_all_their_slices_are_found(real_data: Path) -> None:
    cine = nib.load(real_data / "acdc" / "patient090" / "patient090_4d.nii.gz")
    data, options = np.asarray(cine.dataobj)[..., :7, :], ImageQualityOptions()
    assert check_common_steps(data, "sa", options)[0] == []
    for fault in (exchanged, displaced_first, of_another_moment):
        assert check_common_steps(fault(data.copy()), "sa", options)[0], fault.__name__


def test_slices_that_were_never_sent_are_not_blamed() -> None:
    """With ``on_gap: empty`` they stand in the stack without a pixel."""
    data = beating()
    data[:, :, 3] = 0
    assert "I5" in codes(data)
    assert codes(data, missing_slices=[3]) == ["I1"]
    data[:, :, 5, 4] = data[:, :, 5, 14] + np.int16(1)
    findings, _ = check_image(
        Image(data, AFFINE, sidecar={"missing_slices": [3]}), "sa", ImageQualityOptions()
    )
    assert [f.slices for f in findings if f.code == "I5"] == [(5,)]


def test_counts_of_slices_and_frames_are_distinguished() -> None:
    data = beating()
    data[:, :, 2:4, 7:10] = data[:, :, 2:4, 6:7]
    findings, _ = check_image(Image(data, AFFINE), "sa", ImageQualityOptions())
    assert "pixel for pixel, in 2 slices, 3 frames" in findings[0].message


def test_steps_are_judged_by_slice_and_moment() -> None:
    steps = np.outer([1.0, 2.0, 4.0, 8.0], [3.0, 1.0, 1.0, 1.0, 1.0, 2.0])
    steps[2, 5] *= 2.5
    relative = relative_steps(steps)
    assert relative[2, 5] == pytest.approx(2.5)
    assert np.delete(relative.ravel(), 17) == pytest.approx(np.ones(23))
    assert np.isnan(relative_steps(np.zeros((3, 4)))).all()


def test_cycle_that_does_not_close_is_noted() -> None:
    findings, values = check_image(Image(beating()[..., :12], AFFINE), "sa", ImageQualityOptions())
    assert [(f.code, f.level, f.frames) for f in findings] == [("I5", "info", (0,))]
    assert (values["cycle_closure"] or 0) > 2


def test_repeated_frame_is_found() -> None:
    data = beating()
    data[:, :, 2, 7] = data[:, :, 2, 6]
    findings, _ = check_image(Image(data, AFFINE), "sa", ImageQualityOptions())
    assert {finding.code for finding in findings} == {"I5"}
    assert (findings[0].slices, findings[0].frames) == ((2,), (7,))


def test_saturated_and_flat_images() -> None:
    assert "I6" in codes(np.minimum(beating(), 250))
    assert "I6" in codes(np.full((20, 20, 8, 12), 7, dtype=np.int16))
    broken = beating().astype(np.float32)
    broken[4, 4, 3, 3] = np.nan
    assert "I6" in codes(broken)


def test_doubtful_view_is_noted() -> None:
    assert codes(beating(), view_confidence=0.3) == ["VIEW"]
    assert codes(beating(), view_confidence=0.9) == []


def test_image_numbers() -> None:
    flat = np.zeros((16, 16, 1, 1))
    assert image_numbers(flat) == {"efc": None, "fber": None}
    point = flat.copy()
    point[3, 3] = 5
    noise = np.random.default_rng(1).uniform(1, 2, flat.shape)
    assert image_numbers(point)["efc"] == pytest.approx(0)
    assert 0.9 < (image_numbers(noise)["efc"] or 0) <= 1
    two = np.where(np.arange(16)[:, None, None, None] < 8, 1.0, 3.0) * np.ones_like(flat)
    assert image_numbers(two)["fber"] == pytest.approx(9.0)


def test_folder(tmp_path: Path) -> None:
    write_image(tmp_path / "sa.nii.gz", Image(beating(), AFFINE))
    (tmp_path / "la_2ch.nii.gz").write_bytes(b"not an image")
    outcome = check_images(tmp_path, ImageQualityOptions())
    assert [(f.code, f.level, f.view) for f in outcome.findings] == [("UNREADABLE", "reject", "la_2ch")]
    assert outcome.status == "review"
    assert "sa_efc" in outcome.values
    assert check_images(tmp_path / "nothing", ImageQualityOptions()).status == "ok"
