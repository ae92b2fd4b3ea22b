"""One record per frame, whatever the layout of the files: one image per file, or many."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments

from cinecohort.conversion.decoding import decode
from cinecohort.conversion.dicom_header import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    PYDICOM_FAULTS,
    DicomHeader,
    Header,
    UnreadableFile,
    dataset_values,
    quiet_pydicom,
    unreadable_where_damaged,
)
from cinecohort.conversion.dicom_tags import PRIVATE
from cinecohort.conversion.limits import DEFAULT_LIMITS, Limits

_GEOMETRY = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
NATIVE = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED)
"""Transfer syntaxes that keep the pixels as they are, so that their bytes count the frames."""

MAX_POSITION_MM = 10_000.0
PLAUSIBLE_MM = (0.01, 100.0)
"""Pixel sizes and slice thicknesses beyond are damage."""


class PixelSource:
    """The pixels of one file.

    Parameters
    ----------
    content
        The file's bytes.
    header
        Its header; native pixels of a plain file are viewed in place, all others decoded by pydicom.
    """

    def __init__(self, content: bytes, header: DicomHeader, limits: Limits = DEFAULT_LIMITS):
        self._content = content
        self._limits = limits
        self._header = header
        self._decoded: NDArray[Any] | None = None

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        return self._content

    def frame(self, number: int) -> NDArray[Any]:
        """Stored values of a frame, as (rows, columns), before any rescaling.

        Raises
        ------
        UnreadableFile
            If the pixels cannot be decoded.
        """
        values = self._header.values
        plain = values["TransferSyntaxUID"] in (IMPLICIT_LITTLE, EXPLICIT_LITTLE)
        if plain and self._header.pixel_offset is not None and values["BitsAllocated"] in (8, 16):
            shape = values["Rows"], values["Columns"]
            count = shape[0] * shape[1]
            pixels = np.frombuffer(self._content, stored_type(values), count, self._header.pixel_offset)
            return pixels.reshape(shape)
        if self._decoded is None:
            self._decoded = decode(self.content, self._header.dataset, values, self._limits.decode_s)
        if number >= len(self._decoded):
            raise UnreadableFile("the pixels of a frame are not there")
        return self._decoded[number]


def stored_type(values: Header) -> np.dtype[Any]:
    """Type of the stored values, from BitsAllocated and PixelRepresentation."""
    signed = values.get("PixelRepresentation", 0) == 1
    return np.dtype(f"<{'i' if signed else 'u'}{values['BitsAllocated'] // 8}")


@dataclass(slots=True)
class Frame:
    """One image of a cine.

    Parameters
    ----------
    values
        Header values that hold for this frame.
    pixels, number
        Where its pixels are: the file, and the frame's number in it, from 0.
    multi_frame
        Whether the file holds more than one frame.
    order
        Place among all frames in the order that they were read.
    """

    values: Header
    pixels: PixelSource
    number: int = 0
    multi_frame: bool = False
    order: int = 0
    position: NDArray[np.float64] = field(default_factory=lambda: np.full(3, np.nan))

    @property
    def uid(self) -> str:
        """SOPInstanceUID of the file."""
        return str(self.values.get("SOPInstanceUID", ""))

    @property
    def series(self) -> str:
        """SeriesInstanceUID."""
        return str(self.values.get("SeriesInstanceUID", ""))

    @property
    def series_number(self) -> int:
        """SeriesNumber, or 0."""
        return int(self.values.get("SeriesNumber", 0))

    @property
    def instance_number(self) -> float:
        """InstanceNumber, or the order in which the file was read, to keep frames apart, not in order."""
        return float(self.values.get("InstanceNumber", self.order)) + self.number / 1e6

    @property
    def has_geometry(self) -> bool:
        """Whether position, orientation and pixel size are all there and can be."""
        position, orientation, spacing = (self.values.get(keyword, ()) for keyword in _GEOMETRY)
        whole = (len(position), len(orientation), len(spacing)) == (3, 6, 2)
        return (
            whole
            and all(map(math.isfinite, orientation))
            and all(abs(value) < MAX_POSITION_MM for value in position)
            and all(PLAUSIBLE_MM[0] < value < PLAUSIBLE_MM[1] for value in spacing)
        )

    def stored(self) -> NDArray[Any]:
        """Stored values as (rows, columns); see :meth:`PixelSource.frame`."""
        return self.pixels.frame(self.number)


def frames_of(
    content: bytes, header: DicomHeader, order: int = 0, limits: Limits = DEFAULT_LIMITS
) -> list[Frame]:
    """Give the frames of one file.

    A multi-frame file without functional groups (the classic MR class with NumberOfFrames) says nothing of
    where and when each of its frames is; its frames come without geometry of their own.

    Raises
    ------
    UnreadableFile
        If the functional groups are damaged.
    """
    with unreadable_where_damaged("its frames cannot be read"), quiet_pydicom():
        return list(_frames(PixelSource(content, header, limits), header, order))


def _frames(pixels: PixelSource, header: DicomHeader, order: int) -> Iterator[Frame]:
    dataset = header.dataset
    n_frames = int(header.values.get("NumberOfFrames", 1) or 1)
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") if dataset is not None else None
    if dataset is None or (n_frames == 1 and not per_frame):
        yield Frame(header.values, pixels, order=order)
        return
    if not per_frame:
        for number in range(n_frames):
            values = {k: v for k, v in header.values.items() if k != "TriggerTime"}
            yield Frame(values, pixels, number, True, order)
        return
    n_frames = _number_of_frames(header, len(per_frame))
    shared_groups = dataset.get("SharedFunctionalGroupsSequence")
    shared = group_values(shared_groups[0], header.ignored) if shared_groups else {}
    base = {**header.values, **shared}
    place = _place_of_time(dataset)
    for number, groups in enumerate(per_frame[:n_frames]):
        values = {**base, **group_values(groups, header.ignored)}
        indices = values.pop("DimensionIndexValues", ())
        if place is not None and place < len(indices):
            values["DimensionIndexOfTime"] = float(indices[place])
        yield Frame(values, pixels, number, n_frames > 1, order)


def _number_of_frames(header: DicomHeader, described: int) -> int:
    """Frames that are both described and there, whatever NumberOfFrames says; a contradiction is noted."""
    dataset, values = header.dataset, header.values
    assert dataset is not None
    pixels = values["Rows"] * values["Columns"] * values.get("SamplesPerPixel", 1)
    one = pixels * values["BitsAllocated"] // 8
    native = values["TransferSyntaxUID"] in NATIVE
    stated = header.values.get("NumberOfFrames")
    if native:
        held = len(dataset.PixelData) // one
    else:  # A frame may be packed in several pieces, but hardly ever is.
        items = sum(1 for _ in generate_fragments(dataset.PixelData)) if stated != described else 0
        held = described if items in (0, described + 1) else int(stated or 1)  # The first item is a table.
    if not (1 if stated is None else stated) == described == held:
        words = "missing" if stated is None else int(stated)
        header.contradictions.append(
            f"NumberOfFrames is {words}, but it describes {described} frames and has pixels of {held}"
        )
    used = min(described, held)
    if used < 1:
        raise ValueError("no whole frame")
    dataset.NumberOfFrames = used
    if native:
        dataset.PixelData = dataset.PixelData[: used * one]
    return used


_TIMES = frozenset(
    (0x00181060, 0x00189074, 0x00189151, 0x00200100, 0x00209128, 0x00209153, 0x00209241, 0x00209252)
) | {0x0020930D, 0x20011008}
"""Tags of statements of time that a dimension may be of."""


def _place_of_time(dataset: Dataset) -> int | None:
    """Which of the dimension indices counts time, by the object's own pointers; None where none does."""
    try:
        pointers = [int(item.DimensionIndexPointer) for item in dataset.DimensionIndexSequence]
    except (AttributeError, TypeError, ValueError):
        return None
    return next((place for place, pointer in enumerate(pointers) if pointer in _TIMES), None)


