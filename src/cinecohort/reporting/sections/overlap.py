"""Overlap and contour distances by structure, and Dice by whatever tells subjects apart."""

import shutil
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from scipy import stats

from cinecohort.catalogue.views import STRUCTURE_NAMES, VIEW_NAMES, VIEW_SHORT
from cinecohort.reporting import published
from cinecohort.reporting.document import Absent, Block, Citation, Column, Figure, Inline, Paragraph, Table
from cinecohort.reporting.numbers import (
    UNDEFINED,
    NoteMarks,
    ci,
    count,
    interval,
    is_defined,
    listing,
    mean_sd,
    number,
    with_n,
)
from cinecohort.reporting.results import Row, read_table, rows_by
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.tidy import in_parts
from cinecohort.reporting.vocabulary import ROLE_NAMES, named_structure

METRICS = (
    ("dice", "Dice", 3),
    ("mcd_mm", "Mean contour distance (mm)", 2),
    ("hd_mm", "Hausdorff distance (mm)", 2),
)
STRATA = {
    "frame": ("role", "Frame"),
    "position": ("position", "Position along the ventricle"),
    "disease": ("cardiovascular_disease", "Cardiovascular disease"),
    "vendor": ("vendor", "Vendor"),
    "field_strength": ("field_t", "Field strength"),
    "scanner": ("scanner", "Scanner"),
    "site": ("site", "Site"),
    "pathology": ("group", "Pathology or group"),
    "dataset": ("dataset", "Dataset"),
}
"""Table of the agreement stage to its column and its heading here."""
FRAMES = {
    "subject": ", then over frames of a subject.",
    "frame": "; every frame counts alone, and n counts frames.",
}
"""How frames are put together, by what is counted."""
PATHOLOGIES = {"RV": "ARV"}
"""Groups that the paper calls otherwise than the data."""
MOST_COLUMNS = 5
MOST_LEVELS = 12
FEWEST_IMAGES = 5
"""Images below which there is no box plot of their Dice."""
COLUMNS = ("source", "reference", "view", "structure", "selection", "n", "n_excluded")


def overlap_blocks(context: Context) -> list[Block]:
    """Tables and the box plot of overlap; a sentence where there is none."""
    table = read_table(context.results.folder / "agreement" / "overlap.csv", COLUMNS)
    table = table[table["structure"] != ""]
    if table.empty and len(context.results.overlap):
        return [Absent("The results folder holds no summary of overlap; run the workflow to its end.")]
    if table.empty:
        return [
            Absent(
                "No segmentation could be compared with another: there are no two label maps of the same "
                "view of an analysed subject."
            )
        ]
    if table["n"].max() < 2:
        return [Absent("The segmentations of one subject alone could be compared; no summary is of one.")]
    blocks: list[Block] = []
    automatic, human = pairs_of(context, table)
    for between, pairs in ((False, automatic), (True, human)):
        for part, chosen in enumerate(in_parts(pairs, MOST_COLUMNS)):
            show = part == 0 and context.options.published_figures
            theirs = published.overlap(between) if show else published.NOTHING
            label = f"tab-overlap-{'observers' if between else 'automatic'}-{part + 1}"
            blocks.append(overlap_table(table, list(chosen), label, theirs, context.results.overlap_noun))
    floor = floor_sentence(table)
    if floor:
        blocks.append(Paragraph(floor, note=True))
    figure = context.results.folder / "agreement" / "dice_boxplot.svg"
    if figure.is_file() and len(read_table(figure.with_suffix(".csv"))) >= FEWEST_IMAGES:
        for each in (figure, figure.with_suffix(".csv")):
            if each.is_file():
                shutil.copyfile(each, context.figure_path(each.name))
        blocks.append(
            Figure(
                "fig-dice",
                "Dice of each image in the short axis, averaged over its structures, by model and dataset: "
                "every comparison with an observer, at ED and ES. Box: quartiles; line: median; dashed: "
                "mean; whiskers end within 1.5 interquartile ranges.",
                "figures/dice_boxplot.svg",
                "Box plots of Dice by model; the means are in the tables of overlap.",
                views=("sa",),
            )
        )
    strata = strata_table(context, table)
    if strata:
        blocks.append(strata)
    return blocks


