"""Networks in int8: the numbers stay near, the integers are integers, and what is lacking is said."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from cinecohort.cli import main
from cinecohort.errors import UserError
from cinecohort.files import read_json, write_json
from cinecohort.segmentation import engines, prediction
from cinecohort.segmentation.descriptions import describe_model, usage_digest
from cinecohort.segmentation.engines import ResolvedEngine, make_network, resolve_engine
from cinecohort.segmentation.networks import build_network
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
from cinecohort.segmentation.prediction import load
from cinecohort.segmentation.processors import Processor, this_processor
from cinecohort.segmentation.quantisation import (
    RoundedActivations,
    RoundedConvolution,
    activation_ranges,
    quantised,
)
from support.tiny_weights import write_weights

INT8 = ResolvedEngine("openvino", "int8", "cpu")


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """The same fresh weights and images each time, and nothing of it beyond the test."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        yield


@pytest.fixture
def network() -> nn.Module:
    """A U-Net whose normalisation is not one that leaves everything as it is."""
    network = build_network("unet16", 4, inputs=1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


@pytest.fixture
def with_vnni(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "this_processor", lambda: Processor(flags=frozenset({"avx512_vnni"})))


def test_rounded_numbers_stay_near_and_the_network_as_it_is(network: nn.Module) -> None:
    images = torch.rand(2, 1, 48, 64)
    with torch.inference_mode():
        before = network(images)
        rounded = quantised(network, activation_ranges(network, [images]))(images)
        assert torch.equal(network(images), before)
    spread = before.std()
    assert (rounded - before).abs().mean() < 0.05 * spread
    assert not torch.equal(rounded, before)


def test_every_convolution_between_first_and_last_is_rounded_and_sees_rounded_numbers(
    network: nn.Module,
) -> None:
    images = torch.rand(1, 1, 32, 32)
    rounded = quantised(network, activation_ranges(network, [images]))
    convolutions = [each for each in rounded.modules() if isinstance(each, RoundedConvolution)]
    assert len(convolutions) == 17
    seen = []
    for convolution in convolutions:
        convolution.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    with torch.inference_mode():
        rounded(images)
    assert len(seen) == 17
    for values in seen:
        assert values.min() >= 0
        assert len(values.unique()) <= 256


def test_what_lies_beyond_a_range_is_cut() -> None:
    rounded = RoundedActivations(2.0)(torch.tensor([0.0, 1.0, 5.0]))
    assert rounded.tolist() == pytest.approx([0, 1, 2], abs=0.005)


@pytest.mark.skipif(not this_processor().has_int8, reason="this processor has no int8 instructions")
def test_openvino_computes_what_torch_does_whatever_the_batch(network: nn.Module) -> None:
    images = torch.rand(5, 1, 48, 64)
    ranges = activation_ranges(network, [images])
    run = make_network(network, INT8, 2, ranges)
    with torch.inference_mode():
        expected = quantised(network, ranges)(images).softmax(dim=1)
    assert (run(images) - expected).abs().mean() < 0.005  # A number on the edge of a step falls either way.
    assert torch.equal(torch.cat([run(image[None]) for image in images]), run(images))
    facts = [node.get_rt_info() for node in run.compiled.get_runtime_model().get_ops()]
    arithmetic = [
        each["runtimePrecision"].value for each in facts if each["layerType"].value == "Convolution"
    ]
    assert sorted(arithmetic) == ["f32"] * 2 + ["u8"] * 17


@pytest.mark.parametrize("architecture", ["fcn16", "resfcn"])
def test_other_networks_are_refused(architecture: str) -> None:
    with pytest.raises(UserError, match="int8 is for U-Nets"):
        activation_ranges(build_network(architecture, 4), [torch.zeros(1, 1, 16, 16)])


def test_ranges_of_another_network_are_refused(network: nn.Module) -> None:
    with pytest.raises(UserError, match="not those of this network"):
        quantised(network, {"encoder.0.2": 1.0})
    with pytest.raises(UserError, match="no image"):
        activation_ranges(network, [])


def test_int8_is_openvinos_and_never_chosen_by_itself(
    with_vnni: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "has_openvino", lambda: True)
    assert str(resolve_engine(SegmentationOptions(precision="int8"))) == "openvino/int8/cpu"
    assert resolve_engine(SegmentationOptions(device="cpu")).precision == "fp32"
    monkeypatch.setattr(engines, "this_processor", Processor)
    with pytest.raises(UserError, match="no instructions"):
        resolve_engine(SegmentationOptions(precision="int8"))
    monkeypatch.setattr(engines, "has_openvino", lambda: False)
    with pytest.raises(UserError, match="not installed"):
        resolve_engine(SegmentationOptions(precision="int8"))


def test_weights_are_made_ready_on_hearts_of_their_training_only(
    labelled_cohort: Path,
    tmp_path: Path,
    with_vnni: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_weights(tmp_path / "own.safetensors", seed=2)
    model = ModelOptions(name="own", weights=str(path))
    with pytest.raises(UserError, match=r"cinecohort quantise .*own\.safetensors"):
        load(model, SegmentationOptions(precision="int8"), "sa", 1)
    monkeypatch.setattr(prediction, "resolve_engine", lambda _: ResolvedEngine("torch", "fp32", "cpu"))
    description = path.with_suffix(".json")
    write_json(description, {**read_json(description), "trained_on": {"any": ["S9"]}})
    assert main(["quantise", str(path), str(labelled_cohort)]) == 1
    assert "saw none of the 4 subjects" in capsys.readouterr().err
    assert main(["quantise", str(path), str(labelled_cohort), "--any-subject", "--subjects", "3"]) == 0
    assert "recorded on 2 subjects" in capsys.readouterr().out
    write_json(description, {**read_json(description), "trained_on": {"any": ["S1", "S2", "S9"]}})
    before = [usage_digest(str(path), precision) for precision in ("int8", "bf16")]
    assert main(["quantise", str(path), str(labelled_cohort)]) == 0
    assert "18 ranges of activations recorded on 2 subjects" in capsys.readouterr().out
    assert len(describe_model(str(path)).activation_ranges) == 18
    after = [usage_digest(str(path), precision) for precision in ("int8", "bf16")]
    assert after[0] != before[0]
    assert after[1] == before[1]
