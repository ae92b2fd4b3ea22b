"""Damage examples of every reader and see that it copes.

    python tests/fuzz/run.py [READER ...] [--cases N] [--seconds S] [--past N] [--seed K] [--keep FOLDER]

A worker process reads case after case; the parent sees what it dies of, how long a case takes and how much
memory. Counted are exceptions that the reader may not raise, ends of the process, cases over ten seconds
(of processor time) and over 1 GB. Each of them is written to the folder that ``--keep`` names.
"""

import argparse
import multiprocessing
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from fuzz.readers import READERS  # noqa: E402

SECONDS, MEGABYTES = 10, 1000


def damaged_case(name: str, seed: int, number: int) -> bytes:
    """The content of a case."""
    reader = READERS[name]
    rng = np.random.default_rng([seed, number, *name.encode()])
    examples = reader.examples() if name not in _EXAMPLES else _EXAMPLES[name]
    _EXAMPLES[name] = examples
    return reader.damage(examples[int(rng.integers(0, len(examples)))], rng)


_EXAMPLES: dict[str, list[bytes]] = {}


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


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


def _work(pipe: Connection, name: str, seed: int, first: int, last: int, end: float) -> None:
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    damaged_case(name, seed, 0)
    for number in range(first, last):
        if time.monotonic() > end:
            break
        pipe.send((number, "begun", False))
        before = _memory_mb()
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        fault, past = read_case(name, damaged_case(name, seed, number))
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        if not fault and _memory_mb() - before > MEGABYTES:
            fault = "memory over 1 GB"
        pipe.send((number, fault, past))
        if fault.startswith("memory"):
            break  # What it has now hides what later cases take.
    pipe.send(None)


def fuzz(
    name: str, seed: int, cases: int, seconds: float, keep: Path | None = None, past: int = 10**9
) -> Counter[str]:
    """Read damaged cases; counts of ``cases``, ``past header`` and of everything that went wrong.

    It ends after so many cases, or seconds, or cases `past` the header.
    """
    counts: Counter[str] = Counter()
    number, end = 0, time.monotonic() + seconds
    while number < cases and time.monotonic() < end and counts["past header"] < past:
        ours, theirs = multiprocessing.Pipe(duplex=False)
        worker = multiprocessing.get_context("fork").Process(
            target=_work, args=(theirs, name, seed, number, cases, end)
        )
        worker.start()
        theirs.close()
        begun = None
        while True:
            try:
                said = ours.recv()
            except EOFError:
                worker.join()
                break
            if said is None:
                begun = None
                worker.join()
                break
            case, fault, got_past = said
            if fault == "begun":
                begun = case
                continue
            begun, number = None, case + 1
            counts["cases"] += 1
            counts["past header"] += got_past
            if fault:
                _note(counts, fault, name, seed, case, keep)
            if counts["past header"] >= past:
                worker.terminate()
        if begun is not None and counts["past header"] < past:
            counts["cases"] += 1
            code = -(worker.exitcode or 0)
            how = "hang" if code == signal.SIGVTALRM else f"end of the process by signal {code}"
            _note(counts, how, name, seed, begun, keep)
            number = begun + 1
    return counts


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
