"""Where a person would draw: contours of the chambers in a slice, sub-pixel, from the analytic surfaces."""

import numpy as np
from numpy.typing import NDArray
from skimage.measure import find_contours

from cinecohort.catalogue.views import STRUCTURES
from cinecohort.phantom.heart import Heart
from cinecohort.phantom.planning import Pose, Slice
from cinecohort.phantom.ventricles import Ventricles

FloatArray = NDArray[np.float64]

SHORT_AXIS = {
    "LV": "saendocardialContour",
    "MYO": "saepicardialContour",
    "RV": "sarvendocardialContour",
}
"""Structure to contour name of cvi42, by view."""
LONG_AXIS = {"LA": "lalaContour", "RA": "laraContour"}

MIN_AREA_MM2 = 25.0
"""Smaller outlines are not drawn."""


def fields(heart: Heart, pose: Pose, image: Slice, frame: int) -> dict[str, FloatArray]:
    """About the distance (rows, columns) to the border of each label of the view, mm; positive inside.

    ``MYO`` is the whole inside of the epicardium. Pixels far from the heart are -1.
    """
    x, y, s = (values.reshape(image.shape) for values in pose.to_heart(image.points()).T)
    now = heart.at(np.array([frame]))
    box = _near(now, x, y, s, image.view)
    x, y, s = x[box], y[box], s[box]
    if image.view == "sa":
        chambers = _ventricular(now.ventricles, x, y, s)
    elif image.view == "la_3ch":
        return {}
    else:
        chambers = {"LA": now.left_atrium.field(x, y, s)[0], **_ventricular(now.ventricles, x, y, s)}
        if image.view == "la_4ch":
            chambers["RA"] = now.right_atrium.field(x, y, s)[0]
    result = {}
    for structure, inside in chambers.items():
        result[structure] = np.full(image.shape, -1.0)
        result[structure][box] = inside
    return result


def _near(heart: Heart, x: FloatArray, y: FloatArray, s: FloatArray, view: str) -> tuple[slice, slice]:
    """Rows and columns around the heart of one frame; all where it is nowhere near."""
    near = (np.hypot(x, y) < 95.0) & (s > -20.0) & (s < heart.ventricles.length_ed + 75.0)
    if view == "sa" and near.any():
        left, right, above, below = _reach(heart.ventricles, float(s[near].min()), float(s[near].max()))
        near &= (x > left) & (x < right) & (y > above) & (y < below)
    rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    if not rows.size:
        return slice(None), slice(None)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _reach(ventricles: Ventricles, lowest: float, highest: float) -> tuple[float, float, float, float]:
    """Least and largest x, and least and largest y, of the ventricles between two heights, and some more."""
    theta = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)
    heights = np.linspace(lowest, highest, 2 + round((highest - lowest) / 5.0))
    reach = ventricles.surfaces(theta[None], heights[:, None])[2][0] + 8.0
    x, y = reach * np.cos(theta), reach * np.sin(theta)
    return float(x.min()), float(x.max()), float(y.min()), float(y.max())


def _ventricular(
    ventricles: Ventricles, x: FloatArray, y: FloatArray, s: FloatArray
) -> dict[str, FloatArray]:
    theta, r = np.arctan2(y, x), np.hypot(x, y)
    across = float(np.ptp(s)) < 1e-6  # the plane lies across the axis: one height for all pixels
    endo, epi, right = (each[0] for each in ventricles.surfaces(theta, s[:1, :1] if across else s))
    mitral = ventricles.mitral.position[0] + ventricles.mitral.lift(x, y) - s
    tricuspid = ventricles.tricuspid.position[0] + ventricles.tricuspid.lift(x, y) - s
    return {
        "LV": np.minimum(endo - r, mitral),
        "MYO": np.minimum(epi - r, mitral),
        "RV": np.minimum(np.minimum(right - r, r - epi), tricuspid),
    }


def outlines(heart: Heart, pose: Pose, image: Slice, frame: int) -> dict[str, FloatArray]:
    """Outline of each structure that observers draw in the slice: (n, 2), column and row in pixels."""
    result = {}
    for structure, field in fields(heart, pose, image, frame).items():
        if structure not in STRUCTURES[image.view].values():
            continue
        padded = np.minimum(field, 1e3)
        found = [points[:, ::-1] for points in find_contours(padded, 0.0)]
        if not found:
            continue
        largest = max(found, key=area_px)
        if area_px(largest) * image.pixel_mm**2 >= MIN_AREA_MM2:
            result[structure] = largest[:-1]
    return result


def area_px(points: FloatArray) -> float:
    """Area of a closed polygon in pixels, by the shoelace formula."""
    return abs(signed_area_px(points))


def signed_area_px(points: FloatArray) -> float:
    """The same, negative where the polygon runs the other way round."""
    x, y = points.T
    closing = x[-1] * y[0] - y[-1] * x[0]
    return float(x[:-1] @ y[1:] - y[:-1] @ x[1:] + closing) / 2.0
