"""Classic MR images as DICOM files, as the scanners of the profiles write them.

The header of a series is written once by pydicom; only what differs from frame to frame is put into it
afterwards, at equal length.
"""

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from cinecohort.phantom.planning import Slice
from cinecohort.phantom.scanners import Scanner
from cinecohort.synthetic import BANNER, SOFTWARE

MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
SCAN_DATE = "20150101"
"""One date for everybody: phantoms have none."""

_TRIGGER_TAG, _TRIGGER_SIZE = b"\x18\x00\x60\x10DS\x08\x00", 8
_INSTANCE_TAG, _INSTANCE_SIZE = b"\x20\x00\x13\x00IS\x04\x00", 4


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


def unique_id(*parts: object) -> str:
    """A DICOM identifier of 43 characters (2.25 and a number) that depends on the parts only."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return f"2.25.{10**37 + int.from_bytes(digest[:16]) % (9 * 10**37)}"


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
    placeholder = unique_id("placeholder")
    header = _header(study, image, frames, description, number, uid, placeholder, acquisition)
    result = []
    for t, frame in enumerate(frames):
        own = unique_id(study.seed, study.subject, number, first_instance + t)
        content = header.replace(placeholder.encode(), own.encode())
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
    placeholder: str,
    acquisition: int,
) -> bytes:
    """Everything before the pixels; what differs between frames is held by placeholders."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(MR_IMAGE_STORAGE)
    meta.MediaStorageSOPInstanceUID = UID(placeholder)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    scanner = study.scanner
    data.SpecificCharacterSet = "ISO_IR 100"
    data.ImageType = ["ORIGINAL", "PRIMARY", "M", "RETRO", "NORM", "DIS2D"]
    data.SOPClassUID = MR_IMAGE_STORAGE
    data.SOPInstanceUID = placeholder
    data.StudyDate = data.SeriesDate = data.AcquisitionDate = data.ContentDate = SCAN_DATE
    data.StudyTime = "100000.000000"
    moment = 36000 + 60 * 5 + 14 * acquisition
    clock = f"{moment // 3600:02d}{moment // 60 % 60:02d}{moment % 60:02d}"
    data.SeriesTime = data.AcquisitionTime = data.ContentTime = f"{clock}.250000"
    data.AccessionNumber = ""
    data.Modality = "MR"
    data.Manufacturer = scanner.vendor
    data.InstitutionName = BANNER
    data.StudyDescription = "SYNTHETIC Cardiac"
    data.SeriesDescription = description
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
    data.SliceThickness = image.thickness_mm
    data.RepetitionTime = scanner.tr_ms
    data.EchoTime = scanner.te_ms
    data.NominalInterval = round(study.rr_ms)
    data.MagneticFieldStrength = scanner.field_t
    data.SpacingBetweenSlices = image.thickness_mm + scanner.gap_mm
    data.SoftwareVersions = SOFTWARE
    data.ProtocolName = description
    data.TriggerTime = "0".zfill(_TRIGGER_SIZE)
    data.CardiacNumberOfImages = len(frames)
    data.FlipAngle = scanner.flip_deg
    data.PatientPosition = "HFS"
    data.StudyInstanceUID = unique_id(study.seed, study.subject, "study")
    data.SeriesInstanceUID = series_uid
    data.StudyID = "1"
    data.SeriesNumber = number
    data.AcquisitionNumber = 1
    data.InstanceNumber = "0".zfill(_INSTANCE_SIZE)
    data.ImagePositionPatient = [f"{value:.6f}" for value in image.corner]
    data.ImageOrientationPatient = [f"{value:.9f}" for value in (*image.row, *image.column)]
    data.FrameOfReferenceUID = unique_id(study.seed, study.subject, "frame of reference")
    data.SliceLocation = f"{float(image.corner @ image.normal):.4f}"
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.Rows, data.Columns = image.shape
    data.PixelSpacing = [image.pixel_mm, image.pixel_mm]
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    data.PixelRepresentation = 0
    data.WindowCenter = round(float(np.percentile(frames[0], 90)))
    data.WindowWidth = 2 * round(float(np.percentile(frames[0], 90)))
    data.PixelData = b"\0" * (2 * image.shape[0] * image.shape[1])
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()[: -len(data.PixelData)]
