"""Whose the archives of a UK Biobank download are, wherever they lie in its folder.

Bulk downloads are named ``{id}_{field}_{instance}_{array}.zip``. People keep them side by side, in one folder
a field, a visit or a participant, or by the first digits of the id as UK Biobank's research platform does;
names end in ``.ZIP``, or have what a browser or file manager adds to a second copy (``(1).zip``,
``- Copy.zip``, ``Copy of``). What an archive is is read from its name alone; only an id that the name lacks
is taken from the folders above.
"""

import os
import re
import time
import zipfile
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from cinecohort.catalogue.findings import Code
from cinecohort.errors import FORMAT_FAULTS
from cinecohort.files import digest_file
from cinecohort.findings import Finding, Level
from cinecohort.sources.listing import RawFile, is_folder, record_of

FIELDS = ("20208", "20209")
"""Long-axis and short-axis cines."""

ARCHIVE = re.compile(
    r"(?!.*cvi42)(?P<copy_of>cop(?:y|ie) (?:of|de) |kopie von )?"
    rf"(?:(?P<id>.+)_)?(?P<field>{'|'.join(FIELDS)})_(?P<instance>\d+)_(?P<array>\d+)(?P<copy>(?:\D.*)?)"
    r"\.zip(?:\.\d+)?",
    re.IGNORECASE,
)
UNPACKED = re.compile(rf"(?:.+_)?(?:{'|'.join(FIELDS)})_\d+_\d+", re.IGNORECASE)
"""A folder that an archive was unpacked into."""

MAYBE_CINES = re.compile(rf"(?<!\d)(?:{'|'.join(FIELDS)})[_-]\d", re.IGNORECASE)
OTHER_FIELD = re.compile(r"(?:.*_)?\d{4,6}_\d+_\d+\D*", re.IGNORECASE)
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".gz", ".7z", ".rar", ".part", ".crdownload")
NO_ARCHIVES = (".nii.gz", ".csv", ".tsv", ".txt", ".bulk", ".lis", ".log", ".key", ".json", ".md")
WORKSPACE = "cvi42"

NOT_PARTICIPANTS = re.compile(
    r"\d|bulk|data|raw|zips?|dicoms?|images?|cmr|mri|heart|cardiac|cines?|[sl]ax|(?:short|long)[ _-]?axis"
    r"|(?:2020[789]|202[01]\d)(?:\D.*)?|(?:19|20)\d\d[-_]?[01]\d[-_]?[0-3]\d"
    r"|(?:i|ins|instance|array|visit|ses|session|wave|scan)[ _-]?\d+"
    r"|(?:imaging|instance|visit|baseline|first|second|repeat|retest|re-?scan|follow[ _-]?up)(?:[ _-].*)?",
    re.IGNORECASE,
)
"""Folders that are named for something else than a participant: contents, fields, dates and visits."""

NUMBERED = re.compile(r"\d{5}")
"""What a folder's name holds if it is named by a participant's number; it goes before nearer folders."""

DEEPEST = 6
"""Folders below the dataset's that are looked into."""

LOOKED_AT = 20_000
"""Entries that are looked at to tell whether a folder holds archives at all."""

FRESH_SECONDS = 60.0
FEW_FOLDERS = 100
"""A listing is used again for so long, if nothing was added or removed in its folders, where they are few."""


@dataclass
class Archives:
    """What a folder of bulk downloads holds.

    Parameters
    ----------
    visits
        (participant, visit) to its archives, sorted by name.
    passed_over
        Files and folders that look like cine downloads and were not taken, relative to the folder.
    folders
        Every folder looked into, with its modification time.
    """

    visits: dict[tuple[str, str], list[RawFile]] = field(default_factory=lambda: defaultdict(list))
    passed_over: list[str] = field(default_factory=list)
    folders: dict[Path, int] = field(default_factory=dict)
    seen_at: float = 0.0

    def fresh(self) -> bool:
        """Whether the listing still holds."""
        if time.monotonic() - self.seen_at > FRESH_SECONDS:
            return False
        few = self.folders.items() if len(self.folders) <= FEW_FOLDERS else ()
        return all(folder.is_dir() and folder.stat().st_mtime_ns == then for folder, then in few)


_LISTED: dict[Path, Archives] = {}
"""Listings of this process: a job asks for its subjects one by one."""


