"""Cost of the workflow itself: runs with nothing to do, one subject changed, shards against single subjects.

    python benchmarks/scale.py [--only noop|changed|overhead] [--write]

noop      `snakemake` on 5,000 and on 100,000 subjects that are all finished. The raw files are empty archives
          with UK Biobank's names, every table of every stage is there, the store is not (a run with nothing
          to do never looks into it).
changed   5,000 finished subjects with a real store, one raw folder replaced: the whole run, against the same
          run on a cohort of one shard, which is the subject's own work.
overhead  200 finished subjects whose shard tables are gone, so that every job runs and finds nothing to do:
          shards of 100 against one job a subject and stage (1,200 jobs), side by side.

Processor seconds stand beside the clock's, since other work on the machine disturbs them less.
``--write`` puts the tables into ``scale.md``.
"""

import argparse
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from cinecohort.cohort.contents import content_digest
from cinecohort.cohort.index import open_dataset, refresh_index, shards
from cinecohort.cohort.settings import COHORT_TABLES, STAGES, VERSIONS
from cinecohort.cohort.store import Record, fingerprint, read_record, record_path
from cinecohort.config import load_config
from cinecohort.files import read_json, write_json
from support.tiny_cohort import Cohort, write_patient

PROTOTYPE = "patient001"
COST = ("seconds", "processor s", "peak MB")


