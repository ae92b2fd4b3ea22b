import errno
import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cinecohort.errors import UserError
from cinecohort.images import (
    Image,
    read_geometry,
    read_image,
    sidecar_path,
    spacing_checked_affine,
    voxel_spacing,
    write_image,
)

# Turned by 30 degrees about z, then by 60 about x; 1.5 mm pixels, slices 10 mm apart.
C, S = np.sqrt(3) / 2, 0.5
TURNED = np.array([[1, 0, 0], [0, S, -C], [0, C, S]]) @ np.array([[C, -S, 0], [S, C, 0], [0, 0, 1]])
OBLIQUE = np.eye(4)
OBLIQUE[:3] = np.column_stack([TURNED * [1.5, 1.5, 10.0], [10.0, -20.0, 30.0]])


def cine(shape=(5, 4, 3, 2), dtype=np.int16, **changes):
    data = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    return Image(**{"data": data, "affine": OBLIQUE, "frame_interval_s": 0.03, **changes})


@pytest.mark.parametrize("name", ["sa.nii.gz", "sa.nii"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32])
def test_an_image_comes_back_as_it_was(tmp_path, name, dtype):
    image = cine(dtype=dtype, sidecar={"view": "sa", "heart_rate_bpm": None})
    write_image(tmp_path / name, image)
    back = read_image(tmp_path / name)
    assert back.data.dtype == dtype
    np.testing.assert_array_equal(back.data, image.data)
    np.testing.assert_allclose(back.affine, OBLIQUE, atol=1e-5)
    assert back.frame_interval_s == pytest.approx(0.03)
    assert back.sidecar == image.sidecar


def test_the_same_image_is_the_same_bytes(tmp_path):
    for name in ("a.nii.gz", "b.nii.gz"):
        write_image(tmp_path / name, cine())
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_other_software_reads_the_header(tmp_path):
    write_image(tmp_path / "sa.nii.gz", cine(), description="Made by hand")
    header = nib.load(tmp_path / "sa.nii.gz").header
    assert header.get_xyzt_units() == ("mm", "sec")
    assert (int(header["sform_code"]), int(header["qform_code"])) == (1, 1)
    np.testing.assert_allclose(header.get_qform(), header.get_sform(), atol=1e-4)
    np.testing.assert_allclose(
        header.get_zooms(), [*np.linalg.norm(OBLIQUE[:3, :3], axis=0), 0.03], rtol=1e-5
    )
    assert bytes(header["descrip"]).startswith(b"Made by hand")


def test_volume_and_spacing():
    affine = np.diag([1.5, 2.0, 8.0, 1.0])
    assert voxel_spacing(affine) == (1.5, 2.0, 8.0)
    assert cine(affine=affine).voxel_volume_ml == pytest.approx(0.024)
    mirrored = np.diag([-1.5, -2.0, 8.0, 1.0])
    assert cine(affine=mirrored).voxel_volume_ml == pytest.approx(0.024)


