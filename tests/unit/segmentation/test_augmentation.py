"""Sampling and intensity changes: the identity, known transforms, what a switch turns off."""

import math

import torch
from torch import Generator

from cinecohort.segmentation.augmentation import (
    blur,
    change_intensity,
    random_transforms,
    sample,
    sampling_grid,
)
from cinecohort.segmentation.recipes import NO_AUGMENTATION
from cinecohort.segmentation.training_options import AugmentationOptions

OFF = AugmentationOptions.model_validate(NO_AUGMENTATION)


def grid_of(
    matrix: torch.Tensor, centre: tuple[float, float], native: float, working: float, size: int
) -> torch.Tensor:
    return sampling_grid(
        matrix[None],
        torch.tensor([centre]),
        torch.full((1, 2), native),
        torch.full((1, 2), working),
        size,
        (20, 24),
    )


IMAGE = torch.rand(1, 1, 20, 24, generator=Generator().manual_seed(1))
LABELS = torch.randint(0, 4, (1, 20, 24), generator=Generator().manual_seed(2)).to(torch.uint8)


def test_identity() -> None:
    image, labels = sample(IMAGE, LABELS, grid_of(torch.eye(2), (9.5, 11.5), 1.5, 1.5, 20))
    assert torch.allclose(image, IMAGE[..., 2:22], atol=1e-5)
    assert torch.equal(labels, LABELS[..., 2:22].long())


def test_known_shift() -> None:
    image, labels = sample(IMAGE, LABELS, grid_of(torch.eye(2), (9.5 + 3, 11.5 - 2), 1.5, 1.5, 12))
    assert torch.allclose(image[0, 0], IMAGE[0, 0, 7:19, 4:16], atol=1e-5)
    assert torch.equal(labels[0], LABELS[0, 7:19, 4:16].long())


def test_quarter_turn_follows_x_towards_y() -> None:
    angle = math.pi / 2
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    image, labels = sample(IMAGE, LABELS, grid_of(turn, (9.5, 11.5), 1.0, 1.0, 20))
    expected = IMAGE[0, 0, :, 2:22]
    # Crop pixel (i, j) holds what lies at (-j, i) from the centre.
    assert torch.allclose(image[0, 0], expected.flip(0).T, atol=1e-4)
    assert torch.equal(labels[0], LABELS[0, :, 2:22].flip(0).T.long())


def test_coarser_pixels_sample_every_other_one() -> None:
    image, _ = sample(IMAGE, LABELS, grid_of(torch.eye(2), (9.0, 11.0), 1.0, 2.0, 9))
    assert torch.allclose(image[0, 0], IMAGE[0, 0, 1:19:2, 3:21:2], atol=1e-5)


def test_outside_is_black_and_background() -> None:
    image, labels = sample(IMAGE, LABELS, grid_of(torch.eye(2), (200.0, 200.0), 1.0, 1.0, 8))
    assert not image.any()
    assert not labels.any()


def test_everything_off_is_the_identity() -> None:
    generator = Generator().manual_seed(3)
    matrix, shift = random_transforms(OFF, 5, generator)
    assert torch.allclose(matrix, torch.eye(2).expand(5, 2, 2))
    assert not shift.any()
    images = torch.rand(5, 1, 32, 32)
    assert torch.allclose(change_intensity(images.clone(), OFF, generator), images)


def test_transforms_stay_in_their_ranges() -> None:
    options = AugmentationOptions.model_validate(
        {**NO_AUGMENTATION, "rotation_deg": 30, "scale": (0.7, 1.4), "flip": 0.5, "distribution": "uniform"}
    )
    matrix, _ = random_transforms(options, 2000, Generator().manual_seed(4))
    determinant = torch.linalg.det(matrix)
    magnification = determinant.abs() ** -0.5
    assert 0.7 <= float(magnification.min()) < 0.72
    assert 1.38 < float(magnification.max()) <= 1.4 + 1e-5
    assert 0.4 < float((determinant < 0).float().mean()) < 0.6
    cosine = (matrix[:, 0, 0] * magnification).abs()
    assert float(cosine.min()) >= math.cos(math.radians(30)) - 1e-5


def test_blur_keeps_a_constant_and_spreads_a_point_as_a_gaussian() -> None:
    images = torch.zeros(2, 1, 21, 21)
    images[0] = 0.4
    images[1, 0, 10, 10] = 1
    blurred = blur(images, torch.tensor([1.0, 1.0]))
    assert torch.allclose(blurred[0], images[0], atol=1e-6)
    ratio = float(blurred[1, 0, 10, 11] / blurred[1, 0, 10, 10])
    assert abs(ratio - math.exp(-0.5)) < 1e-5


def test_one_seed_one_result() -> None:
    images = torch.rand(4, 1, 32, 32)
    first, second = (
        change_intensity(images.clone(), AugmentationOptions(), Generator().manual_seed(5)) for _ in range(2)
    )
    assert torch.equal(first, second)
    assert not torch.allclose(first, images)
