"""Printed tables in other formats: the same text, and never markup of a user's words."""

import csv
import io
import re
import zipfile
from xml.etree import ElementTree

import pytest

from cinecohort.reporting.document import Citation, Column, Reference, Table
from cinecohort.reporting.formats import (
    FORMATS,
    latex_text,
    to_csv,
    to_docx,
    to_latex,
    to_markdown,
    write_formats,
)

HOSTILE = ("#1 *bold* $x$ <b>", "a|b & c_d ~ 5 %", "Müller \\ {x}", "مستشفى القلب", "a\x07b")
COLUMNS = [Column("Site", "left"), Column("LVEDV\n(n = 3)"), Column("p")]


@pytest.fixture
def table() -> Table:
    rows = [[words, "−3.7 (−39.6 to 32.1)ᵃ", "< 0.001"] for words in HOSTILE]
    notes = ["ᵃ n = 2. See ", Reference("tab-x"), Citation(("bai2018",)), "."]
    spans = [("", 1), ("This cohort", 2)]
    return Table("tab-sites", "Sites #1.", COLUMNS, ["Group $1", *rows], spans=spans, notes=notes)


def words_of(content: bytes) -> list[list[str]]:
    """Return the text of each cell of a Word document's table."""
    name = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        root = ElementTree.fromstring(archive.read("word/document.xml"))
    return [
        ["".join(part.text or "" for part in cell.iter(f"{name}t")) for cell in row.iter(f"{name}tc")]
        for row in root.iter(f"{name}tr")
    ]


def test_csv_holds_the_cells_as_they_are(table: Table) -> None:
    head, *rows = csv.reader(io.StringIO(to_csv(table)))
    assert head == ["group", "Site", "This cohort: LVEDV (n = 3)", "This cohort: p"]
    assert [row[1] for row in rows] == list(HOSTILE)
    assert rows[0][0] == "Group $1"
    assert rows[0][2] == "−3.7 (−39.6 to 32.1)ᵃ"


def test_markdown_has_one_line_per_row_and_no_markup_of_users(table: Table) -> None:
    lines = [line for line in to_markdown(table).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 1 + len(HOSTILE)
    for line in lines:
        assert len(re.findall(r"(?<!\\)\|", line)) == len(COLUMNS) + 1
    assert r"\#1 \*bold\* \$x\$ \<b\>" in to_markdown(table)


def test_latex_escapes_all_that_is_special(table: Table) -> None:
    text = to_latex(table)
    assert latex_text("a_b & 5 % #1 $x$ {y} \\ ~ ^ < > |") == (
        r"a\_b \& 5 \% \#1 \$x\$ \{y\} \textbackslash{} \textasciitilde{} \textasciicircum{} \textless{} "
        r"\textgreater{} \textbar{}"
    )
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    rows = [line for line in body.splitlines()[2:] if line]
    assert all(len(re.findall(r"(?<!\\)&", row)) == len(COLUMNS) - 1 for row in rows)
    assert r"\textsuperscript{a}" in text
    assert "$-$3.7 ($-$39.6 to 32.1)" in text


def test_word_holds_every_cell_and_the_same_bytes_each_time(table: Table) -> None:
    content = to_docx(table)
    assert content == to_docx(table)
    cells = words_of(content)
    assert cells[1] == ["Site", "LVEDV(n = 3)", "p"]
    assert [row[0] for row in cells[3:]] == [*HOSTILE[:4], "ab"]
    assert cells[3][1:] == ["−3.7 (−39.6 to 32.1)ᵃ", "< 0.001"]
    assert b"w:rtl" in zipfile.ZipFile(io.BytesIO(content)).read("word/document.xml")


def test_all_formats_are_written(table: Table, tmp_path) -> None:
    paths = write_formats(table, tmp_path, "sites")
    assert [path.name for path in paths] == [f"sites.{ending}" for ending in FORMATS]
    assert all(path.stat().st_size for path in paths)
