"""``cinecohort agree``: differences, Bland-Altman and correlation of two tables of measures."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cinecohort.statistics.options import AgreementOptions

if TYPE_CHECKING:
    import pandas as pd


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("first", metavar="A.csv", type=Path, help="first table, for instance automatic")
    parser.add_argument("second", metavar="B.csv", type=Path, help="second table, for instance manual")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder of tables and figures")
    parser.add_argument("--on", default="subject", metavar="COL", help="id column, or several: A,B")
    parser.add_argument(
        "--exclude-outliers",
        choices=["iqr"],
        help="add a row without pairs whose mean lies outside 1.5 interquartile ranges",
    )
    parser.add_argument(
        "--relative-to",
        choices=["second", "first", "mean"],
        default="second",
        help="what relative differences are relative to; default second",
    )
    parser.add_argument(
        "--duplicates",
        choices=["first", "mean", "exclude", "error"],
        default="first",
        help="what is paired of a subject with several rows; default first",
    )
    parser.add_argument("--repeated", metavar="COL", help="column that tells repeats of a subject apart")
    parser.add_argument("--no-figures", action="store_true", help="write tables only")


def run(arguments: argparse.Namespace) -> int:
    """Compare two tables and print what was paired in one line."""
    from cinecohort.statistics.agreement import agree, write_agreement
    from cinecohort.statistics.tables import read_table

    on = arguments.on.split(",")
    repeated = arguments.repeated.split(",") if arguments.repeated else []
    first, second = (read_table(path, [*on, *repeated]) for path in (arguments.first, arguments.second))
    names = (arguments.first.stem, arguments.second.stem)
    if names[0] == names[1]:
        names = (str(arguments.first), str(arguments.second))
    options = AgreementOptions(
        denominator=arguments.relative_to,
        exclude_outliers=arguments.exclude_outliers or "none",
        duplicates=arguments.duplicates,
    )
    result = agree(first, second, on=on, options=options, names=names, repeated=repeated)
    write_agreement(result, arguments.out, names, figures=not arguments.no_figures)
    print(_summary(result.pairing.counts, len(result.differences), arguments.out))
    return 0


def _summary(counts: "pd.DataFrame", n_measures: int, out: Path) -> str:
    first, second = counts.to_dict("records")
    aside = [
        f"{row[column]} {words} {row['table']}"
        for row in (first, second)
        for column, words in (
            ("unmatched", "subjects only in"),
            ("duplicate_rows", "further rows of the same subject in"),
            ("rows_without_key", "rows without an id in"),
        )
        if row[column]
    ]
    without = f" ({', '.join(aside)}; listed in unpaired.csv)" if aside else ""
    return f"{first['paired']} subjects paired{without}; {n_measures} measures compared, written to {out}."
