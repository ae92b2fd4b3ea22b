"""How data that were made up say so, and how the rest of the package sees it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

BANNER = "SYNTHETIC DATA"

SOFTWARE = "cinecohort phantom"
"""What phantoms' headers give as the scanner's software; the sidecar of a converted image keeps it."""

COLUMN = "synthetic"
"""Column of a participants' table, and key of a sidecar, that marks made-up data."""


def is_synthetic(sidecar: Mapping[str, Any]) -> bool:
    """Whether an image's sidecar says that it shows a phantom."""
    software = sidecar.get("software")
    names = software if isinstance(software, list) else [software]
    return bool(sidecar.get(COLUMN, False)) or SOFTWARE in names


def any_synthetic(participants: pd.DataFrame) -> bool:
    """Whether a participants' table marks any row as made up."""
    if COLUMN not in participants:
        return False
    said = participants[COLUMN].astype("string").str.strip().str.lower()
    return bool(said.isin(["true", "1", "1.0", "yes", BANNER.lower()]).any())
