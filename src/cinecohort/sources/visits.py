"""The examinations in one subject's folder: which of its files are of which visit.

Some headers of each folder below it are read, so that a cohort is listed fast; only where these are of
several examinations are all of them read.
"""

import zipfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from cinecohort.conversion.dicom_header import Header, read_header, read_identity, with_preamble
from cinecohort.conversion.examinations import examinations
from cinecohort.conversion.limits import DEFAULT_LIMITS, MEGABYTE
from cinecohort.conversion.raw_files import NEVER_IMAGES
from cinecohort.conversion.stacks import is_capture

START_BYTES = 1 << 16
"""Length of a file's start that holds the attributes of its examination, but for odd files."""

MAX_SAMPLES = 24
SMALLEST_IMAGE = 1000
"""Bytes; smaller members of an archive are no images."""


def image_identity(path: Path) -> Header | None:
    """What identifies the examination of a file; None for what is no MR image, or cannot be read."""
    try:
        with path.open("rb") as stream:
            start = with_preamble(stream.read(START_BYTES))
        values = read_identity(start)
        most = DEFAULT_LIMITS.file_mb * MEGABYTE
        if values is None and start[128:132] == b"DICM" and path.stat().st_size <= most:
            values = read_header(with_preamble(path.read_bytes())).values
    except Exception:  # Whatever is wrong with it is found, and reported, when the subject is converted.
        return None
    return values if values is not None and _of_a_scanner(values) else None


def _of_a_scanner(values: Header) -> bool:
    """Whether an image is an MR image as acquired, whose study and time can be relied on."""
    other = values.get("Modality", "MR") != "MR" or is_capture(values)
    return not other and "DERIVED" not in values.get("ImageType", ())


def _identities(path: Path) -> list[Header]:
    """What tells the examinations of a file, or of the first and the last image of a zip archive."""
    if path.suffix.lower() != ".zip":
        return [values] if (values := image_identity(path)) is not None else []
    try:
        with zipfile.ZipFile(path) as archive:
            images = [member for member in archive.infolist() if member.file_size > SMALLEST_IMAGE]
            starts = [archive.open(member).read(START_BYTES) for member in (*images[:1], *images[1:][-1:])]
        found = [read_identity(with_preamble(start)) for start in starts]
    except Exception:  # As above.
        return []
    return [values for values in found if values is not None and _of_a_scanner(values)]


def visits_among(root: Path, names: Sequence[str]) -> list[list[str]]:
    """Files of each examination, by time; all of them together where there is one, or where it is not clear.

    Parameters
    ----------
    root
        The dataset's folder.
    names
        A subject's files, relative to it.

    Returns
    -------
    list of list of str
        Files without such attributes are with each.
    """
    folders: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        if Path(name).suffix.lower() not in NEVER_IMAGES:
            folders[name.rpartition("/")[0]].append(name)
    ends = [name for inside in folders.values() for name in (inside[0], inside[-1])]
    between = [name for inside in folders.values() for name in inside]
    if len(_groups(root, sorted({*_some(ends), *_some(between)}))) < 2:
        return [list(names)]
    groups = _groups(root, names)
    if len(groups) < 2:
        return [list(names)]
    rest = set(names).difference(*groups)
    return [sorted({*group, *rest}) for group in groups]


def _some(names: list[str]) -> list[str]:
    """No more than so many of the names, evenly spread."""
    return names[:: -(-len(names) // MAX_SAMPLES) or 1]


def _groups(root: Path, names: Sequence[str]) -> list[list[str]]:
    """Names by examination; empty where nothing is clear, as of an archive that holds two."""
    known = [(name, values) for name in names for values in _identities(root / name)]
    found = examinations([values for _, values in known])
    groups = [list(dict.fromkeys(known[index][0] for index in group)) for group in found.groups]
    shared = len(set().union(*groups)) < sum(map(len, groups))
    return [] if found.doubtful or shared else groups
