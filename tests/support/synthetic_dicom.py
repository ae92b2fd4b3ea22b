"""Synthetic cine series in the layouts of the vendors, whose pixels say where they belong.

Pixel (0, 0) of each image is ``3000 + 60 * z + t`` (z counted along the normal, t in cardiac phase), so that
one comparison proves the order of slices and frames. The orientation is that of a real heart, oblique to
all axes; headers carry the names and dates that must never come out again.
"""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from cinecohort.conversion.raw_files import RawBytes

MR, ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"
REPORT = "1.2.840.10008.5.1.4.1.1.88.33"
ROW = np.array([0.792067, 0.0, 0.610434])
COLUMN = np.array([0.377686, 0.785613, -0.490067])
NORMAL = np.cross(ROW, COLUMN)
CORNER = np.array([-120.25, -85.5, 40.75])
SPACING = (1.8, 1.7)
STEP = 10.0
ROWS, COLUMNS = 24, 20
RR_MS = 900.0
SECRETS = ("Doe", "Jane", "19570312", "20140605", "PID-778", "Saint Elsewhere", "Dr Grey", "OPERATOR-9")


def tag_value(z: int, t: int) -> int:
    """Pixel (0, 0) of slice z and frame t."""
    return 3000 + 60 * z + t


def pixels(z: int, t: int, shape: tuple[int, int] = (ROWS, COLUMNS)) -> np.ndarray:
    """An image of its own for each slice and frame, tagged in its corner; 12 bits."""
    rows, columns = np.indices(shape)
    image = (7 * rows + 13 * columns + 101 * z + 37 * t + rows * columns) % 2000 + 10
    image[0, 0] = tag_value(z, t)
    return image.astype(np.uint16)


def identity(dataset: Dataset) -> None:
    """Fill in what must not leave the file."""
    dataset.PatientName = "Doe^Jane"
    dataset.PatientID = "PID-778"
    dataset.PatientBirthDate = "19570312"
    dataset.PatientSex = "F"
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = "20140605"
    dataset.InstitutionName = "Saint Elsewhere"
    dataset.ReferringPhysicianName = "Dr Grey"
    dataset.OperatorsName = "OPERATOR-9"
    dataset.ImageComments = "Jane Doe, PID-778"


def image(
    z: int,
    t: int,
    *,
    n_frames: int,
    series: str,
    series_number: int = 1,
    instance: int = 1,
    description: str = "CINE_segmented_SAX",
    vendor: str = "SIEMENS",
    rr_ms: float = RR_MS,
    orientation: Sequence[float] = (*ROW, *COLUMN),
    position: Sequence[float] | None = None,
    shape: tuple[int, int] = (ROWS, COLUMNS),
) -> Dataset:
    """One classic MR image of slice z and frame t."""
    dataset = Dataset()
    dataset.SOPClassUID = MR
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    dataset.SeriesInstanceUID = series
    dataset.FrameOfReferenceUID = "1.2.826.0.1.3680043.8.498.2"
    identity(dataset)
    dataset.Modality = "MR"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "RETRO", "NORM", "DIS2D"]
    dataset.Manufacturer = vendor
    dataset.ManufacturerModelName = "Model X"
    dataset.SeriesDescription = description
    dataset.ProtocolName = description
    dataset.SeriesNumber = series_number
    dataset.InstanceNumber = instance
    dataset.AcquisitionTime = f"10{20 + z:02d}00.{t:06d}"
    dataset.SliceThickness = 8
    dataset.RepetitionTime = 31.7
    dataset.EchoTime = 1.1
    dataset.FlipAngle = 80
    dataset.MagneticFieldStrength = 1.5
    dataset.MRAcquisitionType = "2D"
    dataset.ScanningSequence = "GR"
    dataset.TriggerTime = round(t * rr_ms / n_frames, 4)
    dataset.NominalInterval = int(rr_ms)
    dataset.CardiacNumberOfImages = n_frames
    place = CORNER + z * STEP * NORMAL if position is None else np.asarray(position)
    dataset.ImagePositionPatient = [round(float(value), 6) for value in place]
    dataset.ImageOrientationPatient = [float(value) for value in orientation]
    dataset.PixelSpacing = list(SPACING)
    put_pixels(dataset, pixels(z, t, shape))
    return dataset


