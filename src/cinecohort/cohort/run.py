"""A run of the workflow as a whole: one at a time, progress of subjects meanwhile, a summary at its end."""

import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from cinecohort.cohort.index import subjects_of
from cinecohort.cohort.progress import read_tally, tally_path
from cinecohort.cohort.refresh import Index
from cinecohort.cohort.run_lock import RunLock
from cinecohort.cohort.run_progress import RunProgress
from cinecohort.cohort.run_summary import Job, duration, files_of_jobs, summary_text
from cinecohort.cohort.versions import STAGES
from cinecohort.files import write_text

SECONDS_BETWEEN_LINES = (5.0, 10.0, 20.0, 30.0, 60.0)
"""Pauses between lines of progress; the last one is repeated."""
SECONDS_BETWEEN_BARS = (1.0, 2.0, 5.0, 10.0)
"""The same of the bar that a terminal shows: a look at it reads one small file per job."""


class Run:
    """A run, from its first job to its summary. For the workflow's main process only.

    Parameters
    ----------
    index
        What raw data there is now.
    """

    def __init__(self, index: Index) -> None:
        self.index = index
        self.results = index.results
        self.lock = RunLock(self.results)
        self.before: dict[Path, int] = {}
        self.subjects: dict[str, int] = {}
        self.planned: list[Job] = []
        self.started = time.time()
        self.ended = threading.Event()

    def start(self, planned: Iterable[Job]) -> None:
        """Take the results folder for this run, write the index and begin to say how many subjects are done.

        Parameters
        ----------
        planned
            The jobs to come, by rule, and shard or study.

        Raises
        ------
        UserError
            If another run works on the results, or changed them since the index was read.
        """
        self.lock.keep()
        self.index.write()
        self.planned = list(planned)
        self.subjects = {shard: len(subjects_of(text)) for shard, text in self.index.tables.items()}
        self.before = {path: path.stat().st_mtime_ns for path in files_of_jobs(self.results)}
        self.started = time.time()
        self.shown = RunProgress(self.subjects_to_do().total(), len(self.planned))
        threading.Thread(target=self._tell, daemon=True).start()

    def _tell(self) -> None:
        pauses = iter(SECONDS_BETWEEN_BARS if self.shown.is_bar else SECONDS_BETWEEN_LINES)
        pause, total = next(pauses), self.subjects_to_do()
        while not self.ended.wait(pause):
            pause = next(pauses, pause)
            self.shown.show(self.subjects_done(), total, duration(time.time() - self.started))

    def subjects_to_do(self) -> Counter[str]:
        """Subjects in the jobs of this run, by stage in the stages' order."""
        total: Counter[str] = Counter(dict.fromkeys(STAGES, 0))
        for stage, shard in self.planned:
            total[stage] += self.subjects.get(shard, 0)
        return total

    def subjects_done(self) -> Counter[str]:
        """Subjects that each stage is through with, of those in the jobs of this run."""
        done: Counter[str] = Counter()
        for stage, shard in self.planned:
            path = tally_path(self.results, stage, shard)
            tally = read_tally(path) if stage in STAGES and self._is_new(path) else None
            done[stage] += tally.done if tally else 0
        return done

    def _is_new(self, path: Path) -> bool:
        try:
            return path.stat().st_mtime_ns != self.before.get(path)
        except OSError:
            return False

    def finish(self, succeeded: bool) -> None:
        """Print the summary of this run and keep it as ``results/summary.txt``."""
        self.ended.set()
        new = {path for path in files_of_jobs(self.results) if self._is_new(path)}
        text = summary_text(self.results, new, self.planned, succeeded, time.time() - self.started)
        write_text(self.results / "summary.txt", text)
        self.shown.close()
        self.shown.say(text)
        self.lock.release()
