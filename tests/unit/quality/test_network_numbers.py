"""Volumes of networks at end-diastole and end-systole, by hand."""

import numpy as np
import pytest

from cinecohort.quality.network_numbers import NAMES, network_numbers

CONFIDENCE = {
    "frames": [2, 7],
    "voxels": {"LV": [400, 1000], "MYO": [900, 800], "RV": [0, 0]},
    "expected_voxels": {"LV": [450.0, 1000.0], "MYO": [880.0, 810.0], "RV": [0.0, 0.0]},
    "sure_voxels": {"LV": [300, 900], "MYO": [700, 700], "RV": [0, 0]},
    "possible_voxels": {"LV": [500, 1200], "MYO": [990, 900], "RV": [0, 0]},
    "second_voxels": {"LV": [500, 1000], "MYO": [900, 400], "RV": [10, 0]},
    "area_difference": {"LV": [0.25, 0.1], "MYO": [0.1, 0.5], "RV": [None, None]},
}


def test_volumes_of_both_networks_and_the_possible_ones_by_hand() -> None:
    """End-diastole is the later of both frames: the order of the frames in the sidecar does not matter."""
    found = network_numbers(CONFIDENCE, 7, 2)
    assert tuple(found) == NAMES
    assert found["lv_second_area"] == 0.25
    assert found["myo_second_area"] == 0.5
    assert np.isnan(found["rv_second_area"])
    assert found["edv_second"] == 0.0
    assert found["mass_second"] == pytest.approx(np.log(0.5))
    assert found["ef_second"] == pytest.approx(0.5 - 0.6)
    assert found["ef_expected"] == pytest.approx(0.55 - 0.6)
    assert found["ef_spread"] == pytest.approx((1 - 300 / 1200) - (1 - 500 / 900))


@pytest.mark.parametrize("ed", [2, 3])
def test_without_two_frames_that_were_compared_nothing_is_defined(ed: int) -> None:
    assert np.isnan(list(network_numbers(CONFIDENCE, ed, 2).values())).all()
    assert np.isnan(list(network_numbers({}, 7, 2).values())).all()
    older = {key: CONFIDENCE[key] for key in ("frames",)}
    assert np.isnan(list(network_numbers(older, 7, 2).values())).all()


def test_a_heart_that_a_network_did_not_find_has_no_fraction() -> None:
    nothing = {"LV": [0, 0], "MYO": [0, 0], "RV": [0, 0]}
    lost = CONFIDENCE | {"second_voxels": nothing}
    found = network_numbers(lost, 7, 2)
    assert np.isnan([found["ef_second"], found["edv_second"], found["mass_second"]]).all()
    assert np.isfinite(found["ef_spread"])
    cavity_alone = {
        key: {"LV": value["LV"]} if isinstance(value, dict) else value for key, value in CONFIDENCE.items()
    }
    found = network_numbers(cavity_alone, 7, 2)
    assert np.isfinite(found["ef_second"])
    assert np.isnan([found["mass_second"], found["myo_second_area"]]).all()
