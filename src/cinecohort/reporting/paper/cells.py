"""A number as published, the user's own and their difference; tables made of such cells."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cinecohort.catalogue.views import STRUCTURES
from cinecohort.reporting.document import Column, Named, Paragraph, Section, Strong, Table, Text
from cinecohort.reporting.numbers import UNDEFINED, count, is_defined, mean_sd, signed

MeanSd = tuple[object, object]
"""Mean and SD; the SD is None where there is none."""


@dataclass(frozen=True)
class Cell:
    """What one cell of a published table holds: the text as published, one's own, their difference."""

    published: str = UNDEFINED
    own: str = UNDEFINED
    difference: str = UNDEFINED


@dataclass(frozen=True)
class Line:
    """A row of a published table: its name and its cells."""

    name: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Part:
    """Rows of a published table under a heading of their own, such as "(a) Dice metric"."""

    heading: str
    lines: Sequence[Line]


def compared(published: MeanSd | None, own: MeanSd | None, digits: int, note: str = "") -> Cell:
    """Set mean (SD) as published beside one's own.

    Parameters
    ----------
    published, own
        Mean and SD, None where there is none. The published one is rounded as it was printed.
    digits
        Digits after the point of the published number; one's own is rounded to them, and so is the difference
        of the means, after it was taken.
    note
        What is added to one's own, such as ``, n = 7``.
    """
    theirs, ours = published or (None, None), own or (None, None)
    both = is_defined(theirs[0]) and is_defined(ours[0])
    return Cell(
        mean_sd(*theirs, digits),
        mean_sd(*ours, digits) + (note if is_defined(ours[0]) else ""),
        signed(float(ours[0]) - float(theirs[0]), digits) if both else UNDEFINED,  # type: ignore[arg-type]
    )


def counts(published: object, own: object) -> Cell:
    """Set a number of subjects beside one's own; their difference says nothing."""
    return Cell(count(published), count(own))


def own_note(n: object, of: object) -> str:
    """Return how many subjects a value is of, where these are not as many as the column's head says."""
    differs = is_defined(n) and is_defined(of) and int(n) != int(of)  # type: ignore[call-overload]
    return f", n = {count(n)}" if differs else ""


def mean_and_sd(row: Mapping[str, Any] | None, mean: str, sd: str) -> MeanSd | None:
    """Mean and SD of a row of a table, None without a mean; without a column of SDs the mean alone."""
    return (row[mean], row.get(sd) if sd else None) if row is not None and is_defined(row.get(mean)) else None


def rows_of(lines: Iterable[Line]) -> list[list[str]]:
    """Up to three rows of a line: published, yours, difference; one that would be empty is left out."""
    rows: list[list[str]] = []
    for line in lines:
        texts = {
            "published": [cell.published for cell in line.cells],
            "yours": [cell.own for cell in line.cells],
            "difference": [cell.difference for cell in line.cells],
        }
        name = line.name
        for what, cells in texts.items():
            if set(cells) != {UNDEFINED}:
                rows.append([name, what, *cells])
                name = ""
    return rows


def compared_table(
    label: str,
    caption: Text,
    columns: Sequence[Column],
    parts: Sequence[Part],
    notes: Text = "",
    spans: Sequence[tuple[str, int]] = (),
) -> Table:
    """Table in the form of a published one, each of its rows as published, as yours and as difference.

    Parameters
    ----------
    label, caption, notes, spans
        See :class:`cinecohort.reporting.document.Table`.
    columns
        Those of the published table, without the one of its rows' names.
    parts
        Its rows.
    """
    rows: list[list[str] | str] = []
    for part in parts:
        rows += [part.heading] if part.heading else []
        rows += rows_of(part.lines)
    printed = [index for index, row in enumerate(rows) if not isinstance(row, str) and row[1] == "published"]
    heads = [Column("", "left", "share"), Column("", "left"), *columns]
    return Table(label, caption, heads, rows, spans, notes, published_rows=printed)


def structure_columns(names: Iterable[str] = STRUCTURES["sa"].values()) -> list[Column]:
    """Columns of Dice in the short axis under the papers' short names, such as MYO."""
    return [Column(Named(name, ["sa"])) for name in names]


def dataset_spans(published: pd.DataFrame, shown: Sequence[tuple[str, str]]) -> list[tuple[str, int]]:
    """Headings over the columns (dataset, structure): each published data set with its size."""
    sizes = published.drop_duplicates("dataset").set_index("dataset")["n"]
    widths = Counter(dataset for dataset, _ in shown)
    return [("", 2), *((f"{dataset} (n = {count(sizes[dataset])})", n) for dataset, n in widths.items())]


def not_made(words: str) -> Paragraph:
    """Say why one's data cannot make a table or figure, or a part of it."""
    return Paragraph([Strong("Not from your data. "), words])


def exhibit(paper: str, kind: str, title: str, blocks: Sequence[Any], number: str) -> Section:
    """Section of one table or figure of a paper.

    Parameters
    ----------
    paper
        ``bai2018`` or ``chen2020``.
    kind
        What it is taken from, as the ordinary report names its sections (``agreement``, ``study``,
        ``gallery``, ``methods``): by it the values of networks that were not validated are marked.
    title, number
        Words, and the paper's number, such as ``Table 2``.
    blocks
        Its tables, figures and sentences.
    """
    place = number.lower().replace(" ", "-")
    return Section(f"{number}: {title}", f"sec-{kind}-{paper}-{place}", list(blocks), level=2)
