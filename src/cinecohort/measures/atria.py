"""Atrial volumes from long-axis views by the area-length method."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cinecohort.label_maps import LabelMap
from cinecohort.measures.contours import chord_length, largest_component, outer_contour

AREA_LENGTH = 8.0 / (3.0 * np.pi)


@dataclass(frozen=True)
class AtrialCurve:
    """Area (t,) in cm² and length (t,) in cm of an atrium in one view; NaN where not measurable."""

    area_cm2: NDArray[np.float64]
    length_cm: NDArray[np.float64]

    @property
    def single_plane_ml(self) -> NDArray[np.float64]:
        """Volume (t,) in mL from this view alone: 8 A² / (3 pi L)."""
        return AREA_LENGTH * self.area_cm2**2 / self.length_cm


def long_axis_in_plane(
    short_axis_affine: NDArray[np.float64], affine: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Direction of the LV long axis within a long-axis image.

    The long axis is the slice normal of the short axis, pointing to the head (ukbb_cardiac); here it is
    projected onto the image plane.

    Parameters
    ----------
    short_axis_affine, affine
        Affines of the short-axis stack and of the long-axis image.

    Returns
    -------
    numpy.ndarray or None
        Unit vector (2,) along the image's x and y in mm; None where the axis is nearly perpendicular to the
        image.
    """
    axis = short_axis_affine[:3, 2] / np.linalg.norm(short_axis_affine[:3, 2])
    axis = axis if axis[2] >= 0 else -axis
    in_plane = affine[:3, :2] / np.linalg.norm(affine[:3, :2], axis=0)
    projected = axis @ in_plane
    length = float(np.linalg.norm(projected))
    return projected / length if length > 0.3 else None


def principal_axis(mask: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> NDArray[np.float64]:
    """Direction (2,) in mm along which a mask is longest: the first eigenvector of its pixels' covariance."""
    points = np.argwhere(mask) * spacing_mm
    return np.linalg.eigh(np.cov(points.T))[1][:, -1]


def area_and_length(
    mask: NDArray[np.bool_], spacing_mm: tuple[float, float], axis: NDArray[np.float64] | None
) -> tuple[float, float]:
    """Area (cm²) and length (cm) of an atrium in one frame.

    Of the largest component: the area is its pixels times the pixel area; the length is the chord, within
    the sub-pixel contour (smoothed by a pixel), of the line through the centroids of the third of its
    pixels that lies farthest up the long axis and of the third that lies lowest (the construction of
    ukbb_cardiac, whose own length is that of a rasterised line between pixel centres).

    Parameters
    ----------
    mask
        Atrium (x, y) in one frame.
    spacing_mm
        Pixel size along x and y.
    axis
        Long axis (2,) in mm of the plane; None: the mask's own principal axis.

    Returns
    -------
    tuple
        NaN twice where there are fewer than 10 pixels or no chord.
    """
    atrium = largest_component(mask)
    points = np.argwhere(atrium) * spacing_mm
    if len(points) < 10:
        return float("nan"), float("nan")
    direction = principal_axis(atrium, spacing_mm) if axis is None else axis
    ordered = points[np.argsort(points @ direction, kind="stable")]
    third = len(ordered) // 3
    low, high = ordered[:third].mean(axis=0), ordered[-third:].mean(axis=0)
    contour = outer_contour(atrium, spacing_mm, smoothing_mm=float(np.mean(spacing_mm)))
    length = chord_length(contour, low, high - low) if len(contour) else float("nan")
    if not length > 0:
        return float("nan"), float("nan")
    return len(points) * spacing_mm[0] * spacing_mm[1] / 100.0, length / 10.0


def atrial_curve(labels: LabelMap, structure: str, axis: NDArray[np.float64] | None) -> AtrialCurve:
    """Area and length of an atrium in every frame that is known; a frame that fails is NaN, never 0.

    Parameters
    ----------
    labels
        Long-axis label map.
    structure
        ``LA`` or ``RA``.
    axis
        See :func:`area_and_length`.
    """
    dx, dy, _ = labels.image.spacing_mm
    masks = labels.mask(structure)[:, :, 0, :]
    values = np.full((2, masks.shape[2]), np.nan)
    for frame in np.flatnonzero(labels.frames(structure)):
        values[:, frame] = area_and_length(masks[..., frame], (dx, dy), axis)
    return AtrialCurve(values[0], values[1])


def at_phases(curve: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of a periodic curve (t,) between frames, linear; NaN if a frame that is needed is NaN."""
    lower = np.floor(places).astype(int)
    share = places - lower
    first, second = curve[lower % curve.size], curve[(lower + 1) % curve.size]
    return np.where(share < 1e-9, first, (1 - share) * first + share * second)


def biplane_ml(
    two_chamber: AtrialCurve, four_chamber: AtrialCurve, length: str = "mean"
) -> NDArray[np.float64]:
    """Biplane volume in mL: 8 A2 A4 / (3 pi L), element by element.

    Parameters
    ----------
    two_chamber, four_chamber
        Areas and lengths at the same moments.
    length
        ``mean`` of both views (ukbb_cardiac) or the ``shorter`` of them.
    """
    lengths = np.stack([two_chamber.length_cm, four_chamber.length_cm])
    chosen = lengths.mean(axis=0) if length == "mean" else lengths.min(axis=0)
    return AREA_LENGTH * two_chamber.area_cm2 * four_chamber.area_cm2 / chosen


def align_to(
    curve: AtrialCurve, n_frames: int, pairs: Sequence[tuple[int, int]] | None = None
) -> AtrialCurve:
    """Bring one view's curve to the frames of another view.

    Parameters
    ----------
    curve
        Curve of the view to align.
    n_frames
        Frames of the other view.
    pairs
        Frames (of this view, of the other) that are known to be the same moment, such as an
        observer's end-diastole in both. Other frames are then NaN. None: by cycle phase.
    """
    if pairs is None:
        places = np.arange(n_frames) / n_frames * curve.area_cm2.size
        return AtrialCurve(at_phases(curve.area_cm2, places), at_phases(curve.length_cm, places))
    area, length = np.full(n_frames, np.nan), np.full(n_frames, np.nan)
    for here, there in pairs:
        area[there], length[there] = curve.area_cm2[here], curve.length_cm[here]
    return AtrialCurve(area, length)


def extremes(volume_ml: NDArray[np.float64]) -> dict[str, float]:
    """Largest and smallest volume over the known frames; NaN with fewer than two of these."""
    if np.count_nonzero(np.isfinite(volume_ml)) < 2:
        return {"max": float("nan"), "min": float("nan")}
    return {"max": float(np.nanmax(volume_ml)), "min": float(np.nanmin(volume_ml))}
