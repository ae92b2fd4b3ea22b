"""Clean-up on label maps drawn by hand."""

from typing import Any

import numpy as np
import pytest

from cinecohort.catalogue.views import STRUCTURES
from cinecohort.images import Image
from cinecohort.segmentation.clean_up import clean_up
from cinecohort.segmentation.options import CleanUpOptions
from cinecohort.segmentation.preprocessing import without_contrast
from cinecohort.segmentation.uncertainty import mean_pairwise_dice, uncertain_frames

TENTH_ML, ONE_ML = (4.0, 4.0, 6.25), (4.0, 4.0, 62.5)
"""Voxel sizes in millimetres."""

EVERYTHING = CleanUpOptions()


def cleaned(
    labels: np.ndarray,
    spacing_mm: tuple[float, float, float] = TENTH_ML,
    options: CleanUpOptions = EVERYTHING,
    blank: tuple[Any, ...] = (),
) -> dict[str, Any]:
    """Clean up in place; `blank`, pairs of slice and frame, have no contrast in the image."""
    data = np.zeros(labels.shape, dtype=np.int16)
    data[0] = 1
    for slice_, frame in blank:
        data[:, :, slice_, frame] = 7
    return clean_up(labels, "sa", STRUCTURES["sa"], options, Image(data, np.diag([*spacing_mm, 1.0])))


def heart() -> np.ndarray:
    """A ring of myocardium around LV, RV beside it, in two slices and two frames."""
    labels = np.zeros((20, 20, 2, 2), dtype=np.uint8)
    labels[4:13, 4:13] = 2
    labels[6:11, 6:11] = 1
    labels[14:18, 4:13] = 3
    return labels


def test_a_sound_heart_is_left_alone() -> None:
    labels = heart()
    found = cleaned(labels)
    assert np.array_equal(labels, heart())
    nothing = {"LV": 0, "MYO": 0, "RV": 0}
    shares = {"removed_share": nothing, "removed_at": {}, "filled_share": 0}
    assert found == {"removed_ml": nothing, "filled_ml": 0, **shares}


def test_islands_go_and_are_counted_in_millilitres_of_the_worst_frame() -> None:
    labels = heart()
    labels[0, 0, 0, 0] = 3
    labels[0:3, 0, 0, 1] = 3
    labels[19, 19, 1, 1] = 1
    found = cleaned(labels)
    assert np.array_equal(labels, heart())
    assert found["removed_ml"] == {"LV": 0.1, "MYO": 0, "RV": 0.3}
    assert found["removed_at"] == {"LV": {"frame": 1, "slices": [1]}, "RV": {"frame": 1, "slices": [0]}}


def test_a_small_cavity_with_its_wall_wins_over_a_larger_bright_spot() -> None:
    labels = heart()
    labels[6:11, 6:11, :, 1] = 2
    labels[8, 8, :, 1] = 1
    wanted = labels.copy()
    labels[0:3, 14:20, :, 1] = 1
    found = cleaned(labels)
    assert np.array_equal(labels, wanted)
    assert found["removed_ml"]["LV"] == 3.6


def test_a_false_heart_that_is_larger_in_one_frame_does_not_win() -> None:
    labels = heart()
    labels[..., 1] = 0
    labels[6:9, 6:9, 0, 1] = 2
    labels[7, 7, 0, 1] = 1
    wanted = labels.copy()
    labels[0:3, 16:20, :, 1] = 2
    labels[1:3, 17:19, :, 1] = 1
    labels[0:2, 0:3, 0, 1] = 3
    found = cleaned(labels)
    assert np.array_equal(labels, wanted)
    assert found["removed_ml"] == {"LV": 0.8, "MYO": 1.6, "RV": 0.6}


def test_components_are_followed_through_the_slices() -> None:
    labels = np.zeros((10, 10, 3, 1), dtype=np.uint8)
    labels[2:5, 2:5, 0] = 1
    labels[4:7, 4:7, 1] = 1
    labels[6:9, 6:9, 2] = 1
    before = labels.copy()
    cleaned(labels)
    assert np.array_equal(labels, before)


