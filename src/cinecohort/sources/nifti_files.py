"""What the sources that start from NIfTI have in common: reading, checking and describing a volume."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.conversion.label_checks import Annotated, annotate_everything
from cinecohort.conversion.label_files import write_label
from cinecohort.conversion.limits import DEFAULT_LIMITS, MEGABYTE, Limits
from cinecohort.conversion.options import ConversionOptions
from cinecohort.errors import UserError
from cinecohort.findings import Finding, Level, Outcome, Status, overall_status
from cinecohort.grids import (
    CONTRADICTION_MM,
    brought_onto,
    placed_apart_mm,
    shear_mm,
    slice_axis,
    slices_along_normal,
    slices_last,
)
from cinecohort.images import (
    HEADER_BYTES,
    SAME_PLACE_MM,
    Image,
    millimetres_per_unit,
    read_image,
    stated_voxel_size,
    write_image,
)
from cinecohort.labels import recode
from cinecohort.sources.base import RawSubject, conversion_values

ACQUISITION_FACTS = ("vendor", "scanner", "field_t", "site_hash", "tr_ms", "te_ms", "flip_angle_deg")
INTEGER_TYPES = (np.uint8, np.int16, np.uint16, np.int32)


def smallest_type(data: NDArray[Any]) -> NDArray[Any]:
    """Return the data in the smallest type that holds it exactly: an integer, else 32-bit float.

    NaN and infinite values become 0, since no integer holds them and no image has them.
    """
    if data.dtype.kind == "f":
        if not np.isfinite(data).all():
            data = np.nan_to_num(data, nan=0.0, posinf=0.0, neginf=0.0)
        if not np.array_equal(data, np.rint(data)):
            return data.astype(np.float32)
    low, high = (float(data.min()), float(data.max())) if data.size else (0.0, 0.0)
    for kind in INTEGER_TYPES:
        limits = np.iinfo(kind)
        if limits.min <= low and high <= limits.max:
            return data.astype(kind)
    return data.astype(np.float32)


def read_volume(
    path: Path, view: str, level: Level, limits: Limits = DEFAULT_LIMITS
) -> tuple[Image | None, list[Finding]]:
    """Read a NIfTI file so that its geometry can be trusted; nothing is raised for bad data.

    Where the affine does not hold the spacing, ``pixdim`` is used (``SPACING``, info). Where the slices run
    against the normal (negative determinant), they are put into the order of the normal together with the
    affine (``ORIENTATION``, info); nothing is flipped in plane. Values that are not finite are counted
    (``NOT_FINITE``, review).

    Parameters
    ----------
    path
        The file.
    view
        View that the findings name.
    level
        Level of the finding where the file cannot be read.

    Returns
    -------
    tuple
        The image (x, y, z, t), or None, and the findings.
    """
    image, findings = _read(path, view, level, limits)
    if image is None:
        return None, findings
    findings = _spacing_findings(path, view, image)
    bad = int(np.count_nonzero(~np.isfinite(image.data))) if image.data.dtype.kind == "f" else 0
    if bad:
        message = f"{path.name}: {bad} voxels are not finite; they are written as 0."
        findings.append(Finding(Code.NOT_FINITE, Level.REVIEW, message, view, value=bad, threshold=0))
    findings += _contradiction(path, view)
    if slice_axis(image) != 2:
        image = slices_last(image)
        message = f"{path.name}: the slices were stacked on another array axis and were put on the third."
        findings.append(Finding(Code.ORIENTATION, Level.INFO, message, view))
    against = bool(np.linalg.det(image.affine[:3, :3]) < 0)
    if against:
        image = slices_along_normal(image)
        message = f"{path.name}: the slices ran against the normal and were put into its order."
        findings.append(Finding(Code.ORIENTATION, Level.INFO, message, view))
    beside = shear_mm(image.affine)
    if beside > SAME_PLACE_MM:
        message = (
            f"{path.name}: each slice lies {beside:.1f} mm beside the one below (its affine is sheared); they"
            f" are {image.spacing_mm[2]:.4g} mm apart, which volumes are taken from. Check which slice moved."
        )
        findings.append(
            Finding(Code.SHIFT, Level.REVIEW, message, view, value=beside, threshold=SAME_PLACE_MM)
        )
    image.sidecar = {**image.sidecar, "slices_reversed": against}
    return image, findings


def _read(path: Path, view: str, level: Level, limits: Limits) -> tuple[Image | None, list[Finding]]:
    try:
        image = read_image(path, limits.file_mb * MEGABYTE, limits.sidecar_mb * MEGABYTE)
    except UserError as fault:
        message = f"{path.name} cannot be read: {str(fault).removeprefix(f'{path}: ')}"
        return None, [Finding(Code.UNREADABLE, level, message, view)]
    return image, []


def _contradiction(path: Path, view: str) -> list[Finding]:
    """Note where the header's two affines do not agree on where the volume lies."""
    header: Any = nib.load(path).header
    apart = placed_apart_mm(header)
    if apart <= CONTRADICTION_MM:
        return []
    message = (
        f"{path.name}: sform and qform of its header place it up to {apart:.0f} mm apart; the sform is used."
        " Find out which is right."
    )
    return [Finding(Code.ORIENTATION, Level.REVIEW, message, view, value=apart, threshold=CONTRADICTION_MM)]


