"""UK Biobank bulk downloads: ``{id}_{field}_{instance}_{array}.zip``, read in memory.

Field 20209 holds the short-axis, 20208 the long-axis cines; instance 2 is the first imaging visit, 3 the
repeat. A subject is one participant at one visit. The archives lie in the dataset's folder, or in folders
``bulk``, ``20208`` and ``20209`` in it.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from cinecohort.conversion.manifest import compare_manifest, is_manifest
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.raw_files import RawBytes, read_files
from cinecohort.conversion.series import convert_series
from cinecohort.conversion.written import write_views
from cinecohort.findings import Finding, Outcome
from cinecohort.sources.base import RawFile, RawSubject, no_such_subject
from cinecohort.sources.dicom import outcome_of
from cinecohort.sources.listing import files_below
from cinecohort.sources.workspaces import WorkspaceFolder, contoured_instances, scan, write_labels

FIELDS = ("20208", "20209")
FOLDERS = ("", "bulk", "20208", "20209")
ARRAYS = ("0", "1", "2", "3")
ARCHIVE = re.compile(rf"(?P<id>.+)_(?:{'|'.join(FIELDS)})_(?P<instance>\d+)_[{''.join(ARRAYS)}]\.zip")


def open_source(
    path: Path, annotations: Path | None = None, observers: Sequence[str] | None = None
) -> "UKBiobankSource":
    """Open a folder of bulk archives, with a folder of cvi42 workspaces where there is one."""
    return UKBiobankSource(path, WorkspaceFolder(annotations, path, observers))


class UKBiobankSource:
    """Archives of the cine fields, grouped by participant and visit."""

    def __init__(self, path: Path, workspaces: WorkspaceFolder):
        self.path = path
        self.workspaces = workspaces

    def subjects(self) -> list[RawSubject]:
        """List every participant's visits."""
        archives: dict[tuple[str, str], list[RawFile]] = defaultdict(list)
        for folder in FOLDERS:
            if (self.path / folder).is_dir():
                for name, file in scan(self.path, folder).items():
                    match = ARCHIVE.fullmatch(name)
                    if match:
                        archives[match["id"], match["instance"]].append(file)
        workspaces = self.workspaces.all()
        return [
            _subject(participant, visit, sorted(files), list(workspaces.get(participant, {}).values()))
            for (participant, visit), files in sorted(archives.items())
        ]

    def subject(self, key: str) -> RawSubject:
        """List one visit of one participant, ``{id}_{instance}``."""
        participant, _, visit = key.rpartition("_")
        names = [
            f"{folder}/{participant}_{field}_{visit}_{array}.zip".lstrip("/")
            for folder in FOLDERS
            for field in FIELDS
            for array in ARRAYS
        ]
        present = sorted(name for name in names if (self.path / name).is_file())
        if not participant or not present:
            raise no_such_subject(key, self.path)
        archives = list(files_below(self.path, present))
        drawn = list(files_below(self.path, self.workspaces.of(participant).values()))
        return _subject(participant, visit, archives, drawn)

    def convert(self, subject: RawSubject, folder: Path, options: ConversionOptions) -> Outcome:
        """Write the visit's views, and label maps of the observers who drew on them."""
        findings: list[Finding] = []
        files: list[RawBytes] = []
        for name in subject.paths:
            if ARCHIVE.fullmatch(name.rsplit("/", 1)[-1]):
                members, found = read_archive(self.path / name)
                files += members
                findings += found
        workspaces = self.workspaces.read(subject.participant)
        conversion = convert_series(files, options, contoured_instances(workspaces))
        outputs = write_views(folder, conversion)
        labels, observers, found = write_labels(folder, workspaces, conversion, options)
        return outcome_of(subject, conversion, [*outputs, *labels], options, observers, [*findings, *found])


def _subject(participant: str, visit: str, archives: list[RawFile], workspaces: list[RawFile]) -> RawSubject:
    files = (*archives, *sorted(workspaces))
    paths = tuple(name for name, _, _ in files)
    return RawSubject(f"{participant}_{visit}", participant, visit, paths, files)


def read_archive(path: Path) -> tuple[list[RawBytes], list[Finding]]:
    """Members of an archive, and what its manifest says against them."""
    members: list[RawBytes] = []
    manifests: list[RawBytes] = []
    for file in read_files([path]):
        (manifests if is_manifest(file.name) else members).append(file)
    names = [file.name for file in members]
    findings = [
        finding for manifest in manifests for finding in compare_manifest(manifest.content or b"", names)
    ]
    return members, findings
