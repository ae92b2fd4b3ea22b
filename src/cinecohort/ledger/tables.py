"""Reading and writing the tables that the statistics work on, and naming their columns."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from cinecohort.errors import UserError
from cinecohort.files import replacing
from cinecohort.ledger.plausibility import doubts
from cinecohort.ledger.users_tables import check_rows, clean_column, refusals, text_format
from cinecohort.synthetic import BANNER, COLUMN

_KEYS = re.compile(
    r"(.*[_ .])?(id|pid|eid)|(subject|patient|participant)_?(id)?|visit|instance|name|key", re.IGNORECASE
)
_FRAMES = re.compile(r"(.*_)?frames?|unnamed: \d+", re.IGNORECASE)
MISSING_CELLS = (
    *(
        "",
        "#N/A",
        "#N/A N/A",
        "#NA",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "n/a",
        "nan",
        "null",
        "-nan",
        "-NaN",
    ),
    *("1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN"),
)
"""What pandas takes for a missing cell, but for ``None``, which may be a level or a label of a group."""


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
    form = text_format(path)
    text = {index: str for index, name in enumerate(form.header) if name in keys or is_key_name(name)}
    with refusals(path):
        table = pd.read_csv(
            path,
            sep=form.separator,
            dtype=text,
            encoding=form.encoding,
            skiprows=form.skipped,
            keep_default_na=False,
            na_values=MISSING_CELLS,
        )
    table.columns = [str(name).strip() for name in table.columns]
    check_rows(table, path)
    if table.empty and not may_be_empty:
        raise UserError(f"{path}: holds no rows.")
    return table.rename(columns={name: "" for name in table.columns[:1] if str(name).startswith("Unnamed: ")})


def read_users_table(
    path: Path,
    keys: Sequence[str] = (),
    may_be_empty: bool = True,
    has_limits: Callable[[str], bool] = lambda name: False,
) -> tuple[pd.DataFrame, list[str]]:
    """Read a table that a user brings, with decimal commas and words and numbers for missing values.

    See :func:`read_table` for what it takes and raises. All commands and the workflow read such tables by it.
    `has_limits` says of a column that its values are held against limits later, so that a -999 is found
    there.

    Returns
    -------
    tuple
        The table, and sentences on what was taken as missing, looks like a code, or cannot be true.
    """
    table = read_table(path, keys, may_be_empty)
    notes: list[str] = []
    for name in table.columns:
        if name not in keys and not is_key_name(str(name)):
            limited = has_limits(str(name))
            table[name], remarks = clean_column(table[name], str(name), path, not limited)
            doubt = None if limited else doubts(table[name], str(name))
            notes += remarks + ([f"{path}: column {name}: {doubt}"] if doubt else [])
    return table, notes


def write_table(path: Path, table: pd.DataFrame, synthetic: bool = False) -> None:
    """Write a table as CSV (or TSV, by the name) in full precision, by rename; missing values are empty.

    What was made from phantoms is `synthetic` and says so in a column.
    """
    if synthetic:
        table = table.assign(**{COLUMN: BANNER})
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, sep="\t" if path.suffix == ".tsv" else ",", lineterminator="\n")


def is_key_name(name: str) -> bool:
    """Say whether a column identifies something (a subject, a visit) rather than measuring it."""
    return name == "" or _KEYS.fullmatch(name) is not None


def is_measure_name(name: str) -> bool:
    """Say whether a shared numeric column is compared: all are but ids and frame numbers."""
    return not (is_key_name(name) or _FRAMES.fullmatch(name))


def split_names(text: str) -> list[str]:
    """Split a comma list of column names, each once."""
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def no_column(table: pd.DataFrame, *names: str) -> UserError:
    """Make the error that says which columns a table lacks and which it has."""
    has = ", ".join(str(name) for name in table.columns)
    return UserError(f"The table has no column {', '.join(map(repr, names))}: it has {has}.")
