"""Tab-separated tables: text with an empty cell where a value is missing, the same bytes each time."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cinecohort.errors import UserError
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


def downloaded_rows(
    path: Path, columns: Sequence[str], what: str, page: str
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells of every row of a table that people download from one of our pages.

    Parameters
    ----------
    path
        The table.
    columns
        Columns that it must have; others are left out. Cells are without outer blanks.
    what
        What its rows are, for the sentences.
    page
        Where it was downloaded.

    Raises
    ------
    UserError
        If it cannot be read, is no table of text, or lacks a column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t")
        lacking = [name for name in columns if name not in (reader.fieldnames or ())]
        rows = list(reader)
    except OSError as fault:
        raise UserError(f"{path}: the file of {what} cannot be read ({fault.strerror}).") from fault
    except UnicodeDecodeError as fault:
        raise UserError(f"{path}: is not text in UTF-8; download it from the {page} again.") from fault
    except csv.Error as fault:
        raise UserError(f"{path}: is no table ({fault}); download it from the {page} again.") from fault
    if lacking:
        raise UserError(f"{path}: has no column {', '.join(lacking)}; {what} have {', '.join(columns)}.")
    for number, row in enumerate(rows, start=2):
        yield number, {name: (row[name] or "").strip() for name in columns}


def columns_of(rows: Iterable[Mapping[str, Any]], first: Sequence[str]) -> list[str]:
    """`first`, then every other key in order of appearance."""
    ordered = dict.fromkeys(first)
    for row in rows:
        ordered.update(dict.fromkeys(row))
    return list(ordered)