def timed(cohort: Cohort, *arguments: str) -> tuple[list[str], str]:
    """Cells of seconds, processor seconds and peak MB of the largest process; what Snakemake printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    printed = cohort.snakemake("--scheduler", "greedy", *arguments)
    seconds = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [f"{seconds:.1f}", f"{processor:.1f}", f"{after.ru_maxrss / 1024:.0f}"], printed


def no_operation(folder: Path, n_subjects: int) -> list[str]:
    """Time a run with nothing to do over `n_subjects` empty archives."""
    cohort = Cohort(folder)
    cohort.raw.mkdir(parents=True)
    for number in range(n_subjects):
        for field in ("20208", "20209"):
            (cohort.raw / f"SYN{number:06d}_{field}_2_0.zip").touch()
    datasets = {"ukbiobank": {"source": "ukbiobank", "path": "raw"}}
    cohort.configure(datasets=datasets, studies={}, shard_size=250 if n_subjects > 20_000 else 100)
    os.chdir(folder)
    refresh_index(load_config(folder / "config.yaml"), Path("results"))
    time.sleep(1.1)
    results = cohort.results
    for stage in STAGES:
        (results / stage).mkdir()
        for shard in shards(results):
            for suffix in (".tsv", ".findings.tsv"):
                (results / stage / f"{shard}{suffix}").touch()
    (results / "cohort").mkdir()
    for name in COHORT_TABLES:
        (results / "cohort" / f"{name}.tsv").touch()
    (results / "agreement").mkdir()
    for name in ("run.json", "report.pdf"):
        (results / name).touch()
    cells, printed = timed(cohort)
    if "Nothing to be done" not in printed:
        raise RuntimeError(printed[-3000:])
    return [f"{n_subjects:,}", f"{len(shards(results)):,}", *cells]


def finished_cohort(folder: Path, n_subjects: int, shard_size: int) -> Cohort:
    """A finished cohort of copies of one patient, whose records are those of the real one.

    A record depends on the names of the raw files through the conversion's fingerprint alone.
    """
    cohort = Cohort(folder)
    write_patient(cohort.raw, 1)
    cohort.configure(shard_size=shard_size, studies={})
    cohort.snakemake()
    for number in range(2, n_subjects + 1):
        name = f"patient{number:05d}"
        shutil.copytree(cohort.raw / PROTOTYPE, cohort.raw / name, copy_function=os.link)
        shutil.copytree(cohort.results / "subjects" / PROTOTYPE, cohort.results / "subjects" / name)
    os.chdir(folder)
    config = load_config(folder / "config.yaml")
    options = config.datasets["tiny"]
    source = open_dataset(options)
    prototype = read_record(cohort.results / "subjects" / PROTOTYPE, "convert")
    if prototype is None:
        raise RuntimeError("the prototype was not converted")
    parameters = config.model_dump(mode="json")["conversion"]
    for raw in source.subjects():
        home = cohort.results / "subjects" / raw.key
        content = content_digest(raw, options.path, cohort.results / "cache" / "raw" / f"{raw.key}.json")
        inputs = {"raw": content, "source": '["acdc", {}]'}
        record = prototype.to_dict()
        record["fingerprint"] = fingerprint("convert", VERSIONS["convert"], parameters, inputs)
        write_json(record_path(home, "convert"), Record.from_dict(record).to_dict())
    if read_json(record_path(cohort.results / "subjects" / PROTOTYPE, "convert")) != prototype.to_dict():
        raise RuntimeError("the prototype's fingerprint was not reproduced: this benchmark is out of date")
    for stale in ("index", *STAGES):
        shutil.rmtree(cohort.results / stale)
    shutil.rmtree(cohort.folder / ".snakemake")
    return cohort


def one_changed(folder: Path) -> list[list[str]]:
    """Time a run in which one subject of 5,000 changed, and one in a cohort of a single shard."""
    rows = []
    for n_subjects in (100, 5000):
        cohort = finished_cohort(folder / str(n_subjects), n_subjects, shard_size=100)
        cohort.snakemake("--scheduler", "greedy")
        shutil.rmtree(cohort.raw / PROTOTYPE)
        write_patient(cohort.raw, 1, scale=1.1)
        cells, printed = timed(cohort)
        if f"1 changed ({PROTOTYPE})" not in printed:
            raise RuntimeError(printed[-3000:])
        rows.append([f"{n_subjects:,}", *cells])
    return rows


def overhead(folder: Path) -> list[list[str]]:
    """Time the same 200 finished subjects in shards of 100 and with one job a subject and stage."""
    n_subjects = 200
    rows = []
    for name, shard_size in (("shards of 100", 100), ("one job a subject and stage", 1)):
        cohort = finished_cohort(folder / str(shard_size), n_subjects, shard_size)
        if shard_size == 1:
            # So many shards that no two subjects share one.
            write_json(cohort.results / "index" / "shards.json", {"n_shards": 10_000_000, "shard_size": 1})
        cells, printed = timed(cohort, "phenotypes")
        rows.append(
            [name, f"{printed.count('Finished jobid'):,}", *cells, f"{float(cells[1]) / n_subjects:.3f}"]
        )
    return rows


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """Rows as a Markdown table."""
    lines = [f"| {' | '.join(cells)} |" for cells in (header, *rows)]
    return [lines[0], "|" + "---|" * len(header), *lines[1:], ""]


def main() -> None:
    """Run the benchmarks and print, or write, their tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("noop", "changed", "overhead"))
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = ["# Scale", "", f"`python benchmarks/scale.py` on {machine}.", ""]
    with tempfile.TemporaryDirectory() as home:
        if arguments.only in (None, "noop"):
            rows = [no_operation(Path(home) / f"noop{n}", n) for n in (5_000, 100_000)]
            lines += ["## Nothing to do", "", *table(["subjects", "shards", *COST], rows)]
        if arguments.only in (None, "changed"):
            rows = one_changed(Path(home) / "changed")
            lines += ["## One subject changed", "", *table(["subjects", *COST], rows)]
        if arguments.only in (None, "overhead"):
            rows = overhead(Path(home) / "overhead")
            header = ["design", "jobs", *COST, "processor s a subject"]
            lines += ["## Overhead of jobs that find nothing to do", "", *table(header, rows)]
    text = "\n".join(lines).rstrip() + "\n"
    print(text)
    if arguments.write:
        Path(__file__).with_suffix(".md").write_text(text)


if __name__ == "__main__":
    main()
