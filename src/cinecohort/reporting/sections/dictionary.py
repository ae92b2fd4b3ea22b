"""Appendix: what the measures and codes of this report mean, so that the PDF can be read alone."""

import re
from collections.abc import Mapping

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.measures import (
    BY_COLUMN,
    PRINTED,
    WALL_SEGMENTS,
    Measure,
    frames_of,
)
from cinecohort.catalogue.views import VIEW_NAMES
from cinecohort.measures.reference_ranges import reference_used
from cinecohort.reporting.document import Block, Column, Named, Section, Table
from cinecohort.reporting.numbers import MINUS, UNDEFINED, NoteMarks, listing, mean_sd
from cinecohort.reporting.reference_figures import SEXES
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.sections.methods import from_tables
from cinecohort.reporting.sections.participants import has_values
from cinecohort.reporting.validation import shipped_primary
from cinecohort.reporting.vocabulary import named_measure
from cinecohort.segmentation.model_cards import measured_accuracy

PRINTED_AS = {" x ": " × ", " - ": " − ", "^2": "²", " pi ": " π "}
"""What formulas of the catalogue are printed with."""
SETTING_NAMED = re.compile(r"\s\(`[^`]*`\)|[^.`]*`[^`]*`\.\s*")
"""Names of settings in a caveat: the report's methods say what was set."""
SHORT = {"end-diastole": "ED", "end-systole": "ES", "where the atrium is": "atrium"}
HELD_OUT = "ACDC"
"""Data set whose hearts held out gave the differences of measures."""


def section(context: Context) -> list[Section]:
    """The appendix of the measures and codes that occur in this report; nothing where there are none."""
    tables = (measures_table(context), codes_table(context))
    blocks: list[Block] = [table for table in tables if table is not None]
    return [Section("Measures and codes in words", "sec-dictionary", blocks)] if blocks else []


def measures_table(context: Context) -> Table | None:
    """Definition, view and frames, UK Biobank field, plausible range and accuracy of each measure."""
    own = context.results.own_measures()
    occurring = [PRINTED[name] for name in PRINTED if has_values(own, name)]
    if any(has_values(own, name) for name in WALL_SEGMENTS):
        occurring.append(BY_COLUMN[WALL_SEGMENTS[0]])
    if not occurring:
        return None
    elsewhere = from_tables(context.results.config)
    differences, accuracy_note = accuracy_of(context)
    marks = NoteMarks()
    rows = [measure_row(one, differences, marks, elsewhere) for one in occurring]
    notes = [marks.note(), "" if elsewhere else sources_of(occurring), healthy_people(context, occurring)]
    if differences:
        notes.append(accuracy_note)
    if elsewhere:
        notes.append("How these measures were taken is for their tables' makers to say.")
    return Table(
        "tab-dictionary",
        "Definitions of the measures.",
        [
            Column("Measure", "left"),
            Column("Definition", "left", "share"),
            Column("View, frames", "left", "share"),
            Column("UK Biobank\nfield", "center"),
            Column("Flagged outside", "center"),
            Column("Network minus\nexpert"),
        ],
        rows,
        notes=" ".join(note.strip() for note in notes if note),
    )


def measure_row(one: Measure, differences: Mapping[str, str], marks: NoteMarks, elsewhere: bool) -> list[str]:
    """One measure in words; of one taken elsewhere only what is not about how it was taken."""
    segment = one.column in WALL_SEGMENTS
    name: str = Named("Wall thickness by segment (mm)", one.views) if segment else named_measure(one.column)
    words = one.words.partition(",")[0] if segment else one.words
    field = str(one.ukb_field or "")
    if segment:
        field = f"{one.ukb_field} to {BY_COLUMN[WALL_SEGMENTS[-1]].ukb_field}"
    definition = words if elsewhere or not one.formula else f"{words}: {replaced(one.formula, PRINTED_AS)}"
    caveat = "" if elsewhere else SETTING_NAMED.sub("", one.caveat)
    if caveat:
        mark = marks.of(caveat.removesuffix("."))
        name = Named(f"{name} {mark}", name.views) if isinstance(name, Named) else f"{name} {mark}"
    frames = frames_of(one)
    taken = [
        listing(VIEW_NAMES[view] for view in one.views),
        "all frames" if frames == "all" else replaced(frames, SHORT),
    ]
    low_high = f"{one.plausible[0]:g} to {one.plausible[1]:g}" if one.plausible else ""
    return [
        name,
        definition,
        "" if elsewhere else "; ".join(part for part in taken if part),
        field,
        low_high,
        differences.get(one.label, UNDEFINED).replace("-", MINUS) if differences else "",
    ]


def replaced(text: str, words: Mapping[str, str]) -> str:
    """Text with some of its words in the place of others."""
    for old, new in words.items():
        text = text.replace(old, new)
    return text


def accuracy_of(context: Context) -> tuple[Mapping[str, str], str]:
    """Differences of the short axis's network from the expert, and a note; empty where it is not shipped."""
    model = shipped_primary(context.results, "sa")
    known = measured_accuracy(model.name).get(HELD_OUT, {}) if model else {}
    if not model or not known:
        return {}, ""
    network = f"networks of the recipe of {model.name}" if known.get("in_folds") else model.name
    return known.get("differences", {}), (
        f"Network minus expert: mean (SD), {network}, {known['n']} hearts of {HELD_OUT} held out of its "
        "training; not of this cohort."
    )


def sources_of(measures: list[Measure]) -> str:
    """Where the measures are defined."""
    sources: dict[str, list[str]] = {}
    for one in measures:
        if one.source and one.column not in WALL_SEGMENTS:
            sources.setdefault(one.source, []).append(one.label)
    return "".join(f"{listing(names)}: {source}. " for source, names in sources.items())


def healthy_people(context: Context, measures: list[Measure]) -> str:
    """Mean (SD) of healthy people, of the ranges that the run used."""
    reference = reference_used(context.results.folder / "cohort")
    parts = []
    for one in measures:
        for name in (one.column, f"{one.column}_i"):
            unit = f"{one.unit}/m²" if name.endswith("_i") else one.unit
            known = [
                f"{SEXES[each.sex][0].lower()} of {each.age_from} to {each.age_to} years "
                f"{mean_sd(each.mean, each.sd, 0)}"
                for each in reference.of(name)
            ]
            if known:
                label = f"{one.label} index" if name.endswith("_i") else one.label
                parts.append(f"{label}, {unit}: {listing(known)} ({reference.of(name)[0].source})")
    return f"Healthy people, mean (SD): {'; '.join(parts)}." if parts else ""


def codes_table(context: Context) -> Table | None:
    """What to do about each code of a finding that occurs."""
    occurring = set(context.results.findings["code"])
    rows = [[str(code), code.words, code.advice] for code in Code if str(code) in occurring]
    if not rows:
        return None
    return Table(
        "tab-codes",
        "Codes of findings: what they mean and what to do.",
        [Column("Code", "left"), Column("Meaning", "left", "share"), Column("What to do", "left", "share")],
        rows,
    )
