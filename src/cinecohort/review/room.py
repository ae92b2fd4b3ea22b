"""The review room of a cohort: one page that works from a disk, without a server or a network."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cinecohort.catalogue.findings import finding_words
from cinecohort.review.cards import rows_of, subjects_shown, write_cards
from cinecohort.review.digests import WHOLE
from cinecohort.review.options import ReviewOptions
from cinecohort.review.page_files import fill_page
from cinecohort.review.plots import beyond_limits, pairs_of, write_pairs
from cinecohort.review.reviewers import reviewer_agreement
from cinecohort.review.verdicts import Verdict, Verdicts


def make_room(
    results: Path,
    options: ReviewOptions,
    title: str,
    synthetic: bool,
    verdicts: Verdicts | None = None,
    threads: int = 1,
) -> None:
    """Write ``results/review/``: the page, and a folder of each subject that is shown.

    Parameters
    ----------
    results
        The results folder, with the cohort's tables and the store.
    options
        Who is shown.
    title, synthetic
        Title of the run, and whether its data are made up.
    verdicts
        What reviewers said already.
    threads
        Processes that draw.
    """
    room = results / "review"
    given = verdicts or Verdicts()
    source, pairs = pairs_of(rows_of(results / "cohort" / "measures.tsv"))
    # A point far from the others leads to a card, whatever its status.
    subjects = subjects_shown(results / "cohort", options, {*given.by_subject, *beyond_limits(pairs)})
    listed = write_cards(subjects, results / "subjects", room, threads)
    for row in listed:
        if said := whole_verdicts(given.by_subject.get(row["s"], ())):
            row["v"] = said
    write_pairs(room / "agreement.js", pairs, source)
    agreement = reviewer_agreement(given).astype(object)
    reviewers = agreement.where(agreement.notna(), None).to_dict("records")
    write_page(room / "index.html", listed, title, synthetic, reviewers, compared=bool(pairs))


def whole_verdicts(verdicts: Iterable[Verdict]) -> dict[str, str]:
    """Reviewer to the verdict on the whole subject."""
    return {one.reviewer: one.verdict for one in verdicts if one.view == WHOLE}


def write_page(
    path: Path,
    subjects: Sequence[Mapping[str, Any]],
    title: str,
    synthetic: bool,
    reviewers: Sequence[Mapping[Any, Any]] = (),
    compared: bool = False,
) -> None:
    """Write the page with its list of subjects; see :func:`cinecohort.review.cards.write_cards`.

    `reviewers` is their agreement; see :func:`cinecohort.review.reviewers.reviewer_agreement`. `compared`
    says that there is a plot of agreement with observers.
    """
    codes = sorted({code for subject in subjects for code in subject["c"]})
    room = {
        "title": title,
        "synthetic": synthetic,
        "subjects": list(subjects),
        "reviewers": list(reviewers),
        "compared": compared,
        "words": {code: finding_words(code) for code in codes},
    }
    fill_page(path, "room", room)
