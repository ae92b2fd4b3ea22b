"""The calibration of quality control: what it is of, how good it is, and what it says of this cohort."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cinecohort.calibration.options import calibration_path
from cinecohort.calibration.record import Calibration, Estimate, read_calibration
from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.measures import measure_digits, measure_label
from cinecohort.catalogue.views import STRUCTURE_NAMES
from cinecohort.ledger.columns import FAILURE
from cinecohort.quality.made_by import MADE_BY, differences
from cinecohort.reporting.calibration_page import MARGINAL, draw
from cinecohort.reporting.document import Block, Bullets, Column, Figure, Paragraph, Section, Table
from cinecohort.reporting.numbers import (
    UNDEFINED,
    count,
    count_percent,
    hidden_count,
    interval,
    listing,
    number,
    quantity,
)
from cinecohort.reporting.sections.context import Context
from cinecohort.segmentation.options import ModelOptions

TITLE, LABEL = "Calibration of quality control", "sec-calibration"
BANDS = ((0.0, 0.05), (0.05, 0.2), (0.2, 0.5), (0.5, 1.0))
"""Bands of the probability of failure that subjects are counted in."""


def section(context: Context) -> list[Section]:
    """Describe the calibration that the run used; nothing where none was asked for."""
    path = path_used(context.results.config)
    if path is None:
        asked = (context.results.config.get("quality") or {}).get("calibration", "none") != "none"
        return [Section(TITLE, LABEL, [Paragraph(NONE_SHIPPED)], level=2)] if asked else []
    if not path.is_file():
        words = (
            f"This run used a calibration of quality control ({path.name}), which is not where it was any "
            "more: what it was learnt on cannot be said here."
        )
        return [Section(TITLE, LABEL, [Paragraph(words), *bands_table(context)], level=2)]
    calibration = read_calibration(path)
    blocks: list[Block] = [
        Paragraph(what_it_is(calibration)),
        Paragraph(who_has_one(context, calibration)),
        *bands_table(context),
        *accuracy_table(calibration),
        *picture(context, calibration),
        *coverage_table(calibration),
        Paragraph(f"{MARGINAL} Where it holds and where not:"),
        Bullets([*calibration.notes, NOT_COVERED]),
    ]
    return [Section(TITLE, LABEL, blocks, level=2)]


NONE_SHIPPED = (
    "The shipped calibration of quality control was asked for, and none comes with the first short-axis "
    "network: no subject has a probability of failure, no measure an interval, and every check flags by "
    "itself."
)

NOT_COVERED = (
    "It speaks about the short axis at end-diastole and end-systole, of images like those that it was learnt "
    "on. It says nothing about long axes, about the choice of frames, or about other scanners and diseases."
)


def path_used(config: Mapping[str, Any]) -> Path | None:
    """File of the calibration that a configuration names; None for none."""
    chosen = (config.get("quality") or {}).get("calibration", "none")
    models = (config.get("models") or {}).get("sa") or []
    return calibration_path(chosen, ModelOptions(**models[0]).members[0] if models else "")


def what_it_is(calibration: Calibration) -> str:
    """What was learnt from whom, and what counts as bad."""
    limits = calibration.options.failure
    people = listing(f"{count(n)} of {name}" for name, n in calibration.participants.items())
    rows = sum(calibration.rows.values())
    undamaged = calibration.rows.get("undamaged", rows)
    copies = f", {count(rows - undamaged)} of these degraded on purpose" if rows > undamaged else ""
    prevalence = calibration.prevalence
    share = f" Probabilities are for cohorts with {100 * prevalence:g} % bad results." if prevalence else ""
    return (
        "The probability that a short-axis segmentation is bad was learnt from participants with labels of "
        f"the observer {calibration.observer} ({people}; {count(rows)} images{copies}). Bad is a Dice of a "
        f"structure below {limits.dice:g} at ED or ES, or LVEDV off by more than {limits.edv_ml:g} mL, LVEF "
        f"by {limits.ef_pct:g} points or LV mass by {limits.mass_g:g} g.{share}"
    )


def who_has_one(context: Context, calibration: Calibration) -> str:
    """How many subjects have a probability, and what became of them."""
    results, smallest = context.results, context.options.smallest_count
    known = probabilities(context)
    text = (
        f"{quantity(len(known), 'analysed subject').capitalize()} of {count(len(results.analysed))} "
        f"{'has' if len(known) == 1 else 'have'} a probability"
    )
    if without := results.analysed - set(known["subject"]):
        text += f". {why_none(context, calibration, without)}"
    if calibration.cut is None:
        most = number(100 * calibration.options.most_flagged, 0)
        return (
            f"{text}. It has no cut: one that finds {100 * calibration.options.sensitivity:g} % of the bad "
            f"results would flag more than {most} % of the good. Every check flags by itself, as without a "
            "calibration; the probability sorts the review room."
        )
    found = results.findings
    flagged = int(found.loc[found["code"] == str(Code.PREDICTED_FAILURE), "subject"].nunique())
    return (
        f"{text}. Subjects from {number(calibration.cut, 3)} on are flagged by it: "
        f"{hidden_count(flagged, smallest)}. The checks {listing(calibration.explains)} are notes that say "
        "why; all others flag by themselves."
    )


def why_none(context: Context, calibration: Calibration, subjects: Collection[str]) -> str:
    """Why subjects have no probability, with how many by each reason."""
    quality = context.results.quality
    quality = quality[quality["stage"] == "segmentation_quality"].set_index("subject")
    made = pd.Series("", index=pd.Index(sorted(subjects)))
    if MADE_BY in quality:
        made = quality[MADE_BY].reindex(made.index).fillna("").astype(str)

    def reason(line: str) -> str:
        if not line:
            return "no segmentation of end-diastole and end-systole"
        if line == calibration.made_by:
            return "a number that it rests on is missing"
        return f"segmented in another way ({', '.join(differences(line, calibration.made_by))})"

    counts = made.map(reason).value_counts().sort_index()
    smallest = context.options.smallest_count
    said = "; ".join(f"{words}: {hidden_count(int(n), smallest)}" for words, n in counts.items())
    return f"Those without one: {said}"


def probabilities(context: Context) -> pd.DataFrame:
    """Analysed subjects with a probability of failure, as numbers, and their statuses."""
    status = context.results.status
    if FAILURE[0] not in status:
        return status.iloc[:0]
    values = pd.to_numeric(status[FAILURE[0]], errors="coerce")
    table = status.assign(**{FAILURE[0]: values})
    return table[values.notna() & table["subject"].isin(context.results.analysed)]


def bands_table(context: Context) -> list[Block]:
    """Subjects of this cohort by their probability of failure, and how many of them are flagged."""
    known, smallest = probabilities(context), context.options.smallest_count
    if known.empty:
        return []
    rows = []
    for low, high in BANDS:
        last = high == BANDS[-1][1]
        value = known[FAILURE[0]]
        part = known[(value >= low) & ((value <= high) if last else (value < high))]
        flagged = int((part["status"] == "review").sum())
        words = f"{low:g} to {high:g}" if last else f"{low:g} to below {high:g}"
        n = len(part)
        rows.append(
            [
                words,
                count_percent(n, len(known), smallest),
                count_percent(flagged, n, smallest) if n else UNDEFINED,
            ]
        )
    return [
        Table(
            "tab-calibration-cohort",
            "Probability of a bad short-axis segmentation in this cohort, the highest of the structures.",
            [Column("Probability", "left"), Column("Subjects, n (%)"), Column("of these flagged, n (%)")],
            rows,
            notes="Flagged for any reason. Each subject's probabilities are in cohort/status.tsv.",
        )
    ]


def accuracy_table(calibration: Calibration) -> list[Block]:
    """How well failures are found, on participants who were left out of the learning."""
    found = calibration.assessment
    rows: list[list[str] | str] = ["Area under the ROC curve"]
    for name, value in found.auc.items():
        words = "any structure or measure" if name == "any" else STRUCTURE_NAMES.get(name, name)
        rows.append([words, *estimate_cells(value, 1, 2)])
    rows.append("Sensitivity for bad results (%) where so many subjects are flagged")
    rows += [[f"{100 * one.share:g} %", *estimate_cells(one.sensitivity, 100, 0)] for one in found.flagged]
    if calibration.cut is not None:
        rows.append("At the cut (%)")
        rows.append(["bad results that are flagged", *estimate_cells(found.sensitivity, 100, 0)])
        rows.append(["good results that are flagged", *estimate_cells(found.good_flagged, 100, 0)])
    missed = len(found.missed) if calibration.cut is not None else 0
    return [
        Table(
            "tab-calibration",
            "How well the calibration finds bad segmentations: participants who were left out, in turns.",
            [Column("", "left", "share"), Column("Estimate"), Column("95 % CI")],
            rows,
            notes="Intervals by resampling of participants."
            + (f" Bad results below the cut: {count(missed)}; its own report lists them." if missed else ""),
        )
    ]


def estimate_cells(value: Estimate, factor: float, digits: int) -> list[str]:
    """Estimate and interval, in units of 1 / `factor`."""
    low, high = (None if end is None else factor * end for end in (value.low, value.high))
    shown = None if value.value is None else factor * value.value
    return [number(shown, digits), interval(low, high, digits)]


def picture(context: Context, calibration: Calibration) -> list[Block]:
    """Sensitivity by share flagged, and the reliability diagram."""
    if not calibration.assessment.flagged:
        return []
    draw(calibration, context.figure_path("calibration.svg"))
    bins = [
        {"predicted": one.predicted, **one.observed.model_dump()}
        for one in calibration.assessment.reliability
    ]
    context.keep_numbers("calibration", pd.DataFrame(bins))
    return [
        Figure(
            "fig-calibration",
            "The calibration on participants who were left out. Left: share of the bad results that is "
            "found, by the share of subjects flagged. Right: reliability, the share that was bad against the "
            "predicted probability; dashed: what would be right. Bars: 95 % intervals.",
            "figures/calibration.svg",
            "Line plots of sensitivity and of observed against predicted failures; sensitivities are in the "
            "table above.",
        )
    ]


def coverage_table(calibration: Calibration) -> list[Block]:
    """How often the intervals of the measures hold the observer's value."""
    rows = [
        [
            measure_label(part.measure),
            *estimate_cells(part.covered, 100, 0),
            count(part.covered.n),
            number(part.half_width if part.half_width >= 0 else None, measure_digits(part.measure)),
        ]
        for part in calibration.assessment.coverage
        if part.factor == "all"
    ]
    if not rows:
        return []
    wanted = 100 * calibration.options.coverage
    return [
        Table(
            "tab-calibration-intervals",
            f"Coverage of the {wanted:g} % intervals of measures on participants who were left out.",
            [
                Column("Measure", "left"),
                Column("Covered (%)"),
                Column("95 % CI"),
                Column("n"),
                Column("Median half-width"),
            ],
            rows,
            notes="n counts images, degraded copies among them. Half-width in the unit of the measure.",
        )
    ]
