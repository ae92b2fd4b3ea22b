"""The columns of the tables in the results, once for all who write and read them; without pandas.

A column is of one kind wherever its name stands. An empty cell is a missing value, and nothing else is: a
group called ``None`` and a site called ``NA`` are text.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from cinecohort.catalogue.covariates import NUMBERS


class Kind(Enum):
    """What the cells of a column hold."""

    TEXT = "text"
    NUMBER = "number"
    COUNT = "whole number"
    FLAG = "true or false"


@dataclass(frozen=True)
class Table:
    """A table of ``results/cohort/``.

    Parameters
    ----------
    columns
        What it has in any case, in this order.
    others
        Kind of the columns that this module does not name; None where users name them, and the cells decide.
    """

    columns: tuple[str, ...]
    others: Kind | None = None


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


IDENTITY = _names("subject dataset participant visit")
"""Whom a row is about."""

STATE = _names("status stage code reason")
"""What came of a subject, in which stage, and why."""

FAILURE = _names("failure_probability failure_probability_lv failure_probability_myo failure_probability_rv")
"""Probability that the segmentation failed: the highest of the structures, and of each; see
:mod:`cinecohort.calibration`."""

OVERLAP_NUMBERS = _names("dice mcd_mm hd_mm hd_max_mm n_slices n_skipped")
"""What is measured of one structure in one frame; see :func:`cinecohort.evaluation.overlap.overlap`."""

COHORT = {
    "conversion": Table(
        (
            *(*IDENTITY, *STATE, *_names("views n_slices n_frames dx_mm dy_mm dz_mm heart_rate_bpm")),
            *_names("vendor scanner field_t observers"),
        )
    ),
    "quality": Table((*IDENTITY, *STATE), Kind.NUMBER),
    "measures": Table(_names("subject dataset source kind frames status"), Kind.NUMBER),
    "voided": Table(_names("subject source measure code reason dataset frames")),
    "overlap": Table(
        _names("subject dataset view source reference frame role structure position") + OVERLAP_NUMBERS
    ),
    "participants": Table(IDENTITY),
    "findings": Table(_names("subject dataset stage code level view slices frames value threshold message")),
    "reference_ranges": Table(
        _names("measure sex age_from age_to mean sd papillary_muscles source"), Kind.NUMBER
    ),
    "status": Table(("subject", "dataset", *STATE, *FAILURE)),
    "flow": Table(_names("dataset step received excluded flagged code reason n")),
}
"""Table of ``results/cohort/`` to its columns."""

_OF_KIND = {
    Kind.TEXT: (
        *IDENTITY,
        *STATE,
        *_names("id view views source kind frames reference role structure position model models observers"),
        *_names(
            "made_by unvalidated corrected voided z_missing papillary_muscles implausible step level message "
            "slices sex icd10 site vendor scanner group"
        ),
        # Of agreement and studies.
        *_names("folder first second measure outliers selection raters type quantity test what outcome"),
        *_names("analysis setting factor variable covariate sd_source p_printed"),
    ),
    Kind.NUMBER: (
        *FAILURE,
        *_names("dx_mm dy_mm dz_mm heart_rate_bpm value threshold dice mcd_mm hd_mm hd_max_mm"),
        *_names("age_from age_to mean sd"),
        *NUMBERS,
    ),
    Kind.COUNT: _names(
        "n_slices n_frames n_skipped n_sources n_comparisons frame ed_frame es_frame "
        "received excluded flagged n"
    ),
    Kind.FLAG: _names("self_reported_mi seen_in_training synthetic primary"),
}
KINDS = {name: kind for kind, names in _OF_KIND.items() for name in names}
"""Column to its kind."""


def kinds_of(columns: Iterable[str], table: str = "") -> dict[str, Kind | None]:
    """Kind of each column; None where its cells decide.

    Parameters
    ----------
    columns
        Names.
    table
        A key of :data:`COHORT` for the columns that only such a table has.
    """
    others = COHORT[table].others if table else None
    return {name: KINDS.get(name, others) for name in columns}
