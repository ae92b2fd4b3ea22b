"""CMR-MULTI (Qu et al. 2026): cine of the short axis, the 2- and the 4-chamber view, with labels by frame.

Folders, names and labels are those of the data set's card: ``CINE_MULTI/{SAX,2CH,4CH}_{TR,VAL,TST}/`` with
``image/`` and ``anno/``, each with ``CINE_{view}_NNN.nii.gz``; short axis 1 myocardium, 2 LV, 3 RV; 2-chamber
1 LV, 2 myocardium, no atrium; 4-chamber 1 LV, 2 myocardium, 3 RV, 4 RA, 5 LA. The third axis of a file holds
slices and frames in one row. The number of frames is stated for the short axis alone, in JSON files beside
the folders; in the long axis, where a file may hold parallel planes, it is read off the images.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import CODINGS_BY_VIEW, LABELS
from cinecohort.conversion.label_checks import annotate_everything
from cinecohort.conversion.options import ConversionOptions
from cinecohort.errors import UserError
from cinecohort.files import read_json
from cinecohort.findings import Finding, Level, Outcome
from cinecohort.grids import slices_along_normal
from cinecohort.images import Image
from cinecohort.sources.base import RawSubject, no_such_subject
from cinecohort.sources.listing import DEFAULT_OBSERVER, files_below, folders_in
from cinecohort.sources.nifti_files import (
    NiftiConversion,
    image_sidecar,
    read_label,
    read_volume,
    smallest_type,
)
from cinecohort.sources.options import CmrMultiOptions
from cinecohort.sources.packed_frames import (
    Packing,
    contrast_of_packing,
    found_packing,
    stated_packing,
    unpacked,
)

CODING = "cmr_multi"
FOLDER = "CINE_MULTI"
VIEWS = {"SAX": "sa", "2CH": "la_2ch", "4CH": "la_4ch"}
"""What a view is called there, to ours."""

PREFIX = "cmr"
"""Of subjects' keys: numbers alone are other data sets' too, and would be taken for the same people."""

_FILE = re.compile(r"CINE_(?:SAX|2CH|4CH)_(\d+)\.nii(?:\.gz)?")


class CmrMultiSource:
    """The cine images of CMR-MULTI in a folder; files of one number are taken for one patient's.

    Parameters
    ----------
    path
        The folder that holds ``CINE_MULTI``, or that folder.
    annotations
        Not looked at: the labels lie with the images.
    observers
        The name under which the labels are kept.
    frame_counts, slice_distance_mm
        See :class:`cinecohort.sources.options.CmrMultiOptions`.

    Raises
    ------
    UserError
        If two files of one view have the same number, or a file of frame counts cannot be read.
    """

    required_views = ("la_4ch",)
    """Of a conversion outside the workflow."""

    def __init__(
        self,
        path: Path,
        annotations: Path | None = None,
        observers: Sequence[str] | None = None,
        frame_counts: str = CmrMultiOptions().frame_counts,
        slice_distance_mm: float | None = None,
    ):
        self.path, self.root = path, path / FOLDER if (path / FOLDER).is_dir() else path
        self.observer = observers[0] if observers else DEFAULT_OBSERVER
        self.slice_distance_mm = slice_distance_mm
        self.images = images_in(self.root)
        self.count_files = sorted(self.root.glob(frame_counts))
        self.frames = stated_frames(self.count_files)

    def subjects(self) -> list[RawSubject]:
        """List every patient."""
        return [self._raw(key) for key in sorted(self.images)]

    def subject(self, key: str) -> RawSubject:
        """List one patient.

        Raises
        ------
        UserError
            If there is no such patient.
        """
        if key not in self.images:
            raise no_such_subject(key, self.root)
        return self._raw(key)

    def _raw(self, key: str) -> RawSubject:
        files = [file for image in self.images[key].values() for file in (image, labels_of(image))]
        paths = tuple(str(file.relative_to(self.path)) for file in [*files, *self.count_files])
        return RawSubject(key, key, "", paths, files_below(self.path, paths))

    def convert(self, subject: RawSubject, folder: Path, options: ConversionOptions) -> Outcome:
        """Write the views, one plane of each in the long axis, and the labels of every frame that has any."""
        made = NiftiConversion(subject, folder, options)
        stated = self.frames.get(int(subject.key.removeprefix(PREFIX)))
        for view, path in self.images[subject.key].items():
            image, labels, found = self._read(path, view, stated, options)
            made.findings += found
            if image is not None:
                made.add_image(view, image)
                if labels is not None:
                    self._add_labels(made, view, labels.data)
        return made.outcome()

    def _read(
        self, path: Path, view: str, stated: int | None, options: ConversionOptions
    ) -> tuple[Image | None, Image | None, list[Finding]]:
        """Read an image and its labels, with slices and frames told apart."""
        if view == "sa" and self.slice_distance_mm is None:
            message = (
                "The short axis is left out: its file does not hold the distance of the slices. Set "
                "slice_distance_mm under the settings of the dataset where you know it."
            )
            return None, None, [Finding(Code.SPACING, Level.INFO, message, view)]
        packed, labels, findings = self._read_packed(path, view, options)
        if packed is None:
            return None, None, findings
        packing, remark = packing_of(packed, view, stated)
        findings += remark
        if packing is None:
            return None, None, findings
        distance, plane = (self.slice_distance_mm, None) if view == "sa" else (None, packing.slices // 2)
        image = unpacked(packed, packing, distance, plane)
        image.data = smallest_type(image.data)
        evidence = f"the folder's name ({path.parent.parent.name})"
        image.sidecar = image_sidecar(image, view, CODING, evidence, {"ed": None, "es": None})
        if view == "sa":
            message = f"The slices are taken to be {distance:g} mm apart, as the settings say."
            findings.append(Finding(Code.SPACING, Level.INFO, message, view, value=distance))
        return image, None if labels is None else unpacked(labels, packing, distance, plane), findings

    def _read_packed(
        self, path: Path, view: str, options: ConversionOptions
    ) -> tuple[Image | None, Image | None, list[Finding]]:
        """Read an image and its labels (x, y, slices and frames in one row, 1), in the order of the file."""
        image, findings = read_volume(path, view, Level.REJECT, options.limits)
        if image is None:
            return None, None, findings
        if image.data.shape[3] > 1:
            message = (
                f"{path.name} is {image.data.shape}, not slices and frames in one row on the third axis."
            )
            return None, None, [*findings, Finding(Code.MATRIX, Level.REJECT, message, view)]
        labels = None
        if labels_of(path).is_file():
            coding = CODINGS_BY_VIEW[CODING][view]
            drawn, found = read_label(labels_of(path), view, image, coding, self.observer, options.limits)
            findings += found
            labels = None if drawn is None else Image(drawn, image.affine)
        if image.sidecar["slices_reversed"]:
            # The third axis is time as well: its order is put back, and the slices alone are turned later.
            image = slices_along_normal(image)
            labels = None if labels is None else slices_along_normal(labels)
        return image, labels, findings

    def _add_labels(self, made: NiftiConversion, view: str, labels: NDArray[np.uint8]) -> None:
        drawn_there = CODINGS_BY_VIEW[CODING][view].values()
        names = [name for label, name in LABELS[view].items() if label in drawn_there]
        annotated = annotate_everything(
            labels, view, np.flatnonzero(labels.any(axis=(0, 1, 2))).tolist(), names
        )
        expected = {"ed": names, "es": names}
        made.add_labels(self.observer, view, labels, annotated, coding=CODING, expected=expected)


open_source = CmrMultiSource


def packing_of(packed: Image, view: str, stated: int | None) -> tuple[Packing | None, list[Finding]]:
    """Slices and frames of an image, and what is to be said of them.

    In the short axis the stated number of frames counts, unless the images contradict it; in the long axis
    the images, and the stated number only where they do not tell.
    """
    data = packed.data[..., 0]
    planes = data.shape[2]
    known = stated_packing(planes, stated) if stated else None
    found = found_packing(data)
    if view == "sa":
        if known is None:
            words = f"do not divide into the {stated} frames" if stated else "come without a number of frames"
            message = f"The {planes} images {words} of a file that matches frame_counts."
            return None, [Finding(Code.FRAME_COUNT, Level.REJECT, message, view, value=planes)]
        if found not in (None, known) and contrast_of_packing(data, known) < 1:
            message = (
                f"The {planes} images look like {found.slices} slices of {found.frames} frames, not like "
                f"{known.slices} of {known.frames} as the file of frame counts says."
            )
            return None, [Finding(Code.FRAME_COUNT, Level.REJECT, message, view, value=found.frames)]
        return known, []
    packing = found or known
    if packing is None:
        message = f"The {planes} images do not tell how many planes and frames they are."
        return None, [Finding(Code.FRAME_COUNT, Level.REJECT, message, view, value=planes)]
    if packing.slices == 1:
        return packing, []
    message = (
        f"The file holds {packing.slices} planes of {packing.frames} frames; the middle one "
        f"({packing.slices // 2}, counted from 0) is kept."
    )
    return packing, [Finding(Code.DUPLICATE, Level.INFO, message, view, value=packing.slices)]


def images_in(root: Path) -> dict[str, dict[str, Path]]:
    """Key of a subject to view to image, over all parts of the data set.

    Raises
    ------
    UserError
        If two files of one view have the same number.
    """
    images: dict[str, dict[str, Path]] = {}
    for name, view in VIEWS.items():
        for part in folders_in(root):
            if not part.startswith(f"{name}_"):
                continue
            for path in sorted((root / part / "image").glob("CINE_*")):
                match = _FILE.fullmatch(path.name)
                if match is None:
                    continue
                of_patient = images.setdefault(f"{PREFIX}{match[1]}", {})
                if view in of_patient:
                    raise UserError(f"{of_patient[view]} and {path}: are of one number; keep one of them.")
                of_patient[view] = path
    return images


def labels_of(image: Path) -> Path:
    """The file of labels that belongs to an image, whether it is there or not."""
    return image.parent.parent / "anno" / image.name


def stated_frames(files: Iterable[Path]) -> dict[int, int]:
    """Number of a patient to the frames of the short axis, from all files of frame counts.

    Raises
    ------
    UserError
        If a file is not as the data set's are, or two of them differ.
    """
    known: dict[int, int] = {}
    for path in files:
        try:
            listed = {int(key): int(frames) for key, frames in read_json(path).items()}
        except (AttributeError, OSError, TypeError, ValueError) as fault:
            raise UserError(
                f"{path}: is no list of patients' numbers with their numbers of frames; correct it, or the "
                "setting frame_counts."
            ) from fault
        differing = sorted(key for key in listed.keys() & known.keys() if listed[key] != known[key])
        if differing:
            raise UserError(f"{path}: patient {differing[0]} has other frames than in another file there.")
        known |= listed
    return known
