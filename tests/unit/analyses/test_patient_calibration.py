"""A calibration for one patient: probability, flags and intervals as in a cohort."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cinecohort.analyses.patient_calibration import (
    by_structure,
    chosen_calibration,
    judged,
    second_network,
    with_calibration,
)
from cinecohort.calibration.options import SHIPPED
from cinecohort.calibration.record import Calibration
from cinecohort.catalogue.findings import Code
from cinecohort.errors import UserError
from cinecohort.findings import Finding, Level
from cinecohort.quality.made_by import MADE_BY
from cinecohort.quality.predictors import PREFIX

WEIGHTS = "unet_all_sa"
MEASURED = {"subject": "P1", "source": WEIGHTS, "lvef_pct": 55.0}
FINDINGS = [
    Finding(Code.S3, Level.REVIEW, "sa: the ring is open", view="sa"),
    Finding(Code.I5, Level.REVIEW, "sa: frames jump", view="sa"),
]


def values(calibration: Calibration, sds: float = 0.0) -> dict[str, Any]:
    """Predictors so many SDs from the mean, on the side of failure."""
    made: dict[str, Any] = {MADE_BY: calibration.made_by}
    for model in calibration.models.values():
        assert model is not None
        plain = {term.name: term for term in model.terms if term.bend is None}
        for name, term in plain.items():
            ends = pd.Series([term.mean - sds * term.sd, term.mean + sds * term.sd])
            moved = sum(one.coefficient * one.counted(ends) for one in model.terms if one.name == name)
            made[f"{PREFIX}{name}"] = float(ends[int(np.argmax(moved))])
    return made


@pytest.fixture
def shipped() -> Calibration:
    found = chosen_calibration("shipped", WEIGHTS)
    assert found is not None
    return found


def test_none_is_none_and_a_missing_one_is_a_sentence(tmp_path: Path) -> None:
    assert chosen_calibration("none", WEIGHTS) is None
    with pytest.raises(UserError, match="No calibration is shipped for unet16_sa"):
        chosen_calibration("shipped", "unet16_sa")
    with pytest.raises(UserError, match="there is no such calibration"):
        chosen_calibration(str(tmp_path / "none.json"), WEIGHTS)
    with pytest.raises(UserError, match="not by unet16_sa"):
        chosen_calibration(str(SHIPPED / f"{WEIGHTS}.json"), "unet16_sa")


def test_the_second_network_is_that_of_the_calibration(shipped: Calibration) -> None:
    assert second_network(shipped) == "unet16_sa"
    assert second_network(None) is None


def test_without_a_cut_findings_stay_and_numbers_are_given(shipped: Calibration) -> None:
    found, findings = judged(shipped, "P1", values(shipped), FINDINGS)
    assert findings == FINDINGS
    row = with_calibration(MEASURED, shipped, found, values(shipped))
    assert row["lvef_pct_low"] < 55.0 < row["lvef_pct_high"]
    worse, _ = judged(shipped, "P1", values(shipped, 2.0), FINDINGS)
    whole = dict.fromkeys(shipped.intervals, 50.0) | row
    known = by_structure(with_calibration(whole, shipped, worse, values(shipped, 2.0)))
    assert set(known) == {"all", "LV", "MYO", "RV"}
    assert known["all"] > by_structure(row)["all"]


def test_of_a_segmentation_made_otherwise_nothing_is_said(shipped: Calibration) -> None:
    other = values(shipped) | {MADE_BY: "another network"}
    found, findings = judged(shipped, "P1", other, FINDINGS)
    row = with_calibration(MEASURED, shipped, found, other)
    assert findings == FINDINGS
    assert by_structure(row) == {}
    assert row["lvef_pct_low"] != row["lvef_pct_low"]


def test_a_cut_flags_by_one_number_and_the_checks_say_why(tmp_path: Path, shipped: Calibration) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(json.loads((SHIPPED / f"{WEIGHTS}.json").read_text()) | {"cut": 0.0}))
    calibration = chosen_calibration(str(path), WEIGHTS)
    assert calibration is not None
    _, findings = judged(calibration, "P1", values(shipped), FINDINGS)
    levels = {str(each.code): each.level for each in findings}
    assert levels == {"S3": Level.INFO, "I5": Level.REVIEW, "PREDICTED_FAILURE": Level.REVIEW}
    assert "S3" in findings[-1].message
