import json

import pytest

from cinecohort.findings import Finding, Level, Status, overall_status

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
