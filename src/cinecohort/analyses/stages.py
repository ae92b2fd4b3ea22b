"""Jobs over the whole cohort: unpack the settings of a rule and call the room that does the work."""

import json
from pathlib import Path
from typing import Any

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
    from cinecohort.statistics.options import AgreementOptions

    values = json.loads(settings)
    options = AgreementOptions(**values["agreement"])
    run(
        measures,
        overlap,
        participants,
        folder,
        options,
        status_tsv=status,
        conversion_tsv=conversion,
        unvalidated=values["unvalidated"],
    )


def run_group_study(settings: str, measures: Path, participants: Path, status: Path, folder: Path) -> None:
    """Write ``results/study/{name}/``; see :func:`cinecohort.analyses.group_study.run_study`."""
    from cinecohort.analyses.group_study import run_study
    from cinecohort.statistics.study_options import StudyOptions

    values = json.loads(settings)
    (study,) = values["studies"].values()
    options = StudyOptions(**{**study, "source": study["source"] or primary_name(values["models"])})
    run_study(
        read_frame(measures, "measures"),
        read_frame(participants, "participants"),
        read_frame(status, "status"),
        options,
        folder,
        unvalidated=values["unvalidated"],
    )


def run_report(settings: str, results: Path, output: Path) -> None:
    """Write ``results/report.pdf``; see :func:`cinecohort.reporting.report.make_report`."""
    from cinecohort.reporting.options import ReportOptions
    from cinecohort.reporting.report import make_report

    values: dict[str, Any] = json.loads(settings)
    values.pop("version")
    make_report(results, output, ReportOptions(**values["report"]), values)
