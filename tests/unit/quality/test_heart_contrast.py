"""Contrast of a heart under its labels: whatever lies beside it, and whether it moves with the contours."""

import numpy as np
import pytest

from cinecohort.quality.heart_contrast import contrast, frame_difference, moving_wall
from support.hearts import disc_heart

SIGNALS = np.array([0, 150, 100, 140], dtype=np.float64)


def two_frames() -> np.ndarray:
    """Label map (x, y, z, t) of a heart with a smaller cavity and a thicker wall in the second frame."""
    early, late = (
        np.stack([disc_heart((96, 96), (55, 48), radius - z, wall, (25, 48), 14) for z in range(5)], axis=2)
        for radius, wall in ((20, 6), (16, 10))
    )
    return np.stack([early, late], axis=3)


def test_contrast_is_that_of_the_heart_whatever_the_coil_does_and_fat_beside_it() -> None:
    """Fat at a coil is many times as bright as blood, whose signal falls along the stack."""
    labels = two_frames()[..., 0]
    image = SIGNALS[labels]
    assert contrast(image, labels) == pytest.approx(50 / 250)
    image *= np.linspace(1.0, 4.0, labels.shape[2])
    image[0] = 20.0 * image.max()
    assert contrast(image, labels) == pytest.approx(50 / 250)
    assert contrast(image + 40.0, labels) == pytest.approx(50 / 250)


def test_contrast_without_one_is_undefined() -> None:
    labels = two_frames()[..., 0]
    assert np.isnan(contrast(np.ones(labels.shape), labels))
    assert np.isnan(contrast(SIGNALS[labels], np.where(labels == 2, 0, labels).astype(np.uint8)))


@pytest.mark.parametrize(("mixed", "expected"), [(0.0, 1.0), (0.25, 0.5), (0.5, 0.0)])
def test_pixels_that_contours_pass_darken_less_where_frames_are_mixed(mixed: float, expected: float) -> None:
    labels = two_frames()
    image = SIGNALS[labels]
    assert moving_wall(image * (1 - mixed) + image[..., ::-1] * mixed, labels) == pytest.approx(
        expected, abs=0.01
    )


def test_a_heart_that_does_not_move_says_nothing_of_it() -> None:
    labels = two_frames()[..., [0, 0]]
    assert np.isnan(moving_wall(SIGNALS[labels], labels))


def test_the_heart_changes_less_between_frames_that_are_mixed_whatever_its_signal() -> None:
    labels = two_frames()
    image = SIGNALS[labels]
    image[0] = 5000.0  # beyond the heart
    apart, mixed = (
        frame_difference(image * (1 - share) + image[..., ::-1] * share, labels) for share in (0.0, 0.3)
    )
    assert 0 < mixed < 0.5 * apart
    assert frame_difference(3.0 * image, labels) == pytest.approx(apart)


def test_frames_without_a_heart_or_signal_have_no_difference() -> None:
    labels = two_frames()
    assert np.isnan(frame_difference(np.ones(labels.shape), labels))
    assert np.isnan(frame_difference(SIGNALS[labels], np.zeros_like(labels)))
