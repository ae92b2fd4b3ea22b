"""Edges of the image beside the contours of a segmentation, with hearts of discs."""

import numpy as np
import pytest
from scipy import ndimage

from cinecohort.quality.heart_edges import FEWEST_PIXELS, NAMES, edge_numbers
from support.hearts import disc_heart

SIGNALS = np.array([60, 200, 100, 190], dtype=np.float64)
RADII = (20.0, 14.0)


def heart(radii: tuple[float, float] = RADII, wall: float = 7.0, scale: int = 1) -> np.ndarray:
    """Label map (x, y, z, 2): a cylinder whose cavity has these radii at end-diastole and end-systole."""
    frames = []
    for radius in radii:
        sizes = [scale * each for each in (radius, wall, 14)]
        places = [(scale * 55, scale * 52), (scale * 21, scale * 52)]
        one = disc_heart((scale * 110, scale * 104), places[0], sizes[0], sizes[1], places[1], sizes[2])
        frames.append(np.stack([one] * 3, axis=2))
    return np.stack(frames, axis=3)


def image_of(labels: np.ndarray, blur: float = 0.7) -> np.ndarray:
    return ndimage.gaussian_filter(SIGNALS[labels], (blur, blur, 0, 0))


def test_contours_on_the_edges_are_told_from_others() -> None:
    labels = heart()
    found = edge_numbers(image_of(labels), labels)
    assert tuple(found) == NAMES
    assert abs(found["blood_beyond_ed"]) < 0.02
    assert abs(found["ef_by_edges"]) < 0.01
    assert found["myo_edge_distance"] < 0.03
    assert found["lv_edge_ed"] == pytest.approx(1.0, abs=0.1)
    moved = edge_numbers(image_of(labels), np.roll(labels, 3, axis=0))
    assert moved["lv_edge_ed"] < 0.7 * found["lv_edge_ed"]
    assert moved["myo_edge_distance"] > 2 * found["myo_edge_distance"]


@pytest.mark.parametrize("off", [-2.0, 2.0])
def test_blood_beyond_the_contour_is_the_volume_that_labels_lack(off: float) -> None:
    """Labels of a cavity whose radius is too small, or too large, at end-systole."""
    image = image_of(heart())
    found = edge_numbers(image, heart((RADII[0], RADII[1] + off)))
    lacking = (RADII[1] / (RADII[1] + off)) ** 2 - 1
    assert found["blood_beyond_es"] == pytest.approx(lacking, abs=0.25 * abs(lacking))
    assert np.sign(found["blood_beyond_es"]) == -np.sign(off)
    true = 1 - (RADII[1] / RADII[0]) ** 2
    stated = 1 - ((RADII[1] + off) / RADII[0]) ** 2
    assert found["ef_by_edges"] == pytest.approx(true - stated, abs=0.35 * abs(true - stated))


def test_an_outer_contour_too_far_out_has_its_edge_inside() -> None:
    right, wide = (edge_numbers(image_of(heart()), heart(wall=wall)) for wall in (7.0, 10.0))
    assert abs(right["myo_edge_offset"]) < 0.02
    assert wide["myo_edge_offset"] == pytest.approx(-3 / RADII[0], abs=0.03)
    assert wide["myo_edge"] < right["myo_edge"]


def test_blurred_edges_are_less_sharp_whatever_the_signals_unit() -> None:
    labels = heart()
    sharp, blurred = (edge_numbers(image_of(labels, blur), labels) for blur in (0.7, 3.0))
    for name in ("lv_edge_ed", "lv_edge_es", "myo_edge", "myo_edge_strength"):
        assert blurred[name] < 0.8 * sharp[name]
    again = edge_numbers(3.0 * image_of(labels, 3.0) + 40.0, labels)
    assert again == pytest.approx(blurred)


def test_the_size_of_the_pixels_does_not_matter() -> None:
    hearts = ((0.7, heart()), (1.4, heart(scale=2)))
    coarse, fine = (edge_numbers(image_of(labels, blur), labels) for blur, labels in hearts)
    for name in NAMES:
        assert fine[name] == pytest.approx(coarse[name], abs=0.08)


def test_without_a_cavity_a_wall_or_contrast_nothing_is_defined() -> None:
    labels = heart()
    for nothing in (np.zeros_like(labels), np.where(labels == 2, 0, labels).astype(np.uint8)):
        assert np.isnan(list(edge_numbers(image_of(labels), nothing).values())).all()
    assert np.isnan(list(edge_numbers(np.full(labels.shape, 7), labels).values())).all()
    speck = np.zeros_like(labels)
    speck[50:52, 50:55] = 1
    speck[52:54, 50:55] = 2
    assert np.count_nonzero(speck[..., 0, 0] == 1) < FEWEST_PIXELS
    assert np.isnan(list(edge_numbers(image_of(labels), speck).values())).all()


def test_a_frame_without_labels_leaves_the_other_as_it_is() -> None:
    labels = heart()
    whole = edge_numbers(image_of(labels), labels)
    labels[..., 1] = 0
    alone = edge_numbers(image_of(heart()), labels)
    assert alone["lv_edge_ed"] == whole["lv_edge_ed"]
    assert np.isnan([alone["lv_edge_es"], alone["ef_by_edges"]]).all()


def test_a_heart_at_the_images_border_has_numbers() -> None:
    labels = heart()[34:]
    assert labels[0].any()
    assert np.isfinite(edge_numbers(image_of(labels), labels)["lv_edge_ed"])
