"""What a run did: subjects by stage and outcome, reasons, time and memory, jobs that did not finish."""

import csv
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cinecohort.cohort.index import shards
from cinecohort.cohort.progress import EARLIER, UNCHANGED, Tally, read_tally, tally_path
from cinecohort.cohort.versions import STAGES, VERSIONS
from cinecohort.findings import Status, in_print

STATES = tuple(str(status) for status in (Status.OK, Status.REVIEW, Status.EXCLUDED, Status.ERROR))
TITLES = {"review": "flagged"}

Job = tuple[str, str]
"""Rule, and shard or study (empty for jobs over the whole cohort)."""


@dataclass(frozen=True)
class Cost:
    """Time and memory of the jobs of one rule."""

    jobs: int
    seconds: float
    longest: float
    peak_mb: float


def files_of_jobs(results: Path) -> Iterator[Path]:
    """Files that each job writes anew: its log, its tally of subjects, and its time and memory."""
    yield from (results / "logs" / "shards").glob("*/*.json")
    yield from (results / "benchmarks").rglob("*.tsv")
    for rule in VERSIONS:
        yield from (results / "logs").glob(f"{rule}.log")
        yield from (results / "logs" / rule).glob("*.log")


def summary_text(
    results: Path, new: Collection[Path], planned: Sequence[Job], succeeded: bool, seconds: float
) -> str:
    """The summary of a run, as plain text.

    Parameters
    ----------
    results
        The results folder.
    new
        Those of :func:`files_of_jobs` that this run wrote.
    planned
        The jobs that the run set out to do.
    succeeded
        Whether all of them finished.
    seconds
        How long the run took.
    """
    ended = time.strftime("%Y-%m-%d %H:%M")
    how = "finished" if succeeded else "ended with failed jobs"
    lines = [f"Run {how} at {ended} after {duration(seconds)}."]
    if succeeded and (results / "cohort" / "status.tsv").is_file():
        lines.append(cohort_sentence(results / "cohort" / "status.tsv"))
    lines += ["", *stage_lines(results, new, planned)]
    reasons = reason_lines(results)
    if reasons:
        lines += ["", "Of the whole cohort, by the stage that said so:", *reasons]
    if not succeeded:
        lines += ["", *unfinished_lines(results, new, planned)]
    return "\n".join(lines) + "\n"


def duration(seconds: float) -> str:
    """A time span for people."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def cohort_sentence(status: Path) -> str:
    """How many subjects ended in each state, from the cohort's table."""
    with status.open(newline="", encoding="utf-8") as stream:
        states = Counter(row["status"] for row in csv.DictReader(stream, delimiter="\t"))
    counts = ", ".join(f"{states[state]:,} {TITLES.get(state, state)}" for state in STATES)
    return f"{states.total():,} subjects: {counts}."


def stage_lines(results: Path, new: Collection[Path], planned: Sequence[Job]) -> list[str]:
    """A table of this run's jobs: subjects by what became of them, time and memory, a line a rule."""
    header = ["stage", "jobs", "subjects", "done", "skipped", "left before"]
    header += [*(TITLES.get(state, state) for state in STATES[1:]), "job time", "longest", "peak MB"]
    rows = []
    for rule in dict.fromkeys([*VERSIONS, *(rule for rule, _ in planned)]):
        cost = cost_of(results, rule, new)
        paths = [tally_path(results, rule, name) for stage, name in planned if stage == rule]
        tallies = [tally for path in paths if path in new and (tally := read_tally(path))]
        if cost.jobs or tallies:
            subjects = subject_cells(tallies) if tallies else [""] * 7
            spent = [duration(cost.seconds), duration(cost.longest), f"{cost.peak_mb:,.0f}"]
            rows.append([rule, f"{cost.jobs:,}", *subjects, *(spent if cost.jobs else [""] * 3)])
    if not rows:
        return ["No job came to its end."]
    widths = [max(len(row[place]) for row in (header, *rows)) for place in range(len(header))]
    return [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (header, *rows)
    ]


def subject_cells(tallies: Sequence[Tally]) -> list[str]:
    """Subjects of a stage's shards: all, worked on, skipped, left before; of those worked on, by state."""
    counts: Counter[str] = Counter()
    for tally in tallies:
        counts.update(tally.counts)
    numbers = [
        sum(tally.subjects for tally in tallies),
        sum(counts[state] for state in STATES),
        counts[UNCHANGED],
        counts[EARLIER],
        *(counts[state] for state in STATES[1:]),
    ]
    return [f"{number:,}" for number in numbers]


def cost_of(results: Path, rule: str, new: Collection[Path]) -> Cost:
    """Time and memory of a rule's jobs in this run, as Snakemake measured them."""
    seconds, peaks = [], []
    for path in new:
        inside = path.is_relative_to(results / "benchmarks" / rule)
        if path == results / "benchmarks" / f"{rule}.tsv" or (inside and path.suffix == ".tsv"):
            with path.open(newline="", encoding="utf-8") as stream:
                for row in csv.DictReader(stream, delimiter="\t"):
                    seconds.append(number(row["s"]))
                    peaks.append(number(row["max_rss"]))
    return Cost(len(seconds), sum(seconds), max(seconds, default=0.0), max(peaks, default=0.0))


def number(text: str) -> float:
    """A number of Snakemake's benchmark tables, which say NA and - for what was too short to be measured."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def reason_lines(results: Path) -> list[str]:
    """Who is flagged, excluded or failed, by stage and code, with one of the sentences."""
    lines = []
    names = shards(results)
    for stage in STAGES:
        numbers: Counter[tuple[str, str]] = Counter()
        sentences: dict[tuple[str, str], str] = {}
        for shard in names:
            tally = read_tally(tally_path(results, stage, shard))
            for state, code, n, sentence in tally.reasons if tally else ():
                numbers[state, code] += n
                sentences.setdefault((state, code), sentence)
        order = sorted(numbers, key=lambda key: (-STATES.index(key[0]), -numbers[key], key[1]))
        lines += [
            f"  {stage}: {numbers[key]:,} {TITLES.get(key[0], key[0])}, {key[1] or 'no code'}"
            f" ({'for example ' if numbers[key] > 1 else ''}{in_print(sentences[key])})"
            for key in order
        ]
    return lines


def unfinished_lines(results: Path, new: Collection[Path], planned: Sequence[Job]) -> list[str]:
    """Jobs that failed or did not end, with the last word of their logs, and how many were not begun."""
    begun, waiting = [], 0
    for rule, name in planned:
        place = f"{rule}/{name}" if name else rule
        log = results / "logs" / f"{place}.log"
        if results / "benchmarks" / f"{place}.tsv" in new:
            continue
        if log in new:
            begun.append(f"Not finished: {place} (see {log}). {last_line(log)}".rstrip())
        else:
            waiting += 1
    if waiting:
        begun.append(f"{waiting:,} more jobs were not begun, or ended before they could write their log.")
    return [*begun, "Start the workflow again when the cause is removed: it goes on where it stopped."]


def last_line(log: Path) -> str:
    """The last line of a log, which says why a job failed (or how far it came)."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return said[-1][:300] if said else ""
