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
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.runs import kind_of
from cinecohort.conversion.series_names import LONG_AXIS, series_words, view_by_name
from cinecohort.conversion.stacks import Slice, Stack, build_stack, group_by_orientation
from cinecohort.findings import Finding, Level

TYPICAL_LONG_AXIS = np.array([-0.58, 0.62, 0.53])
"""Direction from apex to base in patient coordinates (LPS): to the right, back and up."""

EXPECTED_TURN_DEG = {"la_4ch": 0.0, "la_2ch": -60.0, "la_3ch": 60.0}
"""Turn of each long-axis plane about the long axis, from the patient's left-right direction."""

LONG_AXIS_VIEWS = tuple(EXPECTED_TURN_DEG)
MAX_TURN_ERROR_DEG = 35.0
MAX_TILT_DEG = 30.0
MAX_AXIS_ANGLE_DEG = 45.0


@dataclass
class ViewChoice:
    """The frames that were chosen for a view.

    Parameters
    ----------
    stack
        Its slices; one for a long-axis view.
    confidence
        From 0 to 1: names and geometry agree (0.95), only one of them speaks (0.5 to 0.8), or they
        contradict each other (0.3 to 0.4).
    evidence
        The same in words.
    """

    stack: Stack
    confidence: float
    evidence: str


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
    frames: Sequence[Frame], options: ConversionOptions
) -> tuple[dict[str, ViewChoice], list[Finding]]:
    """Find the views among frames that are cine and have geometry.

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
    short_axis, findings, used = _short_axis(named["sa"], named[None], options)
    if short_axis is not None:
        choices["sa"] = short_axis
    long_axis = _long_axis_direction(short_axis)
    rest = [frame for frame in named[None] if id(frame) not in used]
    candidates = [f for name in (*LONG_AXIS_VIEWS, LONG_AXIS) for f in named[name]] + rest
    planes = _planes(candidates, long_axis, options)
    chosen, more = _assign(planes, options)
    return choices | chosen, [*findings, *more]


def _short_axis(
    named: list[Frame], unnamed: list[Frame], options: ConversionOptions
) -> tuple[ViewChoice | None, list[Finding], set[int]]:
    findings: list[Finding] = []
    tolerance = options.position_tolerance_mm
    if named:
        groups = group_by_orientation(named, options.orientation_tolerance_deg)
        axes, members = groups[0]
        stack = build_stack(axes, members, tolerance)
        if len(groups) > 1:
            findings.append(_not_parallel(groups, options))
            if options.on_orientation == "reject":
                return None, findings, set()
        findings += _left_beside(stack, unnamed, options)
    else:
        groups = group_by_orientation(unnamed, options.orientation_tolerance_deg)
        stacks = [build_stack(axes, members, tolerance) for axes, members in groups]
        stacks = [s for s in stacks if len(s.slices) >= options.min_parallel_slices]
        if not stacks:
            return None, findings, set()
        stack = max(
            stacks,
            key=lambda s: (_from_typical_long_axis(s) <= MAX_AXIS_ANGLE_DEG, len(s.slices), len(s.frames)),
        )
        if len(stacks) > 1:
            message = (
                f"{len(stacks)} stacks of parallel slices bear no telling name; the one with most slices"
                f" ({len(stack.slices)}) of those that lie as a short axis may is taken for it."
            )
            findings.append(
                Finding(Code.AMBIGUOUS_VIEW, Level.REVIEW, message, "sa", value=float(len(stacks)))
            )
    angle = _from_typical_long_axis(stack)
    plausible = angle <= MAX_AXIS_ANGLE_DEG
    if not named and not plausible:
        message = (
            f"A stack without a telling name, {angle:.0f} degrees from a typical heart's long axis, is taken "
            "for the short axis; see whether it is one."
        )
        findings.append(
            Finding(
                Code.AMBIGUOUS_VIEW, Level.REVIEW, message, "sa", value=angle, threshold=MAX_AXIS_ANGLE_DEG
            )
        )
    many = len(stack.slices) >= options.min_parallel_slices
    confidence = (0.5 if named else 0.0) + 0.25 * many + 0.2 * plausible
    evidence = (
        f"{'named short axis' if named else 'no telling name'}; {len(stack.slices)} parallel slices; "
        f"normal {angle:.0f} degrees from a typical heart's long axis"
    )
    return (
        ViewChoice(stack, round(confidence, 2), evidence),
        findings,
        {id(frame) for frame in stack.frames},
    )


def _left_beside(stack: Stack, unnamed: list[Frame], options: ConversionOptions) -> list[Finding]:
    """Cines like the stack's that would continue it or fill a hole, were they named as it is."""
    tolerance_mm = options.position_tolerance_mm
    places = np.array([item.distance_mm for item in stack.slices])
    if len(places) < 2:
        return []
    reach_mm = 1.5 * float(np.median(np.diff(places)))
    kinds = {kind_of(run) for item in stack.slices for run in item.runs}
    beside: list[Frame] = []
    for axes, members in group_by_orientation(unnamed, options.orientation_tolerance_deg):
        if angle_deg(axes.normal, stack.axes.normal) > options.orientation_tolerance_deg:
            continue
        for item in build_stack(stack.axes, members, tolerance_mm).slices:
            if tolerance_mm < np.abs(places - item.distance_mm).min() <= reach_mm:
                cines = [run for run in item.runs if len(run.frames) >= options.min_frames]
                beside += [run.frames[0] for run in cines if kind_of(run) in kinds]
    if not beside:
        return []
    message = (
        f"{len(beside)} cines without a telling name lie beside the short-axis slices (series "
        f"{series_words(beside)}) and are not used; see whether they belong to the stack."
    )
    return [Finding(Code.AMBIGUOUS_VIEW, Level.REVIEW, message, "sa", value=float(len(beside)))]


