"""Limits of agreement for repeated measurements against an analysis of variance by statsmodels."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.anova import anova_lm

from cinecohort.statistics.repeated_measures import repeated_limits


def replicates(sizes: list[int], seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    subject = np.repeat([f"S{i}" for i in range(len(sizes))], sizes)
    between = np.repeat(random.normal(1, 3, len(sizes)), sizes)
    return pd.DataFrame({"subject": subject, "d": between + random.normal(0, 2, len(subject))})


@pytest.mark.parametrize("sizes", [[3] * 8, [1, 2, 5, 3, 3, 2, 6]])
def test_variances_against_statsmodels(sizes: list[int]) -> None:
    table = replicates(sizes)
    row = repeated_limits(table["subject"], table["d"].to_numpy())
    anova = anova_lm(smf.ols("d ~ C(subject)", table).fit())
    within, between = anova.loc["Residual", "mean_sq"], anova.loc["C(subject)", "mean_sq"]
    n = len(table)
    replicate = (n**2 - sum(size**2 for size in sizes)) / ((len(sizes) - 1) * n)
    sd = math.sqrt(within + (between - within) / replicate)
    assert row["sd_within"] == pytest.approx(math.sqrt(within), abs=1e-10)
    assert row["sd"] == pytest.approx(sd, abs=1e-10)
    assert row["loa_upper"] == pytest.approx(table["d"].mean() + 1.96 * sd, abs=1e-10)


def test_interval_by_hand_in_the_balanced_case() -> None:
    """Zou 2013 with m = 3 replicates of n = 8 subjects."""
    table = replicates([3] * 8)
    row = repeated_limits(table["subject"], table["d"].to_numpy())
    means = table.groupby("subject")["d"].mean()
    s2, w2 = means.var(ddof=1), float(row["sd_within"]) ** 2
    total = s2 + 2 / 3 * w2
    first = s2 * (7 / stats.chi2.ppf(0.025, 7) - 1)
    second = 2 / 3 * w2 * (16 / stats.chi2.ppf(0.025, 16) - 1)
    upper = total + math.sqrt(first**2 + second**2)
    mean_part = (stats.t.ppf(0.975, 7) * math.sqrt(s2 / 8)) ** 2
    reach = math.sqrt(mean_part + (1.96 * (math.sqrt(upper) - math.sqrt(total))) ** 2)
    assert row["loa_upper_ci_high"] == pytest.approx(float(row["loa_upper"]) + reach, abs=1e-10)
    assert row["loa_lower_ci_low"] == pytest.approx(float(row["loa_lower"]) - reach, abs=1e-10)


def test_no_variance_between_subjects() -> None:
    difference = np.array([-1.0, 1, -1, 1, -1, 1])
    row = repeated_limits(np.array(["a", "a", "b", "b", "c", "c"]), difference)
    assert row["sd_between"] == 0
    assert "taken as zero" in str(row["note"])


def test_without_repeats_there_is_a_reason() -> None:
    row = repeated_limits(np.array(["a", "b", "c"]), np.array([1.0, 2, 3]))
    assert np.isnan(float(row["sd"]))
    assert "more than once" in str(row["note"])
