"""The few header values that conversion needs, read fast, with pydicom for whatever is not plain.

A plain file (little endian, not deflated, one image) is walked element by element: some ten times faster
than building a whole dataset, which counts with five hundred files per subject. Everything else goes through
pydicom. Both ways give the same values.
"""

import logging
import math
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pydicom
from isal import isal_zlib
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from cinecohort.conversion.dicom_tags import KEYWORDS, PRIVATE
from cinecohort.conversion.limits import DEFAULT_LIMITS, MEGABYTE, Limits, OverLimit
from cinecohort.errors import FORMAT_FAULTS, is_machine_fault

Header = dict[str, Any]
"""DICOM keyword to value: text, tuple of texts, float, tuple of floats or int; absent where empty."""

PIXEL_DATA = 0x7FE00010
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_NO_IMAGE_CLASSES = tuple(_STORAGE + part for part in ("88.", "104.", "11.", "9.", "66", "481."))
"""Structured reports, documents, presentation states, waveforms, raw data and segmentations, radiotherapy."""
_IMAGE_CLASSES = tuple(_STORAGE + part for part in ("4", "4.1", "4.3", "4.4", "7"))
"""Magnetic resonance images and captured ones; what else has no matrix is no image that was cut off."""
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
_UNDEFINED = 0xFFFFFFFF
_PER_FRAME_GROUPS = 0x52009230
"""Where enhanced objects say of each frame, also of a single one, where it lies."""
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG_VR = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_EXPLICIT = struct.Struct("<HH2sH")
_IMPLICIT = struct.Struct("<HHI")
_LENGTH = struct.Struct("<I")


_LAST_OF_IDENTITY = 0x00200052
"""Patient, study, dates and frame of reference lie no further back in a file."""

_DAMAGED_STREAM: type[Exception] = isal_zlib.error  # type: ignore[assignment]
PYDICOM_FAULTS: tuple[type[Exception], ...] = (
    *FORMAT_FAULTS,
    InvalidDicomError,
    BytesLengthException,
    OSError,
    _DAMAGED_STREAM,
)
"""By which pydicom and its decoders say that a file is damaged; see :func:`unreadable_where_damaged`."""


class NotPlain(Exception):
    """The file has a layout that only pydicom should read."""


class UnreadableFile(Exception):
    """The bytes are not a whole DICOM image; the message says why, in words that name no file."""


class NoImage(Exception):
    """The file is whole DICOM and holds no image: a report, a document, a directory."""


@dataclass(slots=True)
class DicomHeader:
    """Header values of a file and where its pixels are.

    Parameters
    ----------
    values
        See :data:`Header`.
    pixel_offset
        Offset of the pixels' first byte in the file; None where pydicom has to find them.
    dataset
        The whole dataset, where pydicom read it.
    ignored
        Keywords whose values are damaged (text where a number belongs) and were left out.
    contradictions
        What the file says of its number of frames against what it holds, in words.
    """

    values: Header
    pixel_offset: int | None = None
    dataset: Dataset | None = None
    ignored: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)


def is_dicom(content: bytes) -> bool:
    """Whether the bytes begin as a DICOM file: a preamble of 128 bytes, then ``DICM``."""
    return content[128:132] == b"DICM"


def with_preamble(content: bytes) -> bytes:
    """The content with the preamble, and the transfer syntax, that old scanners and exports leave out.

    What does not begin as DICOM does, with an element of group 2 or 8, is given as it is.
    """
    if is_dicom(content) or len(content) < 8:
        return content
    group, element, representation, _ = _EXPLICIT.unpack_from(content)
    (length,) = _LENGTH.unpack_from(content, 4)
    explicit = representation.isalpha() and representation.isupper()
    if group not in (2, 8) or element > 0x18 or not (explicit or length <= 128):
        return content
    meta = b""
    if group == 8:
        syntax = (EXPLICIT_LITTLE if explicit else IMPLICIT_LITTLE).encode()
        meta = (
            _EXPLICIT.pack(2, 0x10, b"UI", len(syntax) + len(syntax) % 2) + syntax + b"\0" * (len(syntax) % 2)
        )
    return bytes(128) + b"DICM" + meta + content


