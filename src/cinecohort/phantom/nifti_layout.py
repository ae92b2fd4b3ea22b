"""A phantom subject as the store has it: images, true label maps and sidecars, without DICOM on the way."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.views import LABELS, STRUCTURES
from cinecohort.images import Image, write_image
from cinecohort.label_maps import label_path
from cinecohort.phantom.contours import fields
from cinecohort.phantom.heart import Heart
from cinecohort.phantom.imaging import Phantom, render
from cinecohort.phantom.planning import Pose, Slice
from cinecohort.phantom.scanners import Scanner

FloatArray = NDArray[np.float64]

OBSERVER = "truth"
"""Whose labels these are: nobody's."""

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def write_nifti(
    folder: Path,
    phantom: Phantom,
    slices: Sequence[Slice],
    scanner: Scanner,
    heart_rate_bpm: float,
    rng: np.random.Generator,
    views: Sequence[str] = tuple(STRUCTURES),
) -> None:
    """Write ``{view}.nii.gz`` and ``label_truth_{view}.nii.gz`` of segmented views, with sidecars.

    Parameters
    ----------
    folder
        The subject's folder.
    phantom
        What is imaged, in the frames that are written.
    slices
        As planned; of the short axis from the base on.
    scanner
        The scanner.
    heart_rate_bpm
        Heart rate.
    rng
        Random numbers of the images.
    views
        Which views.
    """
    for view in views:
        stack = stacked([image for image in slices if image.view == view], scanner.gap_mm)
        frames = np.stack([render(phantom, image, scanner.receiver, rng) for image in stack])
        labels = np.stack([true_labels(phantom.heart, phantom.pose, image) for image in stack])
        affine = affine_of(stack, scanner.gap_mm)
        sidecar = _image_sidecar(phantom.heart, heart_rate_bpm, stack, scanner)
        interval = sidecar["frame_interval_s"]
        write_image(folder / f"{view}.nii.gz", Image(_to_xyzt(frames), affine, interval, sidecar))
        truth = Image(_to_xyzt(labels), affine, interval, _label_sidecar(phantom.heart, view, len(stack)))
        write_image(label_path(folder, view, OBSERVER), truth)


def true_labels(heart: Heart, pose: Pose, image: Slice) -> NDArray[np.uint8]:
    """What lies in the middle plane of a slice at the centre of each pixel: (t, rows, columns).

    Coded as :data:`cinecohort.catalogue.views.LABELS`. The LV cavity holds papillary muscles and
    trabeculae; the atria end at the plane of the valve and are without appendage and veins.
    """
    n_frames = len(heart.cycle.phase)
    labels = np.zeros((n_frames, *image.shape), dtype=np.uint8)
    paint = sorted(LABELS[image.view].items(), reverse=True)
    for frame in range(n_frames):
        inside = fields(heart, pose, image, frame)
        for label, structure in paint:
            labels[frame][inside[structure] > 0.0] = label
    return labels


def stacked(slices: Sequence[Slice], gap_mm: float) -> list[Slice]:
    """Slices of one view in the order of their normal, each right above the one before.

    Slices that were planned along another line than their normal are moved in their plane, since no affine
    holds a sheared stack.
    """
    ordered = sorted(slices, key=lambda image: float(image.corner @ image.normal))
    first = ordered[0]
    step = first.normal * (first.thickness_mm + gap_mm)
    return [replace(image, corner=first.corner + place * step) for place, image in enumerate(ordered)]


def affine_of(stack: Sequence[Slice], gap_mm: float) -> FloatArray:
    """Voxel indices (column, row, slice) to RAS+ millimetres, for slices as :func:`stacked` gives them."""
    first = stack[0]
    step = first.normal * (first.thickness_mm + gap_mm)
    if len(stack) == 1:
        step = first.normal * first.thickness_mm
    affine = np.eye(4)
    affine[:3] = np.stack(
        [first.pixel_mm * first.row, first.pixel_mm * first.column, step, first.corner], axis=1
    )
    return LPS_TO_RAS @ affine


def _to_xyzt(frames: NDArray[Any]) -> NDArray[Any]:
    """(z, t, rows, columns) to (x, y, z, t)."""
    return frames.transpose(3, 2, 0, 1)


def _image_sidecar(
    heart: Heart, heart_rate_bpm: float, stack: Sequence[Slice], scanner: Scanner
) -> dict[str, Any]:
    cycle = heart.cycle
    rr_ms = 60000.0 / heart_rate_bpm
    times = [round(float(phase) * rr_ms, 4) for phase in cycle.phase]
    steps = np.diff(cycle.phase)
    whole_cycle = len(steps) > 1 and bool(np.allclose(steps, steps[0]))
    affine = affine_of(stack, scanner.gap_mm)
    return {
        "view": stack[0].view,
        "n_slices": len(stack),
        "n_frames": len(times),
        "spacing_mm": [round(float(mm), 6) for mm in np.linalg.norm(affine[:3, :3], axis=0)],
        "frame_interval_s": round(float(steps[0]) * rr_ms / 1000.0, 6) if whole_cycle else None,
        "heart_rate_bpm": round(heart_rate_bpm, 2),
        "trigger_times_ms": [times] * len(stack),
        "frame_roles": {"ed": 0, "es": cycle.es_frame},
        "missing_slices": [],
        "slice_thickness_mm": stack[0].thickness_mm,
        "vendor": scanner.vendor,
        "scanner": scanner.model,
        "field_t": scanner.field_t,
        "tr_ms": scanner.tr_ms,
        "te_ms": scanner.te_ms,
        "flip_angle_deg": scanner.flip_deg,
        "layout": "phantom",
        "synthetic": True,
    }


def _label_sidecar(heart: Heart, view: str, n_slices: int) -> dict[str, Any]:
    names = LABELS[view].values()
    return {
        "view": view,
        "observer": OBSERVER,
        "coding": "cinecohort",
        "filling": None,
        "ed_frame": 0,
        "es_frame": heart.cycle.es_frame,
        "annotated": {
            str(frame): {name: list(range(n_slices)) for name in names}
            for frame in range(len(heart.cycle.phase))
        },
        "synthetic": True,
    }
