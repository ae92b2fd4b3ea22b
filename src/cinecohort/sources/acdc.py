"""ACDC (Bernard et al., IEEE TMI 2018): end-diastolic and end-systolic volumes with expert labels.

Both layouts are read: ``PATH/patientNNN`` and ``PATH/{training,testing}/patientNNN`` (also below
``database/``). The affine of the files does not hold the spacing, only ``pixdim`` does; frame numbers in
``Info.cfg`` and in file names count from 1; labels are 1 RV, 2 myocardium, 3 LV. The time step in the
files is a placeholder, so that there is no heart rate.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import CODINGS
from cinecohort.conversion.limits import Limits
from cinecohort.conversion.options import ConversionOptions
from cinecohort.errors import is_machine_fault
from cinecohort.findings import Finding, Level, Outcome
from cinecohort.images import Image
from cinecohort.sources.base import RawSubject, no_such_subject
from cinecohort.sources.listing import files_below, folders_in
from cinecohort.sources.nifti_files import (
    NiftiConversion,
    image_sidecar,
    onto_ed,
    read_label,
    read_volume,
    smallest_type,
    whole_frames,
)

PARTS = ("", "training", "testing", "database/training", "database/testing")
ROLES = {"ed": 0, "es": 1}
OBSERVER = "manual"
_FRAME_FILE = re.compile(r"_frame(\d+)\.nii(\.gz)?$")

LEAST, MOST = 0.01, 1e6
"""No frame, centimetre or kilogram lies outside; what does is no number of a patient."""


@dataclass(frozen=True)
class PatientInfo:
    """What ``Info.cfg`` says; None where it says nothing.

    Parameters
    ----------
    ed, es
        Frame numbers, counted from 1.
    group
        DCM, HCM, MINF, NOR or RV.
    height_cm, weight_kg
        Body size.
    """

    ed: int | None = None
    es: int | None = None
    group: str | None = None
    height_cm: float | None = None
    weight_kg: float | None = None


def read_info(path: Path) -> PatientInfo:
    """Read ``Info.cfg``; a missing file, line or number leaves its fact None."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as fault:
        if is_machine_fault(fault):
            raise
        return PatientInfo()
    pairs = [line.split(":", 1) for line in text.splitlines() if ":" in line]
    values = {key.strip().lower(): value.strip() for key, value in pairs}
    ed, es = (_number(values.get(key)) for key in ("ed", "es"))
    return PatientInfo(
        ed=None if ed is None else int(ed),
        es=None if es is None else int(es),
        group=values.get("group") or None,
        height_cm=_number(values.get("height")),
        weight_kg=_number(values.get("weight")),
    )


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if LEAST < value < MOST else None


class AcdcSource:
    """The ACDC data set in a folder.

    Parameters
    ----------
    path
        The folder that holds the patients, or ``training`` and ``testing``.
    annotations
        Not looked at: the labels lie with the images.
    observers
        The name under which the expert's labels are kept.
    """

    def __init__(self, path: Path, annotations: Path | None = None, observers: Sequence[str] | None = None):
        self.path = path
        self.observer = observers[0] if observers else OBSERVER

    def subjects(self) -> list[RawSubject]:
        """List every patient folder of both layouts."""
        return [self._raw(place) for place in self._places()]

    def subject(self, key: str) -> RawSubject:
        """List one patient.

        Raises
        ------
        UserError
            If there is no such patient.
        """
        for part in PARTS:
            place = f"{part}/{key}" if part else key
            if key in PARTS or not (self.path / place).is_dir():
                continue
            return self._raw(place)
        raise no_such_subject(key, self.path)

    def _places(self) -> list[str]:
        places = [
            f"{part}/{name}" if part else name
            for part in PARTS
            for name in folders_in(self.path / part)
            if name.startswith("patient")
        ]
        return sorted(places, key=lambda place: place.rsplit("/", 1)[-1])

    def _raw(self, place: str) -> RawSubject:
        key = place.rsplit("/", 1)[-1]
        return RawSubject(key, key, "", (place,), files_below(self.path, [place]))

    def participants(self) -> pd.DataFrame:
        """Table of the patients: body size and diagnosis group; ACDC gives neither age nor sex.

        Returns
        -------
        pandas.DataFrame
            ``subject, participant, visit, sex, age_years, height_cm, weight_kg, group``; missing values
            stay missing.
        """
        return pd.DataFrame([self._participant(place) for place in self._places()])

    def _participant(self, place: str) -> dict[str, Any]:
        key = place.rsplit("/", 1)[-1]
        info = read_info(self.path / place / "Info.cfg")
        return {
            "subject": key,
            "participant": key,
            "visit": "",
            "sex": None,
            "age_years": None,
            "height_cm": info.height_cm,
            "weight_kg": info.weight_kg,
            "group": info.group,
        }

    def convert(self, subject: RawSubject, folder: Path, options: ConversionOptions) -> Outcome:
        """Write ``sa.nii.gz`` (frame 0 = ED, 1 = ES) and the expert's labels on the same grid."""
        made = NiftiConversion(subject, folder, options)
        frames, made.findings = find_frames(self.path / subject.paths[0])
        if frames is not None:
            image, found = _read_image(frames, options.limits)
            made.findings += found
            if image is not None:
                made.add_image("sa", image)
                self._add_labels(made, frames)
        return made.outcome()

    def _add_labels(self, made: NiftiConversion, frames: dict[str, Path]) -> None:
        image, labels = made.images["sa"], {}
        for role, path in frames.items():
            label_path = path.with_name(re.sub(r"(\.nii(\.gz)?)$", r"_gt\1", path.name))
            if not label_path.is_file():
                continue
            volume, found = read_label(
                label_path, "sa", image, CODINGS["acdc"], self.observer, made.options.limits
            )
            made.findings += found
            if volume is not None:
                labels[ROLES[role]] = volume[..., 0]
        roles = {role: frame if frame in labels else None for role, frame in ROLES.items()}
        made.add_labels(self.observer, "sa", *whole_frames(labels, image, "sa"), coding="acdc", roles=roles)


