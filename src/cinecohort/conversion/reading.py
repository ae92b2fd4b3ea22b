"""The files of a subject read into frames, and what is unreadable, there twice or contradictory."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from cinecohort.catalogue.findings import Code
from cinecohort.conversion.dicom_header import (
    NoImage,
    UnreadableFile,
    is_dicom,
    read_header,
    with_preamble,
)
from cinecohort.conversion.frames import Frame, frames_of
from cinecohort.conversion.limits import DEFAULT_LIMITS, Limits
from cinecohort.conversion.packed_files import PACKED, unpacked
from cinecohort.conversion.raw_files import RawBytes, ought_to_be_image
from cinecohort.findings import Finding, Level

NEVER_IMAGES = (".nii.gz", ".csv.gz", ".tsv.gz", ".json.gz", ".txt.gz")
"""Endings of packed files that hold no DICOM images."""

_NEEDED = {
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept"),
    *("TriggerTime", "NumberOfFrames"),
}
"""A damaged value of these changes the result."""


def read_frames(
    files: Iterable[RawBytes], limits: Limits = DEFAULT_LIMITS
) -> tuple[list[Frame], list[Finding]]:
    """Read the headers of all files.

    ``UNREADABLE`` (review) counts those that could not be read, ``NOT_CINE`` (info) those that are DICOM but
    no image, ``NOT_LOOKED_INTO`` those of other kinds that may hold images, ``BAD_VALUE`` damaged values,
    ``FRAME_COUNT`` (review) numbers of frames that contradict the file, ``DUPLICATE`` (info) copies of one
    image, ``SAME_IDENTIFIER`` images of one identifier that are not copies.
    """
    frames: list[Frame] = []
    faults: dict[str, list[int]] = defaultdict(list)
    ignored: dict[str, int] = defaultdict(int)
    contradictions: dict[str, int] = defaultdict(int)
    skipped: dict[str, int] = defaultdict(int)
    count = others = 0
    for file in unpacked(sorted(files, key=lambda file: file.name), limits):
        if file.content is not None:
            file.content = with_preamble(file.content)
        suffix = PurePosixPath(file.name.lower()).suffix
        still_packed = suffix in PACKED and file.content is not None and not is_dicom(file.content)
        if still_packed or not ought_to_be_image(file):
            skipped[suffix] += not file.name.lower().endswith(NEVER_IMAGES)
            continue
        count += 1
        if file.content is None:
            faults[file.fault].append(count)
            continue
        try:
            header = read_header(file.content, limits)
            frames.extend(frames_of(file.content, header, count, limits))
        except UnreadableFile as fault:
            faults[str(fault)].append(count)
        except NoImage:
            others += 1
        else:
            for keyword in set(header.ignored):
                ignored[keyword] += 1
            for words in header.contradictions:
                contradictions[words] += 1
    findings = [_unreadable(reason, places, count) for reason, places in faults.items()]
    if others:
        message = f"{others} DICOM files hold no image and were left out."
        findings.append(Finding(Code.NOT_CINE, Level.INFO, message, value=float(others)))
    for suffix, n in sorted(skipped.items()):
        if n and (suffix in PACKED or not frames):
            message = (
                f"{n} files named *{suffix} were not looked into; unpack or convert them if they hold images."
            )
            findings.append(Finding(Code.NOT_LOOKED_INTO, Level.REVIEW, message, value=float(n)))
    for keyword, n in sorted(ignored.items()):
        level = Level.REVIEW if keyword in _NEEDED else Level.INFO
        message = f"{keyword} of {n} files is not a number that can be used and was ignored."
        findings.append(Finding(Code.BAD_VALUE, level, message, value=float(n)))
    for words, n in sorted(contradictions.items()):
        message = f"{n} files contradict themselves: {words}; what is there was used."
        findings.append(Finding(Code.FRAME_COUNT, Level.REVIEW, message, value=float(n)))
    unique, more = without_copies(frames)
    return unique, [*findings, *more]


def _unreadable(reason: str, places: list[int], count: int) -> Finding:
    """File names may hold identities, so files are named by their place in the order of names."""
    message = (
        f"{len(places)} of {count} files could not be used ({reason}); the first is number {places[0]} in the"
        " order of names."
    )
    return Finding(Code.UNREADABLE, Level.REVIEW, message, value=float(len(places)))


_TOLD_BY = (
    *("ImagePositionPatient", "ImageOrientationPatient", "TriggerTime", "InstanceNumber"),
    *("TemporalPositionIdentifier", "AcquisitionTime", "NominalCardiacTriggerDelayTime"),
    *("TemporalPositionIndex", "FrameAcquisitionDateTime"),
)
"""An image that differs in one of these is not a copy."""


def without_copies(frames: list[Frame]) -> tuple[list[Frame], list[Finding]]:
    """Leave out copies: frames of one identifier whose place, time, number and pixels are all the same.

    What has the same identifier and differs is kept; where even place and time are the same and only the
    pixels differ, which of them is right is unknown, and the subject is reviewed.
    """
    if len({(frame.uid, frame.number) for frame in frames if frame.uid}) == len(frames):
        return frames, []
    same: dict[Any, list[Frame]] = defaultdict(list)
    unique: list[Frame] = []
    copies = 0
    for frame in frames:
        earlier = same[frame.uid, frame.number, *_told(frame)] if frame.uid else []
        if any(_same_pixels(frame, other) for other in earlier):
            copies += 1
            continue
        earlier.append(frame)
        unique.append(frame)
    findings = []
    if copies:
        message = (
            f"{copies} images are copies of others (same instance, place, time and pixels) and were left out."
        )
        findings.append(Finding(Code.DUPLICATE, Level.INFO, message, value=float(copies)))
    named = [(frame.uid, frame.number, *_told(frame)[:3]) for frame in unique if frame.uid]
    if differing := len(named) - len(set(named)):
        message = (
            f"{differing} images have the identifier and place of another image, but differ from it in"
            " pixels, number or time: two exports of one study that differ; see which of them is right."
        )
        findings.append(Finding(Code.SAME_IDENTIFIER, Level.REVIEW, message, value=float(differing)))
    if shared := len(set(named)) - len({key[:2] for key in named}):
        message = (
            f"{shared} images share their identifier with another image of another place or time; contours"
            " drawn on them cannot be assigned."
        )
        findings.append(Finding(Code.SAME_IDENTIFIER, Level.INFO, message, value=float(shared)))
    return unique, findings


def _told(frame: Frame) -> tuple[object, ...]:
    return tuple(frame.values.get(keyword) for keyword in _TOLD_BY)


def _same_pixels(frame: Frame, other: Frame) -> bool:
    """Whether two images have the same stored values; if these cannot be decoded, whether the files do."""
    try:
        return np.array_equal(frame.stored(), other.stored())
    except UnreadableFile:
        return frame.pixels.content == other.pixels.content
