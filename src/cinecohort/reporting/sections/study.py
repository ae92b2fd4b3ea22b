"""The matched group studies: flow, balance, comparison beside the published one, sensitivity, verdict."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cinecohort.catalogue.covariates import covariate_words, in_sentence
from cinecohort.catalogue.findings import finding_words
from cinecohort.catalogue.measures import BY_COLUMN, measure_digits, views_of
from cinecohort.files import read_json
from cinecohort.findings import Status
from cinecohort.reporting.document import (
    Absent,
    Block,
    Bullets,
    Citation,
    Figure,
    FlowDiagram,
    FlowStep,
    Paragraph,
    Section,
    Strong,
    Text,
)
from cinecohort.reporting.numbers import (
    ci,
    count,
    hidden_count,
    interval,
    is_defined,
    listing,
    number,
    quantity,
    signed,
)
from cinecohort.reporting.results import read_table, rows_by
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.sections.flow import idle_words, without_idle_steps
from cinecohort.reporting.sections.study_robustness import (
    missing_table,
    power_table,
    sensitivity_table,
    subgroup_table,
)
from cinecohort.reporting.sections.study_tables import (
    FEW_SETS,
    balance_table,
    baseline_table,
    comparison_table,
    largest_n,
)
from cinecohort.reporting.study_figures import standardised_rows
from cinecohort.reporting.validation import Marks

MOST_ON_FIRST_PAGE = 3
"""Outcomes of a study that the first page gives."""

TABLES = (
    "flow",
    "baseline",
    "balance",
    "comparison",
    "sensitivity",
    "subgroups",
    "power",
    "missing",
    "published",
    "scores",
)


@dataclass(frozen=True)
class Study:
    """What a study left in its folder.

    Parameters
    ----------
    name, title, exposure, reference
        Its names.
    summary
        ``summary.json``.
    tables
        Its CSV tables; empty where they are not there.
    folder
        Where they are.
    """

    name: str
    title: str
    exposure: str
    reference: str
    summary: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    folder: Path

    @property
    def done(self) -> bool:
        """Whether the comparison could be made."""
        return self.summary.get("status") != "not done"

    @property
    def outcomes(self) -> list[str]:
        """Measures that were compared."""
        return list((self.summary.get("options") or {}).get("outcomes") or ())

    @property
    def small(self) -> bool:
        """Whether so few sets were matched that parts of them say nothing."""
        return int(self.summary.get("n_pairs", FEW_SETS)) < FEW_SETS

    @property
    def confidence(self) -> float:
        """Confidence of its intervals."""
        return 1 - float((self.summary.get("options") or {}).get("alpha", 0.05))


def read_studies(context: Context) -> list[Study]:
    """Studies in the results folder, in the order of the configuration, others after them."""
    folder = context.results.folder / "study"
    found = sorted(path.parent for path in folder.glob("*/summary.json"))
    order = list(context.results.config.get("studies") or {})
    found.sort(key=lambda path: order.index(path.name) if path.name in order else len(order))
    studies = []
    for path in found:
        summary = read_json(path / "summary.json")
        tables = {name: read_table(path / f"{name}.csv") for name in TABLES}
        title = str(summary.get("title") or path.name)
        groups = (str(summary.get("exposure", "group 1")), str(summary.get("reference", "group 0")))
        studies.append(Study(path.name, title, *groups, summary, tables, path))
    return studies


def section(context: Context) -> list[Section]:
    """All studies; a sentence where there is none."""
    studies = read_studies(context)
    if not studies:
        words = "No group study was configured for this run."
        if context.results.config.get("studies"):
            words = "The configured group studies have no results in this folder; run the workflow again."
        return [Section("Group study", "sec-study", [Absent(words)])]
    sections = []
    for study in studies:
        heading = f"Group study: {study.title}"
        sections.append(Section(heading, f"sec-study-{study.name}", verdict_blocks(study)))
        flow = flow_diagram(context, study)
        if flow:
            sections[-1].blocks.append(flow)
        if study.done:
            sections += parts(context, study)
    return sections


def parts(context: Context, study: Study) -> list[Section]:
    """Sections within a study."""
    name, tables = study.name, study.tables
    groups = (study.exposure, study.reference)
    theirs = published_of(context, study)
    balanced = bool(study.summary.get("balanced", True))
    comparison = comparison_table(tables["comparison"], theirs, name, groups, study.confidence, balanced)
    balance: list[Block] = [
        *baseline_table(tables["baseline"], name, groups, context.options.smallest_count),
        *balance_table(tables["balance"], name, groups),
        *figure(
            context,
            study,
            "love",
            "Absolute standardised mean differences of the covariates before and after matching; the dashed "
            "line is the limit that balance was judged by.",
        ),
    ]
    if study.small:
        robustness: list[Block] = [Paragraph(small_words(study))]
    else:
        caption = "Propensity score in both groups, before and after matching: share of the group."
        balance += figure(context, study, "overlap", caption)
        robustness = [
            *figure(
                context,
                study,
                "forest",
                f"Differences between {study.exposure} and {study.reference} over the pooled SD, with "
                f"{100 * study.confidence:g} % intervals: squares, all matched; circles, subgroups of them.",
                study.outcomes,
            ),
            *sensitivity_table(tables["sensitivity"], name, study.confidence),
            *subgroup_table(tables["subgroups"], name, study.confidence),
        ]
    robustness += [
        *missing_table(tables["missing"], name, groups, context.options.smallest_count),
        *power_table(tables["power"], name),
    ]
    titled = (
        ("Comparison of the matched groups", "comparison", comparison),
        ("Groups and balance", "balance", balance),
        ("Sensitivity, subgroups and power", "sensitivity", robustness),
        ("Methods of this study", "methods", methods(study)),
    )
    return [
        Section(title, f"sec-study-{name}-{part}", blocks, level=2)
        for title, part, blocks in titled
        if blocks
    ]


def small_words(study: Study) -> str:
    """Why a small study's sensitivity and subgroups are not printed."""
    sets = quantity(int(study.summary["n_pairs"]), "matched set")
    return (
        f"With {sets} neither subgroups nor other choices of analysis can be told from chance: they are not "
        f"printed. Their numbers are in sensitivity.csv and subgroups.csv of the folder study/{study.name}."
    )


