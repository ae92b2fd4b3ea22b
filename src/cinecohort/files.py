"""Writing files so that a killed job leaves nothing half-written, and the same input the same bytes."""

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cinecohort.errors import UserError


def expanded(path: str | Path) -> Path:
    """Path as it was configured, with ``~`` and ``$VARIABLES`` filled in; unknown ones stay as they are."""
    given = Path(os.path.expandvars(path))
    try:
        return given.expanduser()
    except RuntimeError:
        return given


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`, renamed onto it when the block ends without an error.

    Two writers of one path do no harm: each has its own temporary name and the last rename wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` by rename."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` by rename, as UTF-8."""
    write_bytes(path, text.encode())


def write_text_if_changed(path: Path, text: str) -> bool:
    """Write `text` only where `path` does not hold it already; say whether it was written."""
    if path.is_file() and path.read_bytes() == text.encode():
        return False
    write_text(path, text)
    return True


def to_json(value: Any, sort_keys: bool = True) -> str:
    """Serialise `value`, with sorted keys unless asked otherwise, so that equal values give equal text."""
    return json.dumps(value, indent=1, sort_keys=sort_keys, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: Any, sort_keys: bool = True) -> None:
    """Write `value` as JSON, with sorted keys unless asked otherwise, by rename."""
    write_text(path, to_json(value, sort_keys))


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    ValueError
        If it is none, is not UTF-8 text, or is nested so deeply that nothing of ours wrote it.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as fault:
        raise ValueError("lists or objects lie in each other too deeply") from fault


def read_names(path: Path) -> list[str]:
    """Read a list of subjects: names apart by lines or spaces.

    Raises
    ------
    UserError
        If the file is not text.
    """
    try:
        return path.read_text(encoding="utf-8").split()
    except UnicodeDecodeError as fault:
        raise UserError(f"{path}: is not text in UTF-8; write one subject's name per line.") from fault


def digest_bytes(content: bytes) -> str:
    """SHA-256 of `content`, as hexadecimal text."""
    return hashlib.sha256(content).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of a file's content, as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_json(value: Any) -> str:
    """SHA-256 of a value's canonical JSON; file names that are not UTF-8 count by their bytes."""
    return digest_bytes(to_json(value).encode(errors="surrogateescape"))
