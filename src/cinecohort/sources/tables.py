"""Measures that were made elsewhere: reading tables of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.measures import BY_COLUMN, DERIVED, THEIR_NAMES, measure_of, rests_on
from cinecohort.errors import UserError
from cinecohort.ledger.plausibility import Remark, implausible, measure_limits, outside, wrong_unit
from cinecohort.ledger.tables import is_measure_name, read_users_table
from cinecohort.ledger.users_tables import plain_ids
from cinecohort.measures.derived import FUNCTIONS, add_derived, contradictions
from cinecohort.sources.table_options import MeasuresFileOptions, MeasuresTableOptions, TablesOptions

_LARGEST_AND_SMALLEST = tuple(dict.fromkeys(measure.of for measure in DERIVED if measure.unit == "%"))
"""Volumes of which an ejection fraction is taken."""


SLIPS = 0.1
"""Ejection fractions that contradict their volumes are slips in up to this share of the rows, or in one."""


@dataclass(frozen=True)
class MeasuresTable:
    """Measures by one method or observer, one row per subject, and what was read to get them.

    Parameters
    ----------
    measures
        ``subject`` and our measure columns.
    counts
        ``rows`` read, ``subjects``, ``further_rows`` of subjects that have one already, ``other_ids`` that do
        not match the pattern, ``not_numbers``, ``zeros`` and values ``not_believed`` taken as missing.
    notes
        Sentences on whole columns.
    remarks
        By subject, the values that were not believed; their columns are listed in ``implausible``.
    """

    measures: pd.DataFrame
    counts: dict[str, int]
    notes: list[str] = field(default_factory=list)
    remarks: dict[str, list[Remark]] = field(default_factory=dict)


def read_measures(folder: Path, options: MeasuresTableOptions) -> MeasuresTable:
    """Read one method's or observer's measures from its files.

    Raises
    ------
    UserError
        If a file or a named column is not there.
    """
    parts, other_ids, not_numbers, rows = [], 0, 0, 0
    notes: list[str] = []
    for file in options.files:
        part, others, text, read = _read_file(folder / file.path, file, notes)
        parts.append(part)
        other_ids, not_numbers, rows = other_ids + others, not_numbers + text, rows + read
    table = pd.concat(parts, ignore_index=True)
    place = {name: index + 1 - len(options.prefer) for index, name in enumerate(options.prefer)}
    order = table["repeat"].map(lambda repeat: place.get(repeat, 1 if repeat == "" else 2) if place else 0)
    table = table.assign(_order=order).sort_values("_order", kind="stable")
    further = table.duplicated("subject")
    told_twice = table.duplicated(["subject", "repeat"]) & ~table.duplicated()
    if told_twice.any():
        notes.append(
            f"{options.files[0].path}: {int(told_twice.sum()):,} rows give other values of a subject that"
            f" has a row already, such as {table.loc[told_twice, 'subject'].iloc[0]}; the first row is used."
        )
    kept = table[~further].drop(columns=["_order", "repeat"]).sort_index().reset_index(drop=True)
    kept, zeros = _without_zeros(kept) if options.zero_is_missing else (kept, 0)
    contradicting, sentences = contradicting_volumes(kept)
    notes += [f"{options.files[0].path}: {sentence}" for sentence in sentences]
    complete = add_derived(kept) if options.derive else kept
    kept, remarks = believed(complete, set(kept.columns), contradicting)
    counts = {
        "rows": rows,
        "subjects": len(kept),
        "further_rows": int(further.sum()),
        "other_ids": other_ids,
        "not_numbers": not_numbers,
        "zeros": zeros,
        "not_believed": sum(len(listed) for listed in remarks.values()),
    }
    return MeasuresTable(kept, counts, notes, remarks)


def contradicting_volumes(table: pd.DataFrame) -> tuple[dict[str, pd.Series], list[str]]:
    """Where a stated stroke volume or ejection fraction is not that of the volumes stated beside it.

    Returns
    -------
    dict
        Column of the stroke volume or ejection fraction to rows that contradict.
    list of str
        Sentences on columns that contradict in more than a few rows (:data:`SLIPS`): they are of another
        method, and are used.
    """
    found, notes = {}, []
    for name, wrong in contradictions(table).items():
        known = table[[name, *BY_COLUMN[name].of]].notna().all(axis=1)
        if wrong.sum() > max(1.0, SLIPS * known.sum()):
            notes.append(
                f"{name} is not what {' and '.join(BY_COLUMN[name].of)} give in {int(wrong.sum()):,} of "
                f"{int(known.sum()):,} rows; all are used as they are: name the columns of one method."
            )
        else:
            found[name] = wrong
    return found, notes


def believed(
    table: pd.DataFrame, stated: Collection[str], contradicting: Mapping[str, pd.Series]
) -> tuple[pd.DataFrame, dict[str, list[Remark]]]:
    """Blank measures that cannot be true, list their columns in ``implausible``, and say what they were.

    What follows from a blanked measure is blanked too: an ejection fraction of volumes that no heart has may
    look right. What was computed is held to the same limits as what is `stated`: volumes that may each be
    true can make a stroke volume or an ejection fraction that no heart has. Of `contradicting` measures
    (:func:`contradicting_volumes`) nobody knows which is wrong, so that all are blanked. A volume or mass of
    zero is a failure to measure, about which ``zero_is_missing`` decides.
    """
    found: dict[str, list[Remark]] = {}
    doubted: dict[str, pd.Series] = {}
    for name in [str(name) for name in table.columns if name in stated]:
        if (limits := measure_limits(name)) is not None:
            beyond = implausible(table[name], limits)
            doubted[name] = beyond & (table[name] != 0) if _is_size(name) else beyond
            _remark(table.loc[doubted[name]], name, limits, found)
    for largest, smallest in _LARGEST_AND_SMALLEST:
        if largest in table and smallest in table:
            known = ~doubted[largest] & ~doubted[smallest]
            crossed = known & (table[smallest] > table[largest])
            for subject, high, low in table.loc[crossed, ["subject", largest, smallest]].itertuples(
                index=False
            ):
                message = f"{smallest}: {low:g} is above {largest} of {high:g}; both count as missing"
                found.setdefault(subject, []).append(Remark(Code.CONTRADICTION, smallest, message, low, high))
            doubted |= {name: doubted[name] | crossed for name in (largest, smallest)}
    doubted = _without_contradictions(table, doubted, contradicting, found)
    for measure in DERIVED:
        name, limits = measure.column, measure_limits(measure.column)
        if name in table and name not in stated and limits is not None:
            rests = [doubted[base] for base in rests_on(name) if base in doubted]
            doubted[name] = implausible(table[name], limits) & ~pd.concat(rests, axis=1).any(axis=1)
            _remark(table.loc[doubted[name]], name, limits, found, measure.of)
    kept = _blanked(table, doubted)
    gone = kept.isna() & table.notna()
    marks = [";".join(str(name) for name in table.columns[row]) or None for row in gone.to_numpy()]
    return kept.assign(implausible=pd.Series(marks, index=table.index, dtype=object)), found


def _without_contradictions(
    table: pd.DataFrame,
    doubted: dict[str, pd.Series],
    contradicting: Mapping[str, pd.Series],
    found: dict[str, list[Remark]],
) -> dict[str, pd.Series]:
    """`doubted` with the rows in which believable measures contradict each other, which are remarked on."""
    result = dict(doubted)
    for name, wrong in contradicting.items():
        columns = [name, *BY_COLUMN[name].of]
        believable = ~pd.concat([doubted[each] for each in columns], axis=1).any(axis=1)
        rows = table.loc[wrong & believable, ["subject", *columns]]
        for subject, value, *volumes in rows.itertuples(index=False):
            named = zip(columns[1:], volumes, strict=True)
            given = " and ".join(f"{each} of {number:g}" for each, number in named)
            computed = FUNCTIONS[name](*volumes)
            message = (
                f"{name}: {value:g} contradicts {given}, which give {computed:.3g}; all count as missing"
            )
            remark = Remark(Code.CONTRADICTION, name, message, value, computed)
            found.setdefault(subject, []).append(remark)
        result |= {each: result[each] | (wrong & believable) for each in columns}
    return result


def _remark(
    rows: pd.DataFrame,
    name: str,
    limits: tuple[float, float],
    found: dict[str, list[Remark]],
    of: tuple[str, ...] = (),
) -> None:
    """Say of rows that a value lies outside its limits, and from which columns it was computed."""
    for subject, value in rows[["subject", name]].itertuples(index=False):
        remark = outside(name, float(value), limits)
        if of:
            remark = replace(remark, message=f"{remark.message} (computed from {' and '.join(of)})")
        found.setdefault(subject, []).append(remark)


def _is_size(name: str) -> bool:
    """Whether a column is a volume or mass that was measured, of which zero is a failure."""
    measure = measure_of(name)
    return measure is not None and measure.unit in ("mL", "g") and not measure.of


def _without_zeros(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Take volumes and masses of zero, and what follows from them, as missing."""
    sizes = [str(name) for name in table.columns if _is_size(str(name))]
    failed = {size: table[size] == 0 for size in sizes}
    return _blanked(table, failed), int(sum(failed[size].sum() for size in sizes))


