"""``cinecohort check``: everything that can be known before a run, every problem at once."""

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("config", type=Path, metavar="CONFIG.yaml", help="configuration of a study")


def run(arguments: argparse.Namespace) -> int:
    """Print each problem with its place; 1 where one of them stops a run."""
    from cinecohort.cohort.preflight import check_values
    from cinecohort.errors import UserError
    from cinecohort.experiments.options import SECTION, ExperimentOptions
    from cinecohort.options import parse_leniently, read_yaml

    values = read_yaml(arguments.config)
    if SECTION in values:
        _, mistakes = parse_leniently(values[SECTION], ExperimentOptions)
        lines = [f"  {SECTION}.{place}: {sentence}" for place, sentence in mistakes]
        if lines:
            raise UserError("\n".join([f"{arguments.config} has {len(lines)} mistakes:", *lines]))
        print(f"{arguments.config}: the settings hold no mistake.")
        return 0
    problems = check_values(values)
    stopping = [problem for problem in problems if problem.stops]
    notes = [problem for problem in problems if not problem.stops]
    if stopping:
        plural = "mistake" if len(stopping) == 1 else "mistakes"
        print(f"{arguments.config} has {len(stopping)} {plural}:", file=sys.stderr)
        for problem in stopping:
            print(problem.line(), file=sys.stderr)
    if notes:
        print(f"{arguments.config}: to know before a run:")
        for problem in notes:
            print(problem.line())
    if not stopping:
        print(f"{arguments.config}: nothing stops a run.")
    return 1 if stopping else 0
