"""Printed tables of the command line's results: as they would stand in the report, in every format."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from cinecohort.calibration.record import Calibration
from cinecohort.catalogue.measures import measure_label
from cinecohort.catalogue.views import STRUCTURE_NAMES, VIEW_NAMES
from cinecohort.reporting.document import Column, Table
from cinecohort.reporting.formats import write_formats
from cinecohort.reporting.numbers import ci, count, mean_sd, number, quantity, signed, summary_mean_sd
from cinecohort.reporting.published import NOTHING
from cinecohort.reporting.results import rows_by
from cinecohort.reporting.sections.agreement_tables import (
    AgreementTables,
    Comparison,
    correlation_table,
    difference_table,
    limits_table,
)
from cinecohort.reporting.sections.calibration import accuracy_table, coverage_table
from cinecohort.reporting.sections.reliability import SINGLE_AGREEMENT, reliability_row
from cinecohort.reporting.sections.study_tables import balance_table, comparison_table
from cinecohort.segmentation.validation_records import ValidationRecord
from cinecohort.statistics.agreement import AgreementResult

FOLDER = "printed"
"""Folder of the printed tables, beside the tables of numbers."""


def write_printed(tables: Iterable[object], folder: Path) -> list[Path]:
    """Write tables into the folder ``printed``; blocks that are no tables, or have no rows, are passed over.

    Parameters
    ----------
    tables
        Blocks; the label of a table without ``tab-`` names its files.
    folder
        Where ``printed`` is.
    """
    paths = []
    for table in tables:
        if isinstance(table, Table) and table.rows:
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


METRICS = {
    "dice": ("Dice", 3),
    "mcd_mm": ("Mean contour distance (mm)", 2),
    "hd_mm": ("Hausdorff distance (mm)", 2),
}
"""Columns of overlap that are printed, with their headings and digits."""


def overlap(table: pd.DataFrame, view: str, out: Path) -> list[Path]:
    """Print Dice and distances by structure, mean (SD) over images, beside the table `out`."""
    whole = table[table["position"] == "all"] if "position" in table else table
    rows = []
    for structure, part in whole.groupby("structure", sort=False):
        cells = [summary_mean_sd(part[metric], digits) for metric, (_, digits) in METRICS.items()]
        rows.append(
            [STRUCTURE_NAMES.get(str(structure), str(structure)), count(part["dice"].count()), *cells]
        )
    caption = f"Overlap and contour distances in the {VIEW_NAMES[view]} view, mean (SD) over images."
    heads = ("n", *(heading for heading, _ in METRICS.values()))
    columns = [Column("Structure", "left"), *map(Column, heads)]
    notes = "n: images whose Dice is defined. Distances: in the slices that both maps hold the structure in."
    return write_printed([Table(f"tab-{out.stem}", caption, columns, rows, notes=notes)], out.parent)


def validation(record: ValidationRecord, out: Path) -> list[Path]:
    """Print how each structure was segmented and what had to be reached, beside the record `out`."""
    rows = [
        [
            STRUCTURE_NAMES.get(name, name),
            count(found.n),
            mean_sd(found.dice_mean, found.dice_sd, 3),
            number(found.dice_lowest, 3),
            number(record.bars.get(f"least mean Dice, {name}"), 2),
            signed(found.bias_pct, 1),
        ]
        for name, found in record.structures.items()
    ]
    heads = ("Frames", "Dice, mean (SD)", "Lowest Dice", "Mean needed", "Size, mean difference (%)")
    caption = (
        f"{record.weights} on {quantity(record.n_subjects, 'subject')} of {record.dataset} with labels of "
        f"{record.observer}, {VIEW_NAMES[record.view]} view."
    )
    columns = [Column("Structure", "left"), *map(Column, heads)]
    left_out = (
        f"Left out, since the training saw them: {count(record.n_seen)}; failed: {count(record.n_failed)}."
    )
    notes = f"{left_out} {record.verdict[0].upper()}{record.verdict[1:]}."
    return write_printed([Table(f"tab-{out.stem}", caption, columns, rows, notes=notes)], out.parent)


def calibration(made: Calibration, out: Path) -> list[Path]:
    """Print how well failures are found and how often the intervals hold, beside the calibration `out`."""
    blocks = [*accuracy_table(made), *coverage_table(made)]
    tables = [block for block in blocks if isinstance(block, Table)]
    named = [replace(t, label=t.label.replace("tab-calibration", f"tab-{out.stem}", 1)) for t in tables]
    return write_printed(named, out.parent)
