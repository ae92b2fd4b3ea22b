"""Every layout of a short-axis cine comes out with the same voxels, positions and times."""

import random
import subprocess
from pathlib import Path

import gdcm
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from cinecohort.conversion.geometry import corner_of_slice
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.raw_files import RawBytes
from cinecohort.conversion.series import ConvertedView, convert_series
from support import synthetic_dicom as synthetic

OPTIONS = ConversionOptions()
LAYOUTS = ("series_per_slice", "slice_major", "time_major", "philips", "ge")
GDCMCONV = Path(gdcm.__file__).parent.joinpath("_gdcm", "gdcmconv")


def convert_short_axis(files: list[RawBytes]) -> ConvertedView:
    random.Random(3).shuffle(files)
    conversion = convert_series(files, OPTIONS)
    assert conversion.findings == []
    return conversion.views["sa"]


def assert_right(view: ConvertedView, n_slices: int = 6, n_frames: int = 12) -> None:
    data = view.image.data
    assert data.shape == (synthetic.COLUMNS, synthetic.ROWS, n_slices, n_frames)
    np.testing.assert_array_equal(data[0, 0], synthetic.expected_tags(n_slices, n_frames))
    np.testing.assert_array_equal(data[:, :, 2, 5], synthetic.pixels(2, 5).T)
    assert np.linalg.det(view.image.affine[:3, :3]) > 0
    for z in range(n_slices):
        corner = synthetic.CORNER + z * synthetic.STEP * synthetic.NORMAL
        np.testing.assert_allclose(corner_of_slice(view.image.affine, z), corner, atol=1e-3)
    np.testing.assert_allclose(view.image.spacing_mm, (1.7, 1.8, 10.0), atol=1e-5)
    # RR is 900 + 12 z ms over 12 frames: the median over six slices is 930 ms.
    assert view.image.frame_interval_s == pytest.approx(0.0775)
    sidecar = view.image.sidecar
    assert sidecar["heart_rate_bpm"] == pytest.approx(60 / 0.930, abs=0.01)
    assert sidecar["rr_interval_ms"] == [900.0 + 12 * z for z in range(n_slices)]
    assert sidecar["trigger_times_ms"][1][:3] == [0.0, 76.0, 152.0]
    assert sidecar["acquired_after_s"] == pytest.approx([60.0 * z for z in range(n_slices)], abs=0.01)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_classic_layouts(layout: str) -> None:
    view = convert_short_axis(synthetic.to_files(synthetic.stack(layout=layout)))
    assert_right(view)
    assert view.image.data.dtype == (np.int16 if layout == "ge" else np.uint16)
    assert len(view.instances) == 72


def test_far_corner_lies_where_dicom_puts_it() -> None:
    """Equation C.7.6.2.1-1 of the DICOM standard, for the last voxel of the first slice."""
    view = convert_short_axis(synthetic.to_files(synthetic.stack()))
    last = np.array([synthetic.COLUMNS - 1, synthetic.ROWS - 1, 0, 1])
    ras = (view.image.affine @ last)[:3]
    between_rows, between_columns = synthetic.SPACING
    lps = (
        synthetic.CORNER
        + synthetic.ROW * between_columns * (synthetic.COLUMNS - 1)
        + synthetic.COLUMN * between_rows * (synthetic.ROWS - 1)
    )
    np.testing.assert_allclose(ras, lps * [-1, -1, 1], atol=1e-3)


@pytest.mark.parametrize("reverse", [False, True])
def test_slices_are_ordered_by_position_whatever_their_numbers_say(reverse: bool) -> None:
    images = synthetic.stack(layout="slice_major")
    for dataset in images:
        dataset.InstanceNumber = 73 - dataset.InstanceNumber if reverse else dataset.InstanceNumber
        dataset.SliceLocation = -dataset.InstanceNumber
    assert_right(convert_short_axis(synthetic.to_files(images)))


