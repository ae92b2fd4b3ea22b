import errno
import subprocess
import sys
import time
from unittest.mock import Mock

import pytest

from cinecohort.cohort import run_lock
from cinecohort.cohort.run_lock import RunLock
from cinecohort.errors import UserError

HOLD = """
import sys, time
from pathlib import Path
from cinecohort.cohort.run_lock import RunLock
lock = RunLock(Path(sys.argv[1]))
lock.keep() if sys.argv[2] == "run" else lock.take()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock, as a run or as a reader of the store."""
    processes = []

    def hold(kind):
        command = [sys.executable, "-c", HOLD, str(tmp_path), kind]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_run_keeps_others_out_and_says_who_it_is(tmp_path, holder):
    process = holder("run")
    lock = RunLock(tmp_path)
    with pytest.raises(
        UserError, match=rf"Nothing was started, since another run .*process {process.pid} on"
    ):
        lock.keep()
    assert str(tmp_path) in lock.take()
    before = lock.path.stat().st_mtime_ns
    assert lock.look() == lock.take()
    assert lock.path.stat().st_mtime_ns == before


def test_looking_makes_no_file(tmp_path):
    assert RunLock(tmp_path / "results").look() == ""
    assert not (tmp_path / "results").exists()
    lock = RunLock(tmp_path)
    lock.take()
    lock.release()
    assert RunLock(tmp_path).look() == ""


def test_a_run_that_was_killed_leaves_no_lock_and_no_name(tmp_path, holder):
    process = holder("run")
    process.kill()
    process.wait()
    lock = RunLock(tmp_path)
    assert lock.take() == ""
    assert lock.path.read_text() == ""
    lock.keep()
    assert "process" in lock.path.read_text()
    lock.release()
    assert lock.path.read_text() == ""


def test_who_is_no_run_is_waited_for(tmp_path, holder):
    holder("reader")
    started = time.monotonic()
    assert "another run works on" in RunLock(tmp_path).take(patience=0.3)
    assert time.monotonic() - started >= 0.3


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(run_lock.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(run_lock.fcntl, "flock", refuse)
    lock = RunLock(tmp_path)
    lock.keep()
    lock.release()


def test_results_that_cannot_be_written_to_can_be_looked_at(tmp_path):
    lock = RunLock(tmp_path)
    lock.path = Mock()
    lock.path.open.side_effect = OSError(errno.EROFS, "Read-only file system")
    assert lock.take() == ""
    lock.path.open.side_effect = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(UserError, match="No space"):
        lock.take()
