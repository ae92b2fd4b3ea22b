"""The study report: from a results folder to one PDF."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cinecohort.reporting.document import Document, Section
from cinecohort.reporting.exports import export
from cinecohort.reporting.options import ReportOptions
from cinecohort.reporting.paper.compose import sections as paper_sections
from cinecohort.reporting.results import read_results
from cinecohort.reporting.sections import (
    agreement,
    calibration,
    dictionary,
    flow,
    gallery,
    limits,
    measures,
    methods,
    participants,
    provenance,
    quality,
    reliability,
    study,
    summary,
)
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.tidy import with_full_columns, without_absent
from cinecohort.reporting.typesetting import build_folder, typeset
from cinecohort.reporting.validation import Marks, marked_sections
from cinecohort.synthetic import BANNER

SUBTITLE = "Study report: cohort-scale cardiac magnetic resonance phenotyping"


def make_report(results: Path, output: Path, options: ReportOptions, config: Mapping[str, Any]) -> None:
    """Make the study report.

    Parameters
    ----------
    results
        The results folder: ``cohort/*.tsv`` and, where they are there, ``agreement/``, ``study/``,
        ``run.json`` and ``subjects/``. A part that is missing is said in a sentence.
    output
        The PDF, written by rename. The same results give the same bytes. Its tables and figures are files
        in the folder of the same name without ``.pdf``.
    options
        What to show.
    config
        The whole configuration of the run as plain values, which the methods text is made from.

    Raises
    ------
    UserError
        If there are no cohort tables, or their numbers do not add up.
    """
    tables = read_results(results, config)
    with build_folder() as build:
        document = compose(Context(tables, options, build))
        typeset(build, "report.typ", document.to_dict(), output)
        export(document, build, output.with_suffix(""))


def compose(context: Context) -> Document:
    """Put the sections together."""
    results = context.results
    paper = context.options.style == "paper"
    # The executable paper says at each table and figure what this cohort cannot give.
    body, absent = (paper_sections(context), []) if paper else without_absent(standard_sections(context))
    body = body if paper else with_full_columns(body)
    closing = [
        provenance.section(context),
        limits.section(context, absent),
        *with_full_columns(dictionary.section(context)),
    ]
    sections = [*body, *methods.section(context), *closing]
    marks = Marks.of(results)
    others = study.without_unvalidated(context, marks)
    subtitle = "Bai 2018 and Chen 2020, table by table: published, yours, difference"
    return Document(
        title=results.title,
        subtitle=subtitle if paper else SUBTITLE,
        facts=summary.facts(context),
        summary=summary.blocks(
            context, [*agreement.findings(context), *study.findings(context)], study.cautions(context)
        ),
        sections=marked_sections(sections, marks, others),
        banner=BANNER if results.synthetic else "",
        footer="CineCohort. Research use only; not a medical device.",
    )


def standard_sections(context: Context) -> list[Section]:
    """Return the results in this software's own order."""
    return [
        flow.section(context),
        participants.section(context),
        quality.section(context),
        *calibration.section(context),
        measures.section(context),
        *agreement.section(context),
        reliability.section(context),
        gallery.section(context),
        *study.section(context),
    ]