open_source = AcdcSource


def find_frames(folder: Path) -> tuple[dict[str, Path] | None, list[Finding]]:
    """Find the ED and the ES file of a patient folder.

    The frame numbers of ``Info.cfg`` decide. Without them, and with just two frame files, the earlier one
    is ED (true of every patient of ACDC), which is flagged.

    Returns
    -------
    tuple
        ``{"ed": path, "es": path}`` or None, and the findings: ``MISSING_FRAME``, ``UNREADABLE``.
    """
    files = {
        int(match[1]): path for path in sorted(folder.iterdir()) if (match := _FRAME_FILE.search(path.name))
    }
    info = read_info(folder / "Info.cfg")
    if info.ed is None or info.es is None:
        if len(files) != 2:
            message = f"Info.cfg names no ED and ES frame, and {len(files)} frame files were found, not two."
            return None, [Finding(Code.MISSING_FRAME, Level.REJECT, message, "sa")]
        first, second = sorted(files)
        message = f"Info.cfg names no ED and ES frame: frame {first} is taken for ED and {second} for ES."
        found = Finding(Code.UNREADABLE, Level.REVIEW, message, "sa")
        return {"ed": files[first], "es": files[second]}, [found]
    wanted = {"ED": info.ed, "ES": info.es}
    missing = [f"{role} (frame {number:02d})" for role, number in wanted.items() if number not in files]
    if missing:
        message = f"No image file of {' and '.join(missing)}, which Info.cfg names."
        return None, [Finding(Code.MISSING_FRAME, Level.REJECT, message, "sa")]
    return {"ed": files[info.ed], "es": files[info.es]}, []


def _read_image(frames: dict[str, Path], limits: Limits) -> tuple[Image | None, list[Finding]]:
    findings: list[Finding] = []
    volumes: list[Image] = []
    for path in frames.values():
        volume, volume_findings = read_volume(path, "sa", Level.REJECT, limits)
        findings += volume_findings
        if volume is not None:
            volumes.append(volume)
    if len(volumes) < len(frames):
        return None, findings
    ed, es = volumes[0], onto_ed(*volumes)
    if es is None:
        words = " and ".join(f"{v.data.shape} at {v.spacing_mm} mm" for v in volumes)
        message = f"The ED and ES volumes differ: {words}."
        return None, [*findings, Finding(Code.MATRIX, Level.REJECT, message, "sa")]
    data = smallest_type(np.concatenate([ed.data, es.data], axis=3))
    image = Image(data, ed.affine, sidecar={"slices_reversed": ed.sidecar["slices_reversed"]})
    image.sidecar = image_sidecar(
        image, "sa", "acdc", "the data set holds short-axis images only", dict(ROLES)
    )
    return image, _one_spacing_finding(findings)


def _one_spacing_finding(findings: list[Finding]) -> list[Finding]:
    """Keep one of the equal findings that both volumes give."""
    kept: dict[tuple[str, float | None], Finding] = {}
    for finding in findings:
        kept.setdefault((finding.code, finding.value), finding)
    return list(kept.values())
