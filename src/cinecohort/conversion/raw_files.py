"""The raw files of a subject as names and bytes: folders are walked, zip archives read in memory."""

import struct
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from isal import isal_zlib
from isal.igzip_lib import IsalError

from cinecohort.conversion.dicom_header import is_dicom

NEVER_IMAGES = frozenset(
    (".txt", ".csv", ".cvs", ".tsv", ".json", ".xml", ".pdf", ".md", ".html", ".jpg", ".png", ".cfg")
)
"""Suffixes of files that lie about with images; only if such a file is DICOM after all is it looked at."""

_DAMAGE: tuple[type[Exception], ...] = (IsalError, struct.error, ValueError)  # type: ignore[assignment]
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")


@dataclass(slots=True)
class RawBytes:
    """A file's name and content; None where it could not be read, with the reason."""

    name: str
    content: bytes | None
    fault: str = ""


def read_files(paths: Iterable[Path]) -> Iterator[RawBytes]:
    """Read files one after the other; zip archives among them give their members."""
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as fault:
            yield RawBytes(path.name, None, f"cannot be read ({fault.strerror})")
            continue
        if content[:4] == b"PK\x03\x04" or path.suffix.lower() == ".zip":
            yield from read_zip(content, path.name)
        else:
            yield RawBytes(path.name, content)


def read_zip(content: bytes, name: str) -> Iterator[RawBytes]:
    """Give the members of a zip archive in memory.

    Members are inflated by isal, over twice as fast as zlib, straight from the archive's bytes; each is
    checked against its CRC.
    """
    try:
        archive = zipfile.ZipFile(BytesIO(content))
    except (zipfile.BadZipFile, OSError, ValueError):
        yield RawBytes(name, None, "is not a whole zip archive")
        return
    view = memoryview(content)
    for member in archive.infolist():
        if member.is_dir() or member.filename.rsplit("/", 1)[-1].startswith("."):
            continue
        try:
            yield RawBytes(member.filename, _inflate(view, member))
        except _DAMAGE:
            yield RawBytes(member.filename, None, "is damaged in the archive")


def _inflate(archive: memoryview, member: zipfile.ZipInfo) -> bytes:
    header = _LOCAL_HEADER.unpack_from(archive, member.header_offset)
    if header[0] != b"PK\x03\x04" or member.flag_bits & 1:
        raise ValueError("no local header, or encrypted")
    start = member.header_offset + _LOCAL_HEADER.size + header[9] + header[10]
    packed = archive[start : start + member.compress_size]
    if len(packed) < member.compress_size:
        raise ValueError("ends too early")
    if member.compress_type == zipfile.ZIP_STORED:
        content = bytes(packed)
    elif member.compress_type == zipfile.ZIP_DEFLATED:
        content = isal_zlib.decompress(packed, -15, max(member.file_size, 1))
    else:
        raise ValueError("another compression")
    if len(content) != member.file_size or isal_zlib.crc32(content) != member.CRC:
        raise ValueError("wrong checksum")
    return content


def ought_to_be_image(file: RawBytes) -> bool:
    """Whether a file is DICOM, or is named as if it were; other files lie there for other reasons."""
    name = file.name.rsplit("/", 1)[-1].lower()
    if name.startswith("dicomdir"):
        return False
    if file.content is not None and is_dicom(file.content):
        return True
    suffix = Path(name).suffix
    if file.content is None:
        return suffix not in NEVER_IMAGES
    if suffix in (".dcm", ".dicom", ".ima", ".zip"):
        return True
    return suffix not in NEVER_IMAGES and not suffix[1:].isalpha() and not _is_text(file.content)


def _is_text(content: bytes) -> bool:
    """Whether a file without a telling suffix is words (README, LICENSE): all of its start is printable."""
    start = content[:200]
    return bool(start) and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start)
