"""Bai 2018, Table 4: what analysts saw who compared automatic and manual contours."""

import pandas as pd

from cinecohort.reporting.document import Block, Column
from cinecohort.reporting.numbers import is_defined
from cinecohort.reporting.paper.cells import Line, Part, compared, compared_table, not_made
from cinecohort.reporting.paper.own import Own
from cinecohort.reporting.results import rows_by
from cinecohort.statistics.published_tables import load

ASSESSMENT = "visual_assessment"
"""Table of the agreement folder that the review room's blinded mode makes: counts by analyst and region."""

REGIONS = {"basal": "Basal", "mid": "Mid-ventricular", "apical": "Apical"}
SCORES = {
    "same": "agreement_pct",
    "better": "automatic_better_pct",
    "worse": "manual_better_pct",
    "unsure": "not_sure_pct",
}
"""Counts of ``visual_assessment.csv`` to the paper's columns; better means that the automatic one is."""
HEADS = ("Agreement (%)", "Auto. better (%)", "Man. better (%)", "Not sure (%)")


def percentages(table: pd.DataFrame) -> pd.DataFrame:
    """Counts as percentages of n; what n counts beyond better, same and worse is not sure."""
    known = table.dropna(subset=["n"])
    known = known[known["n"] > 0].copy()
    if "unsure" not in known:
        known["unsure"] = known["n"] - known[["better", "same", "worse"]].sum(axis=1)
    for count_column, share in SCORES.items():
        known[share] = 100 * known[count_column] / known["n"]
    return known


def table_4(own: Own) -> list[Block]:
    """Table 4 by analyst and region, beside the user's analysts in the order of their file."""
    published = load("bai2018_table4")
    columns = ("analyst", "region", "better", "same", "worse", "n")
    ours = percentages(own.agreement(ASSESSMENT, columns))
    theirs = rows_by(published, "analyst", "position")
    known = rows_by(ours, "analyst", "region")
    analysts = list(dict.fromkeys(published["analyst"]))
    yours = list(dict.fromkeys(str(name) for name in ours["analyst"]))
    parts = []
    for index in range(max(len(analysts), len(yours))):
        printed = analysts[index] if index < len(analysts) else ""
        mine = yours[index] if index < len(yours) else ""
        sizes = ours.loc[ours["analyst"] == mine, "n"]
        heading = f"{printed} (n = 250 subjects)" if printed else "Further analyst"
        if mine:
            heading += f"; yours: {mine} (n = {int(sizes.min())} to {int(sizes.max())} per region)"
        lines = [
            Line(words, cells_of(theirs.get((printed, region)), known.get((mine, region))))
            for region, words in REGIONS.items()
        ]
        parts.append(Part(heading, lines))
    table = compared_table(
        "tab-bai2018-4",
        "Bai 2018, Table 4. Qualitative visual assessment of automated segmentation: two analysts compared "
        "it with manual segmentation by eye.",
        [Column(head) for head in HEADS],
        parts,
    )
    if yours:
        return [table]
    return [
        table,
        not_made(
            "Nobody compared automatic and manual contours by eye: the blinded mode of the review room makes "
            f"agreement/{ASSESSMENT}.csv, which is not there."
        ),
    ]


def cells_of(printed: dict | None, mine: dict | None) -> list:
    """Four percentages, published and of an own analyst."""
    return [
        compared(
            (printed[share], None) if printed else None,
            (mine[share], None) if mine and is_defined(mine[share]) else None,
            1,
        )
        for share in SCORES.values()
    ]
