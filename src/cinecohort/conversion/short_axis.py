"""The short-axis stack: found among series that are named so, else among parallel cines.

Other images may bear its name or lie at its positions: stills, flow, perfusion, a second stack. What is
looked for is the cine that most parallel slices have; nothing beside it makes it be refused, unless it may be
a part of the stack.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cinecohort.catalogue.findings import Code
from cinecohort.conversion.frame_order import Run
from cinecohort.conversion.frames import Frame
from cinecohort.conversion.geometry import Axes, Vector, angle_deg
from cinecohort.conversion.kinds import OTHER, Kind, cine_runs, main_kind, slices_of, typical
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.series_names import series_words
from cinecohort.conversion.stacks import Stack, build_stack, group_by_orientation
from cinecohort.findings import Finding, Level

TYPICAL_LONG_AXIS = np.array([-0.58, 0.62, 0.53])
"""Direction from apex to base in patient coordinates (LPS): to the right, back and up."""

MAX_AXIS_ANGLE_DEG = 45.0
MORE_LIKE = 1.4
"""So many times another's score: a balanced sequence against a spoiled one, or a stack against a slice."""

MAX_BESIDE_TILT_DEG = 15.0
"""A cine tilted by no more than this against the stack may be meant as a slice of it."""


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
class Candidate:
    """Parallel slices that may be the stack.

    Parameters
    ----------
    stack
        The slices.
    members
        Their frames.
    cine
        The kind of its cine; None where no acquisition has enough frames.
    n_slices
        Slices that have the kind.
    score
        See :func:`cinecohort.conversion.kinds.main_kind`.
    """

    stack: Stack
    members: list[Frame]
    cine: Kind | None
    n_slices: int
    score: float

    @property
    def from_typical_deg(self) -> float:
        """Angle between the stack's normal and a typical heart's long axis."""
        return min(angle_deg(self.stack.axes.normal, sign * unit(TYPICAL_LONG_AXIS)) for sign in (1.0, -1.0))

    @property
    def plausible(self) -> bool:
        """Whether it lies as a short axis may."""
        return self.from_typical_deg <= MAX_AXIS_ANGLE_DEG


def unit(vector: Vector) -> Vector:
    """The vector at length 1."""
    return vector / np.linalg.norm(vector)


def candidates(frames: Sequence[Frame], options: ConversionOptions) -> list[Candidate]:
    """Parallel slices among frames, those with most frames first."""
    found = []
    for axes, members in group_by_orientation(frames, options.orientation_tolerance_deg):
        stack = build_stack(axes, members, options.position_tolerance_mm)
        kinds, score = main_kind(stack, options)
        n_slices = slices_of(kinds, stack)
        found.append(Candidate(stack, members, typical(kinds) if kinds else None, n_slices, score))
    return found


def find_short_axis(
    named: Sequence[Frame], unnamed: Sequence[Frame], derived: Sequence[Frame], options: ConversionOptions
) -> tuple[ViewChoice | None, Kind | None, list[Finding]]:
    """Find the stack.

    Parameters
    ----------
    named, unnamed
        Frames whose series name says short axis, and those whose name says no view.
    derived
        Frames that were left out as DERIVED; one that continues the stack is reported.
    options
        See there.

    Returns
    -------
    tuple
        The stack, the kind of its cine (both None where there is none), and the findings.
    """
    among_named, among_unnamed = candidates(named, options), candidates(unnamed, options)
    best, findings = _of_named(among_named, options)
    many = [c for c in among_unnamed if c.n_slices >= options.min_parallel_slices]
    better = [c for c in many if best is not None and _is_the_cine_of(c, best)]
    by_name = best is not None and not better and (best.n_slices >= 2 or not many)
    if not by_name:
        best, findings = _of_unnamed(better or among_unnamed, options)
    if better:
        message = (
            "The series named short axis are no cines, or less like one than a series without a telling name"
            " at the same positions, which is used; see whether it is the short axis."
        )
        findings.append(Finding(Code.AMBIGUOUS_VIEW, Level.REVIEW, message, "sa"))
    if best is None or any(finding.level is Level.REJECT for finding in findings):
        return None, None, findings
    others = [c for c in (*among_named, *among_unnamed) if c is not best]
    findings += _beside(best, others, candidates(derived, options), options)
    angle, plausible = best.from_typical_deg, best.plausible
    enough = len(best.stack.slices) >= options.min_parallel_slices
    confidence = (0.5 if by_name else 0.0) + 0.25 * enough + 0.2 * plausible
    evidence = (
        f"{'named short axis' if by_name else 'no telling name'}; {len(best.stack.slices)} parallel slices; "
        f"normal {angle:.0f} degrees from a typical heart's long axis"
    )
    return ViewChoice(best.stack, round(confidence, 2), evidence), best.cine, findings


def _is_the_cine_of(unnamed: Candidate, named: Candidate) -> bool:
    """Whether an unnamed stack at the positions of a named one is much more like a cine than that is."""
    parallel = angle_deg(unnamed.stack.axes.normal, named.stack.axes.normal) <= MAX_BESIDE_TILT_DEG
    few = min(len(unnamed.stack.slices), len(named.stack.slices)) < 3
    there = few or _lies_in_the_same_place(named.stack, unnamed.stack)
    return parallel and there and unnamed.score >= MORE_LIKE * named.score


