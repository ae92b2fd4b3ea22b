"""Cost of the workflow itself, subjects an hour by stage, and what a cohort of 100,000 takes.

    python benchmarks/scale.py [--only noop|changed|overhead|gather|throughput|report ...] [--write]

noop        `snakemake` on 5,000 and on 100,000 subjects that are all finished. The raw files are empty
            archives with UK Biobank's names, every table of every stage is there, the store is not (a run
            with nothing to do never looks into it).
changed     5,000 finished subjects, one raw folder replaced: the whole run to the report, against the same
            run on a cohort of that one subject, which is its own work. All subjects are copies of one small
            patient with measures of their own; the store holds the subjects of the one shard that is looked
            into, and the shard tables of the others are there.
overhead    200 finished subjects whose shard tables are gone, so that every job runs and finds nothing to do:
            shards of 100 against one job per subject and stage, side by side, in the conversion (2 jobs
            against 200; all stages' jobs are made alike).
gather      The cohort's tables from 400 shards of 250 subjects (100,000), where everybody has human contours
            to compare with, and where one in twenty has, as in UK Biobank.
throughput  Phantoms with UK Biobank's 50 frames, one shard, stage after stage; then the same shard again with
            nothing to do, which is what the jobs themselves cost. The difference is the subjects' own.
report      Agreement of every measure, a matched study and the report with all figures, from the made-up
            tables of 5,000 subjects with contours by two observers.

Processor seconds stand beside the clock's, since other work on the machine disturbs them less.
``--write`` puts the results into ``scale.json``, where those of parts that were not run stay, and all that is
there into ``scale.md``.
"""

import argparse
import csv
import json
import os
import platform
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from cinecohort.cohort.contents import content_digest
from cinecohort.cohort.index import (
    index_path,
    indexed_subjects,
    note_converted,
    open_dataset,
    shards,
)
from cinecohort.cohort.refresh import refresh_index
from cinecohort.cohort.settings import COHORT_TABLES, settings_for
from cinecohort.cohort.versions import STAGES, VERSIONS
from cinecohort.config import Config, load_config
from cinecohort.files import write_json, write_text
from cinecohort.ledger.rows import cell
from cinecohort.store import Record, fingerprint, read_record, save_record
from support.fake_cohort import FakeCohort
from support.tiny_cohort import Cohort, write_patient

PROTOTYPE = "patient001"
MODELS = {"sa": [{"name": "unet_slim_sa"}]}
COST = ("seconds", "processor s", "peak MB")
GATHER = """
import resource, sys
from pathlib import Path
from cinecohort.cohort.gather import gather_results
from cinecohort.cohort.index import shards
results = Path(sys.argv[1])
gather_results(Path(sys.argv[2]).read_text(), shards(results), results)
"""
ANALYSIS = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from support.fake_analyses import add_agreement, add_study
folder = Path(sys.argv[2])
exec(sys.argv[3])
"""

Cost = dict[str, float]


def timed(command: list[str], environment: dict[str, str], folder: Path) -> tuple[Cost, str]:
    """Seconds, processor seconds and peak MB of the largest process of a command; what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    # A process of its own, so that the peak is that of this command and its children alone.
    watched = [sys.executable, "-c", WATCH, *command]
    done = subprocess.run(
        watched, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True
    )
    seconds = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    printed = done.stdout + done.stderr
    if done.returncode:
        raise RuntimeError(printed[-5000:])
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = float(printed.rsplit("PEAK_KB ", 1)[1].split()[0]) / 1024
    return {"seconds": seconds, "processor s": processor, "peak MB": peak}, printed


