"""From contours to label maps: what was drawn is filled, what was not annotated is recorded as absent."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import STRUCTURES
from cinecohort.conversion.cvi42 import Points, Workspace, contour_of, encloses
from cinecohort.conversion.label_checks import Annotated
from cinecohort.conversion.label_files import write_label
from cinecohort.conversion.label_options import LabelOptions
from cinecohort.conversion.rasterize import Filling, fill
from cinecohort.findings import Finding, Level
from cinecohort.images import Image
from cinecohort.label_maps import solid_slices

Place = tuple[int, int]
"""Slice and frame, counted from 0."""

PAINT_ORDER: dict[str, tuple[tuple[str, int, tuple[str, ...]], ...]] = {
    "sa": (
        ("RV", 3, ("sarvendocardialContour",)),
        ("MYO", 2, ("saepicardialContour", "saepicardialOpenContour")),
        ("LV", 1, ("saendocardialContour", "saendocardialOpenContour")),
    ),
    "la_2ch": (("LA", 1, ("lalaContour",)),),
    "la_4ch": (("RA", 2, ("laraContour",)), ("LA", 1, ("lalaContour",))),
}
"""Structure, label and contour names of each view, in the order of painting: what comes later lies above.
The LV painted over the filled epicardium leaves the myocardium."""

FARTHEST = 4
"""Contours reach no farther than so many widths of the image; others would fill the memory when drawn."""
NOT_IN_IMAGE = "contours lie on a slice or frame that the image does not have"
SOLID = "the epicardium holds no endocardium, so that wall and cavity cannot be separated: neither is used"
NOT_AS_ACQUIRED = "contours lie on an image that was resampled, and are left out"


@dataclass(frozen=True)
class LabelVolume:
    """Contours of one view as a label map.

    Parameters
    ----------
    labels
        Label map (x, y, z, t), ``uint8``; only annotated frames are not empty.
    annotated
        Which slices were annotated, by frame and structure.
    findings
        ``LABEL_INCOMPLETE``: contours that could not be filled (review), open contours (info).
    """

    labels: NDArray[np.uint8]
    annotated: Annotated
    findings: list[Finding]


@dataclass
class _Record:
    """Where each structure was drawn, and which contours were not as they should be."""

    drawn: dict[tuple[int, str], set[int]] = field(default_factory=lambda: defaultdict(set))
    bad: dict[tuple[int, str], set[int]] = field(default_factory=lambda: defaultdict(set))
    remarks: dict[tuple[str, Level], set[Place]] = field(default_factory=lambda: defaultdict(set))


def label_volume(
    contours: Mapping[Place, Mapping[str, Points]],
    shape: tuple[int, ...],
    view: str,
    *,
    filling: Filling = "area",
    every_slice: bool = True,
    unknown: Collection[Place] = (),
) -> LabelVolume:
    """Fill the contours of a view.

    Parameters
    ----------
    contours
        (slice, frame) to contour name (as in cvi42) to points (N x 2: column and row in pixels, whole
        numbers are pixel centres, counted from 0). Names of other views are passed over.
    shape
        Shape of the image (x, y, z, t).
    view
        ``sa``, ``la_2ch`` or ``la_4ch``.
    filling
        See :func:`cinecohort.conversion.rasterize.fill`.
    every_slice
        Whether a structure with any contour in a frame counts as annotated in all slices of the frame, so
        that a slice without a contour says that the structure is not there (cvi42); else only slices with a
        contour are annotated (Sunnybrook).
    unknown
        (slice, frame) that hold no image, or not as it was acquired (missing, resampled or repaired):
        nothing is annotated there.

    Returns
    -------
    LabelVolume
        A contour of fewer than three points, or outside the image, is left out: its structure is then not
        annotated in that slice, and the finding names it. An open contour is closed by a straight line.
    """
    labels = np.zeros(shape, dtype=np.uint8)
    record = _Record()
    for place, named in sorted(contours.items()):
        if not (0 <= place[0] < shape[2] and 0 <= place[1] < shape[3]):
            record.remarks[NOT_IN_IMAGE, Level.REVIEW].add(place)
            continue
        if place in unknown:
            record.remarks[NOT_AS_ACQUIRED, Level.REVIEW].add(place)
            continue
        for structure, number, names in PAINT_ORDER[view]:
            for name in (name for of in names for name in sorted(named) if contour_of(name) == of):
                mask = _filled(named[name], name, place, (shape[0], shape[1]), filling, record)
                which = record.bad if mask is None else record.drawn
                which[place[1], structure].add(place[0])
                if mask is not None:
                    labels[mask, place[0], place[1]] = number
    _leave_out_solid_hearts(labels, view, record)
    annotated = _annotated(record, shape[2], every_slice, frozenset(unknown))
    return LabelVolume(labels, annotated, _findings(record, view))


def _filled(
    points: Points, name: str, place: Place, shape: tuple[int, int], filling: Filling, record: _Record
) -> NDArray[np.bool_] | None:
    if not encloses(points):
        n_points = len(np.unique(points, axis=0))
        record.remarks[f"{name} with {n_points} distinct points cannot be filled", Level.REVIEW].add(place)
        return None
    if np.abs(points).max() > FARTHEST * max(shape):
        record.remarks[f"{name} lies far outside the image", Level.REVIEW].add(place)
        return None
    mask = fill(points, shape, filling)
    if not mask.any():
        record.remarks[f"{name} covers no pixel of the image", Level.REVIEW].add(place)
        return None
    if contour_of(name).endswith("OpenContour"):
        record.remarks[f"{name} is open and was closed by a straight line", Level.INFO].add(place)
    return mask


def _leave_out_solid_hearts(labels: NDArray[np.uint8], view: str, record: _Record) -> None:
    """Take out the slices whose cavity would count as wall because nobody drew its contour."""
    for frame in sorted({frame for frame, structure in record.drawn if structure == "MYO" and view == "sa"}):
        lv, wall = (np.count_nonzero(labels[..., frame] == label, axis=(0, 1)) for label in (1, 2))
        for z in solid_slices(lv, wall):
            labels[..., z, frame][labels[..., z, frame] == 2] = 0
            record.remarks[SOLID, Level.REVIEW].add((z, frame))
            for structure in ("LV", "MYO"):
                record.bad[frame, structure].add(z)
                if (frame, structure) in record.drawn:
                    record.drawn[frame, structure].discard(z)


def _annotated(record: _Record, n_slices: int, every_slice: bool, unknown: frozenset[Place]) -> Annotated:
    annotated: Annotated = {}
    for (frame, structure), slices in sorted(record.drawn.items()):
        if not slices:
            continue
        known = {z for z in range(n_slices) if (z, frame) not in unknown} if every_slice else set()
        known -= record.bad[frame, structure]
        annotated.setdefault(str(frame), {})[structure] = sorted(known | slices)
    return annotated


def _findings(record: _Record, view: str) -> list[Finding]:
    findings = []
    for (words, level), places in sorted(record.remarks.items()):
        slices, frames = (tuple(sorted({place[axis] for place in places})) for axis in (0, 1))
        times = f" ({len(places)} times)" if len(places) > 1 else ""
        findings.append(Finding(Code.LABEL_INCOMPLETE, level, f"{words}{times}.", view, slices, frames))
    return findings


def write_workspace_labels(
    folder: Path,
    observer: str,
    workspace: Workspace,
    places: Mapping[str, Mapping[str, Place]],
    images: Mapping[str, Image],
    options: LabelOptions,
) -> tuple[list[str], list[Finding]]:
    """Write the label maps of one observer's cvi42 workspace for all views of a subject.

    Parameters
    ----------
    folder
        The subject's folder.
    observer
        Name of the observer, as in the configuration.
    workspace
        The observer's workspace.
    places
        View to SOPInstanceUID to (slice, frame) of the converted image.
    images
        View to the converted image.
    options
        How contours are filled and what a failed check leads to.

    Returns
    -------
    tuple
        Names of the files written, and the findings: of the workspace, of the filling and of the checks,
        and ``MISSING_FRAME`` where contours were drawn on images that are not among the converted ones.
    """
    findings = [_of_observer(finding, observer) for finding in workspace.findings]
    outputs: list[str] = []
    for view in [view for view in STRUCTURES if view in images]:
        names = {name for _, _, of_structure in PAINT_ORDER[view] for name in of_structure}
        contours = {
            place: {
                name: points for name, points in workspace.contours[uid].items() if contour_of(name) in names
            }
            for uid, place in places.get(view, {}).items()
            if uid in workspace.contours
        }
        if not any(contours.values()):
            level = Level.REVIEW if view == "sa" else Level.INFO
            message = f"{observer}: no contour was drawn on this view."
            findings.append(Finding(Code.LABEL_INCOMPLETE, level, message, view))
            continue
        image = images[view]
        volume = label_volume(
            contours, image.data.shape, view, filling=options.filling, unknown=not_as_acquired(image)
        )
        findings += [_of_observer(finding, observer) for finding in volume.findings]
        written, checks = write_label(
            folder,
            observer,
            view,
            volume.labels,
            volume.annotated,
            image,
            coding="cvi42",
            options=options,
            filling=options.filling,
        )
        outputs += written
        findings += checks
    known = {uid for of_view in places.values() for uid in of_view}
    lost = [uid for uid in workspace.contours if uid not in known]
    if lost:
        message = (
            f"{observer}: contours were drawn on {len(lost)} images that are not among the converted ones."
        )
        findings.append(Finding(Code.MISSING_FRAME, Level.REVIEW, message, value=float(len(lost))))
    return outputs, findings


def not_as_acquired(image: Image) -> set[Place]:
    """(slice, frame) of an image that are missing, resampled or repaired, by its sidecar."""
    facts = image.sidecar
    slices = [*facts.get("missing_slices", ()), *facts.get("resampled_slices", ())]
    whole = {(int(z), frame) for z in slices for frame in range(image.data.shape[3])}
    return whole | {(int(z), int(frame)) for z, frame in facts.get("repaired_frames", ())}


def _of_observer(finding: Finding, observer: str) -> Finding:
    return replace(finding, message=f"{observer}: {finding.message}")
