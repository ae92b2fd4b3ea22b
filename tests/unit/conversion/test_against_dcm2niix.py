"""Where dcm2niix is right, our voxels equal its and lie in the same places; where it is wrong, we show it."""

import subprocess
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.series import convert_series
from cinecohort.images import Image
from support import synthetic_dicom as synthetic

dcm2niix = pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")
IGNORE_TIMES = ("--ignore_trigger_times",)
"""Otherwise dcm2niix splits some vendors' cines into one file per trigger time."""


def ours(images: list) -> Image:
    return convert_series(synthetic.to_files(images), ConversionOptions()).views["sa"].image


def theirs(tmp_path: Path, images: list, *arguments: str) -> list[nib.Nifti1Image]:
    raw = synthetic.write_files(tmp_path / "raw", images)
    out = tmp_path / "out"
    out.mkdir()
    command = [dcm2niix.bin, "-z", "n", "-b", "n", *arguments, "-f", "%s_%r", "-o", str(out), str(raw)]
    subprocess.run(command, check=False, capture_output=True)
    return [nib.load(path) for path in sorted(out.glob("*.nii"))]


def canonical(data: NDArray, affine: NDArray) -> nib.Nifti1Image:
    return nib.as_closest_canonical(nib.Nifti1Image(data, affine, dtype=data.dtype))


def worst_shift_mm(a: NDArray, b: NDArray, shape: tuple[int, ...]) -> float:
    """Largest distance between where two affines put the voxels of a volume."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape[:3]], [1.0], indexing="ij")).reshape(4, -1)
    return float(np.abs((a - b) @ corners).max())


def assert_same(mine: nib.Nifti1Image, other: nib.Nifti1Image) -> None:
    assert mine.shape == other.shape
    np.testing.assert_array_equal(np.asanyarray(mine.dataobj), np.asanyarray(other.dataobj))
    shift = worst_shift_mm(mine.affine, other.affine, mine.shape)
    assert shift < 1e-3, f"{shift} mm\n{mine.affine}\n{other.affine}"


@pytest.mark.parametrize("layout", ["time_major", "philips", "ge"])
def test_whole_stacks(tmp_path: Path, layout: str) -> None:
    images = synthetic.stack(layout=layout)
    for dataset in images if layout == "philips" else ():
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
        dataset.TemporalPositionIdentifier = (dataset.InstanceNumber - 1) % 12 + 1
        dataset.NumberOfTemporalPositions = 12
    image = ours(images)
    (other,) = theirs(tmp_path, images, *IGNORE_TIMES)
    assert_same(canonical(image.data, image.affine), nib.as_closest_canonical(other))


def test_series_per_slice(tmp_path: Path) -> None:
    """dcm2niix gives one file per slice, each right but for the slice's thickness as its z."""
    images = synthetic.stack()
    image = ours(images)
    others = theirs(tmp_path, images)
    assert len(others) == 6
    for place, other in enumerate(others):
        z = 5 - place
        affine = image.affine.copy()
        affine[:3, 3] += z * image.affine[:3, 2]
        affine[:3, 2] *= 0.8
        assert_same(canonical(image.data[:, :, z : z + 1], affine), nib.as_closest_canonical(other))
        assert other.header.get_zooms()[2] == pytest.approx(8.0)


def test_time_step_of_dcm2niix_is_the_repetition_time(tmp_path: Path) -> None:
    images = synthetic.stack()
    assert ours(images).frame_interval_s == pytest.approx(0.0775)
    other = theirs(tmp_path, images)[0]
    assert other.header.get_zooms()[3] == pytest.approx(0.0317, abs=1e-4)


@pytest.mark.parametrize(("vendor", "right"), [("Philips Medical Systems", True), ("SIEMENS", False)])
def test_enhanced_multi_frame(tmp_path: Path, vendor: str, right: bool) -> None:
    """Of the same bytes, dcm2niix swaps slices and times where the manufacturer is Siemens."""
    enhanced = synthetic.enhanced()
    enhanced.Manufacturer = vendor
    image = ours([enhanced])
    np.testing.assert_array_equal(image.data[0, 0], synthetic.expected_tags(6, 12))
    (other,) = theirs(tmp_path, [enhanced], *IGNORE_TIMES)
    assert _is_right(other, image) is right
    if right:
        assert_same(canonical(image.data, image.affine), nib.as_closest_canonical(other))


def test_enhanced_multi_frame_is_split_by_trigger_time(tmp_path: Path) -> None:
    """Without that option, dcm2niix gives one 3D file per frame."""
    enhanced = synthetic.enhanced()
    enhanced.Manufacturer = "Philips Medical Systems"
    assert len(theirs(tmp_path, [enhanced])) == 12


def test_one_slice_major_siemens_series_is_scrambled_by_dcm2niix(tmp_path: Path) -> None:
    images = synthetic.stack(layout="slice_major")
    image = ours(images)
    np.testing.assert_array_equal(image.data[0, 0], synthetic.expected_tags(6, 12))
    others = theirs(tmp_path, images)
    assert not any(_is_right(other, image) for other in others)


@pytest.mark.parametrize("fault", ["missing slice", "twice", "reversed"])
def test_faulty_siemens_series_are_scrambled_by_dcm2niix(tmp_path: Path, fault: str) -> None:
    images = synthetic.stack(layout="slice_major")
    if fault == "missing slice":
        images = images[:24] + images[36:]
    elif fault == "twice":
        images += synthetic.stack(1, layout="slice_major", position=images[24].ImagePositionPatient)
        for number, dataset in enumerate(images[72:]):
            dataset.SeriesInstanceUID = images[0].SeriesInstanceUID
            dataset.InstanceNumber = 73 + number
    else:
        for dataset in images:
            dataset.InstanceNumber = 73 - dataset.InstanceNumber
    conversion = convert_series(synthetic.to_files(images), ConversionOptions(on_gap="empty"))
    image = conversion.views["sa"].image
    codes = {"missing slice": ["GAP"], "twice": ["DUPLICATE"], "reversed": []}
    assert [finding.code for finding in conversion.findings] == codes[fault]
    assert not any(_is_right(other, image) for other in theirs(tmp_path, images))


def _is_right(other: nib.Nifti1Image, image: Image) -> bool:
    """Whether another converter's file holds the same voxels in the same places."""
    if abs(np.linalg.det(other.affine[:3, :3])) < 1e-6:
        return False
    mine, turned = canonical(image.data, image.affine), nib.as_closest_canonical(other)
    return mine.shape == turned.shape and np.array_equal(
        np.asanyarray(mine.dataobj), np.asanyarray(turned.dataobj)
    )
