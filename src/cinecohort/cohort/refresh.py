"""What raw data there is now, against what the results know: compared in memory, written when a run starts.

Reading the workflow (a dry run, ``--list``, ``--unlock``) compares and changes no file. Snakemake sees the
digest of a shard's index as a parameter of its conversion, so it names the same jobs before and after the
index is written.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cinecohort.cohort.index import (
    COLUMNS,
    converted_path,
    index_path,
    list_subjects,
    open_dataset,
    read_converted,
    shards,
    subjects_of,
    withdrawn_from,
)
from cinecohort.cohort.progress import tally_path
from cinecohort.cohort.run_lock import RunLock
from cinecohort.cohort.shards import keep_number_of_shards, number_of_shards, shard_of
from cinecohort.cohort.versions import STAGES
from cinecohort.cohort.withdrawals import remove_subject, withdrawn_subjects
from cinecohort.config import Config
from cinecohort.errors import UserError
from cinecohort.files import digest_bytes, digest_json, write_text_if_changed
from cinecohort.ledger.rows import parse_rows, table_text, write_rows
from cinecohort.sources.base import passed_over

CLOCKS_DIFFER_S = 86_400
"""Seconds by which the clocks of two machines, or their time zones, may differ."""


@dataclass(frozen=True)
class IndexSummary:
    """How what is on disk differs from what the conversion last worked on.

    Parameters
    ----------
    total
        Subjects of the cohort now.
    new, gone
        Keys of those that were not there then, or are not any more.
    changed
        Key to what is different about the raw files.
    withdrawn
        Subjects that are left out because their participants withdrew.
    passed_over
        One sentence per dataset on files that were not read.
    """

    total: int = 0
    new: tuple[str, ...] = ()
    changed: Mapping[str, str] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    withdrawn: int = 0
    passed_over: tuple[str, ...] = ()

    def sentence(self) -> str:
        """One line for the terminal: counts, and who and why where they are few."""
        parts = [f"{self.total:,} subjects"]
        reasons = [f"{key}: {why}" for key, why in self.changed.items()]
        for word, keys in (("new", list(self.new)), ("changed", reasons), ("gone", list(self.gone))):
            few = 0 < len(keys) <= 5 and len(keys) < self.total
            parts.append(f"{len(keys):,} {word}" + (f" ({'; '.join(keys)})" if few else ""))
        if self.withdrawn:
            parts.append(f"{self.withdrawn:,} withdrawn")
        return ". ".join([", ".join(parts), *(words.removesuffix(".") for words in self.passed_over)])

    def rows(self) -> list[dict[str, str]]:
        """Everybody who is new, changed or gone, for a table."""
        return [
            *({"subject": key, "change": "new", "why": ""} for key in self.new),
            *({"subject": key, "change": "changed", "why": why} for key, why in self.changed.items()),
            *({"subject": key, "change": "gone", "why": ""} for key in self.gone),
        ]


@dataclass(frozen=True)
class Index:
    """The index of a cohort, in memory.

    Parameters
    ----------
    results
        The results folder.
    tables
        Text of each shard's table, by the shard's name.
    summary
        What is new, changed or gone.
    shard_size, n_shards
        How subjects are dealt into shards.
    withdrawn
        Dataset to the ids of participants who withdrew.
    seen
        Times of the index files when this was read, to notice another run that writes them meanwhile.
    """

    results: Path
    tables: Mapping[str, str]
    summary: IndexSummary = IndexSummary()
    shard_size: int = 1
    n_shards: int = 0
    withdrawn: Mapping[str, frozenset[str]] = field(default_factory=dict)
    seen: Mapping[str, int] = field(default_factory=dict)

    def digest(self, shard: str) -> str:
        """Digest of a shard's table, by which Snakemake notices that its conversion has work."""
        return digest_bytes(self.tables.get(shard, "").encode())

    def subjects(self, shard: str) -> list[str]:
        """Keys of a shard's subjects."""
        return [subject.subject for subject in subjects_of(self.tables.get(shard, ""))]

    def everybody(self) -> set[str]:
        """Keys of all subjects."""
        return {key for shard in self.tables for key in self.subjects(shard)}

    def withdrawals_digest(self) -> str:
        """Digest of who withdrew."""
        return digest_json({dataset: sorted(ids) for dataset, ids in self.withdrawn.items()})

    def message(self) -> str:
        """One line for the terminal: how many subjects there are, and who else works on the results."""
        if not self.tables:
            return "Measures from tables: there are no images to index."
        other = RunLock(self.results).look()
        return f"Index: {self.summary.sentence()}." + (f" Note that {other}" if other else "")

    def write(self) -> None:
        """Bring the results folder up to date; for the start of a run, which holds its lock.

        A table of the index is rewritten only where its content changed. Subjects whose participants withdrew
        leave the store, the cache and the logs. A shard that holds nobody any more loses its tables.

        Raises
        ------
        UserError
            If another run changed the index since this was read.
        """
        if not self.tables:
            return
        if self.seen != index_times(self.results):
            raise UserError(
                f"Nothing was started, since another run changed the index of {self.results} meanwhile; "
                "start the workflow again."
            )
        try:
            self._write()
        except OSError as fault:
            raise UserError(
                f"{self.results}: the index cannot be written ({fault.strerror}: {fault.filename}); nothing "
                "was started. Make room, or make the folder writable, and start the workflow again."
            ) from fault

    def _write(self) -> None:
        keep_number_of_shards(self.results, self.n_shards, self.shard_size)
        indexed = {row["subject"] for text in self.tables.values() for row in parse_rows(text)}
        for subject in sorted(withdrawn_subjects(self.results, self.withdrawn, indexed)):
            remove_subject(self.results, subject)
        for shard, text in self.tables.items():
            write_text_if_changed(index_path(self.results, shard), text)
        for shard in set(shards(self.results)) - set(self.tables):
            _remove_shard(self.results, shard)
        changes = self.results / "logs" / "changes.tsv"
        write_rows(changes, self.summary.rows(), ("subject", "change", "why"))


