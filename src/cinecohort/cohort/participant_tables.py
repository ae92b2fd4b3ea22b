"""Reading a user's table of participants: our columns from theirs, and nothing else of it."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

import pandas as pd

from cinecohort.catalogue.covariates import COVARIATES, NUMBERS
from cinecohort.errors import UserError

COLUMNS = tuple(covariate.column for covariate in COVARIATES)
KEYS = ("subject", "participant", "visit", "eid")
SEXES = {"0": "F", "1": "M", "female": "F", "male": "M", "f": "F", "m": "M"}
HEART_ATTACK = frozenset({"1", "true", "yes", "1075", "heart attack"})
"""Answers that are a heart attack: UK Biobank's coding 100605 of field 6150 has 1, that of 20002 has 1075."""
NO_ANSWER = frozenset({"", "-1", "-3", "99999", "do not know", "prefer not to answer"})

VISIT = "{visit}"
"""Stands for a subject's visit in the name of a column, as in ``21003-{visit}.0``."""
ROWS_AT_ONCE = 20_000


def read_participants(
    path: Path,
    columns: Mapping[str, str | Sequence[str]],
    wanted: Collection[str] | None = None,
    visits: Sequence[str] = (),
) -> pd.DataFrame:
    """Read a table of participants with our column names.

    Parameters
    ----------
    path
        TSV, CSV or CSV with a byte-order mark; every value is read as text first.
    columns
        Our column to theirs (a ``*`` stands for any text, as in ``41270-0.*``, and ``{visit}`` for the
        subject's visit), or to several: the mean of numbers, otherwise the texts joined by semicolons.
        Columns of the table that are named as ours need no entry. No other column is read: what nobody
        asked for may be a name or a birth date.
    wanted
        Keys and participants of the cohort: rows of others are left out. None for all.
    visits
        Visits of the cohort, for columns with ``{visit}``: the table then has a row a participant and visit.

    Returns
    -------
    pandas.DataFrame
        Text columns as text, those of :data:`cinecohort.catalogue.covariates.NUMBERS` as floats, sex as ``F``
        or ``M``, ``self_reported_mi`` as ``true`` or ``false``, missing as NaN. BMI is computed from height
        and weight where the table has none.

    Raises
    ------
    UserError
        If the table is not there, a named column is missing, a number is not one, or no value of a column of
        sexes is understood.
    """
    if not path.is_file():
        raise UserError(f"{path}: the table of participants is not there; set `participants` of the dataset.")
    patterns = {
        ours: [theirs] if isinstance(theirs, str) else list(theirs) for ours, theirs in columns.items()
    }
    raw = _read(path, patterns, wanted)
    if visits and any(VISIT in pattern for listed in patterns.values() for pattern in listed):
        parts = [_ours(raw, patterns, path, visit).assign(visit=visit) for visit in visits]
        table = pd.concat(parts, ignore_index=True)
    else:
        table = _ours(raw, patterns, path, "")
    absent = [ours for ours in patterns if ours not in table]
    if absent:
        theirs = " or ".join(patterns[absent[0]])
        raise UserError(f"{path}: has no column {theirs}, which `columns` maps to `{absent[0]}`.")
    if not {"subject", "participant"} & set(table.columns):
        raise UserError(
            f"{path}: needs a column `subject` or `participant` (or `eid`) that says whom a row is about; "
            "map it under `columns`."
        )
    return with_bmi(table)


def _read(path: Path, patterns: Mapping[str, Sequence[str]], wanted: Collection[str] | None) -> pd.DataFrame:
    """Rows of the cohort, and of the columns only those that are ours or asked for."""
    asked = [pattern.replace(VISIT, "*") for listed in patterns.values() for pattern in listed]
    chunks = pd.read_csv(
        path,
        sep="\t" if path.suffix.lower() in (".tsv", ".txt") else ",",
        dtype=str,
        encoding="utf-8-sig",
        usecols=lambda name: name in (*KEYS, *COLUMNS) or any(_fits(name, pattern) for pattern in asked),
        chunksize=ROWS_AT_ONCE,
    )
    named = [name for key in ("subject", "participant") for name in patterns.get(key, ())]
    kept = []
    for chunk in chunks:
        ids = [name for name in dict.fromkeys(("subject", "participant", "eid", *named)) if name in chunk]
        chunk[ids] = chunk[ids].apply(lambda values: values.str.strip())
        known = chunk if wanted is None or not ids else chunk[chunk[ids].isin(set(wanted)).any(axis=1)]
        kept.append(known)
    return pd.concat(kept)


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)


