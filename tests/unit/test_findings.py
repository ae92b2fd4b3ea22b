import json

import pytest

from cinecohort.catalogue.findings import Code
from cinecohort.findings import Finding, Level, Status, overall_status
from cinecohort.measures.voids import Void, void_findings
from cinecohort.quality.measures import check_measures
from cinecohort.quality.options import MeasureQualityOptions

VIEW = Finding("GAP", Level.REJECT, "A slice is missing.", "sa", (3,), (), 20.0, 10.5)
SUBJECT = Finding("NO_VIEW", Level.REJECT, "No view.")
REVIEW = Finding("S2", Level.REVIEW, "Two pieces.", "sa")
INFO = Finding("SPACING", Level.INFO, "From pixdim.", "sa")
FAULT = Finding("UNEXPECTED", Level.ERROR, "A fault.")


@pytest.mark.parametrize(
    ("findings", "usable", "required", "status"),
    [
        ([], [], [], Status.OK),
        ([INFO], [], [], Status.OK),
        ([INFO, REVIEW], [], [], Status.REVIEW),
        ([VIEW], [], [], Status.REVIEW),
        ([VIEW], ["la_2ch"], ["sa"], Status.EXCLUDED),
        ([VIEW], ["sa", "la_2ch"], ["sa"], Status.REVIEW),
        ([], ["la_2ch"], ["sa"], Status.EXCLUDED),
        ([REVIEW, SUBJECT], ["sa"], [], Status.EXCLUDED),
        ([SUBJECT, FAULT], [], [], Status.ERROR),
    ],
)
def test_status_of_a_subject(findings, usable, required, status):
    assert overall_status(iter(findings), iter(usable), iter(required)) is status


@pytest.mark.parametrize("finding", [VIEW, SUBJECT, INFO])
def test_a_finding_comes_back_from_json_as_it_was(finding):
    assert Finding.from_dict(json.loads(json.dumps(finding.to_dict()))) == finding


def test_words_in_files_are_plain():
    assert VIEW.to_dict() == {
        "code": "GAP",
        "level": "reject",
        "message": "A slice is missing.",
        "view": "sa",
        "slices": [3],
        "frames": [],
        "value": 20.0,
        "threshold": 10.5,
    }
    assert [str(status) for status in Status] == ["ok", "review", "excluded", "error"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("sa: 1 slices are out of step", "short axis: 1 slice is out of step"),
        ("la_2ch: LA has 1 voxels; la_4ch: 1 frames", "2-chamber: LA has 1 voxel; 4-chamber: 1 frame"),
        ("1 images could not be decoded", "1 image could not be decoded"),
        ("1 of 12 slices do not have 20 frames", "1 of 12 slices do not have 20 frames"),
        ("11 slices are late, 2.1 frames", "11 slices are late, 2.1 frames"),
        ("mesa: 21 slices are there", "mesa: 21 slices are there"),
    ],
)
def test_messages_name_views_and_count_in_words(written, read):
    assert Finding("GAP", Level.REVIEW, written, "sa").message == read
    assert Finding("GAP", Level.REVIEW, read, "sa").message == read


def test_messages_name_measures_as_they_are_printed():
    row = {"lvef_pct": 5.0, "lvedv_ml": 1000.0, "lvesv_ml": 950.0}
    messages = [finding.message for finding in check_measures(row, MeasureQualityOptions())]
    assert any("LVEF is 5.0 %, outside 10 to 85" in message for message in messages)
    void = Void(("rvedv_ml", "rvef_pct"), Code.STRUCTURE_LOST, "RV is gone", "RV")
    (finding,) = void_findings("automatic", [void])
    assert finding.message == "short axis: RV is gone by automatic; not given: RVEDV, RVEF"
