"""Tables 1 to 10 and figures 1 to 5 of Bai 2018, in its order, each beside the user's own."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from cinecohort.catalogue.measures import Show, columns_shown, measure_digits
from cinecohort.reporting.document import Block, Citation, Column, Inline, Paragraph, Section, Table
from cinecohort.reporting.numbers import UNDEFINED, count, interval, listing, signed
from cinecohort.reporting.paper import experiments, networks, pictures
from cinecohort.reporting.paper.cells import (
    Cell,
    Line,
    Part,
    compared,
    compared_table,
    exhibit,
    mean_and_sd,
    not_made,
    own_note,
)
from cinecohort.reporting.paper.own import AUTOMATIC, COMPARISONS, Own
from cinecohort.reporting.paper.study import table_8
from cinecohort.reporting.paper.visual import table_4
from cinecohort.reporting.results import Row, rows_by
from cinecohort.reporting.vocabulary import named_measure, named_structure
from cinecohort.statistics.published_tables import load

PAPER = "bai2018"
METRICS = {"dice": "Dice metric", "mcd_mm": "Mean contour distance (mm)", "hd_mm": "Hausdorff distance (mm)"}
SHORT = {"dice": "Dice", "mcd_mm": "MCD (mm)", "hd_mm": "HD (mm)"}
KINDS = {"absolute": "Absolute difference", "relative_pct": "Relative difference"}
OWN_COLUMNS = {
    "absolute": ("absolute_mean", "absolute_sd", "n"),
    "relative_pct": ("relative_mean_pct", "relative_sd_pct", "n_relative"),
}
"""Columns of ``all_differences.csv`` by the published kind of difference."""


def sections(own: Own) -> list[Section]:
    """All tables and figures in the paper's order."""
    return [
        Section("Bai et al. 2018, table by table", "sec-bai2018", [Paragraph(introduction(own))]),
        exhibit(PAPER, "agreement", "the main results", abstract(own), "Abstract"),
        networks.bai_architecture(own),
        networks.bai_definitions(),
        pictures.examples(own),
        exhibit(PAPER, "agreement", "overlap and distances in the short axis", table_2(own), "Table 2"),
        exhibit(PAPER, "agreement", "beside human observers, short axis", overlap_table(own, 3), "Table 3"),
        exhibit(PAPER, "review", "visual assessment", table_4(own), "Table 4"),
        exhibit(PAPER, "agreement", "clinical measures", difference_table(own, 5), "Table 5"),
        exhibit(PAPER, "agreement", "Bland–Altman plots", figure_4(own), "Figure 4"),
        exhibit(PAPER, "agreement", "overlap and distances in the long axes", table_6(own), "Table 6"),
        exhibit(PAPER, "agreement", "beside human observers, long axes", overlap_table(own, 7), "Table 7"),
        table_8(own),
        exhibit(PAPER, "agreement", "derived measures", difference_table(own, 9), "Table 9"),
        exhibit(PAPER, "experiments", "other datasets, in pictures", pictures.fine_tuning(own), "Figure 5"),
        exhibit(PAPER, "experiments", "fine-tuning", experiments.table_10(own), "Table 10"),
    ]


def introduction(own: Own) -> list[Inline]:
    """Say what is set beside what."""
    whose = own.who(AUTOMATIC)
    return [
        "Automated cardiovascular magnetic resonance image analysis with fully convolutional networks",
        Citation((PAPER,)),
        ". Published: as the paper prints it, mean (SD), of UK Biobank. Yours: this results folder"
        + (f"; automatic vs manual is {whose}" if whose else "")
        + ". Difference: yours minus published, of the means. The two are of other people, scanners and "
        "observers, so a difference is no error of either, and none is tested. The paper's tables and "
        "figures follow in its order and under its numbers.",
    ]


def heads(own: Own, published: pd.DataFrame, sizes: dict[str, Any], names: dict[str, str]) -> list[Column]:
    """Column heads of the four comparisons: the published n, and whose values and how many yours are."""
    columns = []
    for name in COMPARISONS:
        n = published.loc[published["comparison"] == name, "n"].iloc[0]
        title = "Auto vs manual" if name == AUTOMATIC else name
        title += f"\n(n = {count(n)})"
        if name in sizes:
            title += f"\nyours: {names[name]}\n(n = {count(sizes[name])})"
        columns.append(Column(title))
    return columns


