"""Reading and writing the tables of the results: one reader and one writer, so that missing means the same.

Only an empty cell is missing. Text comes back as it was written: ``007``, ``NA`` and ``None`` stay so.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cinecohort.errors import UserError
from cinecohort.files import write_text
from cinecohort.ledger.columns import Kind, kinds_of
from cinecohort.ledger.rows import cell
from cinecohort.ledger.users_tables import refusals


def read_frame(
    path: Path, table: str = "", columns: Sequence[str] = (), may_be_absent: bool = False
) -> pd.DataFrame:
    """Read a table of the results.

    Parameters
    ----------
    path
        TSV, or CSV by its name.
    table
        A key of :data:`cinecohort.ledger.columns.COHORT`, for columns that only such a table has.
    columns
        What is there in any case, empty where the file lacks it.
    may_be_absent
        Whether a file that is not there is an empty table.

    Returns
    -------
    pandas.DataFrame
        Text columns as text, others as numbers or truth values; missing is NaN in all of them.

    Raises
    ------
    UserError
        If the file is not there, or a column of numbers holds something else.
    """
    if path.is_file():
        frame = _parsed(path, table)
    elif may_be_absent:
        frame = pd.DataFrame()
    else:
        raise UserError(f"{path}: is not there; run the workflow first.")
    lacking = kinds_of((name for name in columns if name not in frame), table)
    for name, kind in lacking.items():
        frame[name] = pd.Series(index=frame.index, dtype=str if kind is Kind.TEXT else float)
    return frame


def _parsed(path: Path, table: str) -> pd.DataFrame:
    separator = "," if path.suffix == ".csv" else "\t"
    with refusals(path), path.open(encoding="utf-8", newline="") as stream:
        header = next(csv.reader(stream, delimiter=separator), [])
    if not header:
        return pd.DataFrame()
    kinds = kinds_of(header, table)
    # What is no text is left to pandas, which keeps whole numbers apart from others.
    text: dict[Any, Any] = {name: str for name, kind in kinds.items() if kind is Kind.TEXT}
    with refusals(path):
        frame = pd.read_csv(
            path, sep=separator, dtype=text, keep_default_na=False, na_values=[""], low_memory=False
        )
    for name, kind in kinds.items():
        if kind in (Kind.NUMBER, Kind.COUNT) and not pd.api.types.is_numeric_dtype(frame[name]):
            numbers = pd.to_numeric(frame[name], errors="coerce").astype(float)
            wrong = frame[name][numbers.isna()].dropna()
            if len(wrong):
                raise UserError(
                    f"{path}: column {name} holds {str(wrong.iloc[0])!r}, which is no number; leave the cell "
                    "empty where a value is missing."
                )
            frame[name] = numbers
    return frame


def without_missing_text(frame: pd.DataFrame, table: str = "") -> pd.DataFrame:
    """`frame` with empty text where text is missing, as it is printed and counted."""
    texts = [name for name, kind in kinds_of(frame.columns, table).items() if kind is Kind.TEXT]
    return frame.assign(**{name: frame[name].fillna("").astype(str) for name in texts})


def read_shards(paths: Sequence[Path], table: str = "") -> pd.DataFrame:
    """Concatenate the tables of shards.

    Parameters
    ----------
    paths
        Of the shards.
    table
        A key of :data:`cinecohort.ledger.columns.COHORT` to read its numbers as numbers; without one all
        values are text.

    Returns
    -------
    pandas.DataFrame
        Missing text is empty, missing numbers are missing.
    """
    texts: dict[str, list[str]] = {}
    for path in paths:
        header, _, rows = path.read_text(encoding="utf-8").partition("\n")
        texts.setdefault(header, []).append(rows)
    frames = []
    # Shards of the same columns are parsed at once: hundreds of small tables cost more than one large.
    for header, parts in texts.items():
        kinds = kinds_of(header.split("\t"), table) if table else {}
        types = {name: _TYPES.get(kinds.get(name), str) for name in header.split("\t")}
        frames.append(
            pd.read_csv(
                io.StringIO("".join([header, "\n", *parts])),
                sep="\t",
                dtype=types,
                keep_default_na=False,
                na_values={name: [""] for name, kind in types.items() if kind is not str},
            )
        )
    if not frames:
        return pd.DataFrame()
    frame = pd.concat(frames, ignore_index=True)
    for name in frame.columns[frame.dtypes == "str"]:
        frame[name] = frame[name].fillna("")
    return frame


_TYPES: dict[Kind | None, Any] = {Kind.NUMBER: float, Kind.COUNT: "Int64"}


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write a table of the cohort as TSV, by rename; missing is empty, and numbers keep full precision."""
    text = frame.copy(deep=False)
    # Pandas writes texts and numbers as `cell` does, and faster; not so truth values and mixed columns.
    for name in frame.columns[[kind.kind in "Ob" and kind != "str" for kind in frame.dtypes]]:
        text[name] = frame[name].astype(object).where(frame[name].notna(), None).map(cell)
    write_text(path, text.to_csv(sep="\t", index=False, lineterminator="\n"))
