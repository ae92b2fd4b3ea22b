"""The fast header reader gives what pydicom gives, and refuses what is not whole."""

import math
import struct
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from cinecohort.conversion.dicom_header import (
    NoImage,
    UnreadableFile,
    is_dicom,
    read_header,
    read_with_pydicom,
)
from cinecohort.conversion.frames import frames_of
from support import synthetic_dicom as synthetic


def an_image(undefined_length: bool = False) -> Dataset:
    dataset = synthetic.stack(1)[0]
    inner = Dataset()
    inner.ReferencedSOPInstanceUID = "1.2.3"
    inner.PatientID = "not this one"
    inner.TriggerTime = 1
    inner.is_undefined_length_sequence_item = undefined_length
    outer = Dataset()
    outer.ReferencedImageSequence = Sequence([inner, inner])
    outer.is_undefined_length_sequence_item = undefined_length
    outer["ReferencedImageSequence"].is_undefined_length = undefined_length
    dataset.RelatedSeriesSequence = Sequence([outer])
    dataset["RelatedSeriesSequence"].is_undefined_length = undefined_length
    dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", b"\1\2" * 500)
    dataset.SoftwareVersions = ["syngo", "E11"]
    dataset.HeartRate = ""
    return dataset


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian], ids=["implicit", "explicit"]
)
@pytest.mark.parametrize("undefined_length", [False, True])
def test_same_values_as_pydicom(syntax: str, undefined_length: bool) -> None:
    content = synthetic.to_bytes(an_image(undefined_length), syntax)
    fast, slow = read_header(content), read_with_pydicom(content)
    assert fast.dataset is None
    assert fast.values == slow.values
    assert fast.values["PatientID"] == "PID-778"
    assert fast.values["SoftwareVersions"] == "syngo\\E11"
    assert "HeartRate" not in fast.values
    assert fast.pixel_offset == len(content) - synthetic.ROWS * synthetic.COLUMNS * 2


@pytest.mark.real_data
def test_same_values_as_pydicom_on_real_files(real_data: Path) -> None:
    files = [
        *sorted((real_data / "siemens_vida").rglob("*.dcm"))[::40],
        *sorted((real_data / "sunnybrook" / "dicoms").rglob("*.dcm"))[::80],
        real_data / "awkward" / "DicomData" / "SA_00003.dcm",
    ]
    assert len(files) > 10
    for path in files:
        content = path.read_bytes()
        fast, slow = read_header(content).values, read_with_pydicom(content).values
        assert fast.keys() == slow.keys()
        for keyword, value in fast.items():
            if isinstance(value, float):
                assert math.isclose(value, slow[keyword]), (path, keyword)
            else:
                assert value == slow[keyword], (path, keyword)


@pytest.mark.parametrize("keep", [0, 100, 131, 132, 200, 500, 900, -1])
def test_cut_anywhere_is_refused(keep: int) -> None:
    content = synthetic.to_bytes(synthetic.stack(1)[0])
    with pytest.raises(UnreadableFile):
        read_header(content[:keep])


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize(
    ("keyword", "good", "bad"),
    [
        ("PixelSpacing", b"1.8\\1.7", b"1.8\\?.7"),
        ("MagneticFieldStrength", b"1.5 ", b"1,5 "),
        ("FlipAngle", b"80.0", b"NA  "),
    ],
)
def test_a_damaged_number_is_ignored_and_named(keyword: str, good: bytes, bad: bytes, many: bool) -> None:
    content = synthetic.to_bytes(synthetic.stack(1)[0])
    damaged = content.replace(good, bad, 1)
    assert damaged != content
    header = read_with_pydicom(damaged) if many else read_header(damaged)
    assert header.ignored == [keyword]
    assert keyword not in header.values
    assert header.values["EchoTime"] == 1.1


def test_report_without_pixels_is_no_image() -> None:
    dataset = synthetic.stack(1)[0]
    del dataset.PixelData
    with pytest.raises(UnreadableFile, match="ends before its pixels"):
        read_header(synthetic.to_bytes(dataset))
    dataset.SOPClassUID = synthetic.REPORT
    with pytest.raises(NoImage):
        read_header(synthetic.to_bytes(dataset))


@pytest.mark.parametrize(("keyword", "value"), [("Rows", 0), ("BitsAllocated", 12)])
def test_images_that_cannot_be(keyword: str, value: int) -> None:
    dataset = synthetic.stack(1)[0]
    setattr(dataset, keyword, value)
    with pytest.raises(UnreadableFile, match="cannot be"):
        read_header(synthetic.to_bytes(dataset))


def test_length_that_lies_does_not_read_beyond_the_file() -> None:
    content = synthetic.to_bytes(synthetic.stack(1)[0])
    start = content.index(b"\xe0\x7f\x10\x00OW")
    damaged = content[: start + 8] + struct.pack("<I", 10) + content[start + 12 :]
    with pytest.raises(UnreadableFile, match="pixel data end too early"):
        read_header(damaged)


def test_a_single_frame_of_an_enhanced_object_knows_where_it_lies() -> None:
    dataset = synthetic.enhanced(2, 10)
    dataset.NumberOfFrames = 1
    dataset.PerFrameFunctionalGroupsSequence = dataset.PerFrameFunctionalGroupsSequence[:1]
    dataset.PixelData = synthetic.pixels(1, 0).tobytes()
    content = synthetic.to_bytes(dataset)
    (frame,) = frames_of(content, read_header(content))
    assert len(frame.values["ImagePositionPatient"]) == 3


def test_magic() -> None:
    assert is_dicom(b"\0" * 128 + b"DICM")
    assert not is_dicom(b"DICM")


def test_pydicom_quotes_no_value_of_a_damaged_file(recwarn: pytest.WarningsRecorder) -> None:
    """pydicom warns of odd values by quoting them, and they may be a name."""
    dataset = synthetic.enhanced(2, 10)
    content = synthetic.to_bytes(dataset).replace(b"20140605", b"Doe Jane", 3)
    read_header(content)
    assert not [warning for warning in recwarn if "Doe" in str(warning.message)]
