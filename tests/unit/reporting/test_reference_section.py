"""Measures against healthy people: the table's numbers by hand, and when there is no table."""

from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from cinecohort.ledger.frames import write_frame
from cinecohort.measures.options import ReferenceOptions
from cinecohort.measures.reference_ranges import (
    NO_REFERENCE,
    Reference,
    add_z_scores,
    ranges_table,
    reference_of,
)
from cinecohort.reporting.document import Figure, Table
from cinecohort.reporting.sections.reference import reference_blocks

SHIPPED = reference_of(ReferenceOptions(), from_tables=False)
PEOPLE = pd.DataFrame(
    {
        "subject": list("abcdef"),
        "sex": ["F", "F", "F", "M", "M", None],
        "age_years": [50.0, 60.0, 70.0, 50.0, 30.0, 50.0],
    }
)
MEASURES = pd.DataFrame(
    {"subject": list("abcdef"), "source": "net", "lvef_pct": [61.0, 66.0, 46.0, 58.0, 58.0, 60.0]}
)


def blocks(tmp_path, reference: Reference) -> list[Any]:
    (tmp_path / "cohort").mkdir()
    (tmp_path / "figures").mkdir()
    write_frame(tmp_path / "cohort" / "reference_ranges.tsv", ranges_table(reference))
    context = SimpleNamespace(
        results=SimpleNamespace(folder=tmp_path, participants=PEOPLE),
        hidden=lambda n: 0,
        figure_path=lambda name: tmp_path / "figures" / name,
    )
    return reference_blocks(cast("Any", context), add_z_scores(MEASURES, PEOPLE, reference), ["net"])


def test_z_scores_of_each_sex_and_why_some_have_none(tmp_path) -> None:
    """Women: 0, 1 and -3, so mean -0.67, SD 2.08, one below. One man has a range, the other is too young."""
    table, figure = blocks(tmp_path, SHIPPED)
    assert isinstance(table, Table)
    assert isinstance(figure, Figure)
    assert [list(row) for row in table.rows] == [
        ["LVEF (%)", "Women", "61 (5), 45 to 74 years", "3", "−0.67 (2.08)", "1 (33.3 %)", "0 (0.0 %)"],
        ["LVEF (%)", "Men", "58 (5), 45 to 74 years", "1", "0.00", "0 (0.0 %)", "0 (0.0 %)"],
    ]
    assert "no range for this sex and age (1)" in str(table.notes)
    assert "sex not known (1)" in str(table.notes)
    assert "Petersen" in str(table.notes)
    assert figure.views == {"sa"}
    assert (tmp_path / "figures" / "reference.svg").is_file()


@pytest.mark.parametrize("reference", [NO_REFERENCE, reference_of(ReferenceOptions(), from_tables=True)])
def test_without_ranges_that_apply_there_is_nothing(tmp_path, reference) -> None:
    assert blocks(tmp_path, reference) == []