def group_values(groups: Dataset, ignored: list[str]) -> Header:
    """Header values from a functional group, under the keywords of single-frame files.

    The position is read from PlanePositionSequence only: a second one in Philips' private groups is half a
    voxel off; of private groups, only vendors' own attributes are read. The keywords of damaged values are
    added to `ignored`.
    """
    values: Header = {}
    for element in groups:
        if element.VR != "SQ" or not element.value:
            continue
        found = dataset_values(element.value[0], ignored)
        if element.tag.is_private:
            values.update({keyword: found[keyword] for keyword in found.keys() & _OF_VENDORS})
            continue
        for keyword in _RENAMED:
            found.pop(keyword, None)
        values.update({**found, **_renamed(element.value[0], ignored)})
    return values


_OF_VENDORS = frozenset(keyword for keyword, _ in PRIVATE.values())


_RENAMED = {
    "NominalCardiacTriggerDelayTime": ("TriggerTime", float),
    "RRIntervalTimeNominal": ("NominalInterval", float),
    "TemporalPositionIndex": ("TemporalPositionIdentifier", float),
    "EffectiveEchoTime": ("EchoTime", float),
    "InversionTimes": ("InversionTime", lambda value: float(np.atleast_1d(value)[0])),
    "FrameAcquisitionDateTime": ("AcquisitionTime", lambda value: str(value)[len("YYYYMMDD") :]),
    "FrameReferenceDateTime": ("ContentTime", lambda value: str(value)[len("YYYYMMDD") :]),
    "FrameType": ("ImageType", lambda value: tuple(str(item) for item in value)),
    "DimensionIndexValues": ("DimensionIndexValues", lambda value: tuple(np.atleast_1d(value))),
}
"""Attributes of functional groups, and the keyword and form in which single-frame files keep the same."""


def _renamed(group: Dataset, ignored: list[str]) -> Header:
    values: Header = {}
    for theirs, (ours, convert) in _RENAMED.items():
        try:
            value = group.get(theirs)
            if value is not None:
                values[ours] = convert(value)
        except PYDICOM_FAULTS:
            ignored.append(theirs)
    return values
