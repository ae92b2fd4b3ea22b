"""The ``train`` command: trains a network, or resumes where a run stopped."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("config", type=Path, metavar="CONFIG.yaml", help="the run; see config/training")


def run(arguments: argparse.Namespace) -> int:
    """Train and say where the weights are."""
    from cinecohort.segmentation.training import train
    from cinecohort.segmentation.training_options import load_training_options

    weights = train(load_training_options(arguments.config), report=lambda line: print(line, flush=True))
    print(f"{weights}: trained; use it with `cinecohort segment --model {weights}`")
    return 0
