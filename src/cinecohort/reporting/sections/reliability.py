"""Reliability between observers, and whether the automatic method stands among them."""

import pandas as pd

from cinecohort.catalogue.measures import PRINTED, measure_digits
from cinecohort.catalogue.views import STRUCTURE_NAMES, VIEW_SHORT
from cinecohort.model_sets import PRIMARY
from cinecohort.reporting.document import (
    Absent,
    Block,
    Citation,
    Column,
    Inline,
    Named,
    Paragraph,
    Section,
    Table,
)
from cinecohort.reporting.numbers import UNDEFINED, ci, count, interval, is_defined, number, p_value
from cinecohort.reporting.results import Row, read_table, rows_by
from cinecohort.reporting.sections.agreement_tables import measure_name
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.sections.methods import from_tables
from cinecohort.reporting.vocabulary import named_measure, named_structure

SINGLE_AGREEMENT = "ICC(A,1)"
MOST_PANELS = 3
TEST_WORDS = {
    "absolute difference": "Mean absolute difference",
    "bias": "Bias",
    "overlap": "Segmentation",
}
METRIC_WORDS = {"1 - dice": "1 − Dice", "mcd_mm": "contour distance (mm)", "hd_mm": "Hausdorff distance (mm)"}


def section(context: Context) -> Section:
    """Intraclass correlation and the equivalence tests; sentences where there are not enough raters."""
    folder = context.results.folder / "agreement"
    table = read_table(folder / "reliability.csv", ("measure", "raters", "kind", "type", "icc"))
    blocks: list[Block] = []
    human = table[table["kind"] == "observers"]
    printed = reliability_table(context, table)
    if human.empty:
        blocks.append(
            Absent(
                "There are not two observers of the same subjects, so reliability between humans cannot be "
                "given"
                + (
                    "; what follows takes the automatic method and an observer for two raters."
                    if printed
                    else "."
                )
            )
        )
    blocks.extend(printed)
    blocks.extend(equivalence_blocks(context))
    return Section("Reliability between observers", "sec-reliability", blocks)


def reliability_table(context: Context, table: pd.DataFrame) -> list[Block]:
    """ICC(A,1) with interval, SEM, smallest detectable change and CV, by panel of raters."""
    single = table[(table["type"] == SINGLE_AGREEMENT) & table["measure"].isin(list(PRINTED))]
    single = single[single["measure"] != "heart_rate_bpm"]
    if len(single):
        single = single[pd.to_numeric(single["n_subjects"]) > 1]
    primary = next(iter(context.results.automatic_sources()), "")
    rank = {"observers": 0, "with automatic": 1, "automatic and observer": 2, "pair": 3}
    panels = single[["kind", "raters"]].drop_duplicates()
    of_primary = panels["raters"].str.split("+").map(lambda raters: primary in raters)
    panels = panels[of_primary | panels["kind"].isin(["observers", "pair"])]
    panels = panels.assign(rank=panels["kind"].map(rank)).sort_values("rank", kind="stable").head(MOST_PANELS)
    rows: list[list[str] | str] = []
    for panel in panels.to_dict("records"):
        chosen = single[(single["kind"] == panel["kind"]) & (single["raters"] == panel["raters"])]
        known = rows_by(chosen, "measure")
        rows.append(f"Raters: {str(panel['raters']).replace('+', ', ')}")
        human = not set(str(panel["raters"]).split("+")) & set(context.results.automatic_sources())
        for measure in PRINTED:
            if measure in known:
                rows.append(reliability_row(measure_name(measure, human), measure, known[measure]))
    if not any(not isinstance(row, str) for row in rows):
        return []
    notes: list[Inline] = [
        "ICC(A,1): two-way random effects, absolute agreement, single rater",
        Citation(("mcgraw1996",)),
        ". SEM: standard error of measurement with the raters' variance; MDC95 = 1.96 √2 SEM; CV: "
        "coefficient of variation within subjects. All six forms of the ICC, and further panels of raters, "
        "are in reliability.csv. A negative ICC says that raters differ more in a subject than subjects "
        "differ, and is read as 0.",
    ]
    return [
        Table(
            "tab-reliability",
            "Reliability of single measurements"
            + ("." if from_tables(context.results.config) else ", each source at its own ED and ES frames."),
            [
                Column("Measure", "left"),
                Column("Subjects"),
                Column("Raters"),
                Column("ICC(A,1)"),
                Column(ci(context.results.confidence)),
                Column("SEM"),
                Column("MDC95"),
                Column("CV (%)"),
            ],
            rows,
            notes=notes,
        )
    ]


