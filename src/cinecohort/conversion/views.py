"""Which frames are which view: by the series' names and by geometry together, with a confidence.

Names lie (a "4CH" that is a three-chamber plane), are empty, or are shared by several planes, so each view
is looked for by name, checked by geometry, and what the two disagree on is reported.

Geometry of the long-axis planes: all contain the long axis of the left ventricle, which is the normal of
the short-axis stack. Seen along it from the apex, the four-chamber plane lies near the patient's left-right
direction, and the two- and the three-chamber planes are turned from it by about 60 degrees to either side
(the standard apical planes lie 60 degrees apart).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cinecohort.catalogue.findings import Code
from cinecohort.conversion.frames import Frame
from cinecohort.conversion.geometry import Axes, Vector, angle_deg
from cinecohort.conversion.kinds import OTHER, Kind
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.series_names import LONG_AXIS, view_by_name
from cinecohort.conversion.short_axis import TYPICAL_LONG_AXIS, ViewChoice, candidates, find_short_axis, unit
from cinecohort.conversion.stacks import Slice, Stack, build_stack, group_by_orientation
from cinecohort.findings import Finding, Level

EXPECTED_TURN_DEG = {"la_4ch": 0.0, "la_2ch": -60.0, "la_3ch": 60.0}
"""Turn of each long-axis plane about the long axis, from the patient's left-right direction."""

LONG_AXIS_VIEWS = tuple(EXPECTED_TURN_DEG)
MAX_TURN_ERROR_DEG = 35.0
MAX_TILT_DEG = 30.0


@dataclass
class Plane:
    """A candidate for a long-axis view: one slice."""

    axes: Axes
    slice: Slice
    named: str | None
    turn_deg: float
    tilt_deg: float
    fits: str | None = field(init=False)

    def __post_init__(self) -> None:
        best = min(LONG_AXIS_VIEWS, key=self.error_deg)
        near = self.error_deg(best) <= MAX_TURN_ERROR_DEG and self.tilt_deg <= MAX_TILT_DEG
        self.fits = best if near else None

    def error_deg(self, view: str) -> float:
        """How far the plane is turned and tilted from where `view` is expected."""
        difference = (self.turn_deg - EXPECTED_TURN_DEG[view] + 90.0) % 180.0 - 90.0
        return float(np.hypot(difference, self.tilt_deg))

    @property
    def n_frames(self) -> int:
        """Of the longest run."""
        return max(len(run.frames) for run in self.slice.runs)

    @property
    def series_number(self) -> int:
        """Of the run that is used."""
        return self.slice.run.frames[0].series_number


def choose_views(
    frames: Sequence[Frame], derived: Sequence[Frame], options: ConversionOptions
) -> tuple[dict[str, ViewChoice], list[Finding]]:
    """Find the views among frames that are cine and have geometry.

    Parameters
    ----------
    frames
        The frames.
    derived
        Frames that were left out as DERIVED; they are looked at, never used.
    options
        See there.

    Returns
    -------
    tuple
        The views found, and findings: ``ORIENTATION`` (slices of one view that are not parallel),
        ``AMBIGUOUS_VIEW`` (several planes of one view, or a name that geometry contradicts).
    """
    named: dict[str | None, list[Frame]] = defaultdict(list)
    for frame in frames:
        named[view_by_name(frame, options)].append(frame)
    choices: dict[str, ViewChoice] = {}
    beside = [frame for frame in derived if view_by_name(frame, options) in ("sa", None)]
    short_axis, cine, findings = find_short_axis(named["sa"], named[None], beside, options)
    if short_axis is not None:
        choices["sa"] = short_axis
    long_axis = _long_axis_direction(short_axis)
    used = {id(frame) for frame in short_axis.stack.frames} if short_axis else set()
    rest = [frame for frame in named[None] if id(frame) not in used]
    possible = [f for name in (*LONG_AXIS_VIEWS, LONG_AXIS) for f in named[name]] + rest
    planes = _planes(possible, long_axis, cine, options)
    chosen, more = _assign(planes, options)
    return choices | chosen, [*findings, *more]


def _long_axis_direction(short_axis: ViewChoice | None) -> Vector:
    """From apex to base: the short-axis normal, turned to the side where the base lies in the chest."""
    typical = unit(TYPICAL_LONG_AXIS)
    if short_axis is None:
        return typical
    normal = short_axis.stack.axes.normal
    return normal if normal @ typical >= 0 else -normal


def unnamed_stacks(frames: Sequence[Frame], options: ConversionOptions) -> list[Stack]:
    """Parallel cines whose names say no view."""
    unnamed = [frame for frame in frames if view_by_name(frame, options) is None]
    return [candidate.stack for candidate in candidates(unnamed, options) if candidate.cine is not None]


