"""Borders and distances: values worked out by hand, and two other implementations."""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, binary_fill_holes, distance_transform_edt, gaussian_filter
from scipy.spatial.distance import directed_hausdorff
from skimage.metrics import hausdorff_distance

from cinecohort.evaluation import contours
from cinecohort.evaluation.contours import borders, contour_distances
from cinecohort.masks import fill_holes


def square(low: int, high: int, size: int = 21) -> np.ndarray:
    mask = np.zeros((size, size, 1), dtype=bool)
    mask[low : high + 1, low : high + 1] = True
    return mask


def disc(radius: float, size: int = 61, spacing: tuple[float, float] = (1.0, 1.0)) -> np.ndarray:
    x, y = np.meshgrid(np.arange(size) * spacing[0], np.arange(size) * spacing[1], indexing="ij")
    middle = (size // 2) * np.array(spacing)
    return (np.hypot(x - middle[0], y - middle[1]) <= radius)[:, :, None]


def test_border_of_a_square_is_its_outline() -> None:
    assert borders(square(5, 9)).sum() == 16
    assert borders(square(5, 5)).sum() == 1


def test_object_on_the_image_edge_has_its_border_there() -> None:
    whole = np.ones((4, 5, 1), dtype=bool)
    assert borders(whole).sum() == 14


def test_hole_counts_only_for_both_borders() -> None:
    ring = square(3, 13) & ~square(6, 10)
    assert borders(ring, "external").sum() == 40
    assert borders(ring, "both").sum() == 40 + 24 - 4
    assert np.array_equal(fill_holes(ring), square(3, 13))


def test_diagonal_gap_still_encloses_a_hole() -> None:
    ring = square(3, 7) & ~square(4, 6)
    ring[3, 3] = False
    assert fill_holes(ring)[5, 5, 0]
    ring[3, 5] = False
    assert not fill_holes(ring)[5, 5, 0]


def test_equal_masks_are_no_distance_apart() -> None:
    mean, hausdorff = contour_distances(square(4, 9), square(4, 9), (1.8, 1.2))
    assert mean[0] == hausdorff[0] == 0


def test_concentric_squares() -> None:
    mean, hausdorff = contour_distances(square(9, 11), square(7, 13), (1.0, 1.0))
    from_outer = (12 * 2 + 8 * np.sqrt(5) + 4 * np.sqrt(8)) / 24
    assert mean[0] == pytest.approx((2 + from_outer) / 2)
    assert hausdorff[0] == pytest.approx(np.sqrt(8))


def test_single_pixels_measure_the_true_millimetres() -> None:
    a, b = np.zeros((9, 9, 1), dtype=bool), np.zeros((9, 9, 1), dtype=bool)
    a[2, 3], b[5, 7] = True, True
    mean, hausdorff = contour_distances(a, b, (2.0, 0.5))
    assert mean[0] == pytest.approx(np.hypot(6.0, 2.0))
    assert hausdorff[0] == pytest.approx(np.hypot(6.0, 2.0))


def test_shifted_square() -> None:
    a, b = square(5, 9), np.roll(square(5, 9), 2, axis=0)
    # Of 16 border pixels five are 2 rows away, two 1 row, three 1, 2 and 1 columns; six coincide.
    fine = contour_distances(a, b, (1.0, 1.0))
    assert fine[0][0] == pytest.approx((5 * 2 + 2 * 1 + 1 + 2 + 1) / 16)
    assert fine[1][0] == 2.0
    coarse = contour_distances(a, b, (3.0, 1.0))
    assert coarse[0][0] == pytest.approx((5 * 6 + 2 * 3 + 1 + 2 + 1) / 16)
    assert coarse[1][0] == 6.0


def test_concentric_discs_are_their_radii_apart() -> None:
    for spacing in ((1.0, 1.0), (0.5, 0.8)):
        mean, hausdorff = contour_distances(disc(12.0, 121, spacing), disc(17.0, 121, spacing), spacing)
        assert mean[0] == pytest.approx(5.0, abs=0.35)
        assert hausdorff[0] == pytest.approx(5.0, abs=1.0)


def test_ring_of_changed_hole_differs_only_with_inner_borders() -> None:
    a, b = square(3, 17) & ~square(8, 12), square(3, 17) & ~square(7, 13)
    assert contour_distances(a, b, (1, 1))[0][0] == 0
    assert contour_distances(a, b, (1, 1), "both")[0][0] > 0


def test_empty_slices_are_undefined() -> None:
    a = np.concatenate([square(4, 8), square(4, 8), np.zeros((21, 21, 1), dtype=bool)], axis=2)
    b = np.concatenate([square(4, 8), np.zeros((21, 21, 2), dtype=bool)], axis=2)
    mean, hausdorff = contour_distances(a, b, (1, 1))
    assert np.isnan(mean).tolist() == np.isnan(hausdorff).tolist() == [False, True, True]


def blobs(seed: int, slices: int = 6) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(48, 40, slices))
    return gaussian_filter(noise, (4, 4, 0.5)) > 0.02


def by_distance_transform(a: np.ndarray, b: np.ndarray, spacing: tuple[float, float]) -> tuple[float, float]:
    outlines = []
    for mask in (a, b):
        filled = binary_fill_holes(mask)
        outlines.append(filled & ~binary_erosion(filled, border_value=0))
    to_b = distance_transform_edt(~outlines[1], sampling=spacing)[outlines[0]]
    to_a = distance_transform_edt(~outlines[0], sampling=spacing)[outlines[1]]
    return (to_b.mean() + to_a.mean()) / 2, max(to_b.max(), to_a.max())


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.8, 0.7)])
def test_same_as_distance_transforms_and_directed_hausdorff(spacing: tuple[float, float]) -> None:
    a, b = blobs(1), blobs(2)
    mean, hausdorff = contour_distances(a, b, spacing)
    edge_a, edge_b = borders(a), borders(b)
    for z in range(a.shape[2]):
        expected = by_distance_transform(a[..., z], b[..., z], spacing)
        assert (mean[z], hausdorff[z]) == pytest.approx(expected, abs=1e-9)
        points = [np.argwhere(edge[..., z]) * spacing for edge in (edge_a, edge_b)]
        both_ways = max(directed_hausdorff(*points)[0], directed_hausdorff(*points[::-1])[0])
        assert hausdorff[z] == pytest.approx(both_ways, abs=1e-9)


def test_same_as_scikit_image_in_pixels() -> None:
    a, b = blobs(3), blobs(4)
    edge_a, edge_b = borders(a), borders(b)
    expected = [hausdorff_distance(edge_a[..., z], edge_b[..., z]) for z in range(a.shape[2])]
    assert contour_distances(a, b, (1.0, 1.0))[1] == pytest.approx(expected, abs=1e-9)


def test_tree_and_matrix_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = contour_distances(blobs(5), blobs(6), (1.3, 1.9))
    monkeypatch.setattr(contours, "LARGEST_MATRIX", 0)
    tree = contour_distances(blobs(5), blobs(6), (1.3, 1.9))
    assert np.allclose(matrix, tree, atol=1e-9)
