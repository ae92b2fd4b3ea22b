"""Weights and what is known about them: ``<name>.safetensors`` and ``<name>.json`` side by side."""

from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import torch
from pydantic import ValidationError
from torch import nn

from cinecohort.errors import UserError
from cinecohort.files import digest_bytes, digest_file, read_json, write_bytes, write_json
from cinecohort.options import Options
from cinecohort.segmentation.networks import build_network

SHIPPED = Path(__file__).parent / "weights"
"""Folder of the weights that come with the package."""


class ModelDescription(Options):
    """What has to be known to use weights."""

    name: str
    """Name of the weights."""

    view: Literal["sa", "la_2ch", "la_4ch"]
    """View that they segment."""

    architecture: str
    """Name of the network."""

    spacing_mm: float | None
    """In-plane pixel size that images are resampled to; null: each image's own."""

    normalisation: Literal["unit", "zscore_slice"]
    """Intensities that the network takes."""

    structures: dict[str, str]
    """Label number to structure."""

    sha256: str = ""
    """Digest of the weights file."""

    validated: bool = False
    """Whether it was tested on labelled real hearts that it was not trained on."""

    training_subjects: int = 0
    """How many subjects it was trained on."""

    validation_subjects: int = 0
    """How many subjects chose between its checkpoints."""

    recipe: dict[str, Any] = {}
    """The settings of its training."""


def save_model(
    path: Path, network: nn.Module, description: ModelDescription, dtype: torch.dtype = torch.float32
) -> ModelDescription:
    """Write a network's weights and their description.

    Parameters
    ----------
    path
        ``<name>.safetensors``; the description goes beside it as ``<name>.json``.
    network
        The network.
    description
        What it is; its digest is filled in.
    dtype
        Type of the stored floating-point numbers; they are read back as float32.

    Returns
    -------
    ModelDescription
        The description with the digest.
    """
    tensors = {
        name: value.detach().to(dtype if value.is_floating_point() else value.dtype).cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    content = safetensors.torch.save(tensors)
    described = description.model_copy(update={"sha256": digest_bytes(content)})
    write_bytes(path, content)
    write_json(path.with_suffix(".json"), described.model_dump(mode="json"))
    return described


def shipped_models() -> list[str]:
    """Names of the weights that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.safetensors"))


def weights_path(name_or_path: str) -> Path:
    """Return the path of shipped weights by name, or of a file by its path.

    Raises
    ------
    UserError
        If there are none.
    """
    path = Path(name_or_path)
    if path.suffix != ".safetensors":
        path = SHIPPED / f"{name_or_path}.safetensors"
        if not path.is_file():
            names = ", ".join(shipped_models()) or "none"
            raise UserError(
                f"there are no shipped weights {name_or_path!r} (shipped: {names}); "
                "name one of these or give the path of a .safetensors file."
            )
    if not path.is_file():
        raise UserError(f"{path}: there is no such weights file.")
    return path


def describe_model(name_or_path: str) -> ModelDescription:
    """Read the description of weights, without reading the weights.

    Raises
    ------
    UserError
        If it is missing or not valid.
    """
    path = weights_path(name_or_path).with_suffix(".json")
    if not path.is_file():
        raise UserError(f"{path}: weights need their description beside them (architecture, view, labels).")
    try:
        return ModelDescription.model_validate(read_json(path))
    except (ValidationError, ValueError) as fault:
        raise UserError(f"{path}: not a valid description of weights ({fault}).") from fault


def load_model(name_or_path: str) -> tuple[nn.Module, ModelDescription]:
    """Load weights into a float32 network in evaluation mode.

    Raises
    ------
    UserError
        If they are missing, damaged, or do not fit their description.
    """
    path = weights_path(name_or_path)
    description = describe_model(name_or_path)
    if description.sha256 and digest_file(path) != description.sha256:
        raise UserError(f"{path}: does not match the digest in its description; copy both files again.")
    network = build_network(description.architecture, len(description.structures) + 1)
    try:
        tensors = safetensors.torch.load_file(path)
        network.load_state_dict(
            {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
        )
    except Exception as fault:
        raise UserError(f"{path}: does not hold the weights of {description.architecture} ({fault}).") from fault
    return network.eval(), description
