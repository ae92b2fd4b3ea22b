"""Presets of segmentation: networks and their averaging by name, from fast to accurate.

The accurate one averages the default network over mirrored images. An ensemble of it with ``unet16_sa``,
which learnt from one vendor alone, is worse on others (``benchmarks/segmentation_accuracy.md``).
"""

from collections.abc import Mapping
from typing import Any

from cinecohort.segmentation.descriptions import DEFAULT_MODELS
from cinecohort.segmentation.options import Preset, TestTimeAugmentation

SHORT_AXIS: dict[Preset, dict[str, Any]] = {
    "fast": {"name": "unet16_sa"},
    "default": {"name": DEFAULT_MODELS["sa"]},
    "accurate": {"name": DEFAULT_MODELS["sa"]},
}
"""The network of the short axis by preset; the long axes have one network each."""

AVERAGING: dict[Preset, TestTimeAugmentation] = {"fast": "none", "default": "none", "accurate": "flips"}
"""Test-time averaging by preset."""


def with_preset(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fill in what a preset stands for: the views that `models` does not name, and the averaging.

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
    chosen = {view: {"name": name} for view, name in DEFAULT_MODELS.items()} | {"sa": SHORT_AXIS[preset]}
    return {
        **values,
        "models": {view: [model] for view, model in chosen.items()} | dict(models),
        "segmentation": {"test_time_augmentation": AVERAGING[preset], **segmentation},
    }
