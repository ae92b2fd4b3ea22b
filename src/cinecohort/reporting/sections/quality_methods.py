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


def quality(config: Mapping[str, Any]) -> list[Block]:
    """How quality control works, and which limits are not the usual ones."""
    changed = []
    for name, (title, options) in CHECKS.items():
        usual = options().model_dump(mode="json")
        values = [
            f"{check_name(key)} {check_words(value)}"
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


def check_name(key: str) -> str:
    """Name of a check; its code, where it begins with one, in capitals: ``I3 slice shift mm``."""
    code, _, rest = key.partition("_")
    return f"{code.upper()} {rest.replace('_', ' ')}" if code[-1:].isdigit() else key.replace("_", " ")


def check_words(value: Any) -> str:
    """Limit of a check with what becomes of what lies beyond it, such as ``0.3 (review)``."""
    if not isinstance(value, Mapping):
        return setting(value)
    rest = {key: entry for key, entry in value.items() if key != "action"}
    limits = [
        setting(rest[key]) if key == "threshold" else f"{key.replace('_', ' ')} {setting(rest[key])}"
        for key in rest
    ]
    action = f" ({value['action']})" if "action" in value else ""
    return ", ".join(limits) + action


def setting(value: Any) -> str:
    """Text of a setting."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(is_defined(end) for end in value):
        return f"{setting(value[0])} to {setting(value[1])}"
    if isinstance(value, (list, tuple)):
        return ", ".join(setting(item) for item in value) or "none"
    return "not set" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
