"""What kind of image an acquisition is, and which of several kinds at one place is the cine.

Flow, perfusion, mapping, real-time and captured images may lie at the positions of the cine, with or without
a tag that says so. They are known by their likeness to each other: the kind that most slices have, and that
looks most like a cine, is the stack's; the rest is left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cinecohort.catalogue.findings import Code
from cinecohort.conversion.frame_order import Run, acquisition_seconds
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.series_names import names_of, series_words
from cinecohort.conversion.stacks import SAME_SPACING, Slice, Stack, close, is_capture, technique_of
from cinecohort.findings import Finding, Level

OTHER = 3.0
"""Two acquisitions whose differences weigh so much are of different kinds."""

MUCH = 6.0
"""... and are so unlike each other that they are not put into one stack, whatever their positions."""

ALIKE = 0.25
"""Repetition time and flip angle vary with heart rate and heating by up to this share."""

_LONGEST_RR_MS = 2500.0


@dataclass
class Kind:
    """What shows the kind of an acquisition, from its first frame."""

    run: Run

    @cached_property
    def traits(self) -> tuple[tuple[str, object, float, float], ...]:
        """Name, value, tolerance (as a share; 0 for equality) and weight of each trait."""
        values = self.run.frames[0].values
        spacing = values["PixelSpacing"]
        image_type = [str(item).upper() for item in values.get("ImageType", ())]
        return (
            ("image class", is_capture(values), 0.0, OTHER),
            ("sequence", _letters(values.get("SequenceName")), 0.0, 2.0),
            ("technique", technique_of(values), 0.0, 2.0),
            ("spoiling", self.spoiled, 0.0, 1.0),
            ("echo time", values.get("EchoTime"), ALIKE, 2.0),
            ("flip angle", values.get("FlipAngle"), ALIKE, 2.0),
            ("repetition time", values.get("RepetitionTime"), ALIKE, 1.0),
            ("time course", self.one_cycle, 0.0, 2.0),
            ("velocity encoding", bool(values.get("VelocityEncoding")), 0.0, OTHER),
            ("sign of the pixels", values.get("PixelRepresentation", 0), 0.0, OTHER),
            ("inversion time", bool(values.get("InversionTime")), 0.0, 2.0),
            ("rows", values["Rows"], 0.0, 0.5),
            ("columns", values["Columns"], 0.0, 0.5),
            ("pixel size", spacing[0] * spacing[1], 2 * SAME_SPACING, 1.0),
            ("origin of the pixels", image_type[:1] == ["DERIVED"], 0.0, 1.0),
            ("contrast", _contrast(image_type), 0.0, 1.0),
            ("number of frames", float(len(self.run.frames)), 0.34, 1.0),
        )

    def difference(self, other: "Kind", frames: bool = True) -> float:
        """Sum of the weights of the traits in which two kinds differ.

        Parameters
        ----------
        other
            The other kind.
        frames
            Whether the number of frames counts (an incomplete acquisition is of the same kind).
        """
        return sum(weight for name, weight in self._differing(other) if frames or name != "number of frames")

    def differences(self, other: "Kind") -> str:
        """The traits in which two kinds differ, in words."""
        return ", ".join(name for name, _ in self._differing(other))

    def _differing(self, other: "Kind") -> list[tuple[str, float]]:
        return [
            (name, weight)
            for (name, a, tolerance, weight), (_, b, _, _) in zip(self.traits, other.traits, strict=True)
            if not (close(a, b, tolerance) if tolerance else a is None or b is None or a == b)
        ]

    @property
    def pixel_mm2(self) -> float:
        """Area of a pixel."""
        rows, columns = self.run.frames[0].values["PixelSpacing"]
        return float(rows * columns)

    @cached_property
    def spoiled(self) -> bool | None:
        """Whether the sequence is spoiled (flow, perfusion, tagging); None where the files do not say."""
        variant = set(str(self.run.frames[0].values.get("SequenceVariant", "")).upper().split("\\"))
        return "SP" in variant if variant & {"SP", "SS"} else None

    @cached_property
    def cine_likeness(self) -> float:
        """How much it looks like a cine of one heart cycle: a factor, 1 where nothing speaks for or against.

        Balanced gradient-echo cines have large flip angles and short echo times; perfusion and mapping take
        each frame in another heart beat, so that its times span many.
        """
        values = self.run.frames[0].values
        likeness = 1.0
        balanced = values.get("FlipAngle") is None and self.spoiled is False
        if balanced or ((values.get("FlipAngle") or 0) >= 30 and 0 < (values.get("EchoTime") or 0) <= 2.5):
            likeness *= 1.5
        likeness *= {True: 1.0, None: 0.7, False: 0.3}[self.one_cycle]
        derived = "DERIVED" in values.get("ImageType", ())[:1]
        flow = values.get("VelocityEncoding")
        for unlike in (is_capture(values), values.get("InversionTime"), derived, flow):
            likeness *= 0.4 if unlike else 1.0
        likeness *= 0.9 if values.get("PixelRepresentation") else 1.0  # Phase is signed, and some magnitude.
        return likeness

    @cached_property
    def one_cycle(self) -> bool | None:
        """Whether the frames are of one heart cycle, by their times; None where these do not show it."""
        times = self.run.trigger_times_ms
        if _seconds_per_frame(self.run) > 0.4 or (times and times[-1] - times[0] > _LONGEST_RR_MS):
            return False
        return True if times and len(times) > 1 else None


def _seconds_per_frame(run: Run) -> float:
    """Time from frame to frame by the clock, where each frame has its own; else 0."""
    clock = [acquisition_seconds(frame) for frame in run.frames]
    known = sorted({second for second in clock if second is not None})
    return float(np.median(np.diff(known))) if len(known) == len(run.frames) > 2 else 0.0


def _letters(name: object) -> str | None:
    """A sequence's name without its numbers (``*tfi2d1_12`` and ``*tfi2d1_15`` are one sequence)."""
    return re.sub(r"[^a-z]", "", str(name).lower()) or None if name else None


