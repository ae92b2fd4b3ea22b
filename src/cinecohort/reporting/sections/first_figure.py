"""The picture of the first page: an example of the segmentation, else the main result."""

import pandas as pd

from cinecohort.catalogue.measures import measure_digits, views_of
from cinecohort.reporting.agreement_figures import BESIDE, write_agreement_figure
from cinecohort.reporting.document import Block, Figure
from cinecohort.reporting.example_figure import COLOUR_WORDS, draw_example
from cinecohort.reporting.numbers import ci
from cinecohort.reporting.results import Row, read_table, rows_by
from cinecohort.reporting.sections.agreement import FEWEST_DRAWN, ordered, read_agreement
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.sections.study import read_studies
from cinecohort.reporting.sections.study_tables import difference
from cinecohort.reporting.study_figures import forest_plot, standardised_rows
from cinecohort.reporting.vocabulary import contours_of

MOST_ROWS = 3
"""Measures whose agreement is drawn on the first page."""


def first_figure(context: Context) -> list[Block]:
    """One figure; none where there are neither images nor results."""
    return example(context) or study_result(context) or agreement_result(context)


def example(context: Context) -> list[Block]:
    """Picture of a subject in the middle of the cohort; nothing where there are no images."""
    shown = draw_example(context.results, context.figure_path("example.svg"))
    if shown is None:
        return []
    over_time = ", and the volumes over the cycle" if shown.curves else ""
    who = shown.subject if context.options.list_subjects else "one subject"
    return [
        Figure(
            "fig-example",
            f"Short-axis slices of {who} at end-diastole (ED) and end-systole (ES), base to apex from left "
            f"to right{over_time}. {contours_of(shown.source)}: {COLOUR_WORDS}. Shown "
            "is the subject whose LVEDV is nearest to the median, of those without a flag if there are any.",
            "figures/example.svg",
            f"Short-axis slices with contours at two phases{over_time}.",
            views=("sa",),
        )
    ]


def study_result(context: Context) -> list[Block]:
    """Differences of the first study that was done, in standard deviations, with their values beside."""
    for study in read_studies(context):
        table = study.tables["comparison"]
        if not study.done or not {"cohen_d", "cohen_d_ci_low", "difference"} <= set(table):
            continue
        rows = standardised_rows(table, pd.DataFrame(columns=["outcome"]))
        rows["note"] = [
            difference(row["difference"], row["ci_low"], row["ci_high"], measure_digits(str(row["outcome"])))
            for row in table.to_dict("records")
        ]
        forest_plot(rows, context.figure_path("main-result.svg"), row_inches=0.32)
        context.keep_numbers("main-result", rows)
        return [
            Figure(
                "fig-main-result",
                f"{study.title}: {study.exposure} minus {study.reference} after matching, over the pooled "
                f"standard deviation, with {100 * study.confidence:g} % intervals. Beside each line the "
                f"difference ({ci(study.confidence)}) in the unit of the measure.",
                "figures/main-result.svg",
                "Forest plot of the differences between the matched groups; the numbers are in the section "
                "on the study.",
                {view for name in table["outcome"] for view in views_of(str(name))},
            )
        ]
    return []


def agreement_result(context: Context) -> list[Block]:
    """Bland-Altman plots of the main comparison."""
    tables = read_agreement(context)
    main, _ = ordered(tables.comparisons)
    if not main or main[0].n < FEWEST_DRAWN:
        return []
    shown = main[0]
    points = read_table(context.results.folder / "agreement" / shown.folder / "points.csv")
    limits = rows_by(tables.of(tables.limits, shown), "measure", "outliers")
    rows: dict[str, Row] = {
        name: limits[name, "kept"]
        for name in BESIDE
        if f"{name}_first" in points and (name, "kept") in limits
    }
    rows = dict(list(rows.items())[:MOST_ROWS])
    if not rows:
        return []
    names = (shown.first, shown.second)
    write_agreement_figure(points, rows, names, tables.confidence, context.figure_path("main-result.svg"))
    return [
        Figure(
            "fig-main-result",
            f"Agreement of {shown.title}. Left: difference ({shown.first} − {shown.second}) against mean of "
            f"both; beside each line its value and {ci(tables.confidence)}. Right: {shown.first} against "
            f"{shown.second}. Points are subjects.",
            "figures/main-result.svg",
            "Bland-Altman plots and scatter plots; the numbers are in the section on agreement.",
            {view for name in rows for view in views_of(name)} if not shown.human else (),
        )
    ]