def _remove_shard(results: Path, shard: str) -> None:
    for stage in STAGES:
        for suffix in (".tsv", ".findings.tsv"):
            (results / stage / f"{shard}{suffix}").unlink(missing_ok=True)
        (results / "logs" / stage / f"{shard}.log").unlink(missing_ok=True)
        tally_path(results, stage, shard).unlink(missing_ok=True)
    converted_path(results, shard).unlink(missing_ok=True)
    index_path(results, shard).unlink()


def index_times(results: Path) -> dict[str, int]:
    """Modification time of every file of the index, by shard."""
    return {shard: index_path(results, shard).stat().st_mtime_ns for shard in shards(results)}


def read_index_of(config: Config, main_process: bool) -> Index:
    """The index as the workflow needs it when it is read. No file is changed.

    Parameters
    ----------
    config
        The configuration.
    main_process
        Whether this is the user's own Snakemake, which looks at the raw data, and not one that it started for
        a job, which takes the index as the run wrote it.
    """
    if config.from_tables:
        return Index(config.results, {})
    if main_process:
        return compare_index(config)
    results = config.results
    tables = {shard: index_path(results, shard).read_text(encoding="utf-8") for shard in shards(results)}
    return Index(results, tables, withdrawn=lists_of_withdrawn(config))


def compare_index(config: Config) -> Index:
    """List the raw data and compare them with what the conversion last worked on. No file is changed.

    Raises
    ------
    UserError
        If no subject is there or left, or a file that the configuration names is not.
    """
    check_participant_tables(config)
    results = config.results
    seen = index_times(results)
    before = {row["subject"]: row for shard in seen for row in read_converted(results, shard)}
    rows, withdrawn = list_subjects(config)
    if not rows and not withdrawn:
        places = ", ".join(str(options.path) for options in config.datasets.values())
        words = " ".join(["", *files_passed_over(config)])
        raise UserError(
            f"No subject was found in {places}: check `path` and `source` in the configuration.{words}"
        )
    if not rows:
        raise UserError(
            f"No subject is left: all participants withdrew. Delete {results}, which holds images and tables "
            "that were made of them."
        )
    lists = lists_of_withdrawn(config)
    n_shards = number_of_shards(results, len(rows), config.shard_size)
    return Index(
        results,
        tables_by_shard(rows, n_shards),
        replace(
            summary_of(before, {row["subject"]: row for row in rows}, lists),
            withdrawn=len(withdrawn),
            passed_over=files_passed_over(config),
        ),
        config.shard_size,
        n_shards,
        lists,
        seen,
    )