def _blanked(table: pd.DataFrame, where: Mapping[str, pd.Series]) -> pd.DataFrame:
    """`table` without the values of columns in the given rows, and without what is computed from them."""
    measures = {str(name): measure for name in table.columns if (measure := measure_of(str(name)))}
    kept = table.copy()
    for name, rows in where.items():
        base = measures[name].column
        following = [other for other, m in measures.items() if m.of and base in rests_on(m.column)]
        columns = list(dict.fromkeys([name, *following]))
        kept[columns] = kept[columns].mask(rows)
    return kept


def _read_file(
    path: Path, options: MeasuresFileOptions, notes: list[str]
) -> tuple[pd.DataFrame, int, int, int]:
    """Return the file's table with ``subject``, ``repeat`` and measures, and the counts of what it held."""
    ours = {theirs: name for name, theirs in options.columns.items()}
    table, remarks = read_users_table(
        path,
        [name for name in (options.subject, options.measure) if name],
        has_limits=lambda name: measure_limits(ours.get(name, THEIR_NAMES.get(name, name))) is not None,
    )
    for column, text in options.where.items():
        table = table[_column(table, column, path).astype("string") == text]
    read = len(table)
    ids = plain_ids(_column(table, options.subject or _subject_column(table, path), path))
    named = pd.DataFrame({"subject": ids, "repeat": "", "measure": ""}, index=table.index)
    if options.id_pattern:
        matched = ids.str.extract(f"^(?:{options.id_pattern})$")
        for group in ("subject", "repeat", "measure"):
            if group in matched:
                named[group] = matched[group].astype("string").fillna("")
        named.loc[matched["subject"].isna(), "subject"] = pd.NA
    known = (named["subject"].fillna("") != "").to_numpy(bool)
    if options.value:
        if options.measure:
            named["measure"] = _column(table, options.measure, path).astype("string")
        values = _column(table, options.value, path)
        wide = _widened(named[known], values[known], ours)
    else:
        wide = named[["subject", "repeat"]].join(_measure_columns(table, options, path))[known]
    measures = [name for name in wide.columns if name not in ("subject", "repeat")]
    numbers = wide[measures].apply(pd.to_numeric, errors="coerce").astype(np.float64)
    not_numbers = sum(_no_numbers(wide[name], numbers[name], f"{path}: {name}", notes) for name in measures)
    for name, factor in options.scale.items():
        if name in numbers:
            numbers[name] *= factor
    notes += remarks
    units = {
        str(name): wrong_unit(numbers[name], str(name)) for name in measures if name not in options.scale
    }
    wrong = [f"{path}: {name}: {sentence}" for name, sentence in units.items() if sentence]
    if wrong:
        raise UserError("\n".join(wrong))
    return wide[["subject", "repeat"]].astype(str).join(numbers), int((~known).sum()), not_numbers, read


