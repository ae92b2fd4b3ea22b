"""What has nothing to show takes no room in the report."""

import itertools

import pytest

from cinecohort.reporting.agreement_figures import apart
from cinecohort.reporting.document import Absent, Column, Paragraph, Section, Table
from cinecohort.reporting.tidy import in_parts, without_absent, without_empty_columns


def titles(sections: list[Section]) -> list[str]:
    return [section.title for section in sections]


def test_sections_without_results_are_left_out_and_what_they_say_is_kept() -> None:
    sections = [
        Section("Full", "a", [Paragraph("text")]),
        Section("Empty", "b", [Absent("none of b")]),
        Section("Head", "c", [Absent("none of c")]),
        Section("Part of head", "d", [Paragraph("text")], level=2),
        Section("Other part", "e", [Absent("none of e")], level=2),
        Section("Both", "f", [Absent("none of f"), Paragraph("but this")]),
    ]
    kept, said = without_absent(sections)
    assert titles(kept) == ["Full", "Head", "Part of head", "Both"]
    assert said == ["none of b", "none of e"]


def test_columns_of_dashes_are_named_below_the_table_and_not_printed() -> None:
    columns = [Column("Measure"), Column("n"), Column("95 % CI"), Column("rho"), Column("Views")]
    rows = ["Heading", ["LVEDV", "3", "–", "0.5", ""], ["LVM", "3", "–", "–", ""]]
    spans = [("", 1), ("Ours", 3), ("Theirs", 1)]
    table = Table("t", "Caption.", columns, rows, spans=spans, notes="Note.", published_columns=1)
    shown = without_empty_columns(table)
    assert [column.title for column in shown.columns] == ["Measure", "n", "rho"]
    assert shown.rows == ["Heading", ["LVEDV", "3", "0.5"], ["LVM", "3", "–"]]
    assert shown.spans == [("", 1), ("Ours", 2)]
    assert shown.published_columns == 0
    assert "".join(shown.notes) == "Note. Left out, since no value is known: 95 % CI (Ours)."


@pytest.mark.parametrize("rows", [[["LVEDV", "–", "–"]], [["LVEDV", "1", "2"], ["LVM", "–", "3"]]])
def test_other_tables_stay_as_they_are(rows: list[list[str]]) -> None:
    table = Table("t", "Caption.", [Column("Measure"), Column("a"), Column("b")], rows)
    assert without_empty_columns(table) is table


def test_columns_are_dealt_out_evenly() -> None:
    assert [len(part) for part in in_parts(range(6), 5)] == [3, 3]
    assert [len(part) for part in in_parts(range(11), 5)] == [4, 4, 3]
    assert in_parts([], 5) == []


def test_values_beside_lines_do_not_stand_on_one_another() -> None:
    places = apart([-54.6, -4.9, 44.8], (-400.0, 120.0))
    gaps = [after - before for before, after in itertools.pairwise(places)]
    assert min(gaps) > 100
    assert max(places) < 120
    assert apart([-50.0, 0.0, 50.0], (-60.0, 60.0)) == [-50.0, 0.0, 50.0]
