"""``cinecohort study``: patients without a workflow, each from DICOM to a page as PDF."""

import argparse
from pathlib import Path
from typing import Annotated

from pydantic import Field, NonNegativeInt

from cinecohort.commands.model_options import reader

PERSON = ("sex", "age_years", "height_cm", "weight_kg")
POSITIVE = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "source",
        type=Path,
        metavar="DICOM",
        help="folder or zip archive of one patient, or a folder of several",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for images, measures, report.pdf"
    )
    parser.add_argument("--model", metavar="NAME|FILE", help="short-axis network (default: the shipped one)")
    parser.add_argument(
        "--threads",
        type=reader(NonNegativeInt),
        default=0,
        metavar="N",
        help="threads of the network (default: all)",
    )
    parser.add_argument("--sex", choices=("F", "M"), help="the patient's sex, for ranges of healthy people")
    for option, name, unit in (
        ("--age", "age_years", "age at the scan in years, for ranges of healthy people"),
        ("--height", "height_cm", "height in cm, for measures per body surface"),
        ("--weight", "weight_kg", "weight in kg, for measures per body surface"),
    ):
        parser.add_argument(option, dest=name, type=reader(POSITIVE), metavar="NUMBER", help=unit)
    parser.add_argument(
        "--participants",
        type=Path,
        metavar="FILE",
        help="table of these for several patients: subject, sex, age_years, height_cm, weight_kg",
    )
    parser.add_argument(
        "--calibration",
        default="none",
        metavar="shipped|FILE",
        help="calibration of quality control: probability of failure, and intervals of the measures",
    )
    parser.add_argument(
        "--reference-ranges", type=Path, metavar="FILE", help="your table of ranges of healthy people"
    )


def run(arguments: argparse.Namespace) -> int:
    """Take each patient through every stage and say where the page is."""
    from cinecohort.analyses.patient_calibration import chosen_calibration
    from cinecohort.analyses.patient_folder import people_of, study_folder
    from cinecohort.analyses.patient_study import StudySettings, chosen_models, studies_in, study_patient
    from cinecohort.findings import in_print
    from cinecohort.measures.options import ReferenceOptions
    from cinecohort.measures.reference_ranges import reference_of

    reference = reference_of(ReferenceOptions(table=arguments.reference_ranges), from_tables=False)
    models = chosen_models(arguments.model)
    calibration = chosen_calibration(arguments.calibration, models["sa"].members[0])
    settings = StudySettings(models, arguments.threads, reference, calibration)
    opened, subjects = studies_in(arguments.source)
    given = {name: getattr(arguments, name) for name in PERSON}
    people = people_of(subjects, arguments.participants, given)
    if len(subjects) > 1:
        done = study_folder(opened, subjects, arguments.out, settings, people)
        usable = sum(each.study is not None for each in done)
        print(f"wrote {arguments.out / 'summary.pdf'}: {usable} of {len(done)} studies have a page")
        return 0 if usable else 1
    study = study_patient(opened, subjects[0], arguments.out, settings, people[subjects[0].key])
    for finding in study.findings:
        print(f"{finding.code} ({finding.level}): {in_print(finding.message)}")
    print(f"wrote {arguments.out / 'report.pdf'}: {study.sentence}")
    return 0
