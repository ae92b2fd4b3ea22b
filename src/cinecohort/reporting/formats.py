"""A printed table as CSV, Markdown, LaTeX and DOCX, with the same text in its cells as in the report.

Whatever a user wrote (names of groups, sites, scanners) is text in every format, never markup.
"""

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from cinecohort.files import write_bytes
from cinecohort.reporting.document import Formula, Reference, Strong, Table, Text
from cinecohort.reporting.numbers import NOTE_MARKS

MARKDOWN = re.compile(r"([\\`*_#$<>|\[\]~!])")
LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "#": r"\#", "$": r"\$", "%": r"\%", "&": r"\&",
    "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "\N{MINUS SIGN}": "$-$", "–": "--", "†": r"\textdagger{}",
    "²": r"\textsuperscript{2}", "³": r"\textsuperscript{3}", "ρ": r"$\rho$", "√": r"$\surd$",
    "×": r"$\times$", "≥": r"$\ge$", "≤": r"$\le$", "±": r"$\pm$", "·": r"$\cdot$",
    "\N{NO-BREAK SPACE}": "~", "\n": " ",
}  # fmt: skip
LATEX |= {
    mark: rf"\textsuperscript{{{letter}}}" for mark, letter in zip(NOTE_MARKS, "abcdefghijkl", strict=True)
}
ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What XML cannot hold."""

DOCX_FIXED = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'wordprocessingml.document.main+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
    'officeDocument" Target="word/document.xml"/></Relationships>',
}
XML_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
ZIP_TIME = (2020, 1, 1, 0, 0, 0)
"""Time of every entry: the same table gives the same bytes."""


def plain(text: Text) -> str:
    """Text of a caption or of notes without references, which mean nothing outside the report."""
    inlines = [text] if isinstance(text, str) else text
    parts = []
    for inline in inlines:
        match inline:
            case str():
                parts.append(inline)
            case Strong(words):
                parts.append(words)
            case Formula(_, words):
                parts.append(words)
            case Reference():
                parts.append("another table")
            case _:
                pass
    return " ".join("".join(parts).split(" ")).strip()


def heads(table: Table) -> list[str]:
    """Heading of each column, after that of the columns that it stands under."""
    above = [title for title, n in table.spans for _ in range(n)] or [""] * len(table.columns)
    return [
        f"{span}: {column.title}" if span else column.title
        for span, column in zip(above, table.columns, strict=True)
    ]


def to_csv(table: Table) -> str:
    """Comma-separated values; headings over rows stand in a first column ``group``."""
    grouped = any(isinstance(row, str) for row in table.rows)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    titles = [" ".join(title.split()) for title in heads(table)]
    writer.writerow(["group", *titles] if grouped else titles)
    group = ""
    for row in table.rows:
        if isinstance(row, str):
            group = row
        else:
            cells = [cell.strip() for cell in row]
            writer.writerow([group, *cells] if grouped else cells)
    return stream.getvalue()


def to_markdown(table: Table) -> str:
    """Make a table in GitHub's Markdown, with the caption above and the notes below."""

    def cell(text: str) -> str:
        return MARKDOWN.sub(r"\\\1", text.replace("\n", " "))

    lines = [f"**{cell(plain(table.caption))}**", "", markdown_row(map(cell, heads(table)))]
    lines.append(markdown_row("---:" if column.align == "right" else "---" for column in table.columns))
    for row in table.rows:
        cells = [f"**{cell(row)}**", *[""] * (len(table.columns) - 1)] if isinstance(row, str) else row
        lines.append(markdown_row(cells if isinstance(row, str) else map(cell, cells)))
    notes = plain(table.notes)
    return "\n".join([*lines, *(["", cell(notes)] if notes else [])]) + "\n"


def markdown_row(cells: "Sequence[str] | map[str] | object") -> str:
    """Cells between bars."""
    return "| " + " | ".join(cells) + " |"  # type: ignore[arg-type]


def latex_text(text: str) -> str:
    """Text with everything escaped that LaTeX would read as markup."""
    return "".join(LATEX.get(character, character) for character in text)


