"""The ``experiments`` command: one step of the papers' comparisons of networks, without the workflow."""

import argparse
from pathlib import Path

STEPS = {
    "dataset": ("datasets", "NAME", "bring a dataset into shape"),
    "row": ("rows", "NAME", "train a row, or go on with one that was stopped"),
    "test": ("tests", "ROW.DATASET", "test a row on a dataset"),
    "table": ("tables", "NAME", "make a table"),
    "panel": ("panels", "NAME", "draw a panel"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("config", type=Path, metavar="CONFIG.yaml", help="see config/experiments.yaml")
    steps = parser.add_mutually_exclusive_group(required=True)
    for option, (_, name, words) in STEPS.items():
        steps.add_argument(f"--{option}", metavar=name, help=words)
    steps.add_argument("--curves", action="store_true", help="draw the curves of all rows")


def run(arguments: argparse.Namespace) -> int:
    """Do the step that was asked for; all steps, in their order, are `snakemake experiments`."""
    from cinecohort.experiments.options import load_experiments
    from cinecohort.experiments.steps import CURVES, run_step

    chosen = [(kind, getattr(arguments, option)) for option, (kind, _, _) in STEPS.items()]
    kind, name = next(((kind, name) for kind, name in chosen if name is not None), (CURVES, CURVES))
    run_step(load_experiments(arguments.config), kind, name, lambda line: print(line, flush=True))
    return 0
