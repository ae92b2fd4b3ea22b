"""Tables of networks and trainings compared: Bai 2018, Table 10; Chen 2020, Tables IV and V."""

from collections.abc import Mapping, Sequence

import pandas as pd

from cinecohort.catalogue.views import STRUCTURES
from cinecohort.reporting.document import Block, Column, Table
from cinecohort.reporting.numbers import UNDEFINED, count, mean_sd
from cinecohort.reporting.paper.cells import (
    Line,
    Part,
    compared,
    compared_table,
    dataset_spans,
    mean_and_sd,
    not_made,
    structure_columns,
)
from cinecohort.reporting.paper.own import Own
from cinecohort.reporting.results import Row, read_table, rows_by
from cinecohort.statistics.published_tables import load

STRUCTURES_SA = tuple(STRUCTURES["sa"].values())
NOT_RUN = (
    "No such experiment is in this results folder: snakemake experiments trains and tests networks on your "
    "datasets and writes experiments/tables/."
)


def measured(own: Own, paper: str, number: str) -> pd.DataFrame:
    """Own rows of the experiments' table that was made to stand beside a published one; empty without one."""
    folder = own.context.results.folder / "experiments" / "tables"
    for path in sorted(folder.glob("*.csv")):
        table = read_table(path)
        if "paper_table" not in table:
            continue
        beside = (table["paper"] == paper) & (table["paper_table"] == number)
        if beside.any():
            return table[table["origin"] == "measured"]
    return pd.DataFrame(columns=["row", "title", "dataset", "structure"])


def table_10(own: Own) -> list[Block]:
    """Table 10 of Bai 2018: two other datasets, with and without fine-tuning."""
    return columns_by_dataset(
        own,
        "bai2018_table10",
        ("LVSC 2009", "ACDC 2017"),
        "Bai 2018, Table 10. Dice overlap metrics for segmentations on LVSC 2009 and ACDC 2017 datasets, "
        "with and without fine-tuning: mean (SD).",
        {"no": "without fine-tuning", "yes": "with fine-tuning"},
    )


def table_iv(own: Own) -> list[Block]:
    """Table IV of Chen 2020: four networks."""
    return columns_by_dataset(
        own,
        "chen2020_table4",
        ("UKBB", "ACDC", "BSCMR-AS"),
        "Chen 2020, Table IV. Cross-dataset segmentation performances of four different network "
        "architectures: mean (SD) of Dice.",
    )


def table_v(own: Own) -> list[Block]:
    """Table V of Chen 2020: one of four operations left out."""
    return columns_by_dataset(
        own,
        "chen2020_table5",
        ("UKBB", "ACDC", "BSCMR-AS"),
        "Chen 2020, Table V. Cross-dataset segmentation performances of U-Nets with different training "
        "configurations: mean (SD) of Dice.",
        digits=3,
    )


def columns_by_dataset(
    own: Own,
    name: str,
    datasets: Sequence[str],
    caption: str,
    words: Mapping[str, str] | None = None,
    digits: int = 2,
) -> list[Block]:
    """Table with a block of columns per published dataset, and one's own rows without a counterpart below.

    A row of one's own stands beside the published one of the same title (or group) and dataset.
    """
    published = load(name)
    mine = measured(own, str(published["paper"].iloc[0]), str(published["table"].iloc[0]))
    titles = published["method"].where(published["group"].isna(), published["group"])
    published = published.assign(title=titles.map(lambda title: (words or {}).get(str(title), str(title))))
    theirs = rows_by(published, "title", "dataset", "structure")
    ours = rows_by(mine, "title", "dataset", "structure")
    shown = [
        (dataset, structure)
        for dataset in datasets
        for structure in STRUCTURES_SA
        if ((published["dataset"] == dataset) & (published["structure"] == structure)).any()
    ]
    lines = []
    matched: set[tuple[str, str]] = set()
    for title in dict.fromkeys(published["title"]):
        cells = []
        for dataset, structure in shown:
            row = ours.get((title, dataset, structure))
            matched |= {(title, dataset)} if row else set()
            printed = mean_and_sd(theirs.get((title, dataset, structure)), "mean", "sd")
            cells.append(compared(printed, mean_and_sd(row, "mean", "sd"), digits))
        lines.append(Line(title, cells))
    label = f"tab-{name.replace('_table', '-')}"
    table = compared_table(
        label,
        caption,
        structure_columns(structure for _, structure in shown),
        [Part("", lines)],
        spans=dataset_spans(published, shown),
    )
    rest = own_rows(mine, matched, label, digits)
    return [table, *rest] if len(mine) else [table, not_made(NOT_RUN)]


def own_rows(mine: pd.DataFrame, matched: set[tuple[str, str]], label: str, digits: int) -> list[Block]:
    """Own rows of other titles or datasets than the published ones."""
    rows: list[list[str] | str] = []
    for (title, dataset), part in mine.groupby(["title", "dataset"], sort=False):
        if (title, dataset) in matched:
            continue
        known = rows_by(part, "structure")
        first = part.iloc[0]
        rows.append(
            [
                str(title),
                str(first["trained_on"]),
                str(dataset),
                count(part["n"].max()),
                *(dice_text(known.get(name), digits) for name in STRUCTURES_SA),
            ]
        )
    if not rows:
        return []
    heads = [Column("Yours", "left", "share"), Column("Trained on", "left"), Column("Tested on", "left")]
    heads += [Column("n"), *structure_columns()]
    return [
        Table(
            f"{label}-own",
            "Your rows of the same experiment that have no counterpart of the same name and dataset in the "
            "paper: mean (SD) of Dice.",
            heads,
            rows,
            notes="Trained for as long as was set, which may be far from the papers' lengths; see the curves "
            "in experiments/tables.",
        )
    ]


def dice_text(row: Row | None, digits: int) -> str:
    """Mean (SD) of Dice; a dash where there is none."""
    return mean_sd(row["mean"], row["sd"], digits) if row else UNDEFINED
