"""The OpenVINO engine: the numbers of torch, whatever threads and batches there are."""

from collections.abc import Iterator

import pytest
import torch

from cinecohort.segmentation.networks import build_network
from cinecohort.segmentation.openvino_engine import OpenvinoNetwork
from cinecohort.segmentation.processors import this_processor


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """The same fresh weights and images each time, and nothing of it beyond the test."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        yield


def test_images_of_any_memory_layout_come_back_in_order() -> None:
    network = build_network("unet16", 4, inputs=3).eval()
    run = OpenvinoNetwork(network, 3, "fp32", threads=2)
    images = torch.randn(9, 64, 48, 3).permute(0, 3, 1, 2)
    with torch.inference_mode():  # Where a caller is in it, the engine's other threads are not.
        expected = network(images)
        first = run(images)
    assert torch.allclose(first, expected, atol=1e-4)
    kept = first.clone()
    run(images.flip(0))
    assert torch.equal(first, kept)  # What was given out is not written over by the next batch.


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_no_digit_depends_on_threads_and_batch(precision: str) -> None:
    if precision == "bf16" and not this_processor().has_bf16:
        pytest.skip("this processor has no bf16")
    network = build_network("unet16", 4).eval()
    images = torch.randn(7, 1, 64, 48)
    runs = [OpenvinoNetwork(network, 1, precision, threads) for threads in (1, 2, 5)]
    results = [torch.cat([run(batch) for batch in images.split(size)]) for run in runs for size in (1, 4, 7)]
    assert all(torch.equal(result, results[0]) for result in results)


def test_jobs_side_by_side_do_not_bind_their_threads_to_the_same_cores() -> None:
    """OpenVINO binds them unless it is told not to, in every process to the first cores of the node."""
    run = OpenvinoNetwork(build_network("unet16", 4).eval(), 1, "fp32", threads=1)
    assert not run.compiled.get_property("ENABLE_CPU_PINNING")


def test_threads_are_torchs_where_none_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert OpenvinoNetwork(build_network("unet16", 4).eval(), 1, "fp32").threads == 3
