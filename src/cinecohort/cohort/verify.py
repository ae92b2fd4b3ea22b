"""Checks the store: every file against the size and digest in its record."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cinecohort.cohort.index import read_index, shards
from cinecohort.cohort.versions import STAGES
from cinecohort.files import read_json
from cinecohort.ledger.rows import read_rows
from cinecohort.store import abandoned_files, damaged_outputs, read_record, record_path


@dataclass(frozen=True)
class Damage:
    """One file that is not what its record says.

    Parameters
    ----------
    subject, shard
        Whose file it is, and the subject's shard.
    stage
        The stage that made it.
    file
        Its name in the subject's folder.
    what
        ``deleted``, ``truncated``, ``edited``, or (a record only) ``unreadable``.
    """

    subject: str
    shard: str
    stage: str
    file: str
    what: str


@dataclass(frozen=True)
class Verification:
    """What a check of the store found.

    Parameters
    ----------
    n_subjects, n_files
        What was checked.
    damages
        Files that are not what their records say.
    unindexed
        Subjects with a folder in the store who are not in the index.
    abandoned
        Temporary files of jobs that were killed.
    """

    n_subjects: int
    n_files: int
    damages: tuple[Damage, ...]
    unindexed: tuple[str, ...]
    abandoned: tuple[Path, ...]


def verify(results: Path) -> Verification:
    """Check every file that a record of an indexed subject names.

    Parameters
    ----------
    results
        The results folder.
    """
    store = results / "subjects"
    damages: list[Damage] = []
    indexed = {row["subject"]: shard for shard in shards(results) for row in read_index(results, shard)}
    n_files = 0
    recorded = subjects_with_records(results)
    for subject, shard in tqdm(indexed.items(), "verified", unit=" subjects", disable=None):
        folder = store / subject
        for stage in STAGES:
            record = read_record(folder, stage)
            if record is None:
                path = record_path(folder, stage)
                if path.exists() or subject in recorded[stage]:
                    what = damage_of_record(path) if path.exists() else "deleted"
                    damages.append(Damage(subject, shard, stage, path.name, what))
                continue
            n_files += len(record.outputs)
            for name, what in damaged_outputs(folder, record).items():
                damages.append(Damage(subject, shard, stage, name, what))
    unindexed = {path.name for path in store.iterdir() if path.is_dir()} - set(indexed)
    abandoned = [path for folder in sorted(store.iterdir()) for path in abandoned_files(folder)]
    return Verification(
        len(indexed), n_files, tuple(damages), tuple(sorted(unindexed)), abandoned=tuple(abandoned)
    )


def damage_of_record(path: Path) -> str:
    """Whether a record that does not hold is still JSON (``edited``) or not even that (``unreadable``)."""
    try:
        values: Any = read_json(path)
    except (OSError, ValueError):
        return "unreadable"
    return "edited" if isinstance(values, dict) and "fingerprint" in values else "unreadable"


def subjects_with_records(results: Path) -> dict[str, set[str]]:
    """Subjects that each stage worked on, by the shard tables: those must have a record of it."""
    worked_on: dict[str, set[str]] = {stage: set() for stage in STAGES}
    for stage in STAGES:
        for shard in shards(results):
            table = results / stage / f"{shard}.tsv"
            if table.is_file():
                worked_on[stage] |= {row["subject"] for row in read_rows(table) if row["stage"] == stage}
    return worked_on


def strike(results: Path, damages: Sequence[Damage]) -> None:
    """Remove the records of what is damaged and their shards' tables; the next run makes both again."""
    for damage in damages:
        record_path(results / "subjects" / damage.subject, damage.stage).unlink(missing_ok=True)
        for suffix in (".tsv", ".findings.tsv"):
            (results / damage.stage / f"{damage.shard}{suffix}").unlink(missing_ok=True)


def repair(results: Path, report: Verification) -> None:
    """Make the next run repair what is damaged, and remove what killed jobs left."""
    strike(results, report.damages)
    for path in report.abandoned:
        path.unlink(missing_ok=True)