def missing_comparisons(own: Own, present: Sequence[str], what: str = "") -> list[Block]:
    """Say why comparisons have no values of the user's; ``what`` begins the names of what was left out."""
    reasons: dict[str, list[str]] = {}
    for name in COMPARISONS:
        if name not in present:
            reason = own.why_not(name, what)
            reasons.setdefault(reason, []).append("Auto vs manual" if name == AUTOMATIC else name)
    return [not_made(f"{listing(names)}: {reason}.") for reason, names in reasons.items()]


def missing_rows(own: Own, lines: Sequence[Line]) -> list[Block]:
    """Say which rows have no automatic values though others have, and why where it is known."""
    lacking = [str(line.name) for line in lines if line.cells[0].own == UNDEFINED]
    if not lacking or len(lacking) == len(lines):
        return []
    return [not_made(f"Auto vs manual of {listing(lacking)}: no subject has it from both.")]


def four_columns(
    published: pd.DataFrame, keys: tuple[str, str], own_cell: Callable[[str, Any, Any], tuple[Any, ...]]
) -> Callable[[Any, Any, int], list[Cell]]:
    """Make a function that gives the four cells of a row: of a part and a row's key.

    ``own_cell`` gives mean and SD, or None, and the note on n, of a comparison, a part and a row's key.
    """
    printed = rows_by(published, *keys, "comparison")

    def cells(part: Any, row: Any, digits: int) -> list[Cell]:
        result = []
        for name in COMPARISONS:
            theirs = mean_and_sd(printed.get((part, row, name)), "mean", "sd")
            ours, note = own_cell(name, part, row)
            result.append(compared(theirs, ours, digits, note))
        return result

    return cells


def tables_of_parts(
    number: int, caption: str, columns: Sequence[Column], parts: Sequence[Part], notes: str = ""
) -> list[Block]:
    """Parts (a), (b) ... of a table as tables of their own, so that each stands on one page."""
    tables: list[Block] = []
    for part in parts:
        letter, words = part.heading.split(" ", 1)
        text = f"Bai 2018, Table {number} {letter}. {words}. " + ("" if tables else caption)
        last = part is parts[-1]
        label = f"tab-bai2018-{number}-{letter[1]}"
        tables.append(compared_table(label, text.strip(), columns, [Part("", part.lines)], notes * last))
    return tables


def overlap_table(own: Own, number: int) -> list[Block]:
    """Tables 3 and 7: Dice and distances, automatic and between observers."""
    published = load(f"bai2018_table{number}")
    published["key"] = published["view"] + " " + published["structure"]
    structures = list(dict.fromkeys(zip(published["view"], published["structure"], strict=True)))
    known = {name: own.overlap_rows(name) for name in COMPARISONS}
    views = {view for view, _ in structures}
    sizes = {
        name: max(row["n"] for (view, _), row in rows.items() if view in views)
        for name, rows in known.items()
        if any(view in views for view, _ in rows)
    }

    def own_cell(name: str, metric: str, key: str) -> tuple[Any, ...]:
        row = known[name].get(tuple(key.split(" ")))
        value = mean_and_sd(row, f"{metric}_mean", f"{metric}_sd")
        return value, own_note((row or {}).get(f"n_{metric}"), sizes.get(name))

    cells = four_columns(published, ("metric", "key"), own_cell)
    parts = [
        Part(
            f"({letter}) {heading}",
            [Line(named_structure(s, v), cells(metric, f"{v} {s}", 2)) for v, s in structures],
        )
        for letter, (metric, heading) in zip("abc", METRICS.items(), strict=True)
    ]
    names = {name: " vs ".join(pair) for name, pair in own.pairs.items()}
    which = "short-axis" if number == 3 else "long-axis"
    caption = (
        f"The Dice metric and contour distance metrics between automated and manual segmentation for {which} "
        "images, and between segmentations by different human observers: mean (SD)."
    )
    return [
        *tables_of_parts(number, caption, heads(own, published, sizes, names), parts),
        *missing_comparisons(own, list(sizes), "overlap la_" if number == 7 else ""),
        *missing_rows(own, parts[0].lines),
    ]


