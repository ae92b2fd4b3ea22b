"""Reading and writing the tables that the statistics work on, and naming their columns."""

import csv
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cinecohort.errors import UserError
from cinecohort.files import replacing
from cinecohort.statistics.measure_names import is_key_name
from cinecohort.synthetic import BANNER, COLUMN


def read_table(path: Path, keys: Sequence[str] = (), may_be_empty: bool = True) -> pd.DataFrame:
    """Read a CSV or TSV file; separators are comma, semicolon or tab, whichever the header uses most.

    Columns that look like identifiers, and those in `keys`, are read as text: ``007`` stays what it is.
    An unnamed first column keeps the name ``""``.

    Raises
    ------
    UserError
        If the file cannot be read, is not UTF-8 text or has no header, if the header names a column twice or
        fewer columns than the rows have, or if it has no rows but must.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            first_line = stream.readline()
        separator = max("\t,;", key=first_line.count)
        header = next(csv.reader([first_line], delimiter=separator), [])
        if not header:
            raise UserError(f"{path}: is empty; a table with a header line is needed.")
        repeated = sorted({name for name in header if name and header.count(name) > 1})
        if repeated:
            raise UserError(f"{path}: has several columns {', '.join(repeated)}; keep one or rename them.")
        text = {index: str for index, name in enumerate(header) if name in keys or is_key_name(name)}
        table = pd.read_csv(path, sep=separator, dtype=text, encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    except (UnicodeDecodeError, pd.errors.ParserError) as error:
        raise UserError(f"{path}: is not a table of text ({error}); save it as CSV in UTF-8.") from error
    if len(table) and not isinstance(table.index, pd.RangeIndex):
        raise UserError(
            f"{path}: its rows have more values than its header has names, so that no column can be told; "
            "name every column, or remove separators at the ends of the lines."
        )
    if table.empty and not may_be_empty:
        raise UserError(f"{path}: holds no rows.")
    return table.rename(columns={name: "" for name in table.columns[:1] if str(name).startswith("Unnamed: ")})


def write_table(path: Path, table: pd.DataFrame, synthetic: bool = False) -> None:
    """Write a table as CSV (or TSV, by the name) in full precision, by rename; missing values are empty.

    What was made from phantoms is `synthetic` and says so in a column.
    """
    if synthetic:
        table = table.assign(**{COLUMN: BANNER})
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, sep="\t" if path.suffix == ".tsv" else ",", lineterminator="\n")


def split_names(text: str) -> list[str]:
    """Split a comma list of column names."""
    return [name.strip() for name in text.split(",") if name.strip()]


def no_column(table: pd.DataFrame, *names: str) -> UserError:
    """Make the error that says which columns a table lacks and which it has."""
    has = ", ".join(str(name) for name in table.columns)
    return UserError(f"The table has no column {', '.join(map(repr, names))}: it has {has}.")
