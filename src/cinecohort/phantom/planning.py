"""Planning of views on the anatomy, as a radiographer does, in patient coordinates (LPS, mm)."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cinecohort.phantom.heart import Heart

FloatArray = NDArray[np.float64]

LONG_AXIS = np.array([-0.58, 0.62, 0.53])
"""From apex to base: to the right, back and up."""

HEART_MIDDLE = np.array([42.0, -14.0, 0.0])
"""Where the middle of the LV's axis lies; the origin is the middle of the chest."""

TURNS_DEG = {"la_4ch": 0.0, "la_2ch": -60.0, "la_3ch": 60.0}
"""Turn of each long-axis plane about the long axis, from the patient's left; the 4-chamber view is then
turned on to the right atrium."""

MAX_TURN_DEG = 20.0
"""How far it is turned on at most."""


@dataclass(frozen=True)
class Pose:
    """How the heart lies in the chest: ``patient = apex + axes @ (x, y, s)``.

    Parameters
    ----------
    apex
        (3,), mm.
    axes
        (3, 3): columns are the directions of x (lateral), y (inferior) and s (base).
    """

    apex: FloatArray
    axes: FloatArray

    def to_heart(self, points: FloatArray) -> FloatArray:
        """Patient coordinates (..., 3) to the heart's."""
        return (points - self.apex) @ self.axes

    def to_patient(self, points: FloatArray) -> FloatArray:
        """The heart's coordinates (..., 3) to the patient's."""
        return points @ self.axes.T + self.apex


@dataclass(frozen=True)
class Slice:
    """One image plane.

    Parameters
    ----------
    view
        ``sa``, ``la_2ch``, ``la_3ch`` or ``la_4ch``.
    number
        Of the short axis: from 1 at the base; else 1.
    corner
        Centre of the first pixel, mm.
    row, column
        Directions of increasing column index and of increasing row index.
    pixel_mm
        Pixel size.
    shape
        Rows and columns.
    thickness_mm
        Thickness of the excited slab.
    shift_mm
        How far the anatomy is from where it was planned, since another breath was held: (3,) in patient
        coordinates.
    """

    view: str
    number: int
    corner: FloatArray
    row: FloatArray
    column: FloatArray
    pixel_mm: float
    shape: tuple[int, int]
    thickness_mm: float
    shift_mm: FloatArray

    @property
    def normal(self) -> FloatArray:
        """Unit vector across the plane."""
        return np.cross(self.row, self.column)

    @cached_property
    def _plane(self) -> FloatArray:
        along_row = np.arange(self.shape[1])[:, None] * (self.pixel_mm * self.row)
        along_column = np.arange(self.shape[0])[:, None] * (self.pixel_mm * self.column)
        grid = (self.corner + along_column)[:, None, :] + along_row[None]
        return grid.reshape(-1, 3)

    def points(self, offset_mm: float = 0.0) -> FloatArray:
        """Patient coordinates (rows * columns, 3) of what the pixels image, `offset_mm` off the plane."""
        return self._plane + (offset_mm * self.normal - self.shift_mm)


def draw_pose(heart: Heart, rng: np.random.Generator, *, randomise: bool = False) -> Pose:
    """Place a heart in the chest, turned a few degrees from the typical.

    Parameters
    ----------
    heart
        The anatomy.
    rng
        Random numbers.
    randomise
        Turn it much more, from vertical to horizontal hearts.
    """
    axis = LONG_AXIS + rng.normal(0.0, 0.16 if randomise else 0.05, 3)
    axis /= np.linalg.norm(axis)
    down = np.array([0.0, 0.0, -1.0])
    inferior = down - (down @ axis) * axis
    inferior /= np.linalg.norm(inferior)
    lateral = np.cross(inferior, axis)
    axes = np.stack([lateral, inferior, axis], axis=1)
    middle = HEART_MIDDLE + rng.normal(0.0, 4.0, 3)
    return Pose(middle - 0.5 * heart.ventricles.length_ed * axis, axes)


def plan(
    heart: Heart,
    pose: Pose,
    rng: np.random.Generator,
    *,
    pixel_mm: float = 1.8,
    shape: tuple[int, int] = (162, 208),
    thickness_mm: float = 8.0,
    gap_mm: float = 2.0,
    long_axis_thickness_mm: float = 6.0,
    breath_hold_mm: float = 0.8,
) -> list[Slice]:
    """Plan the short-axis stack from the mitral valve to the apex, and the long-axis views.

    Parameters
    ----------
    heart, pose
        The anatomy and where it lies.
    rng
        Random numbers.
    pixel_mm, shape, thickness_mm, gap_mm, long_axis_thickness_mm
        The protocol; `shape` is rows and columns.
    breath_hold_mm
        Spread of the heart's place between breath-holds.

    Returns
    -------
    list of Slice
        Short axis from the base on, then 2-, 3- and 4-chamber view.
    """
    step = thickness_mm + gap_mm
    base = heart.ventricles.length_ed
    first = base + float(rng.uniform(0.7, 1.5)) * step
    count = int(np.ceil((first + 6.0) / step)) + 1
    tilt = np.radians(rng.normal(0.0, 4.0))
    row = np.cos(tilt) * pose.axes[:, 0] + np.sin(tilt) * pose.axes[:, 1]
    column = np.cross(pose.axes[:, 2], row)
    middle = np.array([-12.0, 2.0, 0.0]) + rng.normal(0.0, 6.0, 3) * (1.0, 1.0, 0.0)
    slices = []
    for number in range(count):
        centre = pose.to_patient(middle + np.array([0.0, 0.0, first - number * step]))
        shift = _shift(rng, breath_hold_mm)
        slices.append(_centred("sa", number + 1, centre, row, column, pixel_mm, shape, thickness_mm, shift))
    for view in ("la_2ch", "la_3ch", "la_4ch"):
        turn_deg = TURNS_DEG[view] + float(rng.normal(0.0, 4.0))
        if view == "la_4ch":
            turn_deg += _turn_through_right_atrium(heart, pose)
        across = _turned(pose.axes[:, 2], turn_deg)
        row, column = _display(view, pose.axes[:, 2], across)
        centre = pose.to_patient(np.array([0.0, 0.0, base + 2.0])) + 6.0 * across * (view != "la_2ch") * -1.0
        shift = _shift(rng, breath_hold_mm)
        slices.append(_centred(view, 1, centre, row, column, pixel_mm, shape, long_axis_thickness_mm, shift))
    return slices


