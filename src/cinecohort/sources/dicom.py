"""Any DICOM folder: one subject a folder (or zip archive), whatever lies in it and however deep."""

from collections.abc import Sequence
from pathlib import Path

from cinecohort.catalogue.views import VIEWS
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.raw_files import ARCHIVES, read_files
from cinecohort.conversion.series import Conversion, convert_series
from cinecohort.conversion.written import write_views
from cinecohort.findings import Finding, Outcome, overall_status
from cinecohort.sources.base import RawSubject, conversion_values, no_such_subject
from cinecohort.sources.listing import files_below, is_there, subject_names
from cinecohort.sources.visits import visits_among
from cinecohort.sources.workspaces import WorkspaceFolder, contoured_instances, write_labels


def open_source(
    path: Path, annotations: Path | None = None, observers: Sequence[str] | None = None
) -> "DicomSource":
    """Open a folder that holds one folder (or zip archive) a subject, with cvi42 workspaces if there are."""
    return DicomSource(path, WorkspaceFolder(annotations, path, observers))


class DicomSource:
    """One folder or zip archive a subject, its name the subject key."""

    def __init__(self, path: Path, workspaces: WorkspaceFolder):
        self.path = path
        self.workspaces = workspaces

    def subjects(self) -> list[RawSubject]:
        """List every folder and archive in the dataset's folder; of several examinations, each is a visit."""
        return [subject for name in self._names() for subject in self.visits(name)]

    def _names(self) -> list[str]:
        return subject_names(self.path, ARCHIVES)

    def passed_over(self) -> list[str]:
        """Annotation files that belong to no subject, by name."""
        if not self.workspaces.files:
            return []
        return self.workspaces.unclaimed(_key_of(name) for name in self._names())

    def subject(self, key: str) -> RawSubject:
        """List one subject, ``{folder}`` or ``{folder}_{visit}``."""
        for folder in (key, key.rpartition("_")[0]):
            for name in (folder, *(f"{folder}{suffix}" for suffix in ARCHIVES)):
                if folder and is_there(self.path / name):
                    for subject in self.visits(name):
                        if subject.key == key:
                            return subject
        raise no_such_subject(key, self.path)

    def visits(self, name: str) -> list[RawSubject]:
        """List a folder or archive: one subject, or one for each of the examinations in it."""
        key = _key_of(name)
        paths = (name, *self.workspaces.paths(key))
        drawn, files = files_below(self.path, paths[1:]), files_below(self.path, [name])
        groups = visits_among(self.path, [file for file, _, _ in files]) if name == key else []
        if len(groups) < 2:
            return [RawSubject(key, key, "", paths, tuple(sorted({*files, *drawn})))]
        return [
            RawSubject(
                f"{key}_{number}",
                key,
                str(number),
                paths,
                tuple(sorted({*(file for file in files if file[0] in set(group)), *drawn})),
            )
            for number, group in enumerate(groups, 1)
        ]

    def convert(self, subject: RawSubject, folder: Path, options: ConversionOptions) -> Outcome:
        """Write the subject's views, and label maps of the observers who drew on them."""
        names = [name for name, _, _ in subject.files]
        drawn = set(self.workspaces.paths(subject.participant))
        images = [self.path / name for name in names if name not in drawn]
        workspaces = self.workspaces.read(subject.participant, options.limits)
        files = read_files(images, options.limits)
        conversion = convert_series(files, options, contoured_instances(workspaces))
        outputs = write_views(folder, conversion)
        labels, observers, findings = write_labels(folder, workspaces, conversion, options)
        return outcome_of(subject, conversion, [*outputs, *labels], options, observers, findings)


def _key_of(name: str) -> str:
    """Name of a folder, or of an archive without its suffix."""
    suffix = next((suffix for suffix in ARCHIVES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(suffix)] if len(name) > len(suffix) else name


def outcome_of(
    subject: RawSubject,
    conversion: Conversion,
    outputs: list[str],
    options: ConversionOptions,
    observers: Sequence[str] = (),
    findings: Sequence[Finding] = (),
) -> Outcome:
    """Outcome of a conversion, with the row of the conversion table."""
    every = [*conversion.findings, *findings]
    status = overall_status(every, conversion.views, options.required_views)
    images = {view: converted.image for view, converted in conversion.views.items()}
    facts = next((images[view].sidecar for view in VIEWS if view in images), {})
    values = conversion_values(subject, images, facts, observers)
    return Outcome(status, every, list(outputs), values)
