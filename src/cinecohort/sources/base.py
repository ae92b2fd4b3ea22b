"""What every data source offers: a listing of its subjects, and the conversion of one."""

import importlib
import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cinecohort.catalogue.views import VIEWS
from cinecohort.conversion.options import ConversionOptions
from cinecohort.errors import UserError
from cinecohort.findings import Outcome
from cinecohort.sources.listing import RawFile

if TYPE_CHECKING:  # It needs nibabel, and the Snakefile reads this module.
    from cinecohort.images import Image

SOURCES = ("ukbiobank", "dicom", "nifti", "acdc", "sunnybrook", "mnms2", "cmr_multi")
"""Names of the sources; each is a module of this package with ``open_source``."""


@dataclass(frozen=True)
class RawSubject:
    """What is on disk for one subject, by names, sizes and times alone.

    Parameters
    ----------
    key
        Subject key without the dataset: the participant's id, ``participant_instance``, or a folder's name.
    participant, visit
        Participant and visit; the visit is empty where there are none.
    paths
        Files or folders at the top, images and annotations, relative to the dataset's path (or absolute,
        where the annotations lie elsewhere).
    files
        Every file below them.
    """

    key: str
    participant: str
    visit: str
    paths: tuple[str, ...]
    files: tuple[RawFile, ...]


class Source(Protocol):
    """A place that raw data comes from."""

    def subjects(self) -> list[RawSubject]:
        """List every subject; no file's content is read."""
        ...

    def subject(self, key: str) -> RawSubject:
        """List one subject without listing the others; :class:`UserError` if there is none."""
        ...

    def convert(self, subject: RawSubject, folder: Path, options: ConversionOptions) -> Outcome:
        """Write a subject's images, sidecars and labels under the store's names.

        Parameters
        ----------
        subject
            As listed.
        folder
            Where to write.
        options
            The conversion's options.

        Returns
        -------
        Outcome
            Faults of the data are findings and never raise.
        """
        ...


def open_source(
    name: str,
    path: Path,
    annotations: Path | None = None,
    observers: Sequence[str] | None = None,
    **settings: Any,
) -> Source:
    """Open a dataset.

    Parameters
    ----------
    name
        One of :data:`SOURCES`.
    path
        Folder of the raw data.
    annotations
        Folder of human contours, where they do not lie with the images.
    observers
        Names of the observers whose annotations are used; None for all that are found.
    settings
        Further settings of this source, as its own ``open_source`` takes them.

    Raises
    ------
    UserError
        If the name or a setting is unknown, or a folder is not there.
    """
    if name not in SOURCES:
        raise UserError(f"There is no data source '{name}'; choose one of {', '.join(SOURCES)}.")
    for folder in (path, annotations):
        if folder is not None and not folder.is_dir():
            raise UserError(f"{folder}: there is no such folder; correct the path of the dataset.")
    module = importlib.import_module(f"cinecohort.sources.{name}")
    known = set(inspect.signature(module.open_source).parameters) - {"path", "annotations", "observers"}
    if unknown := sorted(set(settings) - known):
        has = f"it has {sorted(known)}" if known else "it has none"
        raise UserError(f"The data source '{name}' has no setting {unknown}; {has}.")
    source: Source = module.open_source(path, annotations, observers, **settings)
    return source


def no_such_subject(key: str, path: Path) -> UserError:
    """The error for a subject that a source does not have."""
    return UserError(f"Subject '{key}': nothing of that name in {path}; check the subject key.")


def conversion_values(
    subject: RawSubject, images: "Mapping[str, Image]", facts: Mapping[str, Any], observers: Iterable[str]
) -> dict[str, Any]:
    """A subject's row of the table of conversions; `facts`, a sidecar, say what the scanner was."""
    sa = images.get("sa")
    sizes = ("n_slices", "n_frames", "dx_mm", "dy_mm", "dz_mm")
    shape = [*sa.data.shape[2:], *(round(mm, 4) for mm in sa.spacing_mm)] if sa else [None] * len(sizes)
    return {
        "participant": subject.participant,
        "visit": subject.visit,
        "views": ",".join(view for view in VIEWS if view in images),
        "observers": ",".join(observers),
        **dict(zip(sizes, shape, strict=True)),
        **{key: facts.get(key) for key in ("heart_rate_bpm", "vendor", "scanner", "field_t")},
    }


def passed_over(source: Source, shown: int = 20) -> str:
    """One sentence on files that look like images or annotations and belong to no subject; empty if none do.

    Asked after :meth:`Source.subjects`. Sources that take whatever lies in a subject's folder have none.
    """
    names = source.passed_over() if hasattr(source, "passed_over") else []
    if not names:
        return ""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    listed = ", ".join(names[:shown]) + more
    return f"{len(names):,} files or folders were not read, since their names fit no subject: {listed}."
