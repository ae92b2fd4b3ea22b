"""Tables that users bring: how a text file is written, and what its cells mean, the same way everywhere.

Comma, semicolon or tab; UTF-8 with or without a byte-order mark, or UTF-16 with one; points or commas as
decimal signs; words and numbers that stand for a missing value. What is ambiguous is refused with the file,
the column and the row.
"""

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cinecohort.errors import UserError

SEPARATORS = ",;\t"
BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
WORKBOOK = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""First bytes of Excel's files, new and old."""

MISSING_WORDS = frozenset(
    {"", ".", "-", "--", "?", "na", "n/a", "n.a.", "nan", "null", "#n/a", "missing", "not available"}
    | {"prefer not to answer", "do not know"}
)
"""What a cell holds where nothing is known, in lower case; the last two are UK Biobank's answers."""

MISSING_NUMBERS = (-99999.0, -9999.0, -999.0, -888.0, -777.0, -99.0, 999.0, 9999.0, 99999.0, 999999.0)
"""Numbers written for a missing value. One is taken for it only where it lies far from all others."""

SPECIAL_CODES = (
    *(
        -1.0,
        -2.0,
        -3.0,
        -4.0,
        -7.0,
        -8.0,
        -9.0,
        -10.0,
        -11.0,
        -13.0,
        -17.0,
        -21.0,
        -23.0,
        -27.0,
        -29.0,
        -88.0,
    ),
    *(-121.0, -131.0, -141.0, -313.0, -717.0, -818.0),
)
"""Numbers that may be answers such as "prefer not to answer" (in UK Biobank's codings, of which that of the
field alone can tell)."""

DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})([T ].*)?")
_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+")
FACTOR_LEVELS = 20
"""A text column with more levels than this, and than one for five rows, is no category."""


@dataclass(frozen=True)
class TextFormat:
    """How a table's file is written.

    Parameters
    ----------
    path
        The file.
    encoding
        Python's name of it.
    separator
        Between cells.
    header
        Names of the columns, without outer blanks.
    skipped
        Lines before the header (Excel's ``sep=;``).
    """

    path: Path
    encoding: str
    separator: str
    header: tuple[str, ...]
    skipped: int = 0


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a text file into a sentence."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeError as error:
        raise UserError(
            f"{path}: is not a table of text in UTF-8 ({_where(path, error)}); save it as CSV in UTF-8."
        ) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error) as error:
        said = " ".join(str(error).split())
        hint = "; look for a quotation mark that is not closed" if "EOF inside string" in said else ""
        raise UserError(f"{path}: is not a table of text ({said}){hint}; save it as CSV in UTF-8.") from error


def _where(path: Path, error: UnicodeError) -> str:
    """The first line whose bytes are not UTF-8."""
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        try:
            line.decode("utf-8-sig")
        except UnicodeDecodeError:
            return f"line {number} has other bytes, as Latin-1 or Windows-1252 would write them"
    return str(error)


def encoding_of(path: Path) -> str:
    """Encoding by the byte-order mark, else UTF-8.

    Raises
    ------
    UserError
        If the file is a workbook, and no text.
    """
    with path.open("rb") as stream:
        first = stream.read(4)
    if first in WORKBOOK:
        raise UserError(f"{path}: is a workbook and no text; save the sheet as CSV in UTF-8.")
    return next((name for mark, name in BYTE_ORDER_MARKS.items() if first.startswith(mark)), "utf-8")


def text_format(path: Path) -> TextFormat:
    """Find out how a table is written, from its first lines.

    Raises
    ------
    UserError
        If it cannot be read, is not text, has no header, or names a column twice.
    """
    with refusals(path):
        encoding = encoding_of(path)
        with path.open(encoding=encoding, newline="") as stream:
            lines = [stream.readline() for _ in range(3)]
    stated = re.fullmatch(r'"?sep=(.)"?', lines[0].strip())
    first, second = lines[1:] if stated else lines[:2]
    with refusals(path):
        separator = stated[1] if stated else max(SEPARATORS, key=lambda sign: _evenness(sign, first, second))
        header = [name.strip() for name in next(csv.reader([first], delimiter=separator), [])]
    if not any(header):
        raise UserError(f"{path}: is empty; a table with a header line is needed.")
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    if repeated:
        raise UserError(f"{path}: has several columns {', '.join(repeated)}; keep one or rename them.")
    return TextFormat(path, encoding, separator, tuple(header), int(bool(stated)))