def verdict_blocks(study: Study) -> list[Block]:
    """Verdict and warnings."""
    summary = study.summary
    if not study.done:
        return [Paragraph([Strong("This study could not be done. "), str(summary.get("verdict", ""))])]
    blocks: list[Block] = [Paragraph([Strong("Verdict. "), str(summary.get("verdict", ""))])]
    warnings = [str(words) for words in summary.get("warnings") or []]
    if warnings:
        blocks += [Paragraph("Warnings:"), Bullets(warnings)]
    return blocks


def flow_diagram(context: Context, study: Study) -> FlowDiagram | None:
    """Flow of the study's subjects from ``flow.csv``: excluded rows, then who remains."""
    steps: list[FlowStep] = []
    pending: list[tuple[str, int]] = []
    smallest = context.options.smallest_count
    for row in study.tables["flow"].to_dict("records"):
        n, reason = int(row["n"]), str(row.get("reason") or "")
        if str(row.get("kind", "")) == "excluded" or (reason and not row.get("kind")):
            pending.append((reason, n))
            continue
        lost = [(words, k) for words, k in pending if k]
        if steps and lost:
            lines = [f"Left out: n = {hidden_count(sum(k for _, k in lost), smallest)}"]
            lines += [f"{reason_words(words)}: {hidden_count(k, smallest)}" for words, k in lost]
            steps[-1] = FlowStep(steps[-1].title, steps[-1].n, lines)
        pending = []
        title = str(row["step"])
        if reason:
            title = f"{title}, {reason}"
        steps.append(FlowStep(title[:1].upper() + title[1:], count(n)))
    if not steps:
        return None
    steps, idle = without_idle_steps(steps)
    return FlowDiagram(
        f"fig-study-{study.name}-flow",
        f"Flow of the subjects of the study {study.title}. Boxes on the right give the number left out on "
        f"the way from one step to the next, with reasons.{idle_words(idle)}",
        steps,
        "Flow of subjects: " + ", ".join(f"{step.title} {step.n}" for step in steps) + ".",
    )


def reason_words(reason: str) -> str:
    """A reason of the flow in words: the code that decided a status (``excluded: GAP``) with its meaning."""
    status, _, code = reason.partition(": ")
    return f"{finding_words(code)} ({code})" if status in set(Status) and code else reason


def published_of(context: Context, study: Study) -> dict[str, dict[str, Any]]:
    """Published comparison of the study by outcome; empty where none was asked for."""
    table = study.tables["published"]
    if not context.options.published_figures or "outcome" not in table:
        return {}
    return rows_by(table, "outcome")


