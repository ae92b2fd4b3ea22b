"""Sunnybrook Cardiac Data (Radau et al., MIDAS Journal 2009): short-axis cine as DICOM, text contours.

Studies lie in ``dicoms/``, contours in ``contourfiles/`` under other names; ``link.csv`` joins the two, and
``scd_patientdata.csv`` holds age, sex and pathology.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cinecohort.catalogue.findings import Code
from cinecohort.conversion.contours import label_volume, not_as_acquired
from cinecohort.conversion.label_files import write_label
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.raw_files import read_files
from cinecohort.conversion.series import ConvertedView, convert_series
from cinecohort.conversion.sunnybrook_contours import EXPECTED, read_contours
from cinecohort.conversion.written import write_views
from cinecohort.errors import UserError
from cinecohort.findings import Finding, Level, Outcome
from cinecohort.sources.base import RawSubject, no_such_subject
from cinecohort.sources.dicom import outcome_of
from cinecohort.sources.listing import files_below, folders_in

STUDIES = "dicoms"
CONTOURS = "contourfiles"
LINK = "link.csv"
PATIENTS = "scd_patientdata.csv"
OBSERVER = "manual"
SEX = {"male": "M", "m": "M", "female": "F", "f": "F"}


class SunnybrookSource:
    """The Sunnybrook data set in a folder.

    Parameters
    ----------
    path
        The folder that holds ``dicoms`` and ``contourfiles``.
    annotations
        Folder of the contours, where it lies elsewhere.
    observers
        The name under which the expert's labels are kept.
    """

    def __init__(self, path: Path, annotations: Path | None = None, observers: Sequence[str] | None = None):
        self.path = path
        self.annotations = annotations.resolve() if annotations else None
        self.observer = observers[0] if observers else OBSERVER
        self.original_ids = {
            row["patient_id"]: row["original_id"]
            for row in read_rows(path / LINK)
            if row.get("patient_id") and row.get("original_id")
        }

    def subjects(self) -> list[RawSubject]:
        """List every study."""
        return [self._raw(key) for key in folders_in(self.path / STUDIES)]

    def subject(self, key: str) -> RawSubject:
        """List one study.

        Raises
        ------
        UserError
            If there is no such study.
        """
        if not key or not (self.path / STUDIES / key).is_dir():
            raise no_such_subject(key, self.path / STUDIES)
        return self._raw(key)

    def _raw(self, key: str) -> RawSubject:
        paths = [f"{STUDIES}/{key}"]
        contours = self._contour_folder(key)
        if contours:
            paths.append(contours)
        return RawSubject(key, key, "", tuple(paths), files_below(self.path, paths))

    def _contour_folder(self, key: str) -> str | None:
        original = self.original_ids.get(key)
        if original is None:
            return None
        place = str(self.annotations / original) if self.annotations else f"{CONTOURS}/{original}"
        return place if (self.path / place).is_dir() else None

    def participants(self) -> pd.DataFrame:
        """Table of the patients of the studies that are there.

        Returns
        -------
        pandas.DataFrame
            ``subject, participant, visit, sex, age_years, group`` (the pathology); missing values stay
            missing.
        """
        known = {row.get("PatientID", ""): row for row in read_rows(self.path / PATIENTS)}
        rows = []
        for key in folders_in(self.path / STUDIES):
            facts = known.get(key, {})
            rows.append(
                {
                    "subject": key,
                    "participant": key,
                    "visit": "",
                    "sex": SEX.get(facts.get("Gender", "").lower()),
                    "age_years": _years(facts.get("Age", "")),
                    "group": facts.get("Pathology") or None,
                }
            )
        return pd.DataFrame(rows)

    def convert(self, subject: RawSubject, folder: Path, options: ConversionOptions) -> Outcome:
        """Write ``sa.nii.gz`` and the expert's labels."""
        names = [name for name, _, _ in subject.files]
        of_study = [name for name in names if name.startswith(f"{subject.paths[0]}/")]
        images = (self.path / name for name in of_study)
        conversion = convert_series(read_files(images, options.limits), options)
        outputs = write_views(folder, conversion)
        labels: list[str] = []
        findings: list[Finding] = []
        if "sa" in conversion.views:
            drawn = [self.path / name for name in sorted(set(names) - set(of_study))]
            labels, findings = self._write_labels(drawn, conversion.views["sa"], folder, options)
        return outcome_of(
            subject, conversion, [*outputs, *labels], options, [self.observer] if labels else [], findings
        )

    def _write_labels(
        self, files: list[Path], view: ConvertedView, folder: Path, conversion: ConversionOptions
    ) -> tuple[list[str], list[Finding]]:
        options, limits = conversion.labels, conversion.limits
        if not view.instance_numbers:
            message = f"{self.observer}: without unique InstanceNumbers, contours cannot be joined to images."
            return [], [Finding(Code.LABEL_INCOMPLETE, Level.REVIEW, message, "sa")]
        contours, findings = read_contours(files, view.instance_numbers, limits)
        shape = view.image.data.shape
        volume = label_volume(
            contours,
            shape,
            "sa",
            filling=options.filling,
            every_slice=False,
            unknown=not_as_acquired(view.image),
        )
        outputs, checks = write_label(
            folder,
            self.observer,
            "sa",
            volume.labels,
            volume.annotated,
            view.image,
            coding="sunnybrook",
            options=options,
            expected=EXPECTED,
            filling=options.filling,
        )
        return outputs, [*findings, *volume.findings, *checks]


open_source = SunnybrookSource


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read the rows of a CSV that may start with a byte-order mark; none where there is no such file.

    Raises
    ------
    UserError
        If it is no table.
    """
    if not path.is_file():
        return []
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        try:
            rows = list(csv.DictReader(stream, restval=""))
        except csv.Error as fault:
            raise UserError(f"{path}: is no table ({fault}); copy it again from the data set.") from fault
    return [
        {key.strip(): (value or "").strip() for key, value in row.items() if isinstance(key, str)}
        for row in rows
    ]


def _years(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
