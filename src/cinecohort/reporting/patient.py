"""One page of one patient: measures, volume curves, all slices with contours, findings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from cinecohort import __version__
from cinecohort.catalogue.measures import PRINTED
from cinecohort.catalogue.views import VIEW_NAMES
from cinecohort.files import read_json
from cinecohort.findings import Finding, Level
from cinecohort.images import sidecar_path
from cinecohort.reporting import gallery
from cinecohort.reporting.distribution_figures import PALETTE, drawing
from cinecohort.reporting.document import Column, Table, Text, table_to_dict, text_to_list
from cinecohort.reporting.numbers import count, is_defined, number
from cinecohort.reporting.typesetting import build_folder, typeset
from cinecohort.synthetic import BANNER

MOST_FINDINGS = 8
COLUMNS_OF_SLICES = 8
PANEL_PIXELS = 150
CURVES = {"LV": "LV cavity", "RV": "RV cavity", "LA": "left atrium", "RA": "right atrium"}
REFERENCE_WORDS = (
    "For orientation, in healthy adults aged 45 to 74 of UK Biobank (manual contours) LVEF was 61 ± 5 % in "
    "women and 58 ± 5 % in men, mean ± SD (Petersen et al., J Cardiovasc Magn Reson 2017;19:18). Here ED "
    "and ES were found by volume, and papillary muscles count as blood where the contour passes outside "
    "them. Research use only: no number on this page may guide the care of a patient."
)


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
        Row of measures of the primary model at its own frames.
    findings
        Findings of all stages.
    source
        What ``curves.json`` calls the set of networks that the measures are of.
    warnings
        Sentences for the box at the top.
    synthetic
        Whether the data are made up.
    """

    title: str
    folder: Path
    measures: Mapping[str, Any]
    findings: Sequence[Finding]
    source: str
    warnings: Sequence[str] = field(default_factory=tuple)
    synthetic: bool = False


def make_patient_page(page: PatientPage, output: Path) -> None:
    """Write the page as PDF; the same patient gives the same bytes.

    Parameters
    ----------
    page
        What is shown. Images, label maps and ``curves.json`` are read from its folder.
    output
        The PDF, written by rename.
    """
    with build_folder() as build:
        curve = draw_curves(page, build / "figures" / "curves.svg")
        pictures = draw_pictures(page, build / "figures" / "slices.png")
        data = {
            "title": page.title,
            "version": __version__,
            "banner": BANNER if page.synthetic else "",
            "footer": f"Measured by {page.measures.get('models') or page.source}. Not a medical device.",
            "facts": facts(page.folder),
            "warnings": list(page.warnings),
            "measures": table_to_dict(measures_table(page)),
            "curve": "figures/curves.svg" if curve else "",
            "curve_description": curve or "There is no cine series to draw a volume curve of.",
            "pictures": "figures/slices.png" if pictures else "",
            "pictures_title": pictures,
            "findings": finding_lines(page.findings),
            "no_findings": "No check had anything to note.",
            "notes": text_to_list(notes()),
        }
        typeset(build, "patient.typ", data, output)


def notes() -> Text:
    """Words at the bottom of the page."""
    return REFERENCE_WORDS


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
    """Measures that could be taken, ventricles first; the others are named in one row."""
    known = [name for name in PRINTED if is_defined(page.measures.get(name))]
    missing = [PRINTED[name].label for name in PRINTED if name not in known]
    rows: list[list[str] | str] = [
        [PRINTED[name].label, number(page.measures[name], PRINTED[name].digits), PRINTED[name].unit]
        for name in known
    ]
    return Table(
        "tab-patient",
        "",
        [Column("Measure", "left"), Column("Value"), Column("Unit", "left")],
        rows or ["Nothing could be measured."],
        notes=f"Not measured: {', '.join(missing)}." if missing else "",
    )


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """One line a finding, gravest first, at most a few."""
    gravity = [Level.ERROR, Level.REJECT, Level.REVIEW, Level.INFO]
    ordered = sorted(findings, key=lambda finding: gravity.index(finding.level))
    lines = [
        f"{finding.code} ({finding.level}): {shortened(finding.message)}"
        for finding in ordered[:MOST_FINDINGS]
    ]
    if len(ordered) > MOST_FINDINGS:
        lines.append(f"and {len(ordered) - MOST_FINDINGS} more, in the JSON records beside this page")
    return lines


def shortened(text: str, limit: int = 118) -> str:
    """`text`, cut at a word where it is longer than a line."""
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0] + " …"


def draw_curves(page: PatientPage, path: Path) -> str:
    """Draw volume against frame; returns the description, empty where there is no cine series."""
    file = page.folder / "curves.json"
    record = read_json(file).get(page.source) if file.is_file() else None
    if not record:
        return ""
    curves = {
        name: np.array([np.nan if value is None else value for value in values], dtype=float)
        for name, values in record["volume_ml"].items()
        if name in CURVES
    }
    curves = {name: values for name, values in curves.items() if np.isfinite(values).sum() > 2}
    if not curves:
        return ""
    with drawing(path, 10.2, 6.6) as figure:
        axis = figure.subplots()
        for index, (name, values) in enumerate(curves.items()):
            style = "-" if name in ("LV", "LA") else "--"
            axis.plot(values, style, color=PALETTE[index], lw=1.3, marker="o", ms=2, label=CURVES[name])
        for key, words in (("ed_frame", "ED"), ("es_frame", "ES")):
            if record.get(key) is not None:
                axis.axvline(record[key], color="0.6", lw=0.7, zorder=0)
                top = axis.get_xaxis_transform()
                axis.text(record[key], 1, f" {words}", transform=top, fontsize=6.5, va="top")
        axis.set(xlabel="frame (counted from 0)", ylabel="volume (mL)")
        axis.set_ylim(0, 1.12 * max(np.nanmax(values) for values in curves.values()))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.legend(frameon=False, fontsize=6.5, loc="best")
    return f"Volume over the cycle of: {', '.join(CURVES[name] for name in curves)}."


def draw_pictures(page: PatientPage, path: Path) -> str:
    """Draw every slice at ED and ES with contours; returns the title, or nothing."""
    case = gallery.read_case(page.folder)
    frames = {
        name: int(page.measures[column])
        for name, column in (("ED", "ed_frame"), ("ES", "es_frame"))
        if is_defined(page.measures.get(column))
    }
    if case is None or not frames:
        return ""
    gallery.write_png(
        path, gallery.contact_sheet(case, frames, case.base_to_apex, COLUMNS_OF_SLICES, PANEL_PIXELS)
    )
    named = " and ".join(f"{name} (frame {frame})" for name, frame in frames.items())
    return (
        f"All short-axis slices at {named}, base to apex. "
        "Orange: LV cavity; green: outer border of the myocardium; blue: RV cavity."
    )
