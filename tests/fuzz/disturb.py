"""Disturb runs of the workflow, run them again, and compare the results with those of an undisturbed run.

    python tests/fuzz/disturb.py [--kills 30] [--eio 10] [--memory 10] [--disk 5] [--seed K]

Kills hit the whole group of processes at a random moment; unreadable files are made by strace, which lets the
first reads of a raw file fail with EIO; memory is limited for each process; the disk is a small tmpfs in a
mount namespace of the run's own. Every file of the results but logs, times and caches is compared, the PDF
included; the checkout must not change meanwhile. Linux, with strace and unshare.
"""

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from support.tiny_cohort import Cohort, write_patient  # noqa: E402
from support.tiny_weights import write_weights  # noqa: E402

SAYS_WHEN = ("run.json", "summary.txt")


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


def _run(cohort: Cohort, before: list[str]) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [*before, *cohort.command()]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, cwd=cohort.checkout, env=environment, check=False, **quiet)


def kill(cohort: Cohort, rng: np.random.Generator, seconds: float) -> None:
    """Kill a run after a random part of the time that it takes."""
    process = cohort.start()
    time.sleep(float(rng.uniform(0.05, 0.95)) * seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(2)  # Workers see that their parent has gone.


def unreadable(cohort: Cohort, rng: np.random.Generator, seconds: float) -> None:
    """Let the first read of a raw file fail in every process."""
    path = rng.choice(sorted(map(str, cohort.raw.rglob("*.nii.gz"))))
    inject = ["-e", "trace=read", "-e", "inject=read:error=EIO:when=1"]
    _run(cohort, ["strace", "-f", "-qq", "-o", "/dev/null", "-P", str(path), *inject])


def little_memory(cohort: Cohort, rng: np.random.Generator, seconds: float) -> None:
    """Limit the memory of every process."""
    _run(cohort, ["prlimit", f"--as={int(rng.integers(400, 4000))}000000"])


def small_disk(cohort: Cohort, rng: np.random.Generator, seconds: float) -> None:
    """Give the results a disk that is too small; what was written is taken over to the real one."""
    cohort.results.mkdir()
    size = int(rng.integers(50, 1500))
    results, kept = shlex.quote(str(cohort.results)), shlex.quote(str(cohort.folder / "kept"))
    mount = f"mount -t tmpfs -o size={size}k tmpfs {results}"
    script = f"{mount} && {{ {shlex.join(cohort.command())}; cp -a {results} {kept}; }}"
    _run(cohort, ["unshare", "--map-root-user", "--mount", "sh", "-c", script])
    cohort.results.rmdir()
    (cohort.folder / "kept").rename(cohort.results)


KINDS: dict[str, Callable[[Cohort, np.random.Generator, float], None]] = {
    "kills": kill,
    "eio": unreadable,
    "memory": little_memory,
    "disk": small_disk,
}


def main() -> int:
    """Print a line for each disturbed run; 1 if any ended in other results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for kind, count in zip(KINDS, (30, 10, 10, 5), strict=True):
        parser.add_argument(f"--{kind}", type=int, default=count)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        weights = write_weights(Path(folder) / "tiny.safetensors", 1)
        undisturbed = new_cohort(Path(folder) / "undisturbed", weights)
        begun = time.monotonic()
        undisturbed.snakemake()
        seconds = time.monotonic() - begun
        expected = contents(undisturbed)
        print(f"undisturbed: {seconds:.0f} s, {len(expected)} files", flush=True)
        for kind, disturb in KINDS.items():
            for number in range(getattr(given, kind)):
                cohort = copy_of(undisturbed, Path(folder) / f"{kind}{number}")
                disturb(cohort, rng, seconds)
                done = len(contents(cohort)) if cohort.results.exists() else 0
                cohort.snakemake("--unlock", check=False)
                cohort.snakemake("--rerun-incomplete")
                found = contents(cohort)
                differs = sorted(n for n in expected.keys() | found if expected.get(n) != found.get(n))
                wrong += bool(differs)
                result = f"differs in {', '.join(differs[:5])}" if differs else "same results after a rerun"
                print(f"{kind} {number + 1}: {done} files before; {result}", flush=True)
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
