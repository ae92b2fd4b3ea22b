"""NIfTI folders as ukbb_cardiac and Chen 2020 keep them: one folder per subject.

For each view either the cine (``sa.nii.gz``, ``la_2ch.nii.gz`` and so on) or the pair ``sa_ED``, ``sa_ES``;
labels as ``label_sa.nii.gz`` (on the cine's frames), as the pair ``label_sa_ED``, ``label_sa_ES``, or by
observer as ``label_{observer}_sa.nii.gz``. Files may be ``.nii.gz`` or ``.nii``, 3D or 4D.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import CODINGS, LABELS, STRUCTURES, VIEWS
from cinecohort.conversion.label_checks import Annotated, structure_numbers
from cinecohort.conversion.limits import DEFAULT_LIMITS, Limits
from cinecohort.conversion.options import ConversionOptions
from cinecohort.errors import UserError
from cinecohort.findings import Finding, Level, Outcome
from cinecohort.grids import brought_onto
from cinecohort.images import Image
from cinecohort.sources.base import RawSubject, no_such_subject
from cinecohort.sources.listing import files_below, is_there, subject_names
from cinecohort.sources.nifti_files import (
    NiftiConversion,
    image_sidecar,
    onto_ed,
    read_label,
    read_volume,
    smallest_type,
)

Roles = dict[str, int | None]
"""``ed`` and ``es`` to the frame, None where it is not known."""

OBSERVER = "manual"
NOT_OBSERVERS = frozenset({"up"})
"""``label_up_sa`` is what ukbb_cardiac calls a label map on a finer grid."""

SUFFIXES = (".nii.gz", ".nii")
PLAUSIBLE_HEART_RATES_BPM = (20.0, 250.0)
"""Outside, the time step of a cine is none (1 s, or the repetition time, is often written instead)."""

FRAME_MATCH = 0.98
"""Least correlation at which a single image is taken for a frame of the cine (ukbb_cardiac clips the
intensities of the ED and ES images that it saves, so that they are not equal)."""


class NiftiSource:
    """Folders of NIfTI files.

    Parameters
    ----------
    path
        The folder that holds one folder per subject.
    annotations
        Not looked at: labels lie with the images.
    observers
        Observers whose labels are used; None for all. Labels without a name in their file's name are
        ``manual``.
    coding
        Name of the short-axis label coding.

    Raises
    ------
    UserError
        If the coding is unknown.
    """

    def __init__(
        self,
        path: Path,
        annotations: Path | None = None,
        observers: Sequence[str] | None = None,
        coding: str = "cinecohort",
    ):
        if coding not in CODINGS:
            known = ", ".join(CODINGS)
            raise UserError(f"There is no label coding '{coding}'; set `coding` to one of {known}.")
        self.path = path
        self.observers = observers
        self.coding = coding

    def subjects(self) -> list[RawSubject]:
        """List every folder."""
        return [self._raw(name) for name in subject_names(self.path)]

    def subject(self, key: str) -> RawSubject:
        """List one folder.

        Raises
        ------
        UserError
            If there is no such folder.
        """
        if not key or not is_there(self.path / key):
            raise no_such_subject(key, self.path)
        return self._raw(key)

    def _raw(self, key: str) -> RawSubject:
        return RawSubject(key, key, "", (key,), files_below(self.path, [key]))

    def convert(self, subject: RawSubject, folder: Path, options: ConversionOptions) -> Outcome:
        """Write the views and labels of a subject."""
        raw, made = self.path / subject.paths[0], NiftiConversion(subject, folder, options)
        for view in VIEWS:
            image, found = read_view(raw, view, options.limits)
            made.findings += found
            if image is not None:
                made.add_image(view, image)
                for observer in self._observers(raw, view):
                    self._add_labels(made, raw, view, observer)
        if not made.images and not made.findings:
            names = ", ".join(f"{view}.nii.gz" for view in VIEWS)
            message = f"None of {names} (or their _ED and _ES) was found."
            made.findings.append(Finding(Code.NO_VIEW, Level.REJECT, message))
        return made.outcome()

    def _observers(self, raw: Path, view: str) -> list[str]:
        """Observers who labelled a view, by the files' names."""
        pattern = re.compile(rf"label_(?:(\w+)_)?{view}(?:_E[DS])?\.nii(?:\.gz)?")
        matches = [match for path in raw.iterdir() if (match := pattern.fullmatch(path.name))]
        names = {match[1] or OBSERVER for match in matches} if view in STRUCTURES else set()
        wanted = names if self.observers is None else names & set(self.observers)
        return sorted(wanted - NOT_OBSERVERS)

    def _add_labels(self, made: NiftiConversion, raw: Path, view: str, observer: str) -> None:
        coding = self.coding if view == "sa" else "cinecohort"
        numbers = CODINGS[coding] if view == "sa" else {number: number for number in LABELS[view]}
        files = _LabelFiles(raw, view, observer, made.images[view], numbers, made.options.limits)
        labels, placed, findings = files.whole() if files.has_whole else files.pair()
        made.findings += findings
        annotated = annotated_where_present(labels, view)
        known = {role: frame if str(frame) in annotated else None for role, frame in placed.items()}
        roles = known if any(frame is not None for frame in known.values()) else None
        made.add_labels(observer, view, labels, annotated, coding=coding, roles=roles)


