"""M&Ms-2 (Martín-Isla et al., IEEE JBHI 2023): short axis and 4-chamber view of 360 patients, three vendors.

``dataset_information.csv`` lies beside ``dataset/NNN/`` with ``NNN_{SA,LA}_{CINE,ED,ES}.nii.gz``, and with
``NNN_{SA,LA}_{ED,ES}_gt.nii.gz`` where experts drew 1 LV, 2 myocardium and 3 RV, without atria. ``LA`` is the
long axis: the 4-chamber view. Patients 001 to 160 are the challenge's training part, 161 to 200 its
validation, the others its test.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import CODINGS_BY_VIEW, LABELS
from cinecohort.conversion.limits import Limits
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.sidecars import short_vendor
from cinecohort.findings import Finding, Level, Outcome
from cinecohort.images import Image
from cinecohort.sources.base import RawSubject, no_such_subject
from cinecohort.sources.listing import DEFAULT_OBSERVER, files_below, folders_in
from cinecohort.sources.nifti import most_alike, read_cine, read_pair
from cinecohort.sources.nifti_files import (
    NiftiConversion,
    image_sidecar,
    read_label,
    smallest_type,
    whole_frames,
)
from cinecohort.sources.sunnybrook import read_rows

PLACES = ("dataset", "MnM2/dataset", "")
"""Where the folders of the patients lie."""

INFORMATION = "dataset_information.csv"
AXES = {"sa": "SA", "la_4ch": "LA"}
"""View to what it is called in file names."""
CODING = "mnms2"
PREFIX = "mnms"
"""Of subjects' keys: ``001`` alone is a number to other programs, and a key of other data sets too."""
_FIELD = re.compile(r"\d+(\.\d+)?")


class MnMs2Source:
    """The M&Ms-2 data set in a folder.

    Parameters
    ----------
    path
        The folder that holds ``dataset`` and ``dataset_information.csv``, or the one above.
    annotations
        Not looked at: the labels lie with the images.
    observers
        The name under which the experts' labels are kept.
    """

    def __init__(self, path: Path, annotations: Path | None = None, observers: Sequence[str] | None = None):
        self.path = path
        self.observer = observers[0] if observers else DEFAULT_OBSERVER
        self.place = next((place for place in PLACES if (path / place).is_dir() and self._in(place)), "")

    def subjects(self) -> list[RawSubject]:
        """List every patient."""
        return [self._raw(number) for number in self._in(self.place)]

    def subject(self, key: str) -> RawSubject:
        """List one patient.

        Raises
        ------
        UserError
            If there is no such patient.
        """
        number = key.removeprefix(PREFIX)
        if not number.isdigit() or number == key or not (self.path / self.place / number).is_dir():
            raise no_such_subject(key, self.path / self.place)
        return self._raw(number)

    def _in(self, place: str) -> list[str]:
        return [name for name in folders_in(self.path / place) if name.isdigit()]

    def _raw(self, number: str) -> RawSubject:
        paths = (f"{self.place}/{number}" if self.place else number,)
        key = f"{PREFIX}{number}"
        return RawSubject(key, key, "", paths, files_below(self.path, paths))

    def participants(self) -> pd.DataFrame:
        """Table of the patients that are there, from ``dataset_information.csv``.

        Returns
        -------
        pandas.DataFrame
            ``subject, participant, visit, group`` (the disease), ``vendor, scanner, field_t``; missing values
            stay missing.
        """
        beside = self.path / self.place
        found = next((folder for folder in (beside.parent, beside) if (folder / INFORMATION).is_file()), None)
        rows = read_rows(found / INFORMATION) if found else []
        known = {row["SUBJECT_CODE"].zfill(3): row for row in rows if row.get("SUBJECT_CODE")}
        return pd.DataFrame([_participant(each, known.get(each, {})) for each in self._in(self.place)])

    def convert(self, subject: RawSubject, folder: Path, options: ConversionOptions) -> Outcome:
        """Write ``sa`` and ``la_4ch`` with the experts' labels at end-diastole and end-systole.

        The whole cine is written where it holds the two labelled images, else these two alone.
        """
        raw, made = self.path / subject.paths[0], NiftiConversion(subject, folder, options)
        for view, axis in AXES.items():
            stem = f"{raw.name}_{axis}"
            image, found = read_frames(raw, stem, view, options.limits)
            made.findings += found
            if image is not None:
                made.add_image(view, image)
                self._add_labels(made, raw, stem, view)
        if not made.images and not made.findings:
            message = f"{raw.name} holds no image of the names {raw.name}_SA_ED.nii.gz or _LA_ED.nii.gz."
            made.findings.append(Finding(Code.NO_VIEW, Level.REJECT, message))
        return made.outcome()

    def _add_labels(self, made: NiftiConversion, raw: Path, stem: str, view: str) -> None:
        coding, image = CODINGS_BY_VIEW[CODING][view], made.images[view]
        names = [LABELS[view][label] for label in coding.values()]
        labels: dict[int, NDArray[np.uint8]] = {}
        roles: dict[str, int | None] = {}
        for role, frame in image.sidecar["frame_roles"].items():
            path = raw / f"{stem}_{role.upper()}_gt.nii.gz"
            volume = None
            if path.is_file():
                volume, found = read_label(path, view, image, coding, self.observer, made.options.limits)
                made.findings += found
            roles[role] = None if volume is None else frame
            if volume is not None:
                labels[frame] = volume[..., 0]
        whole = whole_frames(labels, image, view, names)
        expected = {"ed": names, "es": names}
        made.add_labels(self.observer, view, *whole, coding=CODING, roles=roles, expected=expected)


