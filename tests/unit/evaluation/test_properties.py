"""What must hold for any two masks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cinecohort.evaluation.contours import borders, contour_distances
from cinecohort.evaluation.overlap import dice
from cinecohort.masks import fill_holes

MASKS = arrays(bool, (7, 6, 2))
SPACINGS = st.tuples(st.floats(0.5, 3.0), st.floats(0.5, 3.0))


@given(MASKS, MASKS, SPACINGS)
def test_distances_are_symmetric_and_ordered(
    a: np.ndarray, b: np.ndarray, spacing: tuple[float, float]
) -> None:
    mean, hausdorff = contour_distances(a, b, spacing)
    reverse = contour_distances(b, a, spacing)
    assert np.allclose((mean, hausdorff), reverse, equal_nan=True)
    both = ~np.isnan(mean)
    assert (mean[both] <= hausdorff[both] + 1e-9).all()
    assert (both == (a.any(axis=(0, 1)) & b.any(axis=(0, 1)))).all()


@given(MASKS, MASKS)
def test_distances_scale_with_the_pixels_and_do_not_move_with_the_image(a: np.ndarray, b: np.ndarray) -> None:
    plain = contour_distances(a, b, (1.0, 1.3))
    doubled = contour_distances(a, b, (2.0, 2.6))
    padding = ((3, 1), (2, 4), (0, 0))
    moved = contour_distances(np.pad(a, padding), np.pad(b, padding), (1.0, 1.3))
    assert np.allclose(np.multiply(2, plain), doubled, equal_nan=True)
    assert np.allclose(plain, moved, equal_nan=True)


@given(MASKS)
def test_outline_encloses_the_filled_mask(mask: np.ndarray) -> None:
    filled = fill_holes(mask)
    assert (filled >= mask).all()
    assert (fill_holes(filled) == filled).all()
    assert (fill_holes(borders(mask)) == filled).all()


@given(MASKS, MASKS)
def test_dice_is_symmetric_and_one_only_for_equal_masks(a: np.ndarray, b: np.ndarray) -> None:
    value = dice(a, b)
    if not a.any() and not b.any():
        assert np.isnan(value)
        return
    assert value == dice(b, a)
    assert 0 <= value <= 1
    assert (value == 1) == bool((a == b).all())
