"""Robust regressions against statsmodels and against the definitions written out with dense matrices."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import linalg, stats

from cinecohort.statistics.robust_regression import RobustRegression, centred_and_scaled, independent_columns


def sample(seed, sizes):
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    n = len(groups)
    design = np.column_stack([np.ones(n), rng.normal(size=(n, 3))])
    return design, rng.uniform(0.3, 2, n), groups, rng.normal(size=n) + rng.normal(size=len(sizes))[groups]


def dense_cr2(design, weights, groups, outcome, contrasts):
    """CR2 as Pustejovsky and Tipton write it: n x n matrices, matrix roots, and P cluster by cluster."""
    n, w = len(outcome), np.diag(weights)
    bread = np.linalg.inv(design.T @ w @ design)
    maker = np.eye(n) - design @ bread @ design.T @ w
    residuals = maker @ outcome
    pulls = []
    for group in np.unique(groups):
        chosen = np.eye(n)[groups == group]
        root = linalg.fractional_matrix_power(chosen @ maker @ maker.T @ chosen.T, -0.5).real
        pulls.append(contrasts @ bread @ design.T @ w @ chosen.T @ root @ chosen)
    parts = np.array([pull @ residuals for pull in pulls])
    covariance = parts.T @ parts
    expected = contrasts @ bread @ design.T @ w @ w @ design @ bread @ contrasts.T
    white = linalg.fractional_matrix_power(expected, -0.5).real
    rows = np.array([white @ pull @ maker for pull in pulls])
    q, total = len(contrasts), 0.0
    for s in range(q):
        for t in range(q):
            ss, tt, st = rows[:, s] @ rows[:, s].T, rows[:, t] @ rows[:, t].T, rows[:, s] @ rows[:, t].T
            total += (ss * tt + st * st.T).sum()
    return covariance, q * (q + 1) / total, bread @ design.T @ w @ outcome


@pytest.mark.parametrize("sizes", [[2] * 9, [1, 2, 3, 2, 4, 1, 2], [3] * 6, [1] * 12])
def test_cr2_and_its_degrees_of_freedom_as_defined(sizes):
    design, weights, groups, outcome = sample(len(sizes), sizes)
    fit = RobustRegression(design, weights, groups, "CR2")
    contrasts = np.eye(4)[1:3]
    covariance, df, coefficients = dense_cr2(design, weights, groups, outcome, contrasts[:1])
    found = fit.test(outcome, contrasts[0])
    assert found.estimate == pytest.approx(coefficients[1])
    assert found.error == pytest.approx(np.sqrt(covariance[0, 0]))
    assert found.df == pytest.approx(df)
    covariance, df, _ = dense_cr2(design, weights, groups, outcome, contrasts)
    wald = coefficients[1:3] @ np.linalg.inv(covariance) @ coefficients[1:3]
    expected = stats.f.sf(wald * (df - 1) / (2 * df), 2, df - 1)
    assert fit.wald_p(outcome, contrasts) == pytest.approx(expected)


def test_cr2_of_pairs_is_the_paired_t_test():
    rng = np.random.default_rng(1)
    a, b = rng.normal(1, 1, 9), rng.normal(0, 2, 9)
    design = np.column_stack([np.ones(18), np.repeat([1, 0], 9)])
    fit = RobustRegression(design, np.ones(18), np.tile(np.arange(9), 2), "CR2")
    found = fit.test(np.concatenate([a, b]), np.array([0, 1.0]))
    assert found.p == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert found.df == pytest.approx(8)
    assert found.interval(0.05) == pytest.approx(stats.ttest_rel(a, b).confidence_interval())


def test_cr2_of_single_units_has_the_errors_of_hc2():
    design, _, groups, outcome = sample(3, [1] * 15)
    fit = RobustRegression(design, np.ones(15), groups, "CR2")
    expected = sm.OLS(outcome, design).fit(cov_type="HC2")
    assert fit.test(outcome, np.eye(4)[2]).error == pytest.approx(expected.bse[2])


@pytest.mark.parametrize("kind", ["CR1", "HC3"])
def test_large_sample_errors_as_statsmodels_has_them(kind):
    design, weights, groups, outcome = sample(5, [1, 2, 3, 4, 2, 2])
    model = sm.WLS(outcome, design, weights)
    if kind == "CR1":
        expected = model.fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    else:
        expected, groups = model.fit(cov_type="HC3", use_t=True), None
    fit = RobustRegression(design, weights, groups, kind)
    found = fit.test(outcome, np.eye(4)[1])
    assert (found.estimate, found.error) == pytest.approx((expected.params[1], expected.bse[1]))
    assert found.p == pytest.approx(expected.pvalues[1])
    assert fit.wald_p(outcome, np.eye(4)[1:3]) == pytest.approx(float(expected.f_test(np.eye(4)[1:3]).pvalue))


def test_many_outcomes_are_as_one_by_one():
    design, weights, groups, outcome = sample(7, [2] * 8)
    fit = RobustRegression(design, weights, groups, "CR2")
    both = np.column_stack([outcome, outcome**2])
    estimates, errors = fit.estimates(both, np.eye(4)[1])
    for column in (0, 1):
        alone = fit.test(both[:, column], np.eye(4)[1])
        assert (estimates[column], errors[column]) == pytest.approx((alone.estimate, alone.error))


def test_the_later_of_dependent_columns_is_left_out():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 30))
    matrix = np.column_stack([np.ones(30), a, 3 - 2 * a, b, a - b, np.zeros(30)])
    assert independent_columns(matrix).tolist() == [True, True, False, True, False, False]
    scaled = centred_and_scaled(1.4e15 + 3e13 * a)
    np.testing.assert_allclose(scaled, (a - a.mean()) / a.std(), atol=1e-10)
    assert not centred_and_scaled(np.full(4, 7.3)).any()


def test_degrees_of_freedom_by_cells():
    rng = np.random.default_rng(5)
    one, zero = rng.normal(0, 3, (12, 2)), rng.normal(0, 1, (10, 2))
    cells, outcomes = np.repeat(np.eye(2), (12, 10), axis=0), np.concatenate([one, zero])
    contrast, weights = np.array([1.0, -1.0]), np.ones(22)
    alone = RobustRegression(cells, weights, np.arange(22), "CR2").df_by_cells(cells, outcomes, contrast)
    assert alone == pytest.approx(stats.ttest_ind(one, zero, equal_var=False).df)
    # In clusters: (trace P)^2 / |P|^2 of the covariances P of what they add, written out.
    groups = np.append(np.arange(12), np.arange(10))
    fit = RobustRegression(cells, weights, groups, "CR2")
    for outcome, found in zip(outcomes.T, fit.df_by_cells(cells, outcomes, contrast), strict=True):
        spread = cells @ np.array([outcome[:12].var(ddof=1), outcome[12:].var(ddof=1)])
        maker = np.eye(22) - cells @ np.linalg.pinv(cells)
        # What a cluster adds to the error of an outcome of 1 in one unit.
        adds = fit.parts(np.eye(22), contrast)
        covariances = adds @ np.diag(spread) @ adds.T
        assert adds == pytest.approx(adds @ maker)
        assert found == pytest.approx(np.trace(covariances) ** 2 / (covariances**2).sum())
