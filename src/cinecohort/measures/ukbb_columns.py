"""The column names of ukbb_cardiac's own tables, read and written."""

import pandas as pd

UKBB_COLUMNS = {
    "lvedv_ml": "LVEDV (mL)",
    "lvesv_ml": "LVESV (mL)",
    "lvsv_ml": "LVSV (mL)",
    "lvef_pct": "LVEF (%)",
    "lvco_l_min": "LVCO (L/min)",
    "lvm_g": "LVM (g)",
    "rvedv_ml": "RVEDV (mL)",
    "rvesv_ml": "RVESV (mL)",
    "rvsv_ml": "RVSV (mL)",
    "rvef_pct": "RVEF (%)",
    "rvco_l_min": "RVCO (L/min)",
    "la_max_ml": "LAV max (mL)",
    "la_min_ml": "LAV min (mL)",
    "laef_pct": "LAEF (%)",
    "ra_max_ml": "RAV max (mL)",
    "ra_min_ml": "RAV min (mL)",
    "raef_pct": "RAEF (%)",
    **{f"wt_aha_{segment:02d}_mm": f"WT_AHA_{segment} (mm)" for segment in range(1, 17)},
    "wt_global_mm": "WT_Global (mm)",
}
"""Our column to ukbb_cardiac's."""

STROKE = {"LASV (mL)": ("la_max_ml", "la_min_ml"), "RASV (mL)": ("ra_max_ml", "ra_min_ml")}
"""Columns of ukbb_cardiac that ours do not have, as a difference of two that they do."""


def to_ukbb_columns(measures: pd.DataFrame) -> pd.DataFrame:
    """Table with ukbb_cardiac's column names: the subject in an unnamed first column, then its measures.

    Parameters
    ----------
    measures
        Table with our names and a row a subject; columns that are not there are left out.
    """
    named = measures.rename(columns={"subject": "", **UKBB_COLUMNS})
    for name, (largest, smallest) in STROKE.items():
        if largest in measures and smallest in measures:
            named[name] = pd.to_numeric(measures[largest]) - pd.to_numeric(measures[smallest])
    wanted = ["", *UKBB_COLUMNS.values(), *STROKE]
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
