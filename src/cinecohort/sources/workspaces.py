"""cvi42 workspaces that belong to subjects: finding them by name, and making label maps of them."""

import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import takewhile
from pathlib import Path

from cinecohort.catalogue.findings import Code
from cinecohort.conversion.contours import write_workspace_labels
from cinecohort.conversion.cvi42 import Workspace, read_workspace, together, unreadable
from cinecohort.conversion.limits import DEFAULT_LIMITS, MEGABYTE, Limits, OverLimit
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.raw_files import looked_at
from cinecohort.conversion.series import Conversion
from cinecohort.findings import Finding, Level
from cinecohort.sources.bulk_archives import ARCHIVE
from cinecohort.sources.listing import DEFAULT_OBSERVER, folders_in, is_folder

NAMES = ("{}_cvi42.zip", "{}_cvi42.cvi42wsx", "{}.cvi42wsx", "{}_cvi42wsx.zip")
"""Names that a participant's workspace may have anywhere. In a folder of its own, any name of such a suffix
that begins with the participant's id, and not with a longer one, will do."""

SUFFIXES = (".cvi42wsx", ".xml", ".zip")
NOTES = (".md", ".csv", ".tsv", ".pdf", ".log", ".docx", ".xlsx")
"""Suffixes of files that lie beside annotations and hold none."""


class WorkspaceFolder:
    """A folder of workspaces: one folder per observer, or all of one observer's ("manual") side by side.

    A folder whose files all begin with its own name is a participant's, not an observer's.

    Parameters
    ----------
    folder
        The folder, or None where there are no annotations.
    root
        The dataset's path, which names are given relative to.
    observers
        The observers that are wanted; None for all.
    """

    def __init__(self, folder: Path | None, root: Path, observers: Sequence[str] | None = None):
        self.root = root
        self.observers = observers
        self.base = None if folder is None else os.path.relpath(folder, root)
        self.any_name = folder is not None and folder.resolve() != root.resolve()

    @cached_property
    def files(self) -> dict[str, list[tuple[str, str]]]:
        """Observer to (file name, path relative to the dataset's path) of every file, sorted."""
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        if self.base is None:
            return found
        side_by_side = _names_in(self.root / self.base)
        for folder in folders_in(self.root / self.base):
            names = _names_in(self.root / self.base / folder)
            own = self.any_name and bool(names) and all(begins_with(name, folder) for name in names)
            observer = DEFAULT_OBSERVER if own else folder
            found[observer] += [(name, f"{self.base}/{folder}/{name}") for name in names]
        if any(name.lower().endswith(SUFFIXES) for name in side_by_side) or not found:
            found[DEFAULT_OBSERVER] += [(name, f"{self.base}/{name}") for name in side_by_side]
        wanted = found if self.observers is None else {n: found[n] for n in self.observers if n in found}
        return {observer: sorted(listed) for observer, listed in wanted.items()}

    def of(self, participant: str) -> dict[str, list[str]]:
        """Observer to the paths of the participant's workspaces, relative to the dataset's path."""
        found = {}
        for observer, listed in self.files.items():
            start = bisect_left(listed, (participant, ""))
            named = takewhile(lambda entry: entry[0].startswith(participant), listed[start:])
            paths = [path for name, path in named if self._is_workspace(name, participant)]
            if paths:
                found[observer] = paths
        return found

    def paths(self, participant: str) -> list[str]:
        """Paths of all workspaces of a participant, relative to the dataset's path."""
        return [path for listed in self.of(participant).values() for path in listed]

    def unclaimed(self, participants: Iterable[str]) -> list[str]:
        """Annotation files that belong to none of the participants, relative to the dataset's path."""
        claimed = {path for participant in participants for path in self.paths(participant)}
        every = [path for listed in self.files.values() for name, path in listed if self._may_hold_any(name)]
        return sorted(set(every) - claimed)

    def _is_workspace(self, name: str, participant: str) -> bool:
        if name in {pattern.format(participant) for pattern in NAMES}:
            return True
        usable = self.any_name and not ARCHIVE.fullmatch(name) and name.lower().endswith(SUFFIXES)
        return usable and begins_with(name, participant)

    def _may_hold_any(self, name: str) -> bool:
        is_note = name.lower().endswith(NOTES) or name.lower().startswith("readme")
        return self.any_name and not is_note

    def read(self, participant: str, limits: Limits = DEFAULT_LIMITS) -> dict[str, list[Workspace]]:
        """Read a participant's workspaces, by observer."""
        return {
            observer: [_read(self.root / path, limits) for path in paths]
            for observer, paths in self.of(participant).items()
        }


def _read(path: Path, limits: Limits) -> Workspace:
    fault, size = looked_at(path)
    if not fault and size > limits.workspace_mb * MEGABYTE:
        fault = str(OverLimit("is larger", "workspace_mb"))
    return unreadable(fault) if fault else read_workspace(path.read_bytes(), limits)


def begins_with(name: str, participant: str) -> bool:
    """Whether a file is named by a participant's id, and not by a longer one."""
    rest = name.removeprefix(participant)
    return rest != name and not rest[:1].isalnum()


def _names_in(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if not is_folder(entry) and not entry.name.startswith(".")]


def contoured_instances(workspaces: Mapping[str, Sequence[Workspace]]) -> set[str]:
    """SOPInstanceUIDs that any observer drew on."""
    return {uid for listed in workspaces.values() for each in listed for uid in each.contours}


def write_labels(
    folder: Path,
    workspaces: Mapping[str, Sequence[Workspace]],
    conversion: Conversion,
    options: ConversionOptions,
) -> tuple[list[str], list[str], list[Finding]]:
    """Write the label maps of all observers on the converted views.

    Returns
    -------
    tuple
        Names of the files, the observers who have at least one label map, and the findings. A workspace of
        which nothing lies on these images (it was drawn on another visit's) is noted (info).
    """
    places = {view: converted.instances for view, converted in conversion.views.items()}
    images = {view: converted.image for view, converted in conversion.views.items()}
    known = {uid for of_view in places.values() for uid in of_view}
    outputs: list[str] = []
    findings: list[Finding] = []
    observers: list[str] = []
    for observer, listed in sorted(workspaces.items()):
        elsewhere = [each for each in listed if each.contours and not known & set(each.contours)]
        if elsewhere:
            message = f"{observer}: no contour lies on these images; they were drawn on others."
            findings.append(Finding(Code.LABEL_INCOMPLETE, Level.INFO, message))
        here = [each for each in listed if not any(each is other for other in elsewhere)]
        if not here:
            continue
        workspace = together(here)
        written, found = write_workspace_labels(folder, observer, workspace, places, images, options.labels)
        outputs += written
        findings += found
        observers += [observer] if written else []
    return outputs, observers, findings
