"""The table of baseline characteristics, before and after matching."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cinecohort.statistics.balance import compare_distributions, smd_denominator
from cinecohort.statistics.propensity import is_factor
from cinecohort.statistics.two_samples import weighted_mean_sd


def baseline_table(
    table: pd.DataFrame,
    treatment: np.ndarray,
    stages: dict[str, np.ndarray],
    variables: Sequence[str],
    full: str,
) -> pd.DataFrame:
    """Describe two groups at each stage.

    Parameters
    ----------
    table
        One row per subject; values may be missing.
    treatment
        1 (exposure) or 0 (reference), one per row.
    stages
        Name of a stage to the weights of all subjects in it; who is not part of it has weight 0.
    variables
        Columns to describe. A factor gives a row for each level.
    full
        Stage whose exposed group's SD is the denominator of all standardised mean differences.

    Returns
    -------
    pandas.DataFrame
        ``variable, level, stage, n1, n0, missing1, missing0, mean1, sd1, median1, q1_1, q3_1, mean0, sd0,
        median0, q1_0, q3_0, count1, percent1, count0, percent0, smd, exposure, reference``, the last two as
        printed: mean (SD), or n (%). Means, SDs, percentages and the standardised mean difference (its
        denominator the same at all stages) are of the subjects with a value, weighted; counts, medians and
        quartiles take each of them once.
    """
    rows = []
    first = stages[full]
    for variable in variables:
        values = table[variable]
        present = values.notna().to_numpy() & (values.astype("string").fillna("") != "").to_numpy(bool)
        if not present.any():
            continue
        if is_factor(values):
            text = values.astype(str).to_numpy()
            levels = [(level, (text == level).astype(float)) for level in sorted(set(text[present]))]
        else:
            levels = [(None, values.to_numpy(float))]
        for level, numbers in levels:
            reference = present & (first > 0)
            scale = smd_denominator(numbers[reference], treatment[reference], 1)
            for stage, weights in stages.items():
                row = {"variable": variable, "level": level, "stage": stage}
                row |= _describe(numbers, treatment, weights, present, level is not None)
                used = np.where(present, weights, 0.0)
                filled = np.where(present, numbers, 0.0)
                row["smd"] = compare_distributions(filled, treatment, used, scale)["smd"]
                rows.append(row)
    return pd.DataFrame(rows)


def _describe(
    numbers: np.ndarray, treatment: np.ndarray, weights: np.ndarray, present: np.ndarray, is_level: bool
) -> dict[str, object]:
    """Counts, moments and quartiles of both groups."""
    row: dict[str, object] = {}
    for value, name in ((1, "exposure"), (0, "reference")):
        group = (treatment == value) & (weights > 0)
        sample, share = numbers[group & present], weights[group & present]
        row[f"n{value}"] = int(group.sum())
        row[f"missing{value}"] = int((group & ~present).sum())
        if is_level:
            count = int(sample.sum())
            percent = 100 * weighted_mean_sd(sample, share)[0]
            row |= {f"count{value}": count, f"percent{value}": percent}
            row[name] = f"{count} ({percent:.1f} %)" if len(sample) else ""
            continue
        mean, sd = weighted_mean_sd(sample, share)
        quartiles = np.quantile(sample, [0.25, 0.5, 0.75]) if len(sample) else [np.nan] * 3
        row |= {f"mean{value}": mean, f"sd{value}": sd, f"median{value}": float(quartiles[1])}
        row |= {f"q1_{value}": float(quartiles[0]), f"q3_{value}": float(quartiles[2])}
        row[name] = f"{mean:.1f} ({sd:.1f})" if len(sample) > 1 else ""
    return row
