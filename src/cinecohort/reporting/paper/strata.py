"""Dice by what tells subjects apart: Chen 2020, Tables VI (scanner), VII (site) and VIII (pathology)."""

from typing import Any

import pandas as pd

from cinecohort.reporting.document import Block, Column, Table
from cinecohort.reporting.numbers import UNDEFINED, count, mean_sd
from cinecohort.reporting.paper.cells import (
    Cell,
    Line,
    Part,
    compared,
    compared_table,
    counts,
    mean_and_sd,
    not_made,
    structure_columns,
)
from cinecohort.reporting.paper.own import AUTOMATIC, Own
from cinecohort.reporting.results import Row, rows_by
from cinecohort.reporting.sections.overlap import STRATA, level_words
from cinecohort.statistics.published_tables import load

STRUCTURES = ("LV", "MYO", "RV")
WITHOUT_FAILURES = "ACDC"
"""Published set of Table VI from which subjects with a Dice below 0.50 are left out."""


def own_strata(own: Own, name: str) -> pd.DataFrame:
    """Rows of ``overlap_by_NAME.csv`` of the automatic comparison in the short axis, the level as text."""
    columns = ("source", "reference", "view", "structure", "selection", "n")
    table = own.agreement(f"overlap_by_{name}", columns)
    column = STRATA[name][0]
    pair = own.pairs.get(AUTOMATIC)
    if pair is None or column not in table:
        return pd.DataFrame(columns=[*columns, "dataset", "level"])
    table = table[(table["source"] == pair[0]) & (table["reference"] == pair[1]) & (table["view"] == "sa")]
    table = table.assign(level=[level_words(column, value) for value in table[column]])
    return table if "dataset" in table else table.assign(dataset="")


def matching(table: pd.DataFrame, own: Own, dataset: str, level: str, selection: str) -> dict[Any, Row]:
    """Rows by structure of the level that a published row has, in the user's dataset of its name.

    Where no dataset has its name, and one alone has the level, that one.
    """
    same = table["level"].str.casefold() == level.casefold()
    floor = table["selection"].str.startswith("dice")
    rows = table[same & (floor if selection == "floor" else table["selection"] == "all")]
    named = rows[rows["dataset"] == (own.dataset_key(dataset) or dataset)]
    if named.empty and len(rows["dataset"].unique()) == 1:
        named = rows
    return rows_by(named, "structure")


def strata_table(
    own: Own, number: str, strata: dict[str, str], name: str, caption: str, notes: str
) -> list[Block]:
    """Table of Dice by strata: each published row beside the user's of the same level.

    Parameters
    ----------
    strata
        Published ``group_by`` to the name of our table of overlap.
    """
    published = load(name)
    parts, rest = [], []
    for group_by, stratum in strata.items():
        mine = own_strata(own, stratum)
        column, heading = STRATA[stratum]
        lines, seen = [], set()
        rows = published[published["group_by"] == group_by]
        for keys, theirs in rows.groupby(["dataset", "group"], sort=False):
            dataset, group = map(str, keys)
            level = level_words(column, float(group) if column == "field_t" else group)
            floor = number == "VI" and dataset == WITHOUT_FAILURES
            ours = (
                {} if column == "site" else matching(mine, own, dataset, level, "floor" if floor else "all")
            )
            seen |= {level.casefold()} if ours else set()
            lines.append(Line(f"{dataset}, {level}", cells_of(theirs, ours)))
        parts.append(Part(heading, lines))
        rest += other_levels(mine, heading, seen)
    label = f"tab-chen2020-{number.lower()}"
    heads = [Column("n"), *structure_columns()]
    table = compared_table(label, f"Chen 2020, Table {number}. {caption}", heads, parts, notes)
    blocks: list[Block] = [table, *other_table(rest, f"{label}-own")]
    if not rest and not any(cell.own != UNDEFINED for p in parts for line in p.lines for cell in line.cells):
        known = "no table of overlap by this" if own.pairs.get(AUTOMATIC) else own.why_not(AUTOMATIC)
        blocks.append(not_made(f"There is no Dice by these groups: {known}."))
    return blocks


def cells_of(theirs: pd.DataFrame, ours: dict[Any, Row]) -> list[Cell]:
    """Number of subjects and Dice of the three structures."""
    printed = rows_by(theirs, "structure")
    n = max((row["n"] for row in ours.values()), default=None)
    dice = [
        compared(
            mean_and_sd(printed.get(name), "mean", "sd"),
            mean_and_sd(ours.get(name), "dice_mean", "dice_sd"),
            2,
        )
        for name in STRUCTURES
    ]
    return [counts(theirs["n"].iloc[0], n), *dice]


def other_levels(mine: pd.DataFrame, heading: str, seen: set[str]) -> list[list[str]]:
    """Rows of the levels that the paper does not have."""
    rows = []
    whole = mine[(mine["selection"] == "all") & ~mine["level"].str.casefold().isin(seen)]
    for (dataset, level), part in whole.groupby(["dataset", "level"], sort=False):
        known = rows_by(part, "structure")
        dice = [
            mean_sd(known[name]["dice_mean"], known[name]["dice_sd"], 2) if name in known else UNDEFINED
            for name in STRUCTURES
        ]
        words = f"{dataset}, {level}" if dataset else str(level)
        rows.append([heading, words, count(part["n"].max()), *dice])
    return rows


def other_table(rows: list[list[str]], label: str) -> list[Block]:
    """Table of the user's levels that the paper does not have; nothing where there are none."""
    if not rows:
        return []
    heads = [Column("Yours", "left"), Column("", "left", "share"), Column("n")]
    return [
        Table(
            label,
            "Yours that have no counterpart in the paper: mean (SD) of Dice.",
            [*heads, *structure_columns()],
            rows,
        )
    ]
