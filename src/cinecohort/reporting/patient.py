"""One page of one patient: measures, volume curves, all slices with contours, findings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cinecohort import __version__
from cinecohort.catalogue.measures import PRINTED, Measure
from cinecohort.catalogue.views import STRUCTURE_NAMES, VIEW_NAMES
from cinecohort.files import read_json
from cinecohort.findings import Finding, Level, in_print
from cinecohort.images import sidecar_path
from cinecohort.measures.reference_ranges import NO_REFERENCE, Reference
from cinecohort.reporting.document import Column, Table, table_to_dict
from cinecohort.reporting.numbers import count, interval, is_defined, listing, number, signed
from cinecohort.reporting.patient_figures import LONG_AXES, PHASES, draw_curves, draw_phases
from cinecohort.reporting.typesetting import build_folder, typeset
from cinecohort.synthetic import BANNER

PAGE_MM = 266.0
"""Height of a page's text."""
LEVELS = {
    Level.ERROR: "fault",
    Level.REJECT: "not used",
    Level.REVIEW: "for review",
    Level.INFO: "noted",
}
"""Levels of findings, the gravest first, in words."""
NOTES = (
    "ED and ES were found by the volume of the LV. Papillary muscles count as blood where the contour passes "
    "outside them. Frames and slices are counted from 1, slices from the first of the stack. Research use "
    "only: no number on this page may guide the care of a patient."
)
CALIBRATED = (
    "Probability of failure and 90 % intervals are of a calibration: they hold on average over hearts like "
    "those that it was learnt on, not for each; the choice of ED and ES is not covered."
)
PICTURES = "All short-axis slices, base to apex, with the slice's number in the stack."
COLOURS = "Orange: LV; green: outer border of the myocardium; blue: RV."
LONG_AXES_TOO = f"Then segmented long axes. {COLOURS[:-1]}; purple: LA; yellow: RA."


@dataclass(frozen=True)
class PatientPage:
    """What the page is made from.

    Parameters
    ----------
    title
        The subject's key.
    folder
        The patient's folder, as in the store.
    measures
        Row of measures of the primary model at its own frames, with ends of intervals (``lvef_pct_low``) and
        indexed measures (``lvedv_ml_i``) where there are any.
    findings
        Findings of all stages.
    source
        What ``curves.json`` calls the set of networks that the measures are of.
    warnings
        Sentences for the box at the top.
    synthetic
        Whether the data are made up.
    person
        ``sex`` (F or M), ``age_years``, ``height_cm`` and ``weight_kg``, as far as known.
    reference
        Ranges of healthy people.
    voided
        Measure to the reason why it is not given.
    probabilities
        Probability that the short-axis segmentation failed: of the whole (``all``) and of each structure;
        empty without a calibration.
    """

    title: str
    folder: Path
    measures: Mapping[str, Any]
    findings: Sequence[Finding]
    source: str
    warnings: Sequence[str] = field(default_factory=tuple)
    synthetic: bool = False
    person: Mapping[str, Any] = field(default_factory=dict)
    reference: Reference = NO_REFERENCE
    voided: Mapping[str, str] = field(default_factory=dict)
    probabilities: Mapping[str, float] = field(default_factory=dict)


def make_patient_page(page: PatientPage, output: Path) -> None:
    """Write the page as PDF; the same patient gives the same bytes.

    Findings that do not fit go on to further pages.

    Parameters
    ----------
    page
        What is shown. Images, label maps and ``curves.json`` are read from its folder.
    output
        The PDF, written by rename.
    """
    frames = {
        name: int(page.measures[column]) for column, name in PHASES if is_defined(page.measures.get(column))
    }
    table = measures_table(page)
    with build_folder() as build:
        curve = draw_curves(
            page.folder, page.source, build / "figures" / "curves.svg", height_of(len(table.rows))
        )
        phases = draw_phases(page.folder, frames, build / "figures", room_for_pictures(page, len(table.rows)))
        data = {
            "title": page.title,
            "version": __version__,
            "banner": BANNER if page.synthetic else "",
            "footer": f"Measured by {networks(page)}. Not a medical device.",
            "facts": person_facts(page) + facts(page.folder) + probability_words(page),
            "warnings": list(page.warnings),
            "measures": table_to_dict(table),
            "curve": "figures/curves.svg" if curve else "",
            "curve_description": curve or "There is no cine series to draw a volume curve of.",
            "phases": [{"words": words, "file": file} for words, file in phases],
            "pictures_title": f"{PICTURES} {LONG_AXES_TOO if has_long_axes(page.folder) else COLOURS}",
            "findings": finding_rows(page.findings),
            "no_findings": "No check had anything to note.",
            "notes": " ".join([*([CALIBRATED] if page.probabilities else []), *reference_notes(page), NOTES]),
        }
        typeset(build, "patient.typ", data, output)


