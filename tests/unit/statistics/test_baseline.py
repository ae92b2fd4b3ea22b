"""The table of characteristics against weighted moments by numpy."""

import numpy as np
import pandas as pd
import pytest

from cinecohort.reporting.sections.study_tables import baseline_cell
from cinecohort.statistics.baseline import baseline_table


def test_a_weighted_stage_is_weighted_in_means_sds_and_percentages():
    table = pd.DataFrame({"age": [60.0, 70, 50, 60, 90], "sex": ["F", "M", "F", "M", "M"]})
    treatment, weights = np.array([1, 1, 0, 0, 0]), np.array([1, 1, 1.5, 0.5, 0.0])
    stages = {"before": np.ones(5), "after": weights}
    result = baseline_table(table, treatment, stages, ["age", "sex"], "before")
    after = result[result["stage"] == "after"].set_index(["variable", "level"])
    age = after.loc["age"].iloc[0]
    assert age["mean0"] == pytest.approx((1.5 * 50 + 0.5 * 60) / 2)
    assert age["sd0"] == pytest.approx(np.sqrt(np.cov([50, 60], aweights=[1.5, 0.5])))
    assert age["mean1"] - age["mean0"] == pytest.approx(age["smd"] * np.std([60, 70], ddof=1))
    female = after.loc[("sex", "F")]
    assert (female["count0"], female["percent0"], female["reference"]) == (1, 75.0, "1 (75.0 %)")
    assert baseline_cell(female.to_dict(), "0", 0) == "1 (75.0 %)"
    assert baseline_cell(female.to_dict(), "0", 3) == "< 3"
    before = result[(result["stage"] == "before") & (result["variable"] == "age")].iloc[0]
    assert (before["mean0"], before["sd0"]) == (np.mean([50, 60, 90]), np.std([50, 60, 90], ddof=1))
