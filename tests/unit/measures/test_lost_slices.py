"""Frames in which the LV lacks slices that the heart has."""

import numpy as np
import pytest

from cinecohort.measures.lost_slices import frames_with_lost_slices

COURSE = (10, 10, 10, 9, 9, 8, 8, 8, 9, 10, 10, 10)
"""Slices with LV in each frame of a beat: the base descends and comes back."""


def beat(counts: tuple[int, ...] = COURSE) -> np.ndarray:
    return np.arange(12)[:, None] < np.array(counts)


def lost(present: np.ndarray) -> tuple[int, ...]:
    return frames_with_lost_slices(present, present.any(axis=0))


def test_a_beat_whose_base_descends_has_lost_nothing() -> None:
    assert lost(beat()) == ()
    assert lost(beat((10, 7))) == ()


@pytest.mark.parametrize("where", [[4], [3, 4], [2, 3, 4, 5], [6, 7, 8, 9], [8, 9], [0, 1]])
@pytest.mark.parametrize("frame", [0, 1, 10])
def test_slices_lost_anywhere_are_seen(where: list[int], frame: int) -> None:
    present = beat()
    present[where, frame] = False
    assert lost(present) == (frame,)


def test_frames_that_were_not_segmented_are_not_lost() -> None:
    present = beat()
    present[:, 2:6] = False
    assert lost(present) == ()
    assert lost(beat((10, 0, 0, 5, 0))) == (3,)
