"""Summaries of overlap and contour distances, by structure and whatever else distinguishes subjects."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from cinecohort.statistics.study_options import CVD_ICD10

METRICS = ("dice", "mcd_mm", "hd_mm")

STRATA: dict[str, str] = {
    "frame": "role",
    "position": "position",
    "disease": "cardiovascular_disease",
    "vendor": "vendor",
    "field_strength": "field_t",
    "scanner": "scanner",
    "site": "site",
    "pathology": "group",
    "dataset": "dataset",
}
"""Name of a table to the column by which it groups: Bai 2018 Tables 2, 3, 6, 7; Chen 2020 III, VI-VIII."""

_COMPARISON = ["source", "reference", "view"]


def cardiovascular_disease(participants: pd.DataFrame) -> pd.Series:
    """Say who has a cardiovascular disease: ``yes``, ``no`` or missing.

    ICD-10 I21, I22, I23, I25, I42, I50 or a self-reported heart attack (Bai 2018, Results). A subject with
    neither column filled (blank is not filled) is missing: nothing is known. Codes may carry dates
    (``I21.4:2011-03-02``).
    """
    nothing = pd.Series(pd.NA, index=participants.index, dtype="string")
    codes = _filled(participants.get("icd10", nothing))
    listed = codes.str.upper().str.replace(r"[\s.]", "", regex=True).str.split(";")
    diagnosed = pd.Series(
        [
            any(code.startswith(CVD_ICD10) for code in row) if isinstance(row, list) else False
            for row in listed
        ],
        index=participants.index,
    )
    reported = _filled(participants.get("self_reported_mi", nothing)).str.lower()
    attack = reported.isin(["1", "1.0", "true", "yes"])
    known = codes.notna() | reported.notna()
    disease = (diagnosed | attack.fillna(False)).map({True: "yes", False: "no"}).astype("string")
    return disease.where(known)


def _filled(values: pd.Series) -> pd.Series:
    """Values as stripped text, missing where blank: some readers hand an empty cell on as empty text."""
    text = values.astype("string").str.strip()
    return text.where(text.fillna("") != "")


def with_participants(overlap: pd.DataFrame, participants: pd.DataFrame | None) -> pd.DataFrame:
    """Add the columns of :data:`STRATA` that the participants' table knows to the overlap table."""
    if participants is None or participants.empty:
        return overlap
    known = participants.drop_duplicates("subject").set_index("subject")
    known = known.assign(cardiovascular_disease=cardiovascular_disease(known))
    columns = [name for name in STRATA.values() if name in known.columns and name not in overlap.columns]
    return overlap.join(known[columns], on="subject")


