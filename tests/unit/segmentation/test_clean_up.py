"""Clean-up on label maps drawn by hand."""

import numpy as np

from cinecohort.labels import STRUCTURES
from cinecohort.segmentation.clean_up import clean_up
from cinecohort.segmentation.options import CleanUpOptions
from cinecohort.segmentation.uncertainty import mean_pairwise_dice, uncertain_frames

TENTH_ML, ONE_ML = (4.0, 4.0, 6.25), (4.0, 4.0, 62.5)
"""Voxel sizes in millimetres."""


def heart() -> np.ndarray:
    """A ring of myocardium around LV, RV beside it, in two slices and two frames."""
    labels = np.zeros((20, 20, 2, 2), dtype=np.uint8)
    labels[4:13, 4:13] = 2
    labels[6:11, 6:11] = 1
    labels[14:18, 4:13] = 3
    return labels


def test_a_sound_heart_is_left_alone() -> None:
    labels = heart()
    removed = clean_up(labels, "sa", STRUCTURES["sa"], CleanUpOptions(), TENTH_ML)
    assert np.array_equal(labels, heart())
    assert removed == {"LV": 0, "MYO": 0, "RV": 0, "filled": 0}


def test_islands_go_and_are_counted_in_millilitres_of_the_worst_frame() -> None:
    labels = heart()
    labels[0, 0, 0, 0] = 3
    labels[0:3, 0, 0, 1] = 3
    labels[19, 19, 1, 1] = 1
    removed = clean_up(labels, "sa", STRUCTURES["sa"], CleanUpOptions(), TENTH_ML)
    assert np.array_equal(labels, heart())
    assert removed == {"LV": 0.1, "MYO": 0, "RV": 0.3, "filled": 0}


def test_a_small_cavity_with_its_wall_wins_over_a_larger_bright_spot() -> None:
    labels = heart()
    labels[6:11, 6:11, :, 1] = 2
    labels[8, 8, :, 1] = 1
    wanted = labels.copy()
    labels[0:3, 14:20, :, 1] = 1
    removed = clean_up(labels, "sa", STRUCTURES["sa"], CleanUpOptions(), TENTH_ML)
    assert np.array_equal(labels, wanted)
    assert removed["LV"] == 3.6


def test_a_false_heart_that_is_larger_in_one_frame_does_not_win() -> None:
    labels = heart()
    labels[..., 1] = 0
    labels[6:9, 6:9, 0, 1] = 2
    labels[7, 7, 0, 1] = 1
    wanted = labels.copy()
    labels[0:3, 16:20, :, 1] = 2
    labels[1:3, 17:19, :, 1] = 1
    labels[0:2, 0:3, 0, 1] = 3
    removed = clean_up(labels, "sa", STRUCTURES["sa"], CleanUpOptions(), TENTH_ML)
    assert np.array_equal(labels, wanted)
    assert removed == {"LV": 0.8, "MYO": 1.6, "RV": 0.6, "filled": 0}


def test_components_are_followed_through_the_slices() -> None:
    labels = np.zeros((10, 10, 3, 1), dtype=np.uint8)
    labels[2:5, 2:5, 0] = 1
    labels[4:7, 4:7, 1] = 1
    labels[6:9, 6:9, 2] = 1
    before = labels.copy()
    clean_up(labels, "sa", STRUCTURES["sa"], CleanUpOptions(), ONE_ML)
    assert np.array_equal(labels, before)


def test_holes_take_the_nearest_label_and_gaps_between_structures_stay() -> None:
    labels = heart()
    labels[8, 8] = 0  # in the cavity
    labels[4, 8] = 0  # a notch in the outer border of the myocardium: open, not a hole
    labels[15, 8] = 0  # in the RV
    filled = clean_up(labels, "sa", STRUCTURES["sa"], CleanUpOptions(), ONE_ML)["filled"]
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
    clean_up(
        labels, "sa", STRUCTURES["sa"], CleanUpOptions(largest_component=False, fill_holes=False), ONE_ML
    )
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
