"""How a short-axis segmentation was made, in a line: a calibration holds for one way alone."""

import re
from collections.abc import Mapping
from typing import Any

MADE_BY = "made_by"
"""Column of that line."""

FACTS = {
    "weights": "weights",
    "second": "second network",
    "engine": "engine and precision",
    "augmentation": "test-time augmentation",
    "margin_mm": "margin around the heart (mm)",
    "clean_up": "clean-up",
    "corrected": "corrected by hand",
}
"""Facts of the line, in its order, and what they are called."""

_LINE = re.compile(
    r"(?P<weights>.+) second=(?P<second>.+) (?P<engine>\S+/\S+) augmentation=(?P<augmentation>\S+) "
    r"margin_mm=(?P<margin_mm>\S+) clean_up=(?P<clean_up>\S+)(?P<corrected> corrected)?"
)


def made_by(sidecar: Mapping[str, Any]) -> str:
    """How a segmentation was made, in a line: weights, second network, engine, and what changes a result."""
    run, cleaned = sidecar.get("inference") or {}, sidecar.get("clean_up") or {}
    steps = "+".join(name for name in ("largest_component", "fill_holes") if cleaned.get(name))
    second = (sidecar.get("confidence") or {}).get("second_network") or "none"
    margin = (sidecar.get("heart_region") or {}).get("margin_mm")
    return (
        f"{sidecar.get('weights')}@{str(sidecar.get('weights_sha256'))[:8]} second={second} "
        f"{sidecar.get('engine')}/{sidecar.get('precision')} "
        f"augmentation={run.get('test_time_augmentation', 'none')} "
        f"margin_mm={'none' if margin is None else f'{margin:g}'} clean_up={steps or 'none'}"
        f"{' corrected' if 'corrected_frames' in sidecar else ''}"
    )


def facts_of(line: str) -> dict[str, str]:
    """Facts of a line of :func:`made_by`, by the names of :data:`FACTS`; none where it is no such line."""
    found = _LINE.fullmatch(line)
    return (
        {} if found is None else {name: (value or "no").strip() for name, value in found.groupdict().items()}
    )


def differences(line: str, wanted: str) -> list[str]:
    """What sets two ways apart, each in words: ``engine and precision mnn/fp32, not openvino/bf16``."""
    here, there = facts_of(line), facts_of(wanted)
    if not here or not there:
        return [] if line == wanted else [f"made by {line}, not {wanted}"]
    return [
        words if name == "corrected" and here[name] != "no" else f"{words} {here[name]}, not {there[name]}"
        for name, words in FACTS.items()
        if here[name] != there[name]
    ]
