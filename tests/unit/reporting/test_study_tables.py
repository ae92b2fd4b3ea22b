"""Tables of a group study: what is unknown, counted and cut is said in them."""

from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from cinecohort.reporting.document import Table
from cinecohort.reporting.sections.study_robustness import sensitivity_table, subgroup_table
from cinecohort.reporting.sections.study_tables import baseline_table, comparison_table
from cinecohort.statistics.weighting import TOO_NARROW

GROUPS = ("Obese", "Normal")


def only(blocks: list[Any]) -> Table:
    (table,) = blocks
    return cast("Table", table)


def cells(table: Table, first: str) -> list[list[str]]:
    """Cells of the rows whose first cell is `first`, without it."""
    return [list(row[1:]) for row in table.rows if not isinstance(row, str) and row[0].strip() == first]


def baseline_rows(variable: str, level: str, missing: int, **numbers: float) -> list[dict[str, object]]:
    row = {"variable": variable, "level": level, "n1": 20, "n0": 40, "missing1": missing, "missing0": 0}
    return [{**row, "stage": stage, "smd": 0.1, **numbers} for stage in ("before", "after")]


def test_percentages_of_a_factor_are_of_the_known_and_its_missing_stand_once() -> None:
    table = pd.DataFrame(
        [
            *baseline_rows("age_years", "", 0, mean1=60, sd1=5, mean0=61, sd0=5),
            *baseline_rows("site", "Reading", 10, count1=4, percent1=40, count0=10, percent0=25),
            *baseline_rows("site", "Stockport", 10, count1=6, percent1=60, count0=30, percent0=75),
        ]
    )
    shown = only(baseline_table(table, "ob", GROUPS, 0))
    texts = [row[1:3] for row in shown.rows if "(" in row[1]]
    assert texts == [
        ["60.0 (5.0)", "61.0 (5.0)"],
        ["4 (40.0 %)", "10 (25.0 %)"],
    ], "of two levels one"
    assert cells(shown, "missing, n") == [["10", "0", "", "10", "0", ""]]
    assert shown.rows[-1][0].strip() == "missing, n"


def test_a_factor_unknown_of_a_whole_group_has_no_percentage() -> None:
    table = pd.DataFrame(
        baseline_rows("site", "Reading", 20, count1=0, percent1=np.nan, count0=3, percent0=7.5)
    )
    (row, _) = only(baseline_table(table, "ob", GROUPS, 5)).rows
    assert row[1:3] == ["0", "< 5"]


def compared(outcome: str, n1: int, n0: int) -> dict[str, object]:
    row = {"outcome": outcome, "n1": n1, "n0": n0, "mean1": 100, "sd1": 10, "mean0": 90, "sd0": 10}
    return row | {"difference": 10, "ci_low": 8, "ci_high": 12, "welch_p": 0.01, "p_holm": 0.02}


@pytest.mark.parametrize("few_first", [False, True])
def test_an_outcome_of_fewer_subjects_says_so_in_a_note(few_first: bool) -> None:
    rows = [compared("lvedv_ml", 50, 80), compared("la_max_ml", 12, 80)]
    table = pd.DataFrame(rows[::-1] if few_first else rows)
    shown = cast("Table", comparison_table(table, {}, "ob", GROUPS, 0.95)[0])
    assert [column.title.split("\n")[-1].replace("\xa0", " ") for column in shown.columns[1:3]] == [
        "(n = 50)",
        "(n = 80)",
    ]
    assert cells(shown, "LVEDV (mL)")[0][:2] == ["100.0 (10.0)", "90.0 (10.0)"]
    assert cells(shown, "LA maximum (mL)")[0][:2] == ["100.0 (10.0)ᵃ", "90.0 (10.0)"]
    notes = [part.replace("\xa0", " ") for part in shown.notes if isinstance(part, str)]
    assert any("ᵃ n = 12." in part for part in notes)


def test_a_difference_without_a_p_and_groups_not_balanced_are_said_below_the_table() -> None:
    missing = dict.fromkeys(("ci_low", "ci_high", "p", "p_holm"), np.nan)
    rows = [compared("lvm_g", 9, 9) | missing | {"p_note": "no interval and no p: since"}]
    for balanced in (True, False):
        shown = cast("Table", comparison_table(pd.DataFrame(rows), {}, "ob", GROUPS, 0.95, balanced)[0])
        assert cells(shown, "LVM (g)")[0][2:5] == ["+10.0", "–", "–"]
        assert "No interval and no p: since." in str(shown.notes)
        assert ("groups are not balanced" in str(shown.notes)) != balanced