open_source = NiftiSource


class _LabelFiles:
    """The label files of one view and observer."""

    def __init__(
        self,
        raw: Path,
        view: str,
        observer: str,
        image: Image,
        numbers: dict[int, int],
        limits: Limits,
    ):
        self.limits = limits
        self.raw, self.view, self.observer, self.image, self.numbers = raw, view, observer, image, numbers
        self.stems = [f"label_{observer}_{view}"] + ([f"label_{view}"] if observer == OBSERVER else [])

    @property
    def has_whole(self) -> bool:
        """Whether one file holds the labels of all frames."""
        return _find(self.raw, self.stems) is not None

    def whole(self) -> tuple[NDArray[np.uint8], Roles, list[Finding]]:
        """Read the labels from the file of all frames."""
        labels = np.zeros(self.image.data.shape, dtype=np.uint8)
        roles: Roles = dict(self.image.sidecar["frame_roles"])
        volume, findings = self._read(self.stems)
        n_frames = self.image.data.shape[3]
        if volume is not None and volume.shape[3] != n_frames:
            words = f"the labels have {volume.shape[3]} frames, the image {n_frames}"
            message = f"{self.observer}: {words}; they are left out."
            findings.append(Finding(Code.MATRIX, Level.REVIEW, message, self.view))
            volume = None
        return labels if volume is None else volume, roles, findings

    def pair(self) -> tuple[NDArray[np.uint8], Roles, list[Finding]]:
        """Read the labels from the files of ED and ES, each onto its frame of the image."""
        labels = np.zeros(self.image.data.shape, dtype=np.uint8)
        roles, findings = place_frames(self.raw, self.view, self.image, self.limits)
        for role, frame in roles.items():
            if frame is None:
                continue
            volume, found = self._read([f"{stem}_{role.upper()}" for stem in self.stems])
            findings += found
            if volume is not None:
                labels[..., frame] = volume[..., 0]
        return labels, roles, findings

    def _read(self, stems: Sequence[str]) -> tuple[NDArray[np.uint8] | None, list[Finding]]:
        path = _find(self.raw, stems)
        if path is None:
            return None, []
        return read_label(path, self.view, self.image, self.numbers, self.observer, self.limits)


def _find(folder: Path, stems: Sequence[str]) -> Path | None:
    places = (folder / f"{stem}{suffix}" for stem in stems for suffix in SUFFIXES)
    return next((place for place in places if place.is_file()), None)


def annotated_where_present(labels: NDArray[np.uint8], view: str) -> Annotated:
    """Annotation record of a label map that does not say what was looked for.

    A structure counts as annotated in all slices of a frame in which it occurs; where it occurs nowhere in a
    frame, nobody knows whether it was looked for, and it is absent.
    """
    slices = list(range(labels.shape[2]))
    annotated: Annotated = {}
    for frame in np.flatnonzero(labels.any(axis=(0, 1, 2))).tolist():
        present = [n for n, number in structure_numbers(view).items() if (labels[..., frame] == number).any()]
        if present:
            annotated[str(frame)] = {name: list(slices) for name in present}
    return annotated


def read_view(raw: Path, view: str, limits: Limits = DEFAULT_LIMITS) -> tuple[Image | None, list[Finding]]:
    """Read the cine of a view, or its ED and ES images as two frames.

    Returns
    -------
    tuple
        The image with its sidecar, or None where there is none or it cannot be used, and the findings.
    """
    cine = _find(raw, [view])
    if cine is not None:
        image, findings = read_cine(cine, view, limits)
        evidence, roles = f"the file's name ({view})", Roles(ed=None, es=None)
        layout = "nifti cine"
    else:
        paths = {role: _find(raw, [f"{view}_{role}"]) for role in ("ED", "ES")}
        image, findings = read_pair(paths, view, limits)
        evidence, roles = f"the files' names ({view}_ED, {view}_ES)", Roles(ed=0, es=1)
        layout = "nifti ED and ES"
    if image is None:
        return None, findings
    image.data = smallest_type(image.data)
    image.sidecar = image_sidecar(image, view, layout, evidence, roles)
    return image, findings


