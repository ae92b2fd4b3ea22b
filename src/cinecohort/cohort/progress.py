"""How far a shard's job is, in its log and in a small file that the run as a whole is watched by."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cinecohort.files import read_json, write_json
from cinecohort.findings import Finding, Level, Status
from cinecohort.store import Record

UNCHANGED = "unchanged"
EARLIER = "excluded earlier"
"""Words for a subject that a stage had nothing to do for, beside the words of its status."""

SECONDS_BETWEEN_WRITES = 2.0


@dataclass
class Tally:
    """What became of the subjects of one shard in one stage, as in ``logs/shards/{stage}/{shard}.json``.

    Parameters
    ----------
    stage
        The stage.
    subjects
        Subjects in the shard.
    counts
        Subjects so far by what was done: ``unchanged``, ``excluded earlier``, or the status they were given.
    reasons
        Of a shard that is complete, every subject that this stage flagged, excluded or failed on, whether it
        was worked on now or earlier: status, code, number of subjects, and the sentence of one of them.
    complete
        Whether the job came to its end.
    """

    stage: str
    subjects: int
    counts: dict[str, int] = field(default_factory=dict)
    reasons: list[tuple[str, str, int, str]] = field(default_factory=list)
    complete: bool = False

    @property
    def done(self) -> int:
        """Subjects that the job is through with."""
        return sum(self.counts.values())


def read_tally(path: Path) -> Tally | None:
    """Read a tally; None where there is none or it cannot be read."""
    try:
        return Tally(**read_json(path))
    except (OSError, ValueError, TypeError):
        return None


class Progress:
    """Counts the subjects of a shard: lines in the job's log, and a tally that others read meanwhile.

    Parameters
    ----------
    stage
        Name to print.
    total
        Subjects in the shard.
    path
        Where the tally goes; nowhere if None.
    every
        Subjects between two lines.
    """

    def __init__(self, stage: str, total: int, path: Path | None = None, every: int = 10) -> None:
        self.tally = Tally(stage, total)
        self.path, self.every = path, every
        self.counts: Counter[str] = Counter()
        self.started = time.monotonic()
        self.written = 0.0
        self._write()

    def add(self, word: str) -> None:
        """Count one subject under `word`."""
        self.counts[word] += 1
        done, total = self.counts.total(), self.tally.subjects
        if done % self.every == 0 or done == total:
            counts = ", ".join(f"{n} {word}" for word, n in sorted(self.counts.items()))
            seconds = time.monotonic() - self.started
            print(f"{self.tally.stage}: {done}/{total} subjects ({counts}), {seconds:.0f} s", flush=True)
        if time.monotonic() - self.written > SECONDS_BETWEEN_WRITES:
            self._write()

    def close(self, records: Mapping[str, Record]) -> None:
        """Say that the shard is complete, and whom the stage flagged or left out."""
        self.tally.reasons = reasons_of(
            record for record in records.values() if record.stage == self.tally.stage
        )
        self.tally.complete = True
        self._write()

    def _write(self) -> None:
        self.tally.counts = dict(sorted(self.counts.items()))
        self.written = time.monotonic()
        if self.path is not None:
            write_json(self.path, asdict(self.tally))


def reasons_of(records: Iterable[Record]) -> list[tuple[str, str, int, str]]:
    """Status, code, number and one sentence of all records that are not simply fine, gravest status first."""
    order = [str(status) for status in (Status.ERROR, Status.EXCLUDED, Status.REVIEW)]
    numbers: Counter[tuple[str, str]] = Counter()
    sentences: dict[tuple[str, str], str] = {}
    for record in records:
        if str(record.status) in order:
            worst = worst_finding(record.findings)
            key = (str(record.status), worst.code if worst else "")
            numbers[key] += 1
            sentences.setdefault(key, worst.message if worst else "")
    ordered = sorted(numbers, key=lambda key: (order.index(key[0]), key[1]))
    return [(*key, numbers[key], sentences[key]) for key in ordered]


def worst_finding(findings: Iterable[Finding]) -> Finding | None:
    """The gravest finding, the first of its level; None where nothing was flagged."""
    order = (Level.ERROR, Level.REJECT, Level.REVIEW)
    flagged = [finding for finding in findings if finding.level in order]
    return min(flagged, key=lambda finding: order.index(finding.level)) if flagged else None


def tally_path(results: Path, stage: str, shard: str) -> Path:
    """Path of a shard's tally."""
    return results / "logs" / "shards" / stage / f"{shard}.json"
