"""The index: what raw data there is, by name, size and time, in one small table a shard.

The workflow refreshes it when it starts, in its main process only. A shard's table is rewritten only where
its content changed, so Snakemake sees at once which shards have work.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cinecohort.cohort.progress import tally_path
from cinecohort.cohort.run_lock import RunLock, snakemake_locks
from cinecohort.cohort.shards import number_of_shards, shard_of
from cinecohort.cohort.tables import parse_table, read_table, table_text, write_table
from cinecohort.cohort.versions import STAGES
from cinecohort.cohort.withdrawals import remove_subject, withdrawn_ids, withdrawn_subjects
from cinecohort.config import Config, DatasetOptions
from cinecohort.errors import UserError
from cinecohort.files import digest_bytes, write_text_if_changed
from cinecohort.sources.base import RawSubject, Source, open_source, passed_over

COLUMNS = ("subject", "dataset", "id", "participant", "visit", "paths", "n_files", "n_bytes", "raw")


@dataclass(frozen=True)
class IndexedSubject:
    """One row of the index.

    Parameters
    ----------
    subject
        The subject key, unique in the cohort.
    dataset
        Name of the dataset in the configuration.
    id
        The key inside its dataset; the same as `subject` when there is just one dataset.
    participant, visit
        The participant's pseudonymous id, and which visit this is (empty where there are none).
    raw
        Digest of the names, sizes and times of the subject's raw files.
    """

    subject: str
    dataset: str
    id: str
    participant: str
    visit: str
    raw: str


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
        One sentence a dataset on files that were not read.
    """

    total: int
    new: tuple[str, ...]
    changed: Mapping[str, str]
    gone: tuple[str, ...]
    withdrawn: int
    passed_over: tuple[str, ...] = ()

    def sentence(self) -> str:
        """One line for the terminal: counts, and who and why where they are few."""
        parts = [f"{self.total:,} subjects"]
        told = [f"{key}: {why}" for key, why in self.changed.items()]
        for word, keys in (("new", list(self.new)), ("changed", told), ("gone", list(self.gone))):
            few = 0 < len(keys) <= 5 and len(keys) < self.total
            parts.append(f"{len(keys):,} {word}" + (f" ({'; '.join(keys)})" if few else ""))
        if self.withdrawn:
            parts.append(f"{self.withdrawn:,} withdrawn")
        return ". ".join([", ".join(parts), *(told.removesuffix(".") for told in self.passed_over)])

    def rows(self) -> list[dict[str, str]]:
        """Everybody who is new, changed or gone, for a table."""
        return [
            *({"subject": key, "change": "new", "why": ""} for key in self.new),
            *({"subject": key, "change": "changed", "why": why} for key, why in self.changed.items()),
            *({"subject": key, "change": "gone", "why": ""} for key in self.gone),
        ]


def raw_digest(subject: RawSubject) -> str:
    """Digest of the names, sizes and modification times of a subject's raw files."""
    return digest_bytes(json.dumps(sorted(subject.files)).encode())


def open_dataset(options: DatasetOptions) -> Source:
    """Open the source of a dataset."""
    if not options.path.exists():
        raise UserError(f"{options.path}: there is no such folder; set `path` of the dataset.")
    return open_source(options.source, options.path, annotations=options.annotations, **options.settings)


def subject_key(dataset: str, identifier: str, datasets: Mapping[str, DatasetOptions]) -> str:
    """Key of a subject in the cohort: ``{dataset}-{id}`` where there is more than one dataset."""
    return f"{dataset}-{identifier}" if len(datasets) > 1 else identifier


def list_subjects(config: Config) -> tuple[list[dict[str, str]], list[str]]:
    """Rows of the index for everything on disk now, and the keys of those left out as withdrawn.

    Raises
    ------
    UserError
        If a key occurs twice, or cannot be the name of a folder and stand in a table.
    """
    rows = []
    withdrawn = []
    for name, options in config.datasets.items():
        ids = withdrawn_ids(options.withdrawals)
        for subject in open_dataset(options).subjects():
            key = subject_key(name, subject.key, config.datasets)
            if ids & {subject.participant, subject.key}:
                withdrawn.append(key)
                continue
            rows.append(
                {
                    "subject": key,
                    "dataset": name,
                    "id": subject.key,
                    "participant": subject.participant,
                    "visit": subject.visit,
                    "paths": ";".join(subject.paths),
                    "n_files": str(len(subject.files)),
                    "n_bytes": str(sum(size for _, size, _ in subject.files)),
                    "raw": raw_digest(subject),
                }
            )
    _check_keys([row["subject"] for row in rows])
    return rows, withdrawn