def reliability_row(name: str, measure: str, row: Row) -> list[str]:
    """Cells of one measure."""
    digits = measure_digits(measure)
    return [
        name,
        count(row.get("n_subjects")),
        count(row.get("n_raters")),
        number(row.get("icc"), 3),
        interval(row.get("ci_low"), row.get("ci_high"), 3),
        number(row.get("sem"), digits),
        number(row.get("mdc95"), digits),
        number(row.get("within_subject_cv_pct"), 1),
    ]


def equivalence_blocks(context: Context) -> list[Block]:
    """Is the difference between computer and human within that between humans? As a test with a margin."""
    table = read_table(
        context.results.folder / "agreement" / "equivalence.csv", ("quantity", "source", "test", "estimate")
    )
    primary = next(iter(context.results.automatic_sources()), "")
    table = table[table["source"] == primary]
    rows: list[list[str] | str] = []
    verdicts = []
    for test, part in table.groupby("test", sort=False):
        rows.append(TEST_WORDS.get(str(test), str(test)))
        for row in part.to_dict("records"):
            shown, digits = quantity_words(str(row["quantity"]))
            if not is_defined(row["estimate"]):
                continue
            tested = is_defined(row.get("p"))
            equivalent = str(row.get("equivalent")).lower() == "true"
            verdicts += [equivalent] if tested else []
            rows.append(
                [
                    shown,
                    count(row.get("n_computer")),
                    f"{number(row['estimate'], digits)} "
                    f"({interval(row.get('ci_low'), row.get('ci_high'), digits)})",
                    number(row.get("human_human_mean"), digits),
                    number(row.get("margin"), digits),
                    p_value(row.get("p")),
                    "not tested" if not tested else "yes" if equivalent else "not shown",
                ]
            )
    if not verdicts:
        return []
    alpha = float((context.results.config.get("agreement") or {}).get("equivalence_alpha", 0.05))
    method = "The automatic method" if primary == PRIMARY else f"The network {primary}"
    return [
        Paragraph(
            f"Whether {method[:1].lower()}{method[1:]} differs from the observers no more than they differ "
            f"from each other was tested with one-sided tests at the level {alpha:g} against a margin: the "
            "upper confidence bound of the difference between humans, or one that was set. It was shown in "
            f"{count(sum(verdicts))} of {count(len(verdicts))} tests; where it was not shown, a difference "
            "has not been shown either."
        ),
        Table(
            "tab-equivalence",
            f"{method} as a further observer: tests of equivalence.",
            [
                Column("Quantity", "left"),
                Column("n"),
                Column(f"Computer–human ({number(100 * (1 - 2 * alpha), 0)} % CI)"),
                Column("Human–human"),
                Column("Margin"),
                Column("p"),
                Column("Within margin", "left"),
            ],
            rows,
            notes="p is that of the hypothesis that the difference reaches the margin.",
        ),
    ]


def quantity_words(quantity: str) -> tuple[str, int]:
    """Words and digits of a tested quantity: a measure, or view, structure and metric."""
    if quantity in PRINTED:
        return named_measure(quantity), measure_digits(quantity)
    view, _, rest = quantity.partition(" ")
    structure, _, metric = rest.partition(" ")
    if view in VIEW_SHORT and structure in STRUCTURE_NAMES:
        words = f"{named_structure(structure, view)}, {METRIC_WORDS.get(metric, metric)}"
        return Named(words, [view]), 3 if "dice" in metric else 2
    return quantity or UNDEFINED, 2
