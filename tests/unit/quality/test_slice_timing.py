"""Slices that show another moment of the cycle than the others are found, and hearts' own delays are not."""

import numpy as np
import pytest

from cinecohort.phantom.faults import LATE_BY, late_frames
from cinecohort.phantom.nifti_layout import true_labels
from cinecohort.phantom.options import PhantomOptions
from cinecohort.phantom.subject import make_subject
from cinecohort.quality.options import SegmentationQualityOptions
from cinecohort.quality.slice_timing import slices_out_of_step

LIMIT = SegmentationQualityOptions().s10_slice_timing.threshold
SLICES, FRAMES = 9, 40


def course(lag: float, change: float = 0.5) -> np.ndarray:
    """Area over the cycle, smallest at 35 % of it, shown `lag` of the cycle further on."""
    phase = np.arange(FRAMES) / FRAMES + lag - 0.35
    return np.round(1000 * (1 - change * np.exp(2.0 * (np.cos(2 * np.pi * phase) - 1))))


def heart(lags: np.ndarray, rv_lags: np.ndarray | None = None, change: float = 0.5) -> dict[int, np.ndarray]:
    rv_lags = lags if rv_lags is None else rv_lags
    return {
        label: np.array([course(lag, change) for lag in each]) for label, each in ((1, lags), (3, rv_lags))
    }


def lagging(*shifts: tuple[int, float]) -> np.ndarray:
    lags = np.zeros(SLICES)
    for z, shift in shifts:
        lags[z] = shift
    return lags


@pytest.mark.parametrize("shift", [0.15, -0.2, 0.3])
def test_a_shifted_slice_stands_out_by_its_shift_and_no_other_does(shift):
    off = slices_out_of_step(heart(lagging((3, shift))))
    assert off[3] == pytest.approx(shift, abs=0.01)
    assert np.nanmax(np.abs(np.delete(off, 3))) < 0.02


def test_two_slices_beside_each_other_are_found():
    off = slices_out_of_step(heart(lagging((3, 0.25), (4, 0.25))))
    assert set(np.flatnonzero(np.nan_to_num(np.abs(off)) > LIMIT)) == {3, 4}


@pytest.mark.parametrize("first", [1, 6])
def test_two_slices_at_an_end_tilt_the_line_but_not_past_a_heart_s_own_delays(first):
    off = slices_out_of_step(heart(lagging((first, 0.25), (first + 1, 0.25))))
    assert off[first : first + 2].max() > LIMIT


def test_a_delay_that_grows_along_the_stack_is_the_heart_itself():
    assert np.nanmax(np.abs(slices_out_of_step(heart(np.linspace(-0.1, 0.1, SLICES))))) < 0.02


def test_what_one_ventricle_does_alone_is_no_trigger():
    off = slices_out_of_step(heart(lagging((3, 0.25)), lagging()))
    assert np.nanmax(np.abs(off)) < 0.02
    opposite = slices_out_of_step(heart(lagging((3, 0.25)), lagging((3, -0.25))))
    assert opposite[3] == 0.0


def test_without_an_rv_the_lv_alone_tells():
    areas = heart(lagging((3, 0.25)))
    areas[3][:] = 0
    assert slices_out_of_step(areas)[3] == pytest.approx(0.25, abs=0.01)


def test_end_slices_and_still_ones_are_not_judged():
    areas = heart(lagging())
    areas[1][2] = course(0.0, change=0.1)
    judged = np.isfinite(slices_out_of_step(areas))
    assert judged.tolist() == [False, True, False, True, True, True, True, True, False]
    assert np.isnan(slices_out_of_step(heart(lagging(), change=0.1))).all()
    assert np.isnan(slices_out_of_step({1: np.zeros((5, 9), int), 3: np.zeros((5, 9), int)})).all()


def test_the_demo_s_mistriggered_subject_is_found():
    options = PhantomOptions(frames=8, seed=1)
    _, phantom, slices, _ = make_subject(11, options)
    late = late_frames(slices, "mistriggering", options.frames)
    short = [image for image in slices if image.view == "sa"]
    areas = {label: np.zeros((len(short), options.frames), int) for label in (1, 3)}
    for z, image in enumerate(short):
        labels = np.roll(true_labels(phantom.heart, phantom.pose, image), -late.get(image.number, 0), axis=0)
        for label, area in areas.items():
            area[z] = np.count_nonzero(labels == label, axis=(1, 2))
    off = slices_out_of_step(areas)
    found = np.flatnonzero(np.nan_to_num(np.abs(off)) > LIMIT)
    assert [short[z].number for z in found] == sorted(late)
    assert LIMIT < off[found].max() <= LATE_BY + 0.01
