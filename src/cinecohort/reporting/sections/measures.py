"""Clinical measures: mean (SD) by source, group and dataset, their distributions, wall thickness."""

import numpy as np
import pandas as pd

from cinecohort.catalogue.measures import (
    PRINTED,
    SEGMENT_NAMES,
    WALL_SEGMENTS,
    Show,
    columns_shown,
    measure_digits,
    measure_label,
    views_of,
)
from cinecohort.model_sets import PRIMARY
from cinecohort.reporting.distribution_figures import (
    FEW_FOR_A_BOX,
    MOST_POINTS,
    draw_bullseye,
    draw_distributions,
    wall_means,
)
from cinecohort.reporting.document import Block, Column, Figure, Paragraph, Reference, Section, Table
from cinecohort.reporting.numbers import (
    UNDEFINED,
    NoteMarks,
    count,
    listing,
    mean_sd,
    number,
    quantity,
    with_n,
)
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.sections.methods import from_tables
from cinecohort.reporting.sections.participants import group_labels, group_labels_are_study, has_values
from cinecohort.reporting.sections.reference import reference_blocks
from cinecohort.reporting.vocabulary import named_measure, taken

ABBREVIATIONS = (
    "LV, RV: left and right ventricle; LA, RA: left and right atrium; EDV, ESV: end-diastolic and "
    "end-systolic volume; SV: stroke volume; EF: ejection fraction; CO: cardiac output; LVM: mass of the LV "
    "myocardium; LVRI: remodelling index, LVM over LVEDV; index: per body surface area."
)


def section(context: Context) -> Section:
    """Describe the measures of the analysed subjects."""
    results = context.results
    table = results.own_measures()
    measured = [name for name in all_measures(table) if has_values(table, name)]
    if not measured:
        words = "No measure could be taken of any subject"
        reason = "; no subject was analysed." if not results.analysed else "."
        return Section("Clinical measures", "sec-measures", [Paragraph(words + reason)])
    sources = [name for name in results.sources() if name in set(table["source"])]
    blocks: list[Block] = [Paragraph(introduction(context, sources))]
    by_group = groups_of_primary(context, table, sources)
    if len(sources) > 1 or not by_group:
        blocks.append(source_table(context, table, measured, sources))
    blocks.extend(group_blocks(context, table, measured, sources))
    blocks.extend(distribution_figure(context, table, sources, by_group))
    blocks.extend(reference_blocks(context, table, sources))
    blocks.extend(wall_blocks(context, table, sources))
    return Section("Clinical measures", "sec-measures", blocks)


def all_measures(table: pd.DataFrame) -> list[str]:
    """Columns of the printed tables that the table has, body-surface indexed ones after their own."""
    columns: list[str] = []
    for name in PRINTED:
        columns += [column for column in (name, f"{name}_i") if column in table]
    return columns


def introduction(context: Context, sources: list[str]) -> str:
    """Say whose measures these are."""
    if from_tables(context.results.config):
        return (
            f"Shown are measures of {listing(sources)}, as the tables give them. A measure that is missing "
            "is left out of its mean; n counts those that are there."
        )
    automatic = [name for name in sources if name in context.results.automatic_sources()]
    human = [name for name in sources if name not in automatic]
    parts = []
    if automatic:
        parts.append(
            "automatic measures"
            + (f" by {listing(automatic)}" if automatic != [PRIMARY] else "")
            + (" (tables of one method show the first)" if len(automatic) > 1 else "")
        )
    if human:
        parts.append(f"measures from the contours of {listing(human)}")
    return (
        f"Shown are {listing(parts)}, each at its own end-diastolic (ED) and end-systolic (ES) frames. "
        "A measure that could not be taken is left out of its mean; n counts those that were."
    )


def cell(values: pd.Series, digits: int, total: int, marks: NoteMarks) -> str:
    """Mean (SD), marked where it is not of all of the column's subjects."""
    known = pd.to_numeric(values, errors="coerce").dropna()
    if known.empty:
        return UNDEFINED
    return marks.with_n(mean_sd(known.mean(), known.std(ddof=1), digits), len(known), total)


def table_of(
    groups: dict[str, pd.DataFrame], measured: list[str], label: str, caption: str, notes: str = ""
) -> Table:
    """Make a table of mean (SD), one row per measure and one column per group."""
    sizes = {name: group["subject"].nunique() for name, group in groups.items()}
    marks = NoteMarks()
    rows = [
        [
            named_measure(measure),
            *(
                cell(group[measure], measure_digits(measure), sizes[name], marks)
                for name, group in groups.items()
            ),
        ]
        for measure in measured
    ]
    return Table(
        label,
        caption,
        [Column("Measure", "left"), *(Column(with_n(name, sizes[name])) for name in groups)],
        rows,
        notes=marks.note() + notes,
    )


def source_table(context: Context, table: pd.DataFrame, measured: list[str], sources: list[str]) -> Table:
    """Measures by source."""
    groups = {name: table[table["source"] == name] for name in sources}
    groups = {name: group for name, group in groups.items() if group[measured].notna().any().any()}
    return table_of(
        groups,
        measured,
        "tab-measures",
        "Clinical measures by source"
        + ("" if from_tables(context.results.config) else ", each at its own ED and ES frames")
        + ": mean (SD) over subjects.",
        ABBREVIATIONS
        + (
            " Sources may have measured different subjects; differences between sources are in the section "
            "on agreement."
            if len(groups) > 1
            else ""
        ),
    )


