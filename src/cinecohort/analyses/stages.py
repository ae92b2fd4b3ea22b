"""Jobs over the whole cohort: unpack the settings of a rule and call the room that does the work."""

from collections.abc import Sequence
from pathlib import Path

from cinecohort.cohort.stage_settings import (
    AgreementSettings,
    BlindedSettings,
    GroupStudySettings,
    PagesSettings,
    ReviewSettings,
    WholeSettings,
)
from cinecohort.ledger.frames import read_frame
from cinecohort.ledger.table_schemas import describe_tables
from cinecohort.model_sets import primary_name


def run_agreement(
    settings: str,
    measures: Path,
    overlap: Path,
    participants: Path,
    status: Path,
    conversion: Path,
    folder: Path,
    verdicts: Sequence[Path] = (),
    assessments: Sequence[Path] = (),
    key: Path | None = None,
) -> None:
    """Write ``results/agreement/``; see :func:`cinecohort.analyses.agreement_files.run`.

    Beside it :func:`cinecohort.analyses.reviewer_files.write_reviewers` writes what people said.
    """
    from cinecohort.analyses.agreement_files import AGREEMENT_TITLE, run
    from cinecohort.analyses.reviewer_files import write_reviewers

    values = AgreementSettings.read(settings)
    run(
        measures,
        overlap,
        participants,
        folder,
        values.agreement,
        status_tsv=status,
        conversion_tsv=conversion,
        unvalidated=values.unvalidated,
    )
    write_reviewers(folder, verdicts, assessments, key)
    describe_tables(folder, [path.name for path in folder.glob("*.csv")], AGREEMENT_TITLE)


def run_group_study(settings: str, measures: Path, participants: Path, status: Path, folder: Path) -> None:
    """Write ``results/study/{name}/``; see :func:`cinecohort.analyses.study_files.run_study`."""
    from cinecohort.analyses.study_files import run_study

    values = GroupStudySettings.read(settings)
    (study,) = values.studies.values()
    options = study.model_copy(update={"source": study.source or primary_name(values.models)})
    run_study(
        read_frame(measures, "measures"),
        read_frame(participants, "participants"),
        read_frame(status, "status"),
        options,
        folder,
        unvalidated=values.unvalidated,
    )


def run_report(settings: str, results: Path, output: Path) -> None:
    """Write ``results/report.pdf``; see :func:`cinecohort.reporting.report.make_report`."""
    from cinecohort.reporting.report import make_report

    config = WholeSettings.read(settings).config
    make_report(results, output, config.report, config.model_dump(mode="json"))


def run_review(settings: str, results: Path, threads: int) -> None:
    """Write ``results/review/``; see :func:`cinecohort.review.room.make_room`."""
    from cinecohort.review.room import make_room
    from cinecohort.review.verdicts import read_verdicts

    values = ReviewSettings.read(settings)
    verdicts = read_verdicts(values.review.verdicts)
    make_room(results, values.review, values.title, values.synthetic, verdicts, threads)


def run_blinded(settings: str, results: Path, threads: int) -> None:
    """Write ``results/review/blinded.html``; see :func:`cinecohort.review.blinded.make_blinded`."""
    from cinecohort.review.blinded import make_blinded

    values = BlindedSettings.read(settings)
    source = primary_name(values.models)
    if values.blinded is not None:
        seed = values.seed if values.blinded.seed is None else values.blinded.seed
        make_blinded(results, values.blinded, source or "", seed, values.title, values.synthetic, threads)


def run_subject_pages(settings: str, results: Path, threads: int) -> None:
    """Write ``results/pages/``; see :func:`cinecohort.analyses.subject_pages.make_pages`."""
    from cinecohort.analyses.subject_pages import make_pages

    values = PagesSettings.read(settings)
    if values.subjects != "none":
        make_pages(results, values.subjects, values.synthetic, values.version, threads)