def _contrast(image_type: Sequence[str]) -> object:
    known = {"M_PCA", "PCA", "M_IR", "IR", "M_SE", "SE", "M_FFE", "FFE", "MOCO", "PERFUSION", "T1", "T2"}
    return tuple(sorted(known & set(image_type[2:])))


def clusters(runs: Sequence[Run]) -> list[list[Kind]]:
    """Group acquisitions by kind: each is like the first of its group."""
    groups: list[list[Kind]] = []
    for run in runs:
        kind = Kind(run)
        nearest = min(groups, key=lambda group: group[0].difference(kind), default=None)
        if nearest is not None and nearest[0].difference(kind) < OTHER:
            nearest.append(kind)
        else:
            groups.append([kind])
    return groups


def cine_runs(stack: Stack, options: ConversionOptions) -> list[Run]:
    """Acquisitions with enough frames for a cine."""
    return [run for item in stack.slices for run in item.runs if len(run.frames) >= options.min_frames]


def main_kind(stack: Stack, options: ConversionOptions) -> tuple[list[Kind], float]:
    """The kind of acquisition that is the stack's cine, and its score; empty and 0 where nothing is a cine.

    The score is the number of slices that have the kind (more than make a stack count no more), times its
    likeness to a cine. Of two with the same, the one of much finer pixels is used (a cine in real time is
    coarser), then the one of more slices, then the later.
    """
    groups = clusters(cine_runs(stack, options))
    if not groups:
        return [], 0.0
    latest = {id(group): max(kind.run.acquired_s or 0.0 for kind in group) for group in groups}
    n_slices = {id(group): slices_of(group, stack) for group in groups}
    score = {
        id(group): min(n_slices[id(group)], options.min_parallel_slices)
        * float(np.median([kind.cine_likeness for kind in group]))
        for group in groups
    }
    keys = {
        id(g): (score[id(g)], -round(np.log2(g[0].pixel_mm2) / 1.5), n_slices[id(g)], latest[id(g)])
        for g in groups
    }
    best = max(groups, key=lambda group: keys[id(group)])
    return best, score[id(best)]


def slices_of(group: Sequence[Kind], stack: Stack) -> int:
    """Slices of a stack that have an acquisition of a kind."""
    own = {id(kind.run) for kind in group}
    return sum(any(id(run) in own for run in item.runs) for item in stack.slices)


def typical(kinds: Sequence[Kind]) -> Kind:
    """The kind that differs least from all of them; where several do, the one most like a cine."""
    alike: dict[object, list[Kind]] = {}
    for kind in kinds:
        alike.setdefault(kind.traits, []).append(kind)
    groups = list(alike.values())
    apart = {id(group): sum(len(o) * group[0].difference(o[0]) for o in groups) for group in groups}
    return min(groups, key=lambda group: (apart[id(group)], -group[0].cine_likeness))[0]


