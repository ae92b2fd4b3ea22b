"""Finding out from a folder how raw data lie in it."""

import itertools
import re
from pathlib import Path

from cinecohort.conversion.dicom_header import Header, is_dicom, with_preamble
from cinecohort.conversion.examinations import examinations
from cinecohort.sources.base import RawSubject, Source, open_source
from cinecohort.sources.bulk_archives import holds_archives
from cinecohort.sources.dicom import DicomSource
from cinecohort.sources.listing import folders_in
from cinecohort.sources.visits import image_identity
from cinecohort.sources.workspaces import WorkspaceFolder


def detect_layout(path: Path) -> str:
    """Name of the source that fits a folder; ``dicom`` where nothing more special does."""
    names = {entry.name for entry in path.iterdir()}
    if holds_archives(path):
        return "ukbiobank"
    if "contourfiles" in names or "link.csv" in names:
        return "sunnybrook"
    if "dataset_information.csv" in names or (path / "MnM2" / "dataset_information.csv").is_file():
        return "mnms2"
    folders = folders_in(path)
    if "CINE_MULTI" in folders or {"4CH_TR", "SAX_TR", "2CH_TR"} & set(folders):
        return "cmr_multi"
    if {"training", "testing", "database"} & set(folders) or any(_is_acdc(path / name) for name in folders):
        return "acdc"
    if any(_is_nifti(path / name) for name in folders):
        return "nifti"
    return "dicom"


def _is_acdc(folder: Path) -> bool:
    return re.fullmatch(r"patient\d+", folder.name) is not None and (folder / "Info.cfg").is_file()


def _is_nifti(folder: Path) -> bool:
    return any(folder.glob("sa*.nii*")) or any(folder.glob("la_*.nii*"))


def open_detected(path: Path, layout: str, annotations: Path | None) -> Source:
    """Open a folder whose layout may be ``auto``; a single study's folder is one subject.

    A UK Biobank folder brings its own annotations where it has a folder of that name.
    """
    name = detect_layout(path) if layout == "auto" else layout
    if name == "ukbiobank" and annotations is None and (path / "annotations").is_dir():
        annotations = path / "annotations"
    if name == "dicom" and is_one_study(path):
        whole = path.resolve()
        return SingleStudy(whole.parent, WorkspaceFolder(annotations, whole.parent), whole.name)
    return open_source(name, path, annotations)


def is_one_study(path: Path) -> bool:
    """Whether a folder holds one patient's images, directly or in one folder per series.

    Of each folder in it one image's header is read, of the first few folders.
    """
    if any(_is_image(file) for file in itertools.islice(_files(path), 20)):
        return True
    known = [values for name in folders_in(path)[:4] if (values := _first_image(path / name)) is not None]
    if len(known) < 2 or len(examinations(known).groups) > 1:
        return False
    patients, studies, frames_of_reference = (
        {str(values.get(keyword, "")) for values in known}
        for keyword in ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID")
    )
    return len(patients) == 1 and any(
        len(shared) == 1 and "" not in shared for shared in (studies, frames_of_reference)
    )


def _files(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))


def _is_image(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return is_dicom(with_preamble(stream.read(132)))
    except OSError:
        return False


def _first_image(folder: Path) -> Header | None:
    """What the first image in or below a folder says of its examination."""
    files = (entry for entry in sorted(folder.rglob("*")) if entry.is_file())
    return next(
        (values for file in itertools.islice(files, 20) if (values := image_identity(file)) is not None), None
    )


class SingleStudy(DicomSource):
    """One folder of a larger one."""

    def __init__(self, path: Path, workspaces: WorkspaceFolder, key: str):
        super().__init__(path, workspaces)
        self.key = key

    def subjects(self) -> list[RawSubject]:
        """List the one study."""
        return self.visits(self.key)
