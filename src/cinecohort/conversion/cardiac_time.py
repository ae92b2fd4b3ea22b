"""Time in a cine: frame interval, RR interval and heart rate, slice by slice.

The frame interval is the mean difference of trigger times, never RepetitionTime (which is the time of a
k-space segment and differs from it by up to 40 % in retrospectively gated series).
"""

import numpy as np

from cinecohort.catalogue.findings import Code
from cinecohort.conversion.frame_order import Run, is_even
from cinecohort.conversion.stacks import Slice
from cinecohort.findings import Finding, Level

PLAUSIBLE_RR_MS = (250.0, 2500.0)
MAX_RR_MISMATCH = 0.1
MIN_SHARE_OF_RR = 0.4
"""Frames that span less of the heart cycle hold no whole systole, or their times are in another unit."""

OTHER_RR = 1.6
"""A slice whose RR interval is so many times that of the others, or so many times shorter, is of two beats
taken for one, or of half a beat: breathing and arrhythmia change it less."""


def frame_interval_ms(run: Run) -> float | None:
    """Mean difference of successive trigger times in milliseconds; None where they are not known."""
    times = run.trigger_times_ms
    if times is None or len(times) < 2:
        return None
    return (times[-1] - times[0]) / (len(times) - 1)


def rr_interval_ms(run: Run) -> float | None:
    """RR interval of a slice's breath-hold in milliseconds, or None.

    NominalInterval, else from HeartRate, else (retrospective gating, where frames fill the cycle) the
    number of frames times their interval.
    """
    values = run.frames[0].values
    intervals = [frame.values.get("NominalInterval") for frame in run.frames]
    known = [rr for rr in intervals if rr is not None and _plausible(rr)]
    if known:
        return float(np.median(known))
    rate = values.get("HeartRate")
    if rate and _plausible(60000.0 / rate):
        return float(60000.0 / rate)
    interval = frame_interval_ms(run)
    if interval is None or not _plausible(interval * len(run.frames)):
        return None
    return interval * len(run.frames)


def _plausible(rr: float) -> bool:
    return PLAUSIBLE_RR_MS[0] <= rr <= PLAUSIBLE_RR_MS[1]


def phases(run: Run) -> list[float]:
    """Cardiac phase of each frame as a fraction of the RR interval; evenly spread where times are unknown."""
    times, rr = run.trigger_times_ms, rr_interval_ms(run)
    if run.ordered_by == "percentage of the cardiac cycle":
        return [share / 100.0 for share in run.ordering_values or ()]
    if times is None or rr is None:
        return [index / len(run.frames) for index in range(len(run.frames))]
    return [time / rr for time in times]


def check_times(view: str, slices: list[Slice]) -> list[Finding]:
    """``TIME`` findings: frames that nothing orders, statements that contradict each other, uneven times."""
    if unordered := tuple(i for i, item in enumerate(slices) if not item.run.ordered_by):
        return [_unordered(view, slices, unordered)]
    findings = []
    without = tuple(i for i, item in enumerate(slices) if item.run.trigger_times_ms is None)
    if without:
        orders = sorted({slices[i].run.ordered_by for i in without})
        message = (
            f"{len(without)} of {len(slices)} slices have no trustworthy trigger times; their frames are in"
            f" the order of {' and '.join(orders)}."
        )
        findings.append(Finding(Code.TIME, Level.REVIEW, message, view, slices=without))
    if against := tuple(i for i, item in enumerate(slices) if item.run.against):
        others = sorted({words for i in against for words in slices[i].run.against})
        used = sorted({slices[i].run.ordered_by for i in against})
        message = (
            f"In {len(against)} slices {' and '.join(others)} put the frames in another order than"
            f" {' and '.join(used)}, which was believed."
        )
        findings.append(Finding(Code.TIME, Level.REVIEW, message, view, slices=against))
    times = [item.run.trigger_times_ms for item in slices]
    if uneven := tuple(i for i, values in enumerate(times) if values and not is_even(values)):
        message = (
            f"The {slices[uneven[0]].run.ordered_by}s of {len(uneven)} slices are uneven; see the frames."
        )
        findings.append(Finding(Code.TIME, Level.REVIEW, message, view, slices=uneven))
    return findings + _longer_than_a_cycle(view, slices) + _unlike_cycles(view, slices)


def _unordered(view: str, slices: list[Slice], which: tuple[int, ...]) -> Finding:
    against = sorted({words for i in which for words in slices[i].run.against})
    cause = (
        f"only instance number or content time is there, and {' and '.join(against)} contradicts it"
        if against
        else "they have no trigger time, acquisition time or instance number of their own"
    )
    message = f"Nothing states the order in time of the frames of {len(which)} slices: {cause}."
    return Finding(Code.TIME, Level.REJECT, message, view, slices=which)


def _longer_than_a_cycle(view: str, slices: list[Slice]) -> list[Finding]:
    findings = []
    long = []
    for i, item in enumerate(slices):
        interval, rr = frame_interval_ms(item.run), rr_interval_ms(item.run)
        if interval and rr and interval * len(item.run.frames) > rr * (1 + MAX_RR_MISMATCH):
            long.append((i, interval * len(item.run.frames) / rr))
    if long:
        worst = max(ratio for _, ratio in long)
        message = (
            f"The frames of {len(long)} slices span up to {worst:.2f} RR intervals: trigger times and RR"
            " interval contradict each other."
        )
        findings.append(
            Finding(
                Code.TIME,
                Level.REVIEW,
                message,
                view,
                slices=tuple(i for i, _ in long),
                value=round(worst, 3),
                threshold=1 + MAX_RR_MISMATCH,
            )
        )
    return findings


def _unlike_cycles(view: str, slices: list[Slice]) -> list[Finding]:
    """Slices whose frames span too little of a heart cycle, or whose cycle is not that of the others."""
    found: list[tuple[str, list[int], float, float]] = []
    spans = [frame_interval_ms(item.run) for item in slices]
    cycles = [rr_interval_ms(item.run) for item in slices]
    shares = {
        i: interval * len(slices[i].run.frames) / rr
        for i, (interval, rr) in enumerate(zip(spans, cycles, strict=True))
        if interval and rr
    }
    if short := [i for i, share in shares.items() if share < MIN_SHARE_OF_RR]:
        least = min(shares[i] for i in short)
        words = f"span only {least:.2g} of an RR interval: frames are missing, or times are in another unit"
        found.append((words, short, least, MIN_SHARE_OF_RR))
    known = {i: rr for i, rr in enumerate(cycles) if rr}
    middle = float(np.median(list(known.values()))) if len(known) > 2 else 0.0
    if odd := [i for i, rr in known.items() if middle and max(rr / middle, middle / rr) > OTHER_RR]:
        worst = max((known[i] / middle for i in odd), key=lambda ratio: max(ratio, 1 / ratio))
        words = f"have RR intervals of {worst:.2f} times those of the others, as if a beat was missed"
        found.append((words, odd, worst, OTHER_RR))
    return [
        Finding(
            Code.TIME,
            Level.REVIEW,
            f"The frames of {len(which)} slices {words}.",
            view,
            slices=tuple(which),
            value=round(value, 3),
            threshold=threshold,
        )
        for words, which, value, threshold in found
    ]
