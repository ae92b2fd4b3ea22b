"""What a run says meanwhile: on a terminal and in a log, of jobs that end and of jobs that fail."""

import io
import logging

import pytest

from cinecohort.cohort import run_progress
from cinecohort.cohort.run_progress import SNAKEMAKE, FailedJobs, RunProgress

TOTAL = {"convert": 4}


class Terminal(io.StringIO):
    """A stream that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def snakemake_prints():
    """The logger as Snakemake sets it up, with a handler whose lines are returned."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    level = SNAKEMAKE.level
    SNAKEMAKE.setLevel(logging.INFO)
    SNAKEMAKE.addHandler(handler)
    yield stream
    SNAKEMAKE.removeHandler(handler)
    SNAKEMAKE.setLevel(level)


def event(name, message="", **fields):
    SNAKEMAKE.info(message, extra={"event": name, **fields})


def test_lines_say_only_what_is_new_and_take_the_place_of_those_on_every_job(snakemake_prints, capsys):
    progress = RunProgress(n_subjects=4, n_jobs=2)
    progress.show({"convert": 0}, TOTAL, "0 s")
    event("job_finished", "Finished jobid: 1")
    progress.show({"convert": 0}, TOTAL, "1 s")
    event("progress", "1 of 2 steps")
    progress.show({"convert": 2}, TOTAL, "2 s")
    progress.show({"convert": 2}, TOTAL, "3 s")
    SNAKEMAKE.info("something else")
    progress.close()
    event("job_finished", "after the run")
    assert capsys.readouterr().err == "jobs: 1 of 2 (1 s)\nSubjects: convert 2 of 4; jobs: 1 of 2 (2 s)\n"
    assert snakemake_prints.getvalue() == "something else\nafter the run\n"


def test_a_job_that_fails_is_named_at_once_with_its_log(snakemake_prints, capsys):
    progress = RunProgress(n_subjects=4, n_jobs=2)
    event("job_error", "Error in rule segment", rule_name="segment", log=["logs/segment/0003.log"])
    event("job_error", "Error in rule all", rule_name="all", log=[])
    progress.close()
    assert capsys.readouterr().err == (
        "A job of segment failed: see logs/segment/0003.log\nA job of all failed.\n"
    )
    assert "Error in rule segment" in snakemake_prints.getvalue()


def test_failed_jobs_alone_leave_snakemakes_own_lines(snakemake_prints, capsys):
    handler = FailedJobs()
    SNAKEMAKE.addHandler(handler)
    event("job_finished", "Finished jobid: 1")
    event("job_error", "Error in rule experiment_row", rule_name="experiment_row", log=["logs/row.log"])
    SNAKEMAKE.removeHandler(handler)
    assert capsys.readouterr().err == "A job of experiment_row failed: see logs/row.log\n"
    assert "Finished jobid: 1" in snakemake_prints.getvalue()


def test_a_terminal_gets_a_bar_and_lines_stand_above_it(snakemake_prints, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(run_progress, "has_terminal", lambda: True)
    progress = RunProgress(n_subjects=8, n_jobs=2)
    total = {"convert": 4, "segment": 4}
    event("job_finished")
    progress.show({"convert": 3, "segment": 1}, total, "2 s")
    assert " 50 % |" in terminal.getvalue()
    assert "Subjects: convert 3 of 4, segment 1 of 4; jobs: 1 of 2" in terminal.getvalue()
    progress.show({"convert": 4, "segment": 1}, total, "2 s")
    assert "Subjects: segment 1 of 4; jobs: 1 of 2" in terminal.getvalue()
    progress.say("a line")
    assert "a line\n" in terminal.getvalue()
    progress.close()


@pytest.mark.parametrize(("size", "wanted"), [((100, 40), True), ((0, 0), False)])
def test_a_terminal_without_a_size_gets_lines(size, wanted, monkeypatch):
    terminal = Terminal()
    terminal.fileno = lambda: 2
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("os.get_terminal_size", lambda _: size)
    assert run_progress.has_terminal() is wanted
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert not run_progress.has_terminal()