def group_blocks(
    context: Context, table: pd.DataFrame, measured: list[str], sources: list[str]
) -> list[Block]:
    """Primary source's measures by group and by dataset, where there are several."""
    primary = table[table["source"] == sources[0]]
    blocks: list[Block] = []
    groups = groups_of_primary(context, table, sources)
    if groups:
        groups = {"All": primary, **groups} if len(sources) == 1 else groups
        blocks.append(
            table_of(
                groups,
                measured,
                "tab-measures-group",
                f"Measures {taken(sources[0])}, by group: mean (SD). Groups are not matched here.",
                ABBREVIATIONS if len(sources) == 1 else "",
            )
        )
    datasets = [name for name in context.results.datasets if (primary["dataset"] == name).any()]
    if len(datasets) > 1:
        groups = {name: primary[primary["dataset"] == name] for name in datasets}
        blocks.append(
            table_of(
                groups,
                measured,
                "tab-measures-dataset",
                f"Measures {taken(sources[0])}, by dataset: mean (SD).",
            )
        )
    return blocks


def groups_of_primary(context: Context, table: pd.DataFrame, sources: list[str]) -> dict[str, pd.DataFrame]:
    """Rows of the first source by study group; none where the participants have no groups."""
    primary = table[table["source"] == sources[0]]
    labels = group_labels(context, primary) if group_labels_are_study(context) else None
    return {} if labels is None else {str(name): primary[labels == name] for name in sorted(set(labels))}


def distribution_figure(
    context: Context, table: pd.DataFrame, sources: list[str], by_group: dict[str, pd.DataFrame]
) -> list[Block]:
    """Distributions by source; of one source alone, by group."""
    shown = [name for name in columns_shown(Show.DISTRIBUTION) if has_values(table, name)]
    if not shown:
        return []
    by, boxes = "source", sources[:7]
    if len(sources) == 1 and by_group:
        by, boxes = "group", list(by_group)
        table = pd.concat([part.assign(group=name) for name, part in by_group.items()])
    draw_distributions(table, shown, by, boxes, context.figure_path("distributions.svg"))
    context.keep_numbers("distributions", table[[by, *shown]])
    return [
        Figure(
            "fig-distributions",
            f"Distribution of measures{f' by {by}' if len(boxes) > 1 else ''}. Boxes are quartiles, lines "
            "medians, whiskers reach 1.5 interquartile ranges; points are subjects (an even sample where "
            f"there are more than {MOST_POINTS}); of fewer than {FEW_FOR_A_BOX} values there is no box. "
            "Below each box: n.",
            "figures/distributions.svg",
            f"Box plots of {listing(measure_label(name) for name in shown)} for {listing(boxes)}.",
            views={view for name in shown for view in views_of(name)},
        )
    ]


def wall_blocks(context: Context, table: pd.DataFrame, sources: list[str]) -> list[Block]:
    """Wall thickness by segment: a bullseye of the primary source and the numbers."""
    primary = table[table["source"] == sources[0]]
    means = wall_means(primary)
    if not np.isfinite(means).any():
        return []
    draw_bullseye(means, context.figure_path("bullseye.svg"))
    segments = {"segment": range(1, len(means) + 1), "region": SEGMENT_NAMES, "mean_mm": means}
    context.keep_numbers("bullseye", pd.DataFrame(segments))
    cells = []
    for index, column in enumerate(WALL_SEGMENTS):
        known = (
            pd.to_numeric(primary[column], errors="coerce").dropna()
            if column in primary
            else pd.Series(dtype=float)
        )
        cells.append(
            [str(index + 1), SEGMENT_NAMES[index], mean_sd(known.mean(), known.std(), 1), count(len(known))]
        )
    half = len(cells) // 2
    rows = [[*left, *right] for left, right in zip(cells[:half], cells[half:], strict=True)]
    columns = [Column("Segment"), Column("Region", "left"), Column("Mean (SD), mm"), Column("n")]
    n = int(primary[list(set(WALL_SEGMENTS) & set(primary))].notna().any(axis=1).sum())
    return [
        Paragraph(
            [
                f"End-diastolic wall thickness, {taken(sources[0])}, is known of {quantity(n, 'subject')} (",
                Reference("fig-bullseye"),
                " and ",
                Reference("tab-wall"),
                f"); the mean over the whole wall is {global_thickness(primary)} mm.",
            ]
        ),
        Figure(
            "fig-bullseye",
            "Mean end-diastolic wall thickness (mm) in the 16 segments of the American Heart Association: "
            "outer ring basal, middle ring mid-ventricular, centre apical.",
            "figures/bullseye.svg",
            "Bullseye plot of mean wall thickness in 16 segments; the numbers are in the table of wall "
            "thickness.",
            views=views_of("wt_global_mm"),
        ),
        Table(
            "tab-wall",
            "End-diastolic wall thickness by segment.",
            [*columns, *columns],
            rows,
            views=views_of("wt_global_mm"),
        ),
    ]


def global_thickness(primary: pd.DataFrame) -> str:
    """Mean (SD) of the global wall thickness."""
    values = pd.to_numeric(primary.get("wt_global_mm", pd.Series(dtype=float)), errors="coerce").dropna()
    return mean_sd(values.mean(), values.std(), 1) if len(values) > 1 else number(values.mean(), 1)
