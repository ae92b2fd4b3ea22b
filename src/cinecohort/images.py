"""NIfTI images and their sidecars: the only place that reads and writes them."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from isal import igzip, isal_zlib
from numpy.typing import NDArray

from cinecohort.errors import UserError, is_machine_fault
from cinecohort.files import read_json, replacing, write_json

GZIP_LEVEL = 3

TOO_LARGE = "it is larger than conversion.limits allows"

GZIP_START = b"\x1f\x8b"
"""What compressed files begin with."""

HEADER_BYTES = nib.Nifti2Header.template_dtype.itemsize
"""Length of the longer of the two NIfTI headers."""

MILLIMETRES = {"unknown": 1.0, "mm": 1.0, "meter": 1000.0, "micron": 0.001}
"""By the names that nibabel gives to the units of space."""

SECONDS = {"unknown": 1.0, "sec": 1.0, "msec": 1e-3, "usec": 1e-6}
"""By the names that nibabel gives to the units of time."""

SAME_PLACE_MM = 0.1
"""Entries of two affines that differ by no more are of one grid."""

PIXELS_MM = (0.2, 6.0)
"""In-plane pixel sizes of a cine; others are metres for millimetres, or axes in another order."""

NO_VOXEL_SIZE = "neither its pixdim nor its affine says how large a voxel is"

LARGEST_SKEW = 0.02
"""Largest cosine of the angle between rows and columns of a slice, which are at right angles."""

LEAST_DETERMINANT = 0.01
"""Of an affine's unit columns; 1 where they are at right angles, 0 where they lie in one plane."""


@dataclass
class Image:
    """A cine series or a label map.

    Parameters
    ----------
    data
        Array (x, y, z, t): DICOM columns, DICOM rows, slices along the normal, frames.
    affine
        4 x 4, voxel indices to millimetres in RAS+.
    frame_interval_s
        Seconds between frames, or None where the source does not know.
    sidecar
        Acquisition facts; see the data contract in the developer documentation.
    """

    data: NDArray[Any]
    affine: NDArray[np.float64]
    frame_interval_s: float | None = None
    sidecar: dict[str, Any] = field(default_factory=dict)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size along x, y and z in millimetres."""
        return voxel_spacing(self.affine)

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of a voxel in millilitres: the determinant of the affine, over 1000."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000.0


@dataclass(frozen=True)
class Geometry:
    """What an image's header says.

    Parameters
    ----------
    shape
        (x, y, z, t).
    affine
        4 x 4, voxel indices to millimetres in RAS+.
    frame_interval_s
        Seconds between frames, or None where it does not say.
    """

    shape: tuple[int, ...]
    affine: NDArray[np.float64]
    frame_interval_s: float | None


def voxel_spacing(affine: NDArray[np.float64]) -> tuple[float, float, float]:
    """Voxel size in millimetres: the norms of the affine's columns in plane, the distance of the planes.

    Where the third axis is not normal to the slices (each lies beside the one below), its length is more than
    the distance between them.
    """
    dx, dy, dz = np.linalg.norm(affine[:3, :3], axis=0)
    apart = float(affine[:3, 2] @ slice_normal(affine))
    return float(dx), float(dy), float(dz if np.isclose(apart, dz, rtol=1e-5) else apart)


def slice_normal(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vector at right angles to the slices, pointing from each slice to the next."""
    along: NDArray[np.float64] = affine[:3, 2] / np.linalg.norm(affine[:3, 2])
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    normal *= np.sign(normal @ along) / np.linalg.norm(normal)
    return along if np.isclose(normal @ along, 1.0, rtol=1e-5) else normal


def sidecar_path(image_path: Path) -> Path:
    """``sa.json`` for ``sa.nii.gz``."""
    return image_path.with_name(image_path.name.removesuffix(".gz").removesuffix(".nii") + ".json")


def write_image(path: Path, image: Image, *, description: str = "") -> None:
    """Write an image and, where it has one, its sidecar; the same image gives the same bytes.

    sform and qform are the affine, both with code 1; units are millimetres and seconds.

    Raises
    ------
    ValueError
        If the affine is singular.
    """
    if abs(np.linalg.det(image.affine[:3, :3])) < 1e-9:
        raise ValueError(f"{path.name}: the affine is singular")
    nifti = nib.Nifti1Image(np.asfortranarray(image.data), image.affine, dtype=image.data.dtype)
    nifti.header.set_xyzt_units("mm", "sec")
    nifti.header["descrip"] = description.encode()[:79]
    if image.data.ndim == 4:
        spacing = (*image.spacing_mm, image.frame_interval_s or 0.0)
        nifti.header.set_zooms(spacing)
    nifti.set_sform(image.affine, code=1)
    nifti.set_qform(image.affine, code=1)
    with replacing(path) as temporary, temporary.open("wb") as stream:
        if path.name.endswith(".gz"):
            with igzip.IGzipFile("", "wb", GZIP_LEVEL, stream, mtime=0) as compressed:
                nifti.to_stream(compressed)
        else:
            nifti.to_stream(stream)
    if image.sidecar:
        write_json(sidecar_path(path), image.sidecar)


