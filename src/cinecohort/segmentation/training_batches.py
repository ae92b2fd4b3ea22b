"""A batch of training: slices with their neighbours, cropped and augmented."""

import torch
from torch import Generator, Tensor

from cinecohort.segmentation.augmentation import (
    change_intensity,
    random_transforms,
    sample,
    sampling_grid,
    smooth_field,
)
from cinecohort.segmentation.preprocessing import network_intensity
from cinecohort.segmentation.training_data import LabelledSlices
from cinecohort.segmentation.training_options import TrainingOptions


def make_batch(
    data: LabelledSlices, indices: Tensor, options: TrainingOptions, generator: Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Crop and augment some slices.

    Parameters
    ----------
    data
        All slices.
    indices
        (batch,), which of them.
    options
        Crop, spacing, augmentation.
    generator
        Source of everything random, on the CPU.

    Returns
    -------
    tuple of torch.Tensor
        Images (batch, 2 neighbours + 1, crop, crop) as the network takes them, labels (batch, crop, crop)
        int64 and annotated classes (batch, classes).
    """
    batch = len(indices)
    augmentation = options.augmentation
    matrix, shift_mm = random_transforms(augmentation, batch, generator)
    native = data.spacing_mm[indices]
    spacing = native if options.spacing_mm is None else torch.full_like(native, options.spacing_mm)
    stored = torch.tensor(data.images.shape[1:], dtype=torch.float32)
    image_centre = ((stored - 1) / 2).expand(batch, 2)
    place = torch.rand((batch, 2), generator=generator) - 0.5
    anywhere = image_centre + place * data.size_px[indices]
    room = (data.size_px[indices] - options.crop * spacing / native).clamp(min=0)
    centre = {
        "heart": data.heart_px[indices],
        "image": image_centre,
        "inside": image_centre + place * room,
    }[options.crop_centre]
    centre = centre + shift_mm / native
    use_anywhere = torch.rand(batch, generator=generator) < options.random_crops
    centre = torch.where(use_anywhere[:, None], anywhere, centre)
    displacement = augmentation.elastic_mm * smooth_field(batch, 2, 6, options.crop, generator)
    use = torch.rand(batch, generator=generator) < augmentation.elastic
    displacement = torch.where(use[:, None, None, None], displacement, 0.0)
    stored_size = (data.images.shape[1], data.images.shape[2])
    grid = sampling_grid(matrix, centre, native, spacing, options.crop, stored_size, displacement)
    device = data.images.device
    chosen = indices.to(device)
    seen = visible_slices(data.neighbours[indices], options.drop_neighbours, generator)
    images, labels = sample(data.images[seen.to(device)], data.labels[chosen], grid.to(device))
    images = change_intensity(images, augmentation, generator)
    return network_intensity(images, options.normalisation), labels, data.annotated[chosen]


def visible_slices(neighbours: Tensor, drop: float, generator: Generator) -> Tensor:
    """Draw in which order the network sees the neighbours, and where it sees none.

    A stack may run from base to apex or the other way round; slices may be missing.

    Parameters
    ----------
    neighbours
        (batch, 2 neighbours + 1), images in the order of the stack.
    drop
        Probability that the slice itself stands in for its neighbours.
    generator
        Source of everything random.
    """
    batch, width = neighbours.shape
    if width == 1:
        return neighbours
    turned = torch.rand(batch, generator=generator) < 0.5
    neighbours = torch.where(turned[:, None], neighbours.flip(1), neighbours)
    alone = torch.rand(batch, generator=generator) < drop
    return torch.where(alone[:, None], neighbours[:, width // 2, None], neighbours)
