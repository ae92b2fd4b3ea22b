"""Axes, affines and resampling against values worked out by hand."""

import numpy as np
import pytest

from cinecohort.conversion.geometry import (
    angle_deg,
    corner_of_slice,
    resample_slice,
    slice_axes,
    stack_affine,
)


def test_affine_of_an_axial_stack() -> None:
    axes = slice_axes([1, 0, 0, 0, 1, 0])
    affine = stack_affine(axes, (2.0, 1.5), 8.0, (10.0, 20.0, 30.0))
    # LPS to RAS negates x and y; columns are 1.5 mm apart, rows 2 mm.
    expected = [[-1.5, 0, 0, -10], [0, -2, 0, -20], [0, 0, 8, 30], [0, 0, 0, 1]]
    np.testing.assert_allclose(affine, expected, atol=1e-12)
    np.testing.assert_allclose(corner_of_slice(affine, 3), (10, 20, 54))


def test_axes_are_orthonormal_though_the_text_is_rounded() -> None:
    axes = slice_axes([0.792, 0.0, 0.610, 0.378, 0.786, -0.490])
    frame = np.array([axes.row, axes.column, axes.normal])
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
    assert angle_deg(axes.row, np.array([0.792, 0, 0.610]) / np.hypot(0.792, 0.610)) < 0.05


@pytest.mark.parametrize(
    "orientation",
    [
        [1, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 1, 0],
        [1, 0, 0, 0.1, 1, 0],
        [float("nan"), 0, 0, 0, 1, 0],
    ],
)
def test_orientations_that_are_none(orientation: list[float]) -> None:
    with pytest.raises(ValueError, match="ImageOrientationPatient"):
        slice_axes(orientation)


@pytest.mark.parametrize(("a", "b", "degrees"), [((1, 0, 0), (0, 1, 0), 90), ((1, 0, 0), (-1, 0, 0), 180)])
def test_angle(a: tuple[float, ...], b: tuple[float, ...], degrees: float) -> None:
    assert angle_deg(np.array(a, float), np.array(b, float)) == pytest.approx(degrees)


def test_small_angles_are_not_lost_to_rounding() -> None:
    tilted = np.array([np.cos(1e-5), np.sin(1e-5), 0])
    assert angle_deg(np.array([1.0, 0, 0]), tilted) == pytest.approx(np.degrees(1e-5), rel=1e-6)


def test_resampling_a_ramp_by_half_a_pixel() -> None:
    axes = slice_axes([1, 0, 0, 0, 1, 0])
    ramp = np.tile(np.arange(0, 100, 10, dtype=np.uint16), (6, 1))[None]
    # The grid begins 1 mm (half a pixel of 2 mm) further along the row.
    moved = resample_slice(ramp, axes, np.zeros(3), (2, 2), np.array([1.0, 0, 0]), (2, 2), (6, 9))
    np.testing.assert_array_equal(moved[0, 2], np.arange(5, 95, 10))
    assert moved.dtype == np.uint16


def test_resampling_to_smaller_pixels() -> None:
    axes = slice_axes([1, 0, 0, 0, 1, 0])
    ramp = np.tile(np.arange(0.0, 80.0, 10.0), (4, 1))[None]
    fine = resample_slice(ramp, axes, np.zeros(3), (2, 2), np.zeros(3), (2, 1), (4, 15))
    np.testing.assert_allclose(fine[0, 1], np.arange(0, 75, 5))
