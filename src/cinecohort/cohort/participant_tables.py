"""Reading a user's table of participants: our columns from theirs, and nothing else of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd

from cinecohort.catalogue.covariates import COVARIATES, NUMBERS
from cinecohort.catalogue.findings import Code
from cinecohort.cohort.participant_checks import ParticipantsTable, check_values, limits_of
from cinecohort.cohort.participant_values import decoded, diagnoses, heart_attack_reported, items_of, sexes
from cinecohort.cohort.ukb_codings import CODINGS, field_of, plain_code
from cinecohort.errors import UserError
from cinecohort.ledger.plausibility import Remark, implausible, mostly, outside
from cinecohort.ledger.users_tables import DATE, is_missing, numbers_in, plain_ids, read_texts, text_format
from cinecohort.sources.column_options import ColumnOptions, column_options

COLUMNS = tuple(covariate.column for covariate in COVARIATES)
KEYS = ("subject", "participant", "visit", "eid")
TEXTS = ("site", "vendor", "scanner", "group", "scan_date", *KEYS)
"""Columns that stay text, whatever they hold."""

REMARKS = "_remarks"
"""Column of what is odd about each row, which never goes into a table."""

VISIT = "{visit}"
"""Stands for a subject's visit in the name of a column, as in ``21003-{visit}.0``."""
ROWS_AT_ONCE = 20_000
DIGITS = 9
"""Decimals that numbers are rounded to, so that 64 kg at 160 cm are a BMI of 25 and not
24.999999999999996."""

Columns = Mapping[str, str | list[str] | ColumnOptions]


def read_participants(
    path: Path,
    columns: Columns,
    wanted: Collection[str] | None = None,
    visits: Sequence[str] = (),
) -> pd.DataFrame:
    """Read a table of participants with our column names.

    Parameters
    ----------
    path
        Table of text; see :mod:`cinecohort.ledger.users_tables`.
    columns
        Our column to theirs (a ``*`` stands for any text, as in ``41270-0.*``, and ``{visit}`` for the
        subject's visit), or to several: the mean of numbers, otherwise the texts joined by semicolons.
        Columns of the table that are named as ours need no entry. No other column is read: what nobody
        asked for may be a name or a birth date.
    wanted
        Keys and participants of the cohort: rows of others are left out. None for all.
    visits
        Visits of the cohort, for columns with ``{visit}``: the table then has one row per participant and
        visit.

    Returns
    -------
    pandas.DataFrame
        Text columns as text, those of :data:`cinecohort.catalogue.covariates.NUMBERS` as floats, sex as ``F``
        or ``M``, ``self_reported_mi`` as ``true`` or ``false``, missing as NaN; so are values that cannot be
        true, whose columns are listed in ``implausible``. BMI is computed from height and weight where the
        table has none. ``_remarks`` holds what is odd about each row.

    Raises
    ------
    UserError
        With everything that stops a run: the table is not there, a named column is missing, a number is not
        one, a column is in another unit, or no value of a column of sexes is understood.
    """
    return table_with_remarks(load_participants(path, columns, wanted, visits))


def table_with_remarks(known: ParticipantsTable) -> pd.DataFrame:
    """Print the notes on a table of participants and return it, with the remarks in a column ``_remarks``.

    Raises
    ------
    UserError
        With its mistakes.
    """
    if known.mistakes:
        raise UserError("\n".join(known.mistakes))
    for note in known.notes:
        print(note)
    remarks = [known.remarks.get(row, []) for row in known.table.index]
    return known.table.assign(**{REMARKS: pd.Series(remarks, index=known.table.index, dtype=object)})


def load_participants(
    path: Path,
    columns: Columns,
    wanted: Collection[str] | None = None,
    visits: Sequence[str] = (),
) -> ParticipantsTable:
    """Read a table of participants, and collect what is wrong or odd; see :func:`read_participants`.

    Raises
    ------
    UserError
        If the table cannot be read at all.
    """
    if not path.is_file():
        raise UserError(f"{path}: the table of participants is not there; set `participants` of the dataset.")
    options = {ours: column_options(given) for ours, given in columns.items()}
    patterns = {ours: _listed(each) for ours, each in options.items()}
    raw = _read(path, patterns, wanted)
    if visits and any(VISIT in pattern for listed in patterns.values() for pattern in listed):
        parts = [_ours(raw, options, path, visit) for visit in visits]
        for part, visit in zip(parts, visits, strict=True):
            part.table["visit"] = visit
        known = _stacked(parts)
    else:
        known = _ours(raw, options, path, "")
    names = set(text_format(path).header)
    for ours, listed in patterns.items():
        if ours not in known.table:
            known.mistakes.append(_no_column(path, ours, listed, names))
    if not {"subject", "participant"} & set(known.table.columns):
        known.mistakes.append(
            f"{path}: needs a column `subject` or `participant` (or `eid`) that says whom a row is about; "
            f"map it under `columns`. It has {_some(names)}."
        )
    check_values(known, options, path)
    return known


