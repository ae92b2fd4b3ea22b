"""``cinecohort study``: one patient, from DICOM to a one-page PDF."""

import argparse
from pathlib import Path

from cinecohort.commands.numbers import not_negative


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", type=Path, metavar="DICOM_DIR", help="folder of one patient's DICOM files")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for images, measures, report.pdf"
    )
    parser.add_argument("--model", metavar="NAME|FILE", help="short-axis network (default: the shipped one)")
    parser.add_argument(
        "--threads", type=not_negative, default=0, metavar="N", help="threads of the network (default: all)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Take the patient through every stage and say where the page is."""
    from cinecohort.analyses.patient_study import study_patient

    result = study_patient(arguments.source, arguments.out, arguments.model, arguments.threads)
    for finding in result.findings:
        print(f"{finding.code} ({finding.level}): {finding.message}")
    print(f"wrote {arguments.out / 'report.pdf'}: {result.sentence}")
    return 0
