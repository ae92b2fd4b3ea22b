"""Outcomes that matched subjects lack, by group, and how far they could move a difference of means."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

COLUMNS = (
    *("outcome", "n1", "missing1", "voided1", "n0", "missing0", "voided0"),
    *("difference_low", "difference_high"),
)


def missing_outcomes(
    table: pd.DataFrame,
    treatment: NDArray[np.int_],
    weights: NDArray[np.float64],
    outcomes: Sequence[str],
    voided: Mapping[str, Collection[str]],
) -> pd.DataFrame:
    """Count what is missing of each outcome, and bound the difference of means by it.

    Parameters
    ----------
    table
        One row per subject, with ``subject`` and the outcomes.
    treatment
        1 or 0 for each subject.
    weights
        Of the matching; subjects with weight 0 take no part.
    outcomes
        Columns.
    voided
        Outcome to the subjects of whom it is not given since the label map shows that it failed.

    Returns
    -------
    pandas.DataFrame
        One row per outcome, :data:`COLUMNS`: matched subjects by group, how many have no value, how many of
        these failed, and the least and the largest weighted difference of means (group 1 - group 0) if every
        missing value were the smallest or the largest that is seen in the matched subjects (the bounds of
        Horowitz and Manski, J Am Stat Assoc 2000;95:77, with the observed range for the outcome's).
    """
    rows = []
    subjects = table["subject"].astype(str)
    for outcome in outcomes:
        values = table[outcome].to_numpy(float)
        failed = subjects.isin({str(name) for name in voided.get(outcome, ())}).to_numpy()
        row: dict[str, object] = {"outcome": outcome}
        for group in (1, 0):
            used = (treatment == group) & (weights > 0)
            gone = used & ~np.isfinite(values)
            row |= {f"n{group}": int(used.sum()), f"missing{group}": int(gone.sum())}
            row[f"voided{group}"] = int((gone & failed).sum())
        row["difference_low"], row["difference_high"] = _bounds(values, treatment, weights)
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _bounds(
    values: NDArray[np.float64], treatment: NDArray[np.int_], weights: NDArray[np.float64]
) -> tuple[float, float]:
    used = weights > 0
    seen = values[used & np.isfinite(values)]
    if not seen.size or not all((used & (treatment == group)).any() for group in (1, 0)):
        return float("nan"), float("nan")

    def mean(group: int, filled: float) -> float:
        chosen = used & (treatment == group)
        complete = np.where(np.isfinite(values), values, filled)
        return float(np.average(complete[chosen], weights=weights[chosen]))

    low, high = float(seen.min()), float(seen.max())
    return mean(1, low) - mean(0, high), mean(1, high) - mean(0, low)
