"""Frames of one view put into slices by their positions, and slices into acquisitions ("runs")."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from cinecohort.conversion.dicom_header import Header
from cinecohort.conversion.frame_order import Run, is_even, ordered, passes
from cinecohort.conversion.frames import Frame
from cinecohort.conversion.geometry import Axes, Vector, angle_deg, slice_axes

SAME_SPACING, SAME_PARAMETER = 0.0025, 0.15
"""Pixel sizes, and other parameters, that differ by no more than this share are the same but for rounding."""

MAX_DRIFT_MM = 5.0
"""Parts of one slice may have moved by so much along its normal between frames."""

_CAPTURE_CLASSES = "1.2.840.10008.5.1.4.1.1.7"


@dataclass
class Slice:
    """One position of a stack.

    Parameters
    ----------
    distance_mm
        Along the normal.
    corner
        ImagePositionPatient of the run that is used (LPS).
    runs
        All acquisitions at this position; the first is used.
    """

    distance_mm: float
    runs: list[Run]

    @property
    def run(self) -> Run:
        """The acquisition that is used."""
        return self.runs[0]

    @property
    def corner(self) -> Vector:
        """ImagePositionPatient (LPS, millimetres)."""
        return self.run.frames[0].position


@dataclass
class Stack:
    """Parallel slices, sorted along the normal."""

    axes: Axes
    slices: list[Slice] = field(default_factory=list)

    @property
    def frames(self) -> list[Frame]:
        """Every frame of every run."""
        return [frame for item in self.slices for run in item.runs for frame in run.frames]

    @property
    def n_frames(self) -> int:
        """The number of frames that most slices have."""
        return most_common([len(item.run.frames) for item in self.slices])


def most_common(numbers: Sequence[int]) -> int:
    """The most frequent number, the larger one where several are equally frequent."""
    counts = Counter(numbers)
    return max(counts, key=lambda number: (counts[number], number))


def group_by_orientation(frames: Sequence[Frame], tolerance_deg: float) -> list[tuple[Axes, list[Frame]]]:
    """Group frames whose normals and row directions agree, the largest group first.

    Both are compared: a slice turned in its own plane has the same normal and yet another grid.
    """
    by_text: dict[tuple[float, ...], list[Frame]] = defaultdict(list)
    for frame in frames:
        by_text[frame.values["ImageOrientationPatient"]].append(frame)
    groups: list[tuple[Axes, list[Frame]]] = []
    for orientation, members in sorted(by_text.items(), key=lambda item: (-len(item[1]), item[0])):
        axes = slice_axes(orientation)
        for known, group in groups:
            if max(angle_deg(axes.normal, known.normal), angle_deg(axes.row, known.row)) <= tolerance_deg:
                group.extend(members)
                break
        else:
            groups.append((axes, members))
    return sorted(groups, key=lambda group: -len(group[1]))


def build_stack(axes: Axes, frames: Sequence[Frame], tolerance_mm: float) -> Stack:
    """Sort frames of one orientation into slices by position along the normal, and slices into runs."""
    by_position: dict[tuple[float, ...], list[Frame]] = defaultdict(list)
    for frame in frames:
        by_position[frame.values["ImagePositionPatient"]].append(frame)
    placed = [(float(np.asarray(p) @ axes.normal), members) for p, members in by_position.items()]
    groups: list[tuple[float, list[Frame]]] = []
    for distance, members in sorted(placed, key=lambda item: item[0]):
        for frame in members:
            frame.position = np.asarray(frame.values["ImagePositionPatient"], float)
        if groups and distance - groups[-1][0] <= tolerance_mm:
            groups[-1][1].extend(members)
        else:
            groups.append((distance, list(members)))
    slices = [Slice(distance, split_runs(members)) for distance, members in groups]
    usual = most_common([len(run.frames) for item in slices for run in item.runs] or [0])
    for item in slices:
        item.runs = _joined(item.runs, usual)
    return Stack(axes, _drawn_together(slices, usual))


def _drawn_together(slices: list[Slice], usual: int) -> list[Slice]:
    """Make one slice of neighbours whose frames are parts of one acquisition, moved along the normal."""
    kept: list[Slice] = []
    for item in slices:
        runs = [*kept[-1].runs, *item.runs] if kept else []
        if len(runs) == 2 and item.distance_mm - kept[-1].distance_mm < MAX_DRIFT_MM:
            joined = _joined(runs, usual)
            if len(joined) == 1:
                kept[-1].runs = joined
                continue
        kept.append(item)
    return kept


def split_runs(frames: Sequence[Frame]) -> list[Run]:
    """Split the frames at one position into acquisitions, each in the order of cardiac phase.

    Frames of another matrix or echo are distinguished, and so are series; inside a series, passes. Where a
    position has about as many series as frames, series say nothing.
    """
    runs: list[Run] = []
    for members in alike(frames):
        by_series: dict[str, list[Frame]] = defaultdict(list)
        for frame in members:
            by_series[frame.series].append(frame)
        if len(members) < 3 * len(by_series):
            by_series = {"": members}
        for of_series in by_series.values():
            runs.extend(passes(of_series))
    return runs


def alike(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Group frames of the same matrix, class and technique, echo and flip angle (these but for rounding)."""
    by_value: dict[tuple[object, ...], list[Frame]] = defaultdict(list)
    for frame in frames:
        by_value[_continuous(frame)].append(frame)
    groups: list[tuple[tuple[object, ...], list[Frame]]] = []
    for key, members in by_value.items():
        for other, group in groups:
            if _same(key, other):
                group.extend(members)
                break
        else:
            groups.append((key, members))
    return [group for _, group in groups]


