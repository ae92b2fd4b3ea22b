"""Subjects that each hold one fault that a reader could fail on: of format, of size, of the file system."""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import gdcm
import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, RLELossless

from cinecohort.conversion.cvi42 import write_workspace
from support import synthetic_dicom as synthetic

FRAMES, SLICES = 12, 6


def images_of(folder: Path) -> list[Dataset]:
    """A whole short-axis stack of a patient and study of the folder's own."""
    images = synthetic.stack(SLICES, FRAMES)
    for image in images:
        image.PatientID = f"PID-{folder.name}"
        image.StudyInstanceUID = image.FrameOfReferenceUID = f"1.2.3.{ord(folder.name[0])}"
    return images


def write_good(folder: Path) -> None:
    """A whole short-axis stack."""
    synthetic.write_files(folder, images_of(folder))


def compressed(images: list[Dataset], folder: Path, syntax: str) -> list[Path]:
    """Write images whose pixels gdcm compressed."""
    plain = folder.parent / f"{folder.name}.plain"
    synthetic.write_files(plain, images)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for path in sorted(plain.iterdir()):
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(folder / path.name))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        written.append(folder / path.name)
        path.unlink()
    plain.rmdir()
    return written


def edited(paths: list[Path], edit: Callable[[Dataset], None], n: int = 1) -> None:
    """Change the first `n` files."""
    for path in paths[:n]:
        dataset = pydicom.dcmread(path)
        edit(dataset)
        dataset.save_as(path)


def with_rows(folder: Path, more: int) -> None:
    """JPEG-LS whose header states more rows than there are: gdcm ends the process."""

    def edit(dataset: Dataset) -> None:
        dataset.Rows += more

    edited(compressed(images_of(folder), folder, "JPEGLSLossless"), edit, SLICES * FRAMES)


def with_columns(folder: Path) -> None:
    """JPEG-LS whose header has rows and columns exchanged in all files: gdcm wraps the rows anew."""

    def edit(dataset: Dataset) -> None:
        dataset.Rows, dataset.Columns = dataset.Columns, dataset.Rows

    edited(compressed(images_of(folder), folder, "JPEGLSLossless"), edit, SLICES * FRAMES)


def _one_of(folder: Path, edit: Callable[[Dataset], None]) -> None:
    images = images_of(folder)
    edit(images[0])
    synthetic.write_files(folder, images)


def with_huge_run_lengths(folder: Path) -> None:
    """RLE that states 32768 x 32768 pixels."""

    def edit(dataset: Dataset) -> None:
        dataset.Rows = dataset.Columns = 32768
        dataset.PixelData = encapsulate([struct.pack("<16L", 1, 64, *[0] * 14) + b"\x81\x00" * 8])
        dataset["PixelData"].is_undefined_length = True
        dataset["PixelData"].VR = "OB"

    write_good(folder)
    path = sorted(folder.iterdir())[0]
    dataset = pydicom.dcmread(path)
    edit(dataset)
    dataset.file_meta.TransferSyntaxUID = UID(RLELossless)
    dataset.save_as(path)


def with_endless_frames(folder: Path) -> None:
    """A file that states 2,147,483,647 frames."""
    _one_of(folder, lambda dataset: setattr(dataset, "NumberOfFrames", 2147483647))