def _from_typical_long_axis(stack: Stack) -> float:
    """Angle between a stack's normal and a typical heart's long axis, degrees."""
    return min(angle_deg(stack.axes.normal, sign * _unit(TYPICAL_LONG_AXIS)) for sign in (1.0, -1.0))


def _not_parallel(groups: list[tuple[Axes, list[Frame]]], options: ConversionOptions) -> Finding:
    main, members = groups[0]
    others = [frame for _, group in groups[1:] for frame in group]

    def place(frame: Frame) -> float:
        return round(float(np.asarray(frame.values["ImagePositionPatient"]) @ main.normal), 1)

    every = sorted({place(frame) for frame in members + others})
    tilted = tuple(sorted({every.index(place(frame)) for frame in others}))
    worst = max(
        max(angle_deg(main.normal, axes.normal), angle_deg(main.row, axes.row)) for axes, _ in groups[1:]
    )
    largest = options.on_orientation == "largest"
    what = "only the largest parallel group is used" if largest else "the view is refused"
    message = (
        f"The short-axis slices are not parallel: {len(groups)} orientations, up to {worst:.1f} degrees apart"
        f" (series {series_words(others)} differ); {what}."
    )
    level = Level.REVIEW if largest else Level.REJECT
    return Finding(
        Code.ORIENTATION,
        level,
        message,
        "sa",
        slices=tilted,
        value=round(worst, 3),
        threshold=options.orientation_tolerance_deg,
    )


def _unit(vector: Vector) -> Vector:
    return vector / np.linalg.norm(vector)


def _long_axis_direction(short_axis: ViewChoice | None) -> Vector:
    """From apex to base: the short-axis normal, turned to the side where the base lies in the chest."""
    typical = _unit(TYPICAL_LONG_AXIS)
    if short_axis is None:
        return typical
    normal = short_axis.stack.axes.normal
    return normal if normal @ typical >= 0 else -normal


def _planes(frames: list[Frame], long_axis: Vector, options: ConversionOptions) -> list[Plane]:
    left = np.array([1.0, 0.0, 0.0])
    first = left - (left @ long_axis) * long_axis
    if np.linalg.norm(first) < 0.1:
        first = np.array([0.0, 1.0, 0.0])
    first = _unit(first)
    second = np.cross(long_axis, first)
    planes = []
    for axes, members in group_by_orientation(frames, options.orientation_tolerance_deg):
        for item in build_stack(axes, members, options.position_tolerance_mm).slices:
            cine = [run for run in item.runs if len(run.frames) >= options.min_frames]
            item.runs = cine or item.runs
            name = _majority_name(item, options)
            if not cine and name not in LONG_AXIS_VIEWS:
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
        own = [plane for plane in planes if plane.named == view]
        own = [plane for plane in own if plane.n_frames >= options.min_frames] or own
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
        choices[view] = _choice(plane, view)
        planes = [other for other in planes if other is not plane]
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
