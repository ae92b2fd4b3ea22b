"""Weights of a tiny network, as far as random numbers segment anything."""

from collections.abc import Mapping
from pathlib import Path

VENTRICLES = {1: "LV", 2: "MYO", 3: "RV"}


def write_weights(
    path: Path,
    seed: int,
    view: str = "sa",
    structures: Mapping[int, str] = VENTRICLES,
    architecture: str = "unet16",
) -> Path:
    """Write a small U-Net of a view; another `seed` gives another network."""
    import torch

    from cinecohort.segmentation.descriptions import ModelDescription
    from cinecohort.segmentation.networks import build_network
    from cinecohort.segmentation.weights import save_model

    torch.manual_seed(seed)
    network = build_network(architecture, len(structures) + 1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    description = ModelDescription(
        name="tiny",
        view=view,
        architecture=architecture,
        spacing_mm=1.4,
        normalisation="unit",
        structures={str(label): name for label, name in structures.items()},
    )
    save_model(path, network.eval(), description)
    return path
