"""Participants: one row a subject with the columns that studies use, from whatever table the user has."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

import pandas as pd

from cinecohort.cohort.index import open_dataset
from cinecohort.config import DatasetOptions
from cinecohort.errors import UserError

NUMBERS = ("age_years", "height_cm", "weight_kg", "bmi", "sbp_mmhg", "dbp_mmhg", "field_t")
COLUMNS = (
    "sex",
    "age_years",
    "height_cm",
    "weight_kg",
    "bmi",
    "sbp_mmhg",
    "dbp_mmhg",
    "icd10",
    "self_reported_mi",
    "site",
    "vendor",
    "scanner",
    "field_t",
    "group",
)
KEYS = ("subject", "participant", "visit", "eid")
SEXES = {"0": "F", "1": "M", "female": "F", "male": "M", "f": "F", "m": "M"}


def read_participants(path: Path, columns: Mapping[str, str | Sequence[str]]) -> pd.DataFrame:
    """Read a table of participants with our column names.

    Parameters
    ----------
    path
        TSV, CSV or CSV with a byte-order mark; every value is read as text first.
    columns
        Our column to theirs (a ``*`` stands for any text, as in ``41270-0.*``), or to several: the mean of
        numbers, the codes of ``icd10`` joined by semicolons. Columns of the table that are named as ours need
        no entry, and all others are kept under their own names.

    Returns
    -------
    pandas.DataFrame
        Text columns as text, the numeric ones of :data:`NUMBERS` as floats, sex as ``F`` or ``M``, missing as
        NaN. BMI is computed from height and weight where the table has none.

    Raises
    ------
    UserError
        If the table is not there, a named column is missing, or a number is not one.
    """
    if not path.is_file():
        raise UserError(f"{path}: the table of participants is not there; set `participants` of the dataset.")
    separator = "\t" if path.suffix.lower() in (".tsv", ".txt") else ","
    raw = pd.read_csv(path, sep=separator, dtype=str, encoding="utf-8-sig", keep_default_na=True)
    table = raw.copy()
    for ours, theirs in columns.items():
        table[ours] = _combined(raw, ours, [theirs] if isinstance(theirs, str) else list(theirs), path)
    if "eid" in table and "participant" not in table:
        table["participant"] = table["eid"]
    if not {"subject", "participant"} & set(table.columns):
        raise UserError(
            f"{path}: needs a column `subject` or `participant` (or `eid`) that says whom a row is about; "
            "map it under `columns`."
        )
    for name in NUMBERS:
        if name in table:
            table[name] = _numbers(table[name], name, path)
    if "sex" in table:
        table["sex"] = table["sex"].map(
            lambda value: SEXES.get(str(value).strip().lower()), na_action="ignore"
        )
    return with_bmi(table)


def with_bmi(table: pd.DataFrame) -> pd.DataFrame:
    """Fill missing ``bmi`` with weight / height squared, in kg/m2, where both are known."""
    if {"height_cm", "weight_kg"} <= set(table.columns):
        computed = table["weight_kg"] / (table["height_cm"] / 100.0) ** 2
        known = table["bmi"] if "bmi" in table else pd.Series(float("nan"), index=table.index)
        table = table.assign(bmi=known.fillna(computed))
    return table


def _combined(raw: pd.DataFrame, ours: str, theirs: Sequence[str], path: Path) -> pd.Series:
    found = [name for pattern in theirs for name in raw.columns if name == pattern or fnmatch(name, pattern)]
    if not found:
        raise UserError(f"{path}: has no column {' or '.join(theirs)}, which `columns` maps to `{ours}`.")
    if len(found) == 1:
        return raw[found[0]]
    if ours in NUMBERS:
        return pd.concat([_numbers(raw[name], name, path) for name in found], axis=1).mean(axis=1)
    return raw[found].apply(lambda row: ";".join(row.dropna()) or None, axis=1)


def _numbers(values: pd.Series, name: str, path: Path) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = values[numbers.isna() & values.notna()]
    if len(wrong):
        raise UserError(
            f"{path}: column {name}, row {int(wrong.index[0]) + 2}: {wrong.iloc[0]!r} is no number."
        )
    return numbers


def gather_participants(index: pd.DataFrame, datasets: Mapping[str, DatasetOptions]) -> pd.DataFrame:
    """One row a subject of the index, in its order, with what is known of the participant.

    Parameters
    ----------
    index
        Columns ``subject, dataset, id, participant, visit``.
    datasets
        Where each dataset's participants come from: its table, or the source itself.

    Raises
    ------
    UserError
        If a table tells two different things of one subject.
    """
    parts = []
    for name, options in datasets.items():
        rows = index[index["dataset"] == name]
        table = _dataset_participants(options)
        parts.append(rows if table is None else _joined(rows, table, name))
    everyone = pd.concat(parts, ignore_index=True)
    everyone = everyone.set_index("subject").loc[index["subject"]].reset_index()
    for column in COLUMNS:
        if column not in everyone:
            everyone[column] = float("nan") if column in NUMBERS else None
    first = ["subject", "dataset", "participant", "visit", *COLUMNS]
    return everyone[first + [c for c in everyone.columns if c not in (*first, "id")]]


def _dataset_participants(options: DatasetOptions) -> pd.DataFrame | None:
    if options.participants is not None:
        return read_participants(options.participants, options.columns)
    source = open_dataset(options)
    own = getattr(source, "participants", None)
    return own() if own is not None else None


def _joined(rows: pd.DataFrame, table: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Left join on the subject key where the table has it, else on the participant (and visit)."""
    if "subject" in table and table["subject"].isin(rows["id"]).any():
        left, right = ["id"], ["subject"]
    elif "visit" in table and table["visit"].notna().any() and rows["visit"].ne("").any():
        left, right = ["participant", "visit"], ["participant", "visit"]
    else:
        left, right = ["participant"], ["participant"]
    repeated = table[table.duplicated(right, keep=False) & table[right].notna().all(axis=1)]
    if len(repeated):
        raise UserError(
            f"dataset {dataset}: {repeated[right[0]].iloc[0]} stands more than once in the table of "
            "participants; keep one row a participant (and visit)."
        )
    details = table.drop(columns=[c for c in KEYS if c in table and c not in right])
    joined = rows.merge(
        details.rename(columns=dict(zip(right, left, strict=True))),
        on=left,
        how="left",
        validate="many_to_one",
    )
    return joined.drop(columns=[c for c in ("dataset_y",) if c in joined])
