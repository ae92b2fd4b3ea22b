"""Bringing two tables of measures together by subject, with a count of everything that has no partner."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cinecohort.catalogue.measures import THEIR_NAMES
from cinecohort.errors import UserError
from cinecohort.ledger.tables import is_measure_name

Duplicates = Literal["first", "mean", "exclude", "error"]


@dataclass(frozen=True)
class Pairing:
    """Two tables with the same subjects in the same order.

    Parameters
    ----------
    keys
        One row per pair: the columns that identify it.
    first, second
        The measures that both tables hold, as floating-point numbers; rows as in `keys`.
    counts
        One row per table: ``table, rows, subjects, duplicate_rows, rows_without_key, unmatched, paired``.
    unpaired
        Rows that take no part: the key columns, ``table`` and ``reason``.
    not_numbers
        Measure to the number of cells that hold something else than a finite number.
    left_out
        Columns that hold numbers in one table and mostly text in the other, which are not compared.
    """

    keys: pd.DataFrame
    first: pd.DataFrame
    second: pd.DataFrame
    counts: pd.DataFrame
    unpaired: pd.DataFrame
    not_numbers: dict[str, int]
    left_out: tuple[str, ...] = ()

    @property
    def measures(self) -> list[str]:
        """Names of the measures that both tables hold."""
        return list(self.first.columns)

    def values(self, measure: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return both measurements of the pairs that have both, each of shape (n,)."""
        first, second = self.first[measure].to_numpy(), self.second[measure].to_numpy()
        complete = np.isfinite(first) & np.isfinite(second)
        return first[complete], second[complete]


def pair_tables(
    first: pd.DataFrame,
    second: pd.DataFrame,
    on: Sequence[str] = ("subject",),
    duplicates: Duplicates = "first",
    names: tuple[str, str] = ("first", "second"),
) -> Pairing:
    """Pair two tables by the key columns `on`.

    Every shared numeric column is a measure, except ids and frame numbers. Columns with ukbb_cardiac's
    names meet ours where the two tables name a measure differently. Nothing is dropped in silence: rows
    without a key, further rows of a subject and subjects of one table only are counted and listed.

    Parameters
    ----------
    first, second
        Tables with one row per subject.
    on
        Columns that identify a subject. A table that lacks a single key column but has an unnamed first
        column, as ukbb_cardiac writes it, is identified by that.
    duplicates
        What of a subject with several rows is paired: the ``first`` row, the ``mean`` of all, none
        (``exclude``), or an ``error``.
    names
        What the tables are called in counts and messages.

    Raises
    ------
    UserError
        If a key column is missing, no subject or no measure is shared, or a subject has several rows and
        `duplicates` is ``error``.
    """
    first, second = _same_names(first, second)
    tables, counts, unpaired = [], [], []
    shared = [str(name) for name in first.columns if name in second.columns and str(name) not in on]
    prepared = [_with_keys(table, on, name) for table, name in zip((first, second), names, strict=True)]
    names_of_measures = [name for name in shared if is_measure_name(name)]
    measures, not_numbers = _shared_measures(prepared, names_of_measures)
    if not measures:
        raise UserError(
            f"{names[0]} and {names[1]} share no column of numbers to compare "
            f"(columns: {_listed(first.columns)} and {_listed(second.columns)})."
        )
    for table, name in zip(prepared, names, strict=True):
        unique, listed = _one_row_per_subject(table, on, measures, duplicates, name)
        tables.append(unique)
        unpaired.append(listed)
        without_key = int((listed["reason"] == "no key").sum())
        counts.append(
            {
                "table": name,
                "rows": len(table),
                "subjects": len(table.dropna(subset=list(on)).drop_duplicates(list(on))),
                "duplicate_rows": len(listed) - without_key,
                "rows_without_key": without_key,
            }
        )
    paired = tables[0].index.intersection(tables[1].index, sort=False)
    if paired.empty:
        examples = [_listed(["/".join(key) for key in table.index[:3]]) for table in tables]
        raise UserError(
            f"No subject of {names[0]} (such as {examples[0]}) is in {names[1]} (such as {examples[1]}): "
            f"check that the column {_listed(on)} holds the same ids in both."
        )
    for position, other in ((0, 1), (1, 0)):
        alone = tables[position].index.difference(tables[other].index, sort=False)
        listed = alone.to_frame(index=False)
        unpaired.append(listed.assign(table=names[position], reason=f"not in {names[other]}"))
        counts[position] |= {"unmatched": len(alone), "paired": len(paired)}
    return Pairing(
        keys=paired.to_frame(index=False),
        first=tables[0].loc[paired].reset_index(drop=True),
        second=tables[1].loc[paired].reset_index(drop=True),
        counts=pd.DataFrame(counts),
        unpaired=pd.concat(unpaired, ignore_index=True),
        not_numbers=not_numbers,
        left_out=tuple(
            name for name in names_of_measures if name not in measures and _half_numbers(prepared, name)
        ),
    )


