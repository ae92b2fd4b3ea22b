"""Agreement of methods and observers: what was compared, its tables and its figures."""

import shutil
from collections.abc import Iterable
from dataclasses import replace

from cinecohort.catalogue.measures import COMPARED, PRINTED, Show, columns_shown, views_of
from cinecohort.catalogue.views import VIEW_NAMES
from cinecohort.reporting import published
from cinecohort.reporting.agreement_figures import BESIDE, write_agreement_figure
from cinecohort.reporting.document import (
    Absent,
    Block,
    Bullets,
    Figure,
    Paragraph,
    Section,
    Strong,
    Text,
)
from cinecohort.reporting.numbers import (
    UNDEFINED,
    ci,
    count,
    hidden_count,
    interval,
    is_defined,
    listing,
    quantity,
    signed,
)
from cinecohort.reporting.results import Row, read_table, rows_by
from cinecohort.reporting.sections import overlap, reviewers
from cinecohort.reporting.sections.agreement_tables import (
    AgreementTables,
    Comparison,
    correlation_table,
    dataset_differences,
    difference_table,
    limits_table,
)
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.tidy import in_parts
from cinecohort.reporting.vocabulary import in_capital

MOST_COLUMNS = 5
FEWEST_PRINTED = 2
"""Subjects below which a comparison is not printed: the difference of one has no spread."""
FEWEST_DRAWN = 3
"""Pairs of values below which there is no Bland-Altman plot, nor a line on the first page."""
MOST_DETAILED = 3
"""Comparisons that get rows in the tables of limits and correlation; all are in the results folder."""
WIDEST_GRID = 4
"""Columns of plots that can be read on a page."""
KINDS = {
    "automatic-observer": "of an automatic method with an observer",
    "automatic-mean": "of an automatic method with the mean of the observers",
    "observer-observer": "between observers",
}


def section(context: Context) -> list[Section]:
    """Agreement of measures, then of segmentations."""
    tables = read_agreement(context)
    blocks = measure_blocks(context, tables.printed(FEWEST_PRINTED))
    words = introduction(context, tables)
    first = Paragraph(words) if tables.comparisons else Absent(words)
    parts = [Section("Agreement", "sec-agreement", [first])]
    if blocks:
        parts.append(Section("Clinical measures", "sec-agreement-measures", blocks, level=2))
    parts[0].blocks.extend(left_out(context))
    overlap_blocks = overlap.overlap_blocks(context)
    title = "Overlap and distances of segmentations"
    parts.append(Section(title, "sec-agreement-overlap", overlap_blocks, level=2))
    seen = reviewers.assessment_blocks(context)
    if seen:
        parts.append(Section("Qualitative visual assessment", "sec-visual-assessment", seen, level=2))
    return parts


def left_out(context: Context) -> list[Block]:
    """What took no part: by networks not validated on labelled real hearts, or of corrected label maps."""
    items: list[Text] = trained_on(context)
    columns = ("source", "what", "n", "reason")
    table = read_table(context.results.folder / "agreement" / "left_out.csv", columns)
    for (source, reason), part in table.groupby(["source", "reason"], sort=False):
        words = [PRINTED[name].label for name in part["what"] if name in PRINTED]
        words += [overlap_words(name) for name in part["what"] if name.startswith("overlap ")]
        if words:
            n = hidden_count(int(part["n"].max()), context.options.smallest_count)
            items.append(f"{in_capital(str(source))}: {listing(words)} (subjects: {n}); {reason}.")
    return [Paragraph("Left out of agreement:"), Bullets(items)] if items else []


def trained_on(context: Context) -> list[Text]:
    """Subjects that a network's training saw: they would make it look better than it is."""
    folder = context.results.folder / "agreement"
    table = read_table(folder / "seen_in_training.csv", ("model", "n"))
    smallest = context.options.smallest_count
    return [
        f"{in_capital(str(row['model']))}: {hidden_count(int(row['n']), smallest)} of the subjects, since "
        "its training saw them."
        for row in table.to_dict("records")
    ]


def overlap_words(what: str) -> str:
    """Words of ``overlap la_2ch``."""
    view = what.removeprefix("overlap ")
    return f"overlap in the {VIEW_NAMES.get(view, view)} view"


def read_agreement(context: Context) -> AgreementTables:
    """Read the tables of ``agreement/``; empty ones where they are not there."""
    folder = context.results.folder / "agreement"
    columns = ("folder", "dataset", "kind", "first", "second", "frames", "primary", "n", "measure")
    comparisons, differences, limits, correlation = (
        read_table(folder / f"{name}.csv", columns)
        for name in ("comparisons", "all_differences", "all_bland_altman", "all_correlation")
    )
    together = comparisons[comparisons["dataset"] == ""]
    found = [Comparison.of(row) for row in rows_by(together, "folder").values()]
    titled = any(each.frames not in ("", "own") for each in found)
    return AgreementTables(
        [replace(each, titled=titled) for each in found],
        differences,
        limits,
        correlation,
        context.results.confidence,
    )