def randomised_views(slices: list[Slice], rng: np.random.Generator) -> list[Slice]:
    """The same views planned carelessly and displayed in any orientation, for training data.

    Long axes are tilted and moved off the anatomy's planes and seen from either side; every view is turned
    and shifted in its plane. All slices of the short axis are treated alike and keep their order along the
    normal.

    Parameters
    ----------
    slices
        As :func:`plan` gives them.
    rng
        Random numbers.
    """
    drawn: dict[str, tuple[FloatArray, FloatArray, FloatArray, FloatArray]] = {}
    result = []
    for image in slices:
        if image.view not in drawn:
            strength = 0.3 if image.view == "sa" else 1.0
            drawn[image.view] = (
                rng.normal(0.0, strength * 0.10, 2),
                rng.normal(0.0, strength * 4.0, 1),
                rng.normal(0.0, 18.0, 2),
                rng.random(4),
            )
        result.append(_replanned(image, *drawn[image.view]))
    return result


def _replanned(
    image: Slice, tilt: FloatArray, off_mm: FloatArray, shift_mm: FloatArray, chance: FloatArray
) -> Slice:
    """Turn a slice by `tilt` (radians, about its row and column), move it and display it otherwise."""
    half = image.pixel_mm * (np.array(image.shape) - 1) / 2
    centre = image.corner + half[1] * image.row + half[0] * image.column
    normal = image.normal + tilt[0] * image.row + tilt[1] * image.column
    normal /= np.linalg.norm(normal)
    centre = centre + off_mm[0] * image.normal
    turn = 2.0 * np.pi * chance[0] if chance[1] < 0.5 else 0.6 * (chance[0] - 0.5)
    row = np.cos(turn) * image.row + np.sin(turn) * image.column
    row = row - (row @ normal) * normal
    row /= np.linalg.norm(row)
    mirrored = image.view != "sa" and chance[2] < 0.5
    column = np.cross(normal, row) * (-1.0 if mirrored else 1.0)
    centre = centre + shift_mm[0] * row + shift_mm[1] * column
    corner = centre - half[1] * row - half[0] * column
    return replace(image, corner=corner, row=row, column=column)


def _shift(rng: np.random.Generator, breath_hold_mm: float) -> FloatArray:
    return rng.normal(0.0, breath_hold_mm, 3) * np.array([0.4, 0.6, 1.0])


def _turn_through_right_atrium(heart: Heart, pose: Pose) -> float:
    """Turn, in degrees, of the plane through the middle of the right atrium, as far as anyone would go."""
    x, y, _ = (float(values.mean()) for values in heart.right_atrium.place(0.5, 0.0, 0.0))
    away = pose.axes @ np.array([-x, -y, 0.0])
    axis = pose.axes[:, 2]
    first = _turned(axis, 0.0)
    turn = np.degrees(np.arctan2(away @ np.cross(axis, first), away @ first))
    return float(np.clip(turn, -MAX_TURN_DEG, MAX_TURN_DEG))


def _turned(axis: FloatArray, turn_deg: float) -> FloatArray:
    left = np.array([1.0, 0.0, 0.0])
    first = left - (left @ axis) * axis
    first /= np.linalg.norm(first)
    turn = np.radians(turn_deg)
    return np.cos(turn) * first + np.sin(turn) * np.cross(axis, first)


def _display(view: str, axis: FloatArray, across: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Turn a plane as scanners display it: the patient's left, or back, to the right; down or back below."""
    wanted = np.array([1.0, 0.0, 0.0]) if view == "la_4ch" else np.array([0.0, 1.0, 0.0])
    row = (wanted @ axis) * axis + (wanted @ across) * across
    row /= np.linalg.norm(row)
    normal = np.cross(axis, across)
    column = np.cross(normal, row)
    below = np.array([0.0, 1.0, 0.0]) if view == "la_4ch" else np.array([0.0, 0.0, -1.0])
    return row, column if column @ below > 0 else -column


def _centred(
    view: str,
    number: int,
    centre: FloatArray,
    row: FloatArray,
    column: FloatArray,
    pixel_mm: float,
    shape: tuple[int, int],
    thickness_mm: float,
    shift: FloatArray,
) -> Slice:
    corner = centre - pixel_mm * ((shape[1] - 1) / 2 * row + (shape[0] - 1) / 2 * column)
    return Slice(view, number, corner, row, column, pixel_mm, shape, thickness_mm, shift)
