"""Networks against the published layer tables and parameter counts."""

import pytest
import torch
from torch import nn

from cinecohort.errors import UserError
from cinecohort.segmentation.architectures import ARCHITECTURES, grows_into
from cinecohort.segmentation.networks import (
    BilinearUpsampling,
    build_network,
    starting_weights,
)


@pytest.mark.parametrize(
    ("architecture", "classes", "parameters"),
    [
        ("fcn16", 4, 1_985_556),  # the released short-axis network of Bai 2018
        ("fcn16", 2, 1_985_426),
        ("fcn16", 3, 1_985_491),
        ("unet16", 4, 839_540),
        ("unet64", 4, 13_394_372),
        ("unet_slim", 4, 2_285_876),
        # By hand: 3x3 from 96 to 32, from 32 to 32 (twice) and from 16 + 32 to 32 for half as many outputs;
        # bias, scale and shift of 4 x 16 new channels; 16 more inputs of the head.
        ("unet_fine", 4, 2_285_876 + 9 * (96 * 16 + 2 * 768 + 1024) + 3 * 64 + 4 * 16),
    ],
)
def test_parameter_counts(architecture: str, classes: int, parameters: int) -> None:
    trained = (
        each.numel() for each in build_network(architecture, classes).parameters() if each.requires_grad
    )
    assert sum(trained) == parameters


def convolution_weights(network: nn.Module, kernel: int) -> int:
    return sum(
        module.weight.numel()
        for module in network.modules()
        if isinstance(module, nn.Conv2d) and module.kernel_size == (kernel, kernel)
    )


def test_fcn_breakdown_by_kind_of_layer() -> None:
    network = build_network("fcn16", 4)
    assert convolution_weights(network, 3) == 1_951_632
    assert convolution_weights(network, 1) == 15_872 + 10_240 + 4_096 + 256
    normalised = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert sum(2 * module.num_features for module in normalised) == 2_880 + 320 + 128 + 128
    assert len([m for m in network.modules() if isinstance(m, nn.Conv2d)]) == 21


def test_chens_count_of_convolution_weights() -> None:
    assert convolution_weights(build_network("unet64", 4), 3) == 13_382_208
    assert convolution_weights(build_network("unet16", 4), 3) == 836_496


def test_residual_variant_has_33_layers_on_the_main_path() -> None:
    network = build_network("resfcn", 4)
    assert (
        sum(module.kernel_size == (3, 3) for module in network.modules() if isinstance(module, nn.Conv2d))
        == 30
    )


def test_scales_of_the_fcn_have_the_sizes_of_table_1() -> None:
    network = build_network("fcn16", 4).eval()
    shapes = []
    for scale in network.scales:
        scale.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape[1:])))
    network(torch.zeros(1, 1, 192, 192))
    assert shapes == [(16, 192, 192), (32, 96, 96), (64, 48, 48), (128, 24, 24), (256, 12, 12)]


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if "64" not in name])
def test_logits_have_the_size_of_the_image(architecture: str) -> None:
    network = build_network(architecture, 3).eval()
    assert network(torch.zeros(2, 1, 48, 32)).shape == (2, 3, 48, 32)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_upsampling_is_the_transposed_convolution_of_tensorflow(factor: int) -> None:
    """Each input pixel spreads a bilinear tent; the surplus is cropped as "SAME" padding does."""
    upsampling = BilinearUpsampling(1, factor)
    size = 5
    image = torch.rand(1, 1, size, size)
    ramp = torch.cat([torch.arange(1, factor + 1), torch.arange(factor - 1, 0, -1)]) / factor
    # By hand: full transposed convolution, then TensorFlow's SAME crop of the (kernel - stride) surplus,
    # the smaller half of it at the start.
    length = (size - 1) * factor + 2 * factor - 1
    full = torch.zeros(length, length)
    for x in range(size):
        for y in range(size):
            patch = image[0, 0, x, y] * torch.outer(ramp, ramp)
            full[x * factor : x * factor + 2 * factor - 1, y * factor : y * factor + 2 * factor - 1] += patch
    before = (factor - 1) // 2
    expected = full[before : before + size * factor, before : before + size * factor]
    assert torch.allclose(upsampling(image)[0, 0], expected, atol=1e-6)


def test_a_network_grows_into_one_with_no_fewer_channels_only() -> None:
    assert grows_into("unet_slim", "unet_fine")
    assert grows_into("unet_fine", "unet_large")
    assert grows_into("unet16", "unet32")
    assert grows_into("fcn16", "fcn16")
    assert not grows_into("unet_fine", "unet_slim")
    assert not grows_into("unet_large", "unet_fine")
    assert not grows_into("fcn16", "fcn64")
    assert not grows_into("fcn16", "unet16")


@pytest.mark.parametrize(
    ("small", "large"), [("unet_slim", "unet_fine"), ("unet_fine", "unet_large"), ("unet16", "unet32")]
)
def test_a_larger_network_starts_by_giving_what_the_smaller_one_gave_and_its_new_channels_learn(
    small: str, large: str
) -> None:
    torch.manual_seed(1)
    narrow, wide = build_network(small, 4, inputs=1), build_network(large, 4, inputs=3)
    narrow(torch.rand(4, 1, 32, 32))  # Running means that are not zero.
    wide.load_state_dict(starting_weights(narrow.state_dict(), wide))
    images = torch.rand(2, 3, 48, 32)
    expected = narrow.eval()(images[:, 1:2])
    assert torch.allclose(wide.eval()(images), expected, atol=1e-5)
    logits = wide.train()(images)
    (logits[:, 1] - logits[:, 2]).square().mean().backward()
    for name, before in narrow.named_parameters():
        after = wide.get_parameter(name)
        if after.dim() == 4 and after.shape[1] > before.shape[1]:
            new = after.grad.abs().sum(dim=(0, 2, 3)) > 0
            assert new.sum() == after.shape[1], name


def test_unknown_network() -> None:
    with pytest.raises(UserError, match="unet17"):
        build_network("unet17", 4)
