"""The order of frames in time: what the files state of it, and the acquisitions ("runs") that follow from it.

Every standard statement of time is used, and held against the others. A statement orders frames only where
all of them have it and no two alike. Order of trust: a time or phase within the heart cycle, then numbers
that count phases, then clocks and instance numbers, which vendors also use for other orders.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cinecohort.conversion.frames import Frame


@dataclass(frozen=True)
class Statement:
    """One way in which files state the order of time.

    Parameters
    ----------
    keyword
        Of :attr:`Frame.values`.
    words
        Its name in findings.
    weight
        How much it counts against others.
    milliseconds
        Factor to milliseconds after the R wave; None where the values are no such times.
    """

    keyword: str
    words: str
    weight: float
    milliseconds: float | None = None

    def of(self, frames: Sequence[Frame]) -> list[float] | None:
        """Its value for each frame; None where a frame has none, or two frames the same."""
        values = self.values(frames)
        return values if values is not None and len(set(values)) == len(values) else None

    def values(self, frames: Sequence[Frame]) -> list[float] | None:
        """Its value for each frame; None where a frame has none."""
        if self.keyword not in CLOCKS:
            found = [frame.values.get(self.keyword) for frame in frames]
        else:
            start = CLOCKS[self.keyword]
            found = [clock_seconds(frame.values.get(self.keyword), start) for frame in frames]
        known = [float(value) for value in found if value is not None]
        if len(known) < len(found):
            return None
        if self.keyword in CLOCKS and known and max(known) - min(known) > HALF_A_DAY_S:
            known = [value + 2 * HALF_A_DAY_S * (value < HALF_A_DAY_S) for value in known]
        return known


CLOCKS = {
    **{"AcquisitionTime": 0, "FrameAcquisitionDateTime": 8, "AcquisitionDateTime": 8},
    **{"ContentTime": 0, "FrameReferenceDateTime": 8, "SeriesTime": 0},
}
"""Attributes that give a time of day, and where in their text it begins."""

HALF_A_DAY_S = 43_200.0

STRONG = (
    Statement("TriggerTime", "trigger time", 3.0, 1.0),
    Statement("NominalCardiacTriggerDelayTime", "nominal trigger delay", 3.0, 1.0),
    Statement("ActualCardiacTriggerDelayTime", "actual trigger delay", 3.0, 1.0),
    Statement("NominalPercentageOfCardiacPhase", "percentage of the cardiac cycle", 3.0),
    Statement("TemporalPositionTimeOffset", "temporal position's time offset", 2.0, 1000.0),
    Statement("TemporalPositionIdentifier", "temporal position", 2.0),
    Statement("TemporalPositionIndex", "temporal position index", 2.0),
    Statement("DimensionIndexOfTime", "dimension index of time", 2.0),
    Statement("CardiacPhaseNumber", "vendor's cardiac phase number", 2.0),
)
WEAK = (
    Statement("AcquisitionTime", "acquisition time", 1.0),
    Statement("AcquisitionDateTime", "date and time of acquisition", 1.0),
    Statement("FrameAcquisitionDateTime", "date and time of the frame", 1.0),
    Statement("FrameReferenceDateTime", "reference time of the frame", 0.5),
    Statement("ContentTime", "content time", 0.5),
    Statement("InstanceNumber", "instance number", 1.0),
)
_BY_WORDS = {statement.words: statement for statement in (*WEAK, *STRONG)}

UNEVEN = 0.4
"""Steps that differ by more than this share of their median are uneven."""

FULL_TURN = 0.6
"""A pass over the heart cycle spans at least this share of the time that all passes span."""

PAUSE_S = 2.0
"""Between two acquisitions of a slice lies a breath."""

MAX_BEATS = 1.8
"""Frames whose times span so many RR intervals are of more than one heart cycle."""


@dataclass
class Run:
    """One acquisition of a slice: its frames in the order of cardiac phase.

    Parameters
    ----------
    frames
        The frames.
    ordered_by
        What the order was taken from, in words; empty where nothing orders the frames.
    against
        Statements of time that contradict that order.
    """

    frames: list[Frame]
    ordered_by: str
    against: list[str] = field(default_factory=list)

    @property
    def trigger_times_ms(self) -> list[float] | None:
        """Times after the R wave; None where the order is not by such times."""
        statement = _BY_WORDS.get(self.ordered_by)
        if statement is None or statement.milliseconds is None:
            return None
        return [frame.values[statement.keyword] * statement.milliseconds for frame in self.frames]

    @property
    def ordering_values(self) -> list[float] | None:
        """What the frames are ordered by, as numbers without holes where no frame is missing."""
        statement = _BY_WORDS.get(self.ordered_by)
        if statement in STRONG:
            return statement.values(self.frames)
        return None if self.ordered_by == "" else _BY_WORDS["instance number"].of(self.frames)

    @property
    def stated_frames(self) -> int:
        """Images per heart cycle that the scanner states; 0 where it does not."""
        return int(self.frames[0].values.get("CardiacNumberOfImages") or 0)

    @property
    def acquired_s(self) -> float | None:
        """Time of acquisition in seconds, to order runs by; never written as such."""
        return acquisition_seconds(self.frames[0])

    @property
    def matrix(self) -> tuple[float, ...]:
        """Rows, columns and pixel spacing."""
        values = self.frames[0].values
        return (values["Rows"], values["Columns"], *values["PixelSpacing"])


def ordered(frames: Sequence[Frame]) -> Run:
    """Put the frames of one pass in order: the order that most statements support, by their weights.

    Statements that say otherwise are named in ``against``: any of those within the heart cycle. Clocks and
    instance numbers may count otherwise by right (a scanner may number frames from the middle of the cycle);
    they are named where nothing better speaks, or where they agree with each other on another succession.
    """
    if len(frames) == 1:
        has_time = frames[0].values.get("TriggerTime") is not None
        return Run(list(frames), "trigger time" if has_time else "instance number")
    support: dict[tuple[int, ...], list[Statement]] = {}
    weights: dict[tuple[int, ...], float] = defaultdict(float)
    for statement in (*STRONG, *WEAK):
        values = statement.of(frames)
        if values is None:
            continue
        order = tuple(np.argsort(values, kind="stable").tolist())
        support.setdefault(order, []).append(statement)
        odd = statement.milliseconds is not None and not is_even(np.sort(values))
        weights[order] += 1.0 if odd else statement.weight
    if not support:
        return Run(list(frames), "")
    best = max(support, key=lambda order: weights[order])
    by = support[best][0]
    others = [s for order, statements in support.items() if order != best for s in statements]
    against = [s.words for s in others if s in STRONG or by in WEAK]
    for order, statements in support.items():
        if len(statements) > 1 and _BY_WORDS["instance number"] in statements and not _is_turned(order, best):
            against += [s.words for s in statements]
    doubtful = by.words in ("instance number", "content time") and len(support[best]) == 1 and against
    return Run([frames[i] for i in best], "" if doubtful else by.words, list(dict.fromkeys(against)))


def _is_turned(order: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two orders are the same but for the frame that they begin with."""
    start = other.index(order[0])
    return order == other[start:] + other[:start]


