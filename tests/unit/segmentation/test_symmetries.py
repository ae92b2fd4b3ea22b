"""Mirrored and turned images: back in place, and averaged."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from cinecohort.images import Image, read_image, write_image
from cinecohort.segmentation.descriptions import ModelDescription
from cinecohort.segmentation.engines import ResolvedEngine
from cinecohort.segmentation.options import CleanUpOptions, ModelOptions, SegmentationOptions
from cinecohort.segmentation.prediction import (
    LoadedModel,
    ReadSubject,
    SegmentedSubject,
    load,
    run_network,
    segment_subjects,
)
from cinecohort.segmentation.symmetries import (
    AS_IT_IS,
    AVERAGED,
    FLIPS,
    FLIPS_AND_TURNS,
    Rotation,
    averaged,
    turned,
)

PLAIN = SegmentationOptions(
    engine="torch",
    precision="fp32",
    device="cpu",
    heart_region_margin_mm=None,
    uncertainty=True,
    clean_up=CleanUpOptions(largest_component=False, fill_holes=False),
)


def ramp(images: Tensor) -> Tensor:
    """A network that tells left from right and up from down: probabilities depend on the place."""
    x = torch.linspace(0, 1, images.shape[2]).reshape(-1, 1)
    y = torch.linspace(0, 1, images.shape[3])
    first = (images[:, :1] + 4 * x + 2 * y - 3.5).sigmoid()
    return torch.cat([1 - first, first], dim=1)


@pytest.mark.parametrize("symmetry", FLIPS_AND_TURNS)
def test_what_is_undone_is_back_in_place(symmetry: object) -> None:
    images = torch.rand(2, 3, 5, 7)
    assert torch.equal(symmetry.undo(symmetry.apply(images)), images)  # type: ignore[attr-defined]


def test_each_symmetry_is_another() -> None:
    images = torch.rand(1, 1, 6, 6)
    seen = {tuple(symmetry.apply(images).flatten().tolist()) for symmetry in FLIPS_AND_TURNS}
    assert len(seen) == 8
    assert {tuple(each.apply(images)[0, 0].flatten().tolist()) for each in FLIPS} == {
        tuple(each.flatten().tolist())
        for each in (images, images.flip(-1), images.flip(-2), images.flip(-1, -2))
    }


def test_a_rotation_is_that_of_another_package_and_comes_back() -> None:
    pixels = ndimage.gaussian_filter(np.random.default_rng(2).random((44, 60)), 3).astype(np.float32)
    images = torch.from_numpy(pixels)[None, None]
    middle = (slice(12, 32), slice(15, 45))
    theirs = ndimage.rotate(pixels, 15, reshape=False, order=1, mode="nearest")
    assert turned(images, 15.0)[0, 0].numpy()[middle] == pytest.approx(theirs[middle], abs=1e-4)
    assert torch.allclose(turned(images[..., :44], 90.0), images[..., :44].rot90(1, (-2, -1)), atol=1e-5)
    there = Rotation(15.0)
    back = there.undo(there.apply(images))[0, 0].numpy()
    assert back[middle] == pytest.approx(pixels[middle], abs=0.005)


def test_average_by_hand() -> None:
    images = torch.rand(2, 1, 4, 6)
    pixels = images.numpy()
    by_hand = np.mean(
        [
            np.rot90(ramp(torch.from_numpy(np.rot90(mirrored, turns, (2, 3)).copy())), -turns, (2, 3))[
                ..., :: -1 if mirrored is not pixels else 1
            ]
            for mirrored in (pixels, pixels[..., ::-1])
            for turns in range(4)
        ],
        axis=0,
    )
    assert averaged(ramp, FLIPS_AND_TURNS)(images).numpy() == pytest.approx(by_hand, abs=1e-6)


def test_averaged_network_does_not_care_how_the_heart_lies() -> None:
    images = torch.rand(1, 1, 4, 6)
    turned = images.rot90(1, (-2, -1)).flip(-1)
    network = averaged(ramp, FLIPS_AND_TURNS)
    assert torch.allclose(network(turned), network(images).rot90(1, (-2, -1)).flip(-1), atol=1e-6)
    assert not torch.allclose(ramp(turned), ramp(images).rot90(1, (-2, -1)).flip(-1), atol=1e-2)
    assert averaged(ramp, [AS_IT_IS]) is ramp


@pytest.mark.parametrize("chosen", list(AVERAGED))
def test_option_reaches_the_network_and_the_sidecar(
    chosen: str, labelled_cohort: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    options = PLAIN.model_copy(update={"test_time_augmentation": chosen})
    model = ModelOptions(name="tiny", weights=str(tiny_weights))
    plain, loaded = load(model, PLAIN, "sa", 1), load(model, options, "sa", 1)
    assert plain is not None
    assert loaded is not None
    images = torch.rand(2, 1, 32, 48)
    expected = averaged(plain.network, AVERAGED[options.test_time_augmentation])(images)
    assert torch.allclose(loaded.network(images), expected)

    write_image(tmp_path / "S0" / "sa.nii.gz", read_image(labelled_cohort / "S0" / "sa.nii.gz"))
    list(segment_subjects([tmp_path / "S0"], model, options, "sa"))
    sidecar = read_image(tmp_path / "S0" / "seg_sa.nii.gz").sidecar
    assert sidecar["inference"]["test_time_augmentation"] == chosen


def test_averaging_does_not_make_a_network_look_sure(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).random((32, 48, 2, 3))
    image = Image(pixels, np.eye(4), sidecar={"frame_roles": {"ed": 0, "es": 2}})
    subject = ReadSubject(tmp_path, image, [])
    description = ModelDescription.model_validate(
        {"name": "ramp", "architecture": "unet16", "view": "sa", "structures": {"1": "LV"}}
        | {"spacing_mm": 1.0, "normalisation": "unit"}
    )
    engine = ResolvedEngine("torch", "fp32", "cpu")
    plain, averaging = (
        run_network(subject, LoadedModel("ramp", description, network, engine, (ramp,)), PLAIN)
        for network in (ramp, averaged(ramp, FLIPS_AND_TURNS))
    )
    assert isinstance(plain, SegmentedSubject)
    assert isinstance(averaging, SegmentedSubject)
    assert not np.array_equal(plain.labels, averaging.labels)
    assert averaging.sidecar["uncertainty"] == plain.sidecar["uncertainty"]
    assert plain.sidecar["uncertainty"]["agreement"]["LV"] < 0.9
