"""Tab-separated tables: text with an empty cell where a value is missing, the same bytes each time."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cinecohort.files import write_text


def cell(value: Any) -> str:
    """One value as text: empty for missing, full precision for numbers, lists joined by commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(cell(item) for item in value)
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(float(value))
    return " ".join(str(value).split())


def table_text(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Rows as tab-separated text with a header; keys that are not among `columns` are left out."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter="\t", lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(row.get(column)) for column in columns])
    return buffer.getvalue()


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write rows as a table, by rename."""
    write_text(path, table_text(rows, columns))


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a table; every value is text, missing ones are empty."""
    return parse_rows(path.read_text(encoding="utf-8"))


def parse_rows(text: str) -> list[dict[str, str]]:
    """Rows of a table from its text, as :func:`read_rows` gives them."""
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t"))


def columns_of(rows: Iterable[Mapping[str, Any]], first: Sequence[str]) -> list[str]:
    """`first`, then every other key in order of appearance."""
    ordered = dict.fromkeys(first)
    for row in rows:
        ordered.update(dict.fromkeys(row))
    return list(ordered)
