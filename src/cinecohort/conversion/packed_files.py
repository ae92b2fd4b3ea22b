"""Packed files among the raw ones: what gzip, tar and zip hold inside a folder or an archive."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from itertools import count

from cinecohort.conversion.dicom_header import is_dicom
from cinecohort.conversion.raw_files import RawBytes, read_zip

PACKED = frozenset((".gz", ".tgz", ".tar", ".zip", ".bz2", ".xz", ".7z", ".rar", ".zst", ".z"))
"""Suffixes of files that may hold images."""

MAX_DEPTH = 3
"""Archives in archives in archives are read, no deeper."""

MAX_BYTES = 4 << 30
"""What one packed file may unpack to; more is not a patient's study."""


def unpacked(files: Iterable[RawBytes], depth: int = 0) -> Iterator[RawBytes]:
    """Give files as they are, and packed ones by what they hold; what cannot be unpacked has its fault.

    Reports, NIfTI images and tables that are packed are given as they are: their names tell what they hold.
    """
    for file in files:
        content = file.content
        if content is None or is_dicom(content) or depth >= MAX_DEPTH:
            yield file
        elif content[:4] == b"PK\x03\x04" and file.name.lower().endswith(".zip"):
            members = (
                RawBytes(f"{file.name}/{m.name}", m.content, m.fault) for m in read_zip(content, file.name)
            )
            yield from unpacked(members, depth + 1)
        elif content[:2] == b"\x1f\x8b" and not file.name.lower().endswith(".nii.gz"):
            yield from unpacked([_gunzipped(file)], depth + 1)
        elif content[257:262] == b"ustar":
            yield from unpacked(_members_of_tar(file), depth + 1)
        else:
            yield file


def _gunzipped(file: RawBytes) -> RawBytes:
    name = file.name[: -len(".gz")] if file.name.lower().endswith(".gz") else f"{file.name}.tar"
    try:
        with gzip.open(io.BytesIO(file.content or b"")) as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        return RawBytes(name, None, "is damaged gzip")
    if len(content) > MAX_BYTES:
        return RawBytes(name, None, "is too large when unpacked")
    return RawBytes(name, content)


def _members_of_tar(file: RawBytes) -> Iterator[RawBytes]:
    try:
        with tarfile.open(fileobj=io.BytesIO(file.content or b"")) as archive:
            for number in count():
                member = archive.next()
                if member is None:
                    return
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is not None and not member.name.rsplit("/", 1)[-1].startswith("."):
                    yield RawBytes(f"{file.name}/{member.name}", stream.read())
                if number > 1_000_000:
                    return
    except (tarfile.TarError, OSError, EOFError):
        yield RawBytes(file.name, None, "is a damaged tar archive")
