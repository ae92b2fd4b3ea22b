"""The flow of subjects through the stages: how many came, left, why, and how many were flagged."""

from collections.abc import Mapping

import pandas as pd

from cinecohort.findings import Status
from cinecohort.ledger.columns import COHORT
from cinecohort.review.verdicts import Judgement, counted

STEPS = {
    "convert": "converted",
    "image_quality": "image quality",
    "segment": "segmented",
    "segmentation_quality": "segmentation quality",
    "measure": "measured",
}
"""Stage to the name of its step; the evaluation against observers decides about nobody."""

LEFT = (str(Status.EXCLUDED), str(Status.ERROR))


def flow_of_subjects(
    index: pd.DataFrame,
    stages: Mapping[str, pd.DataFrame],
    final: pd.DataFrame | None = None,
    judged: Mapping[str, Judgement] | None = None,
) -> pd.DataFrame:
    """Count who came to each step and who left it, by dataset.

    Parameters
    ----------
    index
        One row per subject, with ``subject`` and ``dataset``.
    stages
        Shard tables by stage, with ``subject, status, stage, code, reason``.
    final, judged
        Final status, and what reviewers said by subject; where anybody was judged, there is a step more,
        whose `reason` counts the verdicts. Who is rejected leaves at the measures.

    Returns
    -------
    pandas.DataFrame
        For each dataset and step one row with empty `code` (received, excluded, flagged), then one row a
        code with `n` subjects and an example of the reason. received = passed on + excluded holds at every
        step and is asserted; a last row, ``analysed``, holds who is left.
    """
    rows: list[dict[str, object]] = []
    for dataset, members in index.groupby("dataset", sort=True):
        present = set(members["subject"])
        rows.append(step_row(dataset, "indexed", len(present), 0, 0))
        for stage, step in STEPS.items():
            table = stages[stage].drop_duplicates("subject")
            here = table[table["subject"].isin(present)]
            leaving = here[here["status"].isin(LEFT)]
            flagged = int((here["status"] == str(Status.REVIEW)).sum())
            corrected = int((here["corrected"] != "").sum()) if "corrected" in here else 0
            said = {"reason": f"subjects with a corrected label map: {corrected}"} if corrected else {}
            rows.append({**step_row(dataset, step, len(present), len(leaving), flagged), **said})
            for (status, code), group in leaving.groupby(["status", "code"], sort=True):
                reason = (
                    group["reason"].iloc[0] if len(group) == 1 else f"for example: {group['reason'].iloc[0]}"
                )
                rows.append(
                    {
                        "dataset": dataset,
                        "step": step,
                        "code": code or status,
                        "reason": reason,
                        "n": len(group),
                    }
                )
            remaining = present - set(leaving["subject"])
            if len(present) != len(remaining) + len(leaving):
                raise AssertionError(f"{dataset}, {step}: received is not passed on plus excluded")
            present = remaining
        if judged and final is not None:
            left = final[final["subject"].isin(present)]
            flagged = int((left["status"] == str(Status.REVIEW)).sum())
            verdicts = counted(judged[subject] for subject in sorted(set(members["subject"]) & set(judged)))
            reviewed = step_row(dataset, "reviewed", len(present), 0, flagged)
            rows.append({**reviewed, "reason": f"subjects by verdict: {verdicts}"})
        rows.append(step_row(dataset, "analysed", len(present), 0, 0))
    counts = dict.fromkeys(("received", "excluded", "flagged", "n"), "Int64")
    return pd.DataFrame(rows, columns=list(COHORT["flow"].columns)).astype(counts)


def step_row(dataset: object, step: str, received: int, excluded: int, flagged: int) -> dict[str, object]:
    """Row of a step with its totals."""
    return {"dataset": dataset, "step": step, "received": received, "excluded": excluded, "flagged": flagged}
