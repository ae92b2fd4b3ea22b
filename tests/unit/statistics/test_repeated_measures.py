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
    """Within from an analysis of variance by pair, between from one of the subjects' means."""
    table = replicates(sizes)
    row = repeated_limits(table["subject"], table["d"].to_numpy())
    within = anova_lm(smf.ols("d ~ C(subject)", table).fit()).loc["Residual", "mean_sq"]
    means = table.groupby("subject", as_index=False)["d"].mean()
    of_means = smf.ols("d ~ 1", means).fit()
    sd = math.sqrt(within + of_means.mse_resid - within * sum(1 / size for size in sizes) / len(sizes))
    assert row["sd_within"] == pytest.approx(math.sqrt(within), abs=1e-10)
    assert row["sd"] == pytest.approx(sd, abs=1e-10)
    assert row["bias"] == pytest.approx(of_means.params["Intercept"], abs=1e-10)
    assert row["loa_upper"] == pytest.approx(of_means.params["Intercept"] + 1.96 * sd, abs=1e-10)
    interval = of_means.conf_int().loc["Intercept"]
    assert [row["bias_ci_low"], row["bias_ci_high"]] == pytest.approx(interval.tolist(), abs=1e-10)


def test_equal_numbers_give_bland_and_altmans_analysis_of_variance() -> None:
    table = replicates([3] * 8)
    row = repeated_limits(table["subject"], table["d"].to_numpy())
    anova = anova_lm(smf.ols("d ~ C(subject)", table).fit())["mean_sq"]
    assert row["bias"] == pytest.approx(table["d"].mean(), abs=1e-10)
    between = (anova["C(subject)"] - anova["Residual"]) / 3
    assert row["sd_between"] == pytest.approx(math.sqrt(between), abs=1e-10)


def test_intervals_hold_their_level_where_some_were_measured_much_more_often() -> None:
    # With the mean over all pairs the interval of the bias held it in 60 % of such samples; with the part
    # between subjects of Bland and Altman's analysis of variance that of the limit in 78 %.
    random = np.random.default_rng(77)
    sizes = [40, 40, *[1] * 14, *[2] * 4]
    subject = np.repeat(np.arange(len(sizes)), sizes)
    true_limit, samples, held_bias, held_limit = 1.96 * math.hypot(5, 1), 400, 0, 0
    for _ in range(samples):
        difference = random.normal(0, 5, len(sizes))[subject] + random.normal(0, 1, len(subject))
        row = {name: float(value) for name, value in repeated_limits(subject, difference).items() if value}
        held_bias += row["bias_ci_low"] <= 0 <= row["bias_ci_high"]
        held_limit += row["loa_upper_ci_low"] <= true_limit <= row["loa_upper_ci_high"]
    # Three standard errors of a share of 0.95 among 400 are 0.033.
    assert abs(held_bias / samples - 0.95) < 0.033
    assert abs(held_limit / samples - 0.95) < 0.033


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
