"""Participants who withdrew, and subjects' traces in the results folder."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from cinecohort.errors import UserError

TRACES = (
    ("subjects", ""),
    ("cache/raw", ".json"),
    ("logs/subjects", ".jsonl"),
    ("review/subjects", ""),
    ("pages", ".pdf"),
)
"""Folders of the results that hold one folder or file per subject, and the ending of its name."""


def withdrawn_ids(path: Path | None) -> frozenset[str]:
    """Participants who withdrew: one id a line, as the study's office sends them.

    Quotes, further columns and a byte-order mark do not hide an id.

    Raises
    ------
    UserError
        If the list is not there, or is not text.
    """
    if path is None:
        return frozenset()
    from cinecohort.ledger.users_tables import list_of_ids  # It loads pandas, which a dry run can do without.

    if not path.is_file():
        raise UserError(f"{path}: the list of withdrawn participants is not there; set `withdrawals`.")
    return list_of_ids(path)


def withdrawn_subjects(
    results: Path, withdrawn: Mapping[str, frozenset[str]], indexed: Iterable[str]
) -> set[str]:
    """Subjects of withdrawn participants of whom the results folder still keeps something.

    They are found by their names, so that they are found even where their raw files are gone already.

    Parameters
    ----------
    results
        The results folder.
    withdrawn
        Dataset to the ids of those who withdrew, for all datasets.
    indexed
        Subjects of the index, who are let be.
    """
    if not any(withdrawn.values()):
        return set()
    names = {
        path.name[: len(path.name) - len(ending)]
        for place, ending in TRACES
        if (results / place).is_dir()
        for path in (results / place).iterdir()
        if path.name.endswith(ending)
    }
    found = set()
    for dataset, ids in withdrawn.items():
        prefix = f"{dataset}-" if len(withdrawn) > 1 else ""
        for name in names - set(indexed):
            identifier = name.removeprefix(prefix)
            if name.startswith(prefix) and {identifier, identifier.rpartition("_")[0]} & ids:
                found.add(name)
    return found


def remove_subject(results: Path, subject: str) -> None:
    """Remove a subject's folder of the store, what is cached of it, and its log."""
    for place, ending in TRACES:
        path = results / place / f"{subject}{ending}"
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
