"""cvi42 workspaces that belong to subjects: finding them by name, and making label maps of them."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from cinecohort.catalogue.findings import Code
from cinecohort.conversion.contours import write_workspace_labels
from cinecohort.conversion.cvi42 import Workspace, read_workspace
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.series import Conversion
from cinecohort.findings import Finding, Level
from cinecohort.sources.base import RawFile
from cinecohort.sources.listing import DEFAULT_OBSERVER, folders_in

NAMES = ("{}_cvi42.zip", "{}_cvi42.cvi42wsx", "{}.cvi42wsx", "{}_cvi42wsx.zip")
"""Names that a participant's workspace may have."""


class WorkspaceFolder:
    """A folder of workspaces: one folder an observer, or all of one observer's ("manual") side by side.

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
        self.folders: dict[str, str] = {}
        if folder is None:
            return
        base = os.path.relpath(folder, root)
        found = {name: f"{base}/{name}" for name in folders_in(folder)} or {DEFAULT_OBSERVER: base}
        self.folders = {name: path for name, path in found.items() if observers is None or name in observers}

    def of(self, participant: str) -> dict[str, str]:
        """Observer to the path of the participant's workspace, relative to the dataset's path."""
        return {
            observer: path
            for observer, folder in self.folders.items()
            for name in NAMES
            if (self.root / (path := f"{folder}/{name.format(participant)}")).is_file()
        }

    def all(self) -> dict[str, dict[str, RawFile]]:
        """Every participant's workspaces, by observer, with one look at each folder."""
        found: dict[str, dict[str, RawFile]] = defaultdict(dict)
        for observer, folder in self.folders.items():
            files = scan(self.root, folder)
            for pattern in reversed(NAMES):
                prefix, suffix = pattern.split("{}")
                for name, file in files.items():
                    if name.endswith(suffix) and len(name) > len(prefix + suffix):
                        found[name.removesuffix(suffix)][observer] = file
        return found

    def read(self, participant: str) -> dict[str, Workspace]:
        """Read a participant's workspaces, by observer."""
        return {
            observer: read_workspace((self.root / path).read_bytes())
            for observer, path in self.of(participant).items()
        }


def scan(root: Path, folder: str) -> dict[str, RawFile]:
    """Files directly in a folder, by name; the records name them relative to `root`."""
    with os.scandir(root / folder) as entries:
        found = {}
        for entry in entries:
            status = entry.stat()
            name = f"{folder}/{entry.name}" if folder else entry.name
            found[entry.name] = (name, status.st_size, status.st_mtime_ns)
        return found


def contoured_instances(workspaces: Mapping[str, Workspace]) -> set[str]:
    """SOPInstanceUIDs that any observer drew on."""
    return {uid for workspace in workspaces.values() for uid in workspace.contours}


def write_labels(
    folder: Path, workspaces: Mapping[str, Workspace], conversion: Conversion, options: ConversionOptions
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
    for observer, workspace in sorted(workspaces.items()):
        if workspace.contours and not known & set(workspace.contours):
            message = f"{observer}: no contour lies on these images; they were drawn on others."
            findings.append(Finding(Code.LABEL_INCOMPLETE, Level.INFO, message))
            continue
        written, found = write_workspace_labels(folder, observer, workspace, places, images, options.labels)
        outputs += written
        findings += found
        observers += [observer] if written else []
    return outputs, observers, findings
