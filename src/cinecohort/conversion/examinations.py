"""Which images were taken in one examination: by study, time and frame of reference together.

One examination may have several study identifiers (some scanners and exports give each series its own), and
two visits may come under one. Positions are comparable within an examination only, so that in doubt nothing
is put together.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from cinecohort.conversion.dicom_header import Header
from cinecohort.conversion.frame_order import clock_seconds

DAY_S = 86_400.0
MINUTES_S = 15 * 60.0
"""Series with different study identifiers that follow each other so soon are of one examination."""

HOURS_S = 2 * 3600.0
"""A pause this long on one day, with another study identifier, is between two examinations."""

SAME_STUDY_S = 12 * 3600.0
"""Images of one study identifier further apart than this are of two visits."""

_DATES = ("AcquisitionDate", "AcquisitionDateTime", "StudyDate", "SeriesDate")
_TIMES = ("AcquisitionTime", "AcquisitionDateTime", "SeriesTime", "StudyTime")


@dataclass
class Part:
    """Images that share study, date and frame of reference.

    Parameters
    ----------
    study, reference
        StudyInstanceUID and FrameOfReferenceUID; empty where there is none.
    day
        Days since the year 1; None where there is no date.
    times
        Seconds of the day; empty where there are none.
    members
        Indices of the images.
    """

    study: str
    reference: str
    day: int | None
    times: list[float] = field(default_factory=list)
    members: list[int] = field(default_factory=list)

    @property
    def start(self) -> float:
        """Seconds since the year 1, as far as they are known."""
        return (self.day or 0) * DAY_S + min(self.times, default=0.0)

    def pause(self, other: "Part") -> float | None:
        """Seconds from the end of one to the start of the other; 0 where they overlap, None if not known."""
        if self.day is None or other.day is None or not self.times or not other.times:
            return None
        (a0, a1), (b0, b1) = (
            (part.day * DAY_S + min(part.times), part.day * DAY_S + max(part.times))  # type: ignore[operator]
            for part in (self, other)
        )
        return max(0.0, b0 - a1, a0 - b1)


def together(a: Part, b: Part) -> bool | None:
    """Whether two parts are of one examination; None where that is unknown."""
    pause = a.pause(b)
    another_day = a.day is not None and b.day is not None and a.day != b.day
    if a.study == b.study or not (a.study and b.study):
        return not (another_day and (pause is None or pause > SAME_STUDY_S))
    if another_day and (pause is None or pause > MINUTES_S):
        return False
    if a.reference and a.reference == b.reference:
        return True
    if pause is None or (a.reference and b.reference and pause <= HOURS_S):
        return None
    if min(a.times) == min(b.times):  # Two series cannot begin at once: the times were made up.
        return None
    return True if pause <= MINUTES_S else False if pause > HOURS_S else None


@dataclass
class Examinations:
    """Indices of the images of each examination, by time, and whether some may belong together after all."""

    groups: list[list[int]]
    doubtful: bool


def examinations(headers: Sequence[Header]) -> Examinations:
    """Group images by the examination in which they were taken."""
    parts = _parts(headers)
    group = list(range(len(parts)))
    verdicts = {(i, j): together(parts[i], parts[j]) for i in range(len(parts)) for j in range(i)}
    named = [i for i, part in enumerate(parts) if part.study]
    for (i, j), verdict in verdicts.items():
        if verdict and (len(named) < 2 or (parts[i].study and parts[j].study)):
            group = [group[j] if number == group[i] else number for number in group]
    nameless = set(range(len(parts))) - set(named) if len(named) > 1 else set()
    for i in nameless:
        fitting = {group[j] for j in named if verdicts[max(i, j), min(i, j)]}
        if len(fitting) == 1:
            group[i] = fitting.pop()
    doubtful = any(verdict is not False and group[i] != group[j] for (i, j), verdict in verdicts.items())
    by_group: dict[int, list[Part]] = defaultdict(list)
    for number, part in zip(group, parts, strict=True):
        by_group[number].append(part)
    in_time = sorted(by_group.values(), key=lambda of: (min(part.start for part in of), of[0].members[0]))
    return Examinations([sorted(i for part in of for i in part.members) for of in in_time], doubtful)


def _parts(headers: Sequence[Header]) -> list[Part]:
    parts: dict[tuple[str, str, int | None], Part] = {}
    for index, values in enumerate(headers):
        study, reference = (str(values.get(k, "")) for k in ("StudyInstanceUID", "FrameOfReferenceUID"))
        day = _day(values)
        part = parts.setdefault((study, reference, day), Part(study, reference, day))
        part.members.append(index)
        if (time := _time(values)) is not None:
            part.times.append(time)
    return list(parts.values())


def _day(values: Header) -> int | None:
    days = (_ordinal(str(values[keyword])[:10]) for keyword in _DATES if keyword in values)
    return next((day for day in days if day is not None), None)


@lru_cache(maxsize=1024)
def _ordinal(text: str) -> int | None:
    """Days since the year 1 of a DICOM date; None where it is none."""
    digits = text.replace("-", "").replace(".", "")[:8]
    try:
        return datetime.strptime(digits, "%Y%m%d").toordinal()
    except ValueError:
        return None


def _time(values: Header) -> float | None:
    for keyword in _TIMES:
        if (seconds := clock_seconds(values.get(keyword), 8 if "DateTime" in keyword else 0)) is not None:
            return seconds
    return None
