"""Any DICOM folder: one subject a folder (or zip archive), whatever lies in it and however deep."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.raw_files import read_files
from cinecohort.conversion.series import Conversion, convert_series
from cinecohort.conversion.written import write_views
from cinecohort.findings import Finding, Outcome, overall_status
from cinecohort.labels import VIEWS
from cinecohort.sources.base import RawSubject, no_such_subject
from cinecohort.sources.listing import files_below


def open_source(
    path: Path, annotations: Path | None = None, observers: Sequence[str] | None = None
) -> "DicomSource":
    """Open a folder that holds one folder (or zip archive) a subject."""
    return DicomSource(path)


class DicomSource:
    """One folder or zip archive a subject, its name the subject key."""

    def __init__(self, path: Path):
        self.path = path

    def subjects(self) -> list[RawSubject]:
        """List every folder and zip archive in the dataset's folder."""
        names = sorted(
            entry.name
            for entry in self.path.iterdir()
            if not entry.name.startswith(".") and (entry.is_dir() or entry.suffix.lower() == ".zip")
        )
        return [self._listed(name) for name in names]

    def subject(self, key: str) -> RawSubject:
        """List one subject."""
        for name in (key, f"{key}.zip"):
            if (self.path / name).exists():
                return self._listed(name)
        raise no_such_subject(key, self.path)

    def _listed(self, name: str) -> RawSubject:
        key = name[: -len(".zip")] if name.lower().endswith(".zip") else name
        return RawSubject(key, key, "", (name,), files_below(self.path, [name]))

    def convert(self, subject: RawSubject, folder: Path, options: ConversionOptions) -> Outcome:
        """Write the subject's views into `folder`."""
        files = read_files(self.path / name for name, _, _ in subject.files)
        conversion = convert_series(files, options)
        return outcome_of(subject, conversion, write_conversion(folder, conversion), options)


def write_conversion(folder: Path, conversion: Conversion) -> list[str]:
    """Write the views, and remove those of an earlier conversion that were not made this time."""
    folder.mkdir(parents=True, exist_ok=True)
    outputs = write_views(folder, conversion)
    for view in set(VIEWS) - set(conversion.views):
        for name in (f"{view}.nii.gz", f"{view}.json"):
            (folder / name).unlink(missing_ok=True)
    return outputs


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
    values: dict[str, Any] = {
        "participant": subject.participant,
        "visit": subject.visit,
        "views": ",".join(view for view in VIEWS if view in conversion.views),
        "observers": ",".join(observers),
    }
    shown = next((conversion.views[view] for view in VIEWS if view in conversion.views), None)
    sidecar = shown.image.sidecar if shown else {}
    short_axis = conversion.views.get("sa")
    spacing = short_axis.image.spacing_mm if short_axis else (None, None, None)
    for keyword in ("n_slices", "n_frames"):
        values[keyword] = short_axis.image.sidecar[keyword] if short_axis else None
    for keyword, value in zip(("dx_mm", "dy_mm", "dz_mm"), spacing, strict=True):
        values[keyword] = None if value is None else round(value, 4)
    for keyword in ("heart_rate_bpm", "vendor", "scanner", "field_t"):
        values[keyword] = sidecar.get(keyword)
    return Outcome(status, every, list(outputs), values)
