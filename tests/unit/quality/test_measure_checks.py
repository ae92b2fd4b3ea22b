"""Plausibility of measures: flagged for review, never more unless asked."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cinecohort.findings import overall_status
from cinecohort.quality.cohort import cohort_findings
from cinecohort.quality.measures import check_measures, check_rows
from cinecohort.quality.options import MeasureQualityOptions, PlausibleCheck

SOUND: dict[str, Any] = {
    "frames": "own", "lvedv_ml": 150.0, "lvesv_ml": 60.0, "lvsv_ml": 90.0, "lvef_pct": 60.0, "lvm_g": 90.0,
    "lvm_es_g": 95.0, "rvedv_ml": 160.0, "rvesv_ml": 75.0, "rvsv_ml": 85.0, "rvef_pct": 53.0,
    "la_2ch_max_ml": 70.0, "la_4ch_max_ml": 75.0, "es_phase": 0.36, "la_max_phase": 0.40,
}  # fmt: skip


def codes(**changed: Any) -> list[str]:
    return [f.code for f in check_measures(SOUND | changed, MeasureQualityOptions())]


def test_healthy_heart_passes() -> None:
    assert codes() == []
    assert check_measures({}, MeasureQualityOptions()) == []
    assert check_measures(dict.fromkeys(SOUND), MeasureQualityOptions()) == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"lvesv_ml": 150.0}, "M1"), ({"rvesv_ml": 170.0}, "M1"), ({"lvef_pct": 8.0}, "M1"),
        ({"rvef_pct": 90.0}, "M1"), ({"lvm_g": 20.0, "lvm_es_g": None}, "M1"), ({"lvedv_ml": 700.0}, "M1"),
        ({"lvm_es_g": 140.0}, "M2"), ({"rvsv_ml": 40.0}, "M3"), ({"la_2ch_max_ml": 140.0}, "M4"),
        ({"la_max_phase": 0.9}, "M4"),
    ],
)  # fmt: skip
def test_implausible_value_is_flagged(changed: dict[str, Any], code: str) -> None:
    assert codes(**changed) == [code]


@pytest.mark.parametrize(("left", "right"), [(90.0, 60.0), (160.0, 100.0), (60.0, 25.0)])
def test_stroke_volumes_as_experts_draw_them_pass(left: float, right: float) -> None:
    """Beyond one limit alone is not enough."""
    assert codes(lvsv_ml=left, rvsv_ml=right) == []


def test_limits_belong_to_what_passes() -> None:
    assert codes(lvef_pct=10.0) == codes(lvef_pct=85.0) == []
    assert codes(rvsv_ml=70.0) == []  # 20 mL
    assert codes(lvsv_ml=200.0, rvsv_ml=175.0) == []  # 25 mL, but 13 %


def test_observers_and_other_networks_are_held_to_order_and_range() -> None:
    """Their masses and stroke volumes differ by more than M2 and M3 allow the first network."""
    faults = {"lvef_pct": 90.0, "lvm_es_g": 200.0, "rvsv_ml": 20.0}
    rows = [
        SOUND | {"source": "net", "kind": "auto"},
        SOUND | {"source": "net", "kind": "auto", "frames": "O1", **faults},
        SOUND | {"source": "other", "kind": "auto", **faults},
        SOUND | {"source": "O1", "kind": "manual", **faults},
    ]
    found = check_rows(rows, MeasureQualityOptions())
    assert [f.message.split(" is ")[0] for f in found] == ["other: LVEF", "O1: LVEF"]
    only = check_rows([SOUND | {"source": "net", "kind": "auto", **faults}], MeasureQualityOptions())
    assert [f.code for f in only] == ["M1", "M2", "M3"]


def test_phase_of_the_atrium_goes_round_the_cycle() -> None:
    assert codes(es_phase=0.95, la_max_phase=0.05) == []
    assert codes(es_phase=0.36, la_max_phase=0.9, frames="O1") == []


def test_default_is_review_and_the_rest_is_configured() -> None:
    row = SOUND | {"lvef_pct": 2.0}
    assert overall_status(check_measures(row, MeasureQualityOptions())) == "review"
    strict = MeasureQualityOptions(m1_plausible=PlausibleCheck(action="reject"))
    assert overall_status(check_measures(row, strict)) == "excluded"


def test_place_in_the_cohort() -> None:
    values = np.random.default_rng(0).normal(100, 10, 60)
    values[3] = 190
    table = pd.DataFrame({"subject": [f"s{i}" for i in range(60)], "sex": ["F", "M"] * 30, "x": values})
    table.loc[5, "x"] = None
    found = cohort_findings(table, ["x"], ["sex"], 5.0)
    assert list(found) == ["s3"]
    assert found["s3"][0].code == "M5"
    assert "sex M" in found["s3"][0].message
    assert cohort_findings(table.head(10), ["x"], ["sex"], 3.5) == {}
    assert list(cohort_findings(table, ["x"], [], 5.0)) == ["s3"]
