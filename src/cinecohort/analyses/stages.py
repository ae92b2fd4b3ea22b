"""Jobs over the whole cohort: unpack the settings of a rule and call the room that does the work."""

from pathlib import Path

from cinecohort.cohort.stage_settings import (
    AgreementSettings,
    GroupStudySettings,
    PagesSettings,
    ReviewSettings,
    WholeSettings,
)
from cinecohort.ledger.frames import read_frame
from cinecohort.model_sets import primary_name


def run_agreement(
    settings: str,
    measures: Path,
    overlap: Path,
    participants: Path,
    status: Path,
    conversion: Path,
    folder: Path,
) -> None:
    """Write ``results/agreement/``; see :func:`cinecohort.analyses.agreement_files.run`."""
    from cinecohort.analyses.agreement_files import run

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
    judged = read_verdicts(values.review.verdicts).by_subject
    make_room(results, values.review, values.title, values.synthetic, judged, threads)


def run_subject_pages(settings: str, results: Path, threads: int) -> None:
    """Write ``results/pages/``; see :func:`cinecohort.analyses.subject_pages.make_pages`."""
    from cinecohort.analyses.subject_pages import make_pages

    values = PagesSettings.read(settings)
    if values.subjects != "none":
        make_pages(results, values.subjects, values.synthetic, values.version, threads)
