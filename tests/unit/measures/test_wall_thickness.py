"""Wall thickness of cylinders whose thickness is known, turned, anisotropic and in any slice order."""

from collections.abc import Callable

import numpy as np
import pytest

from cinecohort.measures.wall_thickness import (
    anterior_direction,
    segment_of,
    septal_direction,
    slice_thickness,
    wall_thickness,
)

SLICES = 9


def cylinder(
    spacing: tuple[float, float] = (1.5, 1.5),
    septum_deg: float = 0.0,
    wall: Callable[[np.ndarray], np.ndarray] = lambda angle: np.full_like(angle, 9.0),
    centre: tuple[float, float] = (75.0, 70.0),
    size_mm: float = 150.0,
) -> np.ndarray:
    """LV of slowly growing radius towards the last slice (the base), RV beside it at `septum_deg`.

    `wall` gives the thickness in mm at an angle (radians) from the septum, anticlockwise from x to y.
    """
    shape = [round(size_mm / step) for step in spacing]
    x, y = np.meshgrid(*(np.arange(n) * step for n, step in zip(shape, spacing, strict=True)), indexing="ij")
    dx, dy = x - centre[0], y - centre[1]
    radius, angle = np.hypot(dx, dy), np.arctan2(dy, dx) - np.radians(septum_deg)
    labels = np.zeros((*shape, SLICES), dtype=np.uint8)
    for z in range(SLICES):
        inner = 20.0 + 0.5 * z
        outer = inner + wall(angle)
        across = np.cos(angle) * radius
        labels[..., z][(radius < outer + 22) & (across > 8) & (z > 1)] = 3
        labels[..., z][radius < outer] = 2
        labels[..., z][radius < inner] = 1
    return labels


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.8, 1.8), (1.2, 2.0)])
@pytest.mark.parametrize("septum_deg", [0.0, 37.0, 200.0])
def test_even_wall_is_measured_everywhere(spacing: tuple[float, float], septum_deg: float) -> None:
    measured = wall_thickness(cylinder(spacing, septum_deg), np.eye(4), spacing)
    assert measured["wt_global_mm"] == pytest.approx(9.0, abs=0.1)
    assert list(measured.values()) == pytest.approx([9.0] * 17, abs=0.2)


def test_resolution_drives_the_error_down() -> None:
    fine = wall_thickness(cylinder((0.5, 0.5)), np.eye(4), (0.5, 0.5), smoothing_mm=0.5)
    assert list(fine.values()) == pytest.approx([9.0] * 17, abs=0.12)


def thickest(wall_from_septum_deg: float, affine: np.ndarray, septum_deg: float, flip: bool) -> set[int]:
    """Basal, mid and apical segment of the greatest thickness, for a bulge at an angle from the septum."""
    bulge = np.radians(wall_from_septum_deg)
    labels = cylinder(septum_deg=septum_deg, wall=lambda angle: 9.0 + 3.0 * np.cos(angle - bulge))
    labels = labels[:, :, ::-1] if flip else labels
    measured = wall_thickness(labels, affine, (1.5, 1.5))
    means = np.array([measured[f"wt_aha_{i:02d}_mm"] for i in range(1, 17)])
    return {1 + int(means[:6].argmax()), 7 + int(means[6:12].argmax()), 13 + int(means[12:].argmax())}


@pytest.mark.parametrize("septum_deg", [0.0, 90.0, 143.0])
def test_bulge_lands_in_its_segment(septum_deg: float) -> None:
    # Base at the last slice, right-handed: anterior lies +90 degrees from the septum.
    upright = np.diag([1.5, 1.5, 8.0, 1.0])
    assert thickest(90, upright, septum_deg, flip=False) == {1, 7, 13}
    assert thickest(-90, upright, septum_deg, flip=False) == {4, 10, 15}
    assert thickest(180 - 30, upright, septum_deg, flip=False) & {6, 12} == {6, 12}
    assert thickest(30, upright, septum_deg, flip=False) & {2, 8} == {2, 8}


def test_slice_order_and_handedness_turn_the_heart() -> None:
    upright = np.diag([1.5, 1.5, 8.0, 1.0])
    mirrored = np.diag([-1.5, 1.5, 8.0, 1.0])
    assert thickest(-90, upright, 0, flip=True) == {1, 7, 13}
    assert thickest(-90, mirrored, 0, flip=False) == {1, 7, 13}


def test_septum_to_the_right_and_base_up_puts_anterior_forward() -> None:
    septal = np.array([1.0, 0.0])  # in RAS+, x is right, y anterior, z superior
    assert anterior_direction(septal, 1, np.eye(4)).tolist() == [0.0, 1.0]


def test_septal_direction_follows_the_rv() -> None:
    for degrees in (0, 60, 250):
        labels = cylinder((1.2, 1.7), degrees)[..., 5]
        direction = septal_direction(labels == 1, labels == 2, labels == 3, (1.2, 1.7))
        assert direction is not None
        expected = [np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]
        assert direction.tolist() == pytest.approx(expected, abs=0.08)


@pytest.mark.parametrize(
    ("angle", "basal", "apical"),
    [
        (0, 1, 13), (-30, 1, 13), (29.9, 1, 13), (30, 2, 13), (45, 2, 14), (89.9, 2, 14), (90, 3, 14),
        (149.9, 3, 15), (150, 4, 15), (180, 4, 15), (-180, 4, 15), (-150.1, 4, 15), (-150, 5, 15),
        (-135, 5, 16), (-90, 6, 16), (-30.1, 6, 13), (-45.1, 6, 16),
    ],
)  # fmt: skip
def test_segment_limits(angle: float, basal: int, apical: int) -> None:
    assert segment_of(np.array([angle]), 0)[0] == basal
    assert segment_of(np.array([angle]), 1)[0] == basal + 6
    assert segment_of(np.array([angle]), 2)[0] == apical


def test_without_an_rv_only_the_whole_wall() -> None:
    labels = cylinder()
    labels[labels == 3] = 0
    measured = wall_thickness(labels, np.eye(4), (1.5, 1.5))
    assert measured["wt_global_mm"] == pytest.approx(9.0, abs=0.1)
    assert all(np.isnan(measured[f"wt_aha_{i:02d}_mm"]) for i in range(1, 17))


def test_open_wall_is_not_taken_for_a_thin_one() -> None:
    labels = cylinder()[..., 5]
    opened = labels.copy()
    opened[(labels == 2) & (np.arange(100) * 1.5 < 60)[:, None]] = 0
    whole = slice_thickness(labels == 1, labels == 2, (1.5, 1.5))
    part = slice_thickness(opened == 1, opened == 2, (1.5, 1.5))
    assert whole is not None
    assert part is not None
    assert len(part.points) < len(whole.points)
    assert np.median(part.thickness) == pytest.approx(9.0, abs=0.2)


def test_too_little_wall_is_not_measured() -> None:
    labels = np.zeros((30, 30), dtype=np.uint8)
    labels[10:13, 10:13] = 2
    labels[11, 11] = 1
    assert slice_thickness(labels == 1, labels == 2, (1.5, 1.5)) is None


def test_empty_map_has_no_thickness() -> None:
    measured = wall_thickness(np.zeros((20, 20, 3), dtype=np.uint8), np.eye(4), (1.5, 1.5))
    assert len(measured) == 17
    assert np.isnan(list(measured.values())).all()
