"""Bai 2018, Table 4: what analysts saw who compared automatic and manual contours."""

from typing import Any

from cinecohort.reporting.document import Block, Column
from cinecohort.reporting.numbers import interval, is_defined
from cinecohort.reporting.paper.cells import Cell, Line, Part, compared, compared_table, not_made
from cinecohort.reporting.paper.own import Own
from cinecohort.reporting.results import Row, rows_by
from cinecohort.reporting.sections.reviewers import (
    PUBLISHED,
    REGION_WORDS,
    SCORE_HEADINGS,
    analyst_agreement,
)
from cinecohort.statistics.published_tables import load

ASSESSMENT = "visual_assessment"
"""Table of the agreement folder that the review room's blinded mode makes: counts by analyst and region."""


def table_4(own: Own) -> list[Block]:
    """Table 4 by analyst and region, beside the user's analysts in the order of their file."""
    columns = ("analyst", "region", *SCORE_HEADINGS, "n", "simulated")
    ours = own.agreement(ASSESSMENT, columns)
    published = load("bai2018_table4")
    theirs, known = rows_by(published, "analyst", "position"), rows_by(ours, "analyst", "region")
    analysts = list(dict.fromkeys(published["analyst"]))
    yours = list(dict.fromkeys(str(name) for name in ours["analyst"]))
    parts = []
    for index in range(max(len(analysts), len(yours))):
        printed = analysts[index] if index < len(analysts) else ""
        mine = yours[index] if index < len(yours) else ""
        rows = {region: known.get((mine, region)) for region in REGION_WORDS}
        heading = f"{printed} (n = 250 subjects)" if printed else "A further analyst"
        lines = [
            Line(words, cells_of(theirs.get((printed, region)), rows[region]))
            for region, words in REGION_WORDS.items()
        ]
        parts.append(Part(heading + (f"; yours: {who(mine, rows)}" if mine else ""), lines))
    table = compared_table(
        "tab-bai2018-4",
        "Bai 2018, Table 4. Qualitative visual assessment of automated segmentation: two analysts compared "
        "it with manual segmentation by eye, for basal, mid-ventricular and apical slices.",
        [Column(f"{heading} (%)") for heading in SCORE_HEADINGS.values()],
        parts,
    )
    if yours:
        return [table, *analyst_agreement(own.context)]
    return [
        table,
        not_made(
            "Nobody compared automatic and manual contours by eye: the blinded mode of the review room makes "
            f"agreement/{ASSESSMENT}.csv, which is not there."
        ),
    ]


def who(analyst: str, rows: dict[str, Row | None]) -> str:
    """Name of an analyst of the user's, with the numbers of scores, and whether they are made up."""
    scored = [int(row["n"]) for row in rows.values() if row and is_defined(row["n"])]
    sizes = interval(min(scored), max(scored), 0) if scored else "0"
    made_up = any(str(row["simulated"]).lower() == "true" for row in rows.values() if row)
    return f"{analyst}{', simulated: made-up scores' if made_up else ''} (n = {sizes} by region)"


def cells_of(printed: Row | None, mine: Row | None) -> list[Cell]:
    """Four percentages, published and of an own analyst."""
    cells = []
    for score, share in zip(SCORE_HEADINGS, PUBLISHED, strict=True):
        own: tuple[Any, None] | None = None
        if mine and is_defined(mine[score]) and is_defined(mine["n"]) and mine["n"] > 0:
            own = (100 * mine[score] / mine["n"], None)
        cells.append(compared((printed[share], None) if printed else None, own, 1))
    return cells
