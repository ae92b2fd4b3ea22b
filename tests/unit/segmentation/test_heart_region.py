"""Segmenting the heart's region alone: the box, what falls back to whole images, what is recorded."""

from pathlib import Path

import numpy as np
import pytest

from cinecohort.images import Image, read_image, write_image
from cinecohort.segmentation import prediction
from cinecohort.segmentation.descriptions import ModelDescription
from cinecohort.segmentation.engines import ResolvedEngine
from cinecohort.segmentation.inference import ImageInference, box_around
from cinecohort.segmentation.options import CleanUpOptions, SegmentationOptions
from cinecohort.segmentation.preprocessing import WorkingGrid
from cinecohort.segmentation.uncertainty import flip_agreement
from support.bright_network import bright_is_lv

AFFINE = np.diag([1.5, 1.5, 8.0, 1.0])
SHAPE = (160, 144)
DESCRIPTION = ModelDescription(
    name="bright",
    view="sa",
    architecture="unet16",
    spacing_mm=1.5,
    normalisation="unit",
    structures={"1": "LV", "2": "MYO", "3": "RV"},
)


def disc(x: float, y: float, radius: float) -> np.ndarray:
    """A disc (pixels) in a plane."""
    places = np.meshgrid(*(np.arange(size) for size in SHAPE), indexing="ij")
    return np.hypot(places[0] - x, places[1] - y) < radius


def cine(slices: int = 3, frames: int = 9) -> np.ndarray:
    """A heart of 15 pixels radius about (70, 80), in all slices and frames."""
    plane = np.where(disc(70, 80, 15), 900, 100)
    return np.repeat(np.repeat(plane[:, :, None, None], slices, 2), frames, 3).astype(np.int16)


def inference(data: np.ndarray, **facts: object) -> ImageInference:
    description = DESCRIPTION.model_copy(update=facts)
    return ImageInference(Image(data, AFFINE), description, bright_is_lv, batch_size=5)


def test_the_region_changes_nothing_that_the_network_sees() -> None:
    data = cine()
    whole, part = inference(data), inference(data)
    labels = part.labels_around_heart(range(9), 12.0)
    assert part.whole_images is None
    assert np.prod(part.grid.shape) < 0.3 * np.prod(whole.grid.shape)
    assert np.array_equal(labels, whole.labels(range(9)))
    assert np.array_equal(labels == 1, data == 900)


def test_box_lies_on_whole_blocks_of_the_network_with_a_margin() -> None:
    found = np.zeros((160, 160, 2), dtype=bool)
    found[70:90, 60:100] = True
    found[5, 5, 0] = True
    blank = np.zeros(2, dtype=bool)
    # 12 mm are 8 pixels: 62 to 98, 52 to 108, then outwards to multiples of 16
    assert box_around(found, blank, (1.5, 1.5), 12.0) == (48, 112, 48, 112)
    assert box_around(found, blank, (1.5, 1.5), 1000.0) == (0, 160, 0, 160)
    assert box_around(np.zeros((32, 32, 2), dtype=bool), blank, (1.0, 1.0), 12.0) is None


def test_what_may_be_the_heart_as_well_is_in_the_box() -> None:
    found = np.zeros((160, 160, 1), dtype=bool)
    found[64:80, 64:80] = True
    found[130:138, 66:74] = True  # a quarter of the largest
    assert box_around(found, np.zeros(1, dtype=bool), (1.5, 1.5), 0.0) == (64, 144, 64, 80)
    found[130, 66] = False
    assert box_around(found, np.zeros(1, dtype=bool), (1.5, 1.5), 0.0) == (64, 80, 64, 80)


def test_a_slice_without_an_image_does_not_cut_the_heart_in_two() -> None:
    found = np.zeros((160, 160, 5), dtype=bool)
    found[64:80, 64:80, :2] = True
    found[80:84, 64:72, 4] = True  # less than a quarter of what lies on the other side
    assert box_around(found, np.zeros(5, dtype=bool), (1.5, 1.5), 0.0) == (64, 80, 64, 80)
    blank = np.array([False, False, True, True, False])
    assert box_around(found, blank, (1.5, 1.5), 0.0) == (64, 96, 64, 80)


