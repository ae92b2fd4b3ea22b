"""Findings, statuses and outcomes: how every stage says what it saw and what became of a subject."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import VIEW_NAMES

_PLACES = re.compile(r"\b(frames?|slices?) (\d+(?:(?:, | and | to )\d+)*)(?![\d.]*\d)(?! mm)", re.IGNORECASE)
_VIEWS = re.compile(rf"\b({'|'.join(VIEW_NAMES)})\b(?=: )")
_VERBS = {
    **{"are": "is", "were": "was", "have": "has", "do": "does", "lie": "lies", "differ": "differs"},
    **{"share": "shares", "span": "spans"},
}
_ONE = re.compile(
    r"(?<![\d.,])1 (file|frame|image|pixel|slice|voxel)s\b(?: (" + "|".join(_VERBS) + r")\b)?", re.ASCII
)


class Status(StrEnum):
    """What became of a subject in a stage, from the best to the gravest."""

    OK = "ok"
    REVIEW = "review"
    EXCLUDED = "excluded"
    ERROR = "error"


class Level(StrEnum):
    """How grave a finding is.

    ``info`` changes nothing, ``review`` keeps and flags, ``reject`` means that the view (or, where the
    finding names no view, the subject) is not used, ``error`` is an unexpected fault.
    """

    INFO = "info"
    REVIEW = "review"
    REJECT = "reject"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing that a stage found.

    Parameters
    ----------
    code
        What software reads, such as ``Code.GAP``.
    level
        How grave it is.
    message
        One sentence for people, with the numbers; see :func:`in_words`.
    view
        The view that it concerns, or None for the whole subject.
    slices, frames
        Indices counted from 0; empty where they do not apply.
    value, threshold
        The number found and the limit it was held against, where there is one.
    """

    code: Code
    level: Level
    message: str
    view: str | None = None
    slices: tuple[int, ...] = ()
    frames: tuple[int, ...] = ()
    value: float | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        """Refuse a code that the catalogue lacks (`KeyError`), also where it was read from a file."""
        object.__setattr__(self, "code", Code[self.code])
        object.__setattr__(self, "message", in_words(self.message))

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            **asdict(self),
            "code": str(self.code),
            "level": str(self.level),
            "slices": list(self.slices),
            "frames": list(self.frames),
        }

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> "Finding":
        """Read what :meth:`to_dict` wrote."""
        return cls(
            **{
                **value,
                "level": Level(value["level"]),
                "slices": tuple(value["slices"]),
                "frames": tuple(value["frames"]),
            }
        )


def overall_status(
    findings: Iterable[Finding], usable_views: Iterable[str] = (), required_views: Iterable[str] = ()
) -> Status:
    """Status of a subject from its findings.

    Parameters
    ----------
    findings
        All findings of the stage.
    usable_views
        Views that the stage could use; looked at only where `required_views` names some.
    required_views
        Views without which a subject is excluded.

    Returns
    -------
    Status
        ``error`` if any finding is one; ``excluded`` if a finding rejects the whole subject or a required
        view is not usable; ``review`` if anything was rejected or flagged; else ``ok``.
    """
    findings = list(findings)
    levels = {finding.level for finding in findings}
    if Level.ERROR in levels:
        return Status.ERROR
    rejects_subject = any(f.level is Level.REJECT and f.view is None for f in findings)
    if rejects_subject or set(required_views) - set(usable_views):
        return Status.EXCLUDED
    return Status.REVIEW if levels & {Level.REVIEW, Level.REJECT} else Status.OK


def gravest(statuses: Iterable[Status]) -> Status:
    """The gravest of several statuses; ``ok`` of none."""
    return max(statuses, key=list(Status).index, default=Status.OK)


@dataclass
class Outcome:
    """What a stage made of one subject.

    Parameters
    ----------
    at_least
        Status that the subject has whatever the findings say, such as ``excluded`` where nothing was made.
    findings
        What it saw.
    outputs
        Names of the files that it wrote into the subject's folder.
    values
        Scalars: the subject's row in the shard table.
    rows
        Long-form rows, where a stage gives several a subject (measures by source, overlap by structure).
    traceback
        Of an unexpected fault; kept in the subject's log, never in the record.
    """

    at_least: Status = Status.OK
    findings: list[Finding] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    traceback: str = ""

    @property
    def status(self) -> Status:
        """What became of the subject, from all findings that there are by now; see :func:`overall_status`.

        Nothing else says what a subject's status is: what is found later can make it graver, never better.
        """
        return gravest((self.at_least, overall_status(self.findings)))


def in_words(message: str) -> str:
    """A finding's sentence with views by their names, and one thing in the singular.

    Examples
    --------
    >>> in_words("sa: 1 slices are out of step")
    'short axis: 1 slice is out of step'
    """

    def singular(match: re.Match[str]) -> str:
        return f"1 {match[1]}" + (f" {_VERBS[match[2]]}" if match[2] else "")

    return _VIEWS.sub(lambda match: VIEW_NAMES[match[1]], _ONE.sub(singular, message))


def in_print(message: str) -> str:
    """A finding's sentence as people read it: frames and slices from 1.

    The sentences of records and tables count from 0, as the files do.

    Examples
    --------
    >>> in_print("sa: slice 3 lacks frames 0, 1; 12 slices of 20 frames; slices 8.0 mm apart")
    'short axis: slice 4 lacks frames 1, 2; 12 slices of 20 frames; slices 8.0 mm apart'
    """

    def raised(match: re.Match[str]) -> str:
        numbers = re.sub(r"\d+", lambda digits: str(int(digits.group()) + 1), match[2])
        return f"{match[1]} {numbers}"

    return in_words(_PLACES.sub(raised, message))
