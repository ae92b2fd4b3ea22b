"""A configuration of experiments on tiny made-up patients."""

from pathlib import Path
from typing import Any

TRAINING = {
    "architecture": "unet16", "crop": 32, "iterations": 3, "batch_size": 2, "validate_every": 1, "warm_up": 1
}  # fmt: skip


def values_for(folder: Path, **changes: Any) -> dict[str, Any]:
    """Configuration of experiments on ``folder/raw`` and ``folder/other``."""
    return {
        "results": folder / "experiments",
        "budget": None,
        "validation": 1,
        "device": "cpu",
        "datasets": {
            "home": {"source": "acdc", "path": folder / "raw", "held_out": ["patient001"]},
            "away": {"title": "Away", "source": "acdc", "path": folder / "other"},
        },
        "rows": {
            "base": {"title": "Base", "trained_on": ["home"], "settings": TRAINING},
            "tuned": {
                "trained_on": ["away"], "start_from": "base", "folds": 2, "settings": {"iterations": 2}
            },
        },
        "tables": {"both": {"rows": ["base", "tuned"], "datasets": ["home", "away"]}},
        "panels": {"both": {"rows": ["base", "tuned"], "dataset": "away", "subjects": 2}},
        **changes,
    }  # fmt: skip
