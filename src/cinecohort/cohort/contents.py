"""Digest of a subject's raw content, taken again only when a file's size or time moved."""

from pathlib import Path

from cinecohort.cohort.index import raw_digest
from cinecohort.files import digest_file, digest_json, read_json, write_json
from cinecohort.sources.base import RawSubject


def content_digest(subject: RawSubject, root: Path, cache: Path) -> str:
    """Digest of the names and contents of a subject's raw files.

    Parameters
    ----------
    subject
        The raw subject as its source lists it now.
    root
        The dataset's folder, which the file names are relative to.
    cache
        File that keeps the last digest with the sizes and times it was taken at. It may be deleted:
        the files are then read again.
    """
    listed = raw_digest(subject)
    try:
        known = read_json(cache)
        if known["listed"] == listed:
            return str(known["content"])
    except (OSError, KeyError, TypeError, ValueError):
        pass
    paths = {name: root / name for name, _, _ in subject.files}
    content = digest_json(
        {name: digest_file(path) if path.is_file() else "absent" for name, path in paths.items()}
    )
    write_json(cache, {"listed": listed, "content": content})
    return content