def _spacing_findings(path: Path, view: str, image: Image) -> list[Finding]:
    """Note where the affine and the header's voxel size disagree, and which was used."""
    header: Any = nib.load(path).header
    norms = np.linalg.norm(header.get_best_affine()[:3, :3], axis=0) * millimetres_per_unit(header)
    with nib.openers.ImageOpener(str(path)) as stream:
        zooms = np.array(stated_voxel_size(stream.read(HEADER_BYTES)))
    norms, used = norms[: len(zooms)], np.array(image.spacing_mm[: len(zooms)])
    if np.allclose(norms, zooms, rtol=0.01):
        return []
    message = (
        f"{path.name}: the affine gives a spacing of {_millimetres(norms)} mm, the header"
        f" {_millimetres(zooms)} mm; {_millimetres(used)} mm is used."
    )
    worst = int(np.argmax(np.abs(norms - np.nan_to_num(zooms))))
    value, threshold = float(norms[worst]), float(used[worst])
    return [Finding(Code.SPACING, Level.INFO, message, view, value=value, threshold=threshold)]


def _millimetres(values: NDArray[np.float64]) -> str:
    return " x ".join(f"{value:.4g}" for value in values)


def onto_ed(ed: Image, es: Image) -> Image | None:
    """The volume of ES in the order of ED's voxels; None where they are not two frames of one grid."""
    if ed.data.shape[3] != 1 or es.data.shape[3] != 1:
        return None
    brought = brought_onto(es, ed)
    return brought.image if brought is not None and brought.how != "voxel by voxel" else None


def image_sidecar(
    image: Image, view: str, layout: str, evidence: str, frame_roles: dict[str, int | None]
) -> dict[str, Any]:
    """Sidecar of an image that comes without DICOM headers.

    Acquisition facts come from the sidecar that the image had, where it names them as ours do; else they are
    null, never left out. Nothing else of that sidecar is taken over: it might name a person.
    """
    interval = image.frame_interval_s
    facts = {key: image.sidecar.get(key) for key in ACQUISITION_FACTS}
    n_frames = image.data.shape[3]
    return {
        "view": view,
        "n_slices": image.data.shape[2],
        "n_frames": n_frames,
        "spacing_mm": [round(value, 6) for value in image.spacing_mm],
        "frame_interval_s": interval,
        "rr_interval_ms": None,
        "trigger_times_ms": None,
        "frame_roles": frame_roles,
        "missing_slices": [],
        "slices_reversed": bool(image.sidecar.get("slices_reversed")),
        **facts,
        "heart_rate_bpm": round(60.0 / (interval * n_frames), 2) if interval else None,
        "view_confidence": 1.0,
        "view_evidence": evidence,
        "source_uids": None,
        "layout": layout,
    }


