"""``cinecohort agree``: differences, Bland-Altman and correlation of tables of measures."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cinecohort.commands.model_options import add_options, read_options
from cinecohort.errors import UserError
from cinecohort.statistics.options import AgreementOptions

if TYPE_CHECKING:
    import pandas as pd

    from cinecohort.statistics.agreement import AgreementResult

SETTINGS = (
    *("denominator", "exclude_outliers", "quantile", "limit_factor"),
    *("confidence", "spearman_interval", "duplicates"),
)
"""Settings of the comparison that are options of the command."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.usage = "%(prog)s A.csv B.csv --out DIR [options]\n       %(prog)s --config CONFIG.yaml --out DIR"
    parser.add_argument("tables", metavar="TABLE.csv", type=Path, nargs="*", help="two tables, A and B")
    parser.add_argument(
        "--config",
        metavar="CONFIG.yaml",
        type=Path,
        help="configuration with datasets of `source: tables`: compares all of their tables",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder of tables and figures")
    parser.add_argument("--on", default="subject", metavar="COL", help="id column, or several: A,B")
    parser.add_argument(
        "--columns",
        default="",
        metavar="THEIRS=OURS,...",
        help="columns to rename in either table before they are compared",
    )
    add_options(parser, AgreementOptions, SETTINGS, {"denominator": "relative_to"})
    parser.add_argument("--repeated", metavar="COL", help="column that distinguishes repeats of a subject")
    parser.add_argument("--no-figures", action="store_true", help="write tables only")
    parser.set_defaults(parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare tables and print what was paired in one line."""
    if arguments.config and not arguments.tables:
        return _run_config(arguments.config, arguments.out)
    if arguments.config or len(arguments.tables) != 2:
        arguments.parser.error("needs two tables, or --config alone")
    from cinecohort.analyses.agreement_files import write_agreement
    from cinecohort.commands.users_table import read_and_remark
    from cinecohort.reporting import printed
    from cinecohort.statistics.agreement import agree
    from cinecohort.synthetic import BANNER, any_synthetic

    renamed = _renamed(arguments)
    on = arguments.on.split(",")
    repeated = arguments.repeated.split(",") if arguments.repeated else []
    keys = [*on, *repeated, *(theirs for theirs, ours in renamed.items() if ours in {*on, *repeated})]
    first, second = (read_and_remark(path, keys, may_be_empty=False) for path in arguments.tables)
    if lost := [theirs for theirs in renamed if theirs not in {*first, *second}]:
        raise UserError(f"Neither table has a column {', '.join(lost)}, which --columns renames.")
    first, second = (
        _with_names(table, path, renamed)
        for table, path in zip((first, second), arguments.tables, strict=True)
    )
    names = (arguments.tables[0].stem, arguments.tables[1].stem)
    if names[0] == names[1]:
        names = (str(arguments.tables[0]), str(arguments.tables[1]))
    options = AgreementOptions(**read_options(arguments, SETTINGS))
    result = agree(first, second, on=on, options=options, names=names, repeated=repeated)
    synthetic = any_synthetic(first) or any_synthetic(second)
    write_agreement(result, arguments.out, names, not arguments.no_figures, synthetic)
    printed.agreement(result, names, arguments.out)
    print(_summary(result, arguments.out) + (f" {BANNER}." if synthetic else ""))
    for name, table in zip(names, (first, second), strict=True):
        if alone := _only_in(table, result):
            print(f"Only in {name}, and not compared: {', '.join(alone)} (see --columns).")
    if not result.differences["n"].any():
        raise UserError(
            "No measure has a value of the same subject in both tables; the reasons are in the notes."
        )
    return 0


def _renamed(arguments: argparse.Namespace) -> dict[str, str]:
    """Names of columns to the names that they get, of ``theirs=ours,...``."""
    from cinecohort.ledger.tables import split_names

    parts = [text.partition("=") for text in split_names(arguments.columns)]
    if wrong := ["".join(part) for part in parts if not (part[0].strip() and part[2].strip())]:
        arguments.parser.error(f"--columns needs THEIRS=OURS, not {', '.join(wrong)}")
    return {theirs.strip(): ours.strip() for theirs, _, ours in parts}


def _with_names(table: "pd.DataFrame", path: Path, renamed: dict[str, str]) -> "pd.DataFrame":
    """Rename the columns of a table that has them.

    Raises
    ------
    UserError
        Two columns would have the same name.
    """
    result = table.rename(columns=renamed)
    if twice := sorted(set(result.columns[result.columns.duplicated()])):
        raise UserError(f"{path}: with --columns several columns are called {', '.join(twice)}.")
    return result


def _only_in(table: "pd.DataFrame", result: "AgreementResult") -> list[str]:
    """Measures of a table that the other lacks."""
    from pandas.api.types import is_numeric_dtype

    from cinecohort.catalogue.measures import THEIR_NAMES
    from cinecohort.ledger.tables import is_measure_name

    known = {*result.differences["measure"], *result.pairing.left_out}
    numbers = [str(name) for name in table.columns if is_numeric_dtype(table[name])]
    return [name for name in numbers if is_measure_name(name) and not {name, THEIR_NAMES.get(name)} & known]


def _summary(result: "AgreementResult", out: Path) -> str:
    first, second = result.pairing.counts.to_dict("records")
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
    tables = (result.differences, result.bland_altman, result.correlation)
    noted = {name for table in tables for name in table.loc[table["note"] != "", "measure"]}
    undefined = f" ({len(noted)} with a note)" if noted else ""
    compared = f"{len(result.differences)} measures compared{undefined}"
    if result.pairing.left_out:
        compared += f"; LEFT OUT, for text in place of numbers: {', '.join(result.pairing.left_out)}"
    return f"{first['paired']} subjects paired{without}; {compared}, written to {out}."


def _run_config(path: Path, out: Path) -> int:
    """Compare all tables of the configuration's datasets with ``source: tables``."""
    from cinecohort.analyses.agreement_of_tables import agreement_of_tables
    from cinecohort.config import load_config

    config = load_config(path)
    chosen = {name: dataset for name, dataset in config.datasets.items() if dataset.source == "tables"}
    if not chosen:
        raise UserError(f"{path}: no dataset has `source: tables`.")
    read = agreement_of_tables(chosen, out, config.agreement)
    for row in read.to_dict("records"):
        print(
            f"{row['dataset']}, {row['source']}: {row['subjects']} subjects from {row['rows']} rows "
            f"({row['further_rows']} further rows of the same subject, {row['other_ids']} other ids, "
            f"{row['zeros']} zeros, {row['not_numbers']} texts and {row['not_believed']} implausible "
            "values taken as missing)"
        )
    doubted = "; cohort/findings.tsv lists what was not believed" if read["not_believed"].any() else ""
    print(f"Written to {out}{doubted}.")
    return 0