def difference_table(own: Own, number: int) -> list[Block]:
    """Tables 5 and 9: absolute and relative differences of measures, automatic and between observers."""
    published = load(f"bai2018_table{number}")
    measures = list(dict.fromkeys(published["measure"]))
    known = {name: own.measure_rows(own.tables.differences, name) for name in COMPARISONS}
    sizes = {name: one.n for name, one in own.comparisons.items()}

    def own_cell(name: str, kind: str, measure: str) -> tuple[Any, ...]:
        row = known[name].get(measure)
        mean, sd, n = OWN_COLUMNS[kind]
        return mean_and_sd(row, mean, sd), own_note((row or {}).get(n), sizes.get(name))

    cells = four_columns(published, ("difference", "measure"), own_cell)
    parts = []
    for letter, (kind, heading) in zip("ab", KINDS.items(), strict=True):
        lines = [
            Line(named_measure(m) if kind == "absolute" else percent_name(m), cells(kind, m, 1))
            for m in measures
        ]
        parts.append(Part(f"({letter}) {heading}", lines))
    names = {name: f"{one.first} vs {one.second}" for name, one in own.comparisons.items()}
    derived = "derived " if number == 9 else ""
    caption = (
        f"The difference in {derived}clinical measures between automated and manual segmentation, and "
        "between measurements by different human observers: mean (SD)."
    )
    notes = "Relative differences are relative to the second of a pair."
    return [
        *tables_of_parts(number, caption, heads(own, published, sizes, names), parts, notes),
        *missing_comparisons(own, list(sizes)),
        *missing_rows(own, parts[0].lines),
    ]


def percent_name(measure: str) -> str:
    """Name of a measure's relative difference."""
    named = named_measure(measure, unit=False)
    return type(named)(f"{named} (%)", named.views)


def abstract(own: Own) -> list[Block]:
    """Return the numbers of the paper's abstract in three columns: published, yours, difference."""
    rows: list[list[str] | str] = ["Mean Dice metric"]
    overlap = own.overlap_rows(AUTOMATIC)
    for row in pd.concat([load("bai2018_table2"), load("bai2018_table6")]).to_dict("records"):
        if row["metric"] == "dice" and row["group"] != "yes":
            mine = mean_and_sd(overlap.get((row["view"], row["structure"])), "dice_mean", "")
            cell = compared((row["mean"], None), mine, 2)
            name = named_structure(row["structure"], row["view"])
            rows.append([name, cell.published, cell.own, cell.difference])
    rows.append("Mean absolute difference")
    known = own.measure_rows(own.tables.differences, AUTOMATIC)
    for row in load("bai2018_table5").to_dict("records"):
        if row["comparison"] == AUTOMATIC and row["difference"] == "absolute":
            cell = compared(
                (row["mean"], None), mean_and_sd(known.get(row["measure"]), "absolute_mean", ""), 1
            )
            rows.append([named_measure(row["measure"]), cell.published, cell.own, cell.difference])
    columns = [Column("", "left", "share"), Column("Published"), Column("Yours"), Column("Difference")]
    whose = own.who(AUTOMATIC)
    return [
        Table(
            "tab-bai2018-abstract",
            "Bai 2018, abstract. The results in short: automated beside manual segmentation"
            + (f"; yours: {whose}." if whose else "."),
            columns,
            rows,
            notes="SDs, distances and human observers follow in the tables.",
        ),
        *([] if overlap or known else [not_made(f"{own.why_not(AUTOMATIC).capitalize()}.")]),
    ]


def metric_cells(published: pd.DataFrame, structure: str, view: str, row: Row | None, of: Any) -> list[Cell]:
    """Dice and both distances of a structure, published and of a row of a table of overlap."""
    printed = rows_by(published[published["view"] == view], "structure", "metric")
    return [
        compared(
            mean_and_sd(printed.get((structure, metric)), "mean", "sd"),
            mean_and_sd(row, f"{metric}_mean", f"{metric}_sd"),
            2,
            own_note((row or {}).get(f"n_{metric}"), of),
        )
        for metric in METRICS
    ]