def read_header(content: bytes, limits: Limits = DEFAULT_LIMITS) -> DicomHeader:
    """Read the values that conversion needs.

    Raises
    ------
    UnreadableFile
        If the bytes are not DICOM, end too early, describe an image that cannot be, or ask for more than the
        limits.
    NoImage
        If the file is of another kind.
    """
    if not is_dicom(content):
        raise UnreadableFile("not a DICOM file")
    try:
        header = _walk(content)
    except NotPlain:
        header = read_with_pydicom(_deflated_within(content, limits))
    except RecursionError as fault:
        raise UnreadableFile("its sequences lie too deep within one another") from fault
    except (struct.error, IndexError) as fault:
        raise UnreadableFile("the file ends too early") from fault
    values = header.values
    if not (values.get("Rows") and values.get("Columns") and values.get("BitsAllocated") in (8, 16, 32)):
        raise UnreadableFile("its matrix or number of bits cannot be")
    try:
        _check_size(values, limits)
    except OverLimit as fault:
        raise UnreadableFile(str(fault)) from fault
    return header


def read_identity(start: bytes) -> Header | None:
    """Patient, study, dates and frame of reference from the first bytes of a file; None where that fails."""
    try:
        return _walk(start, _LAST_OF_IDENTITY + 1).values if is_dicom(start) else None
    except (NotPlain, UnreadableFile, NoImage, struct.error, IndexError):
        return None


def _check_size(values: Header, limits: Limits) -> None:
    """Refuse an image that asks for more than the limits, before memory is asked for."""
    n_frames, pixels = int(values.get("NumberOfFrames", 1) or 1), values["Rows"] * values["Columns"]
    if pixels > 1e6 * limits.frame_megapixels:
        raise OverLimit("states more pixels in a frame", "frame_megapixels")
    if n_frames > limits.frames:
        raise OverLimit("states more frames", "frames")
    size = n_frames * pixels * values.get("SamplesPerPixel", 1) * values["BitsAllocated"] // 8
    if size > limits.file_mb * MEGABYTE:
        raise OverLimit("states more bytes of pixels", "file_mb")


def _deflated_within(content: bytes, limits: Limits) -> bytes:
    """Return the file as it is, if it is not deflated or inflates to no more than the limit."""
    try:
        offset, syntax = _walk_file_meta(content)
    except NotPlain:
        return content
    if syntax == DEFLATED:
        most = limits.file_mb * MEGABYTE
        inflating = isal_zlib.decompressobj(-15)
        try:
            size = len(inflating.decompress(content[offset:], MEGABYTE))
            while not inflating.eof and inflating.unconsumed_tail and size <= most:
                size += len(inflating.decompress(inflating.unconsumed_tail, MEGABYTE))
        except _DAMAGED_STREAM as fault:
            raise UnreadableFile("the deflated data are damaged") from fault
        if size > most:
            raise UnreadableFile(str(OverLimit("inflates to more", "file_mb")))
    return content


def _walk(content: bytes, stop: int = PIXEL_DATA) -> DicomHeader:
    values: Header = {}
    ignored: list[str] = []
    creators: dict[int, str] = {}
    offset, syntax = _walk_file_meta(content)
    if syntax in (DEFLATED, EXPLICIT_BIG):
        raise NotPlain
    values["TransferSyntaxUID"] = syntax
    implicit = syntax == IMPLICIT_LITTLE
    end = len(content)
    wanted = KEYWORDS
    while offset < end:
        if implicit:
            group, element, length = _IMPLICIT.unpack_from(content, offset)
            offset += 8
            representation = b""
        else:
            group, element, representation, length = _EXPLICIT.unpack_from(content, offset)
            offset += 8
            if representation in _LONG_VR:
                (length,) = _LENGTH.unpack_from(content, offset)
                offset += 4
        tag = group << 16 | element
        if tag >= stop:
            if stop != PIXEL_DATA:
                return DicomHeader(values)
            if tag == PIXEL_DATA:
                return _with_pixels(content, DicomHeader(values, ignored=ignored), offset, length)
        if tag == _PER_FRAME_GROUPS:
            raise NotPlain
        if length == _UNDEFINED:
            if representation == b"UN":
                raise NotPlain
            offset = _skip_sequence(content, offset, implicit)
            continue
        known = wanted.get(tag)
        if group & 1 and known is None:
            known = _private(tag, content[offset : offset + min(length, 64)], creators)
        if known is not None:
            if offset + length > end:
                raise UnreadableFile("the file ends too early")
            keyword, kind = known
            try:
                value = _usable(keyword, _decode(content[offset : offset + length], kind))
            except ValueError:
                ignored.append(keyword)
                value = None
            if value is not None:
                values[keyword] = value
            if keyword == "NumberOfFrames" and value and value > 1:
                raise NotPlain
        offset += length
    if offset > end:
        raise UnreadableFile("the file ends too early")
    raise _without_pixels(values)


