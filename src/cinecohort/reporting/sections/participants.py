"""Participants and images: the baseline table and what the scanners delivered."""

from collections.abc import Mapping

import pandas as pd

from cinecohort.catalogue.covariates import CATEGORIES, CONTINUOUS, covariate_words, level_words
from cinecohort.reporting.document import Absent, Block, Column, Section, Table
from cinecohort.reporting.numbers import (
    UNDEFINED,
    NoteMarks,
    count,
    count_percent,
    interval,
    number,
    quantity,
    summary_mean_sd,
    summary_median_iqr,
    with_n,
)
from cinecohort.reporting.sections.context import Context
from cinecohort.statistics.overlap_tables import cardiovascular_disease

DIGITS = 1
"""Of the means of continuous characteristics."""
MOST_CATEGORIES = 8
MOST_GROUPS = 6
DISEASE_WORDS = "Cardiovascular disease: ICD-10 I21, I22, I23, I25, I42, I50 or self-reported heart attack. "
"""As in Bai 2018."""


def section(context: Context) -> Section:
    """Participants' characteristics by group and the images' facts by dataset."""
    blocks: list[Block] = []
    table = analysed_participants(context)
    known = [
        name for name in (*CONTINUOUS, *CATEGORIES, "icd10", "self_reported_mi") if has_values(table, name)
    ]
    if table.empty:
        blocks.append(Absent("No subject was analysed, so there are no participants to describe."))
    elif not known:
        blocks.append(
            Absent(
                "No table of participants was given: sex, age and body size are unknown, "
                "and nothing can be said about who these subjects are."
            )
        )
    else:
        blocks.append(baseline_table(context, table))
    images = image_table(context)
    if images:
        blocks.append(images)
    return Section("Participants and images", "sec-participants", blocks)


def analysed_participants(context: Context) -> pd.DataFrame:
    """Participants of the analysed subjects, with the scanner's facts where their own table lacks them."""
    results = context.results
    table = results.participants[results.participants["subject"].isin(results.analysed)].copy()
    facts = results.conversion.drop_duplicates("subject").set_index("subject")
    for column in ("vendor", "scanner", "field_t"):
        if not has_values(table, column) and has_values(facts, column):
            table[column] = table["subject"].map(facts[column])
    return table


def has_values(table: pd.DataFrame, column: str) -> bool:
    """Say whether a column is there and holds anything."""
    return column in table and bool((table[column].notna() & (table[column].astype(str) != "")).any())


def group_labels(context: Context, table: pd.DataFrame) -> pd.Series | None:
    """Group of each row of `table` (by its ``subject``): study group, or dataset; None for one group."""
    column = context.options.group_column
    participants = context.results.participants.drop_duplicates("subject").set_index("subject")
    if has_values(participants, column):
        labels = table["subject"].map(participants[column].astype(str))
        if 2 <= labels[labels != ""].nunique() <= MOST_GROUPS:
            return labels.replace("", "not stated").fillna("not stated")
    if 2 <= len(context.results.datasets) <= MOST_GROUPS:
        return table["dataset"]
    return None


