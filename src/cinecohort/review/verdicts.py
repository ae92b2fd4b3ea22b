"""Verdicts of reviewers: reading ``verdicts.tsv``, and what several of them come to for a subject.

Light enough for the Snakefile to read.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import LABELS
from cinecohort.errors import UserError
from cinecohort.findings import Finding, Level
from cinecohort.ledger.rows import downloaded_rows
from cinecohort.options import Options
from cinecohort.review.digests import WHOLE

COLUMNS = ("subject", "view", "structure", "verdict", "comment", "reviewer", "time", "digest")
VERDICTS = ("accept", "reject", "unsure")


class Rejection(Options):
    """What of a subject a reviewer rejects: of the settings of the measures."""

    subject: str
    view: str
    """Empty for the whole subject."""
    structure: str
    """Empty for the whole view."""
    digest: str
    """Of what was seen; see :func:`cinecohort.review.digests.seen_digests`."""

    def holds(self, digests: Mapping[str, str]) -> bool:
        """Whether what was seen is still what is there."""
        return digests.get(self.view) == self.digest

    def structures(self) -> list[tuple[str, str]]:
        """View and structure of everything that is rejected."""
        views = [self.view] if self.view else list(LABELS)
        return [
            (view, name) for view in views for name in LABELS[view].values() if self.structure in ("", name)
        ]


@dataclass(frozen=True)
class Verdict:
    """One row of a file of verdicts; the fields are its columns."""

    subject: str
    view: str
    structure: str
    verdict: str
    reviewer: str
    time: str
    digest: str

    @property
    def rejection(self) -> Rejection:
        """What it rejects, if it rejects."""
        place = {name: getattr(self, name) for name in Rejection.model_fields}
        return Rejection(**place)


@dataclass(frozen=True)
class Judgement:
    """What the verdicts of all reviewers come to for one subject.

    Parameters
    ----------
    decision
        ``reject`` wins over ``unsure``, which wins over ``accept``; empty where only structures or views were
        rejected, or nothing that was seen is there any more.
    parts
        Number of structures and views that are rejected.
    stale
        Number of verdicts on something that has changed since.
    """

    decision: Literal["accept", "reject", "unsure", ""]
    parts: int = 0
    stale: int = 0


@dataclass(frozen=True)
class Verdicts:
    """Verdicts of all files, by subject.

    Parameters
    ----------
    by_subject
        Subject to the last word of each reviewer on each place.
    """

    by_subject: Mapping[str, Sequence[Verdict]] = field(default_factory=dict)

    def rejections(self, subjects: Iterable[str]) -> list[Rejection]:
        """What is rejected of these subjects, in an order that does not depend on the files."""
        found = {
            (one.subject, one.view, one.structure, one.digest): one.rejection
            for subject in subjects
            for one in self.by_subject.get(subject, ())
            if one.verdict == "reject"
        }
        return [found[key] for key in sorted(found)]


def read_verdicts(paths: Iterable[Path]) -> Verdicts:
    """Read files of verdicts; of several words of one reviewer on one place the last in time holds.

    Raises
    ------
    UserError
        If a file is not there, lacks a column, or has a row that means nothing.
    """
    last: dict[tuple[str, ...], Verdict] = {}
    for path in paths:
        for verdict in _rows(path):
            place = (verdict.subject, verdict.view, verdict.structure, verdict.reviewer)
            if place not in last or last[place].time <= verdict.time:
                last[place] = verdict
    by_subject: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in last.values():
        by_subject[verdict.subject].append(verdict)
    return Verdicts(dict(by_subject))


def _rows(path: Path) -> Iterator[Verdict]:
    for number, cells in downloaded_rows(path, COLUMNS, "verdicts", "review room"):
        del cells["comment"]
        view, structure = cells["view"], cells["structure"]
        known = LABELS.get(view, {}).values()
        wrong = (
            ("names no subject" if not cells["subject"] else "")
            or ("names no reviewer" if not cells["reviewer"] else "")
            or (f"has the verdict {cells['verdict']!r}" if cells["verdict"] not in VERDICTS else "")
            or (f"has the view {view!r}" if view and view not in LABELS else "")
            or (f"has the structure {structure!r}" if structure and structure not in known else "")
            or (f"has {cells['verdict']} of a part" if view and cells["verdict"] != "reject" else "")
        )
        if wrong:
            raise UserError(
                f"{path}, line {number}: {wrong}. A verdict is {', '.join(VERDICTS)}; of a view "
                f"({', '.join(LABELS)}), or a structure in it, it is reject."
            )
        yield Verdict(**cells)


def judgement(verdicts: Sequence[Verdict], digests: Mapping[str, str]) -> Judgement:
    """What the verdicts on one subject come to.

    Parameters
    ----------
    verdicts
        Those of all reviewers on the subject.
    digests
        What of the subject is there to be seen now.

    Returns
    -------
    Judgement
        A subject is accepted if every reviewer who judged it accepts it; a reviewer who only rejects a part
        has not.
    """
    fresh = [one for one in verdicts if one.rejection.holds(digests)]
    whole = {one.reviewer: one.verdict for one in fresh if one.view == WHOLE}
    stale = len(verdicts) - len(fresh)
    parts = len({(one.view, one.structure) for one in fresh if one.view})
    if "reject" in whole.values():
        return Judgement("reject", parts, stale)
    if "unsure" in whole.values():
        return Judgement("unsure", parts, stale)
    accepted = bool(whole) and not stale and set(whole) == {one.reviewer for one in fresh}
    return Judgement("accept" if accepted else "", parts, stale)


def findings_of(judged: Judgement) -> list[Finding]:
    """Findings of a subject that follow from what reviewers said; rejections are those of the measures."""
    found = []
    if judged.stale:
        message = (
            f"{judged.stale} of the verdicts on this subject were given on images or segmentations that have "
            "changed since; look again"
        )
        found.append(Finding(Code.REVIEW_STALE, Level.REVIEW, message))
    if judged.decision == "unsure":
        found.append(Finding(Code.REVIEW_UNSURE, Level.REVIEW, "a reviewer was not sure"))
    if judged.decision == "accept":
        found.append(Finding(Code.REVIEW_ACCEPTED, Level.INFO, "looked at and accepted"))
    return found


def counted(judgements: Iterable[Judgement]) -> str:
    """How many subjects were judged how, as a sentence."""
    number: Counter[str] = Counter()
    for one in judgements:
        number[one.decision] += 1
        number["part"] += bool(one.parts and one.decision != "reject")
        number["stale"] += bool(one.stale)
    words = {
        "accept": "accepted",
        "reject": "rejected",
        "unsure": "not sure of",
        "part": "with a rejected structure or view",
        "stale": "with verdicts on what has changed since",
    }
    said = [f"{number[key]} {word}" for key, word in words.items() if number[key]]
    return ", ".join(said) or "none"
