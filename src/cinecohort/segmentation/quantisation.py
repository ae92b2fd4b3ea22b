"""U-Nets in 8-bit integers: activations and weights rounded to what a processor's int8 instructions take.

Activations have 256 steps from zero to a highest value, which was recorded on images that the network learnt
from; weights have 255 steps, those of each output channel up to its own largest (Jacob et al. 2018,
"Quantization and training of neural networks for efficient integer-arithmetic-only inference"). The first and
the last convolution stay in floating point. OpenVINO recognises the rounding and computes in integers what
lies between; torch computes the same numbers slowly.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cinecohort.errors import UserError
from cinecohort.segmentation.networks import UNet

CONVOLUTIONS, NORMALISATIONS, RECTIFIERS = (0, 3), (1, 4), (2, 5)
"""Places of the layers in a :func:`cinecohort.segmentation.networks.double_convolution`."""


class RoundedActivations(nn.Module):
    """Activations, none of them below zero, rounded to 256 steps up to a highest value."""

    def __init__(self, highest: float) -> None:
        super().__init__()
        self.step = highest / 255

    def forward(self, activations: Tensor) -> Tensor:
        """Return them rounded; those beyond the highest value become it."""
        return torch.fake_quantize_per_tensor_affine(activations, self.step, 0, 0, 255)


class RoundedConvolution(nn.Module):
    """A convolution with its weights rounded, each output channel's to 127 steps on either side of zero."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias
        self.padding = convolution.padding
        largest = convolution.weight.detach().abs().amax(dim=(1, 2, 3)).clamp(min=1e-12)
        self.steps: Tensor
        self.zeros: Tensor
        self.register_buffer("steps", largest / 127)
        self.register_buffer("zeros", torch.zeros(len(largest), dtype=torch.int32))

    def forward(self, image: Tensor) -> Tensor:
        """Return the convolved image."""
        weight = torch.fake_quantize_per_channel_affine(self.weight, self.steps, self.zeros, 0, -127, 127)
        return functional.conv2d(image, weight, self.bias, padding=self.padding)


def _unet(network: nn.Module) -> UNet:
    if not isinstance(network, UNet):
        raise UserError("int8 is for U-Nets; set precision: auto for other networks.")
    return network


def _blocks(network: UNet) -> dict[str, nn.Module]:
    """Name to double convolution, in the order in which an image goes through them."""
    listed = {"encoder": network.encoder, "decoder": network.decoder}
    return {f"{part}.{place}": block for part, blocks in listed.items() for place, block in enumerate(blocks)}


def activation_ranges(network: nn.Module, batches: Iterable[Tensor]) -> dict[str, float]:
    """Find the highest activations of a network on images.

    Parameters
    ----------
    network
        A U-Net in evaluation mode.
    batches
        Images (batch, channels, x, y) as the network takes them.

    Returns
    -------
    dict
        Name of each rectifier (``encoder.0.2``) to the highest value that it gave.

    Raises
    ------
    UserError
        If the network is no U-Net, or there is no image.
    """
    highest: dict[str, float] = {}

    def watch(name: str, rectifier: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def record(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
            highest[name] = max(highest.get(name, 1e-6), float(output.max()))

        return rectifier.register_forward_hook(record)

    hooks = [
        watch(f"{name}.{place}", block.get_submodule(str(place)))
        for name, block in _blocks(_unet(network)).items()
        for place in RECTIFIERS
    ]
    try:
        for batch in batches:
            with torch.inference_mode():
                network(batch)
    finally:
        for hook in hooks:
            hook.remove()
    if not highest:
        raise UserError("there is no image to record a network's activations on; name a folder with some.")
    return highest


def quantised(network: nn.Module, ranges: Mapping[str, float]) -> nn.Module:
    """Round a network as its 8-bit version computes.

    What is joined in the decoder, the skipped activations and those that come from below, has one highest
    value: integers of two different steps could not be one image. What is enlarged is rounded afterwards.

    Parameters
    ----------
    network
        A U-Net in evaluation mode, which stays as it is.
    ranges
        From :func:`activation_ranges`.

    Raises
    ------
    UserError
        If the network is no U-Net, or the ranges are not its own.
    """
    network = deepcopy(_unet(network))
    blocks = _blocks(network)
    if ranges.keys() != {f"{name}.{place}" for name in blocks for place in RECTIFIERS}:
        raise UserError(
            "the ranges of activations are not those of this network; record them again with "
            "`cinecohort quantise`, or set precision: auto."
        )
    highest = dict(ranges)
    names, deepest = list(blocks), len(network.encoder) - 1
    skipped, below = names[:deepest][::-1], names[deepest:-1]
    for place, (skip, coarse) in enumerate(zip(skipped, below, strict=True)):
        joint = max(highest[f"{skip}.5"], highest[f"{coarse}.5"])
        highest[f"{skip}.5"] = joint
        network.upsamplings[place] = nn.Sequential(network.upsamplings[place], RoundedActivations(joint))
    for number, (name, block) in enumerate(blocks.items()):
        assert isinstance(block, nn.Sequential)
        for convolution, normalisation in zip(CONVOLUTIONS, NORMALISATIONS, strict=True):
            linear, statistics = block[convolution], block[normalisation]
            assert isinstance(linear, nn.Conv2d)
            assert isinstance(statistics, nn.BatchNorm2d)
            fused = fuse_conv_bn_eval(linear, statistics)
            is_first = number == 0 and convolution == 0
            block[convolution], block[normalisation] = (
                fused if is_first else RoundedConvolution(fused),
                nn.Identity(),
            )
        for rectifier in RECTIFIERS:
            if rectifier == RECTIFIERS[0] or name in skipped:
                rounded = RoundedActivations(highest[f"{name}.{rectifier}"])
                block[rectifier] = nn.Sequential(block[rectifier], rounded)
    return network