def introduction(context: Context, tables: AgreementTables) -> str:
    """Say what was compared with what."""
    if not tables.comparisons:
        if not (context.results.folder / "agreement" / "comparisons.csv").is_file():
            return "The results folder holds no tables of agreement; run the workflow to its end."
        if not context.results.observers():
            return (
                "No human observer's contours came with this cohort, so the agreement of automatic and human "
                "measures cannot be given."
            )
        return "No two sources measured a subject in common, so there is no agreement of measures to report."
    parts = []
    for kind, words in KINDS.items():
        n = sum(comparison.kind == kind for comparison in tables.comparisons)
        if n:
            parts.append(f"{count(n)} {words}")
    text = f"Comparisons were made as follows: {listing(parts)}. A − B is the difference, relative to B. "
    if not any(comparison.kind == "observer-observer" for comparison in tables.comparisons):
        text += (
            "There are not two observers of the same subjects, so the difference between humans is not "
            "known here. "
        )
    if any(comparison.frames not in ("", "own") for comparison in tables.comparisons):
        text += (
            "Automatic measures are taken at the observer's ED and ES frames unless a column says own "
            "frames. "
        )
    few = sum(comparison.n < FEWEST_PRINTED for comparison in tables.comparisons)
    if few == len(tables.comparisons):
        return (
            f"{text}Each is of one subject, so nothing is printed; the numbers are in the folder agreement."
        )
    if few:
        text += f"Not printed, since they are of one subject: {count(few)} of them. "
    return text + (
        "Every comparison, with the figures of each measure, is in the folder agreement of the results."
    )


def ordered(comparisons: list[Comparison]) -> tuple[list[Comparison], list[Comparison]]:
    """Comparisons of the main tables, and the others.

    The main ones are the primary model against each observer (at the observer's frames, where these were
    measured) and the pairs of observers.
    """
    main: list[Comparison] = []
    others: list[Comparison] = []
    seen: set[tuple[str, str]] = set()
    for comparison in comparisons:
        pair = (comparison.first, comparison.second)
        automatic = comparison.kind == "automatic-observer" and comparison.primary and pair not in seen
        seen.add(pair)
        (main if automatic or comparison.kind == "observer-observer" else others).append(comparison)
    return main, others


def measure_blocks(context: Context, tables: AgreementTables) -> list[Block]:
    """Tables and figures of the agreement of measures."""
    main, others = ordered(tables.comparisons)
    blocks: list[Block] = []
    for between, caption in ((False, ", automatic and human"), (True, ", between observers")):
        chosen = [one for one in main if (one.kind == "observer-observer") == between]
        theirs = published.differences(between) if context.options.published_figures else published.NOTHING
        for index, part in enumerate(in_parts(chosen, MOST_COLUMNS)):
            label = f"tab-differences-{'observers' if between else 'automatic'}-{index + 1}"
            blocks += difference_table(tables, part, label, caption, published.NOTHING if index else theirs)
    for index, part in enumerate(in_parts(others, MOST_COLUMNS)):
        label = f"tab-differences-more-{index + 1}"
        blocks += difference_table(tables, part, label, ", further comparisons")
    blocks += dataset_differences(tables, main)
    detailed = main[:MOST_DETAILED]
    blocks += limits_table(tables, detailed)
    own = agreement_figures(context, tables, detailed[0]) if detailed else []
    drawn = detailed and detailed[0].n >= FEWEST_DRAWN
    blocks += own if own or not drawn else bland_altman_figures(context, tables.comparisons, detailed)
    blocks += correlation_table(tables, detailed, context.options.published_figures)
    for comparison in detailed[:1] if drawn and not own else []:
        blocks += copied_figure(
            context,
            f"{comparison.folder}/correlation.svg",
            "fig-correlation",
            f"Measures by {comparison.first} against {comparison.second}, with the line of identity.",
            "Scatter plots of each measure; the coefficients are in the table of correlation.",
            () if comparison.human else COMPARED,
        )
    return blocks


VENTRICLES = {"lv": ("left", "lv"), "rv": ("right", "rv")}
"""Part of a figure's name to the ventricle and the beginning of its measures' columns."""


