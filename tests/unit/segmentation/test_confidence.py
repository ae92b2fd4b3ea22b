"""How sure a network is, and how far a second one agrees."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from cinecohort.images import Image, read_image, write_image
from cinecohort.segmentation.descriptions import ModelDescription
from cinecohort.segmentation.engines import ResolvedEngine
from cinecohort.segmentation.inference import ImageInference
from cinecohort.segmentation.options import SegmentationOptions
from cinecohort.segmentation.prediction import LoadedModel, read_subject, run_network
from cinecohort.segmentation.uncertainty import network_confidence

ABOUT = ModelDescription(
    name="net",
    view="sa",
    architecture="x",
    spacing_mm=None,
    normalisation="unit",
    structures={"1": "LV"},
    sha256="0123456789abcdef",
)


def bright(images: Tensor) -> Tensor:
    """LV with a probability of 0.9 where a pixel is bright, 0.2 elsewhere; it is sure of nothing else."""
    lv = torch.where(images[:, :1] > 0.5, 0.9, 0.2)
    nothing = torch.zeros_like(lv)
    return torch.cat([1 - lv, lv, nothing, nothing], dim=1)


def image() -> Image:
    data = np.zeros((32, 32, 2, 3), np.float32)
    data[8:16, 8:16] = 1.0
    return Image(data, np.diag([1.0, 1.0, 10.0, 1.0]), None, {})


def test_expected_dice_and_entropy_by_hand() -> None:
    inference = ImageInference(image(), ABOUT, bright, 4)
    second = np.zeros((32, 32, 2, 3), np.uint8)
    second[8:16, 8:12, :, 0] = 1
    second[8:16, 8:16, :, 2] = 1
    found = network_confidence(inference, second, [0, 2], {1: "LV", 3: "RV"})
    inside, outside = 2 * 64, 2 * (32 * 32 - 64)
    total = 0.9 * inside + 0.2 * outside
    assert found["frames"] == [0, 2]
    assert found["expected_dice"]["LV"] == pytest.approx(2 * 0.9 * inside / (inside + total), abs=1e-4)
    bits = sum(-p * np.log2(p) * n for n, q in ((inside, 0.9), (outside, 0.2)) for p in (q, 1 - q))
    assert found["entropy"]["LV"] == pytest.approx(bits / total, abs=1e-3)
    assert found["second"]["LV"] == pytest.approx(2 / 3, abs=1e-4)  # Of frame 0; frame 2 agrees in full.
    assert found["expected_dice"]["RV"] == 0.0
    assert found["entropy"]["RV"] is None
    assert found["second"]["RV"] is None
    assert found["voxels"] == {"LV": [inside, inside], "RV": [0, 0]}
    assert found["expected_voxels"]["LV"] == pytest.approx([total, total], abs=0.1)
    assert found["sure_voxels"]["LV"] == [inside, inside]  # 0.9; elsewhere it is 0.2.
    assert found["possible_voxels"]["LV"] == [inside, inside]
    assert found["second_voxels"]["LV"] == [inside / 2, inside]
    assert found["area_difference"] == {"LV": [0.5, 0.0], "RV": [None, None]}


def test_areas_that_make_up_for_each_other_differ_all_the_same() -> None:
    inference = ImageInference(image(), ABOUT, bright, 4)
    second = np.zeros((32, 32, 2, 3), np.uint8)
    second[8:16, 8:20, 0] = 1
    second[8:16, 8:12, 1] = 1
    found = network_confidence(inference, second, [0, 1], {1: "LV"})
    assert found["second_voxels"] == found["voxels"]
    assert found["area_difference"]["LV"] == [0.5, 0.5]


def loaded(second: bool) -> LoadedModel:
    engine = ResolvedEngine("torch", "fp32", "cpu")
    other = ABOUT.model_copy(update={"name": "other"})
    return LoadedModel("net", ABOUT, bright, engine, (bright,), (other, bright) if second else None)


@pytest.mark.parametrize("second", [True, False])
def test_a_second_network_is_in_the_sidecar_where_there_is_one(tmp_path: Path, second: bool) -> None:
    write_image(tmp_path / "sa.nii.gz", image())
    assert read_image(tmp_path / "sa.nii.gz").data.shape[3] == 3
    subject = read_subject(tmp_path, "sa")
    done = run_network(subject, loaded(second), SegmentationOptions(heart_region_margin_mm=None))
    confidence = done.sidecar.get("confidence")  # type: ignore[union-attr]
    assert (confidence is not None) is second
    if confidence is not None:
        assert confidence["second_network"] == "other@01234567"
        assert confidence["second"]["LV"] == 1.0
