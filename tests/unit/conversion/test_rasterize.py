"""Polygon filling: coverage against analytic areas, counting against the polygon's own area."""

import numpy as np
import pytest

from cinecohort.conversion.rasterize import coverage, fill

SHAPE = (60, 50)


def ellipse(centre: tuple[float, float], a: float, b: float, n: int = 200) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.column_stack([centre[0] + a * np.cos(angle), centre[1] + b * np.sin(angle)])


def test_coverage_of_a_rectangle_is_exact() -> None:
    """From (1.5, 2.25) to (4.0, 3.75): columns 2, 3 whole, half of 4; rows 2 to 4 by hand."""
    corners = np.array([[1.5, 2.25], [4.0, 2.25], [4.0, 3.75], [1.5, 3.75]])
    covered = coverage(corners, (7, 6))
    rows = {2: 0.25, 3: 1.0, 4: 0.25}
    columns = {2: 1.0, 3: 1.0, 4: 0.5}
    expected = np.zeros((7, 6))
    for x, along in columns.items():
        for y, across in rows.items():
            expected[x, y] = along * across
    np.testing.assert_allclose(covered, expected)


def test_coverage_does_not_depend_on_the_direction_of_drawing() -> None:
    points = ellipse((20.3, 22.8), 7, 5)
    np.testing.assert_allclose(coverage(points, SHAPE), coverage(points[::-1], SHAPE))


@pytest.mark.parametrize("a", [2.0, 3.5, 8.0, 20.0])
def test_coverage_sums_to_the_area(a: float) -> None:
    assert coverage(ellipse((25.2, 24.7), a, 0.8 * a), SHAPE).sum() == pytest.approx(
        np.pi * a * 0.8 * a, rel=5e-3
    )


def test_x_is_the_first_axis() -> None:
    mask = fill(ellipse((40, 10), 5, 5), SHAPE)
    assert mask[40, 10]
    assert not mask[10, 40]
    np.testing.assert_allclose(np.argwhere(mask).mean(axis=0), (40, 10), atol=0.1)


@pytest.mark.parametrize("radius", [2.5, 4.0, 9.0, 18.0])
def test_area_filling_has_no_bias(radius: float) -> None:
    """Over many sub-pixel positions; filling with the border included gives 5 to 30 % more."""
    rng = np.random.default_rng(0)
    counts = [fill(ellipse(tuple(c), radius, radius), SHAPE).sum() for c in rng.uniform(24, 26, (40, 2))]
    area = np.pi * radius**2
    assert np.mean(counts) == pytest.approx(area, abs=0.6)
    assert np.max(np.abs(np.array(counts) - area)) <= 1.0


def test_contours_on_the_half_pixel_lattice_have_no_bias() -> None:
    """Edges through pixel centres cover half a pixel; counting them all would be too many."""
    square = np.array([[10.0, 10.0], [20.0, 10.0], [20.0, 20.0], [10.0, 20.0]])
    assert fill(square, SHAPE).sum() == 100


def test_a_pen_that_crosses_its_own_line_leaves_no_hole() -> None:
    once = ellipse((25, 25), 8, 8)
    past_the_start = np.vstack([once, once[:12] * [1.0, 1.0] + [0.3, -0.2]])
    assert abs(int(fill(past_the_start, SHAPE).sum()) - int(fill(once, SHAPE).sum())) <= 3


def test_a_figure_of_eight_is_filled_on_both_sides() -> None:
    eight = np.array([[5.0, 5.0], [15.0, 15.0], [15.0, 5.0], [5.0, 15.0]])
    assert coverage(eight, SHAPE).sum() == pytest.approx(50, rel=1e-3)


def test_what_lies_outside_the_image_is_cut_off() -> None:
    assert fill(ellipse((0, 25), 8, 8), SHAPE).sum() == pytest.approx(np.pi * 32 + 8, abs=2)
    assert not fill(ellipse((-30, 25), 8, 8), SHAPE).any()
    assert not fill(ellipse((30, 200), 8, 8), SHAPE).any()


@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("filling", ["area", "ukbb_cardiac"])
def test_fewer_than_three_points_fill_nothing(n: int, filling: str) -> None:
    assert not fill(ellipse((20, 20), 5, 5)[:n], SHAPE, filling).any()  # type: ignore[arg-type]


def test_ukbb_cardiac_convention_includes_the_border_on_the_finer_grid() -> None:
    """Corners at whole pixels: the square from 10 to 20 holds 11 x 11 samples, its border included."""
    square = np.array([[10.0, 10.0], [20.0, 10.0], [20.0, 20.0], [10.0, 20.0]])
    mask = fill(square, SHAPE, "ukbb_cardiac")
    assert mask.sum() == 121
    assert mask[10, 10]
    assert mask[20, 20]


def test_ukbb_cardiac_convention_rounds_to_quarter_pixels() -> None:
    """10.2 becomes 10.25, beyond sample 10; 10.1 becomes 10.0, on it."""
    for start, included in ((10.2, False), (10.1, True)):
        square = np.array([[start, 10.0], [20.0, 10.0], [20.0, 20.0], [start, 20.0]])
        assert fill(square, SHAPE, "ukbb_cardiac")[10, 15] == included