def groups_of(context: Context, table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rows by group, in alphabetical order, after all of them."""
    labels = group_labels(context, table)
    groups = {"All": table}
    if labels is not None:
        groups |= {str(name): table[labels == name] for name in sorted(set(labels))}
    return groups


def baseline_table(context: Context, table: pd.DataFrame) -> Table:
    """Make the table of characteristics: n, mean (SD), median [quartiles], n (%), missing."""
    groups = groups_of(context, table)
    smallest = context.options.smallest_count
    rows: list[list[str] | str] = []
    for column in CONTINUOUS:
        if has_values(table, column):
            title = covariate_words(column)
            rows.append(
                [f"{title}, mean (SD)", *(summary_mean_sd(g[column], DIGITS) for g in groups.values())]
            )
            rows.append(
                ["    median [quartiles]", *(summary_median_iqr(g[column], DIGITS) for g in groups.values())]
            )
            rows.extend(missing_row(groups, column))
    for column in CATEGORIES:
        if has_values(table, column):
            rows.extend(category_rows(column, covariate_words(column), groups, smallest))
    answers = {name: cardiovascular_disease(group) for name, group in groups.items()}
    disease = {name: answer.map({"yes": 1.0, "no": 0.0}).astype(float) for name, answer in answers.items()}
    if disease["All"].notna().any():
        cells = [count_percent(int(d.sum()), int(d.notna().sum()), smallest) for d in disease.values()]
        rows.append(["Cardiovascular disease, n (%)", *cells])
        if disease["All"].isna().any():
            rows.append(["    missing, n", *(count(int(d.isna().sum())) for d in disease.values())])
    return Table(
        "tab-baseline",
        "Characteristics of the analysed participants"
        + (f", by {'group' if group_labels_are_study(context) else 'dataset'}." if len(groups) > 1 else "."),
        [
            Column("Characteristic", "left"),
            *(Column(with_n(name, len(g))) for name, g in groups.items()),
        ],
        rows,
        notes="Percentages are of the participants for whom the value is known. "
        + (DISEASE_WORDS if disease["All"].notna().any() else "")
        + (f"Counts from 1 to {smallest - 1} are shown as < {smallest}." if smallest > 1 else ""),
    )


def group_labels_are_study(context: Context) -> bool:
    """Say whether the groups are those of the participants' table rather than the datasets."""
    column = context.options.group_column
    table = context.results.participants
    return has_values(table, column) and 2 <= table.loc[table[column] != "", column].nunique() <= MOST_GROUPS


def missing_row(groups: Mapping[str, pd.DataFrame], column: str) -> list[list[str]]:
    """Return a row of missing counts, or nothing where no value is missing."""
    if not groups["All"][column].isna().any():
        return []
    return [["    missing, n", *(count(int(group[column].isna().sum())) for group in groups.values())]]


def category_rows(
    column: str, title: str, groups: Mapping[str, pd.DataFrame], smallest: int
) -> list[list[str] | str]:
    """Rows of a categorical characteristic: n (%) of each category, and the missing."""
    texts = {name: category_text(group[column]) for name, group in groups.items()}
    order = texts["All"][texts["All"] != ""].value_counts()
    shown = list(order.index[:MOST_CATEGORIES])
    rows: list[list[str] | str] = [[f"{title}, n (%)", *("" for _ in groups)]]
    for category in shown:
        cells = [
            count_percent(int((text == category).sum()), int((text != "").sum()), smallest)
            for text in texts.values()
        ]
        name = f"{category} T" if column == "field_t" else level_words(column, category)
        rows.append([f"    {name}", *cells])
    if len(order) > len(shown):
        cells = [
            count_percent(int((~text.isin([*shown, ""])).sum()), int((text != "").sum()), smallest)
            for text in texts.values()
        ]
        rows.append([f"    {quantity(len(order) - len(shown), 'other', 'others')}", *cells])
    if (texts["All"] == "").any():
        rows.append(["    missing, n", *(count(int((text == "").sum())) for text in texts.values())])
    return rows


def category_text(values: pd.Series) -> pd.Series:
    """Categories as text, empty where missing; numbers without needless decimals."""
    if pd.api.types.is_numeric_dtype(values):
        return values.map(lambda value: "" if pd.isna(value) else f"{value:g}")
    return values.fillna("").astype(str)


def image_table(context: Context) -> Table | None:
    """What was converted, by dataset: matrix of facts as in Chen 2020, Table II."""
    table = context.results.conversion
    table = table[table["subject"].isin(context.results.analysed)]
    if table.empty:
        return None
    facts = {
        "n_slices": ("Short-axis slices", 0),
        "n_frames": ("Frames", 0),
        "dx_mm": ("In-plane spacing (mm)", 2),
        "dz_mm": ("Slice spacing (mm)", 1),
        "heart_rate_bpm": ("Heart rate (1/min)", 0),
    }
    groups = {str(name): group for name, group in table.groupby("dataset", sort=False)}
    rows: list[list[str]] = []
    marks = NoteMarks()
    for column, (title, digits) in facts.items():
        if has_values(table, column):
            rows.append(
                [
                    f"{title}, median (range)",
                    *(median_range(g[column], digits, marks) for g in groups.values()),
                ]
            )
    for view in ("sa", "la_2ch", "la_3ch", "la_4ch"):
        present = {
            name: g["views"].str.split(",").map(lambda views, v=view: v in views)
            for name, g in groups.items()
        }
        if any(flags.any() for flags in present.values()):
            title = {"sa": "Short axis", "la_2ch": "2-chamber view", "la_3ch": "3-chamber view"}.get(
                view, "4-chamber view"
            )
            rows.append([f"{title}, n (%)", *(count_percent(int(f.sum()), len(f)) for f in present.values())])
    if not rows:
        return None
    return Table(
        "tab-images",
        "Images of the analysed subjects.",
        [Column("", "left"), *(Column(with_n(name, len(g)), "center") for name, g in groups.items())],
        rows,
        notes=marks.note(),
    )


def median_range(values: pd.Series, digits: int, marks: NoteMarks) -> str:
    """Median and range of what is known, marked where some are missing."""
    known = pd.to_numeric(values, errors="coerce").dropna()
    if known.empty:
        return UNDEFINED
    text = f"{number(known.median(), digits)} ({interval(known.min(), known.max(), digits)})"
    return marks.with_n(text, len(known), len(values))