def read_cine(path: Path, view: str, limits: Limits) -> tuple[Image | None, list[Finding]]:
    """Read a cine; a time step that cannot be one is left out, with a finding."""
    image, findings = read_volume(path, view, Level.REJECT, limits)
    if image is not None:
        findings += _drop_implausible_interval(image, view)
    return image, findings


def read_pair(
    paths: Mapping[str, Path | None], view: str, limits: Limits
) -> tuple[Image | None, list[Finding]]:
    """Read the images of ``ED`` and ``ES`` as two frames; None without findings where neither is there."""
    if not any(paths.values()):
        return None, []
    missing = [role for role, path in paths.items() if path is None]
    if missing:
        message = f"There is no {view}_{missing[0]} image."
        return None, [Finding(Code.MISSING_FRAME, Level.REJECT, message, view)]
    findings: list[Finding] = []
    volumes = []
    for path in paths.values():
        assert path is not None
        volume, found = read_volume(path, view, Level.REJECT, limits)
        findings += found
        if volume is not None:
            volumes.append(volume)
    if len(volumes) < 2:
        return None, findings
    ed, es = volumes[0], onto_ed(*volumes)
    if es is None:
        es = volumes[1]
        message = f"The ED image {ed.data.shape} and the ES image {es.data.shape} are not on one grid."
        return None, [*findings, Finding(Code.MATRIX, Level.REJECT, message, view)]
    return Image(np.concatenate([ed.data, es.data], axis=3), ed.affine, sidecar=ed.sidecar), findings


def _drop_implausible_interval(image: Image, view: str) -> list[Finding]:
    interval, n_frames = image.frame_interval_s, image.data.shape[3]
    if interval is None or n_frames == 1:
        image.frame_interval_s = None
        return []
    low, high = PLAUSIBLE_HEART_RATES_BPM
    heart_rate = 60.0 / (interval * n_frames)
    if low <= heart_rate <= high:
        return []
    image.frame_interval_s = None
    message = (
        f"The time step of {interval:.4g} s over {n_frames} frames would be a heart rate of {heart_rate:.3g}"
        " bpm; it is not used."
    )
    limit = low if heart_rate < low else high
    return [Finding(Code.TIME, Level.INFO, message, view, value=round(heart_rate, 3), threshold=limit)]


def place_frames(
    raw: Path, view: str, image: Image, limits: Limits = DEFAULT_LIMITS
) -> tuple[Roles, list[Finding]]:
    """Find which frames of an image the files ``{view}_ED`` and ``{view}_ES`` are.

    Where the image was made of these two files, they are frames 0 and 1. In a cine, the frame is sought that
    is most like the single image; without a single image, ED is taken to be frame 0, as ukbb_cardiac has it,
    and ES stays unknown.
    """
    roles = image.sidecar["frame_roles"]
    if roles["ed"] is not None:
        return dict(roles), []
    found: Roles = {}
    findings: list[Finding] = []
    for role in ("ed", "es"):
        path = _find(raw, [f"{view}_{role.upper()}"])
        found[role] = most_alike(path, view, image, limits) if path else None
        if found[role] is None and role == "ed":
            found[role] = 0
            message = "Nothing says which frame of the cine ED is: it is taken to be frame 0."
            findings.append(Finding(Code.LABEL_INCOMPLETE, Level.INFO, message, view, frames=(0,)))
        elif found[role] is None:
            message = "Nothing says which frame of the cine ES is: its labels cannot be placed."
            findings.append(Finding(Code.LABEL_INCOMPLETE, Level.REVIEW, message, view))
    return found, findings


def most_alike(path: Path, view: str, image: Image, limits: Limits) -> int | None:
    """Find the frame of a cine that a single image is; None where it is none of them."""
    single, _ = read_volume(path, view, Level.REVIEW, limits)
    brought = None if single is None else brought_onto(single, image)
    if brought is None or brought.image.data.shape[3] != 1:
        return None
    reference = brought.image.data.reshape(-1).astype(np.float64)
    likeness = [
        _correlation(reference, image.data[..., frame].reshape(-1).astype(np.float64))
        for frame in range(image.data.shape[3])
    ]
    best = int(np.argmax(likeness))
    return best if likeness[best] >= FRAME_MATCH else None


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
