"""What each column of the tables of a results folder is: a Frictionless data package beside the tables.

Measures are described by the catalogue, all other columns by ``columns.tsv`` beside this module. A name with
``*`` there stands for all that match it, ``{}`` for the words of what the ``*`` stands for.
"""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from cinecohort.catalogue.covariates import BY_COLUMN as COVARIATES
from cinecohort.catalogue.measures import measure_of
from cinecohort.catalogue.views import STRUCTURE_NAMES, VIEW_NAMES
from cinecohort.files import write_json
from cinecohort.ledger.columns import COHORT, Kind, kinds_of

NAME = "datapackage.json"
COHORT_TITLE = "Tables of the cohort"
USERS = "a column of the user's own tables"
ENDINGS = {
    "_low": "lower end of the interval of the subject's ",
    "_high": "upper end of the interval of the subject's ",
    "_z": "z-score of the ",
}
TYPES = {Kind.TEXT: "string", Kind.NUMBER: "number", Kind.COUNT: "integer", Kind.FLAG: "boolean"}
DELIMITERS = {".tsv": "\t", ".csv": ","}


@dataclass(frozen=True)
class Words:
    """What a column is: its Frictionless type, its unit (empty where it has none) and words."""

    type: str
    unit: str
    description: str


@cache
def _listed() -> dict[str, Words]:
    path = resources.files("cinecohort.ledger") / "columns.tsv"
    with path.open(encoding="utf-8") as stream:
        rows = csv.DictReader(stream, delimiter="\t")
        return {row["column"]: Words(row["type"], row["unit"], row["description"]) for row in rows}


def describe_column(name: str) -> Words | None:
    """Say what a column is; None for a name that no table of this software has."""
    listed = _listed()
    if name in listed:
        return listed[name]
    words = _measure(name)
    if words is not None:
        return words
    for pattern, found in listed.items():
        if "*" in pattern and fnmatchcase(name, pattern):
            before, after = pattern.split("*")
            stem = name[len(before) : len(name) - len(after) if after else None]
            inner = describe_column(stem)
            said = inner.description if inner else _place(stem)
            if not said:
                return None
            unit = found.unit or (inner.unit if inner and found.type == "number" else "")
            return Words(found.type, unit, found.description.format(said))
    return None


def _measure(name: str) -> Words | None:
    """Words of a measure, of its index, interval or z-score."""
    ending = next((each for each in ENDINGS if name.endswith(each)), "")
    measure = measure_of(name.removesuffix(ending))
    if measure is None:
        return None
    indexed = name.removesuffix(ending).endswith("_i")
    words = ENDINGS.get(ending, "") + measure.words + (" over body surface area" if indexed else "")
    words += f": {measure.formula}" if measure.formula and not ending else ""
    unit = f"{measure.unit}/m²" if indexed else measure.unit
    return Words("number", "" if ending == "_z" else unit, words)


def _place(stem: str) -> str:
    """Words of a view, a structure or both, such as ``la_2ch_la``; nothing for any other stem."""
    for view, words in VIEW_NAMES.items():
        if stem == view or stem.startswith(f"{view}_"):
            rest = stem.removeprefix(view).strip("_").upper()
            return f"{words}, {STRUCTURE_NAMES[rest]}" if rest in STRUCTURE_NAMES else "" if rest else words
    return STRUCTURE_NAMES.get(stem.upper(), "")


def field(name: str, table: str = "") -> dict[str, Any]:
    """Field of a Frictionless table schema for a column.

    Parameters
    ----------
    name
        The column.
    table
        A key of :data:`cinecohort.ledger.columns.COHORT`, whose kinds of columns are binding.
    """
    words = describe_column(name)
    kind = kinds_of([name], table).get(name) if table else None
    known = words.type if words else "any"
    result: dict[str, Any] = {"name": name, "type": TYPES[kind] if kind else known}
    if words is None and name in COVARIATES:
        result["description"] = COVARIATES[name].label or name
    else:
        result["description"] = words.description if words else USERS
    if words and words.unit:
        result["unit"] = words.unit
    return result


def describe_tables(folder: Path, names: Iterable[str], title: str) -> Path:
    """Write ``datapackage.json`` beside tables of a folder, named with their endings, and return its path.

    It names every table's columns with type, unit and meaning, by the Data Package and Table Schema standards
    of Frictionless Data, version 1. An empty cell is missing.
    """
    path = folder / NAME
    write_json(
        path,
        {
            "profile": "tabular-data-package",
            "name": _slug(title),
            "title": title,
            "resources": [each for each in map(_resource, [folder / name for name in sorted(names)]) if each],
        },
        sort_keys=False,
    )
    return path


def _slug(name: str) -> str:
    """Return a name in the letters that the standard allows."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-") or "tables"


def _resource(path: Path) -> dict[str, Any] | None:
    delimiter = DELIMITERS[path.suffix]
    with path.open(encoding="utf-8", newline="") as stream:
        header = next(csv.reader(stream, delimiter=delimiter), [])
    if not header:
        return None
    table = path.stem if path.suffix == ".tsv" and path.stem in COHORT else ""
    return {
        "profile": "tabular-data-resource",
        "name": _slug(path.stem),
        "path": path.name,
        "format": path.suffix[1:],
        "encoding": "utf-8",
        "dialect": {"delimiter": delimiter},
        "schema": {"fields": [field(name, table) for name in header], "missingValues": [""]},
    }