WATCH = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print("PEAK_KB", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, flush=True)
sys.exit(done.returncode)
"""


def run(cohort: Cohort, *arguments: str) -> tuple[Cost, str]:
    """Cost of a run of Snakemake on a cohort, and what it printed."""
    command = cohort.command("--scheduler", "greedy", *arguments)
    return timed(command, {"OMP_NUM_THREADS": "1", **cohort.environment}, cohort.checkout)


def index_of(cohort: Cohort) -> Config:
    """Write the index of a cohort, as if all of it had been converted; returns its configuration."""
    os.chdir(cohort.folder)
    config = load_config(cohort.folder / "config.yaml")
    refresh_index(config)
    for shard in shards(cohort.results):
        note_converted(cohort.results, shard, index_path(cohort.results, shard).read_text())
    return config


def touch_cohort_files(cohort: Cohort) -> None:
    """Put the files there that follow the shard tables, newer than those."""
    time.sleep(1.1)
    (cohort.results / "cohort").mkdir()
    for name in COHORT_TABLES:
        (cohort.results / "cohort" / f"{name}.tsv").touch()
    (cohort.results / "agreement").mkdir()
    for name in ("run.json", "report.pdf"):
        (cohort.results / name).touch()


def no_operation(folder: Path, n_subjects: int) -> dict[str, Any]:
    """Cost of a run with nothing to do over `n_subjects` empty archives."""
    cohort = Cohort(folder)
    cohort.raw.mkdir(parents=True)
    for number in range(n_subjects):
        for field in ("20208", "20209"):
            (cohort.raw / f"SYN{number:06d}_{field}_2_0.zip").touch()
    datasets = {"ukbiobank": {"source": "ukbiobank", "path": "raw"}}
    cohort.configure(datasets=datasets, studies={}, shard_size=250 if n_subjects > 20_000 else 100)
    index_of(cohort)
    time.sleep(1.1)
    names = shards(cohort.results)
    for stage in STAGES:
        (cohort.results / stage).mkdir()
        for shard in names:
            for suffix in (".tsv", ".findings.tsv"):
                (cohort.results / stage / f"{shard}{suffix}").touch()
    touch_cohort_files(cohort)
    cost, printed = run(cohort)
    if "Nothing to be done" not in printed or "0 new, 0 changed, 0 gone" not in printed:
        raise RuntimeError(printed[-3000:])
    return {"subjects": n_subjects, "shards": len(names), **cost}


def prototype_cohort(folder: Path) -> Cohort:
    """One small patient, run to the end with the shipped network, if it is not there yet."""
    cohort = Cohort(folder)
    if (cohort.results / "report.pdf").is_file():
        return cohort
    write_patient(cohort.raw, 1)
    cohort.configure(studies={}, models=MODELS)
    cohort.snakemake()
    return cohort


def copy_raw(prototype: Cohort, cohort: Cohort, n_subjects: int) -> None:
    """Raw folders of `n_subjects` copies of the prototype."""
    for number in range(1, n_subjects + 1):
        name = PROTOTYPE if number == 1 else f"patient{number:05d}"
        shutil.copytree(prototype.raw / PROTOTYPE, cohort.raw / name, copy_function=os.link)


def copy_store(prototype: Cohort, cohort: Cohort, config: Config, subjects: set[str]) -> None:
    """Store of `subjects`: the prototype's, with the fingerprint of their own raw files.

    A record depends on the names of the raw files through the conversion's fingerprint alone.
    """
    options = config.datasets["tiny"]
    record = read_record(prototype.results / "subjects" / PROTOTYPE, "convert")
    if record is None:
        raise RuntimeError("the prototype was not converted")
    parameters = config.model_dump(mode="json")["conversion"]
    for raw in open_dataset(options).subjects():
        if raw.key in subjects:
            home = cohort.results / "subjects" / raw.key
            shutil.copytree(prototype.results / "subjects" / PROTOTYPE, home)
            content = content_digest(raw, options.path, cohort.results / "cache" / "raw" / f"{raw.key}.json")
            inputs = {"raw": content, "source": json.dumps([options.source, options.settings])}
            print_of_copy = fingerprint("convert", VERSIONS["convert"], parameters, inputs)
            if raw.key == PROTOTYPE and print_of_copy != record.fingerprint:
                raise RuntimeError("the prototype's fingerprint was not reproduced: correct this benchmark")
            save_record(home, Record.from_dict({**record.to_dict(), "fingerprint": print_of_copy}))


def copy_tables(prototype: Cohort, cohort: Cohort, annotated_one_in: int = 1) -> None:
    """Shard tables of everybody: the prototype's rows under the subject's name, with own measures.

    Only one subject in `annotated_one_in` has rows of human contours.
    """
    dice = random.Random(1)
    for stage in STAGES:
        for suffix in (".tsv", ".findings.tsv"):
            source = prototype.results / stage / f"0000{suffix}"
            with source.open(newline="", encoding="utf-8") as stream:
                header, *rows = csv.reader(stream, delimiter="\t")
            varied = [name.endswith(("_ml", "_g", "_pct", "_mm")) and stage == "measure" for name in header]
            (cohort.results / stage).mkdir(exist_ok=True)
            for shard in shards(cohort.results):
                path = cohort.results / stage / f"{shard}{suffix}"
                with path.open("w", newline="", encoding="utf-8") as stream:
                    writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
                    writer.writerow(header)
                    for place, subject in enumerate(indexed_subjects(index_path(cohort.results, shard))):
                        size = dice.gauss(1.0, 0.15)
                        own = rows if place % annotated_one_in == 0 else without_contours(header, rows)
                        writer.writerows(copied_row(row, subject.subject, size, varied, dice) for row in own)


def without_contours(header: list[str], rows: list[list[str]]) -> list[list[str]]:
    """Rows of a shard table that a subject has whom nobody contoured."""
    if "reference" in header:
        compared = header.index("n_comparisons")
        return [[*row[:compared], "0", *[""] * (len(header) - compared - 1)] for row in rows[:1]]
    if "frames" in header and "kind" in header:
        kind, frames = header.index("kind"), header.index("frames")
        return [row for row in rows if (row[kind], row[frames]) == ("auto", "own")]
    return rows


def copied_row(
    row: list[str], subject: str, size: float, varied: list[bool], dice: random.Random
) -> list[str]:
    """One row of the prototype as `subject`'s, whose heart is `size` times as large."""
    cells = [value.replace(PROTOTYPE, subject) for value in row]
    return [
        cell(float(value) * size * dice.gauss(1.0, 0.03)) if vary and value else value
        for value, vary in zip(cells, varied, strict=True)
    ]


