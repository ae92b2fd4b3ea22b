"""Every table and figure of the report as a file of its own, beside the PDF."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import typst

from cinecohort.files import write_bytes, write_json, write_text
from cinecohort.reporting.document import (
    Block,
    Document,
    Figure,
    FlowDiagram,
    Gallery,
    Table,
    block_to_dict,
)
from cinecohort.reporting.formats import plain, to_csv, write_formats
from cinecohort.reporting.tidy import families
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
        of each) go; what an earlier report left there is removed. ``captions.json`` says of each file what
        it shows and where it stands in the report.
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
    write_json(folder / "captions.json", captions(document))


def captions(document: Document) -> dict[str, dict[str, dict[str, str]]]:
    """What the files of tables and figures show.

    Returns
    -------
    dict
        ``tables`` and ``figures``: by name of the file without its ending, ``number`` as printed
        (``Table 3``), ``section`` that it stands in, and ``caption``. Both are numbered in their order, as
        the template does.
    """
    listed: dict[str, dict[str, dict[str, str]]] = {"tables": {}, "figures": {}}
    numbers = {"Table": 0, "Figure": 0}
    for section, blocks in [("Summary", document.summary), *parts_of(document)]:
        for block in blocks:
            if not isinstance(block, Table | Figure | Gallery | FlowDiagram):
                continue
            kind = "Table" if isinstance(block, Table) else "Figure"
            numbers[kind] += 1
            about = {"number": f"{kind} {numbers[kind]}", "section": section}
            for name, caption in captions_of(block):
                listed[f"{kind.lower()}s"][name] = {**about, "caption": caption}
    return listed


def captions_of(block: Table | Figure | Gallery | FlowDiagram) -> list[tuple[str, str]]:
    """Names and captions of the files of a table or figure; pictures of a gallery have words of their own."""
    name, caption = short(block.label), plain(block.caption)
    if not isinstance(block, Gallery):
        return [(name, caption)]
    return [
        (f"{name}-{place}", f"{plain(words)} {caption}") for place, (words, _) in enumerate(block.pictures, 1)
    ]


def parts_of(document: Document) -> Iterator[tuple[str, list[Block]]]:
    """Titles of the sections of level 1, with their blocks and those of the sections within them."""
    for head, *within in families(document.sections):
        yield head.title, [block for part in (head, *within) for block in part.blocks]


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