def test_enhanced_multi_frame() -> None:
    view = convert_short_axis(synthetic.to_files([synthetic.enhanced()]))
    assert_right(view)
    assert view.image.sidecar["layout"] == "multi-frame"
    assert view.image.sidecar["te_ms"] == pytest.approx(1.1)


def test_enhanced_with_a_slope_a_slice_is_rescaled_to_floating_point() -> None:
    view = convert_short_axis(synthetic.to_files([synthetic.enhanced(per_frame_slope=True)]))
    slopes = 1.0 + 0.5 * np.arange(6)[:, None]
    assert view.image.data.dtype == np.float32
    np.testing.assert_allclose(view.image.data[0, 0], synthetic.expected_tags(6, 12) * slopes)
    assert view.image.sidecar["rescale"] is None


def test_philips_common_slope_is_recorded_and_stored_values_kept() -> None:
    images = synthetic.stack(layout="philips")
    for dataset in images:
        dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", 0.0125)
    view = convert_short_axis(synthetic.to_files(images))
    assert view.image.data.dtype == np.uint16
    assert view.image.sidecar["rescale"] == {"slope": 2.5, "intercept": -4.0}
    assert view.image.sidecar["philips_scale_slope"] == pytest.approx(0.0125)


def test_philips_slope_that_varies_by_slice_is_applied() -> None:
    images = synthetic.stack(layout="philips")
    for index, dataset in enumerate(images):
        dataset.RescaleSlope = 1.5 if index // 12 == 0 else 2.5
    view = convert_short_axis(synthetic.to_files(images))
    slopes = np.array([2.5] * 5 + [1.5])[:, None]
    expected = synthetic.expected_tags(6, 12) * slopes - 4.0
    np.testing.assert_allclose(view.image.data[0, 0], expected)


def test_philips_trigger_times_that_do_not_rise_are_not_believed() -> None:
    images = synthetic.stack(layout="philips")
    for dataset in images:
        dataset.TriggerTime = 250
        dataset.TemporalPositionIdentifier = (dataset.InstanceNumber - 1) % 12 + 1
    conversion = convert_series(synthetic.to_files(images), OPTIONS)
    data = conversion.views["sa"].image.data
    np.testing.assert_array_equal(data[0, 0], synthetic.expected_tags(6, 12))
    assert [finding.code for finding in conversion.findings] == ["TIME"]
    assert conversion.views["sa"].image.sidecar["trigger_times_ms"] == [None] * 6
    assert conversion.views["sa"].image.frame_interval_s is None


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian], ids=["implicit", "deflated"]
)
def test_other_encodings(syntax: str) -> None:
    assert_right(convert_short_axis(synthetic.to_files(synthetic.stack(), syntax=syntax)))


def test_big_endian() -> None:
    images = synthetic.stack()
    for dataset in images:
        dataset.PixelData = synthetic.pixels_of(dataset).astype(">u2").tobytes()
    assert_right(convert_short_axis(synthetic.to_files(images, syntax=ExplicitVRBigEndian)))


def test_run_length_encoding() -> None:
    assert_right(convert_short_axis(synthetic.to_files(synthetic.stack(), syntax=RLELossless, compress=True)))


@pytest.mark.skipif(not GDCMCONV.is_file(), reason="gdcmconv is not installed")
@pytest.mark.parametrize(
    ("option", "syntax"), [("--jpeg", "4.70"), ("--jpegls", "4.80"), ("--j2k", "4.90"), ("--rle", "5")]
)
@pytest.mark.parametrize("many", [False, True], ids=["classic", "enhanced"])
def test_compressed_by_another_software(tmp_path: Path, option: str, syntax: str, many: bool) -> None:
    native, packed = tmp_path / "native.dcm", tmp_path / "packed.dcm"
    native.write_bytes(synthetic.to_bytes(synthetic.enhanced(3)))
    subprocess.run([GDCMCONV, option, native, packed], check=True)
    assert f"1.2.840.10008.1.2.{syntax}".encode() in packed.read_bytes()[:1000]
    files = [RawBytes("packed", packed.read_bytes())] if many else one_frame_per_file(packed)
    assert_right_tags(convert_short_axis(files), 3)