def is_even(values: Sequence[float] | NDArray[np.float64], share: float = UNEVEN) -> bool:
    """Whether most steps of rising values are near their median (holes are allowed)."""
    steps = np.diff(values)
    if len(steps) < 3:
        return True
    middle = float(np.median(steps))
    return middle > 0 and float(np.mean(np.abs(steps / middle - 1) <= share)) >= 0.6


def passes(frames: Sequence[Frame]) -> list[Run]:
    """Split frames of one kind at one position into passes over the heart cycle, each in order."""
    rising = sorted(frames, key=lambda frame: (frame.instance_number, frame.order))
    runs: list[Run] = []
    for run in map(ordered, _repeated(rising)):
        parts = _hidden(run)
        runs += [run] if len(parts) == 1 else map(ordered, parts)
    return runs


def _repeated(frames: list[Frame]) -> list[list[Frame]]:
    """Passes by a statement whose values come again, or start anew in the order of instance numbers."""
    ordered_already = False
    for statement in STRONG:
        values = statement.values(frames)
        if values is None or (len(set(values)) == 1 and len(values) > 1):
            continue
        parts = _split_by_restart(frames, values) or _split_by_repetition(frames, values)
        if len(parts) > 1:
            return parts
        ordered_already = ordered_already or bool(parts)
        if parts and statement.milliseconds is not None and is_even(np.sort(values)):
            return [frames]
    numbers = _BY_WORDS["instance number"].values(frames)
    if ordered_already or numbers is None or len(set(numbers)) == 1:
        return [frames]
    return _split_by_repetition(frames, numbers) or [frames]


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
    """Passes by how often a time occurred before; empty where that makes no sense.

    Where most values occur once but some again, the values are no cardiac phases (dynamic begin or
    inversion times are kept under the same attribute by some scanners).
    """
    if len(set(times)) == len(times):
        return [frames]
    keys = [(acquisition_seconds(frame) or 0.0, frame.instance_number, frame.order) for frame in frames]
    split: list[list[Frame]] = []
    seen: Counter[float] = Counter()
    for index in sorted(range(len(frames)), key=lambda i: keys[i]):
        if seen[times[index]] == len(split):
            split.append([])
        split[seen[times[index]]].append(frames[index])
        seen[times[index]] += 1
    return split if len(frames) >= len(seen) * len(split) * 0.8 else []


