"""From a template and its data to a PDF: the same input gives the same bytes on every machine."""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import matplotlib as mpl
import typst

from cinecohort.files import write_bytes, write_json

logger = logging.getLogger(__name__)

FIXED_TIMESTAMP = 1_577_836_800
"""Creation time of every PDF (1 January 2020): the same results give the same file."""


class TypesettingError(RuntimeError):
    """The template did not compile, or compiled with warnings."""


@contextmanager
def build_folder() -> Iterator[Path]:
    """Yield a temporary folder holding the templates; figures and data are put beside them."""
    with tempfile.TemporaryDirectory(prefix="cinecohort-report-") as name:
        folder = Path(name)
        for template in resources.files("cinecohort.reporting").joinpath("templates").iterdir():
            with resources.as_file(template) as path:
                shutil.copyfile(path, folder / path.name)
        (folder / "figures").mkdir()
        yield folder


def compiler_of(folder: Path) -> typst.Compiler:
    """Return a compiler that reads this folder only and has the same fonts on every machine."""
    return typst.Compiler(
        root=str(folder),
        font_paths=[str(Path(mpl.get_data_path()) / "fonts" / "ttf")],
        ignore_system_fonts=True,
    )


def typeset(folder: Path, template: str, data: dict[str, Any], output: Path) -> None:
    """Compile a template with its data to a tagged PDF.

    Parameters
    ----------
    folder
        A :func:`build_folder` that holds the figures.
    template
        Name of the template, for instance ``report.typ``; it reads ``document.json``.
    data
        What is written to ``document.json``.
    output
        The PDF, written by rename.

    Raises
    ------
    TypesettingError
        On any error or warning: an unknown font or an unresolved reference is one.
    """
    write_json(folder / "document.json", data)
    try:
        pdf, warnings = compiler_of(folder).compile_with_warnings(
            str(folder / template), format="pdf", timestamp=FIXED_TIMESTAMP
        )
    except typst.TypstError as fault:
        raise TypesettingError(f"{template}: {fault.diagnostic} {' '.join(fault.hints)}") from fault
    if warnings:
        sentences = "; ".join(f"{warning.message} {' '.join(warning.hints)}" for warning in warnings)
        raise TypesettingError(f"{template}: compiled with warnings: {sentences}")
    assert isinstance(pdf, bytes)
    write_bytes(output, pdf)
