import numpy as np
import pandas as pd
import pytest

from cinecohort.cohort.cohort_checks import check_cohort, with_cohort_findings
from cinecohort.findings import Finding, Level
from cinecohort.quality.options import ImageQualityOptions, MeasureQualityOptions

N = 30


@pytest.fixture
def cohort():
    names = [f"s{n:02d}" for n in range(N)]
    spread = np.linspace(-1, 1, N)
    quality = pd.DataFrame(
        {"subject": names, "dataset": "one", "sa_efc": [str(0.5 + 0.01 * x) for x in spread]}
    )
    convert = pd.DataFrame({"subject": names, "dataset": "one", "scanner": "Aera"})
    measures = pd.DataFrame(
        {
            "subject": names,
            "dataset": "one",
            "source": "net",
            "kind": "auto",
            "frames": "own",
            "lvedv_ml_i": 80 + 5 * spread,
        }
    )
    participants = pd.DataFrame({"subject": names, "sex": ["F", "M"] * (N // 2)})
    return {"image_quality": quality, "convert": convert}, measures, participants


def check(cohort, **options):
    images = ImageQualityOptions(**options.get("images", {}))
    limits = MeasureQualityOptions(**options.get("limits", {}))
    found = check_cohort(*cohort, images, limits)
    return {subject: [finding.code for finding in findings] for subject, findings in found.items()}


def test_nobody_stands_out_of_an_even_cohort(cohort):
    assert check(cohort) == {}


def test_an_image_that_differs_from_its_scanners_others(cohort):
    tables, _, _ = cohort
    tables["image_quality"].loc[3, "sa_efc"] = "0.9"
    assert check(cohort) == {"s03": ["I6"]}
    assert check(cohort, images={"i6_cohort_z": {"threshold": 4.0, "action": "off"}}) == {}
    tables["convert"].loc[3, "scanner"] = "Prototype"
    assert check(cohort) == {}


def test_a_volume_that_differs_from_those_of_the_same_sex(cohort):
    _, measures, participants = cohort
    participants["sex"] = "F"
    measures.loc[4, "lvedv_ml_i"] = 300.0
    assert check(cohort) == {"s04": ["M5"]}
    assert check(cohort, limits={"m5_cohort_z": {"threshold": 4.0, "action": "off"}}) == {}


def test_measures_of_observers_and_at_their_frames_are_not_judged(cohort):
    _, measures, participants = cohort
    participants["sex"] = "F"
    manual = measures.iloc[[4]].assign(kind="manual", source="O1", lvedv_ml_i=300.0)
    at_theirs = measures.iloc[[5]].assign(frames="O1", lvedv_ml_i=300.0)
    tables = (cohort[0], pd.concat([manual, at_theirs, measures]), participants)
    assert check(tables) == {}


def test_a_small_group_is_not_judged(cohort):
    tables, measures, participants = cohort
    few = {name: table.head(10) for name, table in tables.items()}
    measures.loc[4, "lvedv_ml_i"] = 300.0
    assert check((few, measures.head(10), participants.head(10))) == {}


def test_a_cohort_without_any_number_has_no_findings():
    names = pd.DataFrame({"subject": ["a"], "dataset": ["one"]})
    measures = names.assign(source="", kind="", frames="")
    assert check(({"image_quality": names, "convert": names}, measures, names.assign(sex=None))) == {}


def test_only_those_who_were_ok_are_raised_to_review():
    status = pd.DataFrame(
        {
            "subject": ["a", "b", "c", "d"],
            "status": ["ok", "review", "excluded", "ok"],
            "stage": ["", "convert", "convert", ""],
            "code": ["", "GAP", "NO_VIEW", ""],
            "reason": ["", "A gap.", "None.", ""],
        }
    )
    finding = Finding("M5", Level.REVIEW, "Stands out.")
    noted = Finding("I6", Level.INFO, "Noted.")
    raised = with_cohort_findings(
        status, {"a": [noted, finding], "b": [finding], "c": [finding], "d": [noted]}
    )
    assert raised["status"].tolist() == ["review", "review", "excluded", "ok"]
    assert raised["code"].tolist() == ["M5", "GAP", "NO_VIEW", ""]
    assert raised.loc[0, ["stage", "reason"]].tolist() == ["cohort", "Stands out."]
    assert status.loc[0, "status"] == "ok"
