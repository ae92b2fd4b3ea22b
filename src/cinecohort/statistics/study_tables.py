"""Reading and writing the tables of a group study."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cinecohort.errors import UserError
from cinecohort.files import write_text


def read_table(path: Path, text_columns: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV, or a TSV by its ending.

    Parameters
    ----------
    path
        The file.
    text_columns
        Columns such as ids that stay as written, leading zeros and all.

    Raises
    ------
    UserError
        There is no such file, or it holds no table.
    """
    separator = "\t" if path.suffix.lower() in (".tsv", ".tab") else ","
    try:
        table = pd.read_csv(path, sep=separator, dtype=dict.fromkeys(text_columns, str), encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UserError(f"There is no file {path}.") from error
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{path} cannot be read as a table: {error}.") from error
    if table.empty:
        raise UserError(f"{path} holds no rows.")
    return table


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a CSV in full precision, by rename; missing values are empty."""
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


def split_names(text: str) -> list[str]:
    """Split a comma list of column names."""
    return [name.strip() for name in text.split(",") if name.strip()]


def no_column(table: pd.DataFrame, *names: str) -> UserError:
    """Make the error that says which columns a table lacks and which it has."""
    has = ", ".join(str(name) for name in table.columns)
    return UserError(f"The table has no column {', '.join(map(repr, names))}: it has {has}.")
