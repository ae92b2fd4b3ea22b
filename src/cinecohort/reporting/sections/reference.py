"""Measures against the ranges of healthy people: z-scores, how many lie outside, and why some have none."""

import pandas as pd

from cinecohort.catalogue.measures import measure_digits, measure_label, views_of
from cinecohort.measures.reference_ranges import (
    LIMITS_SD,
    Reference,
    ReferenceRange,
    Z,
    reasons_counted,
    reference_used,
)
from cinecohort.reporting.document import Block, Column, Figure, Paragraph, Table
from cinecohort.reporting.numbers import count_percent, hidden_count, listing, mean_sd, number
from cinecohort.reporting.reference_figures import SEXES, draw_reference, sexes_in
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.vocabulary import named_measure, taken


def reference_blocks(context: Context, table: pd.DataFrame, sources: list[str]) -> list[Block]:
    """The primary source's measures against the ranges that the run used; nothing where there are none.

    Parameters
    ----------
    context
        The report's inputs.
    table
        Measures of analysed subjects, each source at its own frames.
    sources
        Their sources, the primary one first.
    """
    reference = reference_used(context.results.folder / "cohort")
    people = context.results.participants
    primary = table[table["source"] == sources[0]]
    measures = [
        name
        for name in reference.measures
        if f"{name}{Z}" in primary and pd.to_numeric(primary[name], errors="coerce").notna().any()
    ]
    if not measures or "z_missing" not in primary:
        return []
    rows = primary.merge(people[["subject", "sex", "age_years"]], on="subject", how="left")
    scored = [name for name in measures if rows[f"{name}{Z}"].notna().any()]
    if not scored:
        why = "; ".join(without_score(context, rows))
        return [Paragraph(f"Measures could not be compared with those of healthy people: {why}.")]
    blocks: list[Block] = [z_table(context, rows, measures, reference, sources[0])]
    if scored:
        draw_reference(rows, scored, reference, context.figure_path("reference.svg"))
        blocks.append(
            Figure(
                "fig-reference",
                f"Measures {taken(sources[0])} against healthy people of the same sex and age. Bands: mean ± "
                "1.96 SD of the healthy (95 % of them), over the ages of the source; line: their mean. "
                "Points: subjects (an even sample where there are more than 400), grey where no range holds. "
                f"{sources_of(scored, reference)}",
                "figures/reference.svg",
                f"Scatter plots of {listing(measure_label(name) for name in scored)} against age in women "
                "and men, with the range of healthy people as a band; numbers are in the table of z-scores.",
                views={view for name in scored for view in views_of(name)},
            )
        )
    return blocks


def sources_of(measures: list[str], reference: Reference) -> str:
    """Where the ranges of these measures were read."""
    named = dict.fromkeys(each.source for name in measures for each in reference.of(name))
    return f"Ranges: {'; '.join(named)}."


def z_table(
    context: Context, rows: pd.DataFrame, measures: list[str], reference: Reference, source: str
) -> Table:
    """One row per measure and sex: the range, z-scores, who lies outside; then who has none and why."""
    lines: list[list[str] | str] = []
    for name in measures:
        for sex in sexes_in(rows):
            bands = [each for each in reference.of(name) if each.sex == sex]
            if bands:
                scores = rows.loc[rows["sex"] == sex, f"{name}{Z}"].dropna()
                lines.append(
                    [
                        named_measure(name),
                        SEXES[sex][0],
                        range_words(name, bands),
                        *score_cells(context, scores),
                    ]
                )
    left_out = without_score(context, rows)
    return Table(
        "tab-reference",
        f"Measures {taken(source)} against healthy people: z-scores, by measure and sex.",
        [
            *(Column("Measure", "left"), Column("Sex", "left"), Column("Healthy: mean (SD)")),
            *(Column("n"), Column("z: mean (SD)"), Column("below range"), Column("above range")),
        ],
        lines,
        notes="z-score: SDs above the mean of healthy people of the same sex and age; below and above: "
        f"outside mean ± 1.96 SD. {sources_of(measures, reference)} Those compared need not be like them "
        f"in ancestry or scanner. {'Without z-score: ' + '; '.join(left_out) + '.' if left_out else ''}",
    )


def without_score(context: Context, rows: pd.DataFrame) -> list[str]:
    """Why subjects have no z-score of a measure, with their number."""
    return [
        f"{measure_label(name)}: {reason} ({hidden_count(n, context.hidden(n))})"
        for (name, reason), n in sorted(reasons_counted(rows["z_missing"]).items())
    ]


def range_words(measure: str, bands: list[ReferenceRange]) -> str:
    """Mean (SD) of the healthy with their ages; of several age groups, how many."""
    if len(bands) > 1:
        return f"{len(bands)} age groups"
    (band,) = bands
    digits = max(measure_digits(measure) - 1, 0) if band.mean % 1 == 0 and band.sd % 1 == 0 else 1
    return f"{mean_sd(band.mean, band.sd, digits)}, {band.age_from} to {band.age_to} years"


def score_cells(context: Context, scores: pd.Series) -> list[str]:
    """Count, mean (SD) and how many lie outside the range, of z-scores."""
    n = len(scores)
    smallest = context.hidden(n)
    outside = [int((scores < -LIMITS_SD).sum()), int((scores > LIMITS_SD).sum())]
    return [
        hidden_count(n, smallest),
        mean_sd(scores.mean(), scores.std(ddof=1), 2) if n else number(None),
        *(count_percent(each, n, smallest) if n else number(None) for each in outside),
    ]