def _listed(names: Sequence[str] | pd.Index, limit: int = 8) -> str:
    shown = ", ".join(str(name) or "(unnamed)" for name in list(names)[:limit])
    return shown + (", …" if len(names) > limit else "")


def _same_names(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rename ukbb_cardiac's columns to ours, except those that both tables hold under the same name."""
    alike = set(first.columns) & set(second.columns)
    renaming = {theirs: ours for theirs, ours in THEIR_NAMES.items() if theirs not in alike}
    return first.rename(columns=renaming), second.rename(columns=renaming)


def _with_keys(table: pd.DataFrame, on: Sequence[str], name: str) -> pd.DataFrame:
    missing = [column for column in on if column not in table.columns]
    if missing and len(on) == 1 and "" in table.columns:
        table, missing = table.rename(columns={"": on[0]}), []
    if missing:
        raise UserError(
            f"{name} has no column {_listed(missing)} (it has {_listed(table.columns)}): "
            "name the column that identifies a subject with --on."
        )
    keys = {column: table[column].astype("string").str.strip().where(lambda key: key != "") for column in on}
    return table.assign(**keys)


def _shared_measures(tables: Sequence[pd.DataFrame], shared: list[str]) -> tuple[list[str], dict[str, int]]:
    """Turn the shared columns that hold numbers into floats, in place of the tables' own columns."""
    measures, not_numbers = [], {}
    for name in shared:
        columns = [_numbers(table[name]) for table in tables]
        if any(column is None for column in columns):
            continue
        measures.append(name)
        bad = sum(
            int((table[name].notna() & column.isna()).sum())
            for table, column in zip(tables, columns, strict=True)
            if column is not None
        )
        if bad:
            not_numbers[name] = bad
        for table, column in zip(tables, columns, strict=True):
            table[name] = column
    return measures, not_numbers


def _numbers(column: pd.Series) -> pd.Series | None:
    """Return a column as finite floats or missing; None where it is not a column of numbers."""
    if isinstance(column, pd.DataFrame) or pd.api.types.is_bool_dtype(column):
        return None
    numbers = pd.to_numeric(column, errors="coerce").astype(np.float64)
    filled = int(column.notna().sum())
    if filled and int(numbers.notna().sum()) * 2 <= filled:
        return None
    return numbers.where(np.isfinite(numbers))


def _half_numbers(tables: Sequence[pd.DataFrame], name: str) -> bool:
    """Whether a column holds numbers in any table, though not in all."""
    return any(_numbers(table[name]) is not None and table[name].notna().any() for table in tables)


def _one_row_per_subject(
    table: pd.DataFrame, on: Sequence[str], measures: list[str], duplicates: Duplicates, name: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Index a table by its keys, one row each; list the rows that were left aside."""
    keys = list(on)
    without_key = table[keys].isna().any(axis=1)
    keyed = table.loc[~without_key]
    further = keyed.duplicated(keys, keep=False if duplicates == "exclude" else "first")
    listed = pd.concat(
        [
            table.loc[without_key, keys].assign(table=name, reason="no key"),
            keyed.loc[further, keys].assign(table=name, reason=_REASONS[duplicates]),
        ]
    )
    if duplicates == "error" and further.any():
        raise UserError(
            f"{name} has {int(further.sum())} further rows of subjects it already has (such as "
            f"{_listed(keyed.loc[further, keys[0]])}): keep one row per subject, or choose what is paired."
        )
    if duplicates == "mean":
        unique = keyed.groupby(keys, sort=False)[measures].mean()
    else:
        unique = keyed.loc[~further].set_index(keys)[measures]
    unique.index = pd.MultiIndex.from_frame(unique.index.to_frame(index=False).astype(str))
    return unique, listed


_REASONS: dict[Duplicates, str] = {
    "first": "further row of the subject, not used",
    "mean": "further row of the subject, averaged",
    "exclude": "one of several rows of the subject, none used",
    "error": "further row of the subject",
}