def with_deep_sequences(folder: Path) -> None:
    """Sequences nested 600 deep, of undefined length."""
    write_good(folder)
    path = sorted(folder.iterdir())[0]
    content = path.read_bytes()
    place = content.index(b"\x28\x00\x02\x00US")
    start = struct.pack("<HH2sHI", 0x0018, 0x9346, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    path.write_bytes(content[:place] + start * 600 + end * 600 + content[place:])


def _archive(folder: Path, extra: Callable[[zipfile.ZipFile], None]) -> bytes:
    folder.mkdir(parents=True)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, image in enumerate(images_of(folder)):
            archive.writestr(f"{number:04d}.dcm", synthetic.to_bytes(image))
        extra(archive)
    return stream.getvalue()


class Repeated:
    """A compressor of one piece, which is compressed once and repeated."""

    def __init__(self, piece: bytes):
        compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.compressed = compressor.compress(piece) + compressor.flush(zlib.Z_FULL_FLUSH)

    def compress(self, piece: bytes) -> bytes:
        return self.compressed

    def flush(self) -> bytes:
        return zlib.compressobj(9, zlib.DEFLATED, -15).flush()


def with_bomb(folder: Path) -> None:
    """A zip member of 3 MB that inflates to 3 GB and is no image."""

    def extra(archive: zipfile.ZipFile) -> None:
        with archive.open(zipfile.ZipInfo("filler.bin"), "w", force_zip64=True) as stream:
            stream._compressor = Repeated(zeros := bytes(50_000_000))
            stream._compress_type = zipfile.ZIP_DEFLATED
            stream._zinfo.compress_type = zipfile.ZIP_DEFLATED
            for _ in range(60):
                stream.write(zeros)

    content = _archive(folder, extra)
    (folder / "images.zip").write_bytes(content)


def with_nameless_member(folder: Path) -> None:
    """A zip member without a name."""

    def extra(archive: zipfile.ZipFile) -> None:
        member = zipfile.ZipInfo("x")
        member.filename = ""
        archive.writestr(member, b"nobody")

    content = _archive(folder, extra)
    (folder / "images.zip").write_bytes(content)


def with_new_zip_version(folder: Path) -> None:
    """An archive that needs version 6.4 to be unpacked."""
    content = bytearray(_archive(folder, lambda archive: None))
    for place in range(len(content) - 4):
        if content[place : place + 4] == b"PK\x01\x02":
            content[place + 6] = 64
    (folder / "images.zip").write_bytes(content)


def with_dangling_link(folder: Path) -> None:
    """A link that leads to nothing."""
    write_good(folder)
    (folder / "0000.dcm").symlink_to("nowhere")


def with_loop(folder: Path) -> None:
    """A link to the folder that it lies in."""
    write_good(folder)
    (folder / "again").symlink_to(".")


def is_dangling_link(folder: Path) -> None:
    """The subject itself is a link that leads to nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to("nowhere")


def is_loop(folder: Path) -> None:
    """The subject itself is a link to the folder of all subjects."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(".")


DICOM: dict[str, Callable[[Path], None]] = {
    "a row too many": lambda folder: with_rows(folder, 1),
    "rows and columns exchanged": with_columns,
    "huge run lengths": with_huge_run_lengths,
    "endless frames": with_endless_frames,
    "deep sequences": with_deep_sequences,
    "zip bomb": with_bomb,
    "nameless zip member": with_nameless_member,
    "new zip version": with_new_zip_version,
    "dangling link": with_dangling_link,
    "link to its own folder": with_loop,
    "dangling subject": is_dangling_link,
    "subject links to all": is_loop,
}
"""Faults of a folder of DICOM files, by name: each writes the subject's folder."""


def write_nifti(folder: Path) -> None:
    """A short-axis cine in a NIfTI folder."""
    import nibabel as nib

    folder.mkdir(parents=True)
    data = np.random.default_rng(1).integers(0, 200, (24, 24, 6, 12), dtype=np.int16)
    image = nib.Nifti1Image(data, np.diag([1.8, 1.8, 10.0, 1.0]))
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((1.8, 1.8, 10.0, 0.03))
    nib.save(image, folder / "sa.nii.gz")


def with_nifti_bomb(folder: Path) -> None:
    """A compressed NIfTI file of 6 MB that inflates to 6 GB."""
    import nibabel as nib

    write_nifti(folder)
    image = nib.Nifti1Image(np.zeros((1, 1, 1, 1), np.int16), np.eye(4))
    image.header["dim"][:5] = (4, 3000, 3000, 100, 3)
    header = bytes(image.header.binaryblock) + bytes(4)
    with (folder / "sa.nii.gz").open("wb") as stream:
        stream.write(gzip.compress(header))
        member = gzip.compress(bytes(50_000_000))
        for _ in range(120):
            stream.write(member)


def with_huge_sidecar(folder: Path) -> None:
    """A sidecar of 50 million numbers."""
    write_nifti(folder)
    (folder / "sa.json").write_text('{"trigger_times_ms": [' + "0," * 50_000_000 + "0]}")


NIFTI: dict[str, Callable[[Path], None]] = {"bomb": with_nifti_bomb, "huge sidecar": with_huge_sidecar}
"""Faults of a NIfTI folder."""


def contours_of(images: list[Dataset], at: float = 0.0) -> bytes:
    """A workspace with the endocardium and epicardium of every image, moved by so many pixels."""
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    round_ = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    drawn = {
        "saendocardialContour": 10 + at + 4 * round_,
        "saepicardialContour": 10 + at + 7 * round_,
    }
    return write_workspace({str(image.SOPInstanceUID): drawn for image in images})


def far_contours(annotations: Path, key: str, images: list[Dataset]) -> None:
    """Contours 400 million pixels away."""
    (annotations / f"{key}.cvi42wsx").write_bytes(contours_of(images, 4e8))


def inflating_workspace(annotations: Path, key: str, images: list[Dataset]) -> None:
    """A workspace of 4 MB that inflates to 4 GB of blanks."""
    whole = contours_of(images)
    place = whole.rindex(b"</")
    pieces = [whole[:place], *[b" " * 50_000_000] * 80, whole[place:]]
    packing, blanks, packed, check, size = zlib.compressobj(9, 8, -15), b"", [], 0, 0
    for piece in pieces:
        if piece[:1] == b" " and blanks:
            packed.append(blanks)  # After a full flush the same bytes have the same code.
        else:
            packed.append(packing.compress(piece) + packing.flush(zlib.Z_FULL_FLUSH))
            blanks = packed[-1] if piece[:1] == b" " else b""
        check, size = zlib.crc32(piece, check), size + len(piece)
    content = b"".join(packed) + packing.flush()
    name = b"a.cvi42wsx"
    sizes = struct.pack("<3I2H", check, len(content), size, len(name), 0)
    local = struct.pack("<4s5H", b"PK\x03\x04", 45, 0, 8, 0, 0) + sizes + name
    entry = struct.pack("<4s6H", b"PK\x01\x02", 45, 45, 0, 8, 0, 0) + sizes + bytes(10) + bytes(4) + name
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), len(local) + len(content), 0)
    (annotations / f"{key}_cvi42.zip").write_bytes(local + content + entry + end)


def dangling_workspace(annotations: Path, key: str, images: list[Dataset]) -> None:
    """Links among the annotations: one of the subject's name that leads to nothing, and one to the folder."""
    (annotations / f"{key}.cvi42wsx").symlink_to("nowhere")
    (annotations / "again").symlink_to(".")


ANNOTATIONS: dict[str, Callable[[Path, str, list[Dataset]], None]] = {
    "far contours": far_contours,
    "inflating workspace": inflating_workspace,
    "dangling workspace": dangling_workspace,
}
"""Faults of a subject's annotations, by name: each writes into the folder of annotations."""