def _check_keys(keys: Sequence[str]) -> None:
    repeated = sorted(key for key, n in Counter(keys).items() if n > 1)
    if repeated:
        raise UserError(
            f"{_some(repeated)}: more than one subject has this key; give each subject its own folder or id."
        )
    unusable = sorted(key for key in keys if not is_usable(key))
    if unusable:
        raise UserError(
            f"{_some(unusable)}: cannot be a subject key, which names a folder and stands in tables; rename "
            "the folder, without slashes, leading dots, doubled or outer blanks and unprintable signs."
        )


def _some(keys: Sequence[str]) -> str:
    shown = ", ".join(ascii(key) for key in keys[:3])
    return shown + (f" and {len(keys) - 3:,} more" if len(keys) > 3 else "")


def is_usable(key: str) -> bool:
    """Whether a subject key can name a folder and comes back from a table as it was."""
    plain = key.isprintable() and "/" not in key and "\\" not in key and not key.startswith(".")
    return bool(key) and plain and key == " ".join(key.split())


def refresh_index(config: Config, results: Path) -> IndexSummary:
    """Bring ``results/index/{shard}.tsv`` up to date with what is on disk.

    Subjects whose participants withdrew also leave the store, the cache and the logs. A shard that holds
    nobody any more loses its tables.

    Returns
    -------
    IndexSummary
        Which subjects are new, changed or gone since the conversion last worked on their shards.

    Raises
    ------
    UserError
        If no subject is there or left, or a file that the configuration names is not.
    """
    check_participant_tables(config)
    before = {row["subject"]: row for shard in shards(results) for row in read_converted(results, shard)}
    rows, withdrawn = list_subjects(config)
    if not rows and not withdrawn:
        places = ", ".join(str(options.path) for options in config.datasets.values())
        told = " ".join(["", *_passed_over(config)])
        raise UserError(
            f"No subject was found in {places}: check `path` and `source` in the configuration.{told}"
        )
    now = {row["subject"]: row for row in rows}
    lists = {name: withdrawn_ids(options.withdrawals) for name, options in config.datasets.items()}
    left = set(withdrawn) | withdrawn_subjects(results, lists, now)
    for subject in sorted(left - set(now)):
        remove_subject(results, subject)
    _write_index(results, rows, number_of_shards(results, len(rows), config.shard_size))
    if not rows:
        raise UserError(
            "No subject is left: all participants withdrew. Delete the results folder, which holds tables "
            "that were made of them."
        )
    moved = sorted(key for key in now if key in before and now[key]["raw"] != before[key]["raw"])
    return IndexSummary(
        total=len(now),
        new=tuple(sorted(set(now) - set(before))),
        changed={key: difference(before[key], now[key]) for key in moved},
        gone=tuple(sorted(set(before) - set(now) - left)),
        withdrawn=len(withdrawn),
        passed_over=_passed_over(config),
    )


def _passed_over(config: Config) -> tuple[str, ...]:
    """One sentence on each dataset some of whose files belong to no subject."""
    told = ((name, passed_over(open_dataset(options))) for name, options in config.datasets.items())
    return tuple(f"Dataset {name}: {words}" for name, words in told if words)


