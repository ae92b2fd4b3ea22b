"""The MNN engine: the numbers of torch, whatever threads and batches there are, and no word of its own."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from cinecohort.errors import UserError
from cinecohort.segmentation.engines import ResolvedEngine, make_network
from cinecohort.segmentation.mnn_engine import MnnNetwork
from cinecohort.segmentation.networks import build_network

MNN = ResolvedEngine("mnn", "fp32", "cpu")


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """The same fresh weights and images each time, and nothing of it beyond the test."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        yield


def with_statistics(network: nn.Module) -> nn.Module:
    """Batch statistics that fit the weights, as training leaves them."""
    channels = next(network.parameters()).shape[1]
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # The mean over all batches, of which few are enough.
    with torch.no_grad():
        for _ in range(4):
            network.train()(torch.randn(2, channels, 64, 64))
    return network.eval()


@pytest.mark.parametrize(
    ("architecture", "inputs"), [("unet16", 3), ("unet_fine", 3), ("fcn16", 1), ("resfcn", 1)]
)
def test_probabilities_are_those_of_torch(architecture: str, inputs: int) -> None:
    network = with_statistics(build_network(architecture, 4, inputs=inputs))
    run = make_network(network, MNN, threads=2)
    for shape in ((3, inputs, 64, 80), (1, inputs, 16, 16), (5, inputs, 112, 64)):
        images = torch.randn(shape)
        with torch.inference_mode():
            expected = network(images).softmax(dim=1)
        difference = (run(images) - expected).abs()
        assert difference.max() < 1e-3  # Tiles of 6 x 6 outputs round 100 times as coarsely as direct sums.
        assert difference.mean() < 1e-5


def test_no_digit_depends_on_threads_and_batch() -> None:
    network = with_statistics(build_network("unet16", 4, inputs=1))
    images = torch.randn(7, 1, 64, 48)
    runs = [make_network(network, MNN, threads) for threads in (1, 2, 5)]
    results = [torch.cat([run(batch) for batch in images.split(size)]) for run in runs for size in (1, 4, 7)]
    assert all(torch.equal(result, results[0]) for result in results)


def test_it_prints_nothing_and_leaves_the_output_open(capfd: pytest.CaptureFixture[str]) -> None:
    make_network(build_network("unet16", 4).eval(), MNN, threads=1)(torch.zeros(1, 1, 32, 32))
    print("still heard")
    assert capfd.readouterr().out == "still heard\n"


def test_a_network_that_cannot_be_converted_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("_tools.mnnconvert", lambda arguments: None)
    with pytest.raises(UserError, match=r"mnn cannot be loaded .*could not be converted"):
        make_network(build_network("unet16", 4).eval(), MNN)


def test_threads_are_torchs_where_none_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert len(MnnNetwork(build_network("unet16", 4).eval(), 1).lanes) == 3
