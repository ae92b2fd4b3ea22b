"""Random crops, deformations and intensity changes of a whole batch at once, on its own device.

One sampling grid carries resampling, rotation, scale, flip, shift, deformation and crop, so that each
image is interpolated once and its labels follow exactly.
"""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

from cinecohort.segmentation.training_options import AugmentationOptions


def uniform(low: float, high: float, shape: tuple[int, ...], generator: Generator) -> Tensor:
    """Uniform random numbers on the CPU (so that a seed means the same on every device)."""
    return torch.rand(shape, generator=generator) * (high - low) + low


def log_uniform(limits: tuple[float, float], batch: int, generator: Generator) -> Tensor:
    """Numbers (batch,) whose logarithm is uniform between two limits."""
    low, high = (math.log(value) for value in limits)
    return uniform(low, high, (batch,), generator).exp()


def chosen(probability: float, batch: int, generator: Generator) -> Tensor:
    """Boolean (batch,): which images a change applies to."""
    return torch.rand(batch, generator=generator) < probability


def clipped_normal(batch: int, generator: Generator) -> Tensor:
    """Standard normal numbers clipped at three standard deviations."""
    return torch.randn(batch, generator=generator).clamp(-3, 3)


def random_transforms(
    options: AugmentationOptions, batch: int, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Draw linear transforms and shifts.

    Returns
    -------
    torch.Tensor
        (batch, 2, 2): from an offset in the crop to an offset in the image, both in millimetres.
    torch.Tensor
        (batch, 2): shift of the crop's centre in millimetres.
    """
    width = math.radians(options.rotation_deg)
    if options.distribution == "normal":
        angle = clipped_normal(batch, generator) * width
        magnification = options.scale[0] + clipped_normal(batch, generator) * options.scale[1]
    else:
        angle = uniform(-width, width, (batch,), generator)
        magnification = uniform(*options.scale, (batch,), generator)
    if options.distribution == "log_uniform":
        magnification = log_uniform(options.scale, batch, generator)
    any_angle = uniform(-math.pi, math.pi, (batch,), generator)
    angle = torch.where(chosen(options.any_rotation, batch, generator), any_angle, angle)
    mirror = 1 - 2 * (torch.rand((batch, 2), generator=generator) < options.flip).float()
    cosine, sine = torch.cos(angle), torch.sin(angle)
    rotation = torch.stack([cosine, -sine, sine, cosine], dim=1).reshape(batch, 2, 2)
    matrix = rotation * mirror[:, None, :] / magnification[:, None, None]
    return matrix, uniform(-options.shift_mm, options.shift_mm, (batch, 2), generator)


def smooth_field(batch: int, channels: int, nodes: int, size: int, generator: Generator) -> Tensor:
    """Smooth random fields (batch, channels, size, size): normal values at nodes, bicubic between."""
    values = torch.randn((batch, channels, nodes, nodes), generator=generator)
    return functional.interpolate(values, size=(size, size), mode="bicubic", align_corners=True)


def sampling_grid(
    matrix: Tensor,
    centre_px: Tensor,
    native_spacing_mm: Tensor,
    spacing_mm: Tensor,
    size: int,
    stored_size: tuple[int, int],
    displacement_mm: Tensor | None = None,
) -> Tensor:
    """Where each pixel of the crops lies in the stored images, in ``grid_sample``'s coordinates.

    Parameters
    ----------
    matrix
        (batch, 2, 2), from crop offset to image offset.
    centre_px
        (batch, 2), centre of the crop in stored pixels (x, y).
    native_spacing_mm, spacing_mm
        (batch, 2), pixel sizes of the stored images and of the crops.
    size
        Side of the crop.
    stored_size
        (x, y) of the stored images.
    displacement_mm
        (batch, 2, size, size), added to the positions.

    Returns
    -------
    torch.Tensor
        (batch, size, size, 2) for images (batch, channels, x, y) and ``align_corners=False``.
    """
    offset = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    offsets = torch.stack(torch.meshgrid(offset, offset, indexing="ij"), dim=-1)
    position = torch.einsum("bij,bxyj->bxyi", matrix, offsets[None] * spacing_mm[:, None, None, :])
    if displacement_mm is not None:
        position = position + displacement_mm.permute(0, 2, 3, 1)
    pixels = position / native_spacing_mm[:, None, None, :] + centre_px[:, None, None, :]
    sizes = torch.tensor(stored_size, dtype=torch.float32)
    return ((2 * pixels + 1) / sizes - 1).flip(-1)


def sample(images: Tensor, labels: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    """Sample images (batch, slices, x, y) linearly and labels (batch, x, y) by nearest; zero outside."""
    image = functional.grid_sample(images, grid, mode="bilinear", align_corners=False)
    label = functional.grid_sample(
        labels[:, None].to(images.dtype), grid, mode="nearest", align_corners=False
    )
    return image, label[:, 0].round().to(torch.int64)


def blur(images: Tensor, sigma_px: Tensor) -> Tensor:
    """Gaussian blur (batch, slices, x, y), a standard deviation an image."""
    batch = images.shape[0]
    taps = torch.arange(-4, 5, dtype=images.dtype, device=images.device)
    kernel = torch.exp(-0.5 * (taps[None] / sigma_px[:, None]) ** 2)
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    stacked = functional.pad(images.transpose(0, 1), (4, 4, 4, 4), mode="replicate")
    stacked = functional.conv2d(stacked, kernel[:, None, :, None], groups=batch)
    stacked = functional.conv2d(stacked, kernel[:, None, None, :], groups=batch)
    return stacked.transpose(0, 1)


def change_intensity(images: Tensor, options: AugmentationOptions, generator: Generator) -> Tensor:
    """Change the intensities of images (batch, slices, x, y) in [0, 1] at random, all slices of one alike.

    In the order of the imaging chain: tissue contrast (gamma, linear), coil sensitivity, resolution, noise.
    """
    batch, _, size, _ = images.shape
    device = images.device

    def per_image(values: Tensor) -> Tensor:
        return values.reshape(batch, 1, 1, 1).to(device)

    exponent = torch.exp(0.3 * clipped_normal(batch, generator))
    exponent = torch.where(chosen(options.gamma, batch, generator), exponent, 1.0)
    images = images.clamp(min=0) ** per_image(exponent)
    use = chosen(options.contrast, batch, generator)
    factor = torch.where(use, log_uniform(options.contrast_factor, batch, generator), 1.0)
    brightness = uniform(-options.brightness, options.brightness, (batch,), generator)
    offset = torch.where(use, brightness, 0.0)
    images = images * per_image(factor) + per_image(offset)
    field = 0.35 * smooth_field(batch, 1, 4, size, generator)
    use = chosen(options.bias_field, batch, generator)
    images = images * torch.where(use[:, None, None, None], field, 0.0).exp().to(device)
    use = chosen(options.blur, batch, generator)
    sigma = uniform(0.5, 1.4, (batch,), generator)
    if use.any():
        images[use] = blur(images[use], sigma[use].to(device))
    use = chosen(options.low_resolution, batch, generator)
    coarse = int(size * float(uniform(0.45, 0.85, (1,), generator)))
    if use.any():
        small = functional.interpolate(
            images[use], size=(coarse, coarse), mode="bilinear", align_corners=False, antialias=True
        )
        images[use] = functional.interpolate(small, size=(size, size), mode="bilinear", align_corners=False)
    level = torch.where(chosen(options.noise, batch, generator), uniform(0.0, 0.08, (batch,), generator), 0.0)
    noise = torch.randn(images.shape, generator=generator).to(device)
    return images + noise * per_image(level)
