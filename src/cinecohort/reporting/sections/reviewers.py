"""What people said of segmentations: agreement of reviewers, and the blinded assessment (Bai 2018)."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cinecohort.reporting.document import Block, Citation, Column, Inline, Paragraph, Table
from cinecohort.reporting.numbers import count, interval, is_defined, listing, number, percent, quantity
from cinecohort.reporting.results import read_table
from cinecohort.reporting.sections.context import Context
from cinecohort.statistics.published_tables import load

REGION_WORDS = {"basal": "Basal", "mid": "Mid-ventricular", "apical": "Apical"}
SCORE_HEADINGS = {
    "same": "Agreement",
    "better": "Automatic better",
    "worse": "Manual better",
    "not_sure": "Not sure",
}
"""Column of the assessment to the heading of Bai 2018, Table 4."""
PUBLISHED = ("agreement_pct", "automatic_better_pct", "manual_better_pct", "not_sure_pct")


def reviewer_paragraph(context: Context) -> Paragraph | None:
    """Weighted kappa of every two reviewers of the review room; None where there are not two."""
    columns = ("first", "second", "weights", "n", "n_same", "kappa", "ci_low", "ci_high")
    table = read_table(context.results.folder / "agreement" / "reviewers.csv", columns)
    sentences = []
    for (first, second), rows in table.groupby(["first", "second"], sort=False):
        n, same = int(rows["n"].iloc[0]), int(rows["n_same"].iloc[0])
        if not n:
            sentences.append(f"{first} and {second} judged no subject both.")
            continue
        values = listing(
            f"{kappa_text(row)} with {row['weights']} weights" for row in rows.to_dict("records")
        )
        sentences.append(
            f"{first} and {second} both judged {quantity(n, 'subject')} and gave {percent(same, n, 0)} the "
            f"same verdict; Cohen's weighted kappa (accept, unsure, reject) is {values}."
        )
    return Paragraph(" ".join(["Reviewers:", *sentences])) if sentences else None


def kappa_text(row: Mapping[Any, object]) -> str:
    """Kappa with its interval; words where it is not defined."""
    if not is_defined(row["kappa"]):
        return "not defined"
    return f"{number(row['kappa'], 2)} (95 % CI {interval(row['ci_low'], row['ci_high'], 2)})"


def assessment_blocks(context: Context) -> list[Block]:
    """The table of the blinded assessment laid out as Bai 2018, Table 4; empty without scores."""
    folder = context.results.folder / "agreement"
    columns = ("analyst", "region", *SCORE_HEADINGS, "n", "n_ignored", "simulated")
    table = read_table(folder / "visual_assessment.csv", columns)
    if table.empty:
        return []
    rows: list[list[str] | str] = []
    for analyst, part in table.groupby("analyst", sort=False):
        made_up = part["simulated"].astype(str).str.lower().eq("true").any()
        rows.append(f"{analyst}, simulated: made-up scores" if made_up else str(analyst))
        for row in part.to_dict("records"):
            shares = [percent(int(row[name]), int(row["n"])) for name in SCORE_HEADINGS]
            rows.append([REGION_WORDS[str(row["region"])], *shares, count(row["n"])])
    theirs: list[int] = []
    notes: list[Inline] = [
        "Analysts saw both contours side by side, in random order and without names. Agreement: both are "
        "visually close to each other. "
    ]
    if context.options.published_figures:
        for analyst, part in load("bai2018_table4").groupby("analyst", sort=False):
            theirs.append(len(rows))
            rows.append(f"{analyst}, Bai et al., published")
            for row in part.to_dict("records"):
                theirs.append(len(rows))
                shares = [f"{number(row[name], 1)} %" for name in PUBLISHED]
                rows.append([REGION_WORDS[str(row["position"])], *shares, count(row["n"])])
        notes += ["Published figures: Bai et al.", Citation(("bai2018",)), ", Table 4."]
    if table["simulated"].astype(str).str.lower().eq("true").any():
        notes.append(
            " Simulated analysts have seen no picture: their scores are drawn at random with the published "
            "frequencies."
        )
    made = Table(
        "tab-visual-assessment",
        "Qualitative visual assessment of the first network's short-axis contours against an observer's.",
        [Column("Analyst and slices", "left"), *map(Column, SCORE_HEADINGS.values()), Column("n")],
        rows,
        notes=notes,
        published_rows=tuple(theirs),
    )
    return [made, *analyst_agreement(context), *ignored(table)]


def analyst_agreement(context: Context) -> list[Block]:
    """Cohen's kappa of every two analysts by region."""
    columns = ("first", "second", "region", "n", "kappa", "ci_low", "ci_high")
    table = read_table(context.results.folder / "agreement" / "visual_assessment_agreement.csv", columns)
    sentences = []
    for (first, second), rows in table[table["n"] > 0].groupby(["first", "second"], sort=False):
        parts = [
            f"{REGION_WORDS[str(row['region'])].lower()} {kappa_text(row)}, n = {count(row['n'])}"
            for row in rows.to_dict("records")
        ]
        sentences.append(f"Cohen's kappa of {first} and {second} (four categories without order): ")
        sentences[-1] += f"{'; '.join(parts)}."
    return [Paragraph(" ".join(sentences))] if sentences else []


def ignored(table: pd.DataFrame) -> list[Block]:
    """How many scores do not count."""
    n = int(table["n_ignored"].sum())
    if not n:
        return []
    verb = "is" if n == 1 else "are"
    why = f"{verb} about cases outside the sample, or about contours that have changed since"
    return [Paragraph(f"{quantity(n, 'score').capitalize()} {why}, and {verb} not counted.")]
