"""A tiny labelled cohort and tiny weights, made afresh for each session."""

from pathlib import Path

import numpy as np
import pytest

from cinecohort.images import Image, write_image
from support.tiny_weights import write_weights

SPACING_MM = 2.0


def ring_heart(
    size: tuple[int, int] = (44, 52), slices: int = 3, frames: int = 2, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Bright cavity, dark wall, bright crescent beside it: image and labels (x, y, z, t)."""
    generator = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]), indexing="ij")
    labels = np.zeros((*size, slices, frames), dtype=np.uint8)
    for index in range(slices):
        for frame in range(frames):
            radius = 6 - index - 1.5 * frame
            distance = np.hypot(x - size[0] / 2, y - size[1] / 2)
            right = np.hypot(x - size[0] / 2 + 11, y - size[1] / 2)
            plane = labels[:, :, index, frame]
            plane[right < 8] = 3
            plane[distance < radius + 3] = 2
            plane[distance < radius] = 1
    image = np.array([20, 200, 60, 180])[labels] + generator.normal(0, 5, labels.shape)
    return image.astype(np.int16), labels


def write_subject(folder: Path, image: np.ndarray, labels: np.ndarray | None = None) -> Path:
    """Write a subject's folder with a short-axis image and, where given, an observer's labels."""
    affine = np.diag([SPACING_MM, SPACING_MM, 8.0, 1.0])
    affine[:3, 3] = (3, 4, 5)
    folder.mkdir(parents=True, exist_ok=True)
    sidecar = {"view": "sa", "frame_roles": {"ed": 0, "es": None}}
    write_image(folder / "sa.nii.gz", Image(image, affine, 0.03, sidecar))
    if labels is not None:
        write_image(folder / "label_manual_sa.nii.gz", Image(labels, affine, 0.03))
    return folder


@pytest.fixture(scope="session")
def labelled_cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four subjects with images and labels."""
    root = tmp_path_factory.mktemp("labelled")
    for number in range(4):
        write_subject(root / f"S{number}", *ring_heart(seed=number))
    return root


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small U-Net that finds bright pixels, as far as random weights do."""
    return write_weights(tmp_path_factory.mktemp("weights") / "tiny.safetensors", seed=1)
