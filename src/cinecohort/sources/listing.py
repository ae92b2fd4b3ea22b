"""Listing the files of a subject: names, sizes and times only, no content read."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

RawFile = tuple[str, int, int]
"""Name relative to the data set's path, size in bytes, modification time in nanoseconds."""

DEFAULT_OBSERVER = "manual"
"""The observer's name where a source has just one."""


def files_below(root: Path, paths: Iterable[str]) -> tuple[RawFile, ...]:
    """List every file at or below `paths`, sorted by name; hidden files and missing paths are skipped.

    What is neither a file nor a folder to walk (a link that leads to nothing or back to a folder above it, a
    folder that cannot be looked into) is listed with size and time 0: one subject's folder must not stop a
    cohort's listing, and whoever reads the subject's files says what is wrong with it.

    Parameters
    ----------
    root
        The data set's path.
    paths
        Files or folders, relative to `root` (or absolute, where they lie elsewhere).
    """
    above = _identities(root)
    records: list[RawFile] = []
    for path in paths:
        if is_there(root / path):
            records.extend(_walk(root / path, path, above))
    return tuple(sorted(records))


def record_of(place: Path | os.DirEntry[str], name: str) -> RawFile | None:
    """A file as it is listed: size and time 0 where it is odd; None where it is no file, or none any more."""
    try:
        found = place.stat()
    except FileNotFoundError:
        return (name, 0, 0) if place.is_symlink() else None
    except OSError:
        return name, 0, 0
    return (name, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def is_there(place: Path) -> bool:
    """Whether there is anything of this name, be it a link that leads to nothing."""
    try:
        place.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _identities(folder: Path) -> frozenset[tuple[int, int]]:
    """Device and number of a folder, which no link below it may lead back to."""
    try:
        found = folder.stat()
    except OSError:
        return frozenset()
    return frozenset({(found.st_dev, found.st_ino)})


def _walk(place: Path, name: str, above: frozenset[tuple[int, int]]) -> Iterator[RawFile]:
    """Records of a file, or of every file below a folder; one that cannot be walked stands for itself."""
    waiting = [(place, name, above)]
    while waiting:
        place, name, above = waiting.pop()
        if (record := record_of(place, name)) is not None:
            yield record
            continue
        if not place.is_dir():
            continue
        identity = _identities(place)
        try:
            if identity & above:
                raise OSError("a link that leads back")
            with os.scandir(place) as listed:
                entries = [entry for entry in listed if not entry.name.startswith(".")]
        except FileNotFoundError:
            continue
        except OSError:
            yield name, 0, 0
            continue
        for entry in entries:
            below = f"{name}/{entry.name}"
            if _is_plain_file(entry) and (record := record_of(entry, below)) is not None:
                yield record
            else:
                waiting.append((Path(entry.path), below, above | identity))


def _is_plain_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False)
    except OSError:
        return False


def subject_names(folder: Path, suffixes: tuple[str, ...] = ()) -> list[str]:
    """Names in `folder` that may each hold a subject, sorted, hidden ones left out.

    They are folders, files of some suffixes, and links that lead nowhere: a subject was lost with each.
    """
    with os.scandir(folder) as entries:
        shown = [entry for entry in entries if not entry.name.startswith(".")]
    return sorted(e.name for e in shown if e.name.lower().endswith(suffixes or "/") or _may_be_folder(e))


def _may_be_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir() or (entry.is_symlink() and not Path(entry.path).exists())
    except OSError:
        return True


def folders_in(folder: Path) -> list[str]:
    """Names of the folders in `folder`, sorted, hidden ones left out; empty where it does not exist."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if is_folder(entry) and not entry.name.startswith("."))


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one; one that cannot be looked at is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False
