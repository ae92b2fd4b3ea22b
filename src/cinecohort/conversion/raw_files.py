"""The raw files of a subject as names and bytes: folders are walked, zip archives read in memory.

What a file is to blame for is said of it (:attr:`RawBytes.fault`); what the machine is to blame for is
raised.
"""

import errno
import os
import stat
import struct
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from isal import isal_zlib
from isal.igzip_lib import IsalError

from cinecohort.conversion.dicom_header import is_dicom
from cinecohort.conversion.limits import DEFAULT_LIMITS, MEGABYTE, Limits, OverLimit
from cinecohort.errors import FORMAT_FAULTS, Vanished

NEVER_IMAGES = frozenset(
    (".txt", ".csv", ".cvs", ".tsv", ".json", ".xml", ".pdf", ".md", ".html", ".jpg", ".png", ".cfg")
)
"""Suffixes of files that lie about with images; only if such a file is DICOM after all is it looked at."""

ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar")
"""Suffixes of archives that may hold a subject."""

HEAD_BYTES = 200
"""Length of a file's start that shows whether it ought to be an image."""

_DAMAGE: tuple[type[Exception], ...] = (IsalError, struct.error, ValueError)  # type: ignore[assignment]
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_ENTRY_BYTES = 300
"""Of an archive's directory for each file, with a long name."""


@dataclass(slots=True)
class RawBytes:
    """A file's name and content; None where it could not be read, with the reason."""

    name: str
    content: bytes | None
    fault: str = ""


class Budget:
    """Counts what is kept in memory of a subject."""

    def __init__(self, limits: Limits):
        self.limits = limits
        self.left = limits.subject_mb * MEGABYTE

    def fault(self, size: int) -> str:
        """Why a file of `size` bytes is not read; empty where it is, and then counted."""
        if size > self.limits.file_mb * MEGABYTE:
            return str(OverLimit("is larger", "file_mb"))
        if size > self.left:
            return str(OverLimit("with the files before it is larger", "subject_mb"))
        self.left -= size
        return ""


def read_files(paths: Iterable[Path], limits: Limits = DEFAULT_LIMITS) -> Iterator[RawBytes]:
    """Read files one after the other; zip archives among them give their members.

    Raises
    ------
    OSError
        If the machine does not give a file that is there, or one that was listed is not there any more.
    """
    budget = Budget(limits)
    for path in paths:
        fault, size = looked_at(path)
        if fault:
            yield RawBytes(path.name, None, fault)
        elif size > (limits.subject_mb if is_archive(path) else limits.file_mb) * MEGABYTE:
            yield _too_large(path.name, _head(path), budget.fault(size))
        else:
            content = path.read_bytes()
            if content[:4] == b"PK\x03\x04" or path.suffix.lower() == ".zip":
                yield from read_zip(content, path.name, limits, budget)
            elif fault := budget.fault(size):
                yield _too_large(path.name, content[:HEAD_BYTES], fault)
            else:
                yield RawBytes(path.name, content)


def is_archive(path: Path) -> bool:
    """Whether a file is an archive by its name."""
    return path.name.lower().endswith(ARCHIVES)


def looked_at(path: Path) -> tuple[str, int]:
    """What is odd about a path that is no file to be read (empty for a file), and its size in bytes.

    Raises
    ------
    Vanished
        If a file that was listed is not there any more.
    OSError
        If the machine does not say.
    """
    try:
        found = path.stat()
    except OSError as fault:
        if fault.errno == errno.ENAMETOOLONG:
            return "its path is too long", 0
        if fault.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise
        if path.is_symlink():
            return "a link that leads to nothing", 0
        raise Vanished(f"{path}: is not there any more; it was when the raw data were listed") from fault
    if stat.S_ISREG(found.st_mode):
        return "", found.st_size
    if not stat.S_ISDIR(found.st_mode):
        return "neither a file nor a folder", 0
    with os.scandir(path):  # A folder is among the files only where it could not be listed.
        return "a link that leads back to a folder above it" if path.is_symlink() else "an odd folder", 0


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(HEAD_BYTES)


def _too_large(name: str, head: bytes, fault: str) -> RawBytes:
    """A file that is not read whole; what is no image by its beginning is none of our business."""
    plain = RawBytes(name, head)
    return RawBytes(name, None, fault) if is_dicom(head) or ought_to_be_image(plain) else plain


def read_zip(
    content: bytes, name: str, limits: Limits = DEFAULT_LIMITS, budget: Budget | None = None
) -> Iterator[RawBytes]:
    """Give the members of a zip archive in memory.

    Members are inflated by isal, over twice as fast as zlib, straight from the archive's bytes; each is
    checked against its CRC. None is inflated beyond what the archive says of it, nor beyond the limits.
    """
    budget = budget or Budget(limits)
    try:
        if _directory_bytes(content) > limits.files * _ENTRY_BYTES:
            raise OverLimit("lists more files", "files")
        members = zipfile.ZipFile(BytesIO(content)).infolist()
        if len(members) > limits.files:
            raise OverLimit("lists more files", "files")
    except OverLimit as over:
        yield RawBytes(name, None, str(over))
        return
    except FORMAT_FAULTS:
        yield RawBytes(name, None, "is not a whole zip archive")
        return
    view = memoryview(content)
    for member in members:
        file = member.filename
        if file.endswith("/") or file.rsplit("/", 1)[-1].startswith("."):
            continue
        try:
            if fault := budget.fault(member.file_size):
                yield _too_large(file, _inflate(view, member, HEAD_BYTES), fault)
            else:
                yield RawBytes(file, _inflate(view, member))
        except _DAMAGE:
            yield RawBytes(file, None, "is damaged in the archive")


def _directory_bytes(content: bytes) -> int:
    """Size of an archive's directory as its end states it, before memory is asked for to hold it."""
    end = content.rfind(b"PK\x05\x06")
    large = content.rfind(b"PK\x06\x06")
    if large >= 0 and large + 48 <= len(content):
        return int(struct.unpack_from("<Q", content, large + 40)[0])
    return int(struct.unpack_from("<I", content, end + 12)[0]) if 0 <= end <= len(content) - 16 else 0


def _inflate(archive: memoryview, member: zipfile.ZipInfo, head_bytes: int | None = None) -> bytes:
    """Content of a member, checked; or its first `head_bytes`, unchecked."""
    header = _LOCAL_HEADER.unpack_from(archive, member.header_offset)
    if header[0] != b"PK\x03\x04" or member.flag_bits & 1:
        raise ValueError("no local header, or encrypted")
    start = member.header_offset + _LOCAL_HEADER.size + header[9] + header[10]
    packed = archive[start : start + member.compress_size]
    if len(packed) < member.compress_size:
        raise ValueError("ends too early")
    if member.compress_type == zipfile.ZIP_STORED:
        content = bytes(packed if head_bytes is None else packed[:head_bytes])
    elif member.compress_type == zipfile.ZIP_DEFLATED:
        wanted = member.file_size if head_bytes is None else min(head_bytes, member.file_size)
        # One byte more than stated is asked for: a member that has it is damaged.
        content = isal_zlib.decompressobj(-15).decompress(packed, wanted + 1)
    else:
        raise ValueError("another compression")
    if head_bytes is not None:
        return content[:head_bytes]
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
    """Whether a file without a known suffix is words (README, LICENSE): all of its start is printable."""
    start = content[:200]
    return bool(start) and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start)