@pytest.mark.parametrize(("shape", "expected"), [((4, 3), (4, 3, 1, 1)), ((4, 3, 2), (4, 3, 2, 1))])
def test_images_of_fewer_axes_get_axes_of_one(tmp_path, shape, expected):
    nib.save(nib.Nifti1Image(np.zeros(shape, np.int16), np.eye(4)), tmp_path / "a.nii.gz")
    image = read_image(tmp_path / "a.nii.gz")
    assert image.data.shape == expected
    assert image.frame_interval_s is None


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize(
    ("units", "space", "time", "interval"),
    [
        ((None, None), 1.0, 0.04, 0.04),
        (("mm", "sec"), 1.0, 0.04, 0.04),
        (("meter", "msec"), 1e-3, 40.0, 0.04),
        (("micron", "usec"), 1e3, 40_000.0, 0.04),
        (("mm", "hz"), 1.0, 25.0, None),
    ],
)
def test_units_and_both_versions_of_nifti_are_read(tmp_path, kind, units, space, time, interval):
    affine = OBLIQUE.copy()
    affine[:3] *= space
    nifti = kind(np.arange(24, dtype=np.int16).reshape(2, 3, 2, 2), affine)
    nifti.header.set_zooms((*voxel_spacing(affine), time))
    nifti.header.set_xyzt_units(*units)
    nib.save(nifti, tmp_path / "a.nii.gz")
    image = read_image(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(image.data, np.asarray(nifti.dataobj))
    np.testing.assert_allclose(image.affine, OBLIQUE, rtol=1e-5, atol=1e-5)
    assert image.frame_interval_s == (pytest.approx(interval) if interval else None)


def test_a_unit_that_nifti_does_not_define_counts_as_none(tmp_path):
    nifti = nib.Nifti1Image(np.zeros((2, 3, 2, 2), np.int16), OBLIQUE)
    nifti.header.set_zooms((*voxel_spacing(OBLIQUE), 0.04))
    nifti.header["xyzt_units"] = 7 + 56
    nib.save(nifti, tmp_path / "a.nii.gz")
    image = read_image(tmp_path / "a.nii.gz")
    np.testing.assert_allclose(image.affine, OBLIQUE, rtol=1e-5, atol=1e-5)
    assert image.frame_interval_s == pytest.approx(0.04)


def test_five_axes_are_refused(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2, 2, 2), np.int16), np.eye(4)), tmp_path / "a.nii.gz")
    with pytest.raises(UserError, match="has 5 axes"):
        read_image(tmp_path / "a.nii.gz")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "by gzip, which it is not"),
        (b"text", "by gzip, which it is not"),
        (gzip.compress(b"text"), ""),
        (gzip.compress(b"\0" * 400)[:-9], ""),
    ],
    ids=["empty", "text", "not_nifti", "cut"],
)
def test_a_damaged_file_is_named(tmp_path, content, why):
    (tmp_path / "a.nii.gz").write_bytes(content)
    with pytest.raises(UserError, match=rf"a\.nii\.gz: not a readable NIfTI file .*{why}"):
        read_image(tmp_path / "a.nii.gz")


def test_a_truncated_file_and_a_missing_one_are_named(tmp_path):
    write_image(tmp_path / "a.nii.gz", cine())
    (tmp_path / "a.nii.gz").write_bytes((tmp_path / "a.nii.gz").read_bytes()[:-20])
    with pytest.raises(UserError, match="not a readable NIfTI file"):
        read_image(tmp_path / "a.nii.gz")
    with pytest.raises(UserError, match="there is no such file"):
        read_image(tmp_path / "b.nii.gz")


def test_a_singular_affine_is_refused_and_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="singular"):
        write_image(tmp_path / "a.nii.gz", cine(affine=np.diag([1.0, 1.0, 0.0, 1.0])))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("affine", "zooms", "expected"),
    [
        (np.diag([-1.0, -1.0, 1.0, 1.0]), [1.5, 1.5, 10.0], np.diag([-1.5, -1.5, 10.0, 1.0])),
        (np.diag([1.5, 1.5, 10.0, 1.0]), [1.5001, 1.5, 10.0], np.diag([1.5, 1.5, 10.0, 1.0])),
        (np.diag([0.0, 1.0, 1.0, 1.0]), [2.0, 2.0, 8.0], np.diag([2.0, 2.0, 8.0, 1.0])),
        (np.diag([1.0, 1.0, 1.0, 1.0]), [2.0, 2.0], np.diag([2.0, 2.0, 1.0, 1.0])),
    ],
)
def test_pixdim_wins_over_an_affine_that_disagrees(affine, zooms, expected):
    np.testing.assert_allclose(spacing_checked_affine(affine, zooms), expected)


def with_header(path, pixdim=None, sform=None, sform_code=None):
    """Write a cine, then change bytes of its header, which nibabel would correct when it writes."""
    write_image(path, cine())
    content = bytearray(path.read_bytes())
    if pixdim is not None:
        content[80:92] = np.array(pixdim, "<f4").tobytes()
    if sform is not None:
        content[280:328] = np.array(sform, "<f4").tobytes()
    if sform_code is not None:
        content[254:256] = np.array(sform_code, "<i2").tobytes()
    path.write_bytes(bytes(content))
    return path


