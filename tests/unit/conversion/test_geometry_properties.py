"""What must hold of axes, affines, resampling and grids, for any orientation and position of a stack."""

from types import SimpleNamespace

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cinecohort.conversion.frames import Frame
from cinecohort.conversion.geometry import (
    LPS_TO_RAS,
    angle_deg,
    corner_of_slice,
    resample_slice,
    slice_axes,
    stack_affine,
)
from cinecohort.conversion.grid import plan_grid
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.stacks import build_stack
from cinecohort.images import slice_normal, voxel_spacing

NUMBERS = st.floats(-1, 1)
TURNS = (
    st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
    .filter(lambda q: np.linalg.norm(q) > 0.1)
    .map(lambda q: Rotation.from_quat(q).as_matrix())
)
POINTS = st.tuples(*[st.floats(-300, 300)] * 3).map(np.array)
SPACINGS = st.tuples(st.floats(0.5, 3), st.floats(0.5, 3))
STEPS = st.floats(2, 15)


def written(turn: np.ndarray) -> list[float]:
    """ImageOrientationPatient of a turn, rounded as in files."""
    return [round(float(value), 6) for value in (*turn[:, 0], *turn[:, 1])]


@given(TURNS)
def test_axes_are_right_handed_and_those_that_the_text_rounds(turn: np.ndarray) -> None:
    axes = slice_axes(written(turn))
    frame = np.array([axes.row, axes.column, axes.normal]).T
    np.testing.assert_allclose(frame.T @ frame, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(frame, turn, atol=2e-6)
    assert np.linalg.det(frame) > 0


@given(TURNS, TURNS)
def test_angles_are_symmetric_and_do_not_depend_on_where_one_looks_from(a: np.ndarray, b: np.ndarray) -> None:
    one, other = a[:, 0], b[:, 0]
    angle = angle_deg(one, other)
    assert 0 <= angle <= 180
    assert np.isclose(angle, angle_deg(other, one), atol=1e-9)
    assert np.isclose(angle, angle_deg(b @ one, b @ other), atol=1e-6)
    assert np.isclose(angle + angle_deg(-one, other), 180, atol=1e-6)


@given(TURNS, SPACINGS, STEPS, POINTS, st.tuples(*[st.integers(0, 400)] * 3))
def test_an_affine_puts_each_voxel_where_dicom_does(
    turn: np.ndarray,
    spacing: tuple[float, float],
    step: float,
    corner: np.ndarray,
    index: tuple[int, int, int],
) -> None:
    axes = slice_axes(written(turn))
    affine = stack_affine(axes, spacing, step, corner)
    column, row, number = index
    # PS3.3 C.7.6.2.1.1: PixelSpacing is that between rows, then between columns.
    expected = corner + axes.row * spacing[1] * column + axes.column * spacing[0] * row
    expected = expected + axes.normal * step * number
    np.testing.assert_allclose((LPS_TO_RAS @ affine @ [*index, 1])[:3], expected, atol=1e-8)
    np.testing.assert_allclose(
        corner_of_slice(affine, number), corner + axes.normal * step * number, atol=1e-8
    )
    np.testing.assert_allclose(voxel_spacing(affine), (spacing[1], spacing[0], step), rtol=1e-9)
    np.testing.assert_allclose(slice_normal(affine), LPS_TO_RAS[:3, :3] @ axes.normal, atol=1e-9)


@given(TURNS, SPACINGS, POINTS, st.integers(-3, 3), st.integers(-3, 3))
def test_a_grid_that_begins_whole_pixels_away_gets_the_same_pixels(
    turn: np.ndarray, spacing: tuple[float, float], corner: np.ndarray, down: int, right: int
) -> None:
    axes = slice_axes(written(turn))
    frames = np.random.default_rng(1).integers(1, 500, (2, 8, 9)).astype(np.uint16)
    moved = corner + axes.column * spacing[0] * down + axes.row * spacing[1] * right
    got = resample_slice(frames, axes, corner, spacing, moved, spacing, (8, 9))
    expected = np.pad(frames, ((0, 0), (3, 3), (3, 3)))[:, 3 + down : 11 + down, 3 + right : 12 + right]
    np.testing.assert_array_equal(got, expected)


@st.composite
def stacks(draw: st.DrawFn) -> SimpleNamespace:
    """A stack whose files hold rounded text, without some of its inner slices."""
    n_slices = draw(st.integers(5, 12))
    missing = draw(st.sets(st.integers(1, n_slices - 2), max_size=2))
    return SimpleNamespace(
        n_slices=n_slices,
        missing=sorted(missing),
        turn=draw(TURNS),
        corner=draw(POINTS),
        step=draw(STEPS),
        spacing=draw(SPACINGS),
        order=draw(st.permutations(range(n_slices))),
    )


def frames_of(stack: SimpleNamespace) -> list[Frame]:
    normal = np.cross(stack.turn[:, 0], stack.turn[:, 1])
    values = {
        "ImageOrientationPatient": tuple(written(stack.turn)),
        "PixelSpacing": stack.spacing,
        "Rows": 8,
        "Columns": 9,
        "SliceThickness": stack.step,
    }
    corners = {place: stack.corner + normal * stack.step * place for place in stack.order}
    return [
        Frame({**values, "ImagePositionPatient": tuple(corners[place].round(5))}, pixels=None)  # type: ignore[arg-type]
        for place in stack.order
        if place not in stack.missing
    ]


@given(stacks())
def test_a_grid_has_every_slice_in_its_place_and_knows_which_are_missing(stack: SimpleNamespace) -> None:
    steps = np.diff([place for place in range(stack.n_slices) if place not in stack.missing])
    assume(np.median(steps) == 1)
    axes = slice_axes(written(stack.turn))
    options = ConversionOptions(on_gap="empty")
    built = build_stack(axes, frames_of(stack), options.position_tolerance_mm)
    grid, findings = plan_grid("sa", built, options)
    assert grid.missing == stack.missing
    assert (grid.n_slices, len(grid.places)) == (stack.n_slices, stack.n_slices - len(stack.missing))
    assert abs(grid.step_mm - stack.step) < 1e-3
    np.testing.assert_allclose(grid.corner, stack.corner, atol=5e-3)
    assert grid.residual_mm < 5e-3
    assert grid.resampled == []
    assert [finding.code for finding in findings] == (["GAP"] if stack.missing else [])
