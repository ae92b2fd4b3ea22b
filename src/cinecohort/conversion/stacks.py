"""Frames of one view put into slices by their positions, and slices into acquisitions ("runs")."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from cinecohort.conversion.frames import Frame
from cinecohort.conversion.geometry import Axes, Vector, angle_deg, slice_axes


@dataclass
class Run:
    """One acquisition of a slice: its frames in the order of cardiac phase.

    Parameters
    ----------
    frames
        The frames.
    ordered_by
        What the order was taken from: ``trigger time``, ``temporal position`` or ``instance number``.
    """

    frames: list[Frame]
    ordered_by: str

    @property
    def trigger_times_ms(self) -> list[float] | None:
        """Trigger times; None where they could not be trusted."""
        if self.ordered_by != "trigger time":
            return None
        return [frame.values["TriggerTime"] for frame in self.frames]

    @property
    def acquired_s(self) -> float | None:
        """Time of acquisition in seconds, to order runs by; never written as such."""
        return acquisition_seconds(self.frames[0])

    @property
    def matrix(self) -> tuple[float, ...]:
        """Rows, columns and pixel spacing."""
        values = self.frames[0].values
        return (values["Rows"], values["Columns"], *values["PixelSpacing"])


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
    placed = sorted((float(np.asarray(p) @ axes.normal), members) for p, members in by_position.items())
    groups: list[tuple[float, list[Frame]]] = []
    for distance, members in placed:
        for frame in members:
            frame.position = np.asarray(frame.values["ImagePositionPatient"], float)
        if groups and distance - groups[-1][0] <= tolerance_mm:
            groups[-1][1].extend(members)
        else:
            groups.append((distance, list(members)))
    return Stack(axes, [Slice(distance, split_runs(members)) for distance, members in groups])


def split_runs(frames: Sequence[Frame]) -> list[Run]:
    """Split the frames at one position into acquisitions, each in the order of cardiac phase.

    Series are told apart, and so are matrices; inside a series, a trigger time that occurs again, or
    trigger times that start anew in the order of instance numbers, belong to a further pass.
    """
    by_series: dict[tuple[object, ...], list[Frame]] = defaultdict(list)
    for frame in frames:
        matrix = frame.values["Rows"], frame.values["Columns"], frame.values["PixelSpacing"]
        by_series[(frame.series, *matrix, _echo(frame))].append(frame)
    runs: list[Run] = []
    for members in by_series.values():
        runs.extend(_passes(sorted(members, key=lambda frame: frame.instance_number)))
    return runs


def _echo(frame: Frame) -> object:
    return frame.values.get("EchoTime")


def _passes(frames: list[Frame]) -> list[Run]:
    """Passes of one series, whose frames come in the order of instance numbers."""
    for keyword, name in (
        ("TriggerTime", "trigger time"),
        ("TemporalPositionIdentifier", "temporal position"),
    ):
        times = [frame.values.get(keyword) for frame in frames]
        known = [time for time in times if time is not None]
        if len(known) < len(times) or (len(set(known)) == 1 and len(known) > 1):
            continue
        passes = _split_by_restart(frames, known) or _split_by_repetition(frames, known)
        if passes:
            return [Run(sorted(p, key=lambda f: f.values[keyword]), name) for p in passes]
    return [Run(frames, "instance number")]


def _split_by_restart(frames: list[Frame], times: list[float]) -> list[list[Frame]]:
    """Passes that follow one another; empty where the order of instances is not that of time.

    One restart alone proves nothing, since a scanner may number the frames from the middle of the cycle:
    the parts must also overlap in time.
    """
    starts = [0, *(i for i in range(1, len(times)) if times[i] <= times[i - 1]), len(times)]
    parts = [slice(start, end) for start, end in pairwise(starts)]
    if len(parts) == 1:
        return [frames]
    if min(part.stop - part.start for part in parts) < 3:
        return []
    spans = [(times[part.start], times[part.stop - 1]) for part in parts]
    overlap = all(
        min(end, other_end) > max(start, other_start)
        for (start, end), (other_start, other_end) in pairwise(spans)
    )
    return [frames[part] for part in parts] if overlap else []


def _split_by_repetition(frames: list[Frame], times: list[float]) -> list[list[Frame]]:
    """Passes by the how-manieth time a trigger time occurs; empty where that makes no sense.

    Where most values occur once but some again, the values are no cardiac phases (dynamic begin or
    inversion times are kept under the same attribute by some scanners).
    """
    passes: list[list[Frame]] = []
    seen: Counter[float] = Counter()
    for frame, time in zip(frames, times, strict=True):
        if seen[time] == len(passes):
            passes.append([])
        passes[seen[time]].append(frame)
        seen[time] += 1
    distinct = len(seen)
    return passes if len(frames) >= distinct * len(passes) * 0.8 else []


_CLOCKS = (("AcquisitionTime", 0), ("AcquisitionDateTime", 8), ("ContentTime", 0), ("SeriesTime", 0))
"""Attributes that tell a time of day, and where in their text it begins."""


def acquisition_seconds(frame: Frame) -> float | None:
    """Seconds of the day at which a frame was acquired, or None.

    The value orders acquisitions and gives differences; the clock time itself is never written.
    """
    for keyword, start in _CLOCKS:
        text = str(frame.values.get(keyword, ""))[start:].replace(":", "").split("+")[0].split("-")[0]
        try:
            return int(text[:2]) * 3600 + int(text[2:4]) * 60 + float(text[4:])
        except ValueError:
            continue
    return None