def _private(tag: int, start: bytes, creators: dict[int, str]) -> tuple[str, str] | None:
    """Keyword and kind of a private element; a creator is noted under the block that it reserves."""
    element = tag & 0xFFFF
    if 0x10 <= element <= 0xFF:
        creators[tag & 0xFFFF0000 | element << 8] = _text(start)
        return None
    creator = creators.get(tag & 0xFFFFFF00)
    return None if creator is None else PRIVATE.get((creator, tag & 0xFFFF00FF))


def _without_pixels(values: Header) -> Exception:
    sop_class = str(values.get("SOPClassUID", ""))
    other = sop_class and sop_class not in _IMAGE_CLASSES and "Rows" not in values
    if other or sop_class.startswith(_NO_IMAGE_CLASSES):
        return NoImage("holds no image")
    return UnreadableFile("the file ends before its pixels")


def _walk_file_meta(content: bytes) -> tuple[int, str]:
    """Offset of the first element after group 2, and the transfer syntax."""
    offset, syntax = 132, ""
    while content[offset : offset + 2] == b"\x02\x00":
        _, element, representation, length = _EXPLICIT.unpack_from(content, offset)
        offset += 8
        if representation in _LONG_VR:
            (length,) = _LENGTH.unpack_from(content, offset)
            offset += 4
        if element == 0x0010:
            syntax = _text(content[offset : offset + length])
        offset += length
    if not syntax:
        raise NotPlain
    return offset, syntax


def _skip_sequence(content: bytes, offset: int, implicit: bool) -> int:
    """Offset behind a sequence of undefined length that begins at `offset`."""
    while True:
        group, element, length = _IMPLICIT.unpack_from(content, offset)
        offset += 8
        tag = group << 16 | element
        if tag == _SEQUENCE_END:
            return offset
        if tag != _ITEM:
            raise NotPlain
        offset = _skip_item(content, offset, implicit) if length == _UNDEFINED else offset + length


def _skip_item(content: bytes, offset: int, implicit: bool) -> int:
    while True:
        group, element, length = _IMPLICIT.unpack_from(content, offset)
        representation = b""
        if group << 16 | element == _ITEM_END:
            return offset + 8
        if not implicit:
            _, _, representation, length = _EXPLICIT.unpack_from(content, offset)
            if representation in _LONG_VR:
                (length,) = _LENGTH.unpack_from(content, offset + 8)
                offset += 4
        offset += 8
        if length != _UNDEFINED:
            offset += length
        elif representation == b"UN":
            raise NotPlain
        else:
            offset = _skip_sequence(content, offset, implicit)


