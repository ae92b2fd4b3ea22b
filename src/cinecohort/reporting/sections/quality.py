"""Image and segmentation quality: findings by code with counts, and who is for review."""

import pandas as pd

from cinecohort.catalogue.findings import Code, finding_words
from cinecohort.catalogue.views import VIEW_NAMES
from cinecohort.reporting.document import (
    Absent,
    Block,
    Column,
    Inline,
    Paragraph,
    Reference,
    Section,
    Table,
)
from cinecohort.reporting.numbers import count, count_percent, hidden_count, listing, quantity
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.sections.methods import from_tables
from cinecohort.reporting.sections.reviewers import reviewer_paragraph
from cinecohort.reporting.vocabulary import STAGE_NAMES

LEVELS = {"error": "fault", "reject": "not used", "review": "for review", "info": "note"}
MOST_LISTED = 200
"""Subjects whose keys are listed, where that was asked for."""


def section(context: Context) -> Section:
    """Findings by code, the outcome of the checks, and the subjects for review."""
    results = context.results
    blocks: list[Block] = []
    stages = stage_table(context)
    if stages:
        blocks.append(stages)
    title = "Findings" if from_tables(results.config) else "Image and segmentation quality"
    if results.findings.empty and not stages:
        return Section(title, "sec-quality", [Absent("No stage had anything to note on any subject.")])
    if results.findings.empty:
        blocks.append(Paragraph("No stage had anything to note on any subject."))
    else:
        blocks.append(findings_table(context))
    blocks.append(review_paragraph(context))
    blocks += [each for each in (corrected_paragraph(context), reviewer_paragraph(context)) if each]
    listed = review_list(context)
    if listed:
        blocks.append(listed)
    return Section(title, "sec-quality", blocks)


def stage_table(context: Context) -> Table | None:
    """How many subjects each check passed, flagged and excluded."""
    quality = context.results.quality
    if quality.empty:
        return None
    rows = []
    for stage, table in quality.groupby("stage", sort=False):
        n = len(table)
        counts = [int((table["status"] == status).sum()) for status in ("ok", "review", "excluded", "error")]
        name = STAGE_NAMES.get(str(stage), str(stage).replace("_", " "))
        rows.append([name, count(n), *(count_percent(value, n, 0) for value in counts)])
    return Table(
        "tab-checks",
        "Outcome of the quality checks; each is made on the subjects that reached it.",
        [
            Column("Checks", "left"),
            Column("n"),
            Column("Passed, n (%)"),
            Column("For review, n (%)"),
            Column("Excluded, n (%)"),
            Column("Fault, n (%)"),
        ],
        rows,
    )


def findings_table(context: Context) -> Table:
    """Findings by stage, code and level: number of subjects, of findings, and the views concerned."""
    findings, smallest = context.results.findings, context.options.smallest_count
    order = {level: rank for rank, level in enumerate(LEVELS)}
    summary = (
        findings.groupby(["stage", "code", "level"], sort=False)
        .agg(
            subjects=("subject", "nunique"),
            n=("subject", "size"),
            views=("view", lambda v: sorted(set(v) - {""})),
        )
        .reset_index()
    )
    stages = list(STAGE_NAMES)
    summary["stage_rank"] = summary["stage"].map(lambda s: stages.index(s) if s in stages else len(stages))
    summary["level_rank"] = summary["level"].map(lambda level: order.get(level, len(order)))
    summary = summary.sort_values(
        ["stage_rank", "level_rank", "subjects"], ascending=[True, True, False], kind="stable"
    )
    rows: list[list[str] | str] = []
    stage = None
    for row in summary.to_dict("records"):
        if row["stage"] != stage:
            stage = row["stage"]
            rows.append(STAGE_NAMES.get(str(stage), str(stage).replace("_", " ")))
        views = ", ".join(VIEW_NAMES.get(str(view), str(view)) for view in row["views"])
        rows.append(
            [
                str(row["code"]),
                finding_words(str(row["code"])),
                LEVELS.get(str(row["level"]), str(row["level"])),
                views,
                hidden_count(int(row["subjects"]), smallest),
                hidden_count(int(row["n"]), smallest),
            ]
        )
    return Table(
        "tab-findings",
        f"Findings of every stage on the {quantity(context.results.n_received, 'subject')} received.",
        [
            Column("Code", "left"),
            Column("Meaning", "left", "share"),
            Column("Consequence", "left"),
            Column("Views", "left", "share"),
            Column("Subjects"),
            Column("Findings"),
        ],
        rows,
        notes="For review: kept and flagged. Not used: the view, or the subject, is left out. "
        "Note: no consequence. One subject may have several findings.",
    )


def review_paragraph(context: Context) -> Paragraph:
    """How many subjects are for review and why, most frequent first."""
    results = context.results
    flagged = results.flagged
    if not flagged:
        return Paragraph("No analysed subject is flagged for review.")
    findings = results.findings
    relevant = findings[findings["subject"].isin(flagged) & findings["level"].isin(["review", "reject"])]
    codes = relevant.groupby("code")["subject"].nunique().sort_values(ascending=False, kind="stable").head(4)
    smallest = context.options.smallest_count
    reasons = listing(
        f"{finding_words(str(code))} ({hidden_count(int(n), smallest)})" for code, n in codes.items()
    )
    verb = "is" if len(flagged) == 1 else "are"
    text = (
        f"{quantity(len(flagged), 'analysed subject')} {verb} flagged for review and kept in every analysis"
    )
    text += f"; the most frequent reasons are: {reasons}." if reasons else "."
    if not context.options.list_subjects:
        text += " Their keys are in the table of findings in the results folder and are not printed here."
    return Paragraph(text)


def corrected_paragraph(context: Context) -> Paragraph | None:
    """How many subjects' label maps a person corrected, and how many corrections could not be used."""
    findings, smallest = context.results.findings, context.options.smallest_count
    corrected, unusable = (
        int(findings.loc[findings["code"] == code, "subject"].nunique())
        for code in (Code.CORRECTED, Code.CORRECTION_UNUSABLE)
    )
    if not corrected and not unusable:
        return None
    text = (
        f"Subjects measured on a label map that a person corrected: {hidden_count(corrected, smallest)}. "
        "They are marked in the table of measures and take no part in the agreement with observers."
    )
    if unusable:
        text += (
            f" Subjects with a correction that could not be used: {hidden_count(unusable, smallest)}; the "
            "network's label map stands, and they are flagged."
        )
    return Paragraph(text)


def review_list(context: Context) -> Table | None:
    """Keys of the subjects for review with their codes, where the options ask for it."""
    results = context.results
    if not context.options.list_subjects or not results.flagged:
        return None
    findings = results.findings
    relevant = findings[
        findings["subject"].isin(results.flagged) & findings["level"].isin(["review", "reject"])
    ]
    codes: pd.Series = relevant.groupby("subject")["code"].agg(lambda c: ", ".join(dict.fromkeys(c)))
    subjects = sorted(results.flagged)
    shown = subjects[:MOST_LISTED]
    more = len(subjects) - len(shown)
    notes: list[Inline] = []
    if len(findings):
        notes = ["Codes are explained in ", Reference("tab-findings"), "."]
    if more:
        notes.append(f" {quantity(more, 'further subject').capitalize()} not listed.")
    return Table(
        "tab-review",
        "Subjects for review.",
        [Column("Subject", "left"), Column("Codes", "left", "share")],
        [[key, str(codes.get(key, "see the table of statuses"))] for key in shown],
        notes=notes,
    )