def to_latex(table: Table) -> str:
    """Make a ``table`` with ``booktabs`` rules; other scripts than Latin need LuaLaTeX or XeLaTeX."""
    n = len(table.columns)
    letters = "".join("r" if column.align == "right" else "l" for column in table.columns)
    lines = [r"% needs \usepackage{booktabs}", r"\begin{table}", r"\centering\small"]
    lines += [
        rf"\caption{{{latex_text(plain(table.caption))}}}",
        rf"\begin{{tabular}}{{{letters}}}",
        r"\toprule",
    ]
    if table.spans:
        spans = (rf"\multicolumn{{{width}}}{{c}}{{{latex_text(title)}}}" for title, width in table.spans)
        lines.append(" & ".join(spans) + r" \\")
    lines += [" & ".join(latex_text(column.title) for column in table.columns) + r" \\", r"\midrule"]
    for row in table.rows:
        if isinstance(row, str):
            lines.append(rf"\multicolumn{{{n}}}{{l}}{{\textit{{{latex_text(row)}}}}} \\")
        else:
            lines.append(" & ".join(map(latex_text, row)) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    notes = plain(table.notes)
    lines += [rf"\par\footnotesize {latex_text(notes)}"] if notes else []
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def to_docx(table: Table) -> bytes:
    """Make a Word document that holds the table with three rules, its caption and its notes."""
    rows = []
    if table.spans:
        rows.append(docx_row([(title, "center", width) for title, width in table.spans], bold=True))
    rows.append(docx_row([(column.title, column.align, 1) for column in table.columns], bold=True, rule=True))
    for index, row in enumerate(table.rows):
        if isinstance(row, str):
            rows.append(docx_row([(row, "left", len(table.columns))], italic=True))
        else:
            cells = [(text, column.align, 1) for text, column in zip(row, table.columns, strict=True)]
            rows.append(docx_row(cells, italic=index in table.published_rows))
    line = '<w:{0} w:val="single" w:sz="8" w:space="0" w:color="auto"/>'
    borders = f"<w:tblBorders>{line.format('top')}{line.format('bottom')}</w:tblBorders>"
    grid = "<w:gridCol/>" * len(table.columns)
    body = docx_paragraph(plain(table.caption), bold=True)
    body += (
        f'<w:tbl><w:tblPr><w:tblW w:w="5000" w:type="pct"/>{borders}</w:tblPr><w:tblGrid>{grid}</w:tblGrid>'
    )
    body += "".join(rows) + "</w:tbl>" + docx_paragraph(plain(table.notes), points=8)
    document = f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**DOCX_FIXED, "word/document.xml": document}.items():
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, XML_HEAD + text)
    return stream.getvalue()


def docx_row(
    cells: Sequence[tuple[str, str, int]], bold: bool = False, italic: bool = False, rule: bool = False
) -> str:
    """Row of cells (text, side, columns), with a rule below or without."""
    line = '<w:tcBorders><w:bottom w:val="single" w:sz="4" w:space="0" w:color="auto"/></w:tcBorders>'
    result = ""
    for text, side, width in cells:
        span = f'<w:gridSpan w:val="{width}"/>' if width > 1 else ""
        paragraph = docx_paragraph(text, side, bold=bold, italic=italic)
        result += f"<w:tc><w:tcPr>{span}{line if rule else ''}</w:tcPr>{paragraph}</w:tc>"
    return f"<w:tr>{result}</w:tr>"


def docx_paragraph(
    text: str, side: str = "left", bold: bool = False, italic: bool = False, points: int = 9
) -> str:
    """Paragraph in one style; text in a script from right to left is marked as such."""
    text = ILLEGAL.sub("", text)
    look = "<w:b/>" * bold + "<w:i/>" * italic + f'<w:sz w:val="{2 * points}"/>'
    if any(unicodedata.bidirectional(character) in ("R", "AL") for character in text):
        look += "<w:rtl/>"
    lines = [f'<w:t xml:space="preserve">{escape(line)}</w:t>' for line in text.split("\n")]
    run = f"<w:r><w:rPr>{look}</w:rPr>{'<w:br/>'.join(lines)}</w:r>"
    return f'<w:p><w:pPr><w:spacing w:after="20"/><w:jc w:val="{side}"/></w:pPr>{run}</w:p>'


FORMATS: dict[str, Callable[[Table], str | bytes]] = {
    "csv": to_csv,
    "md": to_markdown,
    "tex": to_latex,
    "docx": to_docx,
}


def write_formats(table: Table, folder: Path, name: str) -> list[Path]:
    """Write a table as ``name.csv, name.md, name.tex`` and ``name.docx`` and return their paths."""
    paths = []
    for ending, make in FORMATS.items():
        content = make(table)
        paths.append(folder / f"{name}.{ending}")
        write_bytes(paths[-1], content.encode() if isinstance(content, str) else content)
    return paths
