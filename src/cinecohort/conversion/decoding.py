"""Pixels that are not plain: decoded by pydicom and its libraries, none of which is trusted.

A decoder written in C believes what the header says of the image and what the compressed stream says of
itself. Where the two differ it wraps the rows anew, or ends the process. So they are compared before, and
the result's size afterwards. In a worker process, a decoder that does not come to an end ends the worker.
"""

import multiprocessing
import signal
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, NamedTuple

import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from cinecohort.conversion.dicom_header import (
    Header,
    UnreadableFile,
    quiet_pydicom,
    unreadable_where_damaged,
)

_START_OF_SCAN = 0xDA
_START_OF_FRAME = frozenset(
    (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xF7)
)
"""JPEG markers that give the image's size; 0xF7 is that of JPEG-LS."""

_JPEG, _JPEG_2000 = b"\xff\xd8\xff", b"\xff\x4f\xff\x51"
_LOOKED_THROUGH = 1 << 16
"""Bytes of a stream within which its header lies."""


class _Stated(NamedTuple):
    rows: int
    columns: int
    bits: int
    samples: int


def decode(content: bytes, dataset: Dataset | None, values: Header, seconds: int) -> NDArray[Any]:
    """Stored values of all frames of a file, as (frames, rows, columns).

    Parameters
    ----------
    content
        The file.
    dataset
        The file as pydicom read it, where it has.
    values
        What its header says.
    seconds
        Processor time after which a worker process that still decodes is ended.

    Raises
    ------
    UnreadableFile
        If the pixels cannot be decoded, or are not of the size that the header states.
    """
    with unreadable_where_damaged("the pixels cannot be decoded"), quiet_pydicom():
        dataset = dataset or pydicom.dcmread(BytesIO(content))
        if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
            _check_streams(dataset, values)
        with _ended_after(seconds):
            pixels = pydicom.pixels.pixel_array(dataset, raw=True)
    rows, columns, n_frames = values["Rows"], values["Columns"], _n_frames(dataset)
    if pixels.shape not in ((rows, columns), (n_frames, rows, columns)):
        raise UnreadableFile(f"decoded to {pixels.shape}, where the header states {rows} x {columns}")
    return pixels.reshape(-1, rows, columns)


def _n_frames(dataset: Dataset) -> int:
    return int(dataset.get("NumberOfFrames", 1) or 1)


def _check_streams(dataset: Dataset, values: Header) -> None:
    """Hold every compressed frame's own size against the header's.

    Raises
    ------
    UnreadableFile
        If they differ, or there are fewer frames than stated.
    """
    n_frames = _n_frames(dataset)
    samples = values.get("SamplesPerPixel", 1)
    n_found = 0
    for stream in generate_frames(dataset.PixelData, number_of_frames=n_frames):
        n_found += 1
        said = _stated_by(stream)
        if said is None:
            continue
        if (said.rows, said.columns, said.samples) != (values["Rows"], values["Columns"], samples):
            raise UnreadableFile(
                f"the compressed image has {said.rows} x {said.columns} pixels, where the header states "
                f"{values['Rows']} x {values['Columns']}"
            )
        if said.bits > values["BitsAllocated"]:
            raise UnreadableFile("the compressed image has more bits than the header states")
    if n_found < n_frames:
        raise UnreadableFile(f"holds {n_found} frames, where the header states {n_frames}")


def _stated_by(stream: bytes) -> _Stated | None:
    """Size of the image as a JPEG, JPEG-LS or JPEG 2000 stream states it; None for others (RLE)."""
    head = bytes(stream[:_LOOKED_THROUGH])
    place = head.find(_JPEG_2000)
    if place >= 0:
        right, lower, left, upper = struct.unpack_from(">4I", head, place + 8)
        samples, bits = struct.unpack_from(">HB", head, place + 40)
        return _Stated(lower - upper, right - left, (bits & 0x7F) + 1, samples)
    return _stated_by_jpeg(head) if head.startswith(_JPEG) else None


def _stated_by_jpeg(head: bytes) -> _Stated:
    """Size by the start of the frame; all segments up to the pixels have to follow each other.

    gdcm ends the process where they do not.
    """
    offset, stated = 2, None
    while offset + 4 <= len(head) or stated is None:
        prefix, marker, length = struct.unpack_from(">BBH", head, offset)
        if prefix != 0xFF or (marker == _START_OF_SCAN and stated is None):
            raise UnreadableFile("the compressed image has no whole header")
        if marker == _START_OF_SCAN:
            break
        if marker == 0xFF:  # Filling between markers.
            offset += 1
            continue
        if marker in _START_OF_FRAME:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", head, offset + 4)
            stated = _Stated(rows, columns, bits, samples)
        offset += 2 + length
    assert stated is not None
    return stated


@contextmanager
def _ended_after(seconds: int) -> Iterator[None]:
    """End this process if it is a worker and computes for longer: code written in C heeds nothing less."""
    in_worker = multiprocessing.parent_process() is not None
    if not in_worker or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
