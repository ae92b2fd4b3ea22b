"""Measures that stay out of analyses.

Those by networks never tested on labelled real hearts, unless they are asked for; and, where networks are
compared with observers, those of label maps that a person corrected.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from cinecohort.catalogue.views import VIEW_NAMES

Unvalidated = Literal["exclude", "include"]
"""What becomes of them in agreement and studies."""

LEFT_OUT_COLUMNS = ("source", "what", "views", "n", "reason")

NOT_VALIDATED = "the network of the {} view was not validated on labelled real hearts"


def views_of_measure(name: str) -> tuple[str, ...]:
    """Views whose label maps a measure is taken from; none for what is not taken from label maps.

    The left atrium takes both long-axis views where both are there (biplane area-length), the right atrium
    the 4-chamber view. The short axis only gives the atria their direction.
    """
    if name.startswith(("lv", "rv", "wt_", "es_phase")):
        return ("sa",)
    if name.startswith("la_2ch_"):
        return ("la_2ch",)
    if name.startswith(("ra_", "raef", "rasv", "la_4ch_")):
        return ("la_4ch",)
    return ("la_2ch", "la_4ch") if name.startswith(("la_", "laef", "lasv")) else ()


def unvalidated_views(measures: pd.DataFrame) -> pd.Series:
    """Views of each row whose network was not validated, as a comma list; empty where there is none."""
    if "unvalidated" not in measures:
        return pd.Series("", index=measures.index, dtype=str)
    return measures["unvalidated"].fillna("").astype(str)


def without_corrected(
    measures: pd.DataFrame, overlap: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Leave out what rests on corrected label maps: a person's agreement is not the network's.

    Returns
    -------
    tuple of pandas.DataFrame
        The measures, the overlap, and what was left out, as in :func:`without_unvalidated`.
    """
    reason = "a person corrected the label map of the {} view"
    parts = []
    if "corrected" in measures:
        measures, rows = _without(measures, measures["corrected"].fillna("").astype(str), reason)
        parts.append(rows)
    if "corrected" in overlap:
        overlap, rows = _overlap_without(overlap, overlap["corrected"], reason)
        parts.append(rows)
    return measures, overlap, pd.concat(parts) if parts else pd.DataFrame(columns=list(LEFT_OUT_COLUMNS))


def without_unvalidated(measures: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Empty the measures that rest on a network that was not validated.

    Parameters
    ----------
    measures
        Rows of subjects and sources, with a comma list of views in the column ``unvalidated``.

    Returns
    -------
    tuple of pandas.DataFrame
        The measures, and what was left out: ``source, what`` (the measure), ``views, n`` (subjects) and
        ``reason``, one row per source and measure.
    """
    return _without(measures, unvalidated_views(measures), NOT_VALIDATED)


def _without(
    measures: pd.DataFrame, views_of_row: pd.Series, reason: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Empty the measures that rest on the views (a comma list) that are given for each row."""
    listed = views_of_row.str.split(",")
    result = measures.copy()
    rows = []
    for name in measures.columns:
        views = set(views_of_measure(str(name)))
        if not views or not pd.api.types.is_numeric_dtype(measures[name]):
            continue
        rests = listed.map(lambda found, views=views: bool(views & set(found)))
        gone = measures[rests & measures[name].notna()]
        result.loc[gone.index, name] = np.nan
        for source, part in gone.groupby("source", sort=False):
            found = {view for each in listed[part.index] for view in each if view in views}
            rows.append(
                left_out_row(str(source), str(name), sorted(found), part["subject"].nunique(), reason)
            )
    return result, pd.DataFrame(rows, columns=list(LEFT_OUT_COLUMNS))


def validated_overlap(overlap: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of overlap without those of networks that were not validated, and what was left out, by view."""
    return _overlap_without(overlap, unvalidated_views(overlap), NOT_VALIDATED)


def _overlap_without(
    overlap: pd.DataFrame, marks: pd.Series, reason: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    marked = marks.astype(str).str.lower() == "true"
    rows = [
        left_out_row(str(source), f"overlap {view}", [str(view)], part["subject"].nunique(), reason)
        for (source, view), part in overlap[marked].groupby(["source", "view"], sort=False)
    ]
    kept = overlap[~marked].reset_index(drop=True)
    return kept, pd.DataFrame(rows, columns=list(LEFT_OUT_COLUMNS))


def left_out_row(source: str, what: str, views: Sequence[str], n: int, reason: str) -> dict[str, object]:
    """Row of the table of what was left out."""
    said = reason.format(" and ".join(VIEW_NAMES.get(view, view) for view in views))
    return {"source": source, "what": what, "views": ",".join(views), "n": n, "reason": said}
