"""Which published tables can be printed below one's own; read without pandas, as the Snakefile does."""

import csv
from importlib import resources


def tables_with_dice(view: str) -> list[str]:
    """Names of the published tables that have Dice of a view, such as ``chen2020_table3``."""
    folder = resources.files("cinecohort.statistics") / "published"
    found = []
    for entry in folder.iterdir():
        if entry.name.endswith(".csv"):
            with entry.open(encoding="utf-8") as stream:
                if any(
                    row.get("metric") == "dice" and row.get("view") == view for row in csv.DictReader(stream)
                ):
                    found.append(entry.name.removesuffix(".csv"))
    return sorted(found)
