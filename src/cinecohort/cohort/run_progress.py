"""What a run says while it works: how many subjects and jobs are done, and which jobs failed."""

import logging
import os
import sys
from collections.abc import Mapping, Sequence

from tqdm import tqdm

SNAKEMAKE = logging.getLogger("snakemake.logging")
"""Where Snakemake announces its events; each record of one has its name as `event`."""

ENDED, FAILED, STEPS = "job_finished", "job_error", "progress"
BAR = "{percentage:3.0f} % |{bar:24}| {elapsed} {desc}"


class FailedJobs(logging.Handler):
    """Names jobs that fail, at once and with their logs, whatever Snakemake is quiet about."""

    def emit(self, record: logging.LogRecord) -> None:
        """Name a job that failed."""
        if getattr(record, "event", None) == FAILED:
            self.say(_failure(getattr(record, "rule_name", "?"), getattr(record, "log", ())))

    def say(self, text: str) -> None:
        """Print a line, above the bar where there is one."""
        tqdm.write(text, file=sys.stderr)
        sys.stderr.flush()


class RunProgress(FailedJobs):
    """A bar on a terminal, lines elsewhere, in the place of Snakemake's lines on every job that ended.

    Parameters
    ----------
    n_subjects
        Subjects of this run's jobs, added up over the stages.
    n_jobs
        Jobs of this run.
    """

    def __init__(self, n_subjects: int, n_jobs: int) -> None:
        super().__init__(logging.INFO)
        self.n_jobs, self.jobs_done, self.shown = n_jobs, 0, ""
        self.bar = tqdm(
            total=n_subjects + n_jobs,
            bar_format=BAR,
            file=sys.stderr,
            disable=not has_terminal(),
            leave=False,
        )
        self.replaced = [handler for handler in SNAKEMAKE.handlers if handler is not self]
        for handler in self.replaced:
            handler.addFilter(_is_not_replaced)
        SNAKEMAKE.addHandler(self)

    @property
    def is_bar(self) -> bool:
        """Whether there is a terminal to show a bar on."""
        return not self.bar.disable

    def emit(self, record: logging.LogRecord) -> None:
        """Count a job that ended; name one that failed."""
        if getattr(record, "event", None) == ENDED:
            self.jobs_done = min(self.jobs_done + 1, self.n_jobs)
        super().emit(record)

    def show(self, done: Mapping[str, int], total: Mapping[str, int], clock: str) -> None:
        """Bring the bar up to date, or print a line where that says something new.

        Parameters
        ----------
        done, total
            Subjects that each stage is through with, and those in its jobs, in their order. A bar has no
            room for stages that are complete.
        clock
            Time since the run began.
        """
        if not (any(done.values()) or self.jobs_done):
            return
        begun = [
            stage for stage in total if done[stage] and not (self.is_bar and done[stage] == total[stage])
        ]
        counts = [f"{stage} {done[stage]:,} of {total[stage]:,}" for stage in begun]
        subjects = [f"Subjects: {', '.join(counts)}"] if counts else []
        text = "; ".join([*subjects, f"jobs: {self.jobs_done:,} of {self.n_jobs:,}"])
        if self.is_bar:
            self.bar.n = sum(done.values()) + self.jobs_done
            self.bar.set_description_str(text)
        elif text != self.shown:
            self.say(f"{text} ({clock})")
        self.shown = text

    def close(self) -> None:
        """Take the bar away and give Snakemake its lines back."""
        self.bar.close()
        SNAKEMAKE.removeHandler(self)
        for handler in self.replaced:
            handler.removeFilter(_is_not_replaced)
        super().close()


def has_terminal() -> bool:
    """Whether there is a terminal, and one that says how wide it is: others would show no bar."""
    try:
        columns, lines = os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return sys.stderr.isatty() and columns > 0 and lines > 0


def _is_not_replaced(record: logging.LogRecord) -> bool:
    return getattr(record, "event", None) not in (ENDED, STEPS)


def _failure(rule: str, logs: Sequence[str]) -> str:
    return f"A job of {rule} failed" + (f": see {', '.join(logs)}" if logs else ".")