def pairs_of(context: Context, table: pd.DataFrame) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Pairs (source, reference) with a model, the primary one first, and pairs of observers."""
    models = context.results.automatic_sources()
    pairs = [(str(a), str(b)) for a, b in table[["source", "reference"]].drop_duplicates().to_numpy()]
    automatic = [pair for model in models for pair in pairs if pair[0] == model]
    return automatic, [pair for pair in pairs if pair not in automatic]


def overlap_table(
    table: pd.DataFrame, pairs: list[tuple[str, str]], label: str, theirs: published.Published, noun: str
) -> Table:
    """Dice and distances by structure, one column per pair (Bai 2018, Tables 3 and 7)."""
    known = rows_by(table[table["selection"] == "all"], "source", "reference", "view", "structure")
    structures = sorted(
        {(view, name) for a, b, view, name in known if (a, b) in pairs},
        key=lambda item: (list(VIEW_SHORT).index(item[0]), list(STRUCTURE_NAMES).index(item[1])),
    )
    sizes = {pair: max(int(row["n"]) for key, row in known.items() if key[:2] == pair) for pair in pairs}
    rows: list[list[str] | str] = []
    marks = NoteMarks()
    for metric, heading, digits in METRICS:
        rows.append(f"{heading}, mean (SD)")
        for view, structure in structures:
            name = named_structure(structure, view)
            row = [str(name) if "observers" in label else name]
            for pair in pairs:
                key = (*pair, view, structure)
                row.append(overlap_cell(known.get(key), metric, digits, sizes[pair], marks))
            row += [
                theirs.cell(metric, f"{view} {structure}", comparison) for comparison, _ in theirs.columns
            ]
            rows.append(row)
    notes: list[Inline] = [
        f"Dice in 3D; distances in the slices that both segmented, averaged over slices{FRAMES[noun]} "
        + marks.note()
    ]
    if theirs.columns:
        notes += ["Published figures: Bai et al.", Citation(("bai2018",)), ", Tables 3 and 7, UK Biobank."]
    spans = [("", 1), ("This cohort", len(pairs)), ("Published, Bai et al. 2018", len(theirs.columns))]
    return Table(
        label,
        overlap_caption(label),
        [
            Column("Structure", "left"),
            *(Column(with_n(f"{a} vs {b}", sizes[a, b])) for a, b in pairs),
            *(Column(title) for _, title in theirs.columns),
        ],
        rows,
        spans=spans if theirs.columns else (),
        notes=notes,
        published_columns=len(theirs.columns),
    )


def overlap_caption(label: str) -> str:
    """Whose segmentations a table compares, and whether it is the first of several."""
    who = "between observers" if "observers" in label else "of automatic and human segmentations"
    return f"Overlap and contour distances {who}{'' if label.endswith('-1') else ', continued'}."


def overlap_cell(row: Row | None, metric: str, digits: int, total: int, marks: NoteMarks) -> str:
    """Mean (SD) of a metric, marked where its n is not the column's."""
    if row is None:
        return UNDEFINED
    text = mean_sd(row[f"{metric}_mean"], row[f"{metric}_sd"], digits)
    return marks.with_n(text, row[f"n_{metric}"], total)


def floor_sentence(table: pd.DataFrame) -> str:
    """How many subjects have a Dice below the floor, in the pairs and views where there are any."""
    low = table[(table["selection"] != "all") & (table["n_excluded"] > 0)]
    if low.empty:
        return ""
    parts = []
    # Whom a view leaves out is not whom another does, so a number over views would be of nobody.
    for (source, reference, view, selection), group in low.groupby(
        ["source", "reference", "view", "selection"], sort=False
    ):
        limit = str(selection).rpartition(" ")[2]
        n = count(int(group["n_excluded"].max()))
        parts.append(f"{source} vs {reference}, {VIEW_NAMES.get(str(view), view)}: {n}")
    return (
        f"Subjects with a Dice below {limit} count in the tables above ({'; '.join(parts)}); overlap.csv in "
        "the folder agreement has the results without them."
    )