def _ours(raw: pd.DataFrame, patterns: Mapping[str, Sequence[str]], path: Path, visit: str) -> pd.DataFrame:
    """Our columns of `raw` at one visit; those of which it has nothing are left out."""
    table = raw[[name for name in (*KEYS, *COLUMNS) if name in raw]].copy()
    sources = {name: [name] for name in _names(table) if name not in patterns}
    for ours, listed in patterns.items():
        at_visit = [pattern.replace(VISIT, visit) for pattern in listed]
        sources[ours] = [name for name in _names(raw) for pattern in at_visit if _fits(name, pattern)]
        table = table.drop(columns=ours, errors="ignore")
    for ours, names in sources.items():
        if names:
            table[ours] = _combined(raw[list(dict.fromkeys(names))], ours, path)
    if "eid" in table and "participant" not in table:
        table["participant"] = table["eid"]
    return table.drop(columns="eid", errors="ignore")


def _names(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table.columns]


def _combined(raw: pd.DataFrame, ours: str, path: Path) -> pd.Series:
    """One of our columns from one or several of theirs."""
    if ours in NUMBERS:
        return pd.concat([_numbers(raw[name], name, path) for name in _names(raw)], axis=1).mean(axis=1)
    if ours == "self_reported_mi":
        return _row_by_row(raw, heart_attack_reported)
    if ours == "sex":
        return _sexes(raw.bfill(axis=1).iloc[:, 0], path)
    if raw.shape[1] == 1 and ours != "icd10":
        return raw.iloc[:, 0]
    separators = r"[;|,]" if ours == "icd10" else ";"
    return _row_by_row(raw, partial(_joined_texts, separators=separators))


def _row_by_row(raw: pd.DataFrame, combine: Callable[[Sequence[str]], str | None]) -> pd.Series:
    rows = [[value for value in row if isinstance(value, str)] for row in raw.to_numpy(dtype=object)]
    return pd.Series([combine(row) for row in rows], index=raw.index, dtype=object)


def _joined_texts(texts: Sequence[str], separators: str) -> str | None:
    """Items of all texts, joined by semicolons; a cell may hold a list (``['I21', 'I50']``, ``I21|I50``)."""
    items = [item.strip(" []'\"") for text in texts for item in re.split(separators, text)]
    return ";".join(item for item in items if item) or None


def heart_attack_reported(answers: Sequence[str]) -> str | None:
    """Whether any of a participant's answers is a heart attack; None where none of them says anything.

    Parameters
    ----------
    answers
        Yes and no in words, or codes of UK Biobank's fields 6150 (1 heart attack, -7 none) and 20002 (1075
        heart attack); a cell may hold several, separated by semicolons, commas or bars.
    """
    items = [item.strip(" []'\"").lower() for text in answers for item in re.split(r"[;|,]", text)]
    told = {item.removesuffix(".0") for item in items} - NO_ANSWER
    if not told:
        return None
    return "true" if told & HEART_ATTACK else "false"


def _sexes(values: pd.Series, path: Path) -> pd.Series:
    plain = values.str.strip().str.lower().str.removesuffix(".0")
    sexes = plain.map(SEXES)
    if len(values.dropna()) and sexes.isna().all():
        raise UserError(
            f"{path}: no sex is understood, such as {values.dropna().iloc[0]!r}; write F and M, female and "
            "male, or 0 (female) and 1 (male)."
        )
    return sexes


def _numbers(values: pd.Series, name: str, path: Path) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = values[numbers.isna() & values.notna()]
    if len(wrong):
        raise UserError(
            f"{path}: column {name}, row {int(wrong.index[0]) + 2}: {wrong.iloc[0]!r} is no number."
        )
    return numbers.astype(float)


def with_bmi(table: pd.DataFrame) -> pd.DataFrame:
    """Fill missing ``bmi`` with weight / height squared, in kg/m2, where both are known."""
    if {"height_cm", "weight_kg"} <= set(table.columns):
        height_m = table["height_cm"].where(table["height_cm"] > 0) / 100.0
        computed = table["weight_kg"] / height_m**2
        known = table["bmi"] if "bmi" in table else pd.Series(float("nan"), index=table.index)
        table = table.assign(bmi=known.fillna(computed))
    return table
