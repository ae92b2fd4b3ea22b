"""Presets of segmentation: networks of every view by name, and how often each image goes through them.

Figures are in ``benchmarks/segmentation_accuracy_folds.md``, of ``fast`` in ``segmentation_accuracy.md``.
Averages over mirrored images, or with a network that learnt from ACDC alone, gain up to 0.004 Dice on ACDC
and lose up to 0.018 on other hospitals' scanners: none of them is a preset.
"""

from collections.abc import Mapping
from typing import Any

from cinecohort.segmentation.descriptions import DEFAULT_MODELS
from cinecohort.segmentation.options import Preset

SHORT_AXIS: dict[Preset, str] = {
    "fast": "unet16_vendors_sa",
    "default": DEFAULT_MODELS["sa"],
    "accurate": DEFAULT_MODELS["sa"],
}
"""The network of the short axis by preset; the long axes have one network each."""

SETTINGS: dict[Preset, dict[str, str]] = {"accurate": {"test_time_augmentation": "rotations"}}


def networks_of(preset: Preset) -> dict[str, str]:
    """View to the weights that a preset stands for."""
    return DEFAULT_MODELS | {"sa": SHORT_AXIS[preset]}


def settings_of(preset: Preset) -> dict[str, str]:
    """Settings of ``segmentation`` that a preset stands for, beside the networks."""
    return SETTINGS.get(preset, {})


def with_preset(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fill in what a preset stands for: networks of the views that `models` does not name, and settings.

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
    settings = settings_of(preset) | dict(segmentation)
    return {**values, "models": chosen | dict(models), "segmentation": settings}
