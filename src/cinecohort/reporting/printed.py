"""Printed tables of the command line's results: as they would stand in the report, in every format."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from cinecohort.catalogue.measures import measure_label
from cinecohort.reporting.document import Column, Table
from cinecohort.reporting.formats import write_formats
from cinecohort.reporting.numbers import ci
from cinecohort.reporting.published import NOTHING
from cinecohort.reporting.results import rows_by
from cinecohort.reporting.sections.agreement_tables import (
    AgreementTables,
    Comparison,
    correlation_table,
    difference_table,
    limits_table,
)
from cinecohort.reporting.sections.reliability import SINGLE_AGREEMENT, reliability_row
from cinecohort.reporting.sections.study_tables import balance_table, comparison_table
from cinecohort.statistics.agreement import AgreementResult

FOLDER = "printed"
"""Folder of the printed tables, beside the tables of numbers."""


def write_printed(tables: Iterable[object], folder: Path) -> list[Path]:
    """Write tables into the folder ``printed``; blocks that are no tables are passed over.

    Parameters
    ----------
    tables
        Blocks; the label of a table without ``tab-`` names its files.
    folder
        Where ``printed`` is.
    """
    paths = []
    for table in tables:
        if isinstance(table, Table):
            paths += write_formats(table, folder / FOLDER, table.label.removeprefix("tab-"))
    return paths


def agreement(result: AgreementResult, names: tuple[str, str], folder: Path) -> list[Path]:
    """Print differences, limits of agreement and correlation of the measures that this software knows."""
    n = int(result.differences["n"].max()) if len(result.differences) else 0
    comparison = Comparison(FOLDER, "observer-observer", *names, "own", True, n)
    tables = AgreementTables(
        [comparison],
        result.differences.assign(folder=FOLDER),
        result.bland_altman.assign(folder=FOLDER),
        result.correlation.assign(folder=FOLDER),
        result.options.confidence,
    )
    blocks = [
        *difference_table(tables, [comparison], "tab-differences", "", NOTHING),
        *limits_table(tables, [comparison]),
        *correlation_table(tables, [comparison], with_published=False),
    ]
    return write_printed(blocks, folder)


def balance(table: pd.DataFrame, labels: tuple[str, str], folder: Path) -> list[Path]:
    """Print the balance of a matching."""
    blocks = balance_table(table, "match", labels)
    named = [replace(block, label="tab-balance") for block in blocks if isinstance(block, Table)]
    return write_printed(named, folder)


def comparisons(result: pd.DataFrame, alpha: float, out: Path) -> list[Path]:
    """Print the comparison of each pair of groups, beside the table `out`."""
    blocks: list[Table] = []
    for (first, second), part in result.groupby(["group1", "group0"], sort=False):
        groups = (str(first), str(second))
        made = comparison_table(part[part["difference"].notna()], {}, out.stem, groups, 1 - alpha)
        caption = f"Outcomes of {first} and {second}."
        number = f"-{len(blocks) + 1}" if result[["group1", "group0"]].drop_duplicates().shape[0] > 1 else ""
        blocks += [
            replace(block, caption=caption, label=f"tab-{out.stem}{number}")
            for block in made[:1]
            if isinstance(block, Table)
        ]
    return write_printed(blocks, out.parent)


def reliability(table: pd.DataFrame, out: Path, confidence: float = 0.95) -> list[Path]:
    """Print ICC(A,1) with its interval, SEM, smallest detectable change and CV of each measure."""
    single = table[(table["type"] == SINGLE_AGREEMENT) & table["icc"].notna()]
    rows = [
        reliability_row(measure_label(str(name)), str(name), row)
        for name, row in rows_by(single, "measure").items()
    ]
    if not rows:
        return []
    heads = ("Subjects", "Raters", SINGLE_AGREEMENT, ci(confidence), "SEM", "MDC95", "CV (%)")
    columns = [Column("Measure", "left"), *map(Column, heads)]
    caption = "Reliability of single measurements."
    return write_printed([Table(f"tab-{out.stem}", caption, columns, rows)], out.parent)
