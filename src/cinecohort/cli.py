"""The command line: finds the command, runs it, turns errors into sentences and exit codes.

Exit codes: 0 something usable was made; 1 nothing usable (one sentence says why); 2 wrong usage.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from cinecohort import __version__
from cinecohort.errors import UserError

COMMANDS = {
    "phantom": "write a phantom cohort of known truth",
    "convert": "raw DICOM (or ACDC, Sunnybrook) to NIfTI, one folder per subject",
    "segment": "segment images with a network",
    "measure": "clinical measures from label maps",
    "evaluate": "overlap and distances between two segmentations",
    "agree": "differences, Bland-Altman and correlation of two tables of measures",
    "reliability": "intraclass correlation, SEM and within-subject CV over raters",
    "match": "propensity score matching",
    "compare": "compare outcomes between two groups",
    "calibrate": "learn what predicts a bad segmentation from subjects with human labels",
    "check": "everything that can be known before a run: every problem at once",
    "train": "train or resume a network",
    "experiments": "compare networks and trainings: the papers' tables on your data",
    "validate": "test a network on labelled hearts that it never saw",
    "quantise": "ready a network for 8-bit arithmetic, which is faster (precision: int8)",
    "model-card": "what a shipped model is and how good",
    "report": "make the report PDF again from a results folder",
    "study": "one patient, from DICOM to a one-page PDF",
    "verify": "check every file of the store against its record",
}
"""Command to its line in the help; each lives in ``cinecohort.commands`` under the same name."""


def build_parser(command: str | None) -> argparse.ArgumentParser:
    """Make the parser; only the chosen command's module is imported, so that help stays fast."""
    parser = argparse.ArgumentParser(
        prog="cinecohort", description="Cohort-scale cardiac MR phenotyping. Research use only."
    )
    parser.add_argument("--version", action="version", version=f"cinecohort {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(
            name, help=summary, description=summary[0].upper() + summary[1:] + "."
        )
        if name == command:
            module = importlib.import_module(f"cinecohort.commands.{name.replace('-', '_')}")
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    command = next((argument for argument in arguments if argument in COMMANDS), None)
    parsed = build_parser(command).parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except UserError as error:
        print(f"cinecohort {parsed.command}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.filename is None or error.strerror is None:
            raise
        print(f"cinecohort {parsed.command}: {error.filename}: {error.strerror}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"cinecohort {parsed.command}: stopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
