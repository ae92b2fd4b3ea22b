"""``cinecohort convert``: raw data to one folder per subject, as in the store."""

import argparse
from pathlib import Path

from cinecohort.errors import UserError

LAYOUTS = ("auto", "ukbiobank", "dicom", "acdc", "sunnybrook", "mnms2", "cmr_multi", "nifti")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the arguments."""
    parser.add_argument("source", type=Path, metavar="SOURCE", help="folder of raw data (or of one study)")
    parser.add_argument("destination", type=Path, metavar="DEST", help="DEST/<subject>/ is written")
    parser.add_argument("--layout", choices=LAYOUTS, default="auto", help="how the raw data lie (auto)")
    parser.add_argument("--annotations", type=Path, metavar="PATH", help="folder of human contours")


def run(arguments: argparse.Namespace) -> int:
    """Convert every subject; one line each, and a sum in the end."""
    from cinecohort.cohort.convert_folder import convert_all

    if not arguments.source.is_dir():
        raise UserError(f"{arguments.source}: there is no such folder; give the folder of the raw data.")
    if arguments.source.resolve() == arguments.destination.resolve():
        raise UserError(
            f"{arguments.destination}: would be written over; name another folder than the source."
        )
    counts = convert_all(arguments.source, arguments.destination, arguments.layout, arguments.annotations)
    total = sum(counts.values())
    if not total:
        raise UserError(
            f"{arguments.source}: holds no subject of layout {arguments.layout}; check the folder, or choose "
            "another --layout."
        )
    words = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    print(f"{total} subjects: {words}.")
    return 0 if counts.get("ok", 0) + counts.get("review", 0) else 1
