"""Disturb runs of the workflow, run them again, and compare the results with those of an undisturbed run.

    python tests/fuzz/disturb.py FOLDER [--kills 30] [--eio 10] [--memory 10] [--disk 5] [--row 5] [--seed K]

Some disturbances in a row hit one cohort, each the run that goes on after the one before; then it runs to
its end, and every file of the results but logs, times and caches is compared with an undisturbed run's, the
PDF included. A disturbance counts where it ended the run or failed a job of it. Each row is written to
``FOLDER/rows.jsonl`` when it ends; started again with the same folder, the series goes on after the last.

Kills go through the jobs in turn, so that every stage is hit: at a random moment of the job, the whole group
of processes, Snakemake alone (its job works on), or one process of the job. Errors of reading, opening and
renaming files are made by strace, for a raw file or one of the results; memory is limited for each process;
the disk is a small tmpfs in a mount namespace of the run's own. The checkout must not change meanwhile.
Linux, with strace and unshare.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from support.tiny_cohort import Cohort, write_patient  # noqa: E402
from support.tiny_weights import write_weights  # noqa: E402

SAYS_WHEN = ("run.json", "summary.txt")
STARTED = re.compile(
    r"^(?:local)?rule (\w+):\n(?:    .*\n)*?(?:    wildcards: \w+=(\w+)\n|    resources)", re.M
)
FAILED = re.compile(r"^Error in rule (\w+):", re.M)
BEFORE = "before the first job"
CANNOT_DISTURB = 99
VICTIMS = {"run": 0.6, "snakemake": 0.2, "job": 0.2}
"""What a kill hits, and how often."""

READ = (
    ("raw/",),
    ("results/subjects/",),
    (
        "results/convert/",
        "results/segment",
        "results/measure/",
        "results/evaluate/",
        "results/image_quality/",
    ),
    ("results/cohort/",),
    ("results/cohort/", "results/agreement/", "results/study/", "results/report/"),
)
"""What the first disturbance of a row makes unreadable, and those after it: in the order of the stages."""


def new_cohort(folder: Path, weights: Path) -> Cohort:
    """Four subjects in two shards, segmented by a tiny network."""
    cohort = Cohort(folder)
    for number in range(1, 5):
        write_patient(cohort.raw, number)
    cohort.configure(models={"sa": [{"name": "tiny", "weights": str(weights)}]}, shard_size=2)
    return cohort


def copy_of(cohort: Cohort, folder: Path) -> Cohort:
    """The same raw files, with their times, and the same configuration."""
    shutil.copytree(cohort.raw, folder / "raw", copy_function=shutil.copy2)
    shutil.copy2(cohort.folder / "config.yaml", folder)
    return Cohort(folder)


def contents(cohort: Cohort) -> dict[str, str]:
    """Digest of every file that has to be the same."""
    return {name: digest for name, digest in cohort.contents().items() if name not in SAYS_WHEN}


def jobs_in(printed: str) -> list[str]:
    """Jobs that a run said it began, in order: ``convert/0000``, ``report``; ``all`` is the run's end."""
    return ["/".join(filter(None, found)) for found in STARTED.findall(printed)]


@dataclass(frozen=True)
class Reference:
    """An undisturbed run.

    Parameters
    ----------
    cohort
        Its folder.
    seconds
        Time from the start to the first job, and of every job, in the order in which they began.
    expected
        Digest of every file that has to be the same.
    size_kb
        Size of the results.
    """

    cohort: Cohort
    seconds: dict[str, float]
    expected: dict[str, str]
    size_kb: int

    @property
    def moments(self) -> list[str]:
        """Where a run may be hit: before its first job, in each of them, and when all are done."""
        return list(self.seconds)