def table_2(own: Own) -> list[Block]:
    """Table 2: the short axis, all subjects and those with cardiovascular disease."""
    published = load("bai2018_table2")
    whole, cases = own.overlap_rows(AUTOMATIC), with_disease(own)
    groups: list[tuple[str, str, dict[Any, Row]]] = [("all", "(a) The full test set", whole)]
    for dataset, known in cases.items() or [("", {})]:
        named = f", {dataset}" if dataset else ""
        groups.append(("yes", f"(b) Cases with cardiovascular disease{named}", known))
    parts = []
    for group, heading, known in groups:
        theirs = published[published["group"] == group]
        of = known.get(("sa", "LV"), {}).get("n")
        yours = f"; yours {count(of)}" if of else ""
        lines = [
            Line(named_structure(name, "sa"), metric_cells(theirs, name, "sa", known.get(("sa", name)), of))
            for name in ("LV", "MYO", "RV")
        ]
        parts.append(Part(f"{heading} (n = {count(theirs['n'].iloc[0])}{yours})", lines))
    table = compared_table(
        "tab-bai2018-2",
        "Bai 2018, Table 2. The Dice metric, mean contour distance (MCD) and Hausdorff distance (HD) between "
        "automated and manual segmentation for short-axis images: mean (SD).",
        [Column(title) for title in SHORT.values()],
        parts,
    )
    if not whole:
        return [table, not_made(f"{own.why_not(AUTOMATIC).capitalize()}.")]
    if not cases:
        words = "of no analysed subject with contours is a cardiovascular disease known"
        return [table, not_made(f"(b): {words} (icd10, self_reported_mi in the participants' table).")]
    return [table]


def with_disease(own: Own) -> dict[str, dict[Any, Row]]:
    """Rows of overlap of the subjects with a disease by dataset, which is empty where there is one alone."""
    table = own.agreement("overlap_by_disease", ("source", "reference", "view", "structure", "selection"))
    pair = own.pairs.get(AUTOMATIC)
    if pair is None or "cardiovascular_disease" not in table:
        return {}
    same = (table["source"] == pair[0]) & (table["reference"] == pair[1]) & (table["selection"] == "all")
    rows = table[same & (table["cardiovascular_disease"] == "yes")]
    if "dataset" not in rows:
        return {"": rows_by(rows, "view", "structure")} if len(rows) else {}
    return {
        str(name): rows_by(part, "view", "structure") for name, part in rows.groupby("dataset", sort=False)
    }


def table_6(own: Own) -> list[Block]:
    """Table 6: the long axes."""
    published = load("bai2018_table6")
    known = own.overlap_rows(AUTOMATIC)
    structures = list(dict.fromkeys(zip(published["view"], published["structure"], strict=True)))
    present = [known[key]["n"] for key in structures if key in known]
    of = max(present, default=None)
    lines = [
        Line(named_structure(name, view), metric_cells(published, name, view, known.get((view, name)), of))
        for view, name in structures
    ]
    yours = f"; yours n = {count(of)}" if of else ""
    table = compared_table(
        "tab-bai2018-6",
        "Bai 2018, Table 6. The Dice metric, mean contour distance (MCD) and Hausdorff distance (HD) between "
        "automated and manual segmentation for long-axis images: mean (SD).",
        [Column(title) for title in SHORT.values()],
        [Part(f"The test set (n = {count(published['n'].iloc[0])}{yours})", lines)],
    )
    return [table] if present else [table, not_made(f"{own.why_not(AUTOMATIC, 'overlap la_').capitalize()}.")]


def figure_4(own: Own) -> list[Block]:
    """Figure 4: the plots, and their bias and limits as a table."""
    measures = columns_shown(Show.PRINCIPAL)
    known = {name: limits(own, name) for name in COMPARISONS}
    present = [name for name, rows in known.items() if any(measure in rows for measure in measures)]
    blocks = pictures.bland_altman(own)
    if present:
        rows = [
            [named_measure(measure), *(limits_cell(known[name].get(measure), measure) for name in present)]
            for measure in measures
            if any(measure in known[name] for name in present)
        ]
        titles = [own.who(name).replace(" (n", "\n(n") for name in present]
        blocks.append(
            Table(
                "tab-bai2018-figure-4",
                "Bai 2018, Figure 4, in numbers: your mean differences (lower to upper limit of agreement). "
                "The paper prints no number of its plots.",
                [Column("", "left"), *(Column(title) for title in titles)],
                rows,
            )
        )
    return [*blocks, *missing_comparisons(own, present)]


def limits(own: Own, comparison: str, dataset: str = "", outliers: str = "kept") -> dict[Any, Row]:
    """Bias and limits of agreement by measure, with the outliers kept or removed."""
    table = own.tables.limits
    if "outliers" not in table:
        return {}
    return own.measure_rows(table[table["outliers"] == outliers], comparison, dataset)


def limits_cell(row: Row | None, measure: str) -> str:
    """Bias with its limits of agreement."""
    if row is None:
        return UNDEFINED
    digits = measure_digits(measure)
    bias = signed(row["bias"], digits)
    return f"{bias} ({interval(row['loa_lower'], row['loa_upper'], digits)})" if bias != UNDEFINED else bias