def summarise(
    overlap: pd.DataFrame,
    participants: pd.DataFrame | None = None,
    by: Sequence[str] = (),
    unit: Literal["subject", "image"] = "subject",
    dice_floor: float | None = None,
) -> pd.DataFrame:
    """Mean and SD of Dice, mean contour distance and Hausdorff distance by structure and strata.

    Parameters
    ----------
    overlap
        Rows ``subject, view, source, reference, frame, role, structure, position, dice, mcd_mm, hd_mm``.
    participants
        Table with ``subject`` and the columns of `by` that the overlap table lacks.
    by
        Further columns to group by; ``position`` uses the basal, mid and apical rows, otherwise the rows of
        the whole structure. Subjects of whom a column is unknown form the group ``unknown``.
    unit
        ``subject`` averages the frames of a subject first, so that n counts subjects; ``image`` lets every
        frame count.
    dice_floor
        If given, a second row per group leaves out the subjects of whom any structure of the view has a Dice
        below this (Chen 2020, Table VI, left out results below 0.50), with their number.

    Returns
    -------
    pandas.DataFrame
        ``source, reference, view, structure``, `by`, ``selection`` (``all`` or ``dice >= floor``), ``n,
        n_excluded, {metric}_mean, {metric}_sd, n_{metric}`` (units in which it is defined), ``n_skipped``
        (slices that only one of the two outlined), ``note``.
    """
    table = with_participants(overlap, participants)
    by = [name for name in by if name in table.columns]
    positions = table["position"].isin(["basal", "mid", "apical"] if "position" in by else ["all"])
    keys = [*_COMPARISON, "structure", *by]
    table = table[positions].copy()
    for name in by:
        text = table[name].astype("string").str.strip()
        table[name] = text.where(text.fillna("") != "", "unknown")
    per = [*keys, "subject"] if unit == "subject" else [*keys, "subject", "frame"]
    numbers = [*METRICS, "n_skipped"]
    for name in numbers:
        table[name] = pd.to_numeric(table[name], errors="coerce") if name in table else np.nan
    grouped = table.groupby(per, dropna=False, observed=True, sort=False)
    units = grouped[list(METRICS)].mean().join(grouped[["n_skipped"]].sum()).reset_index()
    low = _below(overlap, dice_floor) if dice_floor is not None else set()
    owners = units[[*_COMPARISON, "subject"]].itertuples(index=False, name=None)
    units["_low"] = [owner in low for owner in owners]
    rows = []
    for key, group in units.groupby(keys, dropna=False, observed=True, sort=False):
        labels = dict(zip(keys, key if isinstance(key, tuple) else (key,), strict=True))
        rows.append(labels | {"selection": "all", "n_excluded": 0} | _describe(group))
        if dice_floor is not None:
            excluded = int(group.loc[group["_low"], "subject"].nunique())
            chosen = {"selection": f"dice >= {dice_floor:g}", "n_excluded": excluded}
            rows.append(labels | chosen | _describe(group[~group["_low"]]))
    columns = [*keys, "selection", "n", "n_excluded"]
    result = pd.DataFrame(rows, columns=None if rows else columns)
    return result[[*columns, *(name for name in result.columns if name not in columns)]]


def _below(overlap: pd.DataFrame, floor: float) -> set[tuple[str, ...]]:
    """(source, reference, view, subject) of which a structure's Dice, averaged over frames, is below."""
    whole = overlap[overlap["position"] == "all"]
    keys = [*_COMPARISON, "subject"]
    dice = whole.assign(dice=pd.to_numeric(whole["dice"], errors="coerce"))
    means = dice.groupby([*keys, "structure"], sort=False)["dice"].mean().reset_index()
    return set(means.loc[means["dice"] < floor, keys].itertuples(index=False, name=None))


def _describe(group: pd.DataFrame) -> dict[str, float | int | str]:
    row: dict[str, float | int | str] = {"n": len(group)}
    notes = [] if len(group) else ["nobody left"]
    for metric in METRICS:
        values = group[metric].dropna()
        row[f"{metric}_mean"] = float(values.mean()) if len(values) else np.nan
        row[f"{metric}_sd"] = float(values.std(ddof=1)) if len(values) > 1 else np.nan
        row[f"n_{metric}"] = len(values)
        if len(values) < len(group):
            notes.append(f"{metric} undefined in {len(group) - len(values)}")
    return row | {"n_skipped": int(group["n_skipped"].sum()), "note": "; ".join(notes)}


def mean_dice_of_images(overlap: pd.DataFrame) -> pd.DataFrame:
    """Dice averaged over the structures of each image (Chen 2020, Figure 4).

    Returns
    -------
    pandas.DataFrame
        ``subject, dataset, view, source, reference, frame, role, dice, structure, structure_dice``, the last
        two for the structure with the lowest Dice; images without a defined Dice are left out.
    """
    whole = overlap[overlap["position"] == "all"]
    whole = whole.assign(dice=pd.to_numeric(whole["dice"], errors="coerce")).dropna(subset=["dice"])
    if "dataset" not in whole:
        whole = whole.assign(dataset="")
    keys = ["subject", "dataset", "view", "source", "reference", "frame", "role"]
    ordered = whole.sort_values([*keys, "dice"], kind="stable")
    lowest = ordered.drop_duplicates(keys).set_index(keys)[["structure", "dice"]]
    means = whole.groupby(keys, dropna=False)["dice"].mean().to_frame()
    return means.join(lowest.rename(columns={"dice": "structure_dice"})).reset_index()
