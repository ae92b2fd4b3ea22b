"""Packaging of one subject: UK Biobank's archives with their manifests, or folders of series."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cinecohort.files import write_bytes
from cinecohort.phantom.archive import zip_bytes
from cinecohort.phantom.dicom_files import DicomImage, Study, unique_id, write_series
from cinecohort.phantom.planning import Slice

SHORT_AXIS_FIELD, LONG_AXIS_FIELD = "20209", "20208"
VISIT = "2"
"""UK Biobank's number of the first imaging visit."""

LONG_AXIS_NAMES = {"la_2ch": "2Ch", "la_3ch": "3Ch", "la_4ch": "4Ch"}
MANIFEST_COLUMNS = (
    "filename,patientid,studyid,study discription,date,modality,seriesid,series discription,aet,host"
)
"""As UK Biobank spells them."""


@dataclass(frozen=True)
class Acquired:
    """A slice with its frames (t, rows, columns) and the files that they became."""

    image: Slice
    frames: NDArray[np.uint16]
    files: list[DicomImage]


def ukbiobank_series(study: Study, acquired: Iterable[tuple[Slice, NDArray[np.uint16]]]) -> list[Acquired]:
    """Write every slice as a series of its own, named as UK Biobank's protocol names it."""
    result = []
    for order, (image, frames) in enumerate(acquired):
        if image.view == "sa":
            name, number = f"CINE_segmented_SAX_b{image.number}", 20 + image.number
        else:
            view = LONG_AXIS_NAMES[image.view]
            name, number = f"CINE_segmented_LAX_{view}", 5 + list(LONG_AXIS_NAMES).index(image.view)
        files = write_series(study, image, frames, description=name, number=number, acquisition=order)
        result.append(Acquired(image, frames, files))
    return result


def hospital_series(study: Study, acquired: Iterable[tuple[Slice, NDArray[np.uint16]]]) -> list[Acquired]:
    """Write slices as the vendor does: Siemens a series each, Philips and GE the short axis in one series."""
    sequence = {"SIEMENS": "cine_trufi", "GE MEDICAL SYSTEMS": "FIESTA"}.get(study.scanner.vendor, "sBTFE")
    result = []
    for order, (image, frames) in enumerate(acquired):
        short = image.view == "sa"
        name = f"{sequence} SA" if short else f"{sequence} {LONG_AXIS_NAMES[image.view].upper()}"
        number = 300 if short else 100 + list(LONG_AXIS_NAMES).index(image.view)
        first = 1
        if short and study.scanner.vendor == "SIEMENS":
            number = 20 + image.number
        elif short:
            first = 1 + (image.number - 1) * len(frames)
        files = write_series(
            study, image, frames, description=name, number=number, first_instance=first, acquisition=order
        )
        result.append(Acquired(image, frames, files))
    return result


def write_folder(
    folder: Path, study: Study, acquired: Sequence[Acquired], fault: str, rng: np.random.Generator
) -> None:
    """Write a subject as a folder of series folders, with a fault of acquisition where one is planted."""
    short = [file for each in acquired if each.image.view == "sa" for file in each.files]
    long = [file for each in acquired if each.image.view != "sa" for file in each.files]
    places: dict[str, int] = {}
    for file in [*long, *with_fault(short, acquired, study, fault, rng)]:
        place = places[file.series_uid] = places.get(file.series_uid, 0) + 1
        name = "".join(letter if letter.isalnum() else "_" for letter in file.description)
        series = list(places).index(file.series_uid) + 1
        write_bytes(folder / study.subject / f"{series:03d}_{name}" / f"IM{place:04d}.dcm", file.content)


def write_archives(
    folder: Path, study: Study, acquired: Sequence[Acquired], fault: str, rng: np.random.Generator
) -> None:
    """Write both archives of a subject, with a packaging fault where one is planted."""
    short = [file for each in acquired if each.image.view == "sa" for file in each.files]
    long = [file for each in acquired if each.image.view != "sa" for file in each.files]
    short = with_fault(short, acquired, study, fault, rng)
    for field, files in ((SHORT_AXIS_FIELD, short), (LONG_AXIS_FIELD, long)):
        faulty = fault == "broken_manifest" and field == SHORT_AXIS_FIELD
        manifest = manifest_bytes(study, files[1:] if faulty else files)
        name = "manifest.cvs" if faulty else "manifest.csv"
        members = sorted((f"{file.uid}.dcm", file.content) for file in files)
        content = zip_bytes([*members, (name, manifest)])
        if fault == "truncated_zip" and field == SHORT_AXIS_FIELD:
            content = content[: int(0.6 * len(content))]
        write_bytes(folder / f"{study.subject}_{field}_{VISIT}_0.zip", content)


def with_fault(
    files: list[DicomImage], acquired: Sequence[Acquired], study: Study, fault: str, rng: np.random.Generator
) -> list[DicomImage]:
    """The short axis' files as they are after a fault of acquisition or transfer."""
    short = [each for each in acquired if each.image.view == "sa"]
    middle = short[len(short) // 2]
    if fault == "missing_frames":
        n_frames = len(middle.files)
        lost = {file.uid for file in middle.files if file.frame in (n_frames // 3, n_frames // 2)}
        return [file for file in files if file.uid not in lost]
    if fault == "missing_slice":
        lost = {file.uid for file in middle.files}
        return [file for file in files if file.uid not in lost]
    if fault == "duplicate_series":  # a first attempt, which was repeated
        first = middle.frames.astype(np.int32) + rng.integers(-6, 7, middle.frames.shape)
        again = np.clip(first, 0, 4095).astype(np.uint16)
        uid = unique_id(study.seed, study.subject, "repeat")
        earlier = write_series(
            study,
            middle.image,
            again,
            description=middle.files[0].description,
            number=4,
            series_uid=uid,
            acquisition=-1,
        )
        return [*earlier, *files]
    if fault == "corrupt_dicom":
        damaged = middle.files[len(middle.files) // 2]
        broken = DicomImage(
            damaged.uid, damaged.series_uid, damaged.description, damaged.frame, damaged.content[:9000]
        )
        return [broken if file.uid == damaged.uid else file for file in files]
    return files


def manifest_bytes(study: Study, files: Iterable[DicomImage]) -> bytes:
    """The manifest, whose unquoted date has a comma in it as UK Biobank's has."""
    study_id = unique_id(study.seed, study.subject, "study")
    lines = [MANIFEST_COLUMNS]
    lines += [
        f"{file.uid}.dcm,{study.subject},{study_id},SYNTHETIC Cardiac,Jan 01, 2015,MR,{file.series_uid},"
        f"{file.description},PHANTOM,phantom"
        for file in files
    ]
    return ("\n".join(lines) + "\n").encode()