def tall_heart() -> np.ndarray:
    """The heart of above in seven slices and two frames."""
    return np.repeat(heart()[:, :, :1], 7, axis=2)


@pytest.mark.parametrize("frames", [[0], [0, 1]])
def test_a_slice_without_an_image_is_no_border_of_the_heart(frames: list[int]) -> None:
    labels = tall_heart()
    labels[:, :, 2, frames] = 0
    before = labels.copy()
    found = cleaned(labels, blank=tuple((2, frame) for frame in frames))
    assert np.array_equal(labels, before)
    assert found["removed_ml"] == {"LV": 0, "MYO": 0, "RV": 0}


def test_a_slice_that_lacks_a_structure_in_one_frame_only_does_not_part_it() -> None:
    labels = tall_heart()
    labels[:, :, 4, 1] = 0
    labels[14:18, :, 2, 0] = 0
    before = labels.copy()
    cleaned(labels)
    assert np.array_equal(labels, before)


def test_a_little_beyond_a_slice_that_the_heart_has_left_in_this_frame_goes() -> None:
    """As an atrium that is taken for the cavity when the base has moved out of its slice."""
    labels = tall_heart()
    labels[:, :, 5:, 1] = 0
    wanted = labels.copy()
    labels[6:11, 6:11, 6, 1] = 1
    labels[14:18, 4:13, 6, 1] = 3
    assert cleaned(labels)["removed_ml"] == {"LV": 2.5, "MYO": 0, "RV": 3.6}
    assert np.array_equal(labels, wanted)


def test_an_apex_that_lies_beside_the_slice_above_keeps_its_cavity() -> None:
    """Its wall touches the heart's, its cavity does not: the ring would stand alone."""
    labels = tall_heart()
    labels[:, :, 6] = 0
    labels[10:17, 6:13, 6] = 2
    labels[12:15, 8:11, 6] = 1
    labels[:, :, 6, 1] = np.where(labels[:, :, 6, 1] == 1, 2, labels[:, :, 6, 1])
    labels[7, 12, 5] = labels[2, 2, 6] = 1  # A speck in the wall, and a spot outside it.
    wanted = labels.copy()
    wanted[7, 12, 5] = wanted[2, 2, 6] = 0
    cleaned(labels)
    assert np.array_equal(labels, wanted)


def test_a_cavity_keeps_the_only_wall_that_it_has() -> None:
    """A ring wide of that above touches none of the heart's wall, its cavity does."""
    labels = tall_heart()
    labels[:, :, 6] = 0
    labels[1:18, 1:18, 6] = 2
    labels[3:16, 3:16, 6] = 1
    before = labels.copy()
    cleaned(labels)
    assert np.array_equal(labels, before)


def test_what_is_left_of_the_wall_of_a_cavity_that_goes_is_not_left_alone() -> None:
    """A large bright place beside the heart, with a little wall that touches the heart's, beyond its end."""
    labels = tall_heart()
    labels[:, :, 6] = 0
    wanted = labels.copy()
    labels[0:4, 2:16, 6] = 1
    labels[4:6, 6:10, 6] = 2
    cleaned(labels)
    assert np.array_equal(labels, wanted)
    # A solid apex stays, whatever is bright beside it.
    labels[6:10, 6:10, 6] = 2
    wanted = labels.copy()
    labels[10:12, 8, 6] = 1
    labels[:, :, 5][labels[:, :, 5] == 1] = 2
    wanted[:, :, 5] = labels[:, :, 5]
    cleaned(labels)
    assert np.array_equal(labels, wanted)


def test_the_wall_of_a_false_ventricle_goes_with_its_cavity() -> None:
    """The true wall is more, but in two pieces of which each is less."""
    labels = tall_heart()
    labels[14:18] = 0
    labels[labels == 2] = 0
    labels[5, 5:12], labels[11, 5:12] = 2, 2
    labels[5:8, [5, 11]], labels[9:12, [5, 11]] = 2, 2
    wanted = labels.copy()
    labels[13:17, 6:10] = 2
    labels[14:16, 7:9] = 1
    assert cleaned(labels)["removed_ml"] == {"LV": 2.8, "MYO": 8.4, "RV": 0}
    assert np.array_equal(labels, wanted)


