"""Weights and what is known about them: ``<name>.safetensors`` and ``<name>.json`` side by side."""

from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import nn

from cinecohort.errors import UserError, is_machine_fault
from cinecohort.files import digest_bytes, digest_file, write_bytes, write_json
from cinecohort.segmentation.descriptions import ModelDescription, check_digest, describe_model, weights_path
from cinecohort.segmentation.networks import build_network


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


def load_model(name_or_path: str) -> tuple[nn.Module, ModelDescription]:
    """Load weights into a float32 network in evaluation mode.

    Raises
    ------
    UserError
        If they are missing, damaged, or do not fit their description.
    """
    path = weights_path(name_or_path)
    description = describe_model(name_or_path)
    check_digest(name_or_path)
    classes, inputs = len(description.structures) + 1, 2 * description.neighbours + 1
    network = build_network(description.architecture, classes, inputs=inputs)
    try:
        tensors = safetensors.torch.load_file(path)
        network.load_state_dict(
            {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
        )
    except (safetensors.SafetensorError, RuntimeError) as fault:
        if is_machine_fault(fault):
            raise
        raise UserError(
            f"{path}: does not hold the weights of {description.architecture} ({fault})."
        ) from fault
    if not all(torch.isfinite(value).all() for value in tensors.values()):
        raise UserError(f"{path}: holds numbers that are not finite; its training diverged, train it again.")
    return network.eval(), description.model_copy(update={"sha256": description.sha256 or digest_file(path)})
