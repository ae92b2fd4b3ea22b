"""Corrected label maps: a person's, made in ITK-SNAP or Slicer, in place of the network's.

The network's label map stays in the store; the corrected one lies beside it as ``corrected_{view}.nii.gz``
and is what every later stage reads. Taken back, it is removed, and the network's stands again.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from cinecohort.catalogue.views import STRUCTURES
from cinecohort.errors import UserError
from cinecohort.files import digest_file
from cinecohort.options import Options
from cinecohort.store import corrected_path, read_record

_VIEW = rf"(?P<view>{'|'.join(STRUCTURES)})(?:_frame(?P<frame>\d+))?\.nii(?:\.gz)?"
_IN_FOLDER = re.compile(rf"(?:seg_|corrected_)?{_VIEW}")
_BESIDE = re.compile(rf"(?P<subject>.+?)_(?:seg_|corrected_)?{_VIEW}")
NAMES = "<subject>/seg_sa.nii.gz or <subject>_sa.nii.gz; of one frame <subject>_sa_frame07.nii.gz"


class Correction(Options):
    """A file with a corrected label map: of the settings of the checks of label maps."""

    subject: str
    view: str
    frame: int | None
    """The frame that a 3D map replaces, counted from 0; None for a map of all frames."""
    file: Path
    digest: str


def corrections_in(folder: Path | None, subjects: Iterable[str]) -> list[Correction]:
    """Files of corrections of some subjects.

    Parameters
    ----------
    folder
        The folder that the configuration names, or None.
    subjects
        Keys of the subjects.

    Raises
    ------
    UserError
        If there is no such folder.
    """
    if folder is None:
        return []
    wanted = set(subjects)
    found = [
        Correction(subject=subject, view=view, frame=frame, file=path, digest=digest_file(path))
        for path, subject, view, frame in map(_named, _files(folder))
        if subject in wanted
    ]
    return sorted(found, key=lambda one: (one.subject, one.view, one.frame is not None, one.frame or 0))


def check_names(folder: Path | None, subjects: Iterable[str]) -> None:
    """Refuse files that are of no subject: a slip in a name must not lose somebody's work.

    Raises
    ------
    UserError
        With their names, or if there is no such folder.
    """
    known = set(subjects)
    files = _files(folder) if folder else []
    strangers = [path.relative_to(folder).as_posix() for path in files if _named(path)[1] not in known]  # type: ignore[arg-type]
    if strangers:
        more = f" and {len(strangers) - 5} more" if len(strangers) > 5 else ""
        raise UserError(
            f"{folder}: {', '.join(strangers[:5])}{more} belong to no subject and view of this run. "
            f"Corrected label maps are called {NAMES}. Rename them, or move them away."
        )


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder of corrected label maps.")
    listed = [path for pattern in ("*", "*/*") for path in folder.glob(pattern)]
    endings = (".nii", ".nii.gz")
    return sorted(path for path in listed if path.name.endswith(endings) and not path.name.startswith("."))


def _named(path: Path) -> tuple[Path, str, str, int | None]:
    """The file with its subject, view and frame; the subject is empty where the name is of no correction."""
    if match := _IN_FOLDER.fullmatch(path.name):
        subject = path.parent.name
    elif match := _BESIDE.fullmatch(path.name):
        subject = match["subject"]
    else:
        return path, "", "", None
    return path, subject, match["view"], int(match["frame"]) if match["frame"] else None


def corrected_digests(folder: Path) -> dict[str, str]:
    """View to the digest of the corrected label map that stands in place of the network's."""
    record = read_record(folder, "segmentation_quality")
    outputs = record.outputs if record else {}
    names = {view: corrected_path(folder, view).name for view in STRUCTURES}
    return {view: str(outputs[name]["sha256"]) for view, name in names.items() if name in outputs}


def correction_inputs(folder: Path, listed: Iterable[Correction]) -> dict[str, str]:
    """What the checks of label maps take from corrections, as inputs of the stage; empty without any.

    A corrected map that no record names was left by a job that was killed: it is worked on again.
    """
    inputs = {f"correction {one.view} {one.frame}, {one.file.name}": one.digest for one in listed}
    there = [view for view in STRUCTURES if corrected_path(folder, view).is_file()]
    left = [view for view in there if view not in corrected_digests(folder)]
    return inputs | ({"left by a killed job": ",".join(left)} if left else {})
