"""Speed of conversion against dcm2niix: ten UK Biobank-like subjects, zip to compressed NIfTI.

    python benchmarks/conversion.py [--subjects 10] [--repeats 3] [--write]

Each subject is one archive of 10 slices x 50 frames of 208 x 162 pixels, one series per slice (made here;
noise gives it the compressed size of real ones). Ours is ``cinecohort convert`` on the folder of archives,
start-up included: one 4D image, its sidecar, its record, checked after writing. The other is ``unzip``
followed by ``dcm2niix -z y`` into ten 3D+t files, subject after subject. Runs alternate; the fastest of
each is reported, wall-clock and processor time (which other work on the machine disturbs less). The
compiled dcm2niix is started directly, without the Python script of its package. ``--write`` puts the table
into ``conversion.md``.
"""

import argparse
import io
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import dcm2niix
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support import synthetic_dicom as synthetic

SLICES, FRAMES, ROWS, COLUMNS = 10, 50, 208, 162
PRIVATE_BYTES = 6000


@dataclass
class Timing:
    """Wall-clock and processor seconds of a subject, and the largest memory of a process in MB."""

    wall_s: float
    cpu_s: float
    memory_mb: float


def write_archive(path: Path) -> None:
    """One subject's archive, as UK Biobank packs it."""
    generator = np.random.default_rng(1)
    rows, columns = np.indices((ROWS, COLUMNS))
    smooth = 400 + 300 * np.sin(rows / 17) * np.cos(columns / 23)
    images = synthetic.stack(SLICES, FRAMES, shape=(ROWS, COLUMNS))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for image in images:
            values = smooth + generator.normal(0, 12, smooth.shape)
            synthetic.put_pixels(image, np.clip(values, 0, 4095).astype(np.uint16))
            block = image.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
            block.add_new(0x10, "OB", generator.bytes(PRIVATE_BYTES))
            archive.writestr(f"{image.SOPInstanceUID}.dcm", synthetic.to_bytes(image))


def timed(work: Callable[[], None], subjects: int) -> Timing:
    """Run `work` and give the cost of a subject; memory is that of the largest child so far."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    work()
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Timing(wall / subjects, cpu / subjects, after.ru_maxrss / 1024)


def ours(archives: Path, out: Path) -> None:
    command = [sys.executable, "-m", "cinecohort.cli", "convert", archives, out]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def theirs(archives: Path, out: Path) -> None:
    for archive in sorted(archives.glob("*.zip")):
        unpacked, results = out / "unpacked" / archive.stem, out / archive.stem
        results.mkdir(parents=True)
        unpacked.mkdir(parents=True)
        subprocess.run(["unzip", "-q", archive, "-d", unpacked], check=True)
        command = [dcm2niix.bin, "-z", "y", "-b", "y", "-f", "%s", "-o", results, unpacked]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(unpacked)


def _convert(archives: str, key: str, out: str) -> str:
    from cinecohort.conversion.options import ConversionOptions
    from cinecohort.sources.base import open_source

    source = open_source("ukbiobank", Path(archives))
    return str(source.convert(source.subject(key), Path(out) / key, ConversionOptions()).status)


def shard_rate(archives: Path, out: Path, workers: int) -> float:
    """Subjects a second of a pool of worker processes that has already started."""
    keys = [path.name.replace("_20209", "").removesuffix("_0.zip") for path in sorted(archives.glob("*.zip"))]
    with ProcessPoolExecutor(workers) as pool:
        warm = [pool.submit(_convert, str(archives), keys[0], str(out)) for _ in range(workers)]
        assert all(future.result() == "ok" for future in warm)
        start = time.perf_counter()
        futures = [pool.submit(_convert, str(archives), key, str(out)) for key in keys]
        assert all(future.result() == "ok" for future in futures)
        return len(keys) / (time.perf_counter() - start)


def in_fresh_folder(work: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        work(Path(folder))


def measure(subjects: int, repeats: int) -> tuple[dict[str, Timing], dict[int, float], float]:
    """Alternate the two converters, and keep the fastest run of each."""
    runs: dict[str, list[Timing]] = {"ours": [], "dcm2niix": []}
    rates: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        archives = Path(folder)
        first = archives / "SYN0001_20209_2_0.zip"
        write_archive(first)
        for number in range(2, subjects + 1):
            shutil.copy(first, archives / f"SYN{number:04d}_20209_2_0.zip")
        for _ in range(repeats):
            runs["ours"].append(timed(lambda: in_fresh_folder(lambda out: ours(archives, out)), subjects))
            runs["dcm2niix"].append(
                timed(lambda: in_fresh_folder(lambda out: theirs(archives, out)), subjects)
            )
            for workers, of_workers in rates.items():
                with tempfile.TemporaryDirectory() as out:
                    of_workers.append(shard_rate(archives, Path(out), workers))
        megabytes = first.stat().st_size / 1e6
    memory = runs["ours"][0].memory_mb
    best = {name: Timing(*_fastest(timings), memory) for name, timings in runs.items()}
    return best, {workers: max(values) for workers, values in rates.items()}, megabytes


def _fastest(timings: list[Timing]) -> tuple[float, float]:
    return min(t.wall_s for t in timings), min(t.cpu_s for t in timings)


def report(subjects: int, repeats: int) -> str:
    best, rates, megabytes = measure(subjects, repeats)
    ours_, theirs_ = best["ours"], best["dcm2niix"]
    out = io.StringIO()
    print("# Conversion: zip to `.nii.gz`\n", file=out)
    print(
        f"{subjects} subjects of {SLICES} slices x {FRAMES} frames of {ROWS} x {COLUMNS} pixels, one series a"
        f" slice, one archive of {megabytes:.0f} MB each; seconds per subject, start-up included; fastest of"
        f" {repeats} alternating runs. {platform.system()}, {platform.machine()}, {os.cpu_count()} processor"
        f" cores, Python {platform.python_version()}. Made by `python benchmarks/conversion.py --write`.\n",
        file=out,
    )
    print("| | wall-clock s | processor s |\n|---|---|---|", file=out)
    print(
        f"| CineCohort: one 4D image, sidecar, checked | {ours_.wall_s:.2f} | {ours_.cpu_s:.2f} |", file=out
    )
    print(f"| unzip + dcm2niix: ten files to stack | {theirs_.wall_s:.2f} | {theirs_.cpu_s:.2f} |", file=out)
    wall, cpu = ours_.wall_s / theirs_.wall_s, ours_.cpu_s / theirs_.cpu_s
    print(f"| ratio | {wall:.2f} | {cpu:.2f} |\n", file=out)
    print(f"Largest memory of our process: {ours_.memory_mb:.0f} MB.", file=out)
    print(
        f"Worker processes of a shard: one {rates[1]:.2f}, two {rates[2]:.2f} subjects per second"
        f" ({rates[2] / rates[1]:.2f} times).",
        file=out,
    )
    print(
        f"Load average of the machine in the last five minutes: {os.getloadavg()[1]:.1f} (wall-clock figures"
        " and the gain of a second worker mean something only where it is near that of this benchmark"
        " alone).",
        file=out,
    )
    return out.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--subjects", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    text = report(arguments.subjects, arguments.repeats)
    print(text)
    if arguments.write:
        (Path(__file__).parent / "conversion.md").write_text(text)


if __name__ == "__main__":
    main()
