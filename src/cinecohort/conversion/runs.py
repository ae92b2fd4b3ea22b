"""Which acquisition of each slice is used, and which of its frames are missing."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.conversion.cardiac_time import frame_interval_ms, phases, rr_interval_ms
from cinecohort.conversion.frame_order import Run, is_even
from cinecohort.conversion.kinds import Kind, typical
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.series_names import series_words
from cinecohort.conversion.stacks import Slice, Stack
from cinecohort.findings import Finding, Level

NEAR = 0.4
"""Slices closer to each other than this share of the step are one slice, taken again after a move."""

HOLE = 1.6
"""Two frames that are so many frame intervals apart have a missing frame between them."""


def choose_runs(
    view: str, stack: Stack, options: ConversionOptions, contoured: Collection[str]
) -> list[Finding]:
    """Put the acquisition that is used first in every slice; ``DUPLICATE`` says where there was a choice.

    Parameters
    ----------
    view
        Named by the finding.
    stack
        Changed in place: the order of each slice's runs.
    options
        ``on_duplicate`` decides.
    contoured
        SOPInstanceUIDs that somebody drew contours on.
    """
    repeated = []
    reasons = set()
    cine = typical([Kind(run) for item in stack.slices for run in item.runs])
    beside, usual = _offsets_mm(stack), stack.n_frames
    for index, item in enumerate(stack.slices):
        if len(item.runs) == 1:
            continue
        item.runs, reason = _ordered(
            item.runs,
            {
                id(run): Kind(run).difference(cine) + (beside(run) > options.shift_tolerance_mm)
                for run in item.runs
            },
            options.on_duplicate,
            contoured,
        )
        if all(_fills_holes(item.run, run, usual) for run in item.runs[1:]):
            continue
        repeated.append(index)
        reasons.add(reason)
    if not repeated:
        return []
    rejected = options.on_duplicate == "reject"
    most = max(len(stack.slices[index].runs) for index in repeated)
    message = f"{len(repeated)} slices were acquired more than once (up to {most} times); " + (
        "the view is refused." if rejected else f"used: {', '.join(sorted(reasons))}."
    )
    level = Level.REJECT if rejected else Level.REVIEW
    return [
        Finding(
            Code.DUPLICATE, level, message, view, slices=tuple(repeated), value=float(most), threshold=1.0
        )
    ]


def _fills_holes(used: Run, other: Run, usual: int) -> bool:
    """Whether a run holds frames alone that the used one lacks: frames of another matrix, say.

    It is then no second acquisition; that frames are missing is found later.
    """
    times, more = ({frame.values.get("TriggerTime") for frame in run.frames} for run in (used, other))
    return (
        None not in times | more and times.isdisjoint(more) and len(used.frames) + len(other.frames) <= usual
    )


def _offsets_mm(stack: Stack) -> Callable[[Run], float]:
    """How far a run lies beside the other slices in their plane; 0 where there are too few to say."""
    normal = stack.axes.normal

    def lateral(run: Run) -> NDArray[np.float64]:
        place = run.frames[0].position
        return np.asarray(place - (place @ normal) * normal)

    middle = np.median([lateral(item.runs[0]) for item in stack.slices], axis=0)
    if len(stack.slices) < 3:
        return lambda run: 0.0
    return lambda run: float(np.linalg.norm(lateral(run) - middle))


def drop_repositioned(view: str, stack: Stack, options: ConversionOptions) -> tuple[Stack, list[Finding]]:
    """Leave out slices that lie close to another one, off the even steps of all others (``DUPLICATE``)."""
    places = np.array([item.distance_mm for item in stack.slices])
    if len(places) < 4:
        return stack, []
    if whole := _one_of_several_stacks(places, stack, options.spacing_tolerance):
        kept = Stack(stack.axes, [stack.slices[index] for index in whole])
        n = len(places) - len(whole)
        used = series_words([item.run.frames[0] for item in kept.slices])
        message = (
            "Whole stacks lie between each other, at uneven distances; the fullest or latest of them is"
            f" used (series {used}), and {n} slices of the others were left out."
        )
        return kept, [Finding(Code.DUPLICATE, Level.REVIEW, message, view, value=float(n))]
    step = float(np.max(np.diff(places)))
    best: list[int] = []
    for start in places:
        ratio = (places - start) / step
        on_grid = np.flatnonzero(np.abs(ratio - np.rint(ratio)) <= options.spacing_tolerance)
        if len(on_grid) > len(best):
            best = on_grid.tolist()
    others = [index for index in range(len(places)) if index not in best]
    even = len(best) >= 3 and np.allclose(np.diff(places[best]), step, rtol=options.spacing_tolerance)
    close = [np.abs(places[best] - places[index]).min() < NEAR * step for index in others]
    if not others or not even or not all(close) or len(others) > len(best) / 2:
        return stack, []
    left_out = series_words([stack.slices[index].run.frames[0] for index in others])
    message = (
        f"{len(others)} slices (series {left_out}) lie off the even steps of {step:.2f} mm, close to another"
        " slice, as if taken again elsewhere; they were left out."
    )
    finding = Finding(Code.DUPLICATE, Level.REVIEW, message, view, value=float(len(others)))
    return Stack(stack.axes, [stack.slices[index] for index in best]), [finding]


def _one_of_several_stacks(places: NDArray[np.float64], stack: Stack, tolerance: float) -> list[int] | None:
    """Slices of the fullest, or latest, of several series that each cover the heart in even steps.

    None where the slices are evenly spaced together (one stack acquired in turns), or are not such stacks.
    """

    def even(values: NDArray[np.float64]) -> bool:
        steps = np.diff(values)
        return bool(np.allclose(steps, np.median(steps), rtol=tolerance))

    by_series: dict[str, list[int]] = defaultdict(list)
    for index, item in enumerate(stack.slices):
        by_series[item.run.frames[0].series].append(index)
    stacks = [*(of for of in by_series.values() if len(of) > 1)]
    if single := [of[0] for of in by_series.values() if len(of) == 1]:
        stacks.append(single)  # Of a stack of one series for each slice.
    if even(places) or len(stacks) < 2 or not all(len(of) >= 3 and even(places[of]) for of in stacks):
        return None
    common = min(places[of].max() for of in stacks) - max(places[of].min() for of in stacks)
    if common < 0.5 * min(np.ptp(places[of]) for of in stacks):
        return None
    return max(stacks, key=lambda of: (len(of), max(stack.slices[i].run.acquired_s or 0.0 for i in of)))


def _ordered(
    runs: list[Run], unlike: Mapping[int, float], rule: str, contoured: Collection[str]
) -> tuple[list[Run], str]:
    """Runs of one slice, the one to use first: of those most like the stack, as the rule says."""
    least = min(unlike[id(run)] for run in runs)
    if max(unlike[id(run)] for run in runs) > least:
        likest = [run for run in runs if unlike[id(run)] == least]
        first = _ordered(likest, unlike, rule, contoured)[0] if len(likest) > 1 else likest
        rest = [run for run in runs if unlike[id(run)] > least]
        return first + rest, "the one most like the other slices"

    def latest(run: Run) -> tuple[float, float, float]:
        first = run.frames[0]
        return (run.acquired_s or 0.0, first.series_number, first.instance_number)

    in_time = sorted(runs, key=latest)
    if rule == "first":
        return in_time, "the first"
    if rule == "last":
        return in_time[::-1], "the last"
    if rule == "contoured":
        drawn = [run for run in runs if any(frame.uid in contoured for frame in run.frames)]
        if len(drawn) == 1:
            return drawn + [run for run in in_time[::-1] if run is not drawn[0]], "the contoured one"
    latest_first = in_time[::-1]
    by_frames = sorted(latest_first, key=lambda run: -len(run.frames))
    if len(by_frames[0].frames) > len(by_frames[1].frames):
        return by_frames, "the one with most frames"
    return by_frames, "the latest of those with most frames"


MAX_STRETCH = 3
"""Times that leave room for more than so many times the frames are damaged; they name no missing frame."""


@dataclass
class FramePlan:
    """Which frame of a slice's run is shown at which frame of the volume.

    Parameters
    ----------
    n_frames
        Of the volume.
    sources
        For each slice, the index in its run for each frame of the volume.
    repaired
        (slice, frame) shown from another phase, because the slice lacks a frame of its own there.
    """

    n_frames: int
    sources: list[list[int]]
    repaired: list[tuple[int, int]] = field(default_factory=list)


def plan_frames(
    view: str, slices: list[Slice], options: ConversionOptions
) -> tuple[FramePlan, list[Finding]]:
    """Check that all slices have the same frames; ``UNEQUAL_FRAMES``, ``MISSING_FRAME``, ``NOT_CINE``."""
    counts = [len(item.run.frames) for item in slices]
    n_frames = Stack(None, slices).n_frames  # type: ignore[arg-type]
    findings: list[Finding] = []
    if n_frames < options.min_frames:
        message = f"{n_frames} frames per slice; a cine has at least {options.min_frames}."
        least = float(options.min_frames)
        findings.append(
            Finding(Code.NOT_CINE, Level.REJECT, message, view, value=float(n_frames), threshold=least)
        )
    unequal = tuple(index for index, count in enumerate(counts) if count != n_frames)
    repair = options.on_unequal_frames == "nearest_phase"
    level = Level.REVIEW if repair else Level.REJECT
    done = "frames of the nearest cardiac phase stand in" if repair else "the view is refused"
    if unequal:
        listed = ", ".join(f"slice {index}: {counts[index]}" for index in unequal[:12])
        message = f"{len(unequal)} of {len(slices)} slices do not have {n_frames} frames ({listed}); {done}."
        worst = max((counts[index] for index in unequal), key=lambda count: abs(count - n_frames))
        findings.append(
            Finding(
                Code.UNEQUAL_FRAMES,
                level,
                message,
                view,
                slices=unequal,
                value=float(worst),
                threshold=float(n_frames),
            )
        )
    findings += _missing_frames(view, slices, n_frames, level, done)
    plan = FramePlan(n_frames, [list(range(n_frames)) for _ in slices])
    if repair:
        _repair(plan, slices, unequal)
    return plan, findings


def _missing_frames(view: str, slices: list[Slice], n_frames: int, level: Level, done: str) -> list[Finding]:
    full = [item.run for item in slices if len(item.run.frames) == n_frames]
    findings = []
    everywhere = []
    for index, item in enumerate(slices):
        missing = missing_frames(item.run, full, n_frames)
        if missing and len(item.run.frames) == n_frames:
            everywhere.append((index, missing))
        elif missing:
            message = f"Slice {index} lacks {_frame_words(missing)}; {done}."
            findings.append(
                Finding(Code.MISSING_FRAME, level, message, view, slices=(index,), frames=missing)
            )
    if everywhere:
        frames = tuple(sorted({frame for _, missing in everywhere for frame in missing}))
        by = {slices[index].run.ordered_by for index, _ in everywhere}
        words = by.pop() if len(by) == 1 else "time"
        message = (
            f"{len(everywhere)} slices have a hole in their {words}s ({_frame_words(frames)} missing);"
            " they are kept as they are, and the frame interval is not even."
        )
        findings.append(
            Finding(
                Code.MISSING_FRAME,
                Level.REVIEW,
                message,
                view,
                slices=tuple(index for index, _ in everywhere),
                frames=frames,
            )
        )
    return findings or _fewer_than_stated(view, slices, n_frames)


def _fewer_than_stated(view: str, slices: list[Slice], n_frames: int) -> list[Finding]:
    """``MISSING_FRAME`` where every slice has fewer frames than the scanner states for a cycle.

    What all slices lack leaves no trace in a comparison of slices, and none in even trigger times.
    """
    stated = min(int(item.run.frames[0].values.get("CardiacNumberOfImages") or 0) for item in slices)
    if stated <= n_frames:
        return []
    message = (
        f"The scanner states {stated} images per heart cycle, no slice has more than {n_frames}: see whether "
        "files are missing or a series was split; end-diastole or end-systole may be among what is missing."
    )
    return [
        Finding(
            Code.MISSING_FRAME, Level.REVIEW, message, view, value=float(n_frames), threshold=float(stated)
        )
    ]


def _frame_words(frames: tuple[int, ...]) -> str:
    word = "frame" if len(frames) == 1 else "frames"
    return f"{word} {', '.join(str(frame) for frame in frames[:12])}" + (" ..." if len(frames) > 12 else "")


def missing_frames(run: Run, full: list[Run], n_frames: int) -> tuple[int, ...]:
    """Frames that a run lacks, as indices in the sequence with nothing missing; empty if none is named.

    A run that covers its whole RR interval with fewer, longer frames lacks none: it was sampled otherwise.
    """
    keys = run.ordering_values
    if keys is None or len(keys) < 3 or not is_even(keys):
        return ()
    steps = np.diff(keys)
    step = float(np.median(steps))
    if step <= 0:
        return ()
    start = 0.0
    if len(keys) < n_frames:
        starts = [values[0] for other in full if (values := other.ordering_values) is not None]
        start = max(0.0, float(np.rint((keys[0] - np.median(starts)) / step))) if starts else 0.0
    strides = np.where(steps > HOLE * step, np.rint(steps / step), 1.0)
    places = start + np.concatenate([[0.0], np.cumsum(strides)])
    if places[-1] > MAX_STRETCH * max(n_frames, len(keys)):
        return ()
    total = int(places[-1]) + 1
    if len(keys) < n_frames and total < n_frames and not _covers_cycle(run, full, step):
        total = n_frames
    return tuple(sorted(set(range(total)) - {int(place) for place in places}))


def _covers_cycle(run: Run, full: list[Run], step: float) -> bool:
    rr = rr_interval_ms(run)
    if run.ordered_by == "trigger time" and rr is not None:
        return abs(step * len(run.frames) / rr - 1) < 0.5 / len(run.frames)
    steps = [interval for other in full if (interval := frame_interval_ms(other)) is not None]
    return bool(steps) and abs(step / float(np.median(steps)) - 1) > 0.1


def _repair(plan: FramePlan, slices: list[Slice], unequal: tuple[int, ...]) -> None:
    """Give the slices that have other frames the nearest of theirs in phase, going round the cycle."""
    full = [item.run for item in slices if len(item.run.frames) == plan.n_frames]
    wanted = np.median([phases(run) for run in full], axis=0)
    for index in unequal:
        own = np.asarray(phases(slices[index].run))
        apart = np.abs(wanted[:, None] - own[None, :])
        apart = np.minimum(apart, np.abs(1.0 - apart))
        plan.sources[index] = [int(place) for place in apart.argmin(axis=1)]
        own_frames = {int(frame) for frame in apart.argmin(axis=0)}
        plan.repaired += [(index, frame) for frame in range(plan.n_frames) if frame not in own_frames]