def read_image(path: Path, most_bytes: int | None = None, most_sidecar_bytes: int | None = None) -> Image:
    """Read an image (3D files get a frame axis of one) with its sidecar, where there is one.

    NIfTI-1 and NIfTI-2, in the units that the header states (millimetres and seconds where it states none).

    Parameters
    ----------
    path
        The file.
    most_bytes, most_sidecar_bytes
        Size, unpacked, beyond which the file or its sidecar is refused; None for files that we wrote.

    Raises
    ------
    UserError
        If the file is not there, not NIfTI, damaged, has fewer than 2 or more than 4 axes or no voxel, holds
        anything but real numbers, does not say how large its voxels are, or has a damaged sidecar.
    MemoryError, OSError
        What the machine is to blame for; see :func:`cinecohort.errors.is_machine_fault`.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file.")
    try:
        if most_bytes is not None and path.stat().st_size > most_bytes:
            raise ValueError(TOO_LARGE)
        content = path.read_bytes()
        if path.name.endswith(".gz"):
            if not content.startswith(GZIP_START):
                raise ValueError("its name says that it is compressed by gzip, which it is not")
            content = igzip.decompress(content) if most_bytes is None else inflated(content, most_bytes)
        nifti = _nifti_version(content).from_bytes(content)
        _check_length(nifti, content)
        data = np.asanyarray(nifti.dataobj)
    except Exception as fault:
        if is_machine_fault(fault):
            raise
        raise UserError(f"{path}: not a readable NIfTI file ({fault}); copy it again.") from fault
    if data.size == 0:
        raise UserError(f"{path}: holds no voxel; copy or convert it again.")
    if data.dtype.kind not in "iuf":
        raise UserError(
            f"{path}: holds {data.dtype} values; an image of one real number per voxel is needed."
        )
    if not 2 <= data.ndim <= 4:
        raise UserError(f"{path}: has {data.ndim} axes; an image of 2 to 4 axes (x, y, z, t) is needed.")
    affine = _trusted_affine(path, nifti, content)
    sidecar = read_sidecar(path, most_sidecar_bytes)
    return Image(data.reshape(four_axes(data.shape)), affine, _frame_interval(nifti.header), sidecar)


def inflated(content: bytes, most_bytes: int) -> bytes:
    """Unpack a gzip file, and refuse one that would be larger before it fills the memory.

    Raises
    ------
    ValueError
        If it would be larger.
    """
    parts = []
    left = most_bytes
    while content:
        inflating = isal_zlib.decompressobj(wbits=31)
        parts.append(inflating.decompress(content, left + 1))
        left -= len(parts[-1])
        if left < 0:
            raise ValueError(TOO_LARGE)
        if not inflating.eof:
            raise EOFError("it ends too early")
        content = inflating.unused_data.lstrip(b"\0")
    return b"".join(parts)


def read_geometry(path: Path) -> Geometry:
    """Read where an image's voxels lie, as :func:`read_image` would give it, without reading them.

    Raises
    ------
    UserError
        If the file is not NIfTI, or does not say how large its voxels are.
    """
    try:
        nifti: Any = nib.load(path)
        with nib.openers.ImageOpener(str(path)) as stream:
            content = stream.read(HEADER_BYTES)
    except Exception as fault:
        if is_machine_fault(fault):
            raise
        raise UserError(f"{path}: not a readable NIfTI file ({fault}); copy it again.") from fault
    affine = _trusted_affine(path, nifti, content)
    return Geometry(four_axes(nifti.shape), affine, _frame_interval(nifti.header))


def four_axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Give a shape of fewer axes than x, y, z and t axes of one."""
    return shape + (1,) * (4 - len(shape))


def _nifti_version(content: bytes) -> type[nib.Nifti1Image]:
    is_second = nib.Nifti2Header.may_contain_header(content)
    return nib.Nifti2Image if is_second else nib.Nifti1Image


def _check_length(nifti: nib.Nifti1Image, content: bytes) -> None:
    """Refuse content shorter than its header says, before memory is asked for that no machine may have."""
    voxels: Any = nifti.dataobj
    needed = voxels.offset + math.prod(voxels.shape) * voxels.dtype.itemsize
    if needed > len(content):
        raise ValueError(f"its header asks for {needed:,} bytes, it holds {len(content):,}")


