"""What has nothing to show takes no room: sections without results, columns without values."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from cinecohort.reporting.document import Absent, Block, Section, Table, Text
from cinecohort.reporting.numbers import UNDEFINED, listing

Item = TypeVar("Item")


def without_absent(sections: Iterable[Section]) -> tuple[list[Section], list[Text]]:
    """Sections without those that only say why there is nothing to show, and what the latter say.

    A section of level 1 stays where one within it has something to show.
    """
    kept: list[Section] = []
    sentences: list[Text] = []
    for head, *parts in families(sections):
        shown = [part for part in parts if not is_absent(part.blocks)]
        gone = [part for part in parts if is_absent(part.blocks)]
        if shown or not is_absent(head.blocks):
            kept += [head, *shown]
        else:
            gone.insert(0, head)
        sentences += [block.text for part in gone for block in part.blocks if isinstance(block, Absent)]
    return kept, sentences


def families(sections: Iterable[Section]) -> list[list[Section]]:
    """Each section of level 1 with those within it."""
    result: list[list[Section]] = []
    for section in sections:
        if section.level == 1 or not result:
            result.append([])
        result[-1].append(section)
    return result


def is_absent(blocks: Sequence[Block]) -> bool:
    """Say whether the blocks of a section only say why there is nothing to show."""
    return all(isinstance(block, Absent) for block in blocks)


def with_full_columns(sections: Iterable[Section]) -> list[Section]:
    """Sections whose tables have no column without a value."""
    return [
        replace(
            section,
            blocks=[without_empty_columns(b) if isinstance(b, Table) else b for b in section.blocks],
        )
        for section in sections
    ]


def without_empty_columns(table: Table) -> Table:
    """Return the table without columns that hold dashes alone; a note below it names them.

    The first column stays, and a table of dashes alone stays as it is.
    """
    rows = [row for row in table.rows if not isinstance(row, str)]
    width = len(table.columns)
    empty = {place for place in range(1, width) if all(row[place].strip() in ("", UNDEFINED) for row in rows)}
    if not empty or len(empty) == width - 1:
        return table
    kept = [place for place in range(width) if place not in empty]
    above = [title for title, n in table.spans for _ in range(n)] or [""] * width
    dashes = [place for place in sorted(empty) if any(row[place].strip() for row in rows)]
    named = dict.fromkeys(column_words(above[place], table.columns[place].title) for place in dashes)
    spans: list[tuple[str, int]] = []
    start = 0
    for title, n in table.spans:
        left = sum(start <= place < start + n for place in kept)
        spans += [(title, left)] if left else []
        start += n
    note = f" Left out, since no value is known: {listing(named)}." if named else ""
    notes = [table.notes] if isinstance(table.notes, str) else list(table.notes)
    return replace(
        table,
        columns=[table.columns[place] for place in kept],
        rows=[row if isinstance(row, str) else [row[place] for place in kept] for row in table.rows],
        spans=spans,
        notes=[*notes, note if any(notes) else note.lstrip()],
        published_columns=sum(place >= width - table.published_columns for place in kept),
    )


def in_parts(items: Sequence[Item], most: int) -> list[Sequence[Item]]:
    """Items in parts of about the same size, none longer than `most`, such as the columns of tables."""
    size = -(-len(items) // max(1, -(-len(items) // most)))
    return [items[start : start + size] for start in range(0, len(items), size or 1)]


def column_words(span: str, title: str) -> str:
    """A column's heading in one line, with the one above it."""
    words = " ".join(title.split())
    return f"{words} ({span})" if span else words
