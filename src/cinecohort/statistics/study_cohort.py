"""Who is in a group study: from the cohort's tables to two groups, with a count for every exclusion."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cinecohort.errors import UserError
from cinecohort.ledger.tables import no_column
from cinecohort.statistics.condition_syntax import condition_columns
from cinecohort.statistics.conditions import meets
from cinecohort.statistics.icd10 import any_holds, code_in, parse_codes
from cinecohort.statistics.study_options import StudyOptions

TREATMENT = "exposed (1 or 0)"
"""Column of 1 (exposure) and 0 (reference) in the tables of this module."""


@dataclass
class Flow:
    """Counts of the participant flow: in every step, who came in either goes on or is excluded."""

    remaining: int
    rows: list[dict[str, str | int]] = field(default_factory=list)

    def step(self, name: str, excluded: dict[str, int], remaining: int) -> None:
        """Record one step: how many were excluded for which reason, and how many remain."""
        if self.remaining != remaining + sum(excluded.values()):
            raise AssertionError(f"step {name!r}: {self.remaining} in, {excluded} excluded, {remaining} out")
        self.rows += [
            {"step": name, "reason": reason, "n": n, "kind": "excluded"}
            for reason, n in excluded.items()
            if n
        ]
        self.rows.append({"step": name, "reason": "", "n": remaining, "kind": "remaining"})
        self.remaining = remaining

    def table(self) -> pd.DataFrame:
        """``step, reason, n, kind``: in each step the excluded by reason, then (reason empty) who remains."""
        return pd.DataFrame(self.rows, columns=["step", "reason", "n", "kind"])


@dataclass(frozen=True)
class StudyCohort:
    """Subjects of a study.

    Parameters
    ----------
    complete
        One row per subject who enters the matching: the participants' columns, the outcomes, ``status`` and
        the column :data:`TREATMENT`.
    eligible
        The same before those without covariates or measures were left out.
    flow
        Counts up to there.
    source
        Model or observer whose measures are used.
    notes
        Sentences on what a reader should know.
    """

    complete: pd.DataFrame
    eligible: pd.DataFrame
    flow: Flow
    source: str
    notes: list[str] = field(default_factory=list)


def select_cohort(
    measures: pd.DataFrame,
    participants: pd.DataFrame,
    status: pd.DataFrame | None,
    options: StudyOptions,
    flow: Flow | None = None,
) -> StudyCohort:
    """Apply the study's definition to the cohort.

    The order is fixed, since counts depend on it: one visit a participant, quality control, exclusions in the
    order of the options, groups, covariates, measures. A subject is counted under the first reason that
    applies.

    Parameters
    ----------
    measures
        Rows of subjects and sources; see the columns of ``results/cohort/measures.tsv``.
    participants
        One row per subject.
    status
        Final status of each subject (``subject, status, code``), or None: that of the measures table.
    options
        The study.
    flow
        Counts to fill, so that they are there even if an error ends the selection.

    Returns
    -------
    StudyCohort
        The two groups, and how they came about.

    Raises
    ------
    UserError
        A column, source or condition of the options does not fit the tables.
    """
    table = _with_status(_text_subjects(participants, "participants"), status, measures)
    flow = flow if flow is not None else Flow(len(table))
    flow.step("subjects", {}, len(table))
    if options.visit == "first_usable":
        table = _quality(table, options, flow)
        table = _one_visit(table, options, flow)
    else:
        table = _one_visit(table, options, flow)
        table = _quality(table, options, flow)
    notes: list[str] = []
    table = _exclusions(table, options, flow, notes)
    eligible = _groups(table, options, flow)
    notes += implausible_by_group(table, eligible, options)
    source, outcomes = select_measures(measures, options)
    eligible = eligible.drop(columns=[c for c in outcomes if c in eligible and c != "subject"])
    eligible = eligible.merge(outcomes, on="subject", how="left", validate="one_to_one")
    complete = _complete(eligible, options, flow)
    return StudyCohort(complete.reset_index(drop=True), eligible, flow, source, notes)


def select_measures(measures: pd.DataFrame, options: StudyOptions) -> tuple[str, pd.DataFrame]:
    """Choose each subject's row of measures.

    Returns
    -------
    tuple
        Name of the source, and ``subject`` with the outcome columns. Without a source in the options it is
        the first automatic one of the table.
    """
    absent = [name for name in options.outcomes if name not in measures]
    if absent:
        raise no_column(measures, *absent)
    rows = _text_subjects(measures, "measures")
    present = rows[rows["source"].notna() & (rows["source"].astype(str) != "")] if "source" in rows else rows
    source = options.source
    if source is None and "source" in rows:
        automatic = present[present["kind"] == "auto"] if "kind" in present else present
        if automatic.empty:
            known = ", ".join(sorted(present["source"].astype(str).unique())) or "none"
            raise UserError(f"The measures table has no automatic source: set `source` to one of {known}.")
        source = str(automatic["source"].iloc[0])
    if source is not None and "source" in rows:
        rows = present[present["source"].astype(str) == source]
        if rows.empty:
            known = ", ".join(sorted(present["source"].astype(str).unique())) or "none"
            raise UserError(f"The measures table has no source {source!r}: it has {known}.")
    if "frames" in rows and rows["frames"].notna().any():
        frames = rows["frames"].fillna("own").astype(str)
        rows = rows[(frames == options.frames) | (frames == "")]
        if rows.empty:
            raise UserError(f"The measures of {source!r} have no rows at the frames {options.frames!r}.")
    repeated = rows["subject"].duplicated()
    if repeated.any():
        raise UserError(
            f"The measures table has several rows of {source!r} for {int(repeated.sum())} subjects, the "
            f"first is {rows.loc[repeated, 'subject'].iloc[0]}: keep one row per subject, source and frames."
        )
    return source or "", rows[["subject", *options.outcomes]]


def _text_subjects(table: pd.DataFrame, name: str) -> pd.DataFrame:
    if "subject" not in table:
        raise UserError(f"The {name} table has no column 'subject'.")
    return table.assign(subject=table["subject"].astype(str)).reset_index(drop=True)


def _with_status(
    participants: pd.DataFrame, status: pd.DataFrame | None, measures: pd.DataFrame
) -> pd.DataFrame:
    """Add ``status`` and ``code``; a subject of whom nothing is known counts as ok."""
    repeated = participants["subject"].duplicated()
    if repeated.any():
        raise UserError(
            f"The participants table holds {int(repeated.sum())} subjects more than once, the first is "
            f"{participants.loc[repeated, 'subject'].iloc[0]}: keep one row per subject."
        )
    known = status if status is not None else measures
    if "status" not in known:
        return participants.assign(status="ok", code="")
    known = _text_subjects(known, "status").drop_duplicates("subject").set_index("subject")
    codes = known["code"] if "code" in known else pd.Series("", index=known.index)
    return participants.assign(
        status=participants["subject"].map(known["status"]).fillna("ok").astype(str),
        code=participants["subject"].map(codes).fillna("").astype(str),
    )


def _one_visit(table: pd.DataFrame, options: StudyOptions, flow: Flow) -> pd.DataFrame:
    """Keep one visit a participant."""
    if options.visit == "all" or "participant" not in table or "visit" not in table:
        return table
    person = table["participant"].astype("string").fillna(table["subject"])
    if "dataset" in table:
        person = table["dataset"].astype("string").fillna("") + "/" + person
    numbers = pd.to_numeric(table["visit"], errors="coerce")
    ordered = pd.DataFrame(
        {"person": person, "number": numbers, "visit": table["visit"].astype("string").fillna("")}
    ).sort_values(["person", "number", "visit"], kind="stable")
    again = ordered.duplicated("person", keep="last" if options.visit == "last" else "first")
    kept = ordered.index[~again]
    result = table.loc[sorted(kept)]
    flow.step(
        "one visit a participant", {"another visit of the participant": len(table) - len(result)}, len(result)
    )
    return result


def _quality(table: pd.DataFrame, options: StudyOptions, flow: Flow) -> pd.DataFrame:
    """Leave out subjects by their final status."""
    unwanted = set(options.exclusions.status) | (
        {"review"} if options.exclusions.flagged == "drop" else set()
    )
    out = table["status"].isin(unwanted)
    reasons = table.loc[out, "status"] + table.loc[out, "code"].map(lambda code: f": {code}" if code else "")
    flow.step("quality control", _counts(reasons), int((~out).sum()))
    return table[~out]


def _exclusions(table: pd.DataFrame, options: StudyOptions, flow: Flow, notes: list[str]) -> pd.DataFrame:
    """Leave out subjects by diagnosis, self-report and further conditions."""
    exclusions = options.exclusions
    reason = pd.Series("", index=table.index)

    def mark(found: pd.Series, text: str) -> None:
        reason.loc[found.fillna(False).astype(bool) & (reason == "")] = text

    if exclusions.icd10:
        if "icd10" not in table:
            raise no_column(table, "icd10")
        found, undated = diagnosed(table, exclusions.icd10, exclusions.before_scan_only)
        mark(found, f"diagnosis ICD-10 {', '.join(exclusions.icd10)}")
        if exclusions.before_scan_only and undated:
            notes.append(
                f"{undated} subjects were left out for a diagnosis without a date, taken as before the scan."
            )
    if exclusions.self_reported_mi:
        reported = meets(table, "self_reported_mi")
        mark(reported, "self-reported heart attack")
        unknown = int((reported.isna() & (reason == "")).sum())
        if unknown:
            notes.append(
                f"{unknown} subjects stay in of whom it is not known whether they reported a heart attack."
            )
    for condition in exclusions.conditions:
        mark(meets(table, condition), condition)
    out = reason != ""
    if exclusions.icd10 or exclusions.self_reported_mi or exclusions.conditions:
        flow.step("exclusion criteria", _counts(reason[out]), int((~out).sum()))
    return table[~out]


def diagnosed(table: pd.DataFrame, codes: Sequence[str], before_scan_only: bool) -> tuple[pd.Series, int]:
    """Say who has a diagnosis with one of the ICD-10 codes.

    Parameters
    ----------
    table
        ``icd10``: codes separated by semicolons, dots optional; each may be followed by ``:`` or ``@`` and a
        date (``I21:2012-05-01``, held against ``scan_date``) or a signed number of days relative to the scan
        (``I21:-400``).
    codes
        Codes, wildcards and ranges; see :mod:`cinecohort.statistics.icd10`.
    before_scan_only
        Whether a diagnosis dated after the scan does not count. One without a date counts in any case.

    Returns
    -------
    tuple
        Booleans on the table's index, and how many subjects count for an undated diagnosis alone.
    """
    wanted = [parse_codes(text) for text in codes]
    scans = table["scan_date"] if "scan_date" in table else pd.Series(None, index=table.index, dtype=object)
    found, undated = [], 0
    for cell, scan in zip(table["icd10"].fillna("").astype(str), scans, strict=True):
        kinds = [
            _timing(when, scan)
            for code, when in map(_split_diagnosis, cell.split(";"))
            if any_holds(wanted, code_in(code))
        ]
        counted = [kind for kind in kinds if not before_scan_only or kind != "after"]
        found.append(bool(counted))
        undated += bool(counted) and set(counted) == {"undated"}
    return pd.Series(found, index=table.index, dtype=bool), undated


def _split_diagnosis(text: str) -> tuple[str, str]:
    code, *when = re.split(r"[:@]", text.strip(), maxsplit=1)
    return code.strip(), when[0].strip() if when else ""


def _timing(when: str, scan: object) -> str:
    """Whether a diagnosis lies before (or on the day of) the scan, after it, or has no ISO 8601 date."""
    if re.fullmatch(r"[+-]\d+", when):
        return "before" if int(when) <= 0 else "after"
    date, day = (pd.to_datetime(str(text), format="ISO8601", errors="coerce") for text in (when, scan))
    if pd.isna(date) or pd.isna(day):
        return "undated"
    return "before" if date <= day else "after"


def _groups(table: pd.DataFrame, options: StudyOptions, flow: Flow) -> pd.DataFrame:
    """Keep the two groups; who meets both conditions, or neither, or is not known to, is counted apart."""
    exposed, reference = (meets(table, group.condition) for group in (options.exposure, options.reference))
    columns = [
        *condition_columns(options.exposure.condition),
        *condition_columns(options.reference.condition),
    ]
    # Who is in one group for sure, but may be in the other as well, is of neither: their group is not known.
    known = exposed.notna() & reference.notna()
    exposed, reference = exposed.fillna(False), reference.fillna(False)
    one = known & (exposed ^ reference)
    excluded = {
        f"missing {', '.join(dict.fromkeys(columns))}": int((~known).sum()),
        "in both groups": int((known & exposed & reference).sum()),
        f"neither {options.exposure.label} nor {options.reference.label}": int(
            (known & ~exposed & ~reference).sum()
        ),
    }
    kept = table[one.to_numpy(bool)]
    flow.step("groups", excluded, len(kept))
    return kept.assign(**{TREATMENT: exposed[one.to_numpy(bool)].astype(int)})


def implausible_by_group(table: pd.DataFrame, grouped: pd.DataFrame, options: StudyOptions) -> list[str]:
    """Say of each column that the study uses whose values were not believed, in which group.

    Parameters
    ----------
    table
        Subjects before the groups were made; ``implausible`` lists columns, separated by semicolons.
    grouped
        Subjects of both groups, with :data:`TREATMENT`.
    options
        The study.
    """
    if "implausible" not in table:
        return []
    conditions = (options.exposure.condition, options.reference.condition)
    used = [
        *options.covariates,
        *options.matching.exact,
        *(c for text in conditions for c in condition_columns(text)),
    ]
    listed = table["implausible"].fillna("").astype(str).str.split(";")
    group = grouped[TREATMENT].map({1: options.exposure.label, 0: options.reference.label})
    group = group.reindex(table.index).fillna("no group")
    notes = []
    for name in dict.fromkeys(used):
        doubted = group[[name in names for names in listed]]
        if len(doubted):
            counts = ", ".join(f"{label} {n}" for label, n in doubted.value_counts().sort_index().items())
            notes.append(f"Values of {name} were implausible and count as missing: {counts}.")
    return notes


def _complete(table: pd.DataFrame, options: StudyOptions, flow: Flow) -> pd.DataFrame:
    """Leave out subjects without a covariate, then those without any measure."""
    needed = list(dict.fromkeys([*options.covariates, *options.matching.exact]))
    absent = [name for name in needed if name not in table]
    if absent:
        raise no_column(table.drop(columns=TREATMENT), *absent)
    missing = table[needed].isna() | (table[needed].astype("string").fillna("") == "")
    out = missing.any(axis=1)
    flow.step("covariates", _counts(missing[out].idxmax(axis=1).map("missing {}".format)), int((~out).sum()))
    table = table[~out]
    measured = table[list(options.outcomes)].notna().any(axis=1)
    flow.step("measures", {"no outcome was measured": int((~measured).sum())}, int(measured.sum()))
    return table[measured]


def _counts(reasons: pd.Series) -> dict[str, int]:
    counted = reasons.value_counts().sort_index()
    return {str(reason): int(n) for reason, n in counted.items()}


def outcome_values(table: pd.DataFrame, outcome: str) -> np.ndarray:
    """Return an outcome as floats, missing as NaN."""
    return table[outcome].to_numpy(float)
