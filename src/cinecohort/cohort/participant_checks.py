"""Values of participants that cannot be true: missing by default, and each one reported."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cinecohort.catalogue.findings import Code
from cinecohort.ledger.plausibility import (
    FEWEST,
    LIMITS,
    Remark,
    contradicting_bmi,
    crossed_pressures,
    implausible,
    mostly,
    outside,
    wrong_unit,
)
from cinecohort.ledger.users_tables import sentinels, special_codes
from cinecohort.sources.column_options import ColumnOptions

IMPLAUSIBLE = "implausible"
"""Column that lists, separated by semicolons, which values of a person were not believed or understood."""

NOT_BELIEVED = (Code.IMPLAUSIBLE, Code.CONTRADICTION, Code.ANSWER)


@dataclass
class ParticipantsTable:
    """A table of participants as it was understood.

    Parameters
    ----------
    table
        Our columns; see :func:`cinecohort.cohort.participant_tables.read_participants`.
    remarks
        Row of the table to what is odd about its values.
    notes
        Sentences on whole columns.
    mistakes
        Sentences on what stops a run.
    """

    table: pd.DataFrame
    remarks: dict[int, list[Remark]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)

    def remark(self, row: int, remark: Remark) -> None:
        """Note what is odd about a value of one row."""
        self.remarks.setdefault(row, []).append(remark)


def check_values(known: ParticipantsTable, options: Mapping[str, ColumnOptions], path: Path) -> None:
    """Hold numbers against limits and each other, blank what cannot be true, and compute the missing BMI.

    Parameters
    ----------
    known
        The table, which is changed, and what is said about it.
    options
        The user's settings by column.
    path
        For the sentences.
    """
    table = known.table
    for name in [str(name) for name in table.columns if pd.api.types.is_float_dtype(table[name])]:
        _check_column(known, name, options.get(name), path)
    _check_pressures(known)
    _check_bmi(known)
    before = table["bmi"].isna() if "bmi" in table else pd.Series(True, index=table.index)
    with_bmi(table, {row for row, listed in known.remarks.items() if any(r.column == "bmi" for r in listed)})
    trusted = not any(f": {name}: " in text for text in known.mistakes for name in ("height_cm", "weight_kg"))
    computed = "bmi" in table and bool((before & table["bmi"].notna()).any())
    if computed and trusted and not any(": bmi: " in text for text in known.mistakes):
        _check_column(known, "bmi", options.get("bmi"), path)
    _mark(known, path)


def _check_column(known: ParticipantsTable, name: str, options: ColumnOptions | None, path: Path) -> None:
    """Blank the values of a column that are not believed; stop where most are not."""
    values, place = known.table[name], f"{path}: {name}"
    limits = limits_of(name, options)
    if limits is None:
        _check_own(known, name, place)
        return
    present = values[~values.isin(sentinels(values))].dropna()
    own = options is not None and (options.scale is not None or options.plausible is not None)
    sentence = None if own else wrong_unit(present, name)
    if sentence:
        known.mistakes.append(f"{place}: {sentence}")
        return
    doubt = implausible(values, limits)
    if mostly(doubt[present.index], FEWEST):
        known.mistakes.append(
            f"{place}: {int(doubt.sum()):,} of {int(values.notna().sum()):,} values lie outside "
            f"{limits[0]:g} to {limits[1]:g}, such as {present[doubt[present.index]].iloc[0]:g}; check "
            "the column and its unit, or set `plausible` under `columns`."
        )
        return
    for row, value in values[doubt].items():
        known.remark(int(str(row)), outside(name, float(value), limits))
    known.table[name] = values.mask(doubt)


def limits_of(name: str, options: ColumnOptions | None) -> tuple[float, float] | None:
    """Lowest and highest believed value of a column; None where nothing is known of it."""
    return options.plausible if options and options.plausible else LIMITS.get(name)


def _check_own(known: ParticipantsTable, name: str, place: str) -> None:
    """In a column of the user's own, blank numbers for missing; report what may be a code, and keep it."""
    values = known.table[name]
    for code in special_codes(values):
        rows = values.index[values == code]
        known.notes.append(
            f"{place}: {code:g} ({len(rows):,} participants) may be a code, such as 'prefer not to "
            f"answer', and is used as a number; if it means a missing value, write `{name}: "
            f"{{column: ..., missing: [{code:g}]}}` under `columns`, otherwise its meaning, with `codes`."
        )
        for row in rows:
            message = f"{name}: {code:g} may be a code and is used as a number"
            known.remark(row, Remark(Code.SPECIAL_CODE, name, message, code))
    doubt = values.isin(sentinels(values))
    for row, value in values[doubt].items():
        message = f"{name}: {value:g} is taken for a missing value"
        known.remark(int(str(row)), Remark(Code.IMPLAUSIBLE, name, message, float(value)))
    known.table[name] = values.mask(doubt)


def _check_pressures(known: ParticipantsTable) -> None:
    table, pair = known.table, ["sbp_mmhg", "dbp_mmhg"]
    crossed = crossed_pressures(table)
    if not crossed.any():
        return
    if mostly(crossed[table[pair].notna().all(axis=1)], FEWEST):
        known.mistakes.append("sbp_mmhg, dbp_mmhg: most systolic pressures are not above the diastolic ones.")
        return
    for row, high, low in table.loc[crossed, pair].itertuples(name=None):
        message = f"sbp_mmhg: {high:g} is not above the diastolic {low:g}; both count as missing"
        known.remark(row, Remark(Code.CONTRADICTION, "sbp_mmhg", message, high, low))
        known.remark(row, Remark(Code.CONTRADICTION, "dbp_mmhg", message.replace("sbp", "dbp", 1), low, high))
    table[pair] = table[pair].mask(crossed)


def _check_bmi(known: ParticipantsTable) -> None:
    table = known.table
    wrong = contradicting_bmi(table)
    if not wrong.any():
        return
    for row, bmi, weight, height in table.loc[wrong, ["bmi", "weight_kg", "height_cm"]].itertuples(name=None):
        message = f"bmi: {bmi:g} contradicts {weight:g} kg at {height:g} cm; it counts as missing"
        known.remark(row, Remark(Code.CONTRADICTION, "bmi", message, bmi))
    table["bmi"] = table["bmi"].mask(wrong)


def with_bmi(table: pd.DataFrame, doubted: set[int]) -> None:
    """Fill missing ``bmi`` with weight / height squared (kg/m2), but for rows whose BMI was doubted."""
    if {"height_cm", "weight_kg"} <= set(table.columns):
        computed = (table["weight_kg"] / (table["height_cm"] / 100.0) ** 2).round(9)
        known = table["bmi"] if "bmi" in table else pd.Series(float("nan"), index=table.index)
        table["bmi"] = known.fillna(computed.mask(table.index.isin(doubted)))


def _mark(known: ParticipantsTable, path: Path) -> None:
    """List for each person the columns that are missing since they were not believed, and count them."""
    counts: dict[str, int] = {}
    marks: dict[int, str] = {}
    table = known.table
    for row, listed in known.remarks.items():
        names = {r.column for r in listed if r.code in NOT_BELIEVED and table[r.column].isna()[row]}
        marks[row] = ";".join(sorted(names))
        for name in names & {r.column for r in listed if r.code != Code.ANSWER}:
            counts[name] = counts.get(name, 0) + 1
    table[IMPLAUSIBLE] = pd.Series(table.index.map(marks), index=table.index, dtype=object).replace("", None)
    for name, count in sorted(counts.items()):
        words = "value counts" if count == 1 else "values count"
        known.notes.append(f"{path}: {name}: {count:,} implausible {words} as missing.")
