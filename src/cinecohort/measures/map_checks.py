"""Label maps from which volumes would be wrong without looking so: other grids, too little of the heart."""

from pathlib import Path

import numpy as np

from cinecohort.catalogue.findings import Code
from cinecohort.findings import Finding, Level
from cinecohort.grids import apart_mm, shear_mm
from cinecohort.images import PIXELS_MM, SAME_PLACE_MM, Image, read_geometry, voxel_spacing
from cinecohort.label_maps import label_of, role_of_single_frame

LV = label_of("sa", "LV")

FEWEST_SLICES = 3
"""Short-axis slices below which a sum of discs is no volume of a ventricle: base, middle and apex."""


def check_map(
    labels: Image, folder: Path, view: str, source: str, phase_known: bool = False
) -> list[Finding]:
    """Flag what makes the measures of a label map doubtful; all for review.

    Parameters
    ----------
    labels
        The label map (x, y, z, t).
    folder
        The subject's folder, which may hold the image.
    view
        The map's view.
    source
        Who made it.
    phase_known
        Whether a sidecar says which frame is end-diastole or end-systole.

    Returns
    -------
    list of Finding
        ``SPACING``: pixels that are no cine's; ``SHIFT``: slices that lie beside each other; ``GRID``:
        another grid than the image's; ``FEW_SLICES`` and ``ONE_FRAME``: a short-axis map that cannot hold a
        ventricle, or no cycle.
    """
    return [
        *_shear_findings(labels, view, source),
        *_grid_findings(labels, folder, view, source),
        *_extent_findings(labels, view, source, phase_known),
    ]


def _shear_findings(labels: Image, view: str, source: str) -> list[Finding]:
    beside = shear_mm(labels.affine)
    if view != "sa" or beside <= SAME_PLACE_MM:
        return []
    message = (
        f"sa: each slice of {source} lies {beside:.1f} mm beside the one below (a sheared affine); volumes"
        f" are taken from the distance of the planes, {labels.spacing_mm[2]:.4g} mm"
    )
    return [Finding(Code.SHIFT, Level.REVIEW, message, view, value=beside, threshold=SAME_PLACE_MM)]


def _grid_findings(labels: Image, folder: Path, view: str, source: str) -> list[Finding]:
    spacing = labels.spacing_mm
    if not all(PIXELS_MM[0] <= size <= PIXELS_MM[1] for size in spacing[:2]):
        message = (
            f"{view}: {source} has pixels of {spacing[0]:.3g} x {spacing[1]:.3g} mm, which are no cine's"
        )
        return [Finding(Code.SPACING, Level.REVIEW, message, view)]
    path = folder / f"{view}.nii.gz"
    if not path.is_file():
        return []
    image = read_geometry(path)
    expected = voxel_spacing(image.affine)
    shape = labels.data.shape[:3]
    if shape == image.shape[:3] and np.allclose(spacing, expected, rtol=0.01):
        if apart_mm(labels.affine, image.affine, shape) <= SAME_PLACE_MM:
            return _frame_findings(labels, (*image.shape, 1)[3], view, source)
        message = f"{view}: {source} lies elsewhere in space than its image, or in another order of voxels"
        return [Finding(Code.GRID, Level.REVIEW, message, view)]
    theirs, ours = (
        f"{' x '.join(map(str, size))} voxels of {' x '.join(f'{mm:.3g}' for mm in each)} mm"
        for size, each in ((shape, spacing), (image.shape[:3], expected))
    )
    message = f"{view}: {source} has {theirs}, its image {ours}; its volumes may be wrong"
    return [Finding(Code.GRID, Level.REVIEW, message, view)]


def _frame_findings(labels: Image, n_frames: int, view: str, source: str) -> list[Finding]:
    own = labels.data.shape[3]
    if own in (1, n_frames):  # One frame is looked at elsewhere.
        return []
    message = (
        f"{view}: {source} has {own} frames, its image {n_frames}; which of the image's frames they are is "
        "not known"
    )
    return [Finding(Code.GRID, Level.REVIEW, message, view, value=own, threshold=n_frames)]


def _extent_findings(labels: Image, view: str, source: str, phase_known: bool) -> list[Finding]:
    if view != "sa":
        return []
    n_slices, n_frames = labels.data.shape[2:]
    findings = []
    if n_slices < FEWEST_SLICES:
        message = f"sa: {source} has fewer than {FEWEST_SLICES} slices ({n_slices}), so no whole ventricle"
        findings.append(
            Finding(Code.FEW_SLICES, Level.REVIEW, message, view, value=n_slices, threshold=FEWEST_SLICES)
        )
    drawn = np.flatnonzero((labels.data == LV).any(axis=(0, 1, 2)))
    if (n_frames == 1 or drawn.size == 1) and not phase_known:
        frame = 0 if n_frames == 1 else int(drawn[0])
        role = "end-diastole" if role_of_single_frame(frame, n_frames)[0] is not None else "end-systole"
        place = "" if n_frames == 1 else f" ({frame} of {n_frames})"
        message = f"sa: {source} has one frame{place}, which is taken for {role}; nothing says that it is"
        findings.append(Finding(Code.ONE_FRAME, Level.REVIEW, message, view, value=1, threshold=2))
    return findings
