"""A folder of many studies without a workflow: a page for each, and a summary as a table and a PDF."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cinecohort.analyses.patient_study import (
    PatientStudy,
    StudySettings,
    codes_of,
    in_words,
    study_patient,
)
from cinecohort.cohort.participant_tables import read_participants
from cinecohort.errors import UserError
from cinecohort.files import read_json
from cinecohort.findings import Status
from cinecohort.images import sidecar_path
from cinecohort.ledger.plausibility import LIMITS
from cinecohort.ledger.tables import write_table
from cinecohort.reporting.patient_summary import SummaryRow, make_summary
from cinecohort.sources.base import RawSubject, Source
from cinecohort.synthetic import is_synthetic

PERSON = ("sex", "age_years", "height_cm", "weight_kg")


@dataclass(frozen=True)
class FolderStudy:
    """What came of one study of a folder: its results, or why there are none."""

    key: str
    study: PatientStudy | None
    reason: str = ""

    @property
    def status(self) -> str:
        """Status of the subject."""
        return str(self.study.row["status"]) if self.study else str(Status.EXCLUDED)

    @property
    def codes(self) -> list[str]:
        """Codes that ask for a look."""
        return codes_of(self.study.findings) if self.study else []

    @property
    def why(self) -> str:
        """What asks for a look, in words, or why nothing could be measured."""
        return self.reason or in_words(self.codes)


def study_folder(
    opened: Source,
    subjects: Sequence[RawSubject],
    out: Path,
    settings: StudySettings,
    people: Mapping[str, Mapping[str, Any]],
) -> list[FolderStudy]:
    """Take every study of a folder to its page, then write ``summary.csv`` and ``summary.pdf``.

    A study that cannot be measured stands in the summary with the reason; it stops no other.

    Parameters
    ----------
    opened, subjects
        See :func:`cinecohort.analyses.patient_study.studies_in`.
    out
        Folder; each study has one of its own in it, named by its key.
    settings
        Networks and ranges of healthy people.
    people
        Subject's key to what is known of the person.
    """
    done = []
    for subject in subjects:
        person = people.get(subject.key, {})
        try:
            study = study_patient(opened, subject, out / subject.key, settings, person)
        except UserError as fault:
            done.append(FolderStudy(subject.key, None, str(fault).removeprefix(f"{subject.key}: ")))
        else:
            done.append(FolderStudy(subject.key, study))
        print(f"{subject.key}: {done[-1].study.sentence if done[-1].study else done[-1].reason}", flush=True)
    write_summary(done, out)
    return done


def write_summary(done: Sequence[FolderStudy], out: Path) -> None:
    """Write the table and the PDF of all studies of a folder."""
    rows = []
    for each in done:
        measured = each.study.row if each.study else {}
        page = f"{each.key}/report.pdf" if each.study else ""
        said = {"status": each.status, "codes": ",".join(each.codes), "why": each.why, "page": page}
        rows.append({**measured, "subject": each.key, **said})
    first = ["subject", "status", "codes", "why", "page"]
    table = pd.DataFrame(rows)
    write_table(out / "summary.csv", table[[*first, *(name for name in table if name not in first)]])
    synthetic = any(
        is_synthetic(read_json(path))
        for each in done
        if (path := sidecar_path(out / each.key / "sa.nii.gz")).is_file()
    )
    make_summary(
        [
            SummaryRow(each.key, each.study.person if each.study else {}, measured, each.status, each.why)
            for each, measured in zip(done, rows, strict=True)
        ],
        out / "summary.pdf",
        synthetic,
    )


def people_of(
    subjects: Sequence[RawSubject], table: Path | None, given: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """What is known of each person, from a table or from what was given of the one patient.

    Parameters
    ----------
    subjects
        Whom to look for: by key, else by participant.
    table
        Table of participants with ``subject`` (or ``participant``) and any of ``sex``, ``age_years``,
        ``height_cm``, ``weight_kg``.
    given
        Values of the one patient; missing ones are None.

    Raises
    ------
    UserError
        If values are given of one patient where there are several, a value cannot be true, or the table
        cannot be used.
    """
    known = {name: value for name, value in given.items() if value is not None}
    if known and len(subjects) > 1:
        raise UserError(
            f"There are {len(subjects)} studies, and {', '.join(known)} of one person; give a table with "
            "--participants."
        )
    for name, value in known.items():
        low, high = LIMITS.get(name, (-math.inf, math.inf))
        if not isinstance(value, str) and not low <= value <= high:
            raise UserError(f"{name} of {value:g} cannot be right: it must lie in {low:g} to {high:g}.")
    people: dict[str, dict[str, Any]] = {subject.key: {} for subject in subjects}
    if table is not None:
        names = {name for subject in subjects for name in (subject.key, subject.participant)}
        frame = read_participants(table, {}, names)
        key = "subject" if "subject" in frame else "participant"
        rows = {str(row[key]): row for row in frame.to_dict("records")}
        for subject in subjects:
            row = rows.get(subject.key, rows.get(subject.participant, {}))
            people[subject.key] = {name: row[name] for name in PERSON if name in row and pd.notna(row[name])}
    return {key: {**values, **known} for key, values in people.items()}
