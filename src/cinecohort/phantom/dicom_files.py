"""Classic MR images as DICOM files, as the scanners of the profiles write them.

pydicom writes what a study's series share once, and the rest of the header once per series; what differs from
frame to frame is put into it afterwards, at equal length.
"""

import hashlib
import io
import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.uid import UID, ExplicitVRLittleEndian

from cinecohort.phantom.planning import Slice
from cinecohort.phantom.scanners import Scanner
from cinecohort.synthetic import BANNER, SOFTWARE

MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
SCAN_DATE = "20150101"
"""One date for everybody: phantoms have none."""

_TRIGGER_TAG, _TRIGGER_SIZE = b"\x18\x00\x60\x10DS\x08\x00", 8
_INSTANCE_TAG, _INSTANCE_SIZE = b"\x20\x00\x13\x00IS\x04\x00", 4


def unique_id(*parts: object) -> str:
    """A DICOM identifier of 43 characters (2.25 and a number) that depends on the parts only."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return f"2.25.{10**37 + int.from_bytes(digest[:16]) % (9 * 10**37)}"


_PLACEHOLDER = unique_id("placeholder")
"""Stands for a file's own identifier in the header of its series."""
_PIXEL_DATA = b"\xe0\x7f\x10\x00OW\x00\x00"


@dataclass(frozen=True)
class Study:
    """What all series of a subject share.

    Parameters
    ----------
    subject
        The phantom's id.
    sex, age_years, weight_kg
        Of the phantom.
    scanner
        Where it was imaged.
    rr_ms
        Duration of a cardiac cycle.
    seed
        Seed of the cohort; part of every unique identifier.
    """

    subject: str
    sex: str
    age_years: float
    weight_kg: float
    scanner: Scanner
    rr_ms: float
    seed: int


@dataclass(frozen=True)
class DicomImage:
    """One file: its SOPInstanceUID, series, frame and bytes."""

    uid: str
    series_uid: str
    description: str
    frame: int
    content: bytes


def write_series(
    study: Study,
    image: Slice,
    frames: NDArray[np.uint16],
    *,
    description: str,
    number: int,
    series_uid: str | None = None,
    first_instance: int = 1,
    acquisition: int = 0,
) -> list[DicomImage]:
    """Write the frames of one slice.

    Parameters
    ----------
    study
        Whom the images are of.
    image
        Where the slice lies.
    frames
        (t, rows, columns).
    description
        SeriesDescription.
    number
        SeriesNumber.
    series_uid
        For several slices in one series; else made from `number`.
    first_instance
        InstanceNumber of the first frame.
    acquisition
        Place in the order of acquisition, for the time of acquisition.
    """
    uid = series_uid or unique_id(study.seed, study.subject, "series", number)
    header = _header(study, image, frames, description, number, uid, acquisition)
    result = []
    for t, frame in enumerate(frames):
        own = unique_id(study.seed, study.subject, number, first_instance + t)
        content = header.replace(_PLACEHOLDER.encode(), own.encode())
        trigger = f"{t * study.rr_ms / len(frames):.2f}"
        content = _put(content, _TRIGGER_TAG, trigger, _TRIGGER_SIZE)
        content = _put(content, _INSTANCE_TAG, str(first_instance + t), _INSTANCE_SIZE)
        result.append(DicomImage(own, uid, description, t, content + frame.astype("<u2").tobytes()))
    return result


def _put(content: bytes, tag: bytes, text: str, size: int) -> bytes:
    """Put a value of a fixed size behind its tag."""
    at = content.index(tag) + len(tag)
    return content[:at] + text.ljust(size).encode() + content[at + size :]


