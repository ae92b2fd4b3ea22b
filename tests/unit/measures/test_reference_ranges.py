"""Reference ranges: which holds for whom, z-scores by hand, users' tables and what is wrong with them."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cinecohort.errors import UserError
from cinecohort.ledger.frames import write_frame
from cinecohort.measures.options import ReferenceOptions
from cinecohort.measures.reference_ranges import (
    NO_AGE,
    NO_SEX,
    OTHER_CONVENTION,
    OUTSIDE,
    UNKNOWN_CONVENTION,
    Reference,
    add_z_scores,
    ranges_table,
    read_ranges,
    reasons_counted,
    reference_of,
    reference_used,
)

ROOT = Path(__file__).parents[3]
SHIPPED = reference_of(ReferenceOptions(), from_tables=False)
HEADER = "measure,sex,age_from,age_to,mean,sd,source\n"


def people(**columns) -> pd.DataFrame:
    return pd.DataFrame({"subject": list("abcdef"), **columns})


def test_shipped_ranges_are_those_of_petersens_abstract() -> None:
    found = {(one.measure, one.sex): (one.mean, one.sd, one.age_from, one.age_to) for one in SHIPPED.ranges}
    assert found == {
        ("lvef_pct", "F"): (61, 5, 45, 74),
        ("lvef_pct", "M"): (58, 5, 45, 74),
        ("lvm_g_i", "F"): (42, 7, 45, 74),
        ("lvm_g_i", "M"): (53, 9, 45, 74),
    }
    woman = SHIPPED.find("lvef_pct", "F", 60.0)
    assert woman is not None
    assert woman.low == pytest.approx(51.2, abs=0.01)
    assert woman.high == pytest.approx(70.8, abs=0.01)
    assert "Petersen" in woman.source


def test_z_scores_by_hand_and_none_outside_sex_and_age() -> None:
    """51 % in a woman is two SDs under 61; ages are completed years; every blank has its reason."""
    participants = people(
        sex=["F", "M", "M", "F", None, "M"], age_years=[45.0, 74.9, 75.0, 44.99, 60.0, np.nan]
    )
    measures = people(lvef_pct=[51.0, 63.0, 60.0, 60.0, 60.0, 60.0], lvm_g_i=[49.0, np.nan, 40.0, 40, 40, 40])
    table = add_z_scores(measures, participants, SHIPPED)
    assert table["lvef_pct_z"].tolist()[:2] == [-2.0, 1.0]
    assert table["lvm_g_i_z"].tolist()[0] == 1.0
    assert table["lvef_pct_z"].isna().tolist() == [False, False, True, True, True, True]
    assert table["z_missing"].tolist() == [
        "",
        "",  # There is no mass, and so no reason to give.
        f"lvef_pct: {OUTSIDE}; lvm_g_i: {OUTSIDE}",
        f"lvef_pct: {OUTSIDE}; lvm_g_i: {OUTSIDE}",
        f"lvef_pct: {NO_SEX}; lvm_g_i: {NO_SEX}",
        f"lvef_pct: {NO_AGE}; lvm_g_i: {NO_AGE}",
    ]
    assert reasons_counted(table["z_missing"])[("lvef_pct", OUTSIDE)] == 2


def test_every_row_of_a_subject_has_its_own_score() -> None:
    measures = pd.DataFrame({"subject": ["a", "a"], "source": ["net", "O1"], "lvef_pct": [61.0, 66.0]})
    table = add_z_scores(measures, people(sex=["F"] * 6, age_years=[50] * 6), SHIPPED)
    assert table["lvef_pct_z"].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("columns", [{}, {"sex": ["F"] * 6}, {"age_years": ["50"] * 6}])
def test_without_sex_or_age_there_is_no_score(columns) -> None:
    table = add_z_scores(people(lvef_pct=[60.0] * 6), people(**columns), SHIPPED)
    assert table["lvef_pct_z"].isna().all()
    assert (table["z_missing"] == f"lvef_pct: {NO_AGE if 'sex' in columns else NO_SEX}").all()


def test_another_convention_of_papillary_muscles_gives_no_score() -> None:
    for given, from_tables, reason in (
        (None, True, UNKNOWN_CONVENTION),
        ("unknown", False, UNKNOWN_CONVENTION),
        ("myocardium", False, OTHER_CONVENTION),
        ("cavity", True, ""),
    ):
        reference = reference_of(ReferenceOptions(papillary_muscles=given), from_tables)
        assert reference.reason("lvef_pct", "F", 60.0) == reason
        assert (reference.find("lvef_pct", "F", 60.0) is None) == bool(reason)


def test_without_measures_that_have_ranges_the_table_stays() -> None:
    measures = people(lvedv_ml=[150.0] * 6)
    assert list(add_z_scores(measures, people(), SHIPPED)) == ["subject", "lvedv_ml"]
    assert list(add_z_scores(measures, people(), Reference(ranges=[], papillary_muscles="cavity"))) == [
        "subject",
        "lvedv_ml",
    ]


def test_a_users_table_replaces_the_ranges_of_its_measures_alone(tmp_path) -> None:
    path = tmp_path / "ranges.csv"
    path.write_text(HEADER + "lvef_pct,M,18,30,60.5,5.5,Ours\nlvedv_ml,M,18,30,160,25,Ours\n")
    reference = reference_of(ReferenceOptions(table=path), from_tables=False)
    assert reference.find("lvef_pct", "M", 30.5).mean == 60.5
    assert reference.find("lvef_pct", "F", 60) is None, "the shipped range of women must be gone"
    assert reference.find("lvm_g_i", "F", 60).mean == 42
    assert reference.find("lvedv_ml", "M", 20).z(185) == 1.0
    assert "papillary_muscles" in read_ranges(path)[1][-1]


def test_the_table_that_the_documentation_shows_is_read(tmp_path) -> None:
    path = tmp_path / "ranges.csv"
    page = (ROOT / "docs" / "tables.md").read_text()
    example = page.partition("```csv\nmeasure,")[2].partition("```")[0]
    path.write_text(f"measure,{example}")
    reference = reference_of(ReferenceOptions(table=path, papillary_muscles="cavity"), from_tables=False)
    assert reference.find("lvef_pct", "M", 60).sd == SHIPPED.find("lvef_pct", "M", 60).sd == 5


def test_decimal_commas_and_semicolons_are_read(tmp_path) -> None:
    path = tmp_path / "ranges.csv"
    path.write_text(HEADER.replace(",", ";") + "lvef_pct;F;18;30;60,5;5,5;Ours\n")
    assert read_ranges(path)[0][0].mean == 60.5


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("lvef,F,45,74,61,5,x", "there is no measure 'lvef'"),
        ("lvef_pct_i,F,45,74,61,5,x", "there is no measure"),
        ("lvef_pct,both,45,74,61,5,x", "write F or M"),
        ("lvef_pct,F,,74,61,5,x", "age_from is"),
        ("lvef_pct,F,45.5,74,61,5,x", "whole numbers"),
        ("lvef_pct,F,74,45,61,5,x", "no range of ages"),
        ("lvef_pct,F,45,74,61,0,x", "sd is 0"),
        ("lvef_pct,F,45,74,sixty,5,x", "mean is"),
        ("lvef_pct,F,45,74,61,5,", "source is empty"),
        ("lvef_pct,F,45,74,61,5,x\nlvef_pct,F,74,80,61,5,x", "hold for the same ages, 45 to 74 and 74 to 80"),
    ],
)
def test_mistakes_of_a_users_table_are_sentences(tmp_path, line, sentence) -> None:
    path = tmp_path / "ranges.csv"
    path.write_text(HEADER + line + "\n")
    with pytest.raises(UserError, match=sentence):
        read_ranges(path)


def test_a_table_without_a_column_or_that_is_not_there_is_refused(tmp_path) -> None:
    path = tmp_path / "ranges.csv"
    with pytest.raises(UserError, match="no such file"):
        read_ranges(path)
    path.write_text("measure,sex,mean,sd\nlvef_pct,F,61,5\n")
    with pytest.raises(UserError, match="has no column age_from, age_to, source"):
        read_ranges(path)
    path.write_text(HEADER[:-1] + ",papillary_muscles\nlvef_pct,F,45,74,61,5,x,outside\n")
    with pytest.raises(UserError, match="write cavity or myocardium"):
        read_ranges(path)


def test_ranges_of_both_conventions_stand_beside_each_other(tmp_path) -> None:
    path = tmp_path / "ranges.csv"
    rows = "lvef_pct,F,45,74,61,5,x,cavity\nlvef_pct,F,45,74,67,5,x,myocardium\n"
    path.write_text(HEADER[:-1] + ",papillary_muscles\n" + rows)
    options = ReferenceOptions(table=path, papillary_muscles="myocardium")
    assert reference_of(options, from_tables=False).find("lvef_pct", "F", 50).mean == 67


def test_no_number_is_no_age() -> None:
    for age in (None, math.nan, math.inf, "60"):
        assert SHIPPED.find("lvef_pct", "F", age) is None
        assert SHIPPED.reason("lvef_pct", "F", age) == NO_AGE


def test_the_ranges_in_use_are_written_and_read_back(tmp_path) -> None:
    for convention, n in (("cavity", 4), ("unknown", 0)):
        reference = reference_of(ReferenceOptions(papillary_muscles=convention), from_tables=False)
        write_frame(tmp_path / "reference_ranges.tsv", ranges_table(reference))
        used = reference_used(tmp_path)
        assert len(used.ranges) == n
        assert used.find("lvef_pct", "F", 60.0) == reference.find("lvef_pct", "F", 60.0)
    assert reference_used(tmp_path / "nowhere").ranges == []