def finished_cohort(folder: Path, prototype: Cohort, n_subjects: int, shard_size: int = 100) -> Cohort:
    """A cohort that is finished, but for the store of all shards except the prototype's."""
    cohort = Cohort(folder)
    copy_raw(prototype, cohort, n_subjects)
    cohort.configure(studies={}, models=MODELS, shard_size=shard_size)
    config = index_of(cohort)
    time.sleep(1.1)
    members = [
        {subject.subject for subject in indexed_subjects(index_path(cohort.results, shard))}
        for shard in shards(cohort.results)
    ]
    copy_store(prototype, cohort, config, next(group for group in members if PROTOTYPE in group))
    copy_tables(prototype, cohort)
    touch_cohort_files(cohort)
    return cohort


def one_changed(folder: Path) -> list[dict[str, Any]]:
    """Cost of a run in which one subject of 5,000 changed, and of one in a cohort of that subject alone."""
    rows = []
    prototype = prototype_cohort(folder.parent / "prototype")
    for n_subjects in (1, 5000):
        cohort = finished_cohort(folder / str(n_subjects), prototype, n_subjects)
        if "Nothing to be done" not in run(cohort)[1]:
            raise RuntimeError("the cohort is not finished: correct this benchmark")
        shutil.rmtree(cohort.raw / PROTOTYPE)
        write_patient(cohort.raw, 1, scale=1.1)
        cost, printed = run(cohort)
        if f"1 changed ({PROTOTYPE}" not in printed and n_subjects > 1:
            raise RuntimeError(printed[-3000:])
        summary = (cohort.results / "summary.txt").read_text()
        print(summary)
        rows.append({"subjects": n_subjects, **cost})
    return rows


def overhead(folder: Path) -> list[dict[str, Any]]:
    """Cost of the same 200 finished subjects in shards of 100 and with one job per subject and stage."""
    n_subjects = 200
    rows = []
    prototype = prototype_cohort(folder.parent / "prototype")
    for name, shard_size in (("shards of 100", 100), ("one job per subject and stage", 1)):
        cohort = Cohort(folder / str(shard_size))
        copy_raw(prototype, cohort, n_subjects)
        cohort.configure(studies={}, models=MODELS, shard_size=shard_size)
        if shard_size == 1:
            # So many shards that no two subjects share one.
            write_json(cohort.results / "index" / "shards.json", {"n_shards": 10_000_000, "shard_size": 1})
        config = index_of(cohort)
        members = {row.key for row in open_dataset(config.datasets["tiny"]).subjects()}
        copy_store(prototype, cohort, config, members)
        names = shards(cohort.results)
        kept = cohort.contents("subjects")
        stages = STAGES[:1]
        cost, printed = run(cohort, *(f"results/{stage}/{n}.tsv" for stage in stages for n in names))
        if cohort.contents("subjects") != kept:
            raise RuntimeError("the jobs found something to do: correct this benchmark")
        jobs = printed.count("rule convert:\n")
        each = cost["processor s"] / n_subjects / len(stages)
        rows.append({"design": name, "jobs": jobs, **cost, "processor s per subject and stage": each})
    return rows