def drop_other_kinds(view: str, stack: Stack, options: ConversionOptions) -> tuple[Stack, list[Finding]]:
    """Leave out acquisitions of another kind than the stack's cine; ``OTHER_KIND``, ``NOT_CINE``.

    A slice that has only another kind stays where it continues the stack, has the same pixels and number of
    frames and is not too unlike it; it is flagged.
    """
    main, _ = main_kind(stack, options)
    if not main:
        return stack, []
    cine = typical(main)
    slices: list[Slice] = []
    stills: list[Run] = []
    others: list[tuple[int, Run]] = []
    unlike: list[int] = []
    own = [item for item in stack.slices if any(_is_of(run, cine, options) for run in item.runs)]
    for index, item in enumerate(stack.slices):
        kept = [run for run in item.runs if _is_of(run, cine, options)]
        if not kept and _may_stay(item, own, cine, options):
            kept = item.runs
            unlike.append(len(slices))
        gone = [run for run in item.runs if not any(run is other for other in kept)]
        stills += [run for run in gone if len(run.frames) < options.min_frames]
        others += [(index, run) for run in gone if len(run.frames) >= options.min_frames]
        if kept:
            slices.append(Slice(item.distance_mm, kept))
    findings = [*_left_out(view, stills, others, cine, own, stack, options)]
    if unlike:
        words = cine.differences(Kind(slices[unlike[0]].runs[0]))
        message = (
            f"{len(unlike)} slices were taken with other parameters than the rest ({words}); they are used, "
            "see whether they are of the same cine."
        )
        findings.append(Finding(Code.OTHER_KIND, Level.REVIEW, message, view, slices=tuple(unlike)))
    return Stack(stack.axes, slices), findings


def _is_of(run: Run, cine: Kind, options: ConversionOptions) -> bool:
    """Whether a run is of the cine's kind; a short one must differ in nothing, or it is a still image."""
    limit = OTHER if len(run.frames) >= options.min_frames else 1.0
    return Kind(run).difference(cine, frames=False) < limit


def fits(distance_mm: float, own: Sequence[Slice], options: ConversionOptions) -> bool:
    """Whether a position continues evenly spaced slices, or fills a hole among them."""
    places = np.array([item.distance_mm for item in own])
    if len(places) < 2:
        return False
    step = float(np.median(np.diff(places)))
    nearest = float(np.abs(places - distance_mm).min())
    ratio = nearest / step
    return round(ratio) in (1, 2) and abs(ratio - round(ratio)) <= 2 * options.spacing_tolerance


def _may_stay(item: Slice, own: list[Slice], cine: Kind, options: ConversionOptions) -> bool:
    if len(item.runs) != 1 or not fits(item.distance_mm, own, options):
        return False
    kind = Kind(item.runs[0])
    same = ("rows", "columns", "pixel size", "number of frames", "image class", "contrast")
    if _letters(names_of(kind.run.frames[0])) != _letters(names_of(cine.run.frames[0])):
        return False
    return kind.difference(cine) < MUCH and not any(name in same for name, _ in kind._differing(cine))


def _left_out(
    view: str,
    stills: list[Run],
    others: list[tuple[int, Run]],
    cine: Kind,
    own: list[Slice],
    stack: Stack,
    options: ConversionOptions,
) -> list[Finding]:
    findings = []
    if stills:
        n = sum(len(run.frames) for run in stills)
        message = f"{n} images of fewer than {options.min_frames} frames and other parameters left out."
        findings.append(Finding(Code.NOT_CINE, Level.INFO, message, view, value=float(n)))
    if others:
        places = sorted({index for index, _ in others})
        lost = [
            i
            for i in places
            if stack.slices[i] not in own and fits(stack.slices[i].distance_mm, own, options)
        ]
        n = sum(len(run.frames) for _, run in others)
        words = cine.differences(Kind(others[0][1]))
        doubtful = bool(lost) or (len(places) > len(own) / 2 and view == "sa")
        message = (
            f"{n} images of another kind than the cine (series "
            f"{series_words([run.frames[0] for _, run in others])}; other {words}) at {len(places)} "
            "positions were left out" + ("; see whether they belong to it." if doubtful else ".")
        )
        level = Level.REVIEW if doubtful else Level.INFO
        findings.append(Finding(Code.OTHER_KIND, level, message, view, value=float(n)))
    return findings
