"""``cinecohort phantom``: write a cohort of beating phantom hearts of known truth."""

import argparse
from pathlib import Path
from typing import Literal

from cinecohort.commands.model_options import add_options, read_options
from cinecohort.phantom.options import PhantomOptions

SETTINGS = tuple(name for name in PhantomOptions.model_fields if name != "written_frames")
"""Settings of the cohort that are options of the command."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the arguments."""
    parser.add_argument("destination", type=Path, metavar="DEST", help="folder that is written")
    add_options(parser, PhantomOptions, SETTINGS)
    parser.add_argument(
        "--ed-es", action="store_true", help="with --layout nifti: end-diastole and end-systole only"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the cohort; progress on a terminal, one line in the end."""
    from tqdm import tqdm

    from cinecohort.ledger.tables import read_table
    from cinecohort.phantom.cohort import write_cohort
    from cinecohort.review.simulated import write_assessments

    written_frames: Literal["all", "ed_es"] = "ed_es" if arguments.ed_es else "all"
    options = PhantomOptions(**read_options(arguments, SETTINGS), written_frames=written_frames)
    with tqdm(desc="phantoms", total=options.subjects, unit=" subjects", disable=None) as bar:

        def show(done: int, _: int) -> None:
            bar.update(done - bar.n)

        write_cohort(arguments.destination, options, show)
    if options.layout != "nifti" and not options.tables_only:
        # Last of all, since the Makefile takes them for the mark of a finished cohort.
        people = read_table(arguments.destination / "participants.tsv", ("subject",))
        write_assessments(arguments.destination / "assessments", list(people["subject"]), options.seed)
    print(f"{arguments.destination}: {options.subjects} phantom subjects (SYNTHETIC DATA).")
    return 0