def gathering(folder: Path) -> list[dict[str, Any]]:
    """Cost of gathering the tables of 100,000 subjects."""
    prototype = prototype_cohort(folder.parent / "prototype")
    cohort = Cohort(folder / "cohort")
    cohort.raw.mkdir(parents=True)
    n_subjects = 100_000
    cohort.configure(studies={}, models=MODELS, shard_size=250)
    columns = "subject\tdataset\tid\tparticipant\tvisit\tpaths\tn_files\tn_bytes\traw\n"
    for shard in range(400):
        keys = [f"patient{number:06d}" for number in range(shard, n_subjects, 400)]
        rows = "".join(f"{key}\ttiny\t{key}\t{key}\t\t{key}\t5\t1000\tx\n" for key in keys)
        write_text(index_path(cohort.results, f"{shard:04d}"), columns + rows)
    os.chdir(cohort.folder)
    settings = cohort.folder / "settings.json"
    settings.write_text(settings_for("gather", load_config(cohort.folder / "config.yaml")))
    command = [sys.executable, "-c", GATHER, str(cohort.results), str(settings)]
    results = []
    for annotated_one_in in (20, 1):
        copy_tables(prototype, cohort, annotated_one_in)
        cost, _ = timed(command, {"OMP_NUM_THREADS": "1"}, cohort.folder)
        sizes = {name: rows_of(cohort.results / "cohort" / f"{name}.tsv") for name in ("measures", "overlap")}
        results.append(
            {
                "subjects": n_subjects,
                "with contours": n_subjects // annotated_one_in,
                **{f"rows of {name}": rows for name, rows in sizes.items()},
                **cost,
            }
        )
    return results


def rows_of(path: Path) -> int:
    """Rows of a table, without its header."""
    with path.open() as stream:
        return sum(1 for _ in stream) - 1


def throughput(folder: Path, n_subjects: int) -> list[dict[str, Any]]:
    """Processor seconds by stage of phantoms as large as UK Biobank's subjects, and of jobs without work."""
    from cinecohort.phantom.cohort import write_cohort
    from cinecohort.phantom.options import PhantomOptions

    write_cohort(
        folder / "data", PhantomOptions(subjects=n_subjects, frames=50, seed=1, jobs=2, faults=False)
    )
    cohort = Cohort(folder)
    datasets = {
        "phantom": {
            "source": "ukbiobank",
            "path": "data/bulk",
            "annotations": "data/annotations",
            "participants": "data/participants.tsv",
        }
    }
    cohort.configure(datasets=datasets, studies={}, models=MODELS, synthetic=True, shard_size=n_subjects)
    rows = []
    for stage in STAGES:
        tables = [cohort.results / stage / f"0000{suffix}" for suffix in (".tsv", ".findings.tsv")]
        work, _ = run(cohort, f"results/{stage}/0000.tsv")
        for table in tables:
            table.unlink()
        idle, _ = run(cohort, f"results/{stage}/0000.tsv")
        rows.append(
            {
                "stage": stage,
                "subjects": n_subjects,
                "work": work,
                "idle": idle,
                "processor s per subject": (work["processor s"] - idle["processor s"]) / n_subjects,
                "peak MB": work["peak MB"],
            }
        )
    return rows


def reporting(folder: Path) -> list[dict[str, Any]]:
    """Cost of agreement, study and report of 5,000 made-up subjects, and the size of the PDF."""
    made = FakeCohort(folder, n=5_000, n_excluded=200, observers=("O1", "O2")).write()
    analysis = [sys.executable, "-c", ANALYSIS, str(ROOT / "tests"), str(made)]
    commands = {
        "agreement of every measure": [*analysis, "add_agreement(folder, every_measure=True)"],
        "matched study": [*analysis, "add_study(folder)"],
        "report": [sys.executable, "-m", "cinecohort.cli", "report", str(made)],
    }
    rows = [{"what": what, **timed(command, {}, ROOT)[0]} for what, command in commands.items()]
    return [{**row, "PDF MB": (made / "report.pdf").stat().st_size / 1e6} for row in rows]


OTHER_PARTS = {"changed": one_changed, "overhead": overhead, "gather": gathering, "report": reporting}


def main() -> None:
    """Run the benchmarks and print, or write, their tables."""
    import scale_tables

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = ("noop", "changed", "overhead", "gather", "throughput", "report")
    parser.add_argument("--only", choices=parts, nargs="+", default=parts)
    parser.add_argument("--subjects", type=int, default=8, help="phantoms of the throughput (8)")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    kept = Path(__file__).with_suffix(".json")
    with tempfile.TemporaryDirectory() as home:
        for part in arguments.only:
            folder = Path(home) / part
            load = os.getloadavg()[0]
            if part == "noop":
                made: Any = [no_operation(folder / f"noop{n}", n) for n in (5_000, 100_000)]
            elif part == "throughput":
                made = throughput(folder, arguments.subjects)
            else:
                made = OTHER_PARTS[part](folder)
            os.chdir(ROOT)
            about = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
            measured = {
                "rows": made,
                "machine": about,
                "load": [round(load, 1), round(os.getloadavg()[0], 1)],
            }
            print(json.dumps(measured, indent=1), flush=True)
            if arguments.write:
                results = {**(json.loads(kept.read_text()) if kept.is_file() else {}), part: measured}
                kept.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
                Path(__file__).with_suffix(".md").write_text(scale_tables.page(results))


if __name__ == "__main__":
    main()