def _evenness(separator: str, *lines: str) -> tuple[bool, int]:
    """Whether header and first row have as many cells, and how many the header has."""
    cells = [len(next(csv.reader([line], delimiter=separator), [])) for line in lines]
    return cells[0] > 1 and cells[0] == cells[1], cells[0]


def read_texts(
    path: Path,
    wanted: Callable[[str], bool] | None = None,
    rows_at_once: int | None = None,
) -> Iterator[pd.DataFrame]:
    """Read a table in parts; every cell is text without outer blanks, an empty one is missing.

    Parameters
    ----------
    path
        The file.
    wanted
        Says of a column's name whether it is read; None reads all.
    rows_at_once
        Rows of a part; None reads all at once.

    Raises
    ------
    UserError
        As :func:`text_format`, or if its rows do not fit its header.
    """
    form = text_format(path)
    with refusals(path):
        parts = pd.read_csv(
            path,
            sep=form.separator,
            dtype=str,
            encoding=form.encoding,
            skiprows=form.skipped,
            usecols=None if wanted is None else (lambda name: wanted(str(name).strip())),
            chunksize=rows_at_once or 10**9,
            keep_default_na=False,
            na_values=[""],
        )
        for part in parts:
            part.columns = part.columns.str.strip()
            check_rows(part, path)
            for name in part.columns[part.dtypes == "str"]:
                part[name] = part[name].str.strip().replace("", None)
            yield part


def check_rows(table: pd.DataFrame, path: Path) -> None:
    """Refuse rows that do not fit the header, or that an open quotation mark has swallowed."""
    if len(table) and not isinstance(table.index, pd.RangeIndex):
        raise UserError(
            f"{path}: its rows have more values than its header has names, so that they do not match; "
            "name every column, remove separators at the ends of the lines, and write no decimal commas in a "
            "table whose cells are separated by commas."
        )
    for name in table.columns[table.dtypes == "str"]:
        broken = table[name].str.count("\n") > 1
        if broken.any():
            row = int(table.index[broken.fillna(False)][0]) + 2
            raise UserError(
                f"{path}: row {row}, column {name}: the cell goes over several lines; a quotation mark in it "
                "is not closed."
            )


def is_missing(texts: pd.Series) -> pd.Series:
    """Whether each text stands for a missing value, or is none."""
    return texts.isna() | texts.str.strip().str.lower().isin(MISSING_WORDS)


def plain_ids(ids: pd.Series) -> pd.Series:
    """Ids as text; where all are whole numbers with a decimal point (``1000.0``), without it.

    Software that holds numbers and missing values in one column writes them so.
    """
    texts = ids.astype("string").str.strip()
    present = texts.dropna()
    if len(present) and present.str.fullmatch(r"\d+\.0+").all():
        texts = texts.str.replace(r"\.0+$", "", regex=True)
    return texts


def numbers_in(texts: pd.Series, place: str) -> tuple[pd.Series, pd.Series]:
    """Numbers from text, with decimal points or commas, and the texts that are no numbers.

    Parameters
    ----------
    texts
        One column.
    place
        File and column, for the sentence.

    Returns
    -------
    tuple
        Floats (NaN where missing or no number), and the part of `texts` that is neither.

    Raises
    ------
    UserError
        If commas may be decimal signs or separate thousands, or the column has both points and commas.
    """
    texts = texts.mask(is_missing(texts) | texts.str.strip().str.lower().eq("none")).astype("object")
    present = texts.dropna().astype(str)
    numbers = pd.to_numeric(present, errors="coerce")
    others = present[numbers.isna()]
    commas = others[[bool(_COMMA.fullmatch(text)) for text in others]]
    if len(commas):
        pointed = present[numbers.notna() & present.str.contains(".", regex=False)]
        if len(pointed):
            raise UserError(
                f"{place}: holds numbers with decimal points ({pointed.iloc[0]}) and with commas "
                f"({commas.iloc[0]}); write all of them with points."
            )
        if all(_THOUSANDS.fullmatch(text) for text in commas):
            first = str(commas.iloc[0])
            raise UserError(
                f"{place}: it is not clear whether {first!r} is {first.replace(',', '.')} or "
                f"{first.replace(',', '')}; write numbers with points, and without thousands separators."
            )
        numbers.loc[commas.index] = commas.str.replace(",", ".").astype(float)
    wrong = present[numbers.isna()]
    return numbers.reindex(texts.index).astype(float), wrong


