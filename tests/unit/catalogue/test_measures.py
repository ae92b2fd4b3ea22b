"""The record of each measure, held against what was written down apart from it."""

import pytest

from cinecohort.catalogue.measures import (
    ANALYSED,
    BY_COLUMN,
    MEASURES,
    PRINTED,
    Show,
    Use,
    columns_shown,
    measure_digits,
    measure_label,
    measure_of,
    rests_on,
    views_of,
)
from cinecohort.catalogue.views import STRUCTURES, VIEWS
from cinecohort.measures.derived import FUNCTIONS

UNITS = {"g_ml": "g/mL", "ml": "mL", "g": "g", "pct": "%", "l_min": "L/min", "mm": "mm"}
UNITS |= {"bpm": "1/min", "phase": ""}


def test_every_measure_has_a_column_of_its_own_that_ends_in_its_unit() -> None:
    assert len(BY_COLUMN) == len(MEASURES)
    for measure in MEASURES:
        ending = next(ending for ending in UNITS if measure.column.endswith(f"_{ending}"))
        assert UNITS[ending] == measure.unit
        assert measure.label and measure.words and measure.digits >= 0


def test_no_two_measures_share_a_printed_name_or_a_name_elsewhere() -> None:
    for names in (
        [measure.heading for measure in MEASURES],
        [measure.ukbb_cardiac for measure in MEASURES if measure.ukbb_cardiac],
        [measure.ukb_field for measure in MEASURES if measure.ukb_field],
    ):
        assert len(set(names)) == len(names)


def test_structures_are_those_of_the_views() -> None:
    for measure in MEASURES:
        assert set(measure.views) <= set(VIEWS)
        known = {name for view in measure.views for name in STRUCTURES[view].values()}
        assert set(measure.structures) <= known, measure.column
        assert bool(measure.views) == (measure.column != "heart_rate_bpm")
        assert bool(measure.formula) == bool(measure.views)


def test_what_follows_from_others_stands_after_them_and_has_a_function() -> None:
    seen = {"heart_rate_bpm"}
    for measure in MEASURES:
        assert set(measure.of) <= seen, measure.column
        assert (measure.column in FUNCTIONS) == bool(measure.of and measure.use is not Use.FOREIGN)
        seen.add(measure.column)


@pytest.mark.parametrize(
    ("columns", "views"),
    [
        ("lvedv_ml lvef_pct lvco_l_min lvm_g lvri_g_ml rvesv_ml rvef_pct wt_aha_07_mm wt_global_mm", ("sa",)),
        ("lvm_es_g lvedv_ml_i lvef_pct_low rvedv_ml_high es_phase", ("sa",)),
        ("la_max_ml la_min_ml laef_pct lasv_ml la_max_phase la_max_ml_i", ("la_2ch", "la_4ch")),
        ("ra_max_ml ra_min_ml raef_pct rasv_ml la_4ch_max_ml", ("la_4ch",)),
        ("la_2ch_max_ml", ("la_2ch",)),
        ("heart_rate_bpm ed_frame age_years bsa_m2 lv_of_somebody", ()),
    ],
)
def test_views_of_a_column(columns: str, views: tuple[str, ...]) -> None:
    assert {views_of(name) for name in columns.split()} == {views}


def test_printed_names() -> None:
    assert measure_label("lvedv_ml") == "LVEDV (mL)"
    assert measure_label("lvedv_ml_i") == "LVEDV index (mL/m²)"
    assert measure_label("wt_aha_03_mm") == "Wall thickness, segment 3 (mm)"
    assert measure_label("height_cm") == "height_cm"
    assert [measure_digits(name) for name in ("lvco_l_min_i", "heart_rate_bpm", "lvm_g", "other")] == [
        2,
        0,
        1,
        1,
    ]
    assert measure_of("lvedv_ml_i") is BY_COLUMN["lvedv_ml"]
    assert measure_of("subject") is None


def test_a_measure_rests_on_all_that_it_follows_from() -> None:
    assert rests_on("lvco_l_min") == {"lvco_l_min", "lvsv_ml", "heart_rate_bpm", "lvedv_ml", "lvesv_ml"}
    assert rests_on("lvm_g") == {"lvm_g"}


def test_selections_of_the_papers() -> None:
    assert columns_shown(Show.PRINCIPAL) == ("lvedv_ml", "lvesv_ml", "lvm_g", "rvedv_ml", "rvesv_ml")
    assert columns_shown(Show.FUNCTION) == (
        *("lvsv_ml", "lvef_pct", "lvco_l_min", "rvsv_ml", "rvef_pct", "rvco_l_min"),
    )
    assert set(ANALYSED) - set(PRINTED) == {f"wt_aha_{segment:02d}_mm" for segment in range(1, 17)}
