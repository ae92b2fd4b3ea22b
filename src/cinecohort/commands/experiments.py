"""The ``experiments`` command: the papers' comparisons of networks, without the workflow."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("config", type=Path, metavar="CONFIG.yaml", help="see config/experiments.yaml")
    parser.add_argument("--datasets", nargs="*", metavar="NAME", help="only prepare datasets (all)")
    parser.add_argument("--rows", nargs="*", metavar="NAME", help="only train rows, or go on with them (all)")


def run(arguments: argparse.Namespace) -> int:
    """Do the steps that were asked for, or all of them."""
    from cinecohort.experiments.steps import run_steps

    chosen = {name: getattr(arguments, name) for name in ("datasets", "rows")}
    chosen = {name: items for name, items in chosen.items() if items is not None}
    run_steps(arguments.config, chosen, lambda line: print(line, flush=True))
    return 0
