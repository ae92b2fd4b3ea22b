"""What is said of a converted subject."""

from cinecohort.cohort.convert_folder import sentence_of
from cinecohort.findings import Finding, Level, Outcome, Status


def test_the_gravest_finding_is_said_and_the_others_are_counted() -> None:
    findings = [
        Finding("SPACING", Level.INFO, "noted"),
        Finding("ORIENTATION", Level.REVIEW, "lies elsewhere"),
        Finding("UNREADABLE", Level.ERROR, "cannot be read"),
    ]
    outcome = Outcome(Status.REVIEW, findings, values={"views": "sa"})
    assert sentence_of(outcome) == "error; sa; UNREADABLE: cannot be read (1 more in convert.json)"
    outcome.findings.pop()
    assert sentence_of(outcome) == "review; sa; ORIENTATION: lies elsewhere"
    assert sentence_of(Outcome(Status.EXCLUDED)) == "excluded; no view"
