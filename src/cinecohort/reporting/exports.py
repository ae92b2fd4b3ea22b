"""Every table and figure of the report as a file of its own, beside the PDF."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import typst

from cinecohort.files import write_bytes, write_json, write_text
from cinecohort.reporting.document import Block, Document, Figure, FlowDiagram, Gallery, Table, block_to_dict
from cinecohort.reporting.formats import to_csv, write_formats
from cinecohort.reporting.typesetting import TypesettingError, compiler_of

DPI = 300
PICTURE = '#set page(width: auto, height: auto, margin: 1mm)\n#image("/{file}")\n'
FLOW = (
    '#import "/style.typ": *\n#show: house-style\n#set page(width: 172mm, height: auto, margin: 1mm)\n'
    '#flow-diagram(json("/{file}"))\n'
)


def export(document: Document, build: Path, folder: Path) -> None:
    """Write the tables and figures of a report.

    Parameters
    ----------
    document
        The report.
    build
        Folder that it was typeset in, with its pictures under ``figures/``. A file of numbers beside a
        picture (``figures/name.csv``) goes with it.
    folder
        Where ``tables/`` (CSV, Markdown, LaTeX, DOCX of each) and ``figures/`` (SVG, PNG of 300 dpi and CSV
        of each) go; what an earlier report left there is removed.
    """
    tables, figures = folder / "tables", folder / "figures"
    for each in (tables, figures):
        shutil.rmtree(each, ignore_errors=True)
        each.mkdir(parents=True)
    compiler = compiler_of(build)
    for block in blocks_of(document):
        match block:
            case Table():
                write_formats(block, tables, short(block.label))
            case Figure():
                export_figure(block, build, figures, compiler)
            case Gallery():
                for index, (_, file) in enumerate(block.pictures, 1):
                    shutil.copyfile(
                        build / file, figures / f"{short(block.label)}-{index}{Path(file).suffix}"
                    )
            case FlowDiagram():
                export_flow(block, build, figures, compiler)
            case _:
                pass


def blocks_of(document: Document) -> Iterator[Block]:
    """All blocks, those of the first page first."""
    yield from document.summary
    for section in document.sections:
        yield from section.blocks


def short(label: str) -> str:
    """Name of a file for a label: without ``tab-`` or ``fig-``."""
    return label.partition("-")[2]


def export_figure(figure: Figure, build: Path, folder: Path, compiler: typst.Compiler) -> None:
    """Write a figure: the vectors and a picture of 300 dpi, or the picture that it is, and its numbers."""
    source, name = build / figure.file, short(figure.label)
    shutil.copyfile(source, folder / f"{name}{source.suffix}")
    if source.suffix == ".svg":
        render(compiler, PICTURE.format(file=figure.file), folder / f"{name}.png")
    numbers = source.with_suffix(".csv")
    if numbers.is_file():
        shutil.copyfile(numbers, folder / f"{name}.csv")


def export_flow(flow: FlowDiagram, build: Path, folder: Path, compiler: typst.Compiler) -> None:
    """Write a flow diagram as the template draws it, and its boxes as a table."""
    name = short(flow.label)
    write_json(build / f"{name}.json", block_to_dict(flow))
    text = FLOW.format(file=f"{name}.json")
    for ending in ("svg", "png"):
        render(compiler, text, folder / f"{name}.{ending}")
    rows = [[step.title, step.n, "; ".join(step.excluded)] for step in flow.steps]
    table = Table(flow.label, flow.caption, FlowDiagram.columns(), rows)
    write_text(folder / f"{name}.csv", to_csv(table))


def render(compiler: typst.Compiler, text: str, path: Path) -> None:
    """Compile a one-page template of the build folder to a picture."""
    kind: Literal["svg", "png"] = "png" if path.suffix == ".png" else "svg"
    try:
        picture = compiler.compile(text.encode(), format=kind, ppi=DPI)
    except typst.TypstError as fault:
        raise TypesettingError(f"{path.name}: {fault.diagnostic}") from fault
    assert isinstance(picture, bytes)
    write_bytes(path, picture)
