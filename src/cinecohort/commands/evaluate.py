"""The ``evaluate`` command: overlap of label files with reference files."""

import argparse
import sys
from pathlib import Path

from cinecohort.catalogue.views import CODINGS
from cinecohort.commands.model_options import add_options, read_options
from cinecohort.errors import UserError
from cinecohort.evaluation.options import EvaluationOptions

SETTINGS = ("border",)
"""Settings of the comparison that are options of the command by their own names and defaults."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--auto", type=Path, required=True, help="label map, or folder of label maps")
    parser.add_argument("--manual", type=Path, required=True, help="reference of the same name(s)")
    parser.add_argument("--out", type=Path, required=True, help="overlap.csv")
    parser.add_argument("--view", choices=["sa", "la_2ch", "la_4ch"], default="sa", help="default: sa")
    add_options(parser, EvaluationOptions, SETTINGS)
    # Off, unlike in the workflow: whoever averages the rows of this table means those of whole structures.
    parser.add_argument(
        "--positions",
        action="store_true",
        help="rows for basal, mid and apical slices too, distinguished by the column `position`",
    )
    for side in ("auto", "manual"):
        parser.add_argument(
            f"--{side}-coding",
            choices=list(CODINGS),
            default="cinecohort",
            help=f"what the numbers of the {side} short-axis labels mean (default: 1 LV, 2 MYO, 3 RV)",
        )


def run(arguments: argparse.Namespace) -> int:
    """Compare, write the table, sum up in one line."""
    import pandas as pd
    from tqdm import tqdm

    from cinecohort.evaluation.files import compare_files, file_pairs, stem
    from cinecohort.reporting import printed

    options = EvaluationOptions(**read_options(arguments, SETTINGS), positions=arguments.positions)
    codings = (arguments.auto_coding, arguments.manual_coding)
    pairs = file_pairs(arguments.auto, arguments.manual)
    tables, left_out = [], []
    for automatic, manual in tqdm(pairs, "compared", unit=" files", disable=None):
        try:
            tables.append(compare_files(automatic, manual, arguments.view, options, codings))
        except UserError as error:
            if len(pairs) == 1:
                raise
            print(f"left out: {error}", file=sys.stderr)
            left_out.append({"name": stem(automatic), "note": f"not compared: {error}"})
    if not tables:
        raise UserError("None of the pairs could be compared; the reasons are above.")
    table = pd.concat(tables, ignore_index=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    whole = pd.concat([table, pd.DataFrame(left_out)], ignore_index=True) if left_out else table
    whole.astype({"frame": "Int64", "n_skipped": "Int64"}).to_csv(arguments.out, index=False)
    printed.overlap(table, arguments.view, arguments.out)
    undefined = int(table[["dice", "mcd_mm", "hd_mm"]].isna().any(axis=1).sum())
    print(
        f"{arguments.out}: {len(tables)} of {len(pairs)} pairs compared, {len(table)} rows, "
        f"{undefined} with an undefined value, {int(table['n_skipped'].sum())} slices in one map only"
    )
    return 0
