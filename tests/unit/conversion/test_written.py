"""What is written is checked; the same input gives the same bytes."""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from isal import igzip
from scipy.spatial.transform import Rotation

from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.series import Conversion, convert_series
from cinecohort.conversion.written import WrittenWrong, check_written, write_views
from cinecohort.images import write_image
from support import synthetic_dicom as synthetic


@pytest.fixture
def conversion() -> Conversion:
    return convert_series(synthetic.to_files(synthetic.stack(5, 10)), ConversionOptions())


def test_written_file_as_another_software_reads_it(tmp_path: Path, conversion: Conversion) -> None:
    assert write_views(tmp_path, conversion) == ["sa.nii.gz", "sa.json"]
    nifti = nib.load(tmp_path / "sa.nii.gz")
    header = nifti.header
    np.testing.assert_array_equal(np.asanyarray(nifti.dataobj)[0, 0], synthetic.expected_tags(5, 10))
    assert nifti.get_data_dtype() == np.uint16
    assert header.get_xyzt_units() == ("mm", "sec")
    assert int(header["qform_code"]) == int(header["sform_code"]) == 1
    np.testing.assert_allclose(header.get_qform(), header.get_sform(), atol=1e-4)
    # RR 900 + 12 z ms over ten frames, median of five slices: 924 / 10 ms.
    np.testing.assert_allclose(header.get_zooms(), (1.7, 1.8, 10.0, 0.0924), atol=1e-6)
    for z in range(5):
        corner = synthetic.CORNER + z * synthetic.STEP * synthetic.NORMAL
        np.testing.assert_allclose((nifti.affine @ [0, 0, z, 1])[:3], corner * [-1, -1, 1], atol=1e-3)


def test_view_half_a_turn_from_the_axes_is_written(tmp_path: Path, conversion: Conversion) -> None:
    """Rows that run almost from left to right: single precision loses the first part of the quaternion."""
    view = conversion.views["sa"]
    axis = np.array([0.002, -0.347, -0.938])
    turn = Rotation.from_rotvec((np.pi - 0.001293) * axis / np.linalg.norm(axis))
    affine = np.eye(4)
    affine[:3, :3] = turn.as_matrix() * (1.8, 1.8, 6.0)
    image = replace(view.image, data=np.ones((208, 162, 1, 10), np.uint16), affine=affine)
    turned = replace(view, image=image, corners=[np.zeros(3)])
    write_image(tmp_path / "sa.nii.gz", turned.image)
    check_written(tmp_path / "sa.nii.gz", turned)


def test_same_input_same_bytes(tmp_path: Path) -> None:
    files = synthetic.to_files(synthetic.stack(5, 10))
    for name, order in (("a", files), ("b", files[::-1])):
        write_views(tmp_path / name, convert_series(order, ConversionOptions()))
    for file in ("sa.nii.gz", "sa.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_refused_view_leaves_no_earlier_image(tmp_path: Path, conversion: Conversion) -> None:
    write_views(tmp_path, conversion)
    assert write_views(tmp_path, Conversion()) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [("affine", "position of slice 0"), ("voxel", "voxels"), ("cut", "size"), ("time", "frame interval")],
)
def test_wrong_files_are_noticed(tmp_path: Path, conversion: Conversion, change: str, fault: str) -> None:
    write_views(tmp_path, conversion)
    path = tmp_path / "sa.nii.gz"
    content = bytearray(igzip.decompress(path.read_bytes()))
    if change == "voxel":
        content[352 + 77] ^= 1
    elif change == "cut":
        content = content[:-2]
    else:
        header = nib.Nifti1Header(bytes(content[:348]))
        if change == "affine":
            sform = header.get_sform()
            sform[0, 3] += 0.01
            header.set_sform(sform, 1)
            header.set_qform(sform, 1)
        else:
            header["pixdim"][4] = 0.0317
        content[:348] = header.binaryblock
    path.write_bytes(igzip.compress(bytes(content)))
    with pytest.raises(WrittenWrong, match=fault):
        check_written(path, conversion.views["sa"])