def varied(analysis: str, outcome: str, **numbers: object) -> dict[str, object]:
    row = {"analysis": analysis, "setting": "x", "outcome": outcome, "max_abs_smd": 0.1, "note": ""}
    row |= {"n1": 20, "n0": 30, "estimate": 5.0, "ci_low": 4.0, "ci_high": 6.0}
    return row | numbers


def test_why_weighting_has_no_p_is_said_below_the_table() -> None:
    rows = [
        varied("no matching", "lvm_g", note=f"analyses by weighting have no p: {TOO_NARROW}"),
        varied("caliper", "lvm_g"),
    ]
    shown = only(sensitivity_table(pd.DataFrame(rows), "ob", 0.95))
    assert "Analyses by weighting have no p: where few subjects carry most of the weight" in str(shown.notes)


def test_an_analysis_that_failed_is_named_below_the_table_with_its_reason() -> None:
    nothing = dict.fromkeys(("n1", "n0", "estimate", "ci_low", "ci_high", "max_abs_smd"), np.nan)
    table = pd.DataFrame(
        [
            varied("caliper", "lvedv_ml"),
            varied("caliper", "lvm_g", n1=12),
            varied("exact", "", note="No sex_x and height_cm has a partner.", **nothing),
        ]
    )
    shown = only(sensitivity_table(table, "ob", 0.95))
    assert [column.title for column in shown.columns[3:]] == ["LVEDV (mL)", "LVM (g)"]
    (first,) = ([cell.replace("\xa0", " ") for cell in row] for row in shown.rows)
    assert first == ["caliper x", "20 + 30", "0.10", "+5.0 (4.0 to 6.0)", "+5.0 (4.0 to 6.0)ᵃ"]
    assert str(shown.notes).startswith("ᵃ n = 12 + 30.")
    assert "Not done: exact on x (No sex_x and height (cm) has a partner)." in shown.notes
    assert "more" not in shown.notes


def test_outcomes_that_do_not_fit_are_counted() -> None:
    names = ("lvedv_ml", "lvesv_ml", "lvm_g", "rvedv_ml", "rvesv_ml", "la_max_ml", "ra_max_ml")
    shown = only(sensitivity_table(pd.DataFrame([varied("caliper", name) for name in names]), "ob", 0.95))
    assert len(shown.columns) == 3 + 5
    assert "And 2 more outcomes in sensitivity.csv." in shown.notes


def test_subgroups_are_cut_between_blocks_and_the_rest_counted() -> None:
    row = {"n1": 9, "n0": 9, "estimate": 1, "ci_low": 0, "ci_high": 2, "p": 0.5, "interaction_p": 0.5}
    outcomes = ("lvedv_ml", "lvesv_ml", "lvm_g")
    table = pd.DataFrame(
        [{"factor": "site", "level": f"s{i}", "outcome": name, **row} for name in outcomes for i in range(30)]
    )
    shown = only(subgroup_table(table, "ob", 0.95))
    assert len(shown.rows) == 2 * 31
    assert "And 1 more set of subgroups in subgroups.csv." in shown.notes
    assert "more" not in only(subgroup_table(table[:60], "ob", 0.95)).notes


def test_heads_name_the_confidence_of_the_study() -> None:
    row = {"n1": 9, "n0": 9, "estimate": 1, "ci_low": 0, "ci_high": 2, "p": 0.5, "interaction_p": 0.5}
    subgroups = pd.DataFrame([{"factor": "sex", "level": "F", "outcome": "lvm_g", **row}])
    tables = [
        *comparison_table(pd.DataFrame([compared("lvm_g", 9, 9)]), {}, "ob", GROUPS, 1 - 0.1),
        *sensitivity_table(pd.DataFrame([varied("caliper", "lvm_g")]), "ob", 1 - 0.1),
        *subgroup_table(subgroups, "ob", 1 - 0.1),
    ]
    assert len(tables) == 4
    for table in tables:
        assert "90 % CI" in str(table)
        assert "95 %" not in str(table)
