"""Published tables that can be printed are those that :func:`published_rows` has rows of."""

import pytest

from cinecohort.experiments.published import tables_with_dice
from cinecohort.experiments.tables import published_rows
from cinecohort.statistics import published_tables

WITHOUT_DICE = {f"bai2018_table{number}" for number in (4, 5, 8, 9)} | {
    "bai2018_table1",
    "chen2020_table1",
    "chen2020_table2",
    "chen2020_table9",
    "chen2020_figure8",
}


def test_tables_of_other_measures_are_not_offered() -> None:
    assert set(tables_with_dice("sa")) == set(published_tables.names()) - WITHOUT_DICE - {
        "bai2018_table6",
        "bai2018_table7",
    }
    assert tables_with_dice("la_2ch") == ["bai2018_table6", "bai2018_table7"]


@pytest.mark.parametrize("view", ["sa", "la_2ch", "la_4ch"])
def test_every_table_that_is_offered_has_one_number_a_line_and_structure(view: str) -> None:
    for name in tables_with_dice(view):
        rows = published_rows(name, view)
        assert len(rows), name
        assert not rows.duplicated(["title", "dataset", "structure"]).any(), name
