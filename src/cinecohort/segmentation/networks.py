"""The networks: Bai's fully convolutional network, its residual variant, and U-Nets.

All take a batch of images (batch, inputs, x, y) whose sides are multiples of :data:`SIZE_MULTIPLE`: one
channel as in both papers, or one per slice where neighbouring slices are seen too. They return logits
(batch, classes, x, y); class 0 is background.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from cinecohort.errors import UserError
from cinecohort.segmentation.architectures import ARCHITECTURES, chen_decoder

SIZE_MULTIPLE = 16
"""Four halvings: image sides must be multiples of this."""


class ConvolutionBlock(nn.Sequential):
    """A convolution without bias, batch normalisation and ReLU, as in Bai's code.

    Batch normalisation has TensorFlow's settings (momentum 0.99, epsilon 1e-3). With stride 2 the padding
    is TensorFlow's "SAME" for even sizes: nothing before and one pixel after.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        layers: list[nn.Module] = []
        padding = kernel // 2
        if stride == 2:
            layers.append(nn.ZeroPad2d((0, 1, 0, 1)))
            padding = 0
        layers += [
            nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
            nn.ReLU(inplace=True),
        ]
        super().__init__(*layers)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (1x1 where the shape changes), ReLU after the sum."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = ConvolutionBlock(inputs, outputs, stride=stride)
        self.second = nn.Sequential(
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False),
                nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
            )

    def forward(self, image: Tensor) -> Tensor:
        """Return the block's output."""
        return functional.relu(self.second(self.first(image)) + self.shortcut(image))


class BilinearUpsampling(nn.Module):
    """Fixed bilinear up-sampling by a transposed convolution per channel, as in Bai's code.

    The kernel has 2f - 1 taps (1 .. f .. 1) / f and is not trained; with "SAME" padding the last row and
    column of PyTorch's result have to be dropped. Outside the image counts as zero.
    """

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.channels = channels
        self.kernel: Tensor
        ramp = torch.cat([torch.arange(1, factor + 1), torch.arange(factor - 1, 0, -1)]) / factor
        kernel = torch.outer(ramp, ramp).expand(channels, 1, -1, -1).clone()
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Return the image, `factor` times as large on both sides."""
        if self.factor == 1:
            return image
        large = functional.conv_transpose2d(
            image,
            self.kernel.to(image.dtype),
            stride=self.factor,
            padding=(self.factor - 1) // 2,
            groups=self.channels,
        )
        return large[..., : image.shape[-2] * self.factor, : image.shape[-1] * self.factor]


class FCN(nn.Module):
    """Bai 2018, Table 1, as released: five scales, each reduced to 32 channels, up-sampled and joined.

    Parameters
    ----------
    classes
        Number of classes with background.
    width
        Channels of the first scale; they double at each of the next (16 in the paper).
    residual
        Three residual blocks a scale instead of 2, 2, 3, 3, 3 convolutions: the paper's 33-layer variant
        (15 blocks of two, and the three 1x1 layers of the head).
    inputs
        Channels of an image.
    """

    def __init__(self, classes: int, width: int = 16, residual: bool = False, inputs: int = 1) -> None:
        super().__init__()
        self.inputs = inputs
        self.scales = nn.ModuleList()
        self.reductions = nn.ModuleList()
        self.upsamplings = nn.ModuleList()
        channels = inputs
        for scale, convolutions in enumerate((2, 2, 3, 3, 3)):
            outputs = width * 2**scale
            block = ResidualBlock if residual else ConvolutionBlock
            count = 3 if residual else convolutions
            layers = [block(channels, outputs, stride=1 if scale == 0 else 2)]
            layers += [block(outputs, outputs) for _ in range(count - 1)]
            self.scales.append(nn.Sequential(*layers))
            self.reductions.append(ConvolutionBlock(outputs, 32, kernel=1))
            self.upsamplings.append(BilinearUpsampling(32, 2**scale))
            channels = outputs
        self.head = nn.Sequential(
            ConvolutionBlock(5 * 32, 64, kernel=1),
            ConvolutionBlock(64, 64, kernel=1),
            nn.Conv2d(64, classes, 1),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits (batch, classes, x, y)."""
        features = []
        for scale, reduction, upsampling in zip(self.scales, self.reductions, self.upsamplings, strict=True):
            image = scale(image)
            features.append(upsampling(reduction(image)))
        return self.head(torch.cat(features, dim=1))


