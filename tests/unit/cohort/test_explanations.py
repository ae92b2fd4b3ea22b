import pandas as pd

from cinecohort.cohort.explanations import explained


def finding(subject, code, level="review", stage="segmentation_quality", view="sa"):
    row = {"subject": subject, "stage": stage, "code": code, "level": level, "view": view}
    return row | {"message": f"{code} of {subject}"}


def shard(stage, **statuses):
    rows = [
        {
            "subject": s,
            "status": status,
            "stage": stage,
            "code": "S3" if status != "ok" else "",
            "reason": "x",
        }
        for s, status in statuses.items()
    ]
    return pd.DataFrame(rows)


def test_what_explains_flags_nobody_whom_the_calibration_judges():
    findings = pd.DataFrame(
        [finding("a", "S3"), finding("b", "S3"), finding("a", "M3", "review", "measure", "")]
    )
    tables = {
        "segmentation_quality": shard("segmentation_quality", a="review", b="review"),
        "measure": shard("measure", a="review", b="ok"),
    }
    made, turned, why = explained(tables, findings, ["a"], ["S3", "M3"])
    assert made["segmentation_quality"]["status"].tolist() == ["ok", "review"]
    assert made["measure"]["status"].tolist() == ["ok", "ok"]
    assert made["segmentation_quality"].loc[0, ["code", "reason"]].tolist() == ["", ""]
    assert turned["level"].tolist() == ["info", "review", "info"]
    assert why == {"a": ["S3", "M3"]}
    assert tables["segmentation_quality"]["status"].tolist() == ["review", "review"]


def test_what_is_left_still_flags_with_its_own_reason():
    findings = pd.DataFrame(
        [finding("a", "S3"), finding("a", "S6"), finding("b", "S3"), finding("b", "S4", "reject")]
    )
    tables = {"segmentation_quality": shard("segmentation_quality", a="review", b="review")}
    made, turned, _ = explained(tables, findings, ["a", "b"], ["S3", "S4"])
    table = made["segmentation_quality"]
    assert table["status"].tolist() == ["review", "review"]
    assert table["code"].tolist() == ["S6", "S4"]
    assert turned["level"].tolist() == ["info", "review", "info", "reject"]


def test_the_long_axis_is_not_spoken_about():
    findings = pd.DataFrame([finding("a", "U1", view="la_4ch")])
    tables = {"segmentation_quality": shard("segmentation_quality", a="review")}
    made, _, why = explained(tables, findings, ["a"], ["U1"])
    assert made["segmentation_quality"]["status"].tolist() == ["review"]
    assert why == {}


def test_who_left_stays_out():
    findings = pd.DataFrame([finding("a", "S3")])
    tables = {"segmentation_quality": shard("segmentation_quality", a="excluded")}
    made, _, _ = explained(tables, findings, ["a"], ["S3"])
    assert made["segmentation_quality"]["status"].tolist() == ["excluded"]