@pytest.mark.parametrize("pixdim", [(0, 0, 0), (np.nan, 1.5, 10), (1.5, np.inf, 0)])
def test_a_pixdim_that_is_no_size_leaves_the_spacing_to_the_affine(tmp_path, pixdim):
    """Nibabel reads a pixdim of 0 as 1 mm: a volume wrong by the voxel volume."""
    image = read_image(with_header(tmp_path / "sa.nii", pixdim))
    assert image.spacing_mm == pytest.approx((1.5, 1.5, 10.0))
    np.testing.assert_allclose(image.affine, OBLIQUE, atol=1e-5)


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ({"pixdim": (0, 0, 0), "sform": np.zeros((3, 4))}, "says how large a voxel is"),
        ({"pixdim": (0, 0, 0), "sform_code": 0}, "says how large a voxel is"),
        ({"sform": np.full((3, 4), np.nan)}, "affine is not finite"),
        ({"sform": [[1.5, 1.5, 0, 0], [0, 0, 0, 0], [0, 0, 10, 0]]}, "point the same way"),
    ],
)
def test_an_image_without_a_voxel_size_is_refused(tmp_path, header, sentence):
    with pytest.raises(UserError, match=rf"sa\.nii: .*{sentence}.*; correct its header"):
        read_image(with_header(tmp_path / "sa.nii", **header))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (np.zeros((4, 3, 2), np.complex64), "complex64 values"),
        (np.zeros((4, 3, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")]), "one real number per voxel"),
        (np.zeros((4, 0, 2), np.int16), "holds no voxel"),
    ],
    ids=["complex", "colour", "empty"],
)
def test_values_that_are_no_intensities_are_refused(tmp_path, data, sentence):
    nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "sa.nii")
    with pytest.raises(UserError, match=sentence):
        read_image(tmp_path / "sa.nii")


@pytest.mark.parametrize("content", [b'{"name": "Someone"', b"[1]", b"\xff\xfe"])
def test_a_damaged_sidecar_is_named_and_not_quoted(tmp_path, content):
    write_image(tmp_path / "sa.nii", cine())
    (tmp_path / "sa.json").write_bytes(content)
    with pytest.raises(UserError, match=r"its sidecar sa\.json is damaged") as caught:
        read_image(tmp_path / "sa.nii")
    assert "Someone" not in str(caught.value)


def test_sidecars_lie_beside_their_images(tmp_path):
    assert sidecar_path(tmp_path / "la_2ch.nii.gz") == tmp_path / "la_2ch.json"
    assert sidecar_path(tmp_path / "sa.nii") == tmp_path / "sa.json"


@pytest.mark.parametrize("fault", [OSError(errno.EIO, "Input/output error"), MemoryError()])
def test_what_the_machine_is_to_blame_for_is_not_put_on_the_file(tmp_path, monkeypatch, fault):
    write_image(tmp_path / "sa.nii.gz", cine(sidecar={"view": "sa"}))

    def fails(*arguments, **named):
        raise fault

    with monkeypatch.context() as patched, pytest.raises(type(fault)):
        patched.setattr(Path, "read_bytes", fails)
        read_image(tmp_path / "sa.nii.gz")
    with monkeypatch.context() as patched, pytest.raises(type(fault)):
        patched.setattr(Path, "read_text", fails)  # The sidecar.
        read_image(tmp_path / "sa.nii.gz")
    with monkeypatch.context() as patched, pytest.raises(type(fault)):
        patched.setattr(nib, "load", fails)
        read_geometry(tmp_path / "sa.nii.gz")


def test_a_damaged_header_does_not_ask_for_more_memory_than_there_is(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 3, 2), np.int16), OBLIQUE), tmp_path / "sa.nii")
    content = bytearray((tmp_path / "sa.nii").read_bytes())
    content[42:50] = np.full(4, 30000, np.int16).tobytes()
    (tmp_path / "sa.nii").write_bytes(content)
    with pytest.raises(UserError, match="its header asks for 1,620,000,000,000,000,352 bytes, it holds"):
        read_image(tmp_path / "sa.nii")