def one_frame_per_file(path: Path) -> list[RawBytes]:
    """The compressed frames of a multi-frame file as classic files."""
    dataset = pydicom.dcmread(path)
    syntax = dataset.file_meta.TransferSyntaxUID
    images = synthetic.stack(3, layout="slice_major")
    frames = generate_frames(dataset.PixelData, number_of_frames=len(images))
    files = []
    for image, frame in zip(images, frames, strict=True):
        image.PixelData = encapsulate([frame])
        image["PixelData"].VR = "OB"
        files.append(RawBytes(f"{image.SOPInstanceUID}", synthetic.to_bytes(image, syntax=syntax)))
    return files


def assert_right_tags(view: ConvertedView, n_slices: int) -> None:
    np.testing.assert_array_equal(view.image.data[0, 0], synthetic.expected_tags(n_slices, 12))
    np.testing.assert_array_equal(view.image.data[:, :, 1, 3], synthetic.pixels(1, 3).T)


def test_eight_bits() -> None:
    images = synthetic.stack(3)
    for dataset in images:
        small = (synthetic.pixels_of(dataset) % 250).astype(np.uint8)
        synthetic.put_pixels(dataset, small)
    view = convert_short_axis(synthetic.to_files(images))
    assert view.image.data.dtype == np.uint8
    np.testing.assert_array_equal(view.image.data[0, 0], synthetic.expected_tags(3, 12) % 250)


def test_overlay_bits_and_padding_are_removed() -> None:
    images = synthetic.stack(3)
    for dataset in images:
        values = synthetic.pixels_of(dataset) | 0x8000
        values[-1, -1] = 0x8FFF
        synthetic.put_pixels(dataset, values)
        dataset.PixelPaddingValue = 0x0FFF
    view = convert_short_axis(synthetic.to_files(images))
    np.testing.assert_array_equal(view.image.data[0, 0], synthetic.expected_tags(3, 12))
    assert (view.image.data[-1, -1] == 0).all()


def test_signed_values_of_fewer_bits_keep_their_sign() -> None:
    images = synthetic.stack(3)
    for dataset in images:
        values = synthetic.pixels_of(dataset).astype(np.int16) - 2000
        values[3, 3] = -1234
        packed = (values.astype(np.uint16) & 0x1FFF).view(np.int16)
        synthetic.put_pixels(dataset, packed, bits_stored=13)
    view = convert_short_axis(synthetic.to_files(images))
    assert view.image.data.dtype == np.int16
    assert (view.image.data[3, 3] == -1234).all()
    np.testing.assert_array_equal(view.image.data[0, 0], synthetic.expected_tags(3, 12) - 2000)


def test_instance_numbers_lead_back_to_slice_and_frame() -> None:
    view = convert_short_axis(synthetic.to_files(synthetic.stack(layout="ge")))
    # Slice-major from the last slice along the normal: instance 1 is slice 5, frame 0.
    assert view.instance_numbers[1] == (5, 0)
    assert view.instance_numbers[72] == (0, 11)
    series_per_slice = convert_short_axis(synthetic.to_files(synthetic.stack()))
    assert series_per_slice.instance_numbers == {}


def test_frames_start_anywhere_in_the_instance_numbers() -> None:
    """Some scanners number from the middle of the cycle: a restart of the times is no second pass."""
    images = synthetic.stack()
    for dataset in images:
        dataset.InstanceNumber = (dataset.InstanceNumber + 5) % 12 + 1
    assert_right(convert_short_axis(synthetic.to_files(images)))


def test_instance_number_is_optional() -> None:
    images = synthetic.stack()
    for dataset in images:
        del dataset.InstanceNumber
    assert_right(convert_short_axis(synthetic.to_files(images)))
