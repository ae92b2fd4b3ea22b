"""UK Biobank bulk downloads: ``{id}_{field}_{instance}_{array}.zip``, read in memory.

Field 20209 holds the short-axis, 20208 the long-axis cines; instance 2 is the first imaging visit, 3 the
repeat. A subject is one participant at one visit. The archives may lie anywhere in the dataset's folder; see
:mod:`cinecohort.sources.bulk_archives`.
"""

from collections.abc import Sequence
from pathlib import Path

from cinecohort.conversion.limits import DEFAULT_LIMITS, Limits
from cinecohort.conversion.manifest import compare_manifest, is_manifest
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.raw_files import RawBytes, read_files
from cinecohort.conversion.series import convert_series
from cinecohort.conversion.written import write_views
from cinecohort.findings import Finding, Outcome
from cinecohort.sources.base import RawSubject, no_such_subject
from cinecohort.sources.bulk_archives import Archives, list_archives, one_of_each
from cinecohort.sources.dicom import outcome_of
from cinecohort.sources.listing import RawFile, files_below
from cinecohort.sources.workspaces import WorkspaceFolder, contoured_instances, write_labels


def open_source(
    path: Path, annotations: Path | None = None, observers: Sequence[str] | None = None
) -> "UKBiobankSource":
    """Open a folder of bulk archives, with a folder of cvi42 workspaces where there is one."""
    skip = () if annotations is None or annotations.resolve() == path.resolve() else (annotations,)
    return UKBiobankSource(path, WorkspaceFolder(annotations, path, observers), skip)


class UKBiobankSource:
    """Archives of the cine fields, grouped by participant and visit."""

    def __init__(self, path: Path, workspaces: WorkspaceFolder, skip: Sequence[Path] = ()):
        self.path = path
        self.workspaces = workspaces
        self.skip = skip

    def subjects(self) -> list[RawSubject]:
        """List every participant's visits."""
        visits = self._archives().visits
        return [self._subject(*visit, visits[visit]) for visit in sorted(visits)]

    def passed_over(self) -> list[str]:
        """Downloads and annotation files that belong to no subject, by name."""
        found = self._archives(again=False)
        participants = {participant for participant, _ in found.visits}
        return [*found.passed_over, *self.workspaces.unclaimed(participants)]

    def subject(self, key: str) -> RawSubject:
        """List one visit of one participant, ``{id}_{instance}``."""
        participant, _, visit = key.rpartition("_")
        for again in (False, True):
            archives = self._archives(again=again).visits.get((participant, visit), [])
            present = files_below(self.path, [name for name, _, _ in archives])
            if present:
                return self._subject(participant, visit, present)
        raise no_such_subject(key, self.path)

    def _archives(self, *, again: bool = True) -> Archives:
        return list_archives(self.path, self.skip, again=again)

    def _subject(self, participant: str, visit: str, archives: Sequence[RawFile]) -> RawSubject:
        files = (*archives, *files_below(self.path, self.workspaces.paths(participant)))
        paths = tuple(name for name, _, _ in files)
        return RawSubject(f"{participant}_{visit}", participant, visit, paths, files)

    def convert(self, subject: RawSubject, folder: Path, options: ConversionOptions) -> Outcome:
        """Write the visit's views, and label maps of the observers who drew on them."""
        drawn = set(self.workspaces.paths(subject.participant))
        taken, findings = one_of_each(self.path, [name for name in subject.paths if name not in drawn])
        files: list[RawBytes] = []
        for name in taken:
            members, found = read_archive(self.path / name, options.limits)
            files += members
            findings += found
        workspaces = self.workspaces.read(subject.participant, options.limits)
        conversion = convert_series(files, options, contoured_instances(workspaces))
        outputs = write_views(folder, conversion)
        labels, observers, found = write_labels(folder, workspaces, conversion, options)
        return outcome_of(subject, conversion, [*outputs, *labels], options, observers, [*findings, *found])


def read_archive(path: Path, limits: Limits = DEFAULT_LIMITS) -> tuple[list[RawBytes], list[Finding]]:
    """Members of an archive, and what its manifest says against them."""
    members: list[RawBytes] = []
    manifests: list[RawBytes] = []
    for file in read_files([path], limits):
        (manifests if is_manifest(file.name) else members).append(file)
    names = [file.name for file in members]
    findings = [
        finding for manifest in manifests for finding in compare_manifest(manifest.content or b"", names)
    ]
    return members, findings