def _planes(
    frames: list[Frame], long_axis: Vector, short_axis: Kind | None, options: ConversionOptions
) -> list[Plane]:
    """Planes that may be long-axis views; without a telling name only those like the short-axis cine."""
    left = np.array([1.0, 0.0, 0.0])
    first = left - (left @ long_axis) * long_axis
    if np.linalg.norm(first) < 0.1:
        first = np.array([0.0, 1.0, 0.0])
    first = unit(first)
    second = np.cross(long_axis, first)
    planes = []
    for axes, members in group_by_orientation(frames, options.orientation_tolerance_deg):
        for item in build_stack(axes, members, options.position_tolerance_mm).slices:
            cine = [run for run in item.runs if len(run.frames) >= options.min_frames]
            item.runs = cine or item.runs
            name = _majority_name(item, options)
            if name is None and short_axis is not None:
                item.runs = [run for run in cine if Kind(run).difference(short_axis, frames=False) < OTHER]
            if not item.runs or (not cine and name not in LONG_AXIS_VIEWS):
                continue
            across = np.cross(axes.normal, long_axis)
            turn = float(np.degrees(np.arctan2(across @ second, across @ first)))
            tilt = abs(90.0 - angle_deg(axes.normal, long_axis))
            planes.append(Plane(axes, item, name, turn, tilt))
    return planes


def _majority_name(item: Slice, options: ConversionOptions) -> str | None:
    names = [view_by_name(run.frames[0], options) for run in item.runs]
    known = [name for name in names if name not in (None, LONG_AXIS)]
    return known[0] if known else next((name for name in names if name), None)


def _assign(planes: list[Plane], options: ConversionOptions) -> tuple[dict[str, ViewChoice], list[Finding]]:
    """First each view's own planes, then what is left over by geometry alone."""
    choices: dict[str, ViewChoice] = {}
    findings: list[Finding] = []
    for view in LONG_AXIS_VIEWS:
        own = [plane for plane in planes if plane.named == view and plane.n_frames >= options.min_frames]
        if not own:
            continue
        plane = _pick(own, view, options)
        if len(own) > 1:
            findings.append(_several(own, plane, view, options))
        elif plane is not None and plane.fits not in (view, None):
            message = (
                f"The only plane named {view} (series {plane.series_number}) lies where {plane.fits} is"
                " expected; the name was believed."
            )
            findings.append(_misnamed(message, plane, view))
        if plane is not None:
            planes = [other for other in planes if other is not plane]
            choices[view] = _choice(plane, view)
    for view in LONG_AXIS_VIEWS:
        fitting = [
            plane
            for plane in planes
            if plane.fits == view and plane.named != view and plane.n_frames >= options.min_frames
        ]
        if view in choices or not fitting or any(f.view == view for f in findings):
            continue
        plane = min(fitting, key=lambda p: p.error_deg(view))
        if plane.named in LONG_AXIS_VIEWS:
            message = (
                f"No series is named {view}; series {plane.series_number}, named {plane.named}, lies where it"
                " is expected and is used for it."
            )
            findings.append(_misnamed(message, plane, view))
        elif plane.named is None:
            message = (
                f"No series is named {view}; series {plane.series_number} is used for it by the direction of"
                " its plane alone; see whether it is that view."
            )
            findings.append(_misnamed(message, plane, view))
        choices[view] = _choice(plane, view)
        planes = [other for other in planes if other is not plane]
    for view in set(LONG_AXIS_VIEWS) - set(choices) - {finding.view for finding in findings}:
        stills = [plane for plane in planes if plane.named == view]
        if stills:  # They are refused as no cine, with the number of their frames.
            choices[view] = _choice(stills[0], view)
    return choices, findings


def _misnamed(message: str, plane: Plane, view: str) -> Finding:
    error = round(plane.error_deg(view), 1)
    return Finding(
        Code.AMBIGUOUS_VIEW, Level.REVIEW, message, view, value=error, threshold=MAX_TURN_ERROR_DEG
    )


def _pick(own: list[Plane], view: str, options: ConversionOptions) -> Plane | None:
    if len(own) == 1:
        return own[0]
    if options.on_ambiguous_view == "reject":
        return None
    if options.on_ambiguous_view == "geometry":
        return min(own, key=lambda plane: (plane.error_deg(view), plane.series_number))
    ordered = sorted(own, key=lambda plane: plane.series_number)
    return ordered[0] if options.on_ambiguous_view == "first" else ordered[-1]


def _several(own: list[Plane], plane: Plane | None, view: str, options: ConversionOptions) -> Finding:
    listed = "; ".join(
        f"series {p.series_number}: {p.error_deg(view):.0f} degrees from where it is expected"
        + (f", lies like {p.fits}" if p.fits not in (view, None) else "")
        for p in sorted(own, key=lambda p: p.series_number)
    )
    done = f"series {plane.series_number} is used" if plane else "none is used"
    level = Level.REVIEW if plane else Level.REJECT
    rule = options.on_ambiguous_view
    message = f"{len(own)} different planes are named {view} ({listed}); {done} ({rule})."
    return Finding(Code.AMBIGUOUS_VIEW, level, message, view, value=float(len(own)), threshold=1.0)


def _choice(plane: Plane, view: str) -> ViewChoice:
    agrees = plane.fits == view
    if plane.named == view:
        confidence = 0.95 if agrees else 0.4 if plane.fits else 0.7
    elif plane.named in LONG_AXIS_VIEWS:
        confidence = 0.3
    else:
        confidence = 0.6 if plane.named == LONG_AXIS else 0.5
    words = {view: f"named {view}", None: "no telling name", LONG_AXIS: "named long axis"}
    evidence = (
        f"{words.get(plane.named, f'named {plane.named}')}; {plane.error_deg(view):.0f} degrees from where"
        " the plane is expected"
    )
    return ViewChoice(Stack(plane.axes, [plane.slice]), confidence, evidence)
