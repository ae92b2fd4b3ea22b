"""The column names of ukbb_cardiac's own tables, read and written."""

import pandas as pd

from cinecohort.catalogue.measures import MEASURES, Use

UKBB_COLUMNS = {measure.column: measure.ukbb_cardiac for measure in MEASURES if measure.ukbb_cardiac}
"""Our column to ukbb_cardiac's."""


def to_ukbb_columns(measures: pd.DataFrame) -> pd.DataFrame:
    """Table with ukbb_cardiac's column names: the subject in an unnamed first column, then its measures.

    Parameters
    ----------
    measures
        Table with our names and a row a subject; columns that are not there are left out.
    """
    named = measures.rename(columns={"subject": "", **UKBB_COLUMNS})
    for measure in MEASURES:
        if measure.use is Use.FOREIGN and set(measure.of) <= set(measures):
            largest, smallest = (pd.to_numeric(measures[name]) for name in measure.of)
            named[measure.ukbb_cardiac] = largest - smallest
    wanted = ["", *UKBB_COLUMNS.values()]
    return named[[column for column in wanted if column in named]]


def from_ukbb_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Table with our column names from one that ukbb_cardiac wrote.

    The unnamed first column (or ``eid``) becomes ``subject``, as text. Columns of other names stay.
    """
    first = str(table.columns[0])
    names = {ukbb: ours for ours, ukbb in UKBB_COLUMNS.items()}
    if first in ("", "Unnamed: 0", "eid"):
        names[table.columns[0]] = "subject"
    renamed = table.rename(columns=names)
    if "subject" in renamed:
        renamed["subject"] = renamed["subject"].astype(str)
    return renamed


def is_ukbb_table(columns: pd.Index) -> bool:
    """Whether any column has one of ukbb_cardiac's names."""
    return bool(set(columns) & set(UKBB_COLUMNS.values()))
