"""Shards: stable groups of subjects, so that one job works on many and a change touches few."""

import hashlib
from math import ceil
from pathlib import Path

from cinecohort.errors import UserError
from cinecohort.files import read_json, write_json


def shard_of(subject: str, n_shards: int) -> str:
    """Name of the shard that a subject belongs to: SHA-256 of its key, modulo the number of shards.

    A subject's shard depends on nothing but its key, so adding or removing others never moves it.
    """
    number = int.from_bytes(hashlib.sha256(subject.encode()).digest()[:8], "big") % n_shards
    return f"{number:04d}"


def number_of_shards(results: Path, n_subjects: int, shard_size: int) -> int:
    """Return the number of shards: that of the first run, or what suits the cohort where there was none.

    Parameters
    ----------
    results
        The results folder; the choice is kept in ``index/shards.json``.
    n_subjects
        Size of the cohort now; looked at only when there is no earlier choice.
    shard_size
        Wanted subjects per shard. A different value than that of the first run is refused, since it would
        move every subject and repeat all stages' tables: the file has to be deleted on purpose.

    Raises
    ------
    UserError
        If `shard_size` is not what the shards on disk were made with.
    """
    path = results / "index" / "shards.json"
    if path.is_file():
        kept = _kept(path)
        if kept["shard_size"] != shard_size:
            raise UserError(
                f"{path}: the shards were made for shard_size {kept['shard_size']}, and the configuration "
                f"now says {shard_size}. Set it back, or delete this file to deal all subjects into new "
                "shards (their images are kept, every shard table is made again)."
            )
        return int(kept["n_shards"])
    return max(1, ceil(n_subjects / shard_size))


def _kept(path: Path) -> dict[str, int]:
    try:
        kept = read_json(path)
        numbers = [kept[name] for name in ("n_shards", "shard_size")]
    except (ValueError, KeyError, TypeError, RecursionError):
        numbers = []
    if not numbers or not all(type(number) is int and number > 0 for number in numbers):
        raise UserError(
            f"{path}: is damaged, so that nobody knows which subjects belong to which shard. Restore it, or "
            "delete it to deal all subjects into new shards (their images are kept, every shard table is "
            "made again)."
        )
    return {"n_shards": numbers[0], "shard_size": numbers[1]}


def keep_number_of_shards(results: Path, n_shards: int, shard_size: int) -> None:
    """Keep the number of shards that the first run chose, for all later ones."""
    path = results / "index" / "shards.json"
    if not path.is_file():
        write_json(path, {"n_shards": n_shards, "shard_size": shard_size})
