"""The files of what people said: agreement of reviewers, and the blinded assessment (Bai 2018, Table 4)."""

from collections.abc import Sequence
from pathlib import Path

from cinecohort.ledger.tables import write_table
from cinecohort.review.blinding import assessment_tables, read_assessments, read_key
from cinecohort.review.reviewers import reviewer_agreement
from cinecohort.review.verdicts import read_verdicts


def write_reviewers(
    folder: Path, verdicts: Sequence[Path], assessments: Sequence[Path], key: Path | None
) -> None:
    """Write ``reviewers.csv``, ``visual_assessment.csv`` and ``visual_assessment_agreement.csv``.

    Parameters
    ----------
    folder
        ``results/agreement``.
    verdicts
        Files of verdicts; without two reviewers there is no ``reviewers.csv``.
    assessments
        Files of scores; without any there is no assessment.
    key
        Which case is which subject and which side is automatic.

    Raises
    ------
    UserError
        If a file cannot be read or has a row that means nothing.
    """
    reviewers = reviewer_agreement(read_verdicts(verdicts))
    if len(reviewers):
        write_table(folder / "reviewers.csv", reviewers)
    if assessments and key is not None:
        table, agreement = assessment_tables(read_assessments(assessments), read_key(key))
        write_table(folder / "visual_assessment.csv", table)
        write_table(folder / "visual_assessment_agreement.csv", agreement)