def sentinels(numbers: pd.Series) -> list[float]:
    """Numbers such as -999 that stand for a missing value: no other is near them.

    A negative one counts where all other values are 0 or more, a positive one where it is more than three
    times the largest of them.
    """
    values = numbers.dropna()
    others = values[~values.isin(MISSING_NUMBERS)]
    if others.empty:
        return []
    return [
        code
        for code in MISSING_NUMBERS
        if (values == code).any() and ((code < 0 <= others.min()) or (code > 3 * others.max() > 0))
    ]


def special_codes(numbers: pd.Series) -> list[float]:
    """Negative whole numbers that may be codes of answers.

    Only where nothing else is negative: of an index such as Townsend's, negative values are values.
    """
    values = numbers.dropna()
    others = values[~values.isin(SPECIAL_CODES)]
    if others.empty or (others < 0).any():
        return []
    return [code for code in SPECIAL_CODES if (values == code).any()]


def clean_column(
    values: pd.Series, name: str, path: Path, look_for_codes: bool = True
) -> tuple[pd.Series, list[str]]:
    """A column as numbers where it holds numbers, with missing values missing, and what to report about it.

    Parameters
    ----------
    values
        As pandas read it: numbers or text.
    name, path
        For the sentences.
    look_for_codes
        Whether -999 and the like are looked for; not where limits of the values are known.

    Returns
    -------
    tuple
        The column, and sentences on what was taken as missing or looks like a code.
    """
    if pd.api.types.is_bool_dtype(values):
        return values, []
    if not pd.api.types.is_numeric_dtype(values):
        texts = values.astype("str")
        if not texts.dropna().str.contains(r"\d", regex=True).any():
            words = texts.str.strip().str.lower()
            yes_or_no = bool(words.dropna().isin(["none", "true", "false"]).all())
            return values.mask(is_missing(texts) | (words.eq("none") if yes_or_no else False)), []
        numbers, wrong = numbers_in(texts, f"{path}: column {name}")
        if len(wrong):
            return values.mask(is_missing(texts)), []
        whole = numbers.notna().all() and bool((numbers % 1 == 0).all())
        values = numbers.astype(np.int64) if whole else numbers
    if not look_for_codes:
        return values, []
    notes = []
    codes = sentinels(values)
    if codes:
        count = int(values.isin(codes).sum())
        shown = ", ".join(f"{code:g}" for code in codes)
        notes.append(f"{path}: column {name}: {shown} is taken for a missing value ({_rows(count)}).")
        values = values.mask(values.isin(codes))
    looks = special_codes(values)
    if looks:
        shown = ", ".join(f"{code:g} ({_rows(int((values == code).sum()))})" for code in looks)
        notes.append(
            f"{path}: column {name}: {shown} may be a code, such as 'prefer not to answer'; it is used as a "
            "number. Empty these cells if it means a missing value."
        )
    return values, notes


def _rows(count: int) -> str:
    return f"{count:,} row" + ("" if count == 1 else "s")


def check_levels(values: pd.Series, name: str) -> None:
    """Refuse text that is used as a category and cannot be one, or that writes one in several ways.

    Refused are dates, a level for every few rows, and levels that differ in capitals or blanks alone.

    Raises
    ------
    UserError
        With the column and an example.
    """
    present = values.dropna().astype(str)
    levels = present.unique()
    if len(levels) and all(DATE.fullmatch(text) for text in levels):
        raise UserError(
            f"Column {name!r} holds dates, such as {levels[0]!r}: give a number instead, such as years."
        )
    if len(levels) > max(FACTOR_LEVELS, len(present) / 5):
        raise UserError(
            f"Column {name!r} holds text with {len(levels)} different values in {len(present)} rows, such as "
            f"{levels[0]!r}: these are no categories; give numbers, or fewer groups."
        )
    spellings = pd.Series(levels, dtype=object).groupby(
        [" ".join(text.casefold().split()) for text in levels]
    )
    for _, alike in spellings:
        if len(alike) > 1:
            shown = " and ".join(map(repr, sorted(alike)))
            raise UserError(
                f"Column {name!r} holds {shown}, which differ in capitals or blanks alone: write one of them."
            )


def list_of_ids(path: Path) -> frozenset[str]:
    """First cell of each line of a list, without quotes; lists have no header and may have one column.

    Raises
    ------
    UserError
        If it cannot be read or is not text.
    """
    with refusals(path):
        lines = path.read_text(encoding=encoding_of(path)).splitlines()
    ids = (re.split(r"[,;\t]", line)[0].strip().strip("\"'") for line in lines)
    return frozenset(identifier for identifier in ids if identifier)