def refresh_index(config: Config) -> IndexSummary:
    """Bring the index in the results up to date, as a run does; returns what changed."""
    index = compare_index(config)
    index.write()
    return index.summary


def files_passed_over(config: Config) -> tuple[str, ...]:
    """One sentence on each dataset some of whose files belong to no subject."""
    words = {name: passed_over(open_dataset(options)) for name, options in config.datasets.items()}
    return tuple(f"Dataset {name}: {sentence}" for name, sentence in words.items() if sentence)


def lists_of_withdrawn(config: Config) -> dict[str, frozenset[str]]:
    """Ids of participants who withdrew, by dataset."""
    return {name: withdrawn_from(options) for name, options in config.datasets.items()}


def tables_by_shard(rows: Iterable[Mapping[str, str]], n_shards: int) -> dict[str, str]:
    """Text of the table of every shard that holds a subject."""
    by_shard: dict[str, list[Mapping[str, str]]] = {}
    for row in sorted(rows, key=lambda row: row["subject"]):
        by_shard.setdefault(shard_of(row["subject"], n_shards), []).append(row)
    return {shard: table_text(by_shard[shard], COLUMNS) for shard in sorted(by_shard)}


def summary_of(
    before: Mapping[str, Mapping[str, str]],
    now: Mapping[str, Mapping[str, str]],
    lists: Mapping[str, frozenset[str]],
) -> IndexSummary:
    """Who is new, changed or gone; those who withdrew are left out."""
    moved = sorted(key for key in now if key in before and now[key]["raw"] != before[key]["raw"])

    def left(row: Mapping[str, str]) -> bool:
        return bool(lists.get(row["dataset"], frozenset()) & {row["participant"], row["id"]})

    return IndexSummary(
        total=len(now),
        new=tuple(sorted(set(now) - set(before))),
        changed={key: difference(before[key], now[key]) for key in moved},
        gone=tuple(sorted(key for key in before if key not in now and not left(before[key]))),
    )


def difference(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What is different about a subject's raw files, from two rows of the index."""
    earlier, later = set(before["paths"].split(";")), set(now["paths"].split(";"))
    parts = [f"{path} came" for path in sorted(later - earlier)]
    parts += [f"{path} went" for path in sorted(earlier - later)]
    if not parts and now["n_files"] != before["n_files"]:
        parts.append(f"{int(now['n_files']):,} files instead of {int(before['n_files']):,}")
    if not parts and now["n_bytes"] != before["n_bytes"]:
        parts.append(f"{int(now['n_bytes']):,} bytes instead of {int(before['n_bytes']):,}")
    return ", ".join(parts) or "same size, other names or times"


def check_participant_tables(config: Config) -> None:
    """Refuse a table of participants that is not there, or is dated in the future.

    Snakemake would leave out, without a word, the job that reads it, and call old results up to date.
    """
    for name, options in config.datasets.items():
        if options.participants is not None and not options.participants.is_file():
            raise UserError(
                f"{options.participants}: the table of participants is not there; set `participants` of the "
                f"dataset {name}."
            )
        for path in (options.participants, options.withdrawals):
            if path is not None and path.is_file() and path.stat().st_mtime > time.time() + CLOCKS_DIFFER_S:
                year = time.localtime(path.stat().st_mtime).tm_year
                raise UserError(
                    f"{path}: is dated in the future (the year {year}), so that every run would take it for "
                    "changed. Give it today's date (`touch`)."
                )