def _no_numbers(values: pd.Series, numbers: pd.Series, place: str, notes: list[str]) -> int:
    """How many cells of a measure hold text; a measure that is mostly text is refused."""
    texts = values[values.notna() & numbers.isna()]
    if texts.empty:
        return 0
    shown = f"{len(texts):,} of {int(values.notna().sum()):,} cells are no numbers, such as {texts.iloc[0]!r}"
    if len(texts) > values.notna().sum() / 2:
        raise UserError(f"{place}: {shown}; write numbers alone.")
    notes.append(f"{place}: {shown}; they count as missing.")
    return len(texts)


def _column(table: pd.DataFrame, name: str, path: Path) -> pd.Series:
    if name not in table:
        columns = ", ".join(str(column) or "(unnamed)" for column in table.columns)
        raise UserError(f"{path} has no column {name}; it has {columns}.")
    return table[name]


def _subject_column(table: pd.DataFrame, path: Path) -> str:
    found = next((name for name in ("subject", "eid", "") if name in table), None)
    if found is None:
        raise UserError(f"{path}: set `subject` to the column of the subject's id.")
    return found


def _measure_columns(table: pd.DataFrame, options: MeasuresFileOptions, path: Path) -> pd.DataFrame:
    chosen = {ours: _column(table, theirs, path) for ours, theirs in options.columns.items()}
    for name in table.columns:
        ours = THEIR_NAMES.get(str(name), str(name))
        numeric = pd.api.types.is_numeric_dtype(table[name]) or measure_of(ours) is not None
        if ours not in chosen and not options.columns and numeric and is_measure_name(ours):
            chosen[ours] = table[name]
    return pd.DataFrame(chosen, index=table.index)