def double_convolution(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions with bias, each followed by batch normalisation and ReLU (Chen 2020)."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class UNet(nn.Module):
    """A U-Net of Chen's shape: pooling down, bilinear up-sampling, double convolutions.

    Parameters
    ----------
    classes
        Number of classes with background.
    channels
        Channels of the five levels: w, 2w, 4w, 8w, 8w in Chen 2020.
    dropout
        Probability, after each concatenation.
    inputs
        Channels of an image.
    decoder
        Channels that the four blocks of the decoder give, coarsest first; those of the next finer level
        where not given, as in Chen 2020.
    """

    def __init__(
        self,
        classes: int,
        channels: Sequence[int],
        dropout: float = 0.0,
        inputs: int = 1,
        decoder: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.encoder = nn.ModuleList()
        for outputs in channels:
            self.encoder.append(double_convolution(inputs, outputs))
            inputs = outputs
        self.decoder = nn.ModuleList()
        for skipped, outputs in zip(channels[-2::-1], decoder or chen_decoder(channels), strict=True):
            self.decoder.append(double_convolution(inputs + skipped, outputs))
            inputs = outputs
        self.upsamplings = nn.ModuleList(
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False) for _ in self.decoder
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Conv2d(inputs, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits (batch, classes, x, y)."""
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            image = block(functional.max_pool2d(image, 2) if level else image)
            skips.append(image)
        skips.pop()
        for upsampling, block in zip(self.upsamplings, self.decoder, strict=True):
            image = block(self.dropout(torch.cat([skips.pop(), upsampling(image)], dim=1)))
        return self.head(image)


def build_network(architecture: str, classes: int, dropout: float = 0.0, inputs: int = 1) -> nn.Module:
    """Make a network with fresh weights.

    Parameters
    ----------
    architecture
        A name of :data:`cinecohort.segmentation.architectures.ARCHITECTURES`.
    classes
        Number of classes with background.
    dropout
        Probability after each concatenation; U-Nets only.
    inputs
        Channels of an image.

    Raises
    ------
    UserError
        If no network has that name.
    """
    if architecture not in ARCHITECTURES:
        names = ", ".join(ARCHITECTURES)
        raise UserError(f"there is no network {architecture!r}; choose one of {names}.")
    settings = dict(ARCHITECTURES[architecture])
    if settings.pop("kind") == "unet":
        return UNet(classes, dropout=dropout, inputs=inputs, **settings)
    return FCN(classes, inputs=inputs, **settings)


def starting_weights(weights: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Fit the weights of a network to one that may see more slices or have more channels.

    The larger network gives what the smaller one gave (Net2Net: Chen, Goodfellow and Shlens 2016): what was
    there weighs channels that are new by zero, and what is new starts fresh. Inputs that are new are the
    neighbouring slices, on either side. What `weights` lacks stays fresh.

    Parameters
    ----------
    weights
        State of a network that grows into `network` (``grows_into``), with as many inputs, or one.
    network
        The network that they are for.
    """
    fitted = {}
    for name, fresh in network.state_dict().items():
        value = weights.get(name, fresh)
        if value.shape != fresh.shape:
            grown = fresh.clone()
            if value.dim() == 1:
                grown[: len(value)] = value
            else:
                places = kept_inputs(name, weights, network.state_dict())
                grown[: len(value)] = 0
                grown[: len(value), places] = value
            value = grown
        fitted[name] = value
    return fitted


def kept_inputs(name: str, small: dict[str, Tensor], large: dict[str, Tensor]) -> Tensor:
    """Input channels of a layer of the larger network that the smaller one has too.

    A block of the decoder takes the encoder's channels, then those of the coarser block; each part may have
    grown. The image's neighbouring slices come on either side of it; all other new channels come last.
    """
    before, after = small[name].shape[1], large[name].shape[1]
    places = torch.arange(before)
    if name == next(iter(large)):
        return places + (after - before) // 2
    part, number, *layer = name.split(".")
    if part == "decoder" and layer == ["0", "weight"]:
        coarser = f"decoder.{int(number) - 1}.3.weight" if number != "0" else last_of_encoder(small)
        places[-len(small[coarser]) :] += after - before - (len(large[coarser]) - len(small[coarser]))
    return places


def last_of_encoder(weights: dict[str, Tensor]) -> str:
    """Name of the last convolution of a U-Net's encoder."""
    return [name for name, value in weights.items() if name.startswith("encoder.") and value.dim() == 4][-1]