def list_archives(root: Path, skip: Collection[Path] = (), *, again: bool = True) -> Archives:
    """List the archives below a folder; no content is read.

    Parameters
    ----------
    root
        The dataset's folder.
    skip
        Folders that hold something else (annotations).
    again
        Whether to look anew; else a fresh listing of this process is used.
    """
    known = _LISTED.get(root)
    if known is not None and not again and known.fresh():
        return known
    found = Archives(seen_at=time.monotonic())
    for entry, name in _entries(root, {path.resolve() for path in skip}, found.folders):
        match = None if is_folder(entry) else ARCHIVE.fullmatch(entry.name)
        participant = match and (match["id"] or _folder_of_participant(name))
        record = record_of(entry, name) if match and participant else None
        if match and participant and record is not None:
            found.visits[participant, match["instance"]].append(record)
        elif _looks_like_cines(entry):
            found.passed_over.append(name)
    for files in found.visits.values():
        files.sort()
    found.passed_over.sort()
    _LISTED[root] = found
    return found


def holds_archives(root: Path) -> bool:
    """Whether an archive of cines lies in a folder or below, among the first entries looked at."""
    entries = islice(_entries(root, set(), {}), LOOKED_AT)
    return any(ARCHIVE.fullmatch(entry.name) and not is_folder(entry) for entry, _ in entries)


def _entries(
    root: Path, skip: Collection[Path], folders: dict[Path, int]
) -> Iterator[tuple["os.DirEntry[str]", str]]:
    """Every visible file and unpacked archive, level by level, with its name from the root."""
    level = [""]
    seen: set[tuple[int, int]] = set()
    for _ in range(DEEPEST + 1):
        below: list[str] = []
        for name in sorted(level):
            try:
                status = (root / name).stat()
                if (status.st_dev, status.st_ino) in seen:
                    continue  # A link that leads back.
                seen.add((status.st_dev, status.st_ino))
                folders[root / name] = status.st_mtime_ns
                with os.scandir(root / name) as listed:
                    entries = [entry for entry in listed if not entry.name.startswith((".", "__MACOSX"))]
            except OSError:
                continue
            for entry in entries:
                path = f"{name}/{entry.name}" if name else entry.name
                if not is_folder(entry) or UNPACKED.fullmatch(entry.name):
                    yield entry, path
                elif not skip or Path(entry.path).resolve() not in skip:
                    below.append(path)
        level = below


def _folder_of_participant(name: str) -> str:
    """Name of the nearest folder above that can be a participant's; empty where there is none."""
    above = [folder for folder in name.split("/")[-2::-1] if not NOT_PARTICIPANTS.fullmatch(folder)]
    return next((folder for folder in above if NUMBERED.search(folder)), above[0] if above else "")


def _looks_like_cines(entry: "os.DirEntry[str]") -> bool:
    """Whether a file or folder that was not taken may hold cines; other fields' archives do not."""
    name = entry.name.lower()
    if is_folder(entry):
        return True
    if name.endswith(NO_ARCHIVES) or WORKSPACE in name:
        return False
    if MAYBE_CINES.search(name):
        return True
    return name.endswith(ARCHIVE_SUFFIXES) and not OTHER_FIELD.match(name)


def one_of_each(root: Path, names: Sequence[str]) -> tuple[list[str], list[Finding]]:
    """Choose one archive of each field and array number of a visit; copies are never read together.

    Parameters
    ----------
    root
        The dataset's folder.
    names
        The visit's archives, relative to it.

    Returns
    -------
    tuple
        The archives to read, and ``DUPLICATE`` for those that are not: for information where their content
        is the same, for review where it differs, since they may be of another visit.
    """
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in names:
        match = ARCHIVE.fullmatch(name.rsplit("/", 1)[-1])
        if match:
            groups[match["field"], match["array"]].append(name)
    taken: list[str] = []
    findings: list[Finding] = []
    for same_name in groups.values():
        first, *others = sorted(same_name, key=lambda name: _preference(root, name))
        taken.append(first)
        for other in others:
            equal = _content(root / other) == _content(root / first)
            words = "the same content" if equal else "other content; find out which of them is this visit's"
            message = f"Archive {other} was not read: {first} has the same name or number, and {words}."
            findings.append(Finding(Code.DUPLICATE, Level.INFO if equal else Level.REVIEW, message))
    return sorted(taken), findings


def _preference(root: Path, name: str) -> tuple[bool, bool, int, str]:
    """Whole archives first, then those whose name says nothing of a copy, then those higher up."""
    match = ARCHIVE.fullmatch(name.rsplit("/", 1)[-1])
    copy = match is None or bool(match["copy"] or match["copy_of"]) or not name.lower().endswith(".zip")
    return not zipfile.is_zipfile(root / name), copy, name.count("/"), name


def _content(path: Path) -> object:
    """What distinguishes two archives: the checksums of their members, or the bytes of a broken one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted((member.filename, member.file_size, member.CRC) for member in archive.infolist())
    except FORMAT_FAULTS:
        return digest_file(path)