def read_label(
    path: Path,
    view: str,
    image: Image,
    coding: dict[int, int],
    observer: str,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[NDArray[np.uint8] | None, list[Finding]]:
    """Read a label map in another coding onto ours; a map that does not fit is a finding and None.

    Parameters
    ----------
    path
        The label file (3D or 4D).
    view
        Its view.
    image
        The image that it must lie on (x, y, z are compared).
    coding
        Their label number to ours.
    observer
        Whose labels they are.

    Returns
    -------
    tuple
        The labels (x, y, z, t) as ``uint8`` or None, and the findings: ``UNREADABLE`` for a damaged file
        or unknown label values, ``MATRIX`` for another matrix, ``GRID`` for another place, all for review.
        A map in another order of voxels is turned as the affines say (``GRID``, info).
    """
    volume, findings = _read(path, view, Level.REVIEW, limits)
    if volume is None:
        return None, findings
    if sorted(volume.data.shape[:3]) != sorted(image.data.shape[:3]):
        words = f"{_shape(volume)} voxels, the image {_shape(image)}"
        message = f"{observer}: {path.name} has {words}; these labels are left out."
        return None, [*findings, Finding(Code.MATRIX, Level.REVIEW, message, view)]
    brought = brought_onto(volume, image)
    if brought is None:
        message = (
            f"{observer}: {path.name} lies elsewhere than the image by its affine; these labels are left out."
        )
        return None, [*findings, Finding(Code.GRID, Level.REVIEW, message, view)]
    volume, how = brought
    if how == "turned":
        message = f"{observer}: {path.name} had another order of voxels and was turned as its affine says."
        findings.append(Finding(Code.GRID, Level.INFO, message, view))
    elif how:
        if image.sidecar.get("slices_reversed"):
            volume = slices_along_normal(volume)
        message = (
            f"{observer}: {path.name} or the image does not say where it lies; the labels were taken voxel by"
            " voxel. Look whether they fit."
        )
        findings.append(Finding(Code.GRID, Level.REVIEW, message, view))
    try:
        if not np.array_equal(volume.data, np.rint(volume.data)) or volume.data.min() < 0:
            raise ValueError("label map holds values that are not whole numbers from 0")
        return recode(volume.data.astype(np.int64), coding), findings
    except ValueError as fault:
        message = f"{observer}: {path.name}: {fault}; these labels are left out."
        return None, [*findings, Finding(Code.UNREADABLE, Level.REVIEW, message, view)]


def _shape(image: Image) -> str:
    return " x ".join(str(size) for size in image.data.shape[:3])


def whole_frames(
    labels_of_frame: dict[int, NDArray[np.uint8]],
    image: Image,
    view: str,
    structures: Iterable[str] | None = None,
) -> tuple[NDArray[np.uint8], dict[str, dict[str, list[int]]]]:
    """Put 3D label maps into a 4D one on the image's grid, and say that every slice of them is annotated.

    What is annotated are the structures named; those of the view that measures are made of by default.
    """
    labels = np.zeros(image.data.shape, dtype=np.uint8)
    for frame, volume in labels_of_frame.items():
        labels[..., frame] = volume
    return labels, annotate_everything(labels, view, labels_of_frame, structures)


class NiftiConversion:
    """What is written of a subject whose images are NIfTI, and what is found on the way.

    Parameters
    ----------
    subject, folder, options
        As :meth:`cinecohort.sources.base.Source.convert` takes them.
    """

    def __init__(self, subject: RawSubject, folder: Path, options: ConversionOptions):
        self.subject, self.folder, self.options = subject, folder, options
        self.findings: list[Finding] = []
        self.outputs: list[str] = []
        self.images: dict[str, Image] = {}
        self.observers: set[str] = set()

    def add_image(self, view: str, image: Image) -> None:
        """Write the image of a view."""
        write_image(self.folder / f"{view}.nii.gz", image)
        self.images[view] = image
        self.outputs += [f"{view}.nii.gz", f"{view}.json"]

    def add_labels(
        self, observer: str, view: str, labels: NDArray[np.uint8], annotated: Annotated, **facts: Any
    ) -> None:
        """Check and write an observer's labels; see :func:`cinecohort.conversion.label_files.write_label`."""
        written, findings = write_label(
            self.folder,
            observer,
            view,
            labels,
            annotated,
            self.images[view],
            options=self.options.labels,
            **facts,
        )
        self.outputs += written
        self.findings += findings
        self.observers |= {observer} if written else set()

    def outcome(self) -> Outcome:
        """Outcome of the conversion: excluded where no view or not every required view could be made."""
        facts = self.images["sa"].sidecar if "sa" in self.images else {}
        values = conversion_values(self.subject, self.images, facts, sorted(self.observers))
        status = overall_status(self.findings, self.images, self.options.required_views)
        if not self.images and status is not Status.ERROR:
            status = Status.EXCLUDED
        return Outcome(status, self.findings, self.outputs, values)
