"""A Python that has imported everything, and does the work of each that a tiny cohort's workflow starts.

Most of a tiny cohort's run is imports. ``hooks/sitecustomize.py`` hands over what Snakemake and its jobs do:
this process forks, and the fork goes on as the other would have, with its words, environment, folder and open
files. How it ends is given back. A process that is killed takes its fork with it.
"""

import gc
import importlib
import json
import multiprocessing
import os
import pkgutil
import runpy
import select
import socket
import subprocess
import sys
from contextlib import suppress
from functools import cache
from multiprocessing.connection import wait
from pathlib import Path

NAME = "CINECOHORT_READY_PYTHON"
"""Environment variable with the name of the socket, which is in no folder."""
FORKS = multiprocessing.get_context("fork")


@cache
def ready_python() -> str:
    """Start it, once in this process and until this process ends; the name of its socket."""
    name = f"cinecohort-tests-{os.getpid()}"
    server = subprocess.Popen(
        [sys.executable, __file__, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    _STARTED.append(server)
    return name


_STARTED: list[subprocess.Popen] = []
"""Kept, since the server ends when nobody holds the other end of its input."""


def import_everything() -> None:
    """Import Snakemake and every module of this checkout's package."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "src"))
    import cinecohort

    for name in ("snakemake.cli", "snakemake.script"):
        importlib.import_module(name)
    for module in pkgutil.walk_packages(cinecohort.__path__, "cinecohort."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    gc.freeze()  # What is here stays, and is not looked at, and so not copied, in every fork.


def serve(listener: socket.socket) -> None:
    """Attend to everybody who asks, each in a fork, until the input ends."""
    while True:
        multiprocessing.active_children()  # Those that ended are waited for.
        if sys.stdin in select.select([listener, sys.stdin], [], [])[0]:
            return
        connection, _ = listener.accept()
        FORKS.Process(target=attend, args=(connection,)).start()
        connection.close()


def attend(connection: socket.socket) -> None:
    """Do one process's work in a fork, which is killed if who asked is gone; give back how it ended."""
    text, files, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    work = FORKS.Process(target=become, args=(json.loads(text), files))
    work.start()
    for file in files:
        os.close(file)
    if work.sentinel not in wait([connection, work.sentinel]):
        work.kill()
    work.join()
    with suppress(BrokenPipeError):
        connection.send(str(work.exitcode).encode())


def become(asked: dict, files: list[int]) -> None:
    """Go on as the process that asked would have."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.path[:] = asked["path"]
    words = asked["words"]
    if words[0] == "-m":
        sys.argv = words[1:]
        sys.path.insert(0, asked["folder"])
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        sys.path.insert(0, str(Path(words[0]).resolve().parent))
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as place:
        place.bind(f"\0{sys.argv[1]}")
        place.listen(64)
        import_everything()
        print("ready", flush=True)
        serve(place)