@pytest.mark.parametrize("shift", [(70, 0), (40, 0), (0, -40), (14, 0)])
def test_a_heart_that_leaves_its_region_is_segmented_in_whole_images(shift: tuple[int, int]) -> None:
    """Only in one frame that was not looked at, altogether, or just up to the border."""
    data = cine()
    data[..., 7] = np.where(disc(70 + shift[0], 80 + shift[1], 15), 900, 100)[..., None]
    run = inference(data)
    labels = run.labels_around_heart(range(9), 12.0)
    assert run.whole_images == "the heart leaves its region or comes near its border"
    assert run.grid.box is None
    assert np.array_equal(labels == 1, data == 900)


def test_what_is_apart_from_the_heart_at_the_border_leaves_the_region_as_it_is() -> None:
    data = cine()
    data[..., 7] = np.where(disc(70, 80, 15) | disc(104, 80, 3), 900, 100)[..., None]
    run = inference(data)
    run.labels_around_heart(range(9), 20.0)
    assert run.whole_images is None


def test_a_heart_at_the_edge_of_the_image_is_not_cut_off_there() -> None:
    data = np.roll(cine(), -56, axis=0)
    run = inference(data)
    labels = run.labels_around_heart(range(9), 12.0)
    assert run.whole_images is None
    assert np.array_equal(labels == 1, data == 900)


def test_whole_images_where_a_region_cannot_be() -> None:
    data = cine()
    reasons = []
    for run, frames, margin in (
        (inference(data, normalisation="zscore_slice"), range(9), 12.0),
        (inference(np.zeros_like(data)), range(9), 12.0),
        (inference(data), range(9), 200.0),
    ):
        run.labels_around_heart(list(frames), margin)
        assert run.grid.box is None
        reasons.append(run.whole_images)
    assert reasons == [
        "intensities depend on the whole image",
        "no heart was found in the first frames",
        "the region is nearly the whole image",
    ]


@pytest.mark.parametrize("frames", [[0, 3], [5]])
def test_few_frames_are_segmented_in_the_region_too(frames: list[int]) -> None:
    data = cine()
    run = inference(data)
    labels = run.labels_around_heart(frames, 12.0)
    assert run.whole_images is None
    assert run.grid.box is not None
    assert np.array_equal(labels[..., frames] == 1, data[..., frames] == 900)


def test_a_single_slice_is_looked_at_in_two_frames() -> None:
    """The atria are smallest in the first frame of a long-axis cine."""
    data = cine(slices=1)
    data[..., 0, 3:6] = np.where(disc(70, 80, 30), 900, 100)[..., None]
    run = inference(data)
    labels = run.labels_around_heart(range(9), 12.0)
    assert run.whole_images is None
    assert np.array_equal(labels == 1, data == 900)


def test_clearance_is_the_distance_to_the_sides_within_the_image() -> None:
    grid = WorkingGrid(SHAPE, (1.5, 1.5), 1.5, 16, (16, 96, 0, 144))
    found = np.zeros(SHAPE, dtype=bool)
    found[20:90, 0:144] = True
    in_window = found[grid.window]
    assert grid.clearance_mm(in_window) == pytest.approx(4 * 1.5)
    assert grid.clearance_mm(np.zeros_like(in_window)) == np.inf


def test_uncertainty_is_judged_in_the_region() -> None:
    run = inference(cine())
    run.labels_around_heart(range(9), 12.0)
    assert run.grid.box is not None
    values = flip_agreement(run, [0, 4], {1: "LV"})
    assert values["agreement"] == {"LV": 1.0}


@pytest.mark.parametrize("margin", [None, 12.0])
def test_the_region_is_recorded_with_the_result(margin: float | None, tmp_path: Path) -> None:
    engine = ResolvedEngine("torch", "fp32", "cpu")
    model = prediction.LoadedModel("bright", DESCRIPTION, bright_is_lv, engine, (bright_is_lv,))
    options = SegmentationOptions(
        heart_region_margin_mm=margin, clean_up=CleanUpOptions(largest_component=False, fill_holes=False)
    )
    write_image(tmp_path / "sa.nii.gz", Image(cine(), AFFINE))
    subject = prediction.read_subject(tmp_path, "sa")
    prediction.finish(prediction.run_network(subject, model, options), model, options, "sa", None)
    record = read_image(tmp_path / "seg_sa.nii.gz").sidecar["heart_region"]
    expected = {
        None: {"margin_mm": None, "box": None, "whole_images": "not asked for"},
        12.0: {"margin_mm": 12.0, "box": [48, 96, 48, 112], "whole_images": None},
    }
    assert record == expected[margin]
