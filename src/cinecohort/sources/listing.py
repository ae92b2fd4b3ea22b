"""Listing the files of a subject: names, sizes and times only, no content read."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

RawFile = tuple[str, int, int]
"""Name relative to the data set's path, size in bytes, modification time in nanoseconds."""

DEFAULT_OBSERVER = "manual"
"""The observer's name where a source has just one."""


def files_below(root: Path, paths: Iterable[str]) -> tuple[RawFile, ...]:
    """List every file at or below `paths`, sorted by name; hidden files and missing paths are skipped.

    So is what vanishes or cannot be looked into: one subject's folder must not stop a cohort's listing.

    Parameters
    ----------
    root
        The data set's path.
    paths
        Files or folders, relative to `root` (or absolute, where they lie elsewhere).
    """
    records: list[RawFile] = []
    for path in paths:
        place = root / path
        if place.is_dir():
            records.extend(_walk(place, path))
        elif place.is_file():
            with suppress(FileNotFoundError):
                status = place.stat()
                records.append((path, status.st_size, status.st_mtime_ns))
    return tuple(sorted(records))


def _walk(folder: Path, name: str) -> Iterator[RawFile]:
    try:
        with os.scandir(folder) as listed:
            entries = list(listed)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        below = f"{name}/{entry.name}"
        if entry.is_dir():
            yield from _walk(Path(entry.path), below)
        elif entry.is_file():
            with suppress(FileNotFoundError):
                status = entry.stat()
                yield below, status.st_size, status.st_mtime_ns


def folders_in(folder: Path) -> list[str]:
    """Names of the folders in `folder`, sorted, hidden ones left out; empty where it does not exist."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
