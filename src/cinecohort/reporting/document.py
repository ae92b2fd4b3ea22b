"""The report as data: sections of paragraphs, tables and figures that the Typst template sets.

Text is never markup: the template reads it as strings from ``document.json``. What is not plain text (a
reference to a table, a citation, a formula) is an inline object of its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from cinecohort.reporting.numbers import decimal_parts


@dataclass(frozen=True)
class Reference:
    """A reference to the table, figure or section of this label."""

    label: str


@dataclass(frozen=True)
class Citation:
    """A citation of entries of the template's ``references.bib``."""

    keys: tuple[str, ...]


@dataclass(frozen=True)
class Strong:
    """Text in bold type."""

    text: str


@dataclass(frozen=True)
class Formula:
    """A formula in Typst's mathematical notation: text of this software only, never of a user."""

    source: str
    words: str
    """The formula in words, for readers who listen."""


Inline = str | Reference | Citation | Strong | Formula
Text = str | Sequence[Inline]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `note` sets it in small type."""

    text: Text
    note: bool = False


@dataclass(frozen=True)
class Absent(Paragraph):
    """A sentence on why there is nothing to show; of a section that holds no more, it is all that is kept."""


@dataclass(frozen=True)
class Bullets:
    """A list of points."""

    items: Sequence[Text]


@dataclass(frozen=True)
class Equation:
    """A displayed formula."""

    formula: Formula


class Named(str):
    """Text of a cell or heading that names what is taken from the label maps of some views."""

    views: frozenset[str]

    def __new__(cls, text: str, views: Iterable[str]) -> Self:
        """Make it from its text and the views."""
        named = super().__new__(cls, text)
        named.views = frozenset(views)
        return named


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    title
        Its heading.
    align
        Numbers stand right, words left.
    width
        ``auto``: as wide as its content; ``share``: a share of what is left.
    """

    title: str
    align: Literal["left", "right", "center"] = "right"
    width: Literal["auto", "share"] = "auto"


@dataclass(frozen=True)
class Table:
    """A table of text; a row that is a single string is a heading over the rows below it.

    Parameters
    ----------
    label
        Name for references.
    caption
        Set above the table.
    columns
        Headings, alignment, widths.
    rows
        Cells as text, as many as there are columns; or a string.
    spans
        Headings over several columns: (title, number of columns), left to right, covering all columns.
    notes
        Set below the table in small type.
    published_rows
        Indices of rows of published figures, set in grey italics.
    published_columns
        How many of the last columns are published figures, set in grey italics.
    views
        Views whose automatic label maps all of it is taken from; where only some rows or columns are, these
        are :class:`Named`.
    """

    label: str
    caption: Text
    columns: Sequence[Column]
    rows: Sequence[Sequence[str] | str]
    spans: Sequence[tuple[str, int]] = ()
    notes: Text = ""
    published_rows: Sequence[int] = ()
    published_columns: int = 0
    views: Iterable[str] = ()


@dataclass(frozen=True)
class Figure:
    """A picture file of the build folder, with its caption and its description for readers who listen.

    It keeps its own size, or is scaled down to the width of the text. ``views`` are those whose automatic
    label maps it is taken from.
    """

    label: str
    caption: Text
    file: str
    description: str
    views: Iterable[str] = ()


@dataclass(frozen=True)
class Gallery:
    """Several pictures under one caption, each with a line of words above it: (words, file).

    ``views`` are those whose automatic label maps are shown.
    """

    label: str
    caption: Text
    pictures: Sequence[tuple[Text, str]]
    description: str
    views: Iterable[str] = ()


@dataclass(frozen=True)
class FlowStep:
    """One box of the flow of subjects, with what was left out on the way to the next."""

    title: str
    n: str
    excluded: Sequence[str] = ()


@dataclass(frozen=True)
class FlowDiagram:
    """The flow of subjects as boxes and arrows."""

    label: str
    caption: Text
    steps: Sequence[FlowStep]
    description: str

    @staticmethod
    def columns() -> list[Column]:
        """Columns of its boxes as a table."""
        return [
            Column("Step", "left"),
            Column("n", "left"),
            Column("Left out on the way to the next", "left"),
        ]


Block = Paragraph | Bullets | Equation | Table | Figure | Gallery | FlowDiagram


@dataclass
class Section:
    """A numbered section; `level` 2 is a section within the last one of level 1."""

    title: str
    label: str
    blocks: list[Block] = field(default_factory=list)
    level: int = 1