def reference_in(folder: Path) -> Reference:
    """The undisturbed run in `folder`, made unless it is there."""
    cohort, known = Cohort(folder), folder / "reference.json"
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=cohort.checkout, capture_output=True, text=True)
    if not known.exists():
        new_cohort(folder, write_weights(folder.parent / "tiny.safetensors", 1))
        begun = time.monotonic()
        process = cohort.start()
        while process.poll() is None and not jobs_in(cohort.printed.read_text()):
            time.sleep(0.1)
        seconds = {BEFORE: time.monotonic() - begun}
        for job in jobs_in(cohort.finish(process)):
            table = cohort.results / "benchmarks" / f"{job}.tsv"
            seconds[job] = float(table.read_text().split()[10]) if table.exists() else 2.0
        about = {"commit": commit.stdout, "seconds": seconds, "expected": contents(cohort)}
        known.write_text(json.dumps(about))
    about = json.loads(known.read_text())
    if about["commit"] != commit.stdout:
        raise SystemExit(f"{folder}: made by another commit than this checkout's; use another folder")
    size_kb = sum(path.stat().st_size // 1024 + 4 for path in cohort.results.rglob("*"))
    return Reference(cohort, about["seconds"], about["expected"], size_kb)


@dataclass
class Row:
    """Disturbances in a row of one cohort."""

    cohort: Cohort
    reference: Reference
    rng: np.random.Generator
    wanted: Sequence[str]
    """Moments for its kills."""
    place: int = 0
    """How many disturbances it had."""

    def drawn(self, low: float, high: float) -> float:
        """A number that grows with each disturbance of the row, so that later ones come further."""
        step = (high - low) / len(self.wanted)
        return low + step * (self.place + float(self.rng.random()))

    def run(self, before: Sequence[str], command: Sequence[str] = ()) -> dict[str, Any]:
        """Run the workflow to its end behind a command; which job failed first and how it ended."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with self.cohort.printed.open("w") as printed:
            quiet = {"stdout": printed, "stderr": subprocess.STDOUT, "env": environment, "check": False}
            command = command or self.cohort.command()
            code = subprocess.run([*before, *command], cwd=self.cohort.checkout, **quiet).returncode
        if code == CANNOT_DISTURB:
            raise OSError(f"{self.cohort.folder}: this machine does not let the run be disturbed so")
        said = self.cohort.printed.read_text()
        failed = FAILED.findall(said)
        at = failed[0] if failed else (jobs_in(said) or [BEFORE])[-1]
        return {"counts": code != 0, "at": at, "failed": sorted(set(failed))}


def kill(row: Row) -> dict[str, Any]:
    """Kill at a random moment of the wanted job, or of the time before the first."""
    wanted = row.wanted[row.place]
    process = row.cohort.start()
    while process.poll() is None and wanted not in (BEFORE, *jobs_in(row.cohort.printed.read_text())):
        time.sleep(0.05)
    time.sleep(float(row.rng.random()) * row.reference.seconds[wanted])
    if process.poll() is not None:
        return {"counts": False, "at": "after its end", "wanted": wanted}
    began = jobs_in(row.cohort.printed.read_text())
    victim = str(row.rng.choice(list(VICTIMS), p=list(VICTIMS.values())))
    workers = psutil.Process(process.pid).children(recursive=True)
    if victim == "job" and workers:
        workers[int(row.rng.integers(0, len(workers)))].kill()
        process.wait()
        failed = FAILED.findall(row.cohort.printed.read_text())
        return {
            "counts": process.returncode != 0,
            "at": (began or [BEFORE])[-1],
            "killed": victim,
            "failed": failed,
        }
    if victim == "snakemake":
        process.kill()
    else:
        victim = "run"
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return {"counts": True, "at": (began or [BEFORE])[-1], "killed": victim}


def unreadable(row: Row) -> dict[str, Any]:
    """Let a file fail with EIO in every process, when it is read or opened first; or a rename of any file."""
    rng, folder = row.rng, row.cohort.folder
    how = str(rng.choice(["read,pread64", "openat", "rename,renameat,renameat2"], p=[0.6, 0.2, 0.2]))
    when, file, only = int(rng.integers(1, 4)), "any", []
    if not how.startswith("rename"):
        places = READ[min(row.place, len(READ) - 1)]
        files = [f"results/{name}" for name in row.reference.expected]
        files += [path.relative_to(folder).as_posix() for path in sorted(row.cohort.raw.rglob("*.nii.gz"))]
        files = [name for name in files if name.startswith(places) and not name.endswith((".txt", ".svg"))]
        when, file = 1, files[int(rng.integers(0, len(files)))]
        only = ["-P", str(folder / file), "-P", file]  # As it is opened: the run works in the folder.
    inject = ["-e", f"trace={how}", "-e", f"inject={how}:error=EIO:when={when}"]
    result = row.run(["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", *only, *inject])
    return {**result, "call": how, "file": file}


def little_memory(row: Row) -> dict[str, Any]:
    """Limit the memory of every process."""
    megabytes = round(row.drawn(300, 1600))
    return {**row.run(["prlimit", f"--as={megabytes}000000"]), "megabytes": megabytes}


def small_disk(row: Row) -> dict[str, Any]:
    """Give the results a disk that is too small; what was written is taken over to the real one."""
    row.cohort.results.mkdir(exist_ok=True)
    size = round(row.drawn(0.03, 1.0) * row.reference.size_kb)
    results, kept = shlex.quote(str(row.cohort.results)), shlex.quote(str(row.cohort.folder / "kept"))
    script = f"""
        cp -a {results} {kept} && mount -t tmpfs -o size={size}k tmpfs {results} || exit {CANNOT_DISTURB}
        cp -a {kept}/. {results} || exit {CANNOT_DISTURB}
        {shlex.join(row.cohort.command())}
        code=$?
        rm -rf {kept} && cp -a {results} {kept} && exit $code
    """
    result = row.run([], ["unshare", "--map-root-user", "--mount", "sh", "-c", script])
    shutil.rmtree(row.cohort.results)
    (row.cohort.folder / "kept").rename(row.cohort.results)
    return {**result, "kilobytes": size}


KINDS: dict[str, Callable[[Row], dict[str, Any]]] = {
    "kills": kill,
    "eio": unreadable,
    "memory": little_memory,
    "disk": small_disk,
}


def disturb(kind: str, row: Row) -> dict[str, Any]:
    """Disturb a cohort as often as the row wants, run it to its end, and compare."""
    events = []
    while row.place < len(row.wanted):
        event = KINDS[kind](row)
        events.append(event)
        shutil.rmtree(row.cohort.folder / ".snakemake" / "locks", ignore_errors=True)
        row.place += 1
        if not event["counts"]:
            break  # The run has come to its end, and nothing is left to disturb.
    row.cohort.snakemake("--unlock", check=False)
    printed = row.cohort.snakemake("--rerun-incomplete", check=False)
    found, expected = contents(row.cohort), row.reference.expected
    differs = sorted(name for name in expected.keys() | found if expected.get(name) != found.get(name))
    return {"events": events, "differs": differs, "rerun": printed[-3000:] if differs else ""}


@dataclass
class Series:
    """Every row of a series, as far as it has come."""

    folder: Path
    seed: int
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.path.exists():
            self.rows = [json.loads(line) for line in self.path.read_text().splitlines()]

    @property
    def path(self) -> Path:
        return self.folder / "rows.jsonl"

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Disturbances of a kind that count."""
        rows = [row for row in self.rows if row["kind"] == kind]
        return [event for row in rows for event in row["events"] if event["counts"]]

    def next_row(self, kind: str, length: int, reference: Reference) -> None:
        """Make one row and write it down."""
        number = sum(row["kind"] == kind for row in self.rows)
        rng = np.random.default_rng([self.seed, *kind.encode(), number])
        hit = Counter(event.get("wanted", event["at"]) for event in self.events(kind))
        moments = reference.moments
        least = sorted(moments, key=lambda moment: (hit[moment], rng.random()))[:length]
        wanted = sorted(least, key=moments.index)
        cohort = copy_of(reference.cohort, self.folder / f"{kind}{number}")
        made = {"kind": kind, "row": number, **disturb(kind, Row(cohort, reference, rng, wanted))}
        if not made["differs"]:
            shutil.rmtree(cohort.folder)
        self.rows.append(made)
        with self.path.open("a") as stream:
            stream.write(json.dumps(made) + "\n")

    def summary(self) -> str:
        """Counts of each kind, and where they hit."""
        lines = []
        for kind in KINDS:
            rows = [row for row in self.rows if row["kind"] == kind]
            at = Counter(event["at"].split("/")[0] for event in self.events(kind))
            wrong = sum(bool(row["differs"]) for row in rows)
            places = ", ".join(f"{place} {n}" for place, n in at.most_common())
            lines.append(f"{kind}: {at.total()} in {len(rows)} rows, {wrong} rows differ; hit: {places}")
        return "\n".join(lines)


def main() -> int:
    """Print a line for each row; 1 if any ended in other results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    for kind, count in zip(KINDS, (30, 10, 10, 5), strict=True):
        parser.add_argument(f"--{kind}", type=int, default=count)
    parser.add_argument("--row", type=int, default=5, help="disturbances of one cohort")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    reference = reference_in(folder / "undisturbed")
    print(
        f"undisturbed: {sum(reference.seconds.values()):.0f} s, {len(reference.expected)} files", flush=True
    )
    series = Series(folder, given.seed)
    for kind in KINDS:
        while (missing := getattr(given, kind) - len(series.events(kind))) > 0:
            series.next_row(kind, min(given.row, missing), reference)
            row = series.rows[-1]
            told = [f"{event['at']}{'' if event['counts'] else ' (nothing)'}" for event in row["events"]]
            result = f"differs in {', '.join(row['differs'][:5])}" if row["differs"] else "same results"
            print(f"{kind} {row['row'] + 1}: {', '.join(told)}: {result}", flush=True)
    print(series.summary())
    return min(sum(bool(row["differs"]) for row in series.rows), 1)


if __name__ == "__main__":
    sys.exit(main())
