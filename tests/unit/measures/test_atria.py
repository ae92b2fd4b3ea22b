"""Atrial volumes of ellipsoids, whose area-length volume is exact."""

import numpy as np
import pytest

from cinecohort.measures.atria import (
    AtrialCurve,
    align_to,
    area_and_length,
    at_phases,
    biplane_ml,
    extremes,
    long_axis_in_plane,
    principal_axis,
)
from cinecohort.measures.contours import chord_length, outer_contour, polygon_area, resample_evenly


def ellipse(
    half_length: float, half_width: float, degrees: float, spacing: tuple[float, float]
) -> np.ndarray:
    """Ellipse whose long axis lies at an angle from x, in mm."""
    size = 90.0
    x, y = np.meshgrid(
        np.arange(0, size, spacing[0]) - size / 2, np.arange(0, size, spacing[1]) - size / 2, indexing="ij"
    )
    turn = np.radians(degrees)
    along, across = x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn)
    return (along / half_length) ** 2 + (across / half_width) ** 2 <= 1


@pytest.mark.parametrize("degrees", [0.0, 33.0, 90.0, 140.0])
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.8, 1.8), (0.9, 1.9)])
def test_area_and_length_of_an_ellipse(degrees: float, spacing: tuple[float, float]) -> None:
    axis = np.array([np.cos(np.radians(degrees + 10)), np.sin(np.radians(degrees + 10))])
    area, length = area_and_length(ellipse(28, 20, degrees, spacing), spacing, axis)
    assert area == pytest.approx(np.pi * 2.8 * 2.0, rel=0.01)
    assert length == pytest.approx(5.6, rel=0.03)


def test_biplane_volume_of_an_ellipsoid() -> None:
    spacing, axis = (1.0, 1.0), np.array([0.0, 1.0])
    two = area_and_length(ellipse(28, 18, 90, spacing), spacing, axis)
    four = area_and_length(ellipse(28, 22, 90, spacing), spacing, axis)
    curves = [AtrialCurve(np.array([area]), np.array([length])) for area, length in (two, four)]
    expected = 4 / 3 * np.pi * 2.8 * 1.8 * 2.2
    assert biplane_ml(*curves)[0] == pytest.approx(expected, rel=0.02)
    assert curves[0].single_plane_ml[0] == pytest.approx(4 / 3 * np.pi * 2.8 * 1.8**2, rel=0.02)


def test_shorter_length_gives_the_larger_volume() -> None:
    two, four = (AtrialCurve(np.array([20.0]), np.array([length])) for length in (5.0, 6.0))
    mean, shorter = biplane_ml(two, four)[0], biplane_ml(two, four, "shorter")[0]
    assert mean == pytest.approx(8 / (3 * np.pi) * 400 / 5.5)
    assert shorter == pytest.approx(8 / (3 * np.pi) * 400 / 5.0)


def test_only_the_largest_component_counts() -> None:
    mask = ellipse(20, 15, 0, (1.0, 1.0))
    with_island = mask.copy()
    with_island[:4, :4] = True
    axis = np.array([1.0, 0.0])
    assert area_and_length(with_island, (1.0, 1.0), axis) == area_and_length(mask, (1.0, 1.0), axis)


def test_failed_frame_is_not_a_number() -> None:
    empty = np.zeros((20, 20), dtype=bool)
    empty[3, 3:6] = True
    assert np.isnan(area_and_length(empty, (1.0, 1.0), np.array([1.0, 0.0]))).all()


def test_failed_frame_is_never_the_minimum() -> None:
    summary = extremes(np.array([60.0, np.nan, 25.0, 40.0]))
    assert summary == {"max": 60.0, "min": 25.0}
    assert all(np.isnan(list(extremes(np.array([60.0, np.nan])).values())))
    assert all(np.isnan(list(extremes(np.empty(0)).values())))


def test_views_of_different_frames_meet_by_phase() -> None:
    def volume(frames: int) -> np.ndarray:
        return 50 - 20 * np.cos(2 * np.pi * np.arange(frames) / frames)

    coarse = AtrialCurve(volume(20), volume(20))
    aligned = align_to(coarse, 30)
    assert aligned.area_cm2 == pytest.approx(volume(30), abs=0.3)
    assert align_to(coarse, 20).area_cm2.tolist() == coarse.area_cm2.tolist()


def test_unknown_frame_stays_unknown_between_phases() -> None:
    values = at_phases(np.array([1.0, np.nan, 3.0]), np.array([0.0, 0.5, 2.5]))
    assert values[[0, 2]].tolist() == [1.0, 2.0]
    assert np.isnan(values[1])


def test_views_meet_at_the_frames_an_observer_named() -> None:
    curve = AtrialCurve(np.arange(5.0), np.arange(5.0) + 10)
    aligned = align_to(curve, 3, pairs=[(4, 0), (2, 1)])
    assert aligned.area_cm2[:2].tolist() == [4.0, 2.0]
    assert np.isnan(aligned.area_cm2[2])


def test_long_axis_is_the_normal_of_the_short_axis_pointing_up() -> None:
    short_axis = np.eye(4)
    short_axis[:3, 2] = [0.0, 0.6 * -8, 0.8 * -8]  # slices run downwards
    coronal = np.eye(4)
    coronal[:3, 0], coronal[:3, 1] = [0.0, 1.5, 0.0], [0.0, 0.0, -1.5]
    direction = long_axis_in_plane(short_axis, coronal)
    assert direction is not None
    assert direction.tolist() == pytest.approx([0.6, -0.8])
    assert long_axis_in_plane(np.eye(4), np.eye(4)) is None  # an axial image


def test_principal_axis_finds_the_length_in_millimetres() -> None:
    axis = principal_axis(ellipse(28, 14, 50, (0.8, 1.9)), (0.8, 1.9))
    assert abs(axis @ [np.cos(np.radians(50)), np.sin(np.radians(50))]) == pytest.approx(1, abs=1e-3)


def test_chord_of_a_square() -> None:
    square = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
    assert chord_length(square, (1.0, 2.0), (1.0, 0.0)) == 4.0
    assert chord_length(square, (2.0, 2.0), (3.0, 3.0)) == pytest.approx(4 * np.sqrt(2))
    assert np.isnan(chord_length(square, (9.0, 9.0), (0.0, 1.0)))


def test_contour_runs_around_the_pixels_not_over_their_centres() -> None:
    mask = np.zeros((30, 30), dtype=bool)
    mask[10:20, 5:20] = True
    contour = outer_contour(mask, (2.0, 1.0))
    assert np.ptp(contour, axis=0).tolist() == [20.0, 15.0]
    assert polygon_area(contour) == pytest.approx(300, rel=0.01)
    even = np.linalg.norm(np.diff(resample_evenly(contour, 0.5), axis=0), axis=1)
    assert even.max() <= 0.51


def test_smoothed_contour_keeps_a_circle() -> None:
    x, y = np.meshgrid(np.arange(60) * 1.8 - 50, np.arange(60) * 1.8 - 55, indexing="ij")
    contour = outer_contour(np.hypot(x, y) < 30, (1.8, 1.8), smoothing_mm=1.5)
    radius = np.hypot(*(contour - [50, 55]).T)
    assert radius.mean() == pytest.approx(30, abs=0.15)
    assert radius.std() < 0.35