def _listed(options: ColumnOptions) -> list[str]:
    return [options.column] if isinstance(options.column, str) else list(options.column)


def _no_column(path: Path, ours: str, listed: Sequence[str], names: Collection[str]) -> str:
    theirs = " or ".join(listed)
    return f"{path}: has no column {theirs}, which `columns` maps to `{ours}`; it has {_some(names)}."


def _some(names: Collection[str]) -> str:
    shown = ", ".join(sorted(names)[:12])
    return f"{shown} and {len(names) - 12:,} more" if len(names) > 12 else shown


def _stacked(parts: Sequence[ParticipantsTable]) -> ParticipantsTable:
    """Several visits of one table below each other."""
    whole = ParticipantsTable(pd.concat([part.table for part in parts], ignore_index=True))
    start = 0
    for part in parts:
        places = {row: start + place for place, row in enumerate(part.table.index)}
        whole.remarks |= {places[row]: listed for row, listed in part.remarks.items()}
        start += len(places)
        whole.notes += [note for note in part.notes if note not in whole.notes]
        whole.mistakes += [mistake for mistake in part.mistakes if mistake not in whole.mistakes]
    return whole


def _read(path: Path, patterns: Mapping[str, Sequence[str]], wanted: Collection[str] | None) -> pd.DataFrame:
    """Rows of the cohort, and of the columns only those that are ours or asked for."""
    asked = [pattern.replace(VISIT, "*") for listed in patterns.values() for pattern in listed]
    named = [name for key in ("subject", "participant") for name in patterns.get(key, ())]
    kept = []
    for chunk in read_texts(
        path,
        lambda name: name in (*KEYS, *COLUMNS, "scan_date") or any(_fits(name, pattern) for pattern in asked),
        ROWS_AT_ONCE,
    ):
        ids = [name for name in dict.fromkeys(("subject", "participant", "eid", *named)) if name in chunk]
        chunk[ids] = chunk[ids].apply(plain_ids)
        known = chunk if wanted is None or not ids else chunk[chunk[ids].isin(set(wanted)).any(axis=1)]
        kept.append(known.astype(object))
    return pd.concat(kept) if kept else pd.DataFrame(columns=list(text_format(path).header), dtype=object)


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)


def _ours(
    raw: pd.DataFrame, options: Mapping[str, ColumnOptions], path: Path, visit: str
) -> ParticipantsTable:
    """Our columns of `raw` at one visit; those of which it has nothing are left out."""
    table = raw[[name for name in (*KEYS, *COLUMNS, "scan_date") if name in raw]].copy()
    known = ParticipantsTable(table)
    sources = {name: [name] for name in _names(table) if name not in options}
    for ours, each in options.items():
        at_visit = [pattern.replace(VISIT, visit) for pattern in _listed(each)]
        sources[ours] = [name for name in _names(raw) for pattern in at_visit if _fits(name, pattern)]
        table = table.drop(columns=ours, errors="ignore")
    for ours, names in sources.items():
        if names:
            part = raw[list(dict.fromkeys(names))]
            given = options.get(ours, ColumnOptions(column=ours))
            table[ours] = _Column(ours, given, path, known).combined(part)
    if "eid" in table and "participant" not in table:
        table["participant"] = table["eid"]
    known.table = table.drop(columns="eid", errors="ignore")
    return known


def _names(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table.columns]