def _widened(named: pd.DataFrame, values: pd.Series, names: Mapping[str, str]) -> pd.DataFrame:
    """Bring a long table to one row per subject and repeat; measures without a name of ours are left out."""
    long = named.assign(value=values, measure=named["measure"].map(lambda name: names.get(name, name)))
    if names:
        long = long[long["measure"].isin(names.values())]
    long = long.assign(occurrence=long.groupby(["subject", "repeat", "measure"]).cumcount())
    keys = ["subject", "repeat", "occurrence"]
    wide = long.set_index([*keys, "measure"])["value"].unstack("measure")  # noqa: PD010
    return wide.reset_index().drop(columns="occurrence").rename_axis(columns=None)


def read_dataset(
    dataset: str, path: Path, options: TablesOptions
) -> tuple[pd.DataFrame, list[dict[str, Any]], dict[str, list[Remark]], list[str]]:
    """Read all tables of measures of a dataset.

    Returns
    -------
    tuple
        Measures, one row per subject and source, at ``own`` frames; what was read, one row per source; by
        subject, the values that were not believed.

    Raises
    ------
    UserError
        With every table that cannot be read, or is in another unit.
    """
    rows, counts, mistakes = [], [], []
    notes: list[str] = []
    remarks: dict[str, list[Remark]] = {}
    for source, table_options in options.tables.items():
        try:
            table = read_measures(path, table_options)
        except UserError as error:
            mistakes.append(str(error))
            continue
        described = {"dataset": dataset, "source": source, "kind": table_options.kind}
        rows.append(table.measures.assign(**described, frames="own", status="ok"))
        counts.append(described | table.counts)
        notes += table.notes
        for subject, listed in table.remarks.items():
            remarks.setdefault(subject, []).extend(listed)
    if mistakes:
        raise UserError("\n".join(mistakes))
    return pd.concat(rows, ignore_index=True), counts, remarks, notes