def agreement_figures(context: Context, tables: AgreementTables, shown: Comparison) -> list[Block]:
    """Bland-Altman plots with the scatter beside them, one figure per ventricle, of one comparison."""
    points = read_table(context.results.folder / "agreement" / shown.folder / "points.csv")
    limits = rows_by(tables.of(tables.limits, shown), "measure", "outliers")
    blocks: list[Block] = []
    if shown.n < FEWEST_DRAWN:
        return blocks
    for part, (side, prefix) in VENTRICLES.items():
        rows: dict[str, Row] = {
            name: limits[name, "kept"]
            for name in BESIDE
            if name.startswith(prefix) and f"{name}_first" in points and (name, "kept") in limits
        }
        if not rows:
            continue
        file = f"agreement-{part}.svg"
        names = (shown.first, shown.second)
        write_agreement_figure(points, rows, names, tables.confidence, context.figure_path(file))
        context.keep_numbers(
            f"agreement-{part}", points[[f"{name}_{which}" for name in rows for which in ("first", "second")]]
        )
        blocks.append(
            Figure(
                f"fig-agreement-{part}",
                f"Agreement of {shown.title} in the {side} ventricle. Left: Bland–Altman plot, difference "
                f"({shown.first} − {shown.second}) against mean of both; beside each line its value and "
                f"{ci(tables.confidence)}, in the unit of the measure. Right: {shown.first} against "
                f"{shown.second} with the equation of the line of least squares. Points are subjects.",
                f"figures/{file}",
                "Bland-Altman plots and scatter plots, one row per measure; the numbers are in the table of "
                "limits.",
                {view for name in rows for view in views_of(name)} if not shown.human else (),
            )
        )
    return blocks


def bland_altman_figures(
    context: Context, comparisons: list[Comparison], detailed: list[Comparison]
) -> list[Block]:
    """Bland-Altman plots in grids, one column per comparison; of one alone where it is one or many."""
    main, _ = ordered(comparisons)
    principal = columns_shown(Show.PRINCIPAL)
    caption = (
        "Bland–Altman plots: difference against mean, with bias (solid) and limits of agreement (dashed); "
        "shaded are their confidence intervals."
    )
    description = "Bland-Altman plots, one row per measure; the numbers are in the table of limits."
    if len(main) != 1 and len(main) <= WIDEST_GRID:
        drawn = () if all(one.human for one in main) else principal
        blocks = copied_figure(
            context, "bland_altman_grid.svg", "fig-bland-altman", caption, description, drawn
        )
    else:
        shown = detailed[0]
        others = " Those of the other comparisons are in the results folder." if len(comparisons) > 1 else ""
        caption = f"{shown.title}. {caption}{others}"
        name = f"{shown.folder}/bland_altman.svg"
        drawn = () if shown.human else COMPARED
        blocks = copied_figure(context, name, "fig-bland-altman", caption, description, drawn)
    pairs = {(one.first, one.second) for one in comparisons if one.kind == "automatic-observer"}
    if len(pairs) <= WIDEST_GRID:
        caption = "Bland–Altman plots of several models against the same observers."
        label = "fig-bland-altman-models"
        blocks += copied_figure(context, "bland_altman_models.svg", label, caption, description, principal)
    return blocks


def copied_figure(
    context: Context, name: str, label: str, caption: str, description: str, measures: Iterable[str]
) -> list[Block]:
    """Figure of the agreement stage, where it was drawn, and of which measures."""
    source = context.results.folder / "agreement" / name
    if not source.is_file():
        return []
    target = f"{label}{source.suffix}"
    shutil.copyfile(source, context.figure_path(target))
    views = {view for measure in measures for view in views_of(measure)}
    return [Figure(label, caption, f"figures/{target}", description, views)]


def findings(context: Context) -> list[Text]:
    """Bias and limits of the primary model against the first observer, and the overlap."""
    tables = read_agreement(context)
    main, _ = ordered(tables.comparisons)
    items: list[Text] = []
    for comparison in [one for one in main if one.kind == "automatic-observer"][:1]:
        if comparison.n < FEWEST_DRAWN:
            pairs = quantity(comparison.n, "subject")
            why = " (the training of the network saw the others)" if trained_on(context) else ""
            items.append([Strong("Agreement. "), f"Only {pairs} could be compared with an observer{why}."])
            return items
        rows = rows_by(tables.of(tables.limits, comparison), "measure", "outliers")
        parts = [bias_words(name, rows.get((name, "kept"), {})) for name in columns_shown(Show.AGREEMENT)]
        parts = [part for part in parts if part]
        if parts:
            items.append(
                [
                    Strong("Agreement. "),
                    f"{in_capital(comparison.first)} minus observer {comparison.second}, mean difference "
                    f"({ci(tables.confidence)}) [limits of agreement]: {listing(parts)}.",
                ]
            )
    words = overlap.summary(context)
    return [*items, [Strong("Overlap. "), words]] if words else items


def bias_words(name: str, row: Row) -> str:
    """Bias with its interval and the limits of agreement of a measure, empty where there is none."""
    if not is_defined(row.get("bias")):
        return ""
    measure = PRINTED[name]
    text = f"{measure.label} {signed(row['bias'], measure.digits)} {measure.unit}"
    bounds = interval(row.get("bias_ci_low"), row.get("bias_ci_high"), measure.digits)
    limits = interval(row.get("loa_lower"), row.get("loa_upper"), measure.digits)
    text += f" ({bounds})" if bounds != UNDEFINED else ""
    return text + (f" [{limits}]" if limits != UNDEFINED else "")
