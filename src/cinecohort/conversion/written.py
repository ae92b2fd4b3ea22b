"""Writing the views of a subject, and checking what was written against the source."""

import struct
from pathlib import Path

import nibabel as nib
import numpy as np
from isal import igzip
from numpy.typing import NDArray

from cinecohort.catalogue.views import VIEWS
from cinecohort.conversion.geometry import corner_of_slice
from cinecohort.conversion.grid import POSITION_PRECISION_MM
from cinecohort.conversion.series import Conversion, ConvertedView
from cinecohort.images import write_image

DESCRIPTION = "CineCohort"

QFORM_PRECISION = 2e-3
"""How far a direction of the qform may be off: NIfTI stores three numbers of its quaternion in single
precision, which leaves the fourth uncertain where a view is turned by half a turn against the axes."""


class WrittenWrong(Exception):
    """A written file does not say what it should: a fault of the software or the disk, not of the data."""


def write_views(folder: Path, conversion: Conversion) -> list[str]:
    """Write each view's image and sidecar, check it, and return the file names.

    Views of an earlier conversion that were not made this time are removed first.

    Raises
    ------
    WrittenWrong
        If a written file does not reproduce the source.
    """
    for view in set(VIEWS) - set(conversion.views):
        for name in (f"{view}.nii.gz", f"{view}.json"):
            (folder / name).unlink(missing_ok=True)
    outputs = []
    for view, converted in conversion.views.items():
        path = folder / f"{view}.nii.gz"
        write_image(path, converted.image, description=DESCRIPTION)
        check_written(path, converted)
        outputs += [path.name, f"{view}.json"]
    return outputs


def check_written(path: Path, converted: ConvertedView) -> None:
    """Read the header and the first frame back.

    Checked: shape and type, units, sform equal to qform (both code 1) and not singular, the corner of every
    slice within 0.001 mm of its ImagePositionPatient (besides the known distance of an uneven stack from
    its grid), frame interval, and the voxels of the first frame; the size in the gzip trailer.

    Raises
    ------
    WrittenWrong
        Naming the file and what differs.
    """
    image = converted.image
    n_x, n_y, n_z, _ = image.data.shape
    with igzip.open(path, "rb") as stream:
        header = nib.Nifti1Header(stream.read(348))
        stream.read(int(header["vox_offset"]) - 348)
        first = np.frombuffer(stream.read(n_x * n_y * n_z * image.data.dtype.itemsize), image.data.dtype)
    size = int(header["vox_offset"]) + image.data.nbytes
    (trailer,) = struct.unpack("<I", path.read_bytes()[-4:])
    faults = []
    if header.get_data_shape() != image.data.shape or header.get_data_dtype() != image.data.dtype:
        faults.append("shape or type")
    if trailer != size % 2**32:
        faults.append("size")
    if not np.array_equal(first.reshape((n_x, n_y, n_z), order="F"), image.data[..., 0]):
        faults.append("voxels")
    if header.get_xyzt_units() != ("mm", "sec"):
        faults.append("units")
    if not np.isclose(header["pixdim"][4], image.frame_interval_s or 0.0, rtol=1e-6, atol=1e-9):
        faults.append("frame interval")
    faults += _affine_faults(header, converted)
    if faults:
        raise WrittenWrong(f"{path.name} was written wrong: {', '.join(faults)}")


def _affine_faults(header: nib.Nifti1Header, converted: ConvertedView) -> list[str]:
    sform: NDArray[np.float64] = np.asarray(header.get_sform(), dtype=np.float64)
    qform = np.asarray(header.get_qform(), dtype=np.float64)
    faults = []
    if int(header["sform_code"]) != 1 or int(header["qform_code"]) != 1:
        faults.append("form codes")
    if np.linalg.det(sform[:3, :3]) <= 0:
        faults.append("determinant")
    extent = np.array([[*(np.array(converted.image.data.shape[:3]) - 1), 1.0], [0.0, 0.0, 0.0, 1.0]])
    size_mm = float(np.abs(extent[0, :3] @ sform[:3, :3].T).max())
    if np.abs(extent @ (sform - qform).T).max() > 10 * POSITION_PRECISION_MM + QFORM_PRECISION * size_mm:
        faults.append("sform and qform differ")
    allowed = POSITION_PRECISION_MM + converted.residual_mm
    for index, corner in enumerate(converted.corners):
        if corner is not None and np.linalg.norm(corner_of_slice(sform, index) - corner) > allowed:
            faults.append(f"position of slice {index}")
    return faults
