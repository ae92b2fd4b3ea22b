"""The pass rules of ukbb_cardiac and the borders behind the topology checks."""

import numpy as np
import pytest

from cinecohort.quality.robust import robust_z
from cinecohort.quality.topology import borders_of, largest_component_sizes
from cinecohort.quality.ukbb_rules import atrium_reason, long_axis_failure, short_axis_reason


def heart(slices: int = 8) -> np.ndarray:
    labels = np.zeros((40, 40, slices), dtype=np.uint8)
    labels[10:26, 10:26] = 2
    labels[14:22, 14:22] = 1
    labels[26:32, 12:24] = 3
    return labels


def test_whole_heart_passes() -> None:
    assert short_axis_reason(heart()) is None


@pytest.mark.parametrize("label", [1, 2, 3])
def test_structure_of_fewer_than_ten_voxels_fails(label: int) -> None:
    labels = heart()
    labels[labels == label] = 0
    assert "voxels" in str(short_axis_reason(labels))


def test_too_few_slices_fail() -> None:
    assert short_axis_reason(heart(6)) is None
    assert short_axis_reason(heart(5)) == "5 slices have LV and myocardium"


def test_gap_fails() -> None:
    labels = heart()
    labels[:, :, 3] = 0
    assert "gap" in str(short_axis_reason(labels))


def test_rv_missing_in_the_middle_fails() -> None:
    labels = heart()
    labels[:, :, 4][labels[:, :, 4] == 3] = 0
    assert "RV has 0 pixels" in str(short_axis_reason(labels))


def atrium(sizes: list[int]) -> np.ndarray:
    masks = np.zeros((30, 30, len(sizes)), dtype=bool)
    for frame, size in enumerate(sizes):
        masks[5 : 5 + size, 5:15, frame] = True
    return masks


def test_steady_atrium_passes() -> None:
    assert atrium_reason(atrium([8, 10, 12, 10])) is None


def test_atrium_rules() -> None:
    assert "area is 0" in str(atrium_reason(atrium([8, 0, 8])))
    assert "2.0 times" in str(atrium_reason(atrium([8, 16, 12])))
    assert atrium_reason(atrium([8, 15, 8])) is None
    assert "times" in str(atrium_reason(atrium([4, 6, 8, 10])))  # the last against the first
    two = atrium([8, 8])
    two[25:29, 25:29, 1] = True
    assert "more than one component" in str(atrium_reason(two))
    two[25:29, 25:29, 1] = False
    two[25:27, 25:29, 1] = True  # small pieces are allowed
    assert atrium_reason(two) is None


def test_long_axis_rule() -> None:
    labels = np.zeros((20, 20), dtype=np.uint8)
    labels[2:8, 2:8] = 1
    labels[12:15, 12:15] = 2
    assert long_axis_failure(labels, {1: "LA"}) is None
    assert long_axis_failure(labels, {1: "LA", 2: "RA"}) == ("RA", "RA has 9 pixels in one piece")


def test_borders_are_counted_by_pixel_side() -> None:
    labels = heart(1)[..., None]
    lv = borders_of(labels, 1)
    assert {label: int(count[0, 0]) for label, count in lv.on.items()} == {0: 0, 2: 32, 3: 0}
    rv = borders_of(labels, 3)
    assert int(rv.on[2][0, 0]) == 12
    assert rv.total_share((2,)) == pytest.approx(12 / 36)
    assert np.isnan(borders_of(np.zeros_like(labels), 1).total_share((2,)))


def test_border_beyond_the_image_is_background() -> None:
    full = np.ones((3, 3, 1, 1), dtype=np.uint8)
    assert int(borders_of(full, 1).on[0][0, 0]) == 12


def test_largest_component_of_each_slice() -> None:
    masks = np.zeros((20, 20, 3), dtype=bool)
    masks[2:5, 2:5, 0], masks[10:15, 10:12, 0] = True, True
    masks[2:4, 2:4, 2], masks[4, 4, 2] = True, True  # joined over a corner
    assert largest_component_sizes(masks).tolist() == [10, 0, 5]


def test_robust_z() -> None:
    scores = robust_z([1.0, 2.0, 3.0, 4.0, 100.0, np.nan])
    assert scores[2] == 0
    assert scores[4] == pytest.approx(97 / 1.4826)
    assert np.isnan(scores[5])
    assert robust_z([5.0, 5.0, 5.0, 9.0]).tolist() == [0, 0, 0, np.inf]
    assert np.isnan(robust_z([np.nan, np.nan])).all()
