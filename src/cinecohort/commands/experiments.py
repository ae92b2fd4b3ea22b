"""The ``experiments`` command: the papers' comparisons of networks, without the workflow."""

import argparse
from pathlib import Path

KINDS = {
    "datasets": "only bring datasets into shape",
    "rows": "only train rows, or go on with those that were stopped",
    "tests": "only test rows; a test is called ROW.DATASET",
    "tables": "only make tables",
    "curves": "only draw the curves of all rows",
    "panels": "only draw panels",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("config", type=Path, metavar="CONFIG.yaml", help="see config/experiments.yaml")
    for kind, words in KINDS.items():
        parser.add_argument(f"--{kind}", nargs="*", metavar="NAME", help=f"{words} (all of them)")


def run(arguments: argparse.Namespace) -> int:
    """Do the steps that were asked for, or all of them."""
    from cinecohort.experiments.steps import run_steps

    chosen = {kind: getattr(arguments, kind) for kind in KINDS if getattr(arguments, kind) is not None}
    run_steps(arguments.config, chosen, lambda line: print(line, flush=True))
    return 0
