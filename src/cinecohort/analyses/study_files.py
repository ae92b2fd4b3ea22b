"""The folder of a group study: tables, figures, methods text and summary."""

from pathlib import Path

import pandas as pd

from cinecohort.analyses.group_study import StudyResult, study
from cinecohort.files import write_json, write_text
from cinecohort.ledger.table_schemas import describe_tables
from cinecohort.ledger.tables import write_table
from cinecohort.statistics.study_options import StudyOptions
from cinecohort.statistics.unvalidated import Unvalidated

TABLES = (
    *("flow", "baseline", "pairs", "scores", "unmatched", "balance", "sample_sizes", "comparison"),
    *("sensitivity", "subgroups", "power", "missing", "published", "left_out"),
)
FIGURES = ("love", "overlap", "forest")


def run_study(
    measures: pd.DataFrame,
    participants: pd.DataFrame,
    status: pd.DataFrame | None,
    options: StudyOptions,
    out: Path,
    unvalidated: Unvalidated = "include",
) -> None:
    """Do a study and write its folder; see :func:`cinecohort.analyses.group_study.study`."""
    write_study(study(measures, participants, status, options, unvalidated), out)


def write_study(result: StudyResult, out: Path) -> None:
    """Write a study's folder; what an earlier run left is removed first.

    The tables as CSV; ``love, overlap, forest`` as SVG; ``methods.txt``; ``summary.json``.
    """
    _clear(out)
    for name, table in result.tables.items():
        write_table(out / f"{name}.csv", table)
    title = result.options.title or result.options.name
    describe_tables(out, [f"{name}.csv" for name in result.tables], f"Group study: {title}")
    if result.methods:
        _write_figures(result.tables, result.options, out)
        write_text(out / "methods.txt", "\n".join(result.methods) + "\n")
    write_json(out / "summary.json", result.summary)


def _clear(out: Path) -> None:
    names = [*(f"{name}.csv" for name in TABLES), *(f"{name}.svg" for name in FIGURES)]
    for name in (*names, "methods.txt", "summary.json", "datapackage.json"):
        (out / name).unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)


def _write_figures(tables: dict[str, pd.DataFrame], options: StudyOptions, out: Path) -> None:
    from cinecohort.reporting.study_figures import forest_plot, love_plot, overlap_plot, standardised_rows

    love_plot(tables["balance"], out / "love.svg", options.balance_threshold)
    overlap_plot(tables["scores"], (options.exposure.label, options.reference.label), out / "overlap.svg")
    forest_plot(standardised_rows(tables["comparison"], tables["subgroups"]), out / "forest.svg")
