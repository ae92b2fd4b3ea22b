"""Tests, effect sizes and adjustments against scipy, statsmodels and pingouin."""

import numpy as np
import pandas as pd
import pingouin as pg
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from cinecohort.statistics.two_samples import (
    benjamini_hochberg,
    e_value,
    effect_sizes,
    holm,
    is_rounding,
    printed_p,
    rank_tests,
    student,
    welch,
)

CLOSE = {"rel": 1e-10, "abs": 1e-14}


@pytest.fixture(params=[(867, 867), (40, 25), (5, 9), (2, 2)])
def samples(request):
    rng = np.random.default_rng(request.param)
    return rng.normal(158, 34, request.param[0]), rng.normal(143, 31, request.param[1])


def test_welch(samples):
    a, b = samples
    expected = stats.ttest_ind(a, b, equal_var=False)
    interval = CompareMeans(DescrStatsW(a), DescrStatsW(b)).tconfint_diff(usevar="unequal")
    ours = welch(a, b)
    assert ours["welch_t"] == pytest.approx(expected.statistic, **CLOSE)
    assert ours["welch_p"] == pytest.approx(expected.pvalue, **CLOSE)
    assert ours["welch_df"] == pytest.approx(expected.df, **CLOSE)
    assert (ours["ci_low"], ours["ci_high"]) == pytest.approx(interval, **CLOSE)
    assert ours["difference"] == pytest.approx(a.mean() - b.mean(), **CLOSE)


def test_student_and_rank_tests(samples):
    a, b = samples
    expected = stats.ttest_ind(a, b)
    assert student(a, b)["student_t"] == pytest.approx(expected.statistic, **CLOSE)
    assert student(a, b)["student_p"] == pytest.approx(expected.pvalue, **CLOSE)
    assert rank_tests(a, b)["mann_whitney_p"] == pytest.approx(stats.mannwhitneyu(a, b).pvalue, **CLOSE)
    ranks = stats.rankdata(np.concatenate([a, b]))
    assert rank_tests(a, b)["mann_whitney_u"] == ranks[: len(a)].sum() - len(a) * (len(a) + 1) / 2


def test_effect_sizes(samples):
    a, b = samples
    ours = effect_sizes(a, b)
    for name, kind in (("cohen_d", "cohen"), ("hedges_g", "hedges")):
        assert ours[name] == pytest.approx(pg.compute_effsize(a, b, eftype=kind), **CLOSE)
    limits = pg.compute_esci(stat=ours["cohen_d"], nx=len(a), ny=len(b), eftype="cohen", decimals=13)
    assert (ours["cohen_d_ci_low"], ours["cohen_d_ci_high"]) == pytest.approx(limits, rel=1e-10, abs=1e-12)


def test_adjustments_leave_missing_values_out():
    p = np.array([0.03, np.nan, 0.001, 0.04, 0.5, 0.03, 1.0])
    present = ~np.isnan(p)
    for ours, method in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
        expected = np.full(len(p), np.nan)
        expected[present] = multipletests(p[present], method=method)[1]
        np.testing.assert_allclose(ours(p), expected, rtol=1e-12)
    assert len(holm([])) == 0
    assert np.isnan(benjamini_hochberg([np.nan])).all()


def test_e_value_of_a_known_risk_ratio():
    # VanderWeele and Ding: RR 3.9 has the E-value 7.26; here RR = exp(0.91 d).
    d = np.log(3.9) / 0.91
    assert e_value(d, 0.0)["e_value"] == pytest.approx(7.26, abs=0.005)
    assert e_value(-d, 0.1)["e_value"] == pytest.approx(e_value(d, 0.1)["e_value"])
    assert e_value(0.1, 0.2)["e_value_ci"] == 1.0


def test_printed_p():
    assert [printed_p(p) for p in (0.0, 0.00099, 0.001, 0.04961, np.nan)] == [
        "< 0.001",
        "< 0.001",
        "0.001",
        "0.050",
        "",
    ]


def test_too_few_or_constant_values_are_undefined():
    one, constant = np.array([1.0]), np.array([2.0, 2.0, 2.0])
    for result in (welch(one, constant), student(one, constant), effect_sizes(constant, constant)):
        assert all(np.isnan(value) for value in result.values())
    assert np.isnan(welch(constant, constant)["welch_p"])
    assert pd.isna(rank_tests(np.array([]), one)["mann_whitney_p"])


def test_what_rounding_leaves_of_a_constant_is_no_variation():
    # The SD of copies of 0.1 * 3 is not exactly zero; t would be 1e15 and p printed as "< 0.001".
    a, b = np.full(11, 0.1 * 3), np.full(7, 0.1 * 7)
    assert a.std(ddof=1) > 0
    result = welch(a, b)
    assert result["difference"] == pytest.approx(-0.4)
    assert np.isnan([result["ci_low"], result["ci_high"], result["welch_t"], result["welch_p"]]).all()
    assert np.isnan(list({**student(a, b), **effect_sizes(a, b)}.values())).all()
    assert not is_rounding(1e-9, a, b)
