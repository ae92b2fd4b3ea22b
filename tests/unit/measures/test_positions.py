"""Which end of a short-axis stack is the base, and which third a slice belongs to."""

import numpy as np
import pytest

from cinecohort.measures.positions import base_direction, thirds

LV = np.array([3.0, 5.0, 8.0, 9.0, 10.0, 0.0])
WITHOUT_BASAL_RV = np.array([9.0, 9.0, 5.0, 0.0, 0.0, 0.0])


def affine_along(x: float, y: float, z: float) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, 2] = 8 * np.array([x, y, z]) / np.linalg.norm([x, y, z])
    return affine


@pytest.mark.parametrize("sign", [1, -1])
def test_a_true_affine_says_where_the_base_is_whatever_a_network_missed(sign):
    # The slice axis of a real short-axis stack (Siemens, 0.48 -0.62 0.62).
    affine = affine_along(0.48 * sign, -0.62 * sign, 0.62 * sign)
    assert base_direction(LV, WITHOUT_BASAL_RV, affine) == sign
    assert base_direction(LV[::-1], WITHOUT_BASAL_RV[::-1], affine) == sign
    assert base_direction(np.zeros(6), np.zeros(6), affine) == sign


@pytest.mark.parametrize("affine", [np.eye(4), affine_along(-0.5, -0.6, 0.6)], ids=["none", "right-sided"])
def test_elsewhere_the_heart_says_so(affine):
    assert base_direction(LV, LV, affine) == 1
    assert base_direction(LV[::-1], LV[::-1], affine) == -1


def test_without_a_heart_the_base_is_the_higher_end():
    empty = np.full(4, np.nan)
    assert base_direction(empty, empty, np.eye(4)) == 1
    assert base_direction(empty, empty, np.diag([1.0, 1.0, -1.0, 1.0])) == -1


def test_thirds_count_from_the_base():
    present = np.array([False, True, True, True, True, False])
    assert thirds(present, -1).tolist() == [-1, 0, 0, 1, 2, -1]
    assert thirds(present, 1).tolist() == [-1, 2, 1, 0, 0, -1]