open_source = MnMs2Source


def _participant(number: str, row: Mapping[str, str]) -> dict[str, str | float | None]:
    field = _FIELD.search(row.get("FIELD", ""))
    return {
        "subject": f"{PREFIX}{number}",
        "participant": f"{PREFIX}{number}",
        "visit": "",
        "group": row.get("DISEASE") or None,
        "vendor": short_vendor(row.get("VENDOR", "")),
        "scanner": row.get("SCANNER") or None,
        "field_t": float(field[0]) if field else None,
    }


def read_frames(raw: Path, stem: str, view: str, limits: Limits) -> tuple[Image | None, list[Finding]]:
    """Read the cine of a view, with the frames that its images of ED and ES are, or these two alone.

    Returns
    -------
    tuple
        The image with its sidecar, or None where there is none or it cannot be used, and the findings.
    """
    paths = {
        role: path if (path := raw / f"{stem}_{role}.nii.gz").is_file() else None for role in ("ED", "ES")
    }
    pair, findings = read_pair(paths, view, limits)
    if pair is None:
        return None, findings
    roles: dict[str, int | None] = {"ed": 0, "es": 1}
    image, layout = pair, f"{CODING} ED and ES"
    cine, why_not = _whole_cine(raw / f"{stem}_CINE.nii.gz", view, pair, limits)
    if cine is not None:
        placed = {role.lower(): most_alike(path, view, cine, limits) for role, path in paths.items() if path}
        if None in placed.values() or placed["ed"] == placed["es"]:
            why_not = "the images of ED and ES are not two of its frames"
        else:
            image, roles, layout = cine, placed, f"{CODING} cine"
    if why_not:
        message = f"{stem}_CINE.nii.gz is left out, and ED and ES alone are used: {why_not}."
        findings.append(Finding(Code.NOT_CINE, Level.INFO, message, view))
    image.data = smallest_type(image.data)
    image.sidecar = image_sidecar(image, view, layout, f"the files' names ({stem})", roles)
    return image, findings


def _whole_cine(path: Path, view: str, pair: Image, limits: Limits) -> tuple[Image | None, str]:
    """Read a cine that lies on the grid of the images of ED and ES, or why there is none."""
    if not path.is_file():
        return None, ""
    cine, findings = read_cine(path, view, limits)
    if cine is None:
        return None, " ".join(finding.message for finding in findings)
    if cine.data.shape[:3] != pair.data.shape[:3] or cine.data.shape[3] < 2:
        return None, f"it is {cine.data.shape}, the images of ED and ES are {pair.data.shape[:3]}"
    return cine, ""
