"""Intensity scaling and resampling against hand-derived values."""

import numpy as np
import pytest
import torch

from cinecohort.segmentation.preprocessing import (
    WorkingGrid,
    anti_aliased,
    intensity_range,
    interpolation_matrix,
    network_intensity,
    unit_intensity,
)


def test_percentiles_become_zero_and_one() -> None:
    data = np.arange(101, dtype=np.int16).reshape(101, 1, 1, 1)
    limits = intensity_range(data)
    assert limits == (1.0, 99.0)
    scaled = unit_intensity(data, limits).ravel()
    assert scaled[0] == scaled[1] == 0
    assert scaled[99] == scaled[100] == 1
    assert scaled[50] == pytest.approx(0.5)


def test_constant_and_non_finite_images_give_finite_zeros() -> None:
    for value in (7.0, np.nan):
        data = np.full((4, 4, 1, 1), value)
        assert not unit_intensity(data, intensity_range(data)).any()


def test_nan_pixels_count_as_darkest() -> None:
    data = np.linspace(0, 1, 400).reshape(20, 20, 1, 1)
    data[10, 10] = np.nan
    scaled = unit_intensity(data, intensity_range(data))
    assert scaled[10, 10] == 0
    assert np.isfinite(scaled).all()


def test_interpolation_by_hand() -> None:
    # Two samples 2 mm apart (at -1 and 1), four samples 1 mm apart (at -1.5 .. 1.5): the ends clamp.
    matrix = interpolation_matrix(2, 2.0, 4, 1.0)
    assert torch.allclose(matrix, torch.tensor([[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1.0]]))


def test_a_blurred_image_is_sampled_as_the_network_will_see_it() -> None:
    """Training samples linearly; the working grid weighs by the wider triangle of the network's pixels."""
    image = np.random.default_rng(5).random((120, 90, 2)).astype(np.float32)
    grid = WorkingGrid((120, 90), (0.7, 0.9), 1.4, 16)
    wanted = grid.to_working(torch.from_numpy(image.transpose(2, 0, 1)))[:, 8:-8, 8:-8]

    def sampled(pixels: np.ndarray) -> torch.Tensor:
        along = [interpolation_matrix(size, own, len(axis), 1.4) for size, own, axis in sides]
        return (along[0] @ torch.from_numpy(pixels.transpose(2, 0, 1)) @ along[1].T)[:, 8:-8, 8:-8]

    sides = [(120, 0.7, range(grid.shape[0])), (90, 0.9, range(grid.shape[1]))]
    as_it_is = float((sampled(image) - wanted).std())
    blurred = float((sampled(anti_aliased(image, (0.7, 0.9), 1.4)) - wanted).std())
    assert blurred < 0.35 * as_it_is  # In white noise, which shows the most of it.
    assert anti_aliased(image, (1.4, 1.8), 1.4) is image
    assert anti_aliased(image, (0.7, 0.9), None) is image


def test_outside_the_field_of_view_is_zero() -> None:
    matrix = interpolation_matrix(4, 1.0, 8, 1.0)
    assert torch.allclose(matrix.sum(dim=1), torch.tensor([0, 0, 1.0, 1, 1, 1, 0, 0]))


def test_same_spacing_is_the_identity() -> None:
    grid = WorkingGrid((32, 48), (1.4, 1.4), 1.4, 16)
    image = torch.rand(3, 32, 48)
    assert torch.allclose(grid.to_native(grid.to_working(image)), image, atol=1e-6)


@pytest.mark.parametrize("shape", [(31, 45), (208, 162), (7, 90)])
@pytest.mark.parametrize("spacing", [(0.8, 0.8), (1.83, 1.79)])
def test_round_trip_restores_shape_and_smooth_images(
    shape: tuple[int, int], spacing: tuple[float, float]
) -> None:
    grid = WorkingGrid(shape, spacing, 1.25, 16)
    assert all(side % 16 == 0 for side in grid.shape)
    x = (torch.arange(shape[0]) - (shape[0] - 1) / 2)[:, None] * spacing[0]
    y = (torch.arange(shape[1]) - (shape[1] - 1) / 2)[None] * spacing[1]
    image = (2 + 0.01 * x - 0.02 * y)[None]
    back = grid.to_native(grid.to_working(image))
    assert back.shape == image.shape
    inner = (slice(None), slice(3, -3), slice(3, -3))
    # A ramp survives linear interpolation; the anti-aliasing tent of finer images samples it unevenly.
    tolerance = 1e-3 if spacing[0] < 1.25 else 1e-5
    assert torch.allclose(back[inner], image[inner], atol=tolerance)


def test_a_box_is_a_part_of_the_whole() -> None:
    whole = WorkingGrid((100, 120), (1.8, 1.8), 1.4, 16)
    part = WorkingGrid((100, 120), (1.8, 1.8), 1.4, 16, box=(32, 96, 48, 112))
    image = torch.rand(2, 100, 120)
    window_x, window_y = part.window
    seen = part.to_working(image[:, window_x, window_y])
    assert torch.allclose(seen, whole.to_working(image)[:, 32:96, 48:112], atol=1e-6)
    inside = torch.zeros(2, *whole.shape)
    inside[:, 32:96, 48:112] = 1
    expected = whole.to_native(inside)
    back = torch.zeros_like(expected)
    back[:, window_x, window_y] = part.to_native(torch.ones(2, 64, 64))
    assert torch.allclose(back, expected, atol=1e-6)


def test_zscore_of_each_slice() -> None:
    images = torch.rand(3, 1, 16, 16) * 5 + 2
    scaled = network_intensity(images, "zscore_slice")
    assert torch.allclose(scaled.mean(dim=(1, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(scaled.std(dim=(1, 2, 3), correction=0), torch.ones(3), atol=1e-5)
    assert not network_intensity(torch.ones(1, 1, 4, 4), "zscore_slice").any()


def test_the_sample_of_a_large_image_leaves_out_no_column() -> None:
    data = np.zeros((128, 128, 16, 20), dtype=np.int16)
    data[1::2] = 100
    assert intensity_range(data) == (0.0, 100.0)
    assert intensity_range(np.asfortranarray(data)) == (0.0, 100.0)