@dataclass
class Document:
    """The whole report.

    Parameters
    ----------
    title, subtitle
        First page and header.
    facts
        Name and value pairs of the first page.
    summary
        Blocks of the first page.
    sections
        The rest.
    banner
        Words for the header and the background of every page, or empty.
    footer
        Words for the left of the footer.
    """

    title: str
    subtitle: str
    facts: list[tuple[str, str]]
    summary: list[Block]
    sections: list[Section]
    banner: str = ""
    footer: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain values for ``document.json``."""
        return {
            "title": self.title,
            "subtitle": self.subtitle,
            "facts": [list(fact) for fact in self.facts],
            "summary": [block_to_dict(block) for block in self.summary],
            "sections": [
                {
                    "title": section.title,
                    "label": section.label,
                    "level": section.level,
                    "blocks": [block_to_dict(block) for block in section.blocks],
                }
                for section in self.sections
            ],
            "banner": self.banner,
            "footer": self.footer,
        }


def text_to_list(text: Text) -> list[dict[str, Any]]:
    """Turn text into a list of inline objects for the template."""
    inlines: Sequence[Inline] = [text] if isinstance(text, str) else text
    result: list[dict[str, Any]] = []
    for inline in inlines:
        match inline:
            case str():
                result.append({"kind": "text", "text": inline})
            case Reference(label):
                result.append({"kind": "reference", "label": label})
            case Citation(keys):
                result.append({"kind": "citation", "keys": list(keys)})
            case Strong(words):
                result.append({"kind": "strong", "text": words})
            case Formula(source, words):
                result.append({"kind": "formula", "source": source, "words": words})
    return result


def block_to_dict(block: Block) -> dict[str, Any]:
    """Turn a block into plain values for the template.

    Raises
    ------
    ValueError
        If a table has no rows or a row of the wrong width: a missing part is a sentence, not an empty table.
    """
    match block:
        case Paragraph(text, note):
            return {"kind": "paragraph", "text": text_to_list(text), "note": note}
        case Bullets(items):
            return {"kind": "bullets", "items": [text_to_list(item) for item in items]}
        case Equation(formula):
            return {"kind": "equation", "source": formula.source, "words": formula.words}
        case Table():
            return table_to_dict(block)
        case Figure():
            return {
                "kind": "figure",
                "label": block.label,
                "caption": text_to_list(block.caption),
                "file": block.file,
                "description": block.description,
            }
        case Gallery():
            return {
                "kind": "gallery",
                "label": block.label,
                "caption": text_to_list(block.caption),
                "description": block.description,
                "pictures": [{"words": text_to_list(words), "file": file} for words, file in block.pictures],
            }
        case FlowDiagram():
            return {
                "kind": "flow",
                "label": block.label,
                "caption": text_to_list(block.caption),
                "description": block.description,
                "steps": [
                    {"title": step.title, "n": step.n, "excluded": list(step.excluded)}
                    for step in block.steps
                ],
            }


def table_to_dict(table: Table) -> dict[str, Any]:
    """Turn a table into plain values, after checking its shape."""
    if not table.rows:
        raise ValueError(f"table {table.label} has no rows")
    width = len(table.columns)
    for row in table.rows:
        if not isinstance(row, str) and len(row) != width:
            raise ValueError(f"table {table.label}: row {list(row)} has not {width} cells")
    if table.spans and sum(span for _, span in table.spans) != width:
        raise ValueError(f"table {table.label}: the spanning headings do not cover {width} columns")
    return {
        "kind": "table",
        "label": table.label,
        "caption": text_to_list(table.caption),
        "columns": [
            {"title": column.title, "align": column.align, "width": column.width} for column in table.columns
        ],
        "rows": [
            {"heading": row}
            if isinstance(row, str)
            else {
                "cells": [
                    cell_to_dict(cell, column) for cell, column in zip(row, table.columns, strict=True)
                ],
                "published": index in table.published_rows,
            }
            for index, row in enumerate(table.rows)
        ],
        "spans": [{"title": title, "n": span} for title, span in table.spans],
        "notes": text_to_list(table.notes) if table.notes else [],
        "published_columns": table.published_columns,
    }


def cell_to_dict(text: str, column: Column) -> dict[str, Any]:
    """Turn a cell into its text and, in a column of numbers, the parts that are aligned."""
    parts, mark = decimal_parts(text) if column.align == "right" else ([], "")
    return {"text": text, "parts": parts, "mark": mark}
