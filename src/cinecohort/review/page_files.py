"""Pages of the review room: one HTML file each, with its style, its values and its script inside."""

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from cinecohort.files import write_text


def fill_page(path: Path, name: str, values: Mapping[str, Any]) -> None:
    """Write ``{name}.html`` of the package with its style, its values and its scripts.

    Parameters
    ----------
    path
        Where the page goes.
    name
        Of the page in the package.
    values
        What its script finds as ``ROOM``.
    """
    page = files("cinecohort.review") / "page"
    text = (page / f"{name}.html").read_text(encoding="utf-8")
    # "</" would end the script that the values stand in.
    parts = {
        "PLOT": (page / "plot.js").read_text(encoding="utf-8"),
        "STYLE": (page / "room.css").read_text(encoding="utf-8"),
        "ROOM": json.dumps(values, sort_keys=True, separators=(",", ":")).replace("</", "<\\/"),
        "SCRIPT": (page / f"{name}.js").read_text(encoding="utf-8"),
    }
    for place, part in parts.items():
        text = text.replace(f"/*{place}*/", part)
    write_text(path, text)
