"""Packed files among the raw ones: what gzip, tar and zip hold inside a folder or an archive."""

import gzip
import io
import tarfile
from collections.abc import Iterable, Iterator
from itertools import count

from cinecohort.conversion.dicom_header import is_dicom
from cinecohort.conversion.limits import DEFAULT_LIMITS, MEGABYTE, Limits, OverLimit
from cinecohort.conversion.raw_files import Budget, RawBytes, read_zip
from cinecohort.errors import FORMAT_FAULTS

PACKED = frozenset((".gz", ".tgz", ".tar", ".zip", ".bz2", ".xz", ".7z", ".rar", ".zst", ".z"))
"""Suffixes of files that may hold images."""

DAMAGED: tuple[type[Exception], ...] = (gzip.BadGzipFile, tarfile.TarError, *FORMAT_FAULTS)

MAX_DEPTH = 3
"""Archives in archives in archives are read, no deeper."""


def unpacked(
    files: Iterable[RawBytes],
    limits: Limits = DEFAULT_LIMITS,
    depth: int = 0,
    budget: Budget | None = None,
) -> Iterator[RawBytes]:
    """Give files as they are, and packed ones by what they hold; what cannot be unpacked has its fault.

    Reports, NIfTI images and tables that are packed are given as they are: their names say what they hold.
    """
    budget = budget or Budget(limits)
    for file in files:
        content = file.content
        if content is None or is_dicom(content) or depth >= MAX_DEPTH:
            yield file
        elif content[:4] == b"PK\x03\x04" and file.name.lower().endswith(".zip"):
            members = (
                RawBytes(f"{file.name}/{m.name}", m.content, m.fault)
                for m in read_zip(content, file.name, limits, budget)
            )
            yield from unpacked(members, limits, depth + 1, budget)
        elif content[:2] == b"\x1f\x8b" and not file.name.lower().endswith(".nii.gz"):
            yield from unpacked([_gunzipped(file, limits)], limits, depth + 1, budget)
        elif content[257:262] == b"ustar":
            yield from unpacked(_members_of_tar(file, limits, budget), limits, depth + 1, budget)
        else:
            yield file


def _gunzipped(file: RawBytes, limits: Limits) -> RawBytes:
    name = file.name[: -len(".gz")] if file.name.lower().endswith(".gz") else f"{file.name}.tar"
    limit = "subject_mb" if name.lower().endswith(".tar") else "file_mb"
    most: int = getattr(limits, limit)
    try:
        with gzip.open(io.BytesIO(file.content or b"")) as stream:
            content = stream.read(most * MEGABYTE + 1)
    except DAMAGED:
        return RawBytes(name, None, "is damaged gzip")
    if len(content) > most * MEGABYTE:
        return RawBytes(name, None, str(OverLimit("unpacks to more", limit)))
    return RawBytes(name, content)


def _members_of_tar(file: RawBytes, limits: Limits, budget: Budget) -> Iterator[RawBytes]:
    try:
        with tarfile.open(fileobj=io.BytesIO(file.content or b"")) as archive:
            for number in count():
                member = archive.next()
                if member is None:
                    return
                if number >= limits.files:
                    raise OverLimit("holds more files", "files")
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is None or member.name.rsplit("/", 1)[-1].startswith("."):
                    continue
                fault = budget.fault(member.size)
                yield RawBytes(f"{file.name}/{member.name}", None if fault else stream.read(), fault)
    except OverLimit as over:
        yield RawBytes(file.name, None, str(over))
    except DAMAGED:
        yield RawBytes(file.name, None, "is a damaged tar archive")