@dataclass(frozen=True)
class _Column:
    """One of our columns, and where to say what is wrong with it; one of several readings may be doubted."""

    ours: str
    options: ColumnOptions
    path: Path
    known: ParticipantsTable

    def combined(self, raw: pd.DataFrame) -> pd.Series:
        """Our column from one or several of theirs, as text of :func:`_read`."""
        if self.ours == "self_reported_mi":
            return self._attacks(raw)
        parts = {name: self._decoded(raw[name], name) for name in _names(raw)}
        if self.ours in NUMBERS:
            numbers = [self._numbers(part, name, len(parts) > 1) for name, part in parts.items()]
            return pd.concat(numbers, axis=1).mean(axis=1).round(DIGITS)
        if self.ours == "sex":
            return self._sexes(pd.DataFrame(parts).bfill(axis=1).iloc[:, 0])
        if self.ours == "icd10":
            return self._rows(pd.DataFrame(parts), diagnoses, "is no ICD-10 code")
        if self.ours in TEXTS:
            return self._joined(parts)
        return self._own(parts)

    def _decoded(self, texts: pd.Series, name: str) -> pd.Series:
        coding = None if self.ours in ("sex", "icd10") else CODINGS.get(field_of(name) or -1)
        own = {
            f"{code:g}" if isinstance(code, float) else code: _text(value)
            for code, value in self.options.codes.items()
        }
        result, unknown = decoded(texts, coding, own, [_text(code) for code in self.options.missing])
        self._odd(unknown, f"of column {name} is not in its coding")
        return result

    def _numbers(self, texts: pd.Series, name: str, several: bool) -> pd.Series:
        try:
            numbers, wrong = numbers_in(texts, f"{self.path}: column {name}")
        except UserError as error:
            self.known.mistakes.append(str(error))
            return pd.Series(float("nan"), index=texts.index)
        if len(wrong):
            first = str(wrong.iloc[0])
            what = "is a date and no number" if DATE.fullmatch(first) else "is no number"
            more = f" ({len(wrong):,} such cells)" if len(wrong) > 1 else ""
            self.known.mistakes.append(
                f"{self.path}: column {name}, row {int(wrong.index[0]) + 2}: {first!r} {what}{more}."
            )
        numbers = numbers * (self.options.scale or 1.0)
        limits = limits_of(self.ours, self.options)
        doubt = implausible(numbers, limits) if limits else numbers.isna()
        if limits is None or not several or mostly(doubt[numbers.notna()], 1):
            return numbers
        for row, value in numbers[doubt].items():
            self.known.remark(int(str(row)), outside(self.ours, float(value), limits))
        return numbers.mask(doubt)

    def _sexes(self, texts: pd.Series) -> pd.Series:
        known, wrong = sexes(texts)
        words = "is not understood as a sex: write F and M, female and male, or 0 (female) and 1 (male)"
        if len(wrong) and (known.isna().all() or _has_two_for_zero(texts)):
            self.known.mistakes.append(
                f"{self.path}: no sex is understood, such as {wrong.iloc[0]!r}; write F and M, female and "
                "male, or 0 (female) and 1 (male)."
                if known.isna().all()
                else f"{self.path}: column sex: '2' beside '1' {words}."
            )
            return known
        self._odd(wrong, words)
        return known

    def _attacks(self, raw: pd.DataFrame) -> pd.Series:
        columns = []
        for name in _names(raw):
            number = field_of(name)
            part = (
                self._decoded(raw[[name]][name], name)
                if self.options.codes or self.options.missing
                else raw[name]
            )
            columns.append(part.map(lambda text, number=number: f"{number or 0}\0{text}", na_action="ignore"))

        def combine(cells: Sequence[str]) -> tuple[str | None, list[str]]:
            reports = [
                heart_attack_reported([text], int(number))
                for number, _, text in (c.partition("\0") for c in cells)
            ]
            odd = [item for _, listed in reports for item in listed]
            answers = {answer for answer, _ in reports}
            return ("true" if "true" in answers else "false" if "false" in answers and not odd else None), odd

        return self._rows(
            pd.concat(columns, axis=1), combine, "is no answer about a heart attack that is understood"
        )

    def _rows(
        self, raw: pd.DataFrame, combine: Callable[[Sequence[str]], tuple[str | None, list[str]]], words: str
    ) -> pd.Series:
        """Combine each row's texts, and remark on those that are not understood."""
        values, odd = [], {}
        for row, cells in zip(raw.index, raw.to_numpy(dtype=object), strict=True):
            value, unknown = combine([cell for cell in cells if isinstance(cell, str)])
            values.append(value)
            if unknown:
                odd[row] = unknown[0]
        self._odd(pd.Series(odd, dtype=object), words)
        return pd.Series(values, index=raw.index, dtype=object)

    def _joined(self, parts: Mapping[str, pd.Series]) -> pd.Series:
        clean = {name: part.mask(is_missing(part)) for name, part in parts.items()}
        if len(clean) == 1:
            return next(iter(clean.values()))
        rows = pd.DataFrame(clean).to_numpy(dtype=object)
        joined = [";".join(items_of([c for c in row if isinstance(c, str)], ";")) or None for row in rows]
        return pd.Series(joined, index=next(iter(clean.values())).index, dtype=object)

    def _own(self, parts: Mapping[str, pd.Series]) -> pd.Series:
        """A column of the user's own: numbers where it holds nothing else, otherwise text."""
        numbers = []
        for name, part in parts.items():
            try:
                values, wrong = numbers_in(part, f"{self.path}: column {name}")
            except UserError as error:
                self.known.mistakes.append(str(error))
                return part
            if len(wrong):
                return self._joined(parts)
            numbers.append(values)
        return pd.concat(numbers, axis=1).mean(axis=1).round(DIGITS) * (self.options.scale or 1.0)

    def _odd(self, texts: pd.Series, words: str) -> None:
        """Remark on texts that are not understood, and note how many there are."""
        for row, text in texts.items():
            message = f"{self.ours}: {text!r} {words}; it counts as missing"
            self.known.remark(int(str(row)), Remark(Code.ANSWER, self.ours, message))
        if len(texts):
            shown = ", ".join(repr(text) for text in list(dict.fromkeys(texts))[:3])
            self.known.notes.append(
                f"{self.path}: {self.ours}: {shown} {words}; {len(texts):,} participants count as missing."
            )


def _has_two_for_zero(sexes: pd.Series) -> bool:
    """Whether sexes are coded 1 and 2 (whatever stands beside them), of which nobody knows who is who."""
    codes = set(sexes.dropna().map(plain_code))
    return "2" in codes and "0" not in codes


def _text(value: str | float) -> str:
    return f"{value:g}" if isinstance(value, float | int) else value
