"""Checks that take the whole cohort, made when it is gathered: who stands out from the others."""

from collections.abc import Mapping

import pandas as pd

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.measures import Show, columns_shown
from cinecohort.findings import Finding, Status
from cinecohort.quality.cohort import cohort_findings
from cinecohort.quality.options import ImageQualityOptions, MeasureQualityOptions

STAGE = "cohort"
IMAGE_NUMBERS = ("sa_efc", "sa_fber")


def check_cohort(
    tables: Mapping[str, pd.DataFrame],
    measures: pd.DataFrame,
    participants: pd.DataFrame,
    images: ImageQualityOptions,
    limits: MeasureQualityOptions,
) -> dict[str, list[Finding]]:
    """Findings by subject: image numbers within dataset and scanner, indexed volumes within dataset and sex.

    Parameters
    ----------
    tables
        Shard tables by stage.
    measures
        The cohort's measures; the automatic ones at their own frames are judged.
    participants
        For the sex.
    images, limits
        The checks' limits and actions.
    """
    found: dict[str, list[Finding]] = {}
    quality = tables["image_quality"].drop_duplicates("subject")
    numbers = [column for column in IMAGE_NUMBERS if column in quality]
    scanners = tables["convert"].drop_duplicates("subject")
    scanners = scanners[["subject", *[c for c in ("scanner",) if c in scanners]]]
    if images.i6_cohort_z.action != "off" and numbers and "scanner" in scanners:
        judged = quality[["subject", "dataset", *numbers]].merge(scanners, on="subject")
        check = images.i6_cohort_z
        for subject, listed in cohort_findings(
            judged, numbers, ["dataset", "scanner"], check.threshold, Code.I6, check.action
        ).items():
            found.setdefault(subject, []).extend(listed)
    volumes = [f"{name}_i" for name in columns_shown(Show.PRINCIPAL) if f"{name}_i" in measures]
    if limits.m5_cohort_z.action != "off" and volumes:
        own = measures[(measures["kind"] == "auto") & (measures["frames"] == "own")]
        judged = own.drop_duplicates("subject").merge(participants[["subject", "sex"]], on="subject")
        check = limits.m5_cohort_z
        for subject, listed in cohort_findings(
            judged, volumes, ["dataset", "sex"], check.threshold, Code.M5, check.action
        ).items():
            found.setdefault(subject, []).extend(listed)
    return found


def with_cohort_findings(
    status: pd.DataFrame, found: Mapping[str, list[Finding]], stage: str = STAGE
) -> pd.DataFrame:
    """Final status with those raised from ``ok`` to ``review`` whom only these findings, of `stage`, flag."""
    raised = status.set_index("subject", drop=False)
    fine = set(raised.index[raised["status"] == str(Status.OK)])
    flagged = {
        subject: next(finding for finding in findings if str(finding.level) != "info")
        for subject, findings in found.items()
        if subject in fine and any(str(finding.level) != "info" for finding in findings)
    }
    keys = list(flagged)
    raised.loc[keys, "status"] = str(Status.REVIEW)
    raised.loc[keys, "stage"] = stage
    raised.loc[keys, "code"] = [str(finding.code) for finding in flagged.values()]
    raised.loc[keys, "reason"] = [finding.message for finding in flagged.values()]
    return raised.reset_index(drop=True)