def _hidden(run: Run) -> list[list[Frame]]:
    """Passes whose times lie between each other, or go on from one heart cycle to the next."""
    keys, n = run.ordering_values, len(run.frames)
    if keys is None or n < 6:
        return [run.frames]
    rr = run.frames[0].values.get("NominalInterval")
    times = run.trigger_times_ms
    stated = run.stated_frames
    if times is not None and rr and stated != n and times[-1] - times[0] >= MAX_BEATS * rr:
        beats = np.floor((np.array(times) - times[0]) / rr + 0.01).astype(int)
        groups = [[run.frames[i] for i in np.flatnonzero(beats == beat)] for beat in range(beats.max() + 1)]
        whole = max(len(group) for group in groups)
        # The last beat may be cut short; a stack of beats has at least one whole cycle of several frames.
        return [group for group in groups if group] if whole >= 3 else [run.frames]
    several = n // stated if 3 <= stated < n and n % stated == 0 else 0
    between = not is_even(keys) and is_even(keys[::2]) and is_even(keys[1::2])
    number = several or (2 if between else 0)
    if stated == n:
        return [run.frames]
    return _by_label(run.frames, keys, number) or _by_turns(run.frames, keys, number)


def _by_label(frames: list[Frame], keys: list[float], number: int) -> list[list[Frame]]:
    """Passes known from acquisition number, series or clock; empty where none distinguishes them.

    Each pass has to span the heart cycle. Where `number` is 0, nothing else speaks for more than one pass,
    and the order of clocks and instance numbers proves none.
    """
    place = {id(frame): key for frame, key in zip(frames, keys, strict=True)}
    candidates = [
        _grouped(frames, [frame.values.get("AcquisitionNumber") for frame in frames]),
        _grouped(frames, [frame.series for frame in frames]),
        _grouped(frames, _breaths(frames)),
    ]
    for statement in WEAK if number else ():
        if (values := statement.of(frames)) is not None:
            order = np.array_split(np.argsort(values, kind="stable"), number)
            candidates.append([[frames[i] for i in np.sort(part)] for part in order])
    for parts in candidates:
        expected = number or len(parts)
        spans = [place[id(part[-1])] - place[id(part[0])] for part in parts]
        fair = len(parts) == expected > 1 and min(map(len, parts)) >= max(3, 0.8 * len(frames) / expected)
        if (
            fair
            and min(spans) >= FULL_TURN * (keys[-1] - keys[0])
            and all(is_even([place[id(frame)] for frame in part]) for part in parts)
        ):
            return parts
    return []


def _grouped(frames: list[Frame], labels: Sequence[object]) -> list[list[Frame]]:
    groups: dict[object, list[Frame]] = {}
    for frame, label in zip(frames, labels, strict=True):
        groups.setdefault(label, []).append(frame)
    return list(groups.values())


def _breaths(frames: list[Frame]) -> list[int]:
    """Which of the periods of acquisition, pauses between them, each frame is of."""
    clock = np.array([acquisition_seconds(frame) or 0.0 for frame in frames])
    order = np.argsort(clock, kind="stable")
    period = np.concatenate([[0], np.cumsum(np.diff(clock[order]) > PAUSE_S)])
    numbers = np.empty(len(frames), int)
    numbers[order] = period
    return numbers.tolist()


def _by_turns(frames: list[Frame], keys: list[float], number: int) -> list[list[Frame]]:
    """Every so many frames, where that makes uneven times even; else all frames together."""
    if number < 2:
        return [frames]
    parts = [frames[start::number] for start in range(number)]
    even = all(is_even(keys[start::number], 0.2) for start in range(number))
    return parts if even and not is_even(keys) else [frames]


@lru_cache(maxsize=4096)
def clock_seconds(value: str | None, start: int = 0) -> float | None:
    """Seconds of the day that a DICOM time says, from its character `start` on; None where it says none."""
    text = str(value or "")[start:].replace(":", "").split("+")[0].split("-")[0]
    try:
        return int(text[:2]) * 3600 + int(text[2:4] or 0) * 60 + float(text[4:] or 0)
    except ValueError:
        return None


def acquisition_seconds(frame: Frame) -> float | None:
    """Seconds of the day at which a frame was acquired, or None.

    The value orders acquisitions and gives differences; the clock time itself is never written.
    """
    for keyword, start in CLOCKS.items():
        if (seconds := clock_seconds(frame.values.get(keyword), start)) is not None:
            return seconds
    return None