def _with_pixels(content: bytes, header: DicomHeader, offset: int, length: int) -> DicomHeader:
    values = header.values
    if length == _UNDEFINED:
        return header
    needed = values.get("Rows", 0) * values.get("Columns", 0) * values.get("SamplesPerPixel", 1)
    needed = needed * values.get("BitsAllocated", 16) // 8
    if offset + needed > len(content) or length < needed:
        raise UnreadableFile("the pixel data end too early")
    if needed and length >= 2 * needed:
        header.contradictions.append(f"pixels of {length // needed} images in a file of one")
    header.pixel_offset = offset
    return header


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Keep pydicom from warning of odd values: its warnings quote them, and they may name a person."""
    logger = logging.getLogger("pydicom")
    disabled, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = disabled


@contextmanager
def unreadable_where_damaged(words: str) -> Iterator[None]:
    """Turn what pydicom and its decoders raise for damaged files into `UnreadableFile`, and nothing else.

    A fault of the machine stays one; pydicom also raises `OSError`, without a number, for damaged files.
    """
    try:
        yield
    except PYDICOM_FAULTS as fault:
        if is_machine_fault(fault):
            raise
        raise UnreadableFile(f"{words} ({type(fault).__name__})") from fault


def read_with_pydicom(content: bytes) -> DicomHeader:
    """As :func:`read_header`, for every file that pydicom can read.

    Raises
    ------
    UnreadableFile
        If pydicom cannot read it, or the pixels are missing.
    NoImage
        If the file is of another kind.
    """
    with unreadable_where_damaged("pydicom cannot read it"), quiet_pydicom():
        dataset = pydicom.dcmread(BytesIO(content))
        ignored: list[str] = []
        values = dataset_values(dataset, ignored)
        values["TransferSyntaxUID"] = str(dataset.file_meta.TransferSyntaxUID)
    if "PixelData" not in dataset:
        raise _without_pixels(values)
    return DicomHeader(values, dataset=dataset, ignored=ignored)


def dataset_values(dataset: Dataset, ignored: list[str]) -> Header:
    """Return the wanted values of a pydicom dataset (not those of its sequences).

    Parameters
    ----------
    dataset
        The dataset.
    ignored
        The keywords of damaged values are added to it.
    """
    values: Header = {}
    creators: dict[int, str] = {}
    for tag in sorted(dataset.keys()):
        known = KEYWORDS.get(tag)
        if known is None and tag.is_private:
            known = _private(tag, _bytes_of(dataset, tag), creators)
        if known is None:
            continue
        keyword, kind = known
        try:
            element = dataset[tag]
            value = None if element.value in (None, "") else _from_pydicom(element.value, kind)
            value = _usable(keyword, value)
        except PYDICOM_FAULTS:
            ignored.append(keyword)
            continue
        if value is not None:
            values[keyword] = value
    return values


def _bytes_of(dataset: Dataset, tag: BaseTag) -> bytes:
    """The text of an element that reserves a private block; empty for all others."""
    return str(dataset[tag].value).encode("latin-1", "replace") if 0x10 <= tag.element <= 0xFF else b""


def _usable(keyword: str, value: Any) -> Any:
    """The value, unless it says nothing: a slope of 0 would make all pixels alike, and a reader none."""
    if keyword == "RescaleSlope" and value == 0:
        raise ValueError("a slope of 0")
    return value


def _from_pydicom(value: Any, kind: str) -> Any:
    if isinstance(value, bytes):
        return _decode(value, kind)
    several = list(value) if isinstance(value, (MultiValue, list, tuple)) else [value]
    if not several:
        return None
    if kind == "text":
        return "\\".join(str(item).strip() for item in several)
    if kind == "texts":
        return tuple(str(item).strip() for item in several)
    if kind == "numbers":
        return tuple(float(item) for item in several)
    if kind in ("float32", "float64"):
        return _largest([float(item) for item in several])
    return int(several[0]) if kind == "unsigned" else _finite(float(several[0]))


def _decode(raw: bytes, kind: str) -> Any:
    if kind == "unsigned":
        return int.from_bytes(raw[:2], "little") if len(raw) >= 2 else None
    if kind in ("float32", "float64"):
        form, size = ("<f", 4) if kind == "float32" else ("<d", 8)
        whole = raw and len(raw) % size == 0
        return _largest([value for (value,) in struct.iter_unpack(form, raw)]) if whole else None
    text = _text(raw)
    if not text:
        return None
    if kind == "text":
        return text
    if kind == "texts":
        return tuple(item.strip() for item in text.split("\\"))
    if kind == "numbers":
        return tuple(float(item) for item in text.split("\\"))
    return _finite(float(text.split("\\", 1)[0]))


def _largest(values: list[float]) -> float | None:
    """One value for an element: of several (the velocities of three axes), that farthest from 0."""
    return _finite(max(values, key=abs))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _text(raw: bytes) -> str:
    return raw.decode("latin-1").strip(" \x00")