def stated_voxel_size(content: bytes) -> list[float]:
    """Voxel size (mm, one an axis of space) as a NIfTI header states it; nibabel would give 1 for 0."""
    kind = _nifti_version(content).header_class
    header = kind(content[: kind.template_dtype.itemsize], check=False)
    axes = min(3, int(header["dim"][0]))
    return [abs(float(size)) * millimetres_per_unit(header) for size in header["pixdim"][1 : axes + 1]]


def millimetres_per_unit(header: nib.Nifti1Header) -> float:
    """Millimetres in a header's unit of space."""
    return MILLIMETRES[_units(header)[0]]


def _units(header: nib.Nifti1Header) -> tuple[str, str]:
    try:
        space, time = header.get_xyzt_units()
    except KeyError:  # A code that NIfTI does not define.
        return "unknown", "unknown"
    return space, time


def _trusted_affine(path: Path, nifti: nib.Nifti1Image, content: bytes) -> NDArray[np.float64]:
    zooms = stated_voxel_size(content)
    affine = np.array(nifti.affine, dtype=np.float64)
    affine[:3] *= millimetres_per_unit(nifti.header)
    try:
        if not nifti.header["sform_code"] and not all(np.isfinite(zoom) and zoom > 0 for zoom in zooms):
            raise ValueError(NO_VOXEL_SIZE)  # The affine is made of the pixdim that nibabel put in its place.
        return spacing_checked_affine(affine, zooms)
    except ValueError as fault:
        raise UserError(f"{path}: {fault}; correct its header or convert it again.") from fault


def _frame_interval(header: nib.Nifti1Header) -> float | None:
    zooms = header.get_zooms()
    unit = SECONDS.get(_units(header)[1])  # None where the fourth axis is not time.
    if unit is None or len(zooms) < 4 or not np.isfinite(zooms[3]) or zooms[3] <= 0:
        return None
    return float(zooms[3]) * unit


def read_sidecar(path: Path, most_bytes: int | None = None) -> dict[str, Any]:
    """Read the sidecar of an image; empty where there is none.

    Raises
    ------
    UserError
        If it is damaged; what it says is not quoted.
    """
    sidecar = sidecar_path(path)
    try:
        if most_bytes is not None and sidecar.is_file() and sidecar.stat().st_size > most_bytes:
            raise ValueError(TOO_LARGE)
        facts = read_json(sidecar) if sidecar.is_file() else {}
    except (ValueError, RecursionError, OSError) as fault:
        if is_machine_fault(fault):
            raise
        facts = None  # The fault quotes the sidecar, which may name a person.
    if not isinstance(facts, dict):
        raise UserError(f"{path}: its sidecar {sidecar.name} is damaged; convert again or remove it.")
    return facts


def spacing_checked_affine(affine: NDArray[np.float64], zooms: list[float]) -> NDArray[np.float64]:
    """Return an affine whose column norms are the header's voxel sizes.

    ACDC's files have an sform of diag(-1, -1, 1): only ``pixdim`` holds the spacing, and volumes taken
    from the affine are wrong by the voxel volume. Where the two disagree by more than 1 %, pixdim wins;
    where pixdim is no size (0, NaN, or of an axis that the file lacks), the affine's is taken.

    Raises
    ------
    ValueError
        If neither says how large a voxel is, or the axes do not span space.
    """
    if not np.all(np.isfinite(affine)):
        raise ValueError("its affine is not finite")
    norms = np.linalg.norm(affine[:3, :3], axis=0)
    stated = np.array([*zooms, np.nan, np.nan, np.nan][:3])
    usable = np.isfinite(stated) & (stated > 0)
    sizes = np.where(usable, stated, norms)
    if np.any(sizes == 0):
        raise ValueError(NO_VOXEL_SIZE)
    if np.any(norms == 0):
        return np.diag([*sizes, 1.0])
    directions = affine[:3, :3] / norms
    if abs(np.linalg.det(directions)) < LEAST_DETERMINANT:
        raise ValueError("two axes of its affine point the same way")
    if abs(directions[:, 0] @ directions[:, 1]) > LARGEST_SKEW:
        raise ValueError("rows and columns of its slices are not at right angles by its affine")
    if np.allclose(norms, sizes, rtol=0.01) or np.allclose(voxel_spacing(affine), sizes, rtol=0.01):
        return affine
    corrected = affine.copy()
    corrected[:3, :3] = directions * sizes
    return corrected
