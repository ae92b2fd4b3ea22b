"""Damage examples of every reader and see that it copes.

    python tests/fuzz/run.py [READER ...] [--cases N] [--seconds S] [--past N] [--seed K] [--keep FOLDER]

A worker process reads case after case; the parent sees what it dies of, how long a case takes and how much
memory. Counted are exceptions that the reader may not raise, ends of the process, cases over ten seconds
(of processor time; or five minutes, waiting) and over 1 GB. Each of them is written to the folder that
``--keep`` names.
"""

import argparse
import logging
import multiprocessing
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from fuzz.readers import READERS  # noqa: E402

SECONDS, WAITING_SECONDS, MEGABYTES = 10, 300, 1000
NUMBER, PAST = 0, 1
"""Places in the state of a worker: the case that it reads, and how many got past the header."""
TOO_MUCH_MEMORY = "memory over 1 GB"


def damaged_case(name: str, seed: int, number: int) -> bytes:
    """The content of a case."""
    reader = READERS[name]
    rng = np.random.default_rng([seed, number, *name.encode()])
    examples = reader.examples() if name not in _EXAMPLES else _EXAMPLES[name]
    _EXAMPLES[name] = examples
    return reader.damage(examples[int(rng.integers(0, len(examples)))], rng)


_EXAMPLES: dict[str, list[bytes]] = {}


def _memory_mb() -> float:
    """The most that this process, or one of those that it started, has had so far."""
    return (
        max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        / 1024
    )


def read_case(name: str, content: bytes) -> tuple[str, bool]:
    """What went wrong when a case was read (empty where nothing did), and whether it got past the header."""
    reader = READERS[name]
    try:
        return "", reader.read(content)
    except reader.allowed:
        return "", False
    except Exception as fault:
        place = traceback.extract_tb(fault.__traceback__)[-1]
        return f"{type(fault).__name__} at {Path(place.filename).name}:{place.lineno}", False


def _work(pipe: Connection, state: Any, name: str, seed: int, last: int, end: float, past: int) -> None:
    """Read cases from the one that `state` names, and send what went wrong."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    logging.disable()
    warnings.simplefilter("ignore")
    damaged_case(name, seed, 0)
    parent = os.getppid()
    while os.getppid() == parent and state[NUMBER] < last and time.monotonic() < end and state[PAST] < past:
        number, before = state[NUMBER], _memory_mb()
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        fault, got_past = read_case(name, damaged_case(name, seed, number))
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        if not fault and _memory_mb() - before > MEGABYTES:
            fault = TOO_MUCH_MEMORY
        if fault:
            pipe.send((number, fault))
        state[NUMBER] += 1
        state[PAST] += got_past
        if fault == TOO_MUCH_MEMORY:
            break  # What it has now hides what later cases take.
    pipe.send(None)


def fuzz(
    name: str, seed: int, cases: int, seconds: float, keep: Path | None = None, past: int = 10**9
) -> Counter[str]:
    """Read damaged cases; counts of ``cases``, ``past header`` and of everything that went wrong.

    It ends after so many cases, or seconds, or cases `past` the header.
    """
    counts: Counter[str] = Counter()
    state, end = multiprocessing.RawArray("q", 2), time.monotonic() + seconds
    while state[NUMBER] < cases and time.monotonic() < end and state[PAST] < past:
        ours, theirs = multiprocessing.Pipe(duplex=False)
        worker = multiprocessing.get_context("fork").Process(
            target=_work, args=(theirs, state, name, seed, cases, end, past)
        )
        worker.start()
        theirs.close()
        ended = ""
        while not ended:
            ended = _hear(
                ours, worker, state, lambda case, fault: _note(counts, fault, name, seed, case, keep)
            )
        if ended != "done":
            _note(counts, ended, name, seed, state[NUMBER], keep)
            state[NUMBER] += 1
    counts["cases"], counts["past header"] = state[NUMBER], state[PAST]
    return counts


def _hear(ours: Connection, worker: Any, state: Any, note: Callable[[int, str], None]) -> str:
    """Hear a worker once: nothing, ``done``, or how it ended in the middle of a case."""
    begun = state[NUMBER]
    if not ours.poll(WAITING_SECONDS):
        if state[NUMBER] != begun:
            return ""
        worker.kill()
        worker.join()
        return "hang, waiting"
    try:
        said = ours.recv()
    except EOFError:
        worker.join()
        code = -(worker.exitcode or 0)
        return "hang" if code == signal.SIGVTALRM else f"end of the process by signal {code}"
    if said is None:
        worker.join()
        return "done"
    note(*said)
    return ""


def _note(counts: Counter[str], fault: str, name: str, seed: int, case: int, keep: Path | None) -> None:
    counts[f"! {fault}"] += 1
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{name}-{seed}-{case}.bin").write_bytes(damaged_case(name, seed, case))


def main() -> int:
    """Run the readers named and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("readers", nargs="*", choices=[*READERS, []], metavar="READER")
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each reader")
    parser.add_argument("--past", type=int, default=10**9, help="cases past the header, for each reader")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    wrong = 0
    for name in given.readers or READERS:
        counts = fuzz(name, given.seed, given.cases, given.seconds, given.keep, given.past)
        faults = {fault: n for fault, n in counts.items() if fault.startswith("!")}
        wrong += sum(faults.values())
        line = f"{name}: {counts['cases']:,} cases, {counts['past header']:,} past the header"
        print("\n   ".join([line, *(f"{fault} ({n})" for fault, n in sorted(faults.items()))]), flush=True)
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