def _header(
    study: Study,
    image: Slice,
    frames: NDArray[np.uint16],
    description: str,
    number: int,
    series_uid: str,
    acquisition: int,
) -> bytes:
    """Everything before the pixels; what differs between frames is held by placeholders."""
    data = Dataset()
    moment = 36000 + 60 * 5 + 14 * acquisition
    clock = f"{moment // 3600:02d}{moment // 60 % 60:02d}{moment % 60:02d}"
    data.SeriesTime = data.AcquisitionTime = data.ContentTime = f"{clock}.250000"
    data.SeriesDescription = data.ProtocolName = description
    data.SliceThickness = image.thickness_mm
    data.SpacingBetweenSlices = image.thickness_mm + study.scanner.gap_mm
    data.CardiacNumberOfImages = len(frames)
    data.SeriesInstanceUID = series_uid
    data.SeriesNumber = number
    data.ImagePositionPatient = [f"{value:.6f}" for value in image.corner]
    data.ImageOrientationPatient = [f"{value:.9f}" for value in (*image.row, *image.column)]
    data.SliceLocation = f"{float(image.corner @ image.normal):.4f}"
    data.Rows, data.Columns = image.shape
    data.PixelSpacing = [image.pixel_mm, image.pixel_mm]
    data.WindowCenter = round(float(np.percentile(frames[0], 90)))
    data.WindowWidth = 2 * round(float(np.percentile(frames[0], 90)))
    start, shared = _shared(study)
    encoded = shared | _encoded(data)
    size = struct.pack("<L", 2 * image.shape[0] * image.shape[1])
    return start + b"".join(encoded[tag] for tag in sorted(encoded)) + _PIXEL_DATA + size


@lru_cache(maxsize=4)
def _shared(study: Study) -> tuple[bytes, dict[int, bytes]]:
    """What all series of a study have in common: the file's start, and its elements by tag."""
    data, scanner = Dataset(), study.scanner
    data.SpecificCharacterSet = "ISO_IR 100"
    data.ImageType = ["ORIGINAL", "PRIMARY", "M", "RETRO", "NORM", "DIS2D"]
    data.SOPClassUID = MR_IMAGE_STORAGE
    data.SOPInstanceUID = _PLACEHOLDER
    data.StudyDate = data.SeriesDate = data.AcquisitionDate = data.ContentDate = SCAN_DATE
    data.StudyTime = "100000.000000"
    data.AccessionNumber = ""
    data.Modality = "MR"
    data.Manufacturer = scanner.vendor
    data.InstitutionName = BANNER
    data.StudyDescription = "SYNTHETIC Cardiac"
    data.ManufacturerModelName = scanner.model
    data.PatientName = f"{study.subject}^PHANTOM"
    data.PatientID = study.subject
    data.PatientBirthDate = ""
    data.PatientSex = study.sex
    data.PatientAge = f"{round(study.age_years):03d}Y"
    data.PatientWeight = study.weight_kg
    data.ScanningSequence = "GR"
    data.SequenceVariant = ["SK", "SP", "OSP"]
    data.ScanOptions = "PFP"
    data.MRAcquisitionType = "2D"
    data.SequenceName = "*tfi2d1_12"
    data.RepetitionTime = scanner.tr_ms
    data.EchoTime = scanner.te_ms
    data.NominalInterval = round(study.rr_ms)
    data.MagneticFieldStrength = scanner.field_t
    data.SoftwareVersions = SOFTWARE
    data.TriggerTime = "0".zfill(_TRIGGER_SIZE)
    data.FlipAngle = scanner.flip_deg
    data.PatientPosition = "HFS"
    data.StudyInstanceUID = unique_id(study.seed, study.subject, "study")
    data.StudyID = "1"
    data.AcquisitionNumber = 1
    data.InstanceNumber = "0".zfill(_INSTANCE_SIZE)
    data.FrameOfReferenceUID = unique_id(study.seed, study.subject, "frame of reference")
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    data.PixelRepresentation = 0
    return _start(), _encoded(data)


def _start() -> bytes:
    """Preamble and file meta information."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(MR_IMAGE_STORAGE)
    meta.MediaStorageSOPInstanceUID = UID(_PLACEHOLDER)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = io.BytesIO()
    FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128).save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _encoded(data: Dataset) -> dict[int, bytes]:
    """Elements as they lie in a file, by tag."""
    result = {}
    for element in data:
        buffer = DicomBytesIO()
        buffer.is_little_endian, buffer.is_implicit_VR = True, False
        write_data_element(buffer, element)
        result[int(element.tag)] = buffer.getvalue()
    return result
