"""Presets of segmentation: networks of every view by name.

There is none that is more accurate than the default (``benchmarks/segmentation_accuracy.md``): averaging it
over mirrored images, or with a network that learnt from ACDC alone, gains up to 0.004 Dice on ACDC and loses
up to 0.018 on other hospitals' scanners; its mean with ``unet16_vendors_sa`` is within 0.004 of it.
"""

from collections.abc import Mapping
from typing import Any

from cinecohort.segmentation.descriptions import DEFAULT_MODELS
from cinecohort.segmentation.options import Preset

SHORT_AXIS: dict[Preset, str] = {"fast": "unet16_vendors_sa", "default": DEFAULT_MODELS["sa"]}
"""The network of the short axis by preset; the long axes have one network each."""


def networks_of(preset: Preset) -> dict[str, str]:
    """View to the weights that a preset stands for."""
    return DEFAULT_MODELS | {"sa": SHORT_AXIS[preset]}


def with_preset(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fill in the networks that a preset stands for: of the views that `models` does not name.

    Parameters
    ----------
    values
        A configuration as it was read. What it sets itself stays; without ``segmentation.preset``, or with
        one that does not exist, it is returned as it is.
    """
    segmentation = values.get("segmentation") or {}
    models = values.get("models") or {}
    if not isinstance(segmentation, Mapping) or not isinstance(models, Mapping):
        return values
    preset = segmentation.get("preset")
    if preset not in SHORT_AXIS:
        return values
    chosen = {view: [{"name": name}] for view, name in networks_of(preset).items()}
    return {**values, "models": chosen | dict(models)}
