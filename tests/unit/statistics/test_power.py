"""Power against statsmodels."""

import numpy as np
import pytest
from statsmodels.stats.power import TTestIndPower

from cinecohort.statistics.power import smallest_detectable_difference, welch_power


@pytest.mark.parametrize(("n", "power", "alpha"), [(16, 0.8, 0.05), (867, 0.9, 0.01), (5, 0.8, 0.05)])
def test_equal_groups_as_statsmodels(n, power, alpha):
    # With equal sizes and SDs Welch's degrees of freedom are those of Student's test.
    expected = TTestIndPower().solve_power(nobs1=n, alpha=alpha, power=power, ratio=1.0)
    assert smallest_detectable_difference(n, n, 30, 30, alpha, power) == pytest.approx(
        30 * expected, rel=1e-5
    )


def test_unequal_groups_by_simulation():
    difference = smallest_detectable_difference(20, 60, 30, 15)
    assert welch_power(difference, 20, 60, 30, 15) == pytest.approx(0.8, abs=1e-9)
    from scipy import stats

    rng = np.random.default_rng(0)
    a, b = rng.normal(difference, 30, (4000, 20)), rng.normal(0, 15, (4000, 60))
    found = (stats.ttest_ind(a, b, axis=1, equal_var=False).pvalue < 0.05).mean()
    assert found == pytest.approx(0.8, abs=0.02)


def test_nothing_to_say_without_subjects_or_spread():
    assert np.isnan(smallest_detectable_difference(1, 50, 30, 30))
    assert np.isnan(smallest_detectable_difference(10, 10, 0, 30))
    assert np.isnan(smallest_detectable_difference(10, 10, float("nan"), 30))
