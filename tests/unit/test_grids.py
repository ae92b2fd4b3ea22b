"""Volumes on one grid, in another order of voxels, or elsewhere."""

import itertools

import numpy as np
import pytest

from cinecohort.grids import brought_onto, same_grid, says_no_place, shear_mm
from cinecohort.images import Image, slice_normal, voxel_spacing

AXES = np.array([[0.8, 0.36, -0.48], [0.0, 0.8, 0.6], [0.6, -0.48, 0.64]])
SHAPE = (5, 7, 3)


def affine(spacing: tuple[float, float, float] = (1.5, 1.7, 9.0)) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = AXES * spacing, (-20.0, 35.0, 4.0)
    return matrix


def image() -> Image:
    return Image(np.arange(np.prod(SHAPE), dtype=np.int16).reshape(*SHAPE, 1), affine())


def stored(order: tuple[int, ...], signs: tuple[int, ...]) -> Image:
    """The image with its axes exchanged and reversed; every voxel keeps its place."""
    index = np.zeros((4, 4))
    index[3, 3] = 1
    data = image().data.transpose(*order, 3)
    for axis, (own, sign) in enumerate(zip(order, signs, strict=True)):
        index[own, axis] = sign
        if sign < 0:
            index[own, 3] = SHAPE[own] - 1
            data = np.flip(data, axis)
    return Image(data, affine() @ index)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", list(itertools.product((1, -1), repeat=3)))
def test_every_order_of_voxels_is_brought_back(order: tuple[int, ...], signs: tuple[int, ...]) -> None:
    brought = brought_onto(stored(order, signs), image())
    assert brought is not None
    assert brought.how == ("" if (order, signs) == ((0, 1, 2), (1, 1, 1)) else "turned")
    np.testing.assert_array_equal(brought.image.data, image().data)
    np.testing.assert_allclose(brought.image.affine, image().affine)


@pytest.mark.parametrize(
    "change", [{"moved": (0, 0, 9.0)}, {"moved": (3, 0, 0)}, {"turned": 20}, {"spacing": (1.5, 1.7, 8.0)}]
)
def test_what_lies_elsewhere_is_not_brought(change: dict) -> None:
    other = affine(change.get("spacing", (1.5, 1.7, 9.0)))
    other[:3, 3] += change.get("moved", (0, 0, 0))
    angle = np.deg2rad(change.get("turned", 0))
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    other[:3, :3] = turn @ other[:3, :3]
    assert brought_onto(Image(image().data, other), image()) is None


@pytest.mark.parametrize(
    ("turned", "spacing"), [(2, (1.5, 1.7, 9.0)), (0, (1.55, 1.7, 9.0)), (0, (1.5, 1.7, 9.09))]
)
def test_what_drifts_away_from_the_first_voxel_is_not_brought(turned: float, spacing: tuple) -> None:
    """Entries of the affines differ by less than 0.1 mm, the last voxels by several."""
    data = np.zeros((200, 200, 60, 1), dtype=np.int16)
    angle = np.deg2rad(turned)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    other = affine(spacing)
    other[:3, :3] = other[:3, :3] @ turn
    assert np.abs(other - affine()).max() < 0.1
    assert brought_onto(Image(data, other), Image(data, affine())) is None
    assert not same_grid(data.shape, other, Image(data, affine()))


def test_a_map_without_a_place_is_taken_on_trust() -> None:
    bare = np.diag([-1.5, -1.7, 9.0, 1.0])
    assert says_no_place(bare)
    assert not says_no_place(affine())
    brought = brought_onto(Image(image().data, bare), image())
    assert brought is not None
    assert brought.how == "voxel by voxel"
    assert brought_onto(Image(image().data, np.diag([1.5, 1.7, 8.0, 1.0])), image()) is None
    assert brought_onto(Image(image().data[1:], bare), image()) is None


@pytest.mark.parametrize("beside", [0.0, 0.5, 5.0])
def test_sheared_slices_are_as_far_apart_as_their_planes(beside: float) -> None:
    sheared = affine()
    sheared[:3, 2] += beside * AXES[:, 0]
    assert shear_mm(sheared) == pytest.approx(beside, abs=1e-6)
    assert voxel_spacing(sheared) == pytest.approx((1.5, 1.7, 9.0))
    assert np.prod(voxel_spacing(sheared)) == pytest.approx(abs(np.linalg.det(sheared[:3, :3])))
    np.testing.assert_allclose(slice_normal(sheared), AXES[:, 2], atol=1e-9)
    sheared[:3, 2] *= -1
    np.testing.assert_allclose(slice_normal(sheared), -AXES[:, 2], atol=1e-9)
