"""Options of measures that were made elsewhere and come as tables."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from cinecohort.options import Options


def _checked_pattern(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from error
    if "subject" not in groups:
        raise ValueError("needs a group named subject, as in (?P<subject>\\d+)")
    return pattern


class MeasuresFileOptions(Options):
    """One file of measures."""

    path: Path
    """CSV or TSV, relative to the dataset's path."""
    subject: str | None = None
    """Column of the subject's id; unset: `subject`, `eid`, or an unnamed first column."""
    id_pattern: Annotated[str, AfterValidator(_checked_pattern)] | None = None
    """Regular expression that a whole id must match: its group `subject` is the subject, `repeat` sets
    further rows of the subject apart, `measure` names the measure of a long table. Other ids are counted."""
    columns: dict[str, str] = {}
    """Our measure to the column that holds it (in a long table: to the name of the measure in the id, or in
    the column `measure`). Columns with our names or ukbb_cardiac's need no entry."""
    measure: str | None = None
    """Long table: column that names the measure, where the id does not."""
    value: str | None = None
    """Long table: column of the values. Set, it makes the table a long one."""
    where: dict[str, str] = {}
    """Column to the text that it must hold for a row to be read."""
    scale: dict[str, float] = {}
    """Our measure to the factor that brings the file's unit to ours (0.001 for mm³ to mL)."""


class MeasuresTableOptions(Options):
    """Measures by one method or observer, from one file or several."""

    kind: Literal["auto", "manual"]
    """Whether a method or a human made them."""
    files: tuple[MeasuresFileOptions, ...] = Field(min_length=1)
    """Where they are."""
    prefer: tuple[str, ...] = ()
    """Repeats in the order in which they are taken, where a subject has several rows; then come rows without
    a repeat, then all others."""
    zero_is_missing: bool = False
    """Whether a volume or mass of zero is a failure to measure, with what follows from it, not a value."""
    derive: bool = True
    """Whether measures that follow from others (such as the ejection fraction) are computed where missing,
    and held to the limits of what is stated."""


class TablesOptions(Options):
    """Settings of a dataset with `source: tables`."""

    tables: dict[str, MeasuresTableOptions] = Field(min_length=1)
    """Method or observer to its measures; the first automatic one is the primary. One is enough for a
    study."""
