"""NIfTI images and their sidecars: the only place that reads and writes them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from isal import igzip
from numpy.typing import NDArray

from cinecohort.errors import UserError
from cinecohort.files import read_json, replacing, write_json

GZIP_LEVEL = 3


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


def voxel_spacing(affine: NDArray[np.float64]) -> tuple[float, float, float]:
    """Voxel size in millimetres: the norms of the affine's columns."""
    dx, dy, dz = np.linalg.norm(affine[:3, :3], axis=0)
    return float(dx), float(dy), float(dz)


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


def read_image(path: Path) -> Image:
    """Read an image (3D files get a frame axis of one) with its sidecar, where there is one.

    Raises
    ------
    UserError
        If the file is not there, not NIfTI, damaged, or has fewer than 2 or more than 4 axes.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file.")
    try:
        content = path.read_bytes()
        if path.name.endswith(".gz"):
            content = igzip.decompress(content)
        nifti = nib.Nifti1Image.from_bytes(content)
        data = np.asanyarray(nifti.dataobj)
    except Exception as fault:
        raise UserError(f"{path}: not a readable NIfTI file ({fault}); copy it again.") from fault
    if not 2 <= data.ndim <= 4:
        raise UserError(f"{path}: has {data.ndim} axes; an image of 2 to 4 axes (x, y, z, t) is needed.")
    data = data.reshape(data.shape + (1,) * (4 - data.ndim))
    zooms = [float(zoom) for zoom in nifti.header.get_zooms()]
    interval = zooms[3] if len(zooms) > 3 and zooms[3] > 0 else None
    sidecar = sidecar_path(path)
    return Image(
        data=data,
        affine=spacing_checked_affine(np.asarray(nifti.affine, dtype=np.float64), zooms[:3]),
        frame_interval_s=interval,
        sidecar=read_json(sidecar) if sidecar.is_file() else {},
    )


def spacing_checked_affine(affine: NDArray[np.float64], zooms: list[float]) -> NDArray[np.float64]:
    """Return an affine whose column norms are the header's voxel sizes.

    ACDC's files have an sform of diag(-1, -1, 1): only ``pixdim`` holds the spacing, and volumes taken
    from the affine are wrong by the voxel volume. Where the two disagree by more than 1 %, pixdim wins.
    """
    zooms = [zoom if zoom > 0 else 1.0 for zoom in zooms] + [1.0] * (3 - len(zooms))
    norms = np.linalg.norm(affine[:3, :3], axis=0)
    if np.any(norms == 0):
        return np.diag([*zooms, 1.0])
    if np.allclose(norms, zooms, rtol=0.01):
        return affine
    corrected = affine.copy()
    corrected[:3, :3] *= np.asarray(zooms) / norms
    return corrected