def difference(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What is different about a subject's raw files, from two rows of the index."""
    earlier, later = set(before["paths"].split(";")), set(now["paths"].split(";"))
    told = [f"{path} came" for path in sorted(later - earlier)]
    told += [f"{path} went" for path in sorted(earlier - later)]
    if not told and now["n_files"] != before["n_files"]:
        told.append(f"{int(now['n_files']):,} files instead of {int(before['n_files']):,}")
    if not told and now["n_bytes"] != before["n_bytes"]:
        told.append(f"{int(now['n_bytes']):,} bytes instead of {int(before['n_bytes']):,}")
    return ", ".join(told) or "same size, other names or times"


def check_participant_tables(config: Config) -> None:
    """Refuse a table of participants that is not there.

    Snakemake would leave out, without a word, the job that reads it, and call old results up to date.
    """
    for name, options in config.datasets.items():
        if options.participants is not None and not options.participants.is_file():
            raise UserError(
                f"{options.participants}: the table of participants is not there; set `participants` of the "
                f"dataset {name}."
            )


def _write_index(results: Path, rows: Sequence[Mapping[str, str]], n_shards: int) -> None:
    by_shard: dict[str, list[Mapping[str, str]]] = {}
    for row in sorted(rows, key=lambda row: row["subject"]):
        by_shard.setdefault(shard_of(row["subject"], n_shards), []).append(row)
    for shard, members in by_shard.items():
        write_text_if_changed(index_path(results, shard), table_text(members, COLUMNS))
    for shard in set(shards(results)) - set(by_shard):
        for stage in STAGES:
            for suffix in (".tsv", ".findings.tsv"):
                (results / stage / f"{shard}{suffix}").unlink(missing_ok=True)
            (results / "logs" / stage / f"{shard}.log").unlink(missing_ok=True)
            tally_path(results, stage, shard).unlink(missing_ok=True)
        converted_path(results, shard).unlink(missing_ok=True)
        index_path(results, shard).unlink()


def index_path(results: Path, shard: str) -> Path:
    """Path of a shard's index."""
    return results / "index" / f"{shard}.tsv"


def converted_path(results: Path, shard: str) -> Path:
    """Path of the copy of a shard's index that the conversion last worked on."""
    return results / "index" / "converted" / f"{shard}.tsv"


def note_converted(results: Path, shard: str, listed: str) -> None:
    """Keep the index that the conversion of a shard has worked on, to tell later what changed since."""
    write_text_if_changed(converted_path(results, shard), listed)


def read_converted(results: Path, shard: str) -> list[dict[str, str]]:
    """Rows of the index that the conversion of a shard last worked on; none before its first time."""
    path = converted_path(results, shard)
    return read_table(path) if path.is_file() else []


def shards(results: Path) -> list[str]:
    """Names of the shards that hold a subject."""
    return sorted(path.stem for path in (results / "index").glob("[0-9]*.tsv"))


def read_index(results: Path, shard: str) -> list[dict[str, str]]:
    """Rows of a shard's index."""
    return read_table(index_path(results, shard))


def indexed_subjects(index: Path) -> list[IndexedSubject]:
    """Subjects of a shard, from its index file."""
    return subjects_of(index.read_text(encoding="utf-8"))


def subjects_of(listed: str) -> list[IndexedSubject]:
    """Subjects of a shard, from the text of its index."""
    names = IndexedSubject.__dataclass_fields__
    return [IndexedSubject(**{name: row[name] for name in names}) for row in parse_table(listed)]


def open_results(config: Config, main_process: bool, locks: Path) -> tuple[list[str], str]:
    """Refresh the index where that is this process's to do; what the Snakefile calls when it is read.

    Parameters
    ----------
    config
        The configuration.
    main_process
        Whether this is the user's own Snakemake, and not one that it started for a job.
    locks
        Snakemake's folder of locks. While another run holds one on these results, or works on them from
        another folder, the index is left alone.

    Returns
    -------
    tuple
        Names of the shards that hold a subject, and a line for the user (empty in jobs).

    Raises
    ------
    UserError
        If there is nothing to index, or no index where one must be.
    """
    if config.from_tables:
        return [], "Measures from tables: there are no images to index." if main_process else ""
    if not main_process:
        return shards(config.results), ""
    lock = RunLock(config.results)
    other = lock.take() or snakemake_locks(locks, config.results)
    try:
        if other and shards(config.results):
            return shards(config.results), f"Index: left as it is, since {other}"
        summary = refresh_index(config, config.results)
    finally:
        lock.release()
    listed = config.results / "logs" / "changes.tsv"
    write_table(listed, summary.rows(), ("subject", "change", "why"))
    several = f" All of them: {listed}." if summary.changed or summary.gone else ""
    return shards(config.results), f"Index: {summary.sentence()}.{several}"
