import pytest

from cinecohort.reporting.document import Citation, Column, Reference, Table, block_to_dict, text_to_list

COLUMNS = [Column("a", "left"), Column("b")]


def test_a_table_without_rows_is_refused():
    with pytest.raises(ValueError, match="tab-x has no rows"):
        block_to_dict(Table("tab-x", "caption", COLUMNS, []))


def test_a_row_of_the_wrong_width_is_refused():
    with pytest.raises(ValueError, match="has not 2 cells"):
        block_to_dict(Table("tab-x", "caption", COLUMNS, [["1"]]))


def test_spanning_headings_must_cover_the_columns():
    with pytest.raises(ValueError, match="do not cover 2 columns"):
        block_to_dict(Table("tab-x", "caption", COLUMNS, [["1", "2"]], spans=[("all", 3)]))


def test_a_string_among_the_rows_is_a_heading():
    rows = block_to_dict(Table("tab-x", "caption", COLUMNS, ["Group", ["1", "2"]]))["rows"]
    assert rows[0] == {"heading": "Group"}
    assert [cell["text"] for cell in rows[1]["cells"]] == ["1", "2"]


def test_only_columns_of_numbers_are_aligned_at_the_point():
    first, second = block_to_dict(Table("tab-x", "caption", COLUMNS, [["1.5 (0.3)", "1.5 (0.3)"]]))["rows"][
        0
    ]["cells"]
    assert first["parts"] == []
    assert second["parts"] == ["1", ".5", "\N{NO-BREAK SPACE}(0", ".3)"]


def test_inline_objects_keep_their_order():
    text = text_to_list(["see ", Reference("tab-x"), Citation(("bai2018",))])
    assert [item["kind"] for item in text] == ["text", "reference", "citation"]
