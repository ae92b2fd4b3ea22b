"""The summary of several patients' pages: one line for each study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cinecohort import __version__
from cinecohort.catalogue.measures import PRINTED, Show, columns_shown
from cinecohort.measures.reference_ranges import LIMITS_SD, Z
from cinecohort.reporting.document import Column, Table, table_to_dict
from cinecohort.reporting.numbers import is_defined, number, quantity, signed
from cinecohort.reporting.typesetting import build_folder, typeset
from cinecohort.synthetic import BANNER

SHOWN = (*columns_shown(Show.PATIENT), "rvedv_ml", "rvef_pct")
NOTES = (
    "A number in brackets is the z-score where it lies outside the range of healthy people of the same sex "
    "and age. Each study's own page has all measures, its pictures and its findings in full. Research use "
    "only: no number here may guide the care of a patient."
)


@dataclass(frozen=True)
class SummaryRow:
    """What is printed of a study.

    Parameters
    ----------
    key
        The subject's key.
    person
        ``sex`` and ``age_years``, as far as known.
    measures
        Its measures and z-scores; empty where nothing could be measured.
    status, why
        Status, and the codes or the reason for it.
    """

    key: str
    person: Mapping[str, Any]
    measures: Mapping[str, Any]
    status: str
    why: str


def make_summary(rows: Sequence[SummaryRow], output: Path, synthetic: bool) -> None:
    """Write the summary as PDF; the same studies give the same bytes."""
    flagged = sum(row.status == "review" for row in rows)
    failed = sum(row.status in ("excluded", "error") for row in rows)
    data = {
        "title": f"Summary of {quantity(len(rows), 'study', 'studies')}",
        "facts": f"{flagged} for review, {failed} without measures",
        "version": __version__,
        "banner": BANNER if synthetic else "",
        "table": table_to_dict(summary_table(rows)),
        "notes": NOTES,
    }
    with build_folder() as build:
        typeset(build, "patient_summary.typ", data, output)


def summary_table(rows: Sequence[SummaryRow]) -> Table:
    """One line per study: who, the main measures, status and why."""
    columns = [Column("Study", "left"), Column("Sex", "left"), Column("Age")]
    columns += [Column(PRINTED[name].heading) for name in SHOWN]
    columns += [Column("Status", "left"), Column("Why", "left", "share")]
    lines = [
        [
            *(row.key, str(row.person.get("sex", "")), age_words(row.person)),
            *(value_words(row.measures, name) for name in SHOWN),
            *(row.status, row.why),
        ]
        for row in rows
    ]
    return Table("tab-summary", "", columns, lines)


def age_words(person: Mapping[str, Any]) -> str:
    """Age in years, empty where it is not known."""
    return number(person["age_years"], 0) if is_defined(person.get("age_years")) else ""


def value_words(measures: Mapping[str, Any], name: str) -> str:
    """A measure, with its z-score in brackets where that lies outside the healthy range."""
    text = number(measures.get(name), PRINTED[name].digits)
    scores = (measures.get(f"{name}{ending}{Z}") for ending in ("", "_i"))
    z = next((score for score in scores if is_defined(score)), None)
    return f"{text} ({signed(z, 1)})" if z is not None and abs(float(z)) > LIMITS_SD else text