def _continuous(frame: Frame) -> tuple[object, ...]:
    values = frame.values
    return (
        *(values["Rows"], values["Columns"], is_capture(values), technique_of(values)),
        *values["PixelSpacing"],
        *(values.get(keyword) for keyword in ("EchoTime", "FlipAngle")),
    )


def _same(key: tuple[object, ...], other: tuple[object, ...]) -> bool:
    pairs = list(zip(key, other, strict=True))
    return (
        key[:3] == other[:3]
        and (key[3] == other[3] or None in (key[3], other[3]))
        and all(close(a, b, SAME_SPACING) for a, b in pairs[4:6])
        and all(close(a, b) for a, b in pairs[6:])
    )


def close(a: object, b: object, tolerance: float = SAME_PARAMETER) -> bool:
    """Whether two numbers are the same but for rounding; one that is not known contradicts nothing."""
    if a is None or b is None:
        return True
    return abs(a - b) <= tolerance * max(abs(a), abs(b))  # type: ignore[operator, arg-type]


def technique_of(values: Header) -> str | None:
    """Sequence and variant, as gradient echo, in steady state; None where the files do not say."""
    words = (values.get(keyword) for keyword in ("ScanningSequence", "SequenceVariant"))
    return "/".join(sorted(str(word) for word in words if word)) or None


def is_capture(values: Header) -> bool:
    """Whether the image was captured from a screen or another image (Secondary Capture classes)."""
    return str(values.get("SOPClassUID", "")).startswith(_CAPTURE_CLASSES)


def _joined(runs: list[Run], usual: int) -> list[Run]:
    """Pieces of one acquisition that were put into several series, as one run again.

    Pieces belong together if they are alike, together have no more frames than one acquisition (as the
    scanner states, or as is usual in the stack), and their times fit between each other.
    """
    if len(runs) < 2:
        return runs
    for group in alike([run.frames[0] for run in runs]):
        first = {id(frame) for frame in group}
        pieces = [run for run in runs if id(run.frames[0]) in first]
        whole = max(usual, *(run.stated_frames for run in pieces))
        together = [frame for run in pieces for frame in run.frames]
        longest = max(len(run.frames) for run in pieces)
        if len(pieces) < 2 or any(run.stated_frames == len(run.frames) for run in pieces):
            continue
        one = ordered(together)
        if _follow_each_other(pieces, one) or (
            longest < len(together) <= whole and one.ordering_values and is_even(one.ordering_values)
        ):
            runs = [run for run in runs if id(run.frames[0]) not in first] + [one]
    return runs


def _follow_each_other(pieces: list[Run], together: Run) -> bool:
    """Whether each piece's times begin where those of the one before end, within one heart cycle."""
    times = together.trigger_times_ms
    if times is None or not is_even(times):
        return False
    parts = sorted(values for run in pieces if (values := run.trigger_times_ms))
    rr = together.frames[0].values.get("NominalInterval")
    within = rr is None or times[-1] - times[0] <= rr
    return within and len(parts) == len(pieces) and all(a[-1] < b[0] for a, b in pairwise(parts))
