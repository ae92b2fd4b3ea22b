"""Loaded by every Python that a test's workflow starts: a Slurm queue that is looked at often, faults, forks.

``CINECOHORT_FAULT`` names a fault, the rules whose jobs meet it, and a file: ``fail`` (all of them fail, the
file is not used); or, met by the first job alone, which leaves the file as a mark: ``sleep`` (until its time
is up) and ``die`` (by SIGKILL, when two subjects are done).

``CINECOHORT_READY_PYTHON`` names the socket of ``support/ready_python.py``, which does this process's work.
"""

import os
import signal
import sys
import time
from pathlib import Path

LONGEST_WAIT_S = 2
"""Seconds between two looks at the queue. The plugin waits 10 s longer each time that no job has ended,
which suits a busy cluster; here it would be most of the tests' time."""


def look_often() -> None:
    """Keep the pause of the plugin short."""
    from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

    pause = RemoteExecutor.next_seconds_between_status_checks

    def set_shorter(executor: RemoteExecutor, seconds: int) -> None:
        pause.fset(executor, min(seconds, LONGEST_WAIT_S))

    RemoteExecutor.next_seconds_between_status_checks = pause.setter(set_shorter)


def meet(fault: str, rules: str, marker: Path) -> None:
    """Meet a fault, if this is a job of one of the rules."""
    script = next((Path(part) for part in sys.orig_argv if ".snakemake/scripts/" in part), None)
    if marker.exists() or script is None:
        return
    text = script.read_text(encoding="utf-8", errors="replace")
    if not any(f"logs/{rule}{end}" in text for rule in rules.split(",") for end in ("/", ".log")):
        return
    if fault == "fail":
        os._exit(1)
    marker.touch()
    if fault == "sleep":
        time.sleep(600)
    else:
        die_after_two_subjects()


def die_after_two_subjects() -> None:
    """End this process as the kernel would that runs out of memory, once two records are written."""
    from cinecohort.cohort import runner

    write, written = runner.write_record, []

    def write_and_die(*arguments: object) -> object:
        written.append(write(*arguments))
        if len(written) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return written[-1]

    runner.write_record = write_and_die


def hand_over(name: str) -> None:
    """Have Snakemake's or a job's work done by a fork that has imported everything; end as it does."""
    import json
    import socket

    words = sys.orig_argv[1:]
    if words[:2] != ["-m", "snakemake"] and not (len(words) == 1 and ".snakemake/scripts/" in words[0]):
        return
    asked = {"words": words, "folder": str(Path.cwd()), "environment": dict(os.environ), "path": sys.path}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(f"\0{name}")
        socket.send_fds(connection, [json.dumps(asked).encode()], [0, 1, 2])
        code = int(connection.recv(16))
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


if "CINECOHORT_FAULT" in os.environ:
    kind, names, place = os.environ["CINECOHORT_FAULT"].split(" ", 2)
    meet(kind, names, Path(place))
if "--profile" in sys.orig_argv:
    look_often()
elif "CINECOHORT_READY_PYTHON" in os.environ:
    hand_over(os.environ["CINECOHORT_READY_PYTHON"])
