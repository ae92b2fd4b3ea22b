"""Checks that take the whole cohort: where a subject stands among the others (M5, I6)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cinecohort.catalogue.findings import Code
from cinecohort.findings import Finding
from cinecohort.quality.options import Action
from cinecohort.quality.reports import finding
from cinecohort.quality.robust import robust_z

SMALLEST_GROUP = 20
"""Fewer subjects than this say too little about what is usual."""


def cohort_findings(
    table: pd.DataFrame,
    columns: Sequence[str],
    by: Sequence[str],
    threshold: float,
    code: Code = Code.M5,
    action: Action = "review",
) -> dict[str, list[Finding]]:
    """Subjects whose numbers stand out from their group's.

    Parameters
    ----------
    table
        One row per subject, with ``subject``, `columns` and `by`.
    columns
        Numbers to look at, such as body-surface indexed volumes (M5) or image numbers (I6).
    by
        Columns that make the groups, such as ``sex`` or ``scanner``; empty: all are one group. Groups of
        fewer than 20 are not judged.
    threshold
        Largest robust z (median and median absolute deviation).
    code, action
        Of the findings.

    Returns
    -------
    dict
        Subject to findings; subjects without any are not in it.
    """
    found: dict[str, list[Finding]] = {}
    groups = table.groupby(list(by), dropna=False) if by else [((), table)]
    for key, group in groups:
        for column in columns:
            numbers = pd.to_numeric(group[column], errors="coerce")
            if numbers.notna().sum() < SMALLEST_GROUP:
                continue
            scores = robust_z(numbers.to_numpy(dtype=float))
            for place in np.flatnonzero(np.abs(np.nan_to_num(scores)) > threshold):
                among = ", ".join(f"{name} {value}" for name, value in zip(by, key, strict=True))
                message = f"{column} = {numbers.iloc[place]:.4g} stands out" + (
                    f" among {among}" if by else ""
                )
                score = float(np.clip(scores[place], -1e6, 1e6))
                subject = str(group["subject"].iloc[place])
                found.setdefault(subject, []).extend(
                    finding(code, action, message, value=score, threshold=threshold)
                )
    return found
