"""What the cards of shipped weights say, and how accurate these were on hearts held out of their training."""

import re
from typing import Any

from cinecohort.files import read_json
from cinecohort.segmentation.descriptions import SHIPPED, ModelDescription, describe_model, shipped_models

ACCURACY = SHIPPED / "accuracy.json"
"""Accuracy by network and data set, from ``benchmarks/segmentation_accuracy.md``; see
``config/write_pages.py``."""
PARAGRAPH = re.compile(r"\*\*(?P<heading>[^*]+)\*\*:?\s*(?P<text>.*)", re.DOTALL)
CODE = re.compile(r"\s\(`[^`]*`\)|;\s`[^`]*`(?=\))")
"""Names of files and commands in brackets."""


def is_shipped(model: ModelDescription) -> bool:
    """Say whether these are weights that come with the package: of the same name and the same digest."""
    return model.name in shipped_models() and describe_model(model.name).sha256 == model.sha256


def card_of(name: str) -> dict[str, str]:
    """Paragraphs of the card of shipped weights by their headings, such as ``Data`` and ``Licence``.

    Returns
    -------
    dict
        Heading to its text in one line, without marks of emphasis, and files and commands in brackets.
    """
    found = {}
    for paragraph in re.split(r"\n\s*\n", (SHIPPED / f"{name}.md").read_text()):
        match = PARAGRAPH.fullmatch(paragraph.strip())
        if match:
            text = CODE.sub("", " ".join(match["text"].split()))
            found[match["heading"].strip()] = re.sub(r"[`*]", "", text)
    return found


def measured_accuracy(name: str) -> dict[str, dict[str, Any]]:
    """Accuracy of shipped weights by data set; empty where it was not measured on labelled real hearts.

    Returns
    -------
    dict
        By data set: ``n`` hearts, ``dice`` by structure and, where volumes are known, ``differences`` from
        the expert by the label of the measure; mean (SD) as text, in the unit of the measure.
    """
    accuracy: dict[str, dict[str, dict[str, Any]]] = read_json(ACCURACY)
    return accuracy.get(name, {})
