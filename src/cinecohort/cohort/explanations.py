"""Findings that explain a calibrated probability: they stand in the tables, and flag nobody."""

from collections.abc import Collection, Mapping

import pandas as pd

from cinecohort.findings import Level, Status

OWN_VIEWS = ("", "sa")
"""Views that a calibration of the short axis speaks about; measures name none."""


def explained(
    tables: Mapping[str, pd.DataFrame],
    findings: pd.DataFrame,
    subjects: Collection[str],
    codes: Collection[str],
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame, dict[str, list[str]]]:
    """Turn flags of single checks into notes, for the subjects whom a calibration judges.

    Parameters
    ----------
    tables
        Shard tables by stage, with ``subject, status, stage, code, reason``.
    findings
        Of all stages, with ``subject, stage, code, level, view, message``.
    subjects
        Whom the calibration judges.
    codes
        Checks that explain.

    Returns
    -------
    tables
        A stage's ``review`` is ``ok`` where nothing is left that flags; else its code and reason are those of
        what is left.
    findings
        With the level ``info`` for what explains.
    why
        Subject to the codes of what explains, each once.
    """
    note = (
        findings["subject"].isin(list(subjects))
        & findings["code"].isin(list(codes))
        & (findings["level"] == str(Level.REVIEW))
        & findings["view"].fillna("").isin(OWN_VIEWS)
    )
    turned = findings.assign(level=findings["level"].where(~note, str(Level.INFO)))
    why = {
        str(subject): list(dict.fromkeys(group["code"]))
        for subject, group in turned[note].groupby("subject", sort=False)
    }
    left = turned[turned["level"].isin([str(Level.REVIEW), str(Level.REJECT)])]
    left = left.sort_values("level", key=lambda level: level != str(Level.REJECT), kind="stable")
    first = left.drop_duplicates(["stage", "subject"]).set_index(["stage", "subject"])
    made = {}
    for stage, table in tables.items():
        changed = table["subject"].isin(set(findings["subject"][note & (findings["stage"] == stage)]))
        changed &= (table["status"] == str(Status.REVIEW)) & (table["stage"] == stage)
        made[stage] = table.copy(deep=False)
        for row in table.index[changed]:
            key = (stage, table.loc[row, "subject"])
            flagged = key in first.index
            made[stage].loc[row, ["status", "code", "reason"]] = (
                [str(Status.REVIEW), first.loc[key, "code"], first.loc[key, "message"]]
                if flagged
                else [str(Status.OK), "", ""]
            )
    return made, turned, why