def has_long_axes(folder: Path) -> bool:
    """Say whether a long axis was segmented."""
    return any((folder / f"seg_{view}.nii.gz").is_file() for view in LONG_AXES)


def networks(page: PatientPage) -> str:
    """Networks of the page with their views; the set's name where the row does not list them."""
    named = [one.partition("=") for one in str(page.measures.get("models") or "").split(",") if "=" in one]
    return listing(f"{model} ({VIEW_NAMES.get(view, view)})" for view, _, model in named) or page.source


def height_of(rows: int) -> float:
    """Height of the curves beside a table of so many rows, in cm."""
    return min(max(0.41 * (rows + 2), 5.0), 9.5)


def room_for_pictures(page: PatientPage, rows: int) -> float:
    """Height left for the pictures on the first page, in mm; they are never made tiny for findings."""
    lines = sum(1 + len(finding.message) // 125 for finding in page.findings) or 1
    boxed = 5 + 4 * (1 + sum(map(len, page.warnings)) // 120) if page.warnings else 0
    beside = 10 * height_of(rows) + 4
    return min(max(PAGE_MM - 34 - boxed - beside - 3.7 * lines, 70.0), 125.0)


def person_facts(page: PatientPage) -> list[str]:
    """Sex, age and body size, as far as they are known."""
    known = page.person
    items = [{"F": "woman", "M": "man"}.get(str(known.get("sex")), "sex not known")]
    age = known.get("age_years")
    items.append(f"{number(age, 0)} years" if is_defined(age) else "age not known")
    for name, unit in (("height_cm", "cm"), ("weight_kg", "kg")):
        if is_defined(known.get(name)):
            items.append(f"{number(known[name], 0)} {unit}")
    return items


def probability_words(page: PatientPage) -> list[str]:
    """How probable it is that the segmentation failed, by structure; nothing without a calibration."""
    known = page.probabilities
    if "all" not in known:
        return []
    parts = [f"{STRUCTURE_NAMES[name]} {known[name]:.2f}" for name in STRUCTURE_NAMES if name in known]
    return [f"probability of a failed segmentation {known['all']:.2f} ({', '.join(parts)})"]


def facts(folder: Path) -> list[str]:
    """What is known of the images: size, spacing, heart rate, scanner."""
    path = sidecar_path(folder / "sa.nii.gz")
    sidecar = read_json(path) if path.is_file() else {}
    items = []
    if sidecar.get("n_slices"):
        items.append(
            f"{count(sidecar['n_slices'])} short-axis slices × {count(sidecar.get('n_frames'))} frames"
        )
    spacing = sidecar.get("spacing_mm")
    if spacing:
        items.append(" × ".join(number(value, 2) for value in spacing) + " mm")
    if is_defined(sidecar.get("heart_rate_bpm")):
        items.append(f"heart rate {number(sidecar['heart_rate_bpm'], 0)}/min")
    field_strength = f"{sidecar['field_t']:g} T" if is_defined(sidecar.get("field_t")) else ""
    scanner = " ".join(
        str(part) for part in (sidecar.get("vendor"), sidecar.get("scanner"), field_strength) if part
    )
    views = [name for name in VIEW_NAMES if (folder / f"{name}.nii.gz").is_file() and name != "sa"]
    if scanner:
        items.append(scanner)
    if views:
        items.append("also " + ", ".join(VIEW_NAMES[name] for name in views))
    return items


def measures_table(page: PatientPage) -> Table:
    """Measures that could be taken, ventricles first, with what is known of each; the others are named below.

    Columns that would be empty are left out: of intervals, of indexed values, of healthy people.
    """
    known = [name for name in PRINTED if is_defined(page.measures.get(name))]
    intervals = any(is_defined(page.measures.get(f"{name}_low")) for name in known)
    indexed = any(is_defined(page.measures.get(f"{name}_i")) for name in known)
    compared = {name: cells for name in known if (cells := comparison(page, PRINTED[name]))}
    rows: list[list[str] | str] = []
    for name in known:
        digits = PRINTED[name].digits
        cells = [PRINTED[name].label, number(page.measures[name], digits), PRINTED[name].unit]
        if intervals:
            low, high = (page.measures.get(f"{name}_{end}") for end in ("low", "high"))
            cells.append(interval(low, high, digits) if is_defined(low) and is_defined(high) else "")
        if indexed:
            index = page.measures.get(f"{name}_i")
            cells.append(number(index, digits) if is_defined(index) else "")
        rows.append([*cells, *(compared.get(name, ["", ""]) if compared else [])])
    columns = [Column("Measure", "left", "share"), Column("Value"), Column("Unit", "left")]
    columns += [Column("90 % interval")] if intervals else []
    columns += [Column("per m²")] if indexed else []
    columns += [Column("Healthy range"), Column("z")] if compared else []
    return Table(
        "tab-patient", "", columns, rows or ["Nothing could be measured."], notes=not_measured(page, known)
    )


def not_measured(page: PatientPage, known: Sequence[str]) -> str:
    """Which of the printed measures are not given, and why, where that is known."""
    by_reason: dict[str, list[str]] = {}
    for name, measure in PRINTED.items():
        if name not in known:
            by_reason.setdefault(page.voided.get(name, ""), []).append(measure.label)
    parts = [", ".join(by_reason[""])] if "" in by_reason else []
    parts += [f"{', '.join(names)} ({reason})" for reason, names in by_reason.items() if reason]
    return f"Not measured: {'; '.join(parts)}." if parts else ""


def comparison(page: PatientPage, measure: Measure) -> list[str]:
    """Range of the healthy and z-score, of the measure or else of its index; empty where there is none."""
    found = page.reference.compare(measure.column, page.measures, page.person)
    return [found.words(measure.digits), f"{signed(found.z, 1)} {found.side}".strip()] if found else []


def reference_notes(page: PatientPage) -> list[str]:
    """Whose ranges stand in the table, or why none does."""
    compared = (page.reference.compare(name, page.measures, page.person) for name in PRINTED)
    sources = dict.fromkeys(each.range.source for each in compared if each)
    if sources:
        return [
            "Healthy: mean ± 1.96 SD of healthy people of the same sex and age; z: SDs above their mean "
            f"({'; '.join(sources)})."
        ]
    reasons = dict.fromkeys(
        page.reference.reason(name, page.person.get("sex"), page.person.get("age_years"))
        for name in page.reference.measures
    )
    words = listing(reason for reason in reasons if reason)
    return [f"No comparison with healthy people: {words}."] if words else []


def finding_rows(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Every finding in full, the gravest first: its code, what its level means, and the sentence."""
    ordered = sorted(findings, key=lambda finding: list(LEVELS).index(finding.level))
    return [
        {
            "code": str(finding.code),
            "level": LEVELS[finding.level],
            "words": in_print(finding.message),
        }
        for finding in ordered
    ]


def unvalidated_words(views: Sequence[str]) -> list[str]:
    """A sentence for the box at the top on networks that were never tested on real hearts; none for none."""
    if not views:
        return []
    named = listing([VIEW_NAMES.get(view, view) for view in views])
    return [f"Not validated on labelled real hearts: the segmentation of the {named} view."]
