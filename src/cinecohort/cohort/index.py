"""The index: what raw data there is, by name, size and time, in one small table per shard.

Listing and reading are here; how a run brings the index up to date is in :mod:`cinecohort.cohort.refresh`.
"""

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cinecohort.cohort.withdrawals import withdrawn_ids
from cinecohort.config import Config, DatasetOptions
from cinecohort.errors import UserError
from cinecohort.files import digest_bytes, write_text_if_changed
from cinecohort.ledger.rows import parse_rows, read_rows
from cinecohort.sources.base import RawSubject, Source, open_source
from cinecohort.sources.names import HashedNames, KeyTable, refuse_names

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


def raw_digest(subject: RawSubject) -> str:
    """Digest of the names, sizes and modification times of a subject's raw files."""
    return digest_bytes(json.dumps(sorted(subject.files)).encode())


def open_dataset(options: DatasetOptions) -> Source:
    """Open the source of a dataset."""
    if not options.path.exists():
        raise UserError(f"{options.path}: there is no such folder; set `path` of the dataset.")
    settings = options.settings.model_dump()
    source = open_source(options.source, options.path, annotations=options.annotations, **settings)
    return source if options.key_table is None else HashedNames(source, KeyTable(options.key_table))


def withdrawn_from(options: DatasetOptions) -> frozenset[str]:
    """Ids of those who withdrew from a dataset, also by the keys that they go by where names are hashed."""
    ids = withdrawn_ids(options.withdrawals)
    if not ids or options.key_table is None:
        return ids
    return ids | {KeyTable(options.key_table).key_of(name) for name in ids}


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
        subjects = open_dataset(options).subjects()
        ids = withdrawn_from(options)
        if options.source in ("dicom", "nifti") and options.subject_names is None:
            refuse_names(name, options.path, subjects)
        for subject in subjects:
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


def index_path(results: Path, shard: str) -> Path:
    """Path of a shard's index."""
    return results / "index" / f"{shard}.tsv"


def converted_path(results: Path, shard: str) -> Path:
    """Path of the copy of a shard's index that the conversion last worked on."""
    return results / "index" / "converted" / f"{shard}.tsv"


def note_converted(results: Path, shard: str, listed: str) -> None:
    """Keep the index that the conversion of a shard has worked on, to see later what changed."""
    write_text_if_changed(converted_path(results, shard), listed)


def read_converted(results: Path, shard: str) -> list[dict[str, str]]:
    """Rows of the index that the conversion of a shard last worked on; none before its first time."""
    path = converted_path(results, shard)
    try:
        rows = read_rows(path) if path.is_file() else []
    except (ValueError, csv.Error):
        return []  # Damaged: everybody counts as new, and the next conversion writes it again.
    return rows if all(None not in row.values() and set(COLUMNS) <= set(row) for row in rows) else []


def shards(results: Path) -> list[str]:
    """Names of the shards that hold a subject."""
    return sorted(path.stem for path in (results / "index").glob("[0-9]*.tsv"))


def read_index(results: Path, shard: str) -> list[dict[str, str]]:
    """Rows of a shard's index."""
    return read_rows(index_path(results, shard))


def indexed_subjects(index: Path) -> list[IndexedSubject]:
    """Subjects of a shard, from its index file."""
    return subjects_of(index.read_text(encoding="utf-8"))


def subjects_of(listed: str) -> list[IndexedSubject]:
    """Subjects of a shard, from the text of its index."""
    names = IndexedSubject.__dataclass_fields__
    return [IndexedSubject(**{name: row[name] for name in names}) for row in parse_rows(listed)]
