"""Bounds of a difference by what is missing, worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from cinecohort.statistics.missing_outcomes import missing_outcomes

TABLE = pd.DataFrame({"subject": list("abcdef"), "x": [10.0, np.nan, 14.0, 8.0, 6.0, 99.0]})
TREATMENT = np.array([1, 1, 1, 0, 0, 0])
WEIGHTS = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0])


def test_counts_and_bounds_by_hand() -> None:
    row = missing_outcomes(TABLE, TREATMENT, WEIGHTS, ["x"], {"x": ["b", "f"]}).iloc[0]
    assert (row["n1"], row["missing1"], row["voided1"]) == (3, 1, 1)
    assert (row["n0"], row["missing0"], row["voided0"]) == (2, 0, 0)
    assert row["difference_low"] == pytest.approx((10 + 6 + 14) / 3 - 7)
    assert row["difference_high"] == pytest.approx((10 + 14 + 14) / 3 - 7)


def test_nothing_missing_leaves_the_difference_itself() -> None:
    row = missing_outcomes(TABLE.fillna(12.0), TREATMENT, WEIGHTS, ["x"], {}).iloc[0]
    assert row["difference_low"] == row["difference_high"] == pytest.approx(5.0)


def test_the_true_difference_of_any_completion_is_within_the_bounds() -> None:
    random = np.random.default_rng(3)
    values = random.normal(100, 20, 60)
    groups = np.repeat([1, 0], 30)
    holes = values.copy()
    holes[random.choice(60, 12, replace=False)] = np.nan
    table = pd.DataFrame({"subject": [str(i) for i in range(60)], "x": holes})
    weights = random.uniform(0.5, 2, 60)
    row = missing_outcomes(table, groups, weights, ["x"], {}).iloc[0]
    lowest, highest = np.nanmin(holes), np.nanmax(holes)
    for _ in range(50):
        filled = np.where(np.isnan(holes), random.uniform(lowest, highest, 60), holes)
        means = [np.average(filled[groups == g], weights=weights[groups == g]) for g in (1, 0)]
        assert row["difference_low"] <= means[0] - means[1] <= row["difference_high"]