def test_shares_are_those_of_the_frame() -> None:
    labels = heart()
    labels[6:11, 6:11, :, 1] = 2
    labels[7:9, 7:9, :, 1] = 1  # 8 voxels of cavity, and 2 in an island
    labels[0, 0, :, 1] = 1
    found = cleaned(labels)
    assert found["removed_share"] == {"LV": 0.2, "MYO": 0, "RV": 0}
    labels[7, 7, :, 0] = 0  # 2 voxels of (9 x 9 + 4 x 9) x 2
    assert cleaned(labels)["filled_share"] == round(2 / 234, 5)


def test_what_lies_beyond_the_end_of_the_heart_in_every_frame_goes() -> None:
    labels = tall_heart()
    labels[:, :, 5:] = 0
    wanted = labels.copy()
    labels[6:11, 6:11, 6] = 1
    assert cleaned(labels)["removed_ml"]["LV"] == 2.5
    assert np.array_equal(labels, wanted)


def test_slices_without_contrast() -> None:
    data = np.zeros((4, 4, 3, 2), dtype=np.float32)
    data[0, 0, 0] = 1
    data[..., 1, 0] = [[np.nan], [1.0], [1.0], [np.inf]]
    data[..., 1, 1] = [[np.nan], [1.0], [2.0], [1.0]]
    data[..., 2, :] = np.nan
    wanted = np.array([[False, False], [True, False], [True, True]])
    assert np.array_equal(without_contrast(data), wanted)
    known = np.nan_to_num(data[:, :, :1], nan=0).astype(np.int16)
    assert np.array_equal(without_contrast(known), wanted[:1])


def test_a_ring_without_a_cavity_is_not_filled_with_wall() -> None:
    labels = tall_heart()
    labels[..., 3, :][labels[..., 3, :] == 1] = 0
    before = labels.copy()
    assert cleaned(labels)["filled_ml"] == 0
    assert np.array_equal(labels, before)


def test_a_hole_in_a_cavity_without_a_wall_is_filled() -> None:
    labels = tall_heart()
    labels[:, :, 0][labels[:, :, 0] == 2] = 0
    wanted = labels.copy()
    labels[8, 8, 0] = 0
    cleaned(labels)
    assert np.array_equal(labels, wanted)


def test_holes_take_the_nearest_label_and_gaps_between_structures_stay() -> None:
    labels = heart()
    labels[8, 8] = 0  # in the cavity
    labels[4, 8] = 0  # a notch in the outer border of the myocardium: open, not a hole
    labels[15, 8] = 0  # in the RV
    filled = cleaned(labels, ONE_ML)["filled_ml"]
    assert (labels[8, 8] == 1).all()
    assert (labels[15, 8] == 3).all()
    assert (labels[4, 8] == 0).all()
    assert (labels[13, 4:13] == 0).all()
    assert filled == 4


def test_switched_off() -> None:
    labels = heart()
    labels[0, 0] = 3
    labels[8, 8] = 0
    before = labels.copy()
    cleaned(labels, options=CleanUpOptions(largest_component=False, fill_holes=False))
    assert np.array_equal(labels, before)


def test_agreement_of_masks() -> None:
    first = np.array([1, 1, 0, 0], dtype=bool)
    second = np.array([0, 1, 1, 0], dtype=bool)
    assert mean_pairwise_dice([first, second]) == 0.5
    assert mean_pairwise_dice([first, first, second]) == 2 / 3
    assert mean_pairwise_dice([~first & first] * 2) is None


def test_frames_whose_uncertainty_is_looked_at() -> None:
    labels = np.zeros((4, 4, 1, 3), dtype=np.uint8)
    labels[:, :, 0, 1] = 1
    labels[0, 0, 0, 2] = 1
    assert uncertain_frames(labels, [0, 1, 2], {}) == [0, 1]
    assert uncertain_frames(labels, [0, 1, 2], {"ed": 2, "es": 1}) == [1, 2]
