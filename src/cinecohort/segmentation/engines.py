"""Inference engines: torch, OpenVINO and MNN behind one call; which of them runs, in which arithmetic."""

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cinecohort.errors import UserError, is_machine_fault
from cinecohort.segmentation.mnn_engine import MnnNetwork, has_mnn
from cinecohort.segmentation.openvino_engine import OpenvinoNetwork
from cinecohort.segmentation.options import Engine, SegmentationOptions
from cinecohort.segmentation.processors import this_processor
from cinecohort.segmentation.quantisation import quantised

Network = Callable[[Tensor], Tensor]
"""From images (batch, slices, x, y) to probabilities (batch, classes, x, y), both float32 on the CPU."""


@dataclass(frozen=True)
class ResolvedEngine:
    """What runs: recorded with every segmentation."""

    engine: str
    precision: str
    device: str

    def __str__(self) -> str:
        return f"{self.engine}/{self.precision}/{self.device}"


def has_openvino() -> bool:
    """Whether OpenVINO is installed."""
    return importlib.util.find_spec("openvino") is not None


def resolve_engine(options: SegmentationOptions) -> ResolvedEngine:
    """Choose engine, precision and device; what the configuration pins is never replaced in silence.

    Raises
    ------
    UserError
        If a pinned engine, device or precision is not there. What no machine has is refused with the options.
    """
    has_cuda = torch.cuda.is_available()
    if options.device == "cuda" and not has_cuda:
        raise UserError(
            "device is pinned to cuda, but torch sees no GPU here; run on a GPU or set device: auto."
        )
    for engine, is_there in (("openvino", has_openvino), ("mnn", has_mnn)):
        if options.engine == engine and not is_there():
            raise UserError(
                f"engine is pinned to {engine}, which is not installed; install it or set engine: auto."
            )
    if options.precision == "int8":
        return _int8_engine()
    use_cuda = has_cuda and options.device != "cpu" and options.engine in ("auto", "torch")
    has_bf16 = torch.cuda.is_bf16_supported() if use_cuda else this_processor().has_bf16
    if options.precision == "bf16" and not has_bf16:
        raise UserError(
            "precision is pinned to bf16, which this processor lacks; set precision: auto or fp32."
        )
    precision = options.precision
    if precision == "auto":
        precision = "bf16" if has_bf16 and options.engine != "mnn" else "fp32"
    engine = options.engine
    if engine == "auto":
        engine = "torch" if use_cuda else fastest_on_processor(precision)
    return ResolvedEngine(engine, precision, "cuda" if use_cuda else "cpu")


def _int8_engine() -> ResolvedEngine:
    """OpenVINO on the processor, which alone computes in int8."""
    if not has_openvino():
        raise UserError("precision is pinned to int8, but OpenVINO is not installed; install it or set auto.")
    if not this_processor().has_int8:
        raise UserError(
            "precision is pinned to int8, for which this processor has no instructions (VNNI or AMX); set "
            "precision: auto or fp32."
        )
    return ResolvedEngine("openvino", "int8", "cpu")


def fastest_on_processor(precision: str) -> Engine:
    """The fastest installed engine (benchmarks/segmentation_speed.md).

    OpenVINO in bf16, and in fp32 where AVX-512 is as wide as its name; MNN in fp32 elsewhere. A rule, not a
    measurement, so that the jobs of a cohort choose alike on alike nodes, whatever else runs there.
    """
    if precision == "fp32" and has_mnn() and not (this_processor().has_wide_avx512 and has_openvino()):
        return "mnn"
    return "openvino" if has_openvino() else "torch"


class WithSoftmax(nn.Module):
    """A network that ends in probabilities."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Return class probabilities."""
        return torch.softmax(self.network(images).float(), dim=1)


def torch_network(network: nn.Module, resolved: ResolvedEngine) -> Network:
    """Run a network with torch."""
    device = torch.device(resolved.device)
    module = WithSoftmax(network).eval()
    module = module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    low_precision = resolved.precision == "bf16"

    def probabilities(images: Tensor) -> Tensor:
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=low_precision):
            placed = images.to(device, non_blocking=True).contiguous(memory_format=torch.channels_last)
            return module(placed).cpu()

    return probabilities


@contextmanager
def loading(engine: str) -> Iterator[None]:
    """Say so where an installed engine does not work; a fault of the machine stays one."""
    try:
        yield
    except Exception as fault:
        if is_machine_fault(fault):
            raise
        raise UserError(
            f"{engine} cannot be loaded ({type(fault).__name__}: {fault}); repair it or set engine: torch."
        ) from fault


def make_network(
    network: nn.Module,
    resolved: ResolvedEngine,
    threads: int | None = None,
    ranges: Mapping[str, float] | None = None,
) -> Network:
    """Prepare a float32 network for an engine.

    Parameters
    ----------
    network
        In evaluation mode, on the CPU.
    resolved
        From :func:`resolve_engine`.
    threads
        CPU threads; the engine's own choice where None.
    ranges
        Of its activations, for int8: :func:`cinecohort.segmentation.quantisation.activation_ranges`.

    Raises
    ------
    UserError
        If the engine is installed but does not work, or int8 is asked for and the ranges do not fit.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    channels = next(network.parameters()).shape[1]
    if resolved.precision == "int8":
        network = quantised(network, ranges or {})
    with loading(resolved.engine):
        if resolved.engine == "openvino":
            return OpenvinoNetwork(WithSoftmax(network).eval(), channels, resolved.precision, threads)
        if resolved.engine == "mnn":
            return MnnNetwork(WithSoftmax(network).eval(), channels, threads)
    return torch_network(network, resolved)


def mean_network(networks: Sequence[Network]) -> Network:
    """Ensemble of networks: the mean of their probabilities; one network is itself."""
    if len(networks) == 1:
        return networks[0]

    def probabilities(images: Tensor) -> Tensor:
        total = networks[0](images).clone()
        for network in networks[1:]:
            total += network(images)
        return total / len(networks)

    return probabilities
