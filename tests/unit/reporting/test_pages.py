"""Pages of a whole report: how full they are, and that each number of its tables can be read in them."""

import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pypdf
import pytest
from PIL import Image as Picture

from cinecohort.files import write_json
from cinecohort.reporting.document import (
    Column,
    Document,
    Figure,
    FlowDiagram,
    FlowStep,
    Paragraph,
    Section,
    Table,
)
from cinecohort.reporting.exports import blocks_of
from cinecohort.reporting.report import compose, make_report
from cinecohort.reporting.results import read_results
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.settings import report_settings
from cinecohort.reporting.typesetting import build_folder, compiler_of, typeset
from support.fake_analyses import add_agreement, add_study

TOP, BOTTOM, SIDE, HEIGHT, WIDTH = 22, 20, 20, 297, 210
"""Margins and size of a page in mm, as in the template."""
SHAPES = ((6, 3), (40, 2), (34, 5), (70, 7), (18, 2), (12, 4), (24, 3), (50, 1), (9, 9))
"""Rows and columns of numbers of the tables of a long report."""


def some_table(label: str, rows: int, columns: int) -> Table:
    body: list[list[str] | str] = []
    for row in range(rows):
        body += [f"Part {row}"] if row % 15 == 0 else []
        cells = [f"{100 * row + column}.{row % 10} ({column}.5)" for column in range(columns)]
        body.append([f"Measure {row} (mL)", *cells])
    heads = [Column("Measure", "left"), *(Column(f"Source {i}\n(n = 19)") for i in range(columns))]
    return Table(f"tab-{label}", f"Table {label}.", heads, body, notes="Notes of the table.")


def long_report(build: Path) -> Document:
    """Every kind of block between tables of many sizes."""
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="640" height="{height}">'
    picture = head + '<path d="M0 0H640V{height}"/></svg>'
    sections = []
    for index, shape in enumerate(SHAPES):
        file = f"figures/{index}.svg"
        (build / file).write_text(picture.format(height=120 + 40 * index))
        blocks = [
            Paragraph("Words. " * 30),
            some_table(str(index), *shape),
            Figure(f"fig-{index}", "A figure.", file, "A figure."),
        ]
        sections.append(Section(f"Section {index}", f"sec-{index}", blocks))
    steps = [
        FlowStep("Received", "24", ["Left out: n = 5", "a slice is missing (GAP): 5"]),
        FlowStep("Analysed", "19"),
    ]
    sections[0].blocks.append(FlowDiagram("fig-flow", "Flow.", steps, "Flow of subjects."))
    return Document("A *title* #1", "Subtitle", [], [Paragraph("Words. " * 300)], sections, "SYNTHETIC DATA")


def fill(page: bytes) -> float:
    """Share of the height between the margins that the ink of a page, drawn at 1 pixel per mm, reaches."""
    grey = np.asarray(Picture.open(io.BytesIO(page)).convert("L"))
    assert abs(grey.shape[0] - HEIGHT) <= 1
    inner = grey[TOP : HEIGHT - BOTTOM, SIDE : WIDTH - SIDE]
    return float(1 + np.flatnonzero((inner < 200).any(axis=1)).max(initial=0)) / inner.shape[0]


def pages(build: Path, document: Document) -> list[bytes]:
    write_json(build / "document.json", document.to_dict())
    made = compiler_of(build).compile(str(build / "report.typ"), format="png", ppi=25.4)
    return made if isinstance(made, list) else [made or b""]


def test_no_page_but_the_last_of_a_part_is_less_than_half_full() -> None:
    with build_folder() as build:
        made = [fill(page) for page in pages(build, long_report(build))]
    # The first page is a part of its own.
    assert len(made) > 8
    assert min(made[1:-1]) >= 0.5, made


@pytest.mark.usefixtures("quick_figures")
@pytest.mark.parametrize("observers", [("manual",), ("O1", "O2")])
def test_each_row_of_each_table_is_in_the_text(
    fake_results: Callable[..., Path], tmp_path: Path, observers: tuple[str, ...]
) -> None:
    folder = fake_results(n=40, observers=observers)
    add_agreement(folder, every_measure=True)
    add_study(folder)
    options, config = report_settings(folder)
    with build_folder() as build:
        document = compose(Context(read_results(folder, config), options, build))
        typeset(build, "report.typ", document.to_dict(), tmp_path / "report.pdf")
    reader = pypdf.PdfReader(tmp_path / "report.pdf")
    text = "".join("".join(page.extract_text() for page in reader.pages).split())
    tables = [block for block in blocks_of(document) if isinstance(block, Table)]
    labels = " ".join(table.label for table in tables)
    parts = (
        "tab-differences",
        "tab-limits",
        "tab-correlation",
        "tab-overlap",
        "tab-reliability",
        "tab-study",
    )
    assert all(part in labels for part in parts), labels
    for table in tables:
        for row in table.rows:
            cells = [row] if isinstance(row, str) else row
            assert "".join("".join(cells).split()) in text, (table.label, row)


def test_five_thousand_subjects_are_reported_quickly_and_in_a_small_file(
    fake_results: Callable[..., Path],
) -> None:
    """Agreement, overlap and a study are among what is reported; making them is not measured here."""
    folder = fake_results(n=5000, n_excluded=200)
    add_agreement(folder)
    add_study(folder)
    options, config = report_settings(folder)
    begin = time.process_time()
    make_report(folder, folder / "report.pdf", options, config)
    assert time.process_time() - begin < 30
    assert (folder / "report.pdf").stat().st_size < 10e6
    assert {"limits.csv", "study-obesity-comparison.csv"} <= {
        path.name for path in (folder / "report" / "tables").iterdir()
    }
