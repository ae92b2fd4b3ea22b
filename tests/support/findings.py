"""What tests look at in findings."""

from cinecohort.findings import Level, Outcome


def codes(outcome: Outcome, *, notes: bool = True) -> set[str]:
    """Codes of an outcome's findings, with or without those that are for information only."""
    return {finding.code for finding in outcome.findings if notes or finding.level is not Level.INFO}