def put_pixels(dataset: Dataset, values: np.ndarray, bits_stored: int = 12) -> None:
    """Set the pixel data and what describes them."""
    dataset.Rows, dataset.Columns = values.shape[-2:]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = values.dtype.itemsize * 8
    dataset.BitsStored = bits_stored if values.dtype.itemsize == 2 else 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    dataset.PixelData = values.tobytes()


def stack(
    n_slices: int = 6, n_frames: int = 12, layout: str = "series_per_slice", **values: object
) -> list[Dataset]:
    """A short-axis stack.

    ``series_per_slice`` (UK Biobank: b1 is the basal slice, the last along the normal here), ``slice_major``
    and ``time_major`` (Siemens, one series), ``philips`` and ``ge`` (one slice-major series; the slices run
    against the normal).
    """
    images = []
    one = generate_uid()
    for place in range(n_slices):
        z = n_slices - 1 - place
        own = generate_uid() if layout == "series_per_slice" else one
        for t in range(n_frames):
            description = f"CINE_segmented_SAX_b{place + 1}" if layout == "series_per_slice" else "SAX cine"
            instance = t + 1 if layout == "series_per_slice" else place * n_frames + t + 1
            if layout == "time_major":
                instance = t * n_slices + place + 1
            rr = RR_MS + 12 * z
            made = image(
                z,
                t,
                n_frames=n_frames,
                series=own,
                series_number=10 + place if layout == "series_per_slice" else 7,
                instance=instance,
                description=description,
                rr_ms=rr,
                **values,  # type: ignore[arg-type]
            )
            _as_vendor(made, layout)
            images.append(made)
    return images


def _as_vendor(made: Dataset, layout: str) -> None:
    if layout == "philips":
        made.Manufacturer = "Philips Medical Systems"
        made.ImageType = ["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"]
        made.SpacingBetweenSlices = STEP
        made.RescaleSlope, made.RescaleIntercept = 2.5, -4.0
        made.TemporalPositionIdentifier = made.InstanceNumber
    elif layout == "ge":
        made.Manufacturer = "GE MEDICAL SYSTEMS"
        made.ImageType = ["ORIGINAL", "PRIMARY", "CARDIAC", "NONE"]
        made.SpacingBetweenSlices = STEP
        made.SeriesDescription = ""
        del made.ProtocolName
        made.ImagesInAcquisition = 9999
        put_pixels(made, pixels_of(made).astype(np.int16), 16)


def pixels_of(dataset: Dataset) -> np.ndarray:
    """The stored values of a synthetic image."""
    kind = "i" if dataset.PixelRepresentation else "u"
    array = np.frombuffer(dataset.PixelData, f"<{kind}{dataset.BitsAllocated // 8}")
    return array.reshape(dataset.Rows, dataset.Columns).copy()


LONG_AXIS_TURNS = {"la_4ch": 0.0, "la_2ch": -60.0, "la_3ch": 60.0}


def long_axis_orientation(turn_deg: float) -> tuple[float, ...]:
    """Orientation of a plane that contains the stack's normal, turned about it from the left-right line."""
    axis = NORMAL
    first = np.array([1.0, 0.0, 0.0]) - axis[0] * axis
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    angle = np.radians(turn_deg)
    across = np.cos(angle) * first + np.sin(angle) * second
    down = -axis
    return tuple(round(float(value), 9) for value in (*across, *down))


def long_axis(view: str, name: str, n_frames: int = 12, series_number: int = 50) -> list[Dataset]:
    """A long-axis cine whose plane is where `view` is expected, under the name `name`."""
    series = generate_uid()
    orientation = long_axis_orientation(LONG_AXIS_TURNS[view])
    return [
        image(
            20,
            t,
            n_frames=n_frames,
            series=series,
            series_number=series_number,
            instance=t + 1,
            description=name,
            orientation=orientation,
            position=CORNER + 5.0,
        )
        for t in range(n_frames)
    ]


