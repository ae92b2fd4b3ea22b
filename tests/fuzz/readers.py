"""Every reader with whole examples to damage, and what it may raise for damaged ones."""

import gzip
import io
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np

from cinecohort.conversion.cvi42 import read_workspace, write_workspace
from cinecohort.conversion.limits import Limits
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.raw_files import RawBytes, read_zip
from cinecohort.conversion.series import convert_series
from cinecohort.conversion.sunnybrook_contours import read_contours
from cinecohort.errors import UserError
from cinecohort.evaluation.files import read_coded
from cinecohort.findings import Level
from cinecohort.sources.nifti_files import read_volume
from fuzz.mutation import NUMERALS, dicom_mutated, nifti_mutated, packed, text_mutated
from fuzz.reader import Reader, written
from fuzz.text_readers import TEXT_READERS
from support import hostile
from support import synthetic_dicom as synthetic

OPTIONS = ConversionOptions(min_frames=2, min_parallel_slices=3, limits=Limits(file_mb=100, decode_s=5))
SYNTAXES = (
    "JPEGLSLossless",
    "JPEG2000Lossless",
    "JPEGLosslessProcess14_1",
    "JPEGBaselineProcess1",
    "RLELossless",
)


def _small_stack() -> list[bytes]:
    return [synthetic.to_bytes(image) for image in synthetic.stack(4, 4)]


@cache
def _others() -> tuple[RawBytes, ...]:
    return tuple(RawBytes(f"{n}.dcm", content) for n, content in enumerate(_small_stack()[1:]))


@cache
def dicom_examples() -> list[bytes]:
    """The first image of a stack in every transfer syntax, and an enhanced object."""
    (image,) = synthetic.stack(4, 4)[:1]
    made = [synthetic.to_bytes(image)]
    for syntax in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"):
        made.append(synthetic.to_bytes(image, syntax))
    with tempfile.TemporaryDirectory() as folder:
        for syntax in SYNTAXES:
            try:
                (path,) = hostile.compressed([image], Path(folder) / syntax, syntax)
            except AssertionError:  # gdcm writes no 12 bits in this one.
                continue
            made.append(path.read_bytes())
    made.append(synthetic.to_bytes(synthetic.enhanced(4, 4)))
    return made


def read_dicom(content: bytes) -> bool:
    """Convert a small stack of which one file is damaged; it is past its header if it is not unreadable."""
    conversion = convert_series([RawBytes("damaged.dcm", content), *_others()], OPTIONS)
    return not any(finding.code == "UNREADABLE" and not finding.view for finding in conversion.findings)


def zip_examples() -> list[bytes]:
    """Archives of a small stack and a manifest."""
    made = []
    for how in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", how) as archive:
            archive.writestr("manifest.csv", "filename,date\n0.dcm,2014\n")
            for n, content in enumerate(_small_stack()[:3]):
                archive.writestr(f"{n}.dcm", content)
        made.append(stream.getvalue())
    return made


def _read_zip(content: bytes) -> bool:
    return any(file.content is not None for file in read_zip(content, "a.zip", OPTIONS.limits))


def _nifti_examples() -> list[bytes]:
    data = np.random.default_rng(1).integers(0, 200, (8, 8, 3, 4), dtype=np.int16)
    image = nib.Nifti1Image(data, np.diag([1.8, 1.8, 10.0, 1.0]))
    plain = image.to_bytes()
    second = nib.Nifti2Image(data.astype(np.float32), np.eye(4)).to_bytes()
    return [plain, second, gzip.compress(plain), gzip.compress(second)]


def _read_nifti(content: bytes) -> bool:
    path = written("sa.nii.gz" if content.startswith(b"\x1f\x8b") else "sa.nii", content)
    return read_volume(path, "sa", Level.REVIEW, OPTIONS.limits)[0] is not None


def _label_examples() -> list[bytes]:
    labels = np.random.default_rng(1).integers(0, 4, (8, 8, 3, 2), dtype=np.uint8)
    return [
        nib.Nifti1Image(each, np.diag([1.8, 1.8, 10.0, 1.0])).to_bytes() for each in (labels, labels[..., 0])
    ]


def _workspace_examples() -> list[bytes]:
    turn = np.linspace(0, 2 * np.pi, 30)
    points = 10 + 5 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    contours = {"1.2.3": {"saendocardialContour": points, "typed by hand": points}}
    return [write_workspace(contours), write_workspace(contours, zipped_as="a.cvi42wsx", annotator="A")]


def _read_workspace(content: bytes) -> bool:
    return bool(read_workspace(content, OPTIONS.limits).contours)


def _read_text_contour(content: bytes) -> bool:
    path = written("IM-0001-0001-icontour-manual.txt", content)
    return bool(read_contours([path], {1: (0, 0)}, OPTIONS.limits)[0])


READERS: dict[str, Reader] = {
    "dicom": Reader(dicom_examples, read_dicom, damage=dicom_mutated),
    "zip": Reader(zip_examples, _read_zip),
    "nifti": Reader(_nifti_examples, _read_nifti, damage=packed(nifti_mutated)),
    "workspace": Reader(
        _workspace_examples,
        _read_workspace,
        damage=packed(text_mutated(r"(?<=>)[^<>]+(?=<)|(?<=\")[^<>\"]+")),
    ),
    "contours": Reader(
        lambda: [b"10.5 12.25\n20.0 12.0\n15.5 30.125\n" * 5],
        _read_text_contour,
        damage=text_mutated(r"[^\s]+", words=NUMERALS),
    ),
    "labels": Reader(
        _label_examples,
        lambda content: read_coded(written("label.nii", content), "sa", "acdc").data.size > 0,
        (UserError,),
        nifti_mutated,
    ),
    **TEXT_READERS,
}
"""Readers by name."""
