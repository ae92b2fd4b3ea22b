"""Tables with ukbb_cardiac's own column names."""

import pandas as pd

from cinecohort.catalogue.measures import MEASURES, Use

UKBB_COLUMNS = {measure.column: measure.ukbb_cardiac for measure in MEASURES if measure.ukbb_cardiac}
"""Our column to ukbb_cardiac's."""


def to_ukbb_columns(measures: pd.DataFrame) -> pd.DataFrame:
    """Table with ukbb_cardiac's column names: the subject in an unnamed first column, then its measures.

    Parameters
    ----------
    measures
        Table with our names and one row per subject; columns that are not there are left out.
    """
    named = measures.rename(columns={"subject": "", **UKBB_COLUMNS})
    for measure in MEASURES:
        if measure.use is Use.FOREIGN and set(measure.of) <= set(measures):
            largest, smallest = (pd.to_numeric(measures[name]) for name in measure.of)
            named[measure.ukbb_cardiac] = largest - smallest
    wanted = ["", *UKBB_COLUMNS.values()]
    return named[[column for column in wanted if column in named]]