def enhanced(n_slices: int = 6, n_frames: int = 12, per_frame_slope: bool = False) -> Dataset:
    """The stack as one enhanced multi-frame image, slice-major, slices against the normal."""
    first = image(0, 0, n_frames=n_frames, series=generate_uid(), description="SAX cine")
    first.SOPClassUID = ENHANCED_MR
    for keyword in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "SliceThickness",
        "TriggerTime",
        "NominalInterval",
        "RepetitionTime",
        "EchoTime",
        "FlipAngle",
    ):
        delattr(first, keyword)
    first.NumberOfFrames = n_slices * n_frames
    first.SharedFunctionalGroupsSequence = DicomSequence([_shared_groups()])
    frames = [(z, t) for z in reversed(range(n_slices)) for t in range(n_frames)]
    first.PerFrameFunctionalGroupsSequence = DicomSequence(
        [_frame_groups(z, t, n_slices, n_frames, per_frame_slope) for z, t in frames]
    )
    first.PixelData = b"".join(pixels(z, t).tobytes() for z, t in frames)
    return first


def _group(**values: object) -> DicomSequence:
    group = Dataset()
    for keyword, value in values.items():
        setattr(group, keyword, value)
    return DicomSequence([group])


def _shared_groups() -> Dataset:
    shared = Dataset()
    shared.PlaneOrientationSequence = _group(ImageOrientationPatient=[*map(float, ROW), *map(float, COLUMN)])
    shared.PixelMeasuresSequence = _group(
        PixelSpacing=list(SPACING), SliceThickness=8, SpacingBetweenSlices=STEP
    )
    shared.MRTimingAndRelatedParametersSequence = _group(RepetitionTime=31.7, FlipAngle=80)
    shared.MREchoSequence = _group(EffectiveEchoTime=1.1)
    return shared


def _frame_groups(z: int, t: int, n_slices: int, n_frames: int, slope: bool) -> Dataset:
    frame = Dataset()
    rr = RR_MS + 12 * z
    place = CORNER + z * STEP * NORMAL
    frame.PlanePositionSequence = _group(ImagePositionPatient=[round(float(v), 6) for v in place])
    frame.FrameContentSequence = _group(
        DimensionIndexValues=[n_slices - z, t + 1],
        TemporalPositionIndex=t + 1,
        StackID="1",
        InStackPositionNumber=n_slices - z,
        FrameAcquisitionDateTime=f"2014060510{20 + z:02d}00.000000",
    )
    frame.CardiacSynchronizationSequence = _group(
        NominalCardiacTriggerDelayTime=t * rr / n_frames, RRIntervalTimeNominal=rr
    )
    frame.MRImageFrameTypeSequence = _group(FrameType=["ORIGINAL", "PRIMARY", "CINE", "NONE"])
    frame.PixelValueTransformationSequence = _group(
        RescaleSlope=1.0 + 0.5 * z if slope else 1.0, RescaleIntercept=0.0, RescaleType="US"
    )
    return frame


def to_bytes(dataset: Dataset, syntax: str = ExplicitVRLittleEndian, compress: bool = False) -> bytes:
    """The dataset as a DICOM file."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if compress else syntax
    stream = io.BytesIO()
    file = FileDataset("", dataset, file_meta=meta, preamble=b"\0" * 128)
    if compress:
        file.compress(syntax, generate_instance_uid=False)
    pydicom.dcmwrite(stream, file, enforce_file_format=True)
    return stream.getvalue()


def to_files(datasets: Iterable[Dataset], **how: object) -> list[RawBytes]:
    """The datasets as named files, named by instance UID as in UK Biobank (so in no useful order)."""
    return [RawBytes(f"{d.SOPInstanceUID}.dcm", to_bytes(d, **how)) for d in datasets]  # type: ignore[arg-type]


def write_files(folder: Path, datasets: Iterable[Dataset], **how: object) -> Path:
    """Write the datasets into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in to_files(datasets, **how):
        (folder / file.name).write_bytes(file.content or b"")
    return folder


def expected_tags(n_slices: int, n_frames: int) -> np.ndarray:
    """Tags of a right volume, (slices, frames)."""
    return np.array([[tag_value(z, t) for t in range(n_frames)] for z in range(n_slices)])