def _of_named(found: list[Candidate], options: ConversionOptions) -> tuple[Candidate | None, list[Finding]]:
    if not found:
        return None, []
    best = max(found, key=lambda candidate: candidate.score)
    if best.cine is None:
        return best, []
    rivals = [c for c in found if c is not best and _like(c.stack, best.cine, options)]
    stacks = [c for c in rivals if _lies_in_the_same_place(c.stack, best.stack)]
    tilted = [c for c in rivals if c not in stacks]
    findings = []
    if stacks:
        message = (
            f"{len(stacks) + 1} stacks are named short axis and lie otherwise; the one with most slices"
            f" ({best.n_slices}) is used, not series {series_words([f for c in stacks for f in c.members])}."
        )
        findings.append(
            Finding(Code.AMBIGUOUS_VIEW, Level.REVIEW, message, "sa", value=float(len(stacks) + 1))
        )
    if tilted:
        groups = [(c.stack.axes, c.members) for c in (best, *tilted)]
        findings.append(_not_parallel(groups, options))
    return best, findings


def _of_unnamed(found: list[Candidate], options: ConversionOptions) -> tuple[Candidate | None, list[Finding]]:
    stacks = [c for c in found if c.n_slices >= options.min_parallel_slices] or [
        c for c in found if c.cine is None and len(c.stack.slices) >= options.min_parallel_slices
    ]
    if not stacks:
        return None, []
    best = max(stacks, key=lambda c: (c.plausible, c.score, len(c.stack.slices), len(c.members)))
    findings = []
    if len(stacks) > 1:
        message = (
            f"{len(stacks)} stacks of parallel slices bear no telling name; the one with most slices"
            f" ({len(best.stack.slices)}) of those that lie as a short axis may is taken for it."
        )
        findings.append(Finding(Code.AMBIGUOUS_VIEW, Level.REVIEW, message, "sa", value=float(len(stacks))))
    if not best.plausible:
        message = (
            f"A stack without a telling name, {best.from_typical_deg:.0f} degrees from a typical heart's long"
            " axis, is taken for the short axis; see whether it is one."
        )
        findings.append(
            Finding(
                Code.AMBIGUOUS_VIEW,
                Level.REVIEW,
                message,
                "sa",
                value=best.from_typical_deg,
                threshold=MAX_AXIS_ANGLE_DEG,
            )
        )
    return best, findings


def _like(stack: Stack, cine: Kind, options: ConversionOptions) -> list[Run]:
    return [run for run in cine_runs(stack, options) if Kind(run).difference(cine) < OTHER]


def _centre(run: Run, axes: Axes) -> Vector:
    """Middle of an image, in millimetres (LPS)."""
    frame = run.frames[0]
    rows, columns, (between_rows, between_columns) = (
        frame.values[keyword] for keyword in ("Rows", "Columns", "PixelSpacing")
    )
    across = axes.row * (columns - 1) / 2 * between_columns
    return np.asarray(frame.position + across + axes.column * (rows - 1) / 2 * between_rows)


def _along(stack: Stack, normal: Vector) -> Vector:
    """Middle of each slice along a direction."""
    return np.array([_centre(item.run, stack.axes) @ normal for item in stack.slices])


def _lies_in_the_same_place(stack: Stack, other: Stack) -> bool:
    """Whether two stacks cover the same part of the heart: each is whole, not a part of the other."""
    if min(len(stack.slices), len(other.slices)) < 3:
        return False
    a, b = _along(stack, other.axes.normal), _along(other, other.axes.normal)
    common = min(a.max(), b.max()) - max(a.min(), b.min())
    return bool(common >= 0.5 * min(np.ptp(a), np.ptp(b)))


def _beside(
    best: Candidate, others: list[Candidate], derived: list[Candidate], options: ConversionOptions
) -> list[Finding]:
    """Cines like the stack's that would continue it or fill a hole, but for name, tilt or origin."""
    cine, normal = best.cine, best.stack.axes.normal
    if cine is None or len(best.stack.slices) < 2:
        return []
    places = _along(best.stack, normal)
    step_mm = float(np.median(np.diff(np.sort(places))))
    beside: list[Frame] = []
    reasons: set[str] = set()
    for candidate in (*others, *derived):
        axes = candidate.stack.axes
        tilt = max(angle_deg(axes.normal, normal), angle_deg(axes.row, best.stack.axes.row))
        parallel = tilt <= options.orientation_tolerance_deg
        whole = not parallel and _lies_in_the_same_place(candidate.stack, best.stack)
        if tilt > MAX_BESIDE_TILT_DEG or whole:
            continue
        least_mm = options.position_tolerance_mm if parallel else 0.3 * step_mm
        for run in _like(candidate.stack, cine, options):
            apart = np.abs(places - _centre(run, axes) @ normal).min()
            if least_mm < apart <= 1.5 * step_mm:
                beside.append(run.frames[0])
                reasons |= {
                    f"tilted by {tilt:.1f} degrees"
                    if not parallel
                    else "marked DERIVED"
                    if candidate in derived
                    else "without a telling name"
                }
    if not beside:
        return []
    message = (
        f"{len(beside)} cines ({', '.join(sorted(reasons))}) lie beside the short-axis slices (series "
        f"{series_words(beside)}) and are not used; see whether they belong to the stack."
    )
    return [Finding(Code.AMBIGUOUS_VIEW, Level.REVIEW, message, "sa", value=float(len(beside)))]


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
