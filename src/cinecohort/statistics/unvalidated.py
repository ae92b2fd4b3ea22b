"""Measures by networks never tested on labelled real hearts: they stay out of analyses unless asked for."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

Unvalidated = Literal["exclude", "include"]
"""What becomes of them in agreement and studies."""

LEFT_OUT_COLUMNS = ("source", "what", "views", "n", "reason")


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
    listed = unvalidated_views(measures).str.split(",")
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
            rows.append(left_out_row(str(source), str(name), sorted(found), part["subject"].nunique()))
    return result, pd.DataFrame(rows, columns=list(LEFT_OUT_COLUMNS))


def validated_overlap(overlap: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of overlap without those of networks that were not validated, and what was left out, by view."""
    marked = unvalidated_views(overlap).str.lower() == "true"
    rows = [
        left_out_row(str(source), f"overlap {view}", [str(view)], part["subject"].nunique())
        for (source, view), part in overlap[marked].groupby(["source", "view"], sort=False)
    ]
    kept = overlap[~marked].reset_index(drop=True)
    return kept, pd.DataFrame(rows, columns=list(LEFT_OUT_COLUMNS))


def left_out_row(source: str, what: str, views: Sequence[str], n: int) -> dict[str, object]:
    """Row of the table of what was left out."""
    reason = f"the network of {' and '.join(views)} was not validated on labelled real hearts"
    return {"source": source, "what": what, "views": ",".join(views), "n": n, "reason": reason}
