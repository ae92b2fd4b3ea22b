"""Several weights as one model: the mean of their probabilities, and what their disagreement says."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

from cinecohort.cli import main
from cinecohort.errors import UserError
from cinecohort.files import read_json
from cinecohort.images import read_image, write_image
from cinecohort.quality.options import SegmentationQualityOptions
from cinecohort.quality.segmentations import check_segmentations
from cinecohort.segmentation.descriptions import ModelDescription, describe_model
from cinecohort.segmentation.engines import mean_network
from cinecohort.segmentation.networks import build_network
from cinecohort.segmentation.options import CleanUpOptions, ModelOptions, SegmentationOptions
from cinecohort.segmentation.prediction import load, segment_subjects
from cinecohort.segmentation.weights import save_model

PLAIN = SegmentationOptions(
    engine="torch",
    precision="fp32",
    device="cpu",
    heart_region_margin_mm=None,
    clean_up=CleanUpOptions(largest_component=False, fill_holes=False),
)


def write_member(folder: Path, name: str, seed: int, **changes: object) -> str:
    """Random weights of a small network; path of the file."""
    torch.manual_seed(seed)
    network = build_network("unet16", 4)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 1.5)
    facts = {"view": "sa", "spacing_mm": 2.0, "normalisation": "unit", "validated": True}
    structures = {"1": "LV", "2": "MYO", "3": "RV"}
    values = {"name": name, "architecture": "unet16", "structures": structures, **facts, **changes}
    path = folder / f"{name}.safetensors"
    save_model(path, network.eval(), ModelDescription.model_validate(values))
    return str(path)


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("members")
    return [write_member(folder, f"m{seed}", seed) for seed in (1, 2, 3)]


@pytest.fixture
def subject(labelled_cohort: Path, tmp_path: Path) -> Path:
    write_image(tmp_path / "S0" / "sa.nii.gz", read_image(labelled_cohort / "S0" / "sa.nii.gz"))
    return tmp_path / "S0"


def segment(folder: Path, weights: object, name: str | None = None) -> np.ndarray:
    model = ModelOptions.model_validate({"name": name or "net", "weights": weights})
    ((_, outcome),) = segment_subjects([folder], model, PLAIN, "sa", name)
    return read_image(folder / outcome.outputs[0]).data


def test_probabilities_are_averaged_not_labels() -> None:
    sure = torch.tensor([0.1, 0.9, 0.0]).reshape(1, 3, 1, 1)
    unsure = torch.tensor([0.2, 0.3, 0.5]).reshape(1, 3, 1, 1)
    networks = [lambda images: sure, lambda images: unsure, lambda images: unsure]
    mean = mean_network(networks)(torch.zeros(1, 1, 1, 1))
    assert mean.flatten().tolist() == pytest.approx([0.5 / 3, 1.5 / 3, 1.0 / 3])
    assert mean_network(networks[:1]) is networks[0]
    assert sure.flatten().tolist() == pytest.approx([0.1, 0.9, 0.0])


def test_an_ensemble_is_the_mean_of_its_networks(members: list[str]) -> None:
    images = torch.rand(2, 1, 32, 48)
    loaded = load(ModelOptions(name="all", weights=tuple(members)), PLAIN, "sa", 1)
    assert loaded is not None
    alone = [load(ModelOptions(name="one", weights=weights), PLAIN, "sa", 1) for weights in members]
    expected = np.mean([one.network(images).numpy() for one in alone if one], axis=0)
    np.testing.assert_allclose(loaded.network(images).numpy(), expected, atol=1e-6)
    assert loaded.description.sha256 == "+".join(describe_model(weights).sha256 for weights in members)


def test_uncertainty_is_the_members_disagreement(members: list[str], subject: Path) -> None:
    segment(subject, members)
    recorded = read_json(subject / "seg_sa.json")["uncertainty"]
    assert recorded["method"] == "3 members of the ensemble"
    maps = [segment(subject, weights, f"m{number}") for number, weights in enumerate(members)]
    for label, name in ((1, "LV"), (2, "MYO"), (3, "RV")):
        by_frame = []
        for frame in recorded["frames"]:
            masks = [labels[..., frame] == label for labels in maps]
            pairs = [(a, b) for a, b in combinations(masks, 2) if a.any() or b.any()]
            by_frame += (
                [np.mean([2 * (a & b).sum() / (a.sum() + b.sum()) for a, b in pairs])] if pairs else []
            )
        assert recorded["agreement"][name] == (pytest.approx(min(by_frame), abs=1e-4) if by_frame else None)


def test_quality_control_flags_members_that_disagree(members: list[str], subject: Path) -> None:
    segment(subject, members)
    outcome = check_segmentations(subject, None, SegmentationQualityOptions())
    flagged = [finding for finding in outcome.findings if finding.code == "U1"]
    assert flagged and "repeated predictions" in flagged[0].message


def test_members_that_do_not_fit_are_said_so(members: list[str], tmp_path: Path) -> None:
    other = write_member(tmp_path, "other", 4, spacing_mm=1.4, normalisation="zscore_slice")
    with pytest.raises(UserError, match="m1 and other differ in normalisation, spacing_mm"):
        load(ModelOptions(name="both", weights=(members[0], other)), PLAIN, "sa", 1)


def test_an_ensemble_is_validated_only_if_all_are(members: list[str], tmp_path: Path) -> None:
    other = write_member(tmp_path, "other", 4, validated=False)
    for weights, validated in ((members, True), ([*members, other], False)):
        loaded = load(ModelOptions(name="all", weights=tuple(weights)), PLAIN, "sa", 1)
        assert loaded is not None
        assert loaded.description.validated is validated


def test_the_command_takes_several_weights(
    members: list[str], subject: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["segment", str(subject), "--model", members[0], "--model", members[1]]
    assert main([*arguments, "--engine", "torch", "--precision", "fp32", "--threads", "1"]) == 0
    assert "segmented with m1_m2" in capsys.readouterr().out
    sidecar = read_json(subject / "seg_sa.json")
    assert (sidecar["model"], sidecar["weights"]) == ("m1_m2", "m1+m2")
