"""Methods of quality control: how it works, and which limits are not the usual ones."""

from collections.abc import Mapping
from typing import Any

from cinecohort.quality.options import (
    ImageQualityOptions,
    MeasureQualityOptions,
    SegmentationQualityOptions,
)
from cinecohort.reporting.document import Block, Paragraph
from cinecohort.reporting.numbers import is_defined

CHECKS = {
    "image_quality": ("image checks", ImageQualityOptions),
    "segmentation_quality": ("segmentation checks", SegmentationQualityOptions),
    "measure_quality": ("plausibility of measures", MeasureQualityOptions),
}
"""Parts of the configuration with checks, what they are called, and their defaults."""


UNITS = {"ml": " mL", "mm": " mm", "mm2": " mm²", "g": " g", "deg": "°", "pct": " %"}
"""Endings of settings to the units of their values."""


def quality(config: Mapping[str, Any]) -> list[Block]:
    """How quality control works, and which limits are not the usual ones."""
    changed = []
    for name, (title, options) in CHECKS.items():
        usual = options().model_dump(mode="json")
        values = [
            f"{check_name(key)} {check_words(value, unit_of(key))}"
            for key, value in (config.get(name) or {}).items()
            if value != usual.get(key)
        ]
        if values:
            changed.append(f"{title}: {'; '.join(values)}")
    text = (
        "Images and segmentations were checked by rules before anything was measured. A check flags a "
        "subject for review (kept), or excludes it or a view with a code and a sentence; every number "
        "and the limit it was held against are in the table of findings. Implausible measures flag a "
        "subject and do not exclude it by default, since excluding on the outcome biases a study. "
    )
    limits = "The limits are those that the software's reference of settings lists"
    limits += f", but for {'; '.join(changed)}." if changed else ", unchanged; run.json holds each."
    return [Paragraph(text + limits)]


def unit_of(key: str) -> str:
    """Unit of a setting's value by the ending of its name; empty without one."""
    return UNITS.get(key.rpartition("_")[2], "")


def check_name(key: str) -> str:
    """Name of a check without its unit, with codes and volumes in capitals: ``I3 slice shift``."""
    words = (key.rpartition("_")[0] if unit_of(key) else key).split("_")
    return " ".join(word.upper() if word[-1].isdigit() or word in ("ef", "edv") else word for word in words)


def check_words(value: Any, unit: str = "") -> str:
    """Limit of a check with what becomes of what lies beyond it, such as ``0.3 mm (review)``."""
    if not isinstance(value, Mapping):
        return f"{setting(value)}{unit if is_limit(value) else ''}"
    rest = {key: entry for key, entry in value.items() if key != "action"}
    limits = [
        check_words(entry, unit)
        if key == "threshold"
        else f"{check_name(key)} {check_words(entry, unit_of(key))}"
        for key, entry in rest.items()
    ]
    action = f" ({value['action']})" if "action" in value else ""
    return ", ".join(limits) + action


def is_limit(value: Any) -> bool:
    """Say whether a value is a number, or a range of numbers, so that it can have a unit."""
    ends = value if isinstance(value, (list, tuple)) else [value]
    return bool(ends) and not isinstance(value, bool) and all(is_defined(end) for end in ends)


def setting(value: Any) -> str:
    """Text of a setting."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(is_defined(end) for end in value):
        return f"{setting(value[0])} to {setting(value[1])}"
    if isinstance(value, (list, tuple)):
        return ", ".join(setting(item) for item in value) or "none"
    return "not set" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
