import io
import subprocess
import sys

import pytest

from cinecohort.cohort.jobs import logged
from cinecohort.errors import UserError


@pytest.fixture
def terminal(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "__stderr__", stream)
    return stream


def test_what_a_job_prints_goes_into_its_log(tmp_path, terminal):
    with logged(str(tmp_path / "logs" / "a.log")):
        print("working")
        print("a warning", file=sys.stderr)
    assert (tmp_path / "logs" / "a.log").read_text() == "working\na warning\n"
    assert terminal.getvalue() == ""


def test_a_users_mistake_is_one_sentence_without_traceback(tmp_path, terminal):
    with pytest.raises(SystemExit) as ended, logged(str(tmp_path / "a.log")):
        raise UserError("people.tsv: is not there.")
    assert ended.value.code == 1
    assert terminal.getvalue() == "cinecohort: people.tsv: is not there.\n"
    assert (tmp_path / "a.log").read_text() == "people.tsv: is not there.\n"


def test_a_fault_has_its_traceback_in_the_log_and_one_line_on_the_terminal(tmp_path, terminal):
    with pytest.raises(SystemExit) as ended, logged(str(tmp_path / "a.log")):
        raise ZeroDivisionError("by hand")
    assert ended.value.code == 1
    assert "Traceback" in (tmp_path / "a.log").read_text()
    assert terminal.getvalue().startswith("cinecohort: ZeroDivisionError: by hand (see ")
    assert terminal.getvalue().count("\n") == 1


def test_the_log_of_an_earlier_attempt_is_replaced(tmp_path, terminal):
    for word in ("first", "second"):
        with logged(str(tmp_path / "a.log")):
            print(word)
    assert (tmp_path / "a.log").read_text() == "second\n"


def test_a_job_without_a_terminal_fails_as_well(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "__stderr__", None)
    with pytest.raises(SystemExit), logged(str(tmp_path / "a.log")):
        raise UserError("no terminal")


END_ME = """
import sys, time
from pathlib import Path
from cinecohort.cohort.jobs import logged
from cinecohort.files import replacing
with logged(sys.argv[1] + "/job.log"), replacing(Path(sys.argv[1]) / "sa.nii.gz") as temporary:
    temporary.write_text("half an image")
    print("begun", file=sys.__stdout__, flush=True)
    time.sleep(300)
"""


def test_a_job_that_is_asked_to_end_leaves_nothing_half_written(tmp_path):
    command = [sys.executable, "-c", END_ME, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        assert list(tmp_path.glob(".*.tmp"))
        process.terminate()
        assert process.wait(timeout=120) == 143
    assert [path.name for path in tmp_path.iterdir()] == ["job.log"]
