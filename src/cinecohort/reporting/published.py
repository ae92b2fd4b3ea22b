"""Figures of Bai 2018 and Chen 2020 in the shape of the report's tables, always marked as published."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from cinecohort.reporting.numbers import UNDEFINED, count, mean_sd, number, with_n
from cinecohort.statistics import published_tables

COMPARISONS = {"automatic vs manual": "Automatic vs manual"}
"""Names of the papers' comparisons to the headings here."""

STRATA: dict[str, tuple[str, ...]] = {
    "disease": ("bai2018_table2",),
    "vendor": ("chen2020_table6",),
    "field_strength": ("chen2020_table6",),
    "site": ("chen2020_table7",),
    "pathology": ("chen2020_table8",),
    "dataset": ("chen2020_table3",),
}
"""What divides the subjects, to the published tables that do so."""

GROUPED_BY = {"disease": "cardiovascular_disease", "field_strength": "field_t", "pathology": "group"}
GROUPS = {"all": "all", "yes": "with disease", "no": "without"}


@dataclass(frozen=True)
class Published:
    """Published figures for the last columns of a table.

    Parameters
    ----------
    columns
        (comparison, heading) of each column.
    cells
        Text of each (kind, row, comparison).
    """

    columns: list[tuple[str, str]]
    cells: dict[tuple[str, str, str], str]

    def cell(self, kind: str, row: str, comparison: str) -> str:
        """Text of a cell; a dash where nothing was published."""
        return self.cells.get((kind, row, comparison), UNDEFINED)


@dataclass(frozen=True)
class PublishedRow:
    """A published row of a table of strata: words, n, structure to text."""

    words: str
    n: str
    cells: dict[str, str]


NOTHING = Published([], {})
AUTOMATIC = "automatic vs manual"


def columns_of(table: pd.DataFrame, between_observers: bool) -> list[tuple[str, str]]:
    """Comparisons of a published table with their headings: those between observers, or the other."""
    pairs = table[["comparison", "n"]].drop_duplicates("comparison")
    return [
        (name, with_n(COMPARISONS.get(name, name), n))
        for name, n in pairs.to_numpy()
        if (name != AUTOMATIC) == between_observers
    ]


def differences(between_observers: bool) -> Published:
    """Absolute and relative differences of Bai 2018, Tables 5 and 9."""
    table = published_tables.published_differences()
    cells = {
        (str(row["difference"]).removesuffix("_pct"), row["measure"], row["comparison"]): mean_sd(
            row["mean"], row["sd"], 1
        )
        for row in table.to_dict("records")
    }
    return Published(columns_of(table, between_observers), cells)


def overlap(between_observers: bool) -> Published:
    """Dice and distances of Bai 2018: Table 3 for the short axis, Table 7 for the long axes."""
    table = pd.concat([published_tables.load(f"bai2018_table{n}") for n in (3, 7)], ignore_index=True)
    cells = {
        (row["metric"], f"{row['view']} {row['structure']}", row["comparison"]): mean_sd(
            row["mean"], row["sd"], 2
        )
        for row in table.to_dict("records")
    }
    return Published(columns_of(table, between_observers), cells)


def spearman() -> tuple[list[str], dict[str, list[str]]]:
    """Spearman's coefficients of Chen 2020, Table IX: the datasets, and measure to the text of each."""
    table = published_tables.load("chen2020_table9")
    datasets = [str(name) for name in table["dataset"].drop_duplicates()]
    result = {}
    for measure, rows in table.groupby("measure", sort=False):
        values = rows.set_index("dataset")["spearman"]
        result[str(measure)] = [number(values.get(name), 2) for name in datasets]
    return datasets, result


def strata(name: str, structures: Sequence[str]) -> list[PublishedRow]:
    """Published Dice by stratum: Bai 2018 Table 2, Chen 2020 Tables III and VI to VIII.

    Parameters
    ----------
    name
        What divides the subjects; see :data:`STRATA`.
    structures
        Structures of the table that the rows go into.
    """
    rows = []
    for table_name in STRATA.get(name, ()):
        table = published_tables.load(table_name)
        table = table[(table["metric"] == "dice") & (table["view"] == "sa")]
        if name != "dataset":
            table = table[table["group_by"] == GROUPED_BY.get(name, name)]
        keys = ["paper", "method", "dataset", "group", "n"]
        for (paper, method, dataset, group, n), part in table.groupby(keys, sort=False, dropna=False):
            level = "" if name == "dataset" else f": {group_words(name, str(group))}"
            values = part.set_index("structure")
            cells = {
                structure: mean_sd(values.loc[structure, "mean"], values.loc[structure, "sd"], 2)
                for structure in structures
                if structure in values.index
            }
            rows.append(PublishedRow(f"{paper}, {method}, {dataset}{level}", count(n), cells))
    return rows


def group_words(name: str, group: str) -> str:
    """Words of a published group."""
    if name == "field_strength":
        return f"{float(group):g} T"
    return GROUPS.get(group, group) if name == "disease" else group
