"""What tests of the workflow compare: files before and after a run, and the jobs that it printed."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

NOTHING = "Nothing to be done"
FIRST, SECOND = "patient001", "patient002"


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Files that are in both, and differ."""
    return {name for name in before.keys() & after.keys() if before[name] != after[name]}


def subjects_of(names: Iterable[str]) -> set[str]:
    """Subjects whose files in the store are among the names."""
    return {name.split("/")[1] for name in names if name.startswith("subjects/")}


def state(folder: Path) -> dict[Path, tuple[int, bytes]]:
    """Content and time of every file and folder."""
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in (folder, *folder.rglob("*"))
    }


def jobs_of(printed: str) -> list[tuple[str, str]]:
    """Rule and shard of every job that a dry run or a run printed, but those of the targets."""
    jobs = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", printed, re.MULTILINE)
    shards = [(rule, re.search(r"wildcards: shard=(\d+)", text)) for rule, text in jobs]
    return sorted(
        (rule, shard[1] if shard else "") for rule, shard in shards if rule not in ("all", "phenotypes")
    )