def figure(
    context: Context, study: Study, name: str, caption: str, outcomes: Iterable[str] = ()
) -> list[Block]:
    """Figure of the study, where it was drawn, and of which outcomes."""
    source = study.folder / f"{name}.svg"
    if not source.is_file():
        return []
    target = f"study-{study.name}-{name}.svg"
    shutil.copyfile(source, context.figure_path(target))
    numbers = numbers_of(study, name)
    if len(numbers):
        context.keep_numbers(f"study-{study.name}-{name}", numbers)
    label = f"fig-study-{study.name}-{name}"
    description = f"{caption} The numbers are in the tables of this study."
    views = {view for outcome in outcomes for view in views_of(outcome)}
    return [Figure(label, caption, f"figures/{target}", description, views)]


def numbers_of(study: Study, name: str) -> pd.DataFrame:
    """Return what a figure of the study shows, as a table."""
    tables = study.tables
    if name == "love":
        return tables["balance"]
    if name == "overlap":
        return tables["scores"].reindex(columns=["propensity", "weight", "treatment"])
    if {"cohen_d", "difference"} <= set(tables["comparison"]) and "factor" in tables["subgroups"]:
        return standardised_rows(tables["comparison"], tables["subgroups"])
    return pd.DataFrame()


def methods(study: Study) -> list[Block]:
    """Sentences of ``methods.txt``, with the method's citations."""
    path = study.folder / "methods.txt"
    lines = [line.strip() for line in path.read_text().splitlines()] if path.is_file() else []
    points: list[Text] = [typographic(line) for line in lines if line]
    if not points:
        return []
    sources: Text = [
        "On propensity scores see Austin",
        Citation(("austin2011",)),
        ", on the algorithm Ho et al.",
        Citation(("ho2011",)),
        ".",
    ]
    return [Bullets([*points, sources])]


def typographic(words: str) -> str:
    """Comparisons and differences with the signs that are printed."""
    for typed, printed in ((">=", "≥"), ("<=", "≤"), (" - ", " − ")):
        words = words.replace(typed, printed)
    return words


def without_unvalidated(context: Context, marks: Marks) -> frozenset[str]:
    """Labels of the sections of studies that compare nothing that a network without validation measured."""
    labels = set()
    for study in read_studies(context):
        rests = any(marks.views & set(views_of(name)) for name in study.outcomes)
        if not rests or study.summary.get("source") not in marks.sources:
            labels.add(f"sec-study-{study.name}")
    return frozenset(labels)


def findings(context: Context) -> list[Text]:
    """Differences of each study for the first page: the first outcomes with their intervals."""
    items: list[Text] = []
    for study in read_studies(context):
        table = study.tables["comparison"]
        if not study.done or table.empty:
            items.append([Strong(f"{study.title}. "), str(study.summary.get("verdict", ""))])
            continue
        parts = []
        for row in table.head(MOST_ON_FIRST_PAGE).to_dict("records"):
            name = str(row["outcome"])
            low_high = interval(row.get("ci_low"), row.get("ci_high"), measure_digits(name))
            value = signed(row.get("difference"), measure_digits(name))
            parts.append(f"{BY_COLUMN[name].label} {value} {BY_COLUMN[name].unit} ({low_high})")
        n1, n0 = largest_n(rows_by(table, "outcome").values())
        more = len(table) - len(parts)
        items.append(
            [
                Strong(f"{study.title}. "),
                f"{study.exposure} minus {study.reference} ({count(n1)} and {count(n0)} matched subjects; "
                f"{ci(study.confidence)}): {listing(parts)}"
                + (f"; {quantity(more, 'further outcome')} in the section on it." if more else "."),
            ]
        )
    return items


def cautions(context: Context) -> list[Text]:
    """What not to believe of each study: groups that differ after matching, groups that are small."""
    items: list[Text] = []
    for study in read_studies(context):
        if not study.done:
            continue
        words = []
        balance = study.tables["balance"]
        threshold = float((study.summary.get("options") or {}).get("balance_threshold", 0.1))
        if study.summary.get("balanced") is False and "smd" in balance:
            after = balance[(balance["stage"] == "after") & (balance["smd"].abs() > threshold)]
            covariates = after.loc[after["covariate"] != "distance", "variable"].astype(str)
            names = dict.fromkeys(in_sentence(covariate_words(name)) for name in covariates)
            if names:
                words.append(f"the groups still differ in {listing(names)} after matching")
        power = study.tables["power"]
        if len(power) and is_defined(power["detectable_d"].max()):
            words.append(
                "a difference of less than "
                f"{number(power['detectable_d'].max(), 1)} standard deviations would mostly be missed"
            )
        if words:
            text = f"{listing(words)}."
            items.append([Strong(f"{study.title}. "), text[:1].upper() + text[1:]])
    return items