def strata_table(context: Context, table: pd.DataFrame) -> Table | None:
    """Dice of the first pair by stratum (Bai 2018 Table 2; Chen 2020 III, VI to VIII)."""
    automatic, human = pairs_of(context, table)
    source, reference = [*automatic, *human][0]
    structures = ("LV", "MYO", "RV")
    rows: list[list[str] | str] = []
    cuts: list[str] = []
    published_rows: list[int] = []
    for stratum, (column, heading) in STRATA.items():
        strata = read_table(
            context.results.folder / "agreement" / f"overlap_by_{stratum}.csv", (*COLUMNS, column)
        )
        strata = strata[
            (strata["source"] == source)
            & (strata["reference"] == reference)
            & (strata["view"] == "sa")
            & (strata["selection"] == "all")
        ]
        keys = [key for key in dict.fromkeys(("dataset", column)) if key in strata]
        levels = list(strata.groupby(keys, sort=False))
        if column == "role":
            levels.sort(key=lambda level: list(ROLE_NAMES).index(str(level[0][-1])))
        if len(levels) < 2:
            continue
        rows.append(heading)
        if len(levels) > MOST_LEVELS:
            more = count(len(levels) - MOST_LEVELS)
            cuts.append(f" {heading}: and {more} more in overlap_by_{stratum}.csv.")
        for level, group in levels[:MOST_LEVELS]:
            cells = rows_by(group, "structure")
            words = ", ".join(level_words(key, value) for key, value in zip(keys, level, strict=True))
            dice = [
                mean_sd(cells[name]["dice_mean"], cells[name]["dice_sd"], 3) if name in cells else UNDEFINED
                for name in structures
            ]
            rows.append([words, count(group["n"].max()), *dice])
        ours = {str(value) for level, _ in levels for value in level}
        for theirs in comparable(stratum, structures, ours) if context.options.published_figures else []:
            published_rows.append(len(rows))
            rows.append([theirs.words, theirs.n, *(theirs.cells.get(s, UNDEFINED) for s in structures)])
    if not rows:
        return None
    frames = context.results.overlap_noun == "frame"
    averaging = (
        "n counts frames, each alone." if frames else "Within a subject the frames are averaged first."
    )
    notes: list[Inline] = [averaging, *cuts]
    if published_rows:
        notes += [
            " Rows in grey italics are published",
            *cited(rows[place][0] for place in published_rows),
            ".",
        ]
    return Table(
        "tab-strata",
        f"Dice of {source} against {reference} in the short axis: mean (SD).",
        [
            Column("", "left", "share"),
            Column("n"),
            *(Column(named_structure(name, "sa")) for name in structures),
        ],
        rows,
        notes=notes,
        published_rows=published_rows,
    )


def cited(rows: Iterable[str]) -> list[Inline]:
    """Papers that published rows are from, by the words that the rows begin with."""
    papers: dict[str, list[Inline]] = {
        "Bai 2018": [": Bai et al.", Citation(("bai2018",)), ", Table 2"],
        "Chen 2020": [": Chen et al.", Citation(("chen2020",)), ", Tables III and VI to VIII"],
    }
    found = list(rows)
    return [
        each for name, words in papers.items() if any(row.startswith(name) for row in found) for each in words
    ]


def comparable(stratum: str, structures: Sequence[str], ours: set[str]) -> list[published.PublishedRow]:
    """Published rows that can stand below those of this cohort.

    Other hospitals are no counterpart of a cohort's own, and of diseases only the same one is.
    """
    if stratum == "site":
        return []
    rows = published.strata(stratum, structures)
    if stratum != "pathology":
        return rows
    names = ours | {PATHOLOGIES[name] for name in ours & set(PATHOLOGIES)}
    return [row for row in rows if row.words.rpartition(": ")[2] in names]


def level_words(column: str, value: object) -> str:
    """Words of a level of a stratum."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    if column == "role":
        return ROLE_NAMES.get(text, text)
    if column == "field_t" and text != "unknown":
        return f"{text} T"
    if column == "cardiovascular_disease":
        return {"yes": "with", "no": "without"}.get(text, "not known")
    return text


def summary(context: Context) -> str:
    """Dice of the primary model against the first observer, in a sentence."""
    table = read_table(context.results.folder / "agreement" / "overlap.csv", COLUMNS)
    table = table[(table["structure"] != "") & (table["view"] == "sa") & (table["selection"] == "all")]
    if table.empty:
        return ""
    automatic, _ = pairs_of(context, table)
    if not automatic:
        return ""
    source, reference = automatic[0]
    rows = table[(table["source"] == source) & (table["reference"] == reference)]
    parts = [
        f"{STRUCTURE_NAMES[str(row['structure'])]} {number(row['dice_mean'], 2)}"
        f" ({mean_interval(row, context.results.confidence)})"
        for row in rows.to_dict("records")
        if is_defined(row["dice_mean"])
    ]
    if not parts:
        return ""
    n = f"n = {count(rows['n'].max())}" + (" frames" if context.results.overlap_noun == "frame" else "")
    confidence = ci(context.results.confidence)
    return f"Mean Dice ({confidence}) of {source} and {reference} in the short axis, {n}: {listing(parts)}."


def mean_interval(row: Mapping[Hashable, Any], confidence: float) -> str:
    """Confidence interval of a mean Dice by Student's t, ended at 1; a dash for a single subject."""
    n, sd = int(row["n_dice"]), float(row["dice_sd"])
    if n < 2 or not is_defined(sd):
        return UNDEFINED
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * sd / n**0.5
    mean = float(row["dice_mean"])
    return interval(max(mean - half, 0), min(mean + half, 1), 2)
