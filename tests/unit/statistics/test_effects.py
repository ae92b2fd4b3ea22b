"""Comparison tables against scipy, statsmodels and formulas written out."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from cinecohort.errors import UserError
from cinecohort.statistics.effects import LITERAL_COLUMNS, compare
from cinecohort.statistics.matched_samples import Regression, adjusted_design, read_pairs
from cinecohort.statistics.matching import match
from cinecohort.statistics.robust_regression import RobustRegression
from cinecohort.statistics.study_options import MatchingOptions
from cinecohort.statistics.two_samples import holm

CLOSE = {"rel": 1e-10, "abs": 1e-14}


def make(n=240, seed=0):
    rng = np.random.default_rng(seed)
    age, sex = rng.normal(60, 8, n), rng.choice(["F", "M"], n)
    treated = (rng.random(n) < 1 / (1 + np.exp(1.2 - 0.05 * (age - 60)))).astype(int)
    y = 140 + 0.8 * (age - 60) + 12 * (sex == "M") + 6 * treated + rng.normal(0, 20, n)
    columns = {"subject": [f"{i:04d}" for i in range(n)], "t": treated, "age": age, "sex": sex, "y": y}
    return pd.DataFrame(columns)


@pytest.fixture(scope="module")
def table():
    return make()


def test_one_to_one_pairs(table):
    pairs = match(table, "t", ["age", "sex"]).pairs_table()
    result = compare(table, "t", ["y"], pairs=pairs).iloc[0]
    y = table.set_index("subject")["y"]
    a, b = y[pairs["treated"]].to_numpy(), y[pairs["control"]].to_numpy()
    paired = stats.ttest_rel(a, b)
    assert result["welch_p"] == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue, **CLOSE)
    assert result["paired_t"] == pytest.approx(paired.statistic, **CLOSE)
    assert result["paired_p"] == pytest.approx(paired.pvalue, **CLOSE)
    # With pairs of one and one the cluster-robust variance is sum (d - mean)^2 / n^2, times
    # G/(G-1) (N-1)/(N-2), N = 2 G.
    d, n = a - b, len(a)
    variance = ((d - d.mean()) ** 2).sum() / n**2 * n / (n - 1) * (2 * n - 1) / (2 * n - 2)
    assert result["cluster_estimate"] == pytest.approx(d.mean(), **CLOSE)
    assert result["cluster_se"] == pytest.approx(np.sqrt(variance), **CLOSE)
    p = 2 * stats.t.sf(d.mean() / np.sqrt(variance), n - 1)
    assert result["cluster_p"] == pytest.approx(p, rel=1e-9)
    assert (result["n1"], result["n0"], result["n_pairs"]) == (n, n, n)


def test_columns_are_literal(table):
    result = compare(table, "t", ["y", "age"])
    assert list(result.columns)[: len(LITERAL_COLUMNS)] == LITERAL_COLUMNS
    assert result["outcome"].tolist() == ["y", "age"]
    assert result[["paired_p", "cluster_p", "adjusted_p"]].isna().all(axis=None)


def test_ratio_pairs_use_set_means_and_weights(table):
    matching = match(table, "t", ["age", "sex"], MatchingOptions(ratio=3, caliper=0.2))
    pairs = matching.pairs_table()
    result = compare(table, "t", ["y"], pairs=pairs).iloc[0]
    y = table.set_index("subject")["y"]
    own = pairs.assign(y1=y[pairs["treated"]].to_numpy(), y0=y[pairs["control"]].to_numpy())
    sets = own.groupby("treated").agg(y1=("y1", "first"), y0=("y0", "mean"))
    expected = stats.ttest_rel(sets["y1"], sets["y0"])
    assert result["paired_p"] == pytest.approx(expected.pvalue, **CLOSE)
    weights, values, t = matching.weights, table["y"].to_numpy(), table["t"].to_numpy()
    means = [np.average(values[t == v], weights=weights[t == v]) for v in (1, 0)]
    assert result["cluster_estimate"] == pytest.approx(means[0] - means[1], rel=1e-10)
    assert result["cluster_method"] == "CR1 by matched set"
    assert result["n0"] == (weights[t == 0] > 0).sum()


def test_cluster_robust_sandwich_with_ratio_by_hand(table):
    matching = match(table, "t", ["age", "sex"], MatchingOptions(ratio=2))
    result = compare(table, "t", ["y"], pairs=matching.pairs_table()).iloc[0]
    rows = np.flatnonzero(matching.weights > 0)
    x = np.column_stack([np.ones(len(rows)), table["t"].to_numpy()[rows]])
    w, y = matching.weights[rows], table["y"].to_numpy()[rows]
    group = np.arange(len(table))
    group[matching.pairs.partner] = matching.pairs.focal
    bread = np.linalg.inv((x * w[:, None]).T @ x)
    residual = y - x @ (bread @ (x.T @ (w * y)))
    scores = x * (w * residual)[:, None]
    sums = pd.DataFrame(scores).groupby(group[rows]).sum().to_numpy()
    g, n = len(sums), len(rows)
    variance = bread @ (sums.T @ sums) @ bread * g / (g - 1) * (n - 1) / (n - 2)
    assert result["cluster_se"] == pytest.approx(np.sqrt(variance[1, 1]), rel=1e-10)


def test_with_replacement_errors_are_hc3_as_sets_share_units(table):
    matching = match(table, "t", ["age", "sex"], MatchingOptions(replace=True))
    result = compare(table, "t", ["y"], pairs=matching.pairs_table()).iloc[0]
    assert result["cluster_method"] == "HC3"
    # Pairs that share a partner are not independent.
    assert np.isfinite(result["paired_t"])
    assert np.isnan(result["paired_p"])
    data = table.assign(w=matching.weights)[matching.weights > 0]
    fit = smf.wls("y ~ t", data, weights=data["w"]).fit(cov_type="HC3")
    assert result["cluster_estimate"] == pytest.approx(fit.params["t"], rel=1e-10)
    assert result["cluster_se"] == pytest.approx(fit.bse["t"], rel=1e-10)


def test_adjusted_difference_is_g_computation(table):
    matching = match(table, "t", ["age", "sex"])
    result = compare(table, "t", ["y"], pairs=matching.pairs_table(), covariates=["age", "sex"]).iloc[0]
    data = table[matching.weights > 0]
    fit = smf.ols("y ~ t * (age + C(sex))", data).fit()
    treated = data[data["t"] == 1]
    effect = (fit.predict(treated.assign(t=1)) - fit.predict(treated.assign(t=0))).mean()
    assert result["adjusted_estimate"] == pytest.approx(effect, rel=1e-9)
    # Without pairs it is the same of everybody.
    everybody = compare(table, "t", ["y"], covariates=["age", "sex"]).iloc[0]
    fit = smf.ols("y ~ t * (age + C(sex))", table).fit()
    treated = table[table["t"] == 1]
    effect = (fit.predict(treated.assign(t=1)) - fit.predict(treated.assign(t=0))).mean()
    assert everybody["adjusted_estimate"] == pytest.approx(effect, rel=1e-9)
    assert everybody["adjusted_method"] == "HC3"


def test_missing_outcomes_are_left_out_of_that_outcome_alone(table):
    pairs = match(table, "t", ["age", "sex"]).pairs_table()
    holes = table.assign(z=table["y"].mask(table["subject"] == pairs["treated"].iloc[0]))
    result = compare(holes, "t", ["y", "z"], pairs=pairs).set_index("outcome")
    n = len(pairs)
    assert result["n1"].to_dict() == {"y": n, "z": n - 1}
    assert result["n0"].to_dict() == {"y": n, "z": n}
    assert result["n_pairs"].to_dict() == {"y": n, "z": n - 1}


@pytest.mark.parametrize(
    ("estimand", "ratio", "replace"), [("att", 2, False), ("atc", 2, False), ("att", 1, True)]
)
def test_pairs_tell_which_side_is_focal(table, estimand, ratio, replace):
    if estimand == "atc":
        table = table.assign(t=1 - table["t"])
    options = MatchingOptions(estimand=estimand, ratio=ratio, replace=replace)
    pairs = match(table, "t", ["age", "sex"], options).pairs_table()
    assert read_pairs(pairs, table["subject"]).focal_is_treated == (estimand == "att")


def test_refusals(table):
    with pytest.raises(UserError, match="must hold numbers"):
        compare(table, "t", ["sex"])
    with pytest.raises(UserError, match="no column 'nothing'"):
        compare(table, "t", ["nothing"])
    with pytest.raises(UserError, match="must hold 0 and 1"):
        compare(table, "sex", ["y"])
    pairs = pd.DataFrame({"treated": ["9999"], "control": ["0001"]})
    with pytest.raises(UserError, match="1 ids of the column 'treated'"):
        compare(table, "t", ["y"], pairs=pairs)
    ids = table.set_index("t")["subject"]
    swapped = pd.DataFrame({"treated": [ids[0].iloc[0]], "control": [ids[1].iloc[0]]})
    with pytest.raises(UserError, match="members of the pairs are not in the group"):
        compare(table, "t", ["y"], pairs=swapped)


def test_an_empty_outcome_is_undefined_and_not_counted_in_the_adjustment(table):
    pairs = match(table, "t", ["age", "sex"]).pairs_table()
    result = compare(
        table.assign(z=np.nan), "t", ["y", "z"], pairs=pairs, covariates=["age", "sex"]
    ).set_index("outcome")
    assert result.loc["z", ["welch_p", "paired_p", "cluster_p", "adjusted_p"]].isna().all()
    assert result.loc["y", "p_holm"] == result.loc["y", "welch_p"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(60))
def test_equal_differences_in_all_pairs_give_no_error_and_no_p(seed):
    # CR1 is then zero; as bread @ meat @ bread rounding left it below zero, or above with p = 1e-202.
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 30))
    base = rng.normal(150, 30, n).round(1)
    ids = [f"s{i}" for i in range(2 * n)]
    table = pd.DataFrame({"subject": ids, "t": np.repeat([1, 0], n), "y": np.concatenate([base + 2, base])})
    pairs = pd.DataFrame({"treated": ids[:n], "control": ids[n:], "match": 1})
    result = compare(table, "t", ["y"], pairs=pairs).iloc[0]
    assert result[["cluster_estimate", "paired_difference"]].tolist() == pytest.approx([2, 2])
    missing = ["cluster_se", "cluster_ci_low", "cluster_ci_high", "cluster_p", "paired_t", "paired_p"]
    assert result[missing].isna().all()
    assert "every matched set shows the same difference" in result["cluster_method"]


@pytest.mark.parametrize(
    "options", [MatchingOptions(replace=True), MatchingOptions(ratio=3, caliper=0.1)], ids=["shared", "k:1"]
)
def test_unequal_weights_make_the_headline_weighted(table, options):
    matching = match(table, "t", ["age", "sex"], options)
    result = compare(table, "t", ["y", "age"], pairs=matching.pairs_table()).set_index("outcome")
    y, t, w = table["y"].to_numpy(), table["t"].to_numpy(), matching.weights
    for outcome, row in result.iterrows():
        values = table[outcome].to_numpy()
        groups = [DescrStatsW(values[t == v], weights=w[t == v]) for v in (1, 0)]
        assert row[["mean1", "mean0"]].tolist() == pytest.approx([group.mean for group in groups])
        assert row["difference"] == pytest.approx(groups[0].mean - groups[1].mean)
        for name in ("ci_low", "ci_high", "p"):
            assert row[name] == row[f"cluster_{name}"]
    row, control = result.loc["y"], (t == 0) & (w > 0)
    assert row["p_method"].startswith("weighted regression, ")
    np.testing.assert_array_equal(result["p_holm"], holm(result["cluster_p"]))
    # R: sqrt(cov.wt(x, w)$cov), which numpy has as reliability weights.
    assert row["sd0"] == pytest.approx(np.sqrt(np.cov(y[control], aweights=w[control])))
    n1, n0 = (t[w > 0] == 1).sum(), w[control].sum() ** 2 / (w[control] ** 2).sum()
    pooled = np.sqrt(((n1 - 1) * row["sd1"] ** 2 + (n0 - 1) * row["sd0"] ** 2) / (n1 + n0 - 2))
    g = row["difference"] / pooled * (1 - 3 / (4 * (n1 + n0) - 9))
    assert row["hedges_g"] == pytest.approx(g)


def test_equal_weights_leave_the_headline_with_welch(table):
    for options in (MatchingOptions(), MatchingOptions(ratio=2)):
        small = table.drop(table.index[table["t"] == 1][15:])
        pairs = match(small, "t", ["age", "sex"], options).pairs_table()
        row = compare(small, "t", ["y"], pairs=pairs).iloc[0]
        y = small.set_index("subject")["y"]
        a, b = (y[pairs[side].unique()].to_numpy() for side in ("treated", "control"))
        assert row["p_method"] == "Welch"
        assert row["p"] == row["welch_p"] == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue)
        assert row[["mean0", "sd0"]].tolist() == pytest.approx([b.mean(), b.std(ddof=1)], **CLOSE)


def scanners(n=60, seed=0):
    """Matched pairs without an effect, three of the treated on a scanner C that reads 40 mL more."""
    rng = np.random.default_rng(seed)
    ids = [f"s{i}" for i in range(2 * n)]
    table = pd.DataFrame({"subject": ids, "t": np.repeat([1, 0], n), "age": rng.normal(60, 8, 2 * n)})
    table["scanner"] = np.where(np.arange(2 * n) < 3, "C", rng.choice(["A", "B"], 2 * n))
    table["y"] = rng.normal(150, 10, 2 * n) + 40 * (table["scanner"] == "C")
    return table, pd.DataFrame({"treated": ids[:n], "control": ids[n:], "match": 1})


def as_r(table, covariates):
    """G-computation after R's lm: the last of dependent columns has no slope, products after main effects."""

    def design(t):
        parts = [np.ones(len(table)), t, *covariates, *(t * part for part in covariates)]
        return np.column_stack(parts).astype(float)

    own, kept = design(table["t"]), []
    for column in range(own.shape[1]):
        if np.linalg.matrix_rank(own[:, [*kept, column]]) > len(kept):
            kept.append(column)
    slopes = np.linalg.lstsq(own[:, kept], table["y"], rcond=None)[0]
    effect = (design(np.ones(len(table))) - design(np.zeros(len(table))))[:, kept] @ slopes
    return effect[table["t"] == 1].mean()


@pytest.mark.parametrize("renamed", ["C", "0"], ids=["last level", "reference level"])
def test_a_level_in_one_group_only_is_not_estimated_and_named(renamed):
    table, pairs = scanners()
    table["scanner"] = table["scanner"].replace({"C": renamed})
    row = compare(table, "t", ["y"], pairs=pairs, covariates=["age", "scanner"]).iloc[0]
    levels = sorted(set(table["scanner"]))[1:]
    expected = as_r(table, [table["age"], *(table["scanner"] == level for level in levels)])
    assert row["adjusted_estimate"] == pytest.approx(expected)
    assert abs(row["adjusted_estimate"] / row["adjusted_se"]) < 2
    assert f"'scanner' is {renamed} in group 1 only (3 subjects)" in row["adjusted_note"]


def test_a_determined_covariate_is_left_out_and_named(table):
    twice = table.assign(months=12 * table["age"] + 3)
    plain, other = (
        compare(frame, "t", ["y"], covariates=names).iloc[0]
        for frame, names in ((table, ["age"]), (twice, ["age", "months"]))
    )
    assert other["adjusted_estimate"] == pytest.approx(plain["adjusted_estimate"])
    assert other["adjusted_p"] == pytest.approx(plain["adjusted_p"])
    assert "months is determined by other covariates" in other["adjusted_note"]
    assert plain["adjusted_note"] == ""


def test_no_p_with_more_parameters_than_matched_sets_carry():
    table, pairs = scanners(n=7, seed=2)
    table["scanner"] = "A"
    rng = np.random.default_rng(0)
    for name in "bcd":
        table[name] = rng.normal(size=14)
    few = compare(table, "t", ["y"], pairs=pairs, covariates=["age", "b"]).iloc[0]
    many = compare(table, "t", ["y"], pairs=pairs, covariates=["age", "b", "c", "d"]).iloc[0]
    assert np.isfinite(few["adjusted_p"])
    assert few["adjusted_method"] == "CR2 by matched set"
    assert np.isfinite([many["adjusted_estimate"], many["adjusted_se"]]).all()
    assert np.isnan([many["adjusted_p"], many["adjusted_ci_low"], many["adjusted_ci_high"]]).all()
    assert "7 matched sets are too few to adjust for 4 columns" in many["adjusted_note"]


@pytest.mark.parametrize(("n", "given"), [(5, False), (6, True)])
def test_the_adjusted_analysis_has_no_p_with_fewer_than_six_matched_sets(n, given):
    table, pairs = scanners(n=n)
    row = compare(table.assign(scanner="A"), "t", ["y"], pairs=pairs, covariates=["age"]).iloc[0]
    assert np.isfinite([row["adjusted_p"], row["adjusted_ci_low"]]).all() == given
    assert np.isfinite(row["adjusted_se"])


def test_no_p_of_tests_that_need_equal_spreads_in_matched_groups_of_unequal_size(table):
    for ratio, given in ((1, True), (2, False)):
        pairs = match(table, "t", ["age", "sex"], MatchingOptions(ratio=ratio)).pairs_table()
        row = compare(table, "t", ["y"], pairs=pairs).iloc[0]
        assert np.isfinite([row["student_p"], row["rank_p"]]).all() == given
        assert np.isfinite(row["welch_p"])


@pytest.mark.parametrize(("n", "given"), [(6, False), (7, True)])
def test_students_test_has_no_p_in_very_small_matched_groups(n, given):
    table, pairs = scanners(n=n)
    row = compare(table, "t", ["y"], pairs=pairs).iloc[0]
    assert np.isfinite(row["student_p"]) == given
    assert np.isfinite([row["student_t"], row["welch_p"], row["rank_p"], row["paired_p"]]).all()


def test_the_regression_of_everybody_has_the_degrees_of_freedom_of_the_smaller_group(table):
    small = table.drop(table.index[table["t"] == 1][50:])
    row = compare(small, "t", ["y"], covariates=["age", "sex"]).iloc[0]
    assert row["adjusted_df"] == 50 - 1 - 2
    t = row["adjusted_estimate"] / row["adjusted_se"]
    assert row["adjusted_p"] == pytest.approx(2 * stats.t.sf(abs(t), 47))


def test_the_rank_test_of_matched_groups_does_not_need_equal_spreads():
    rng = np.random.default_rng(3)
    n = 100
    values = rng.normal(size=2 * n) * np.repeat([2, 1], n)
    ids = np.array([f"S{i}" for i in range(2 * n)])
    table = pd.DataFrame({"subject": ids, "t": np.repeat([1, 0], n), "y": values})
    alone = compare(table, "t", ["y"]).iloc[0]
    matched = compare(table, "t", ["y"], pairs=pd.DataFrame({"treated": ids[:n], "control": ids[n:]})).iloc[0]
    both = [test(values[:n], values[n:]).pvalue for test in (stats.mannwhitneyu, stats.brunnermunzel)]
    assert alone["mann_whitney_p"] == pytest.approx(both[0])
    assert np.isnan(matched["mann_whitney_p"])
    assert matched["rank_p"] == alone["rank_p"] == pytest.approx(max(both))


def test_no_p_of_everybody_in_small_groups_of_very_unequal_size(table):
    for treated, given in ((60, True), (15, False)):
        small = table.drop(table.index[table["t"] == 1][treated:])
        row = compare(small, "t", ["y"], covariates=["age"]).iloc[0]
        assert np.isfinite([row["adjusted_se"], row["adjusted_estimate"]]).all()
        evidence = row[["adjusted_ci_low", "adjusted_ci_high", "adjusted_p"]].astype(float)
        assert np.isfinite(evidence).eq(given).all()
        assert ("too unequal" in row["adjusted_note"]) == (not given)


@pytest.mark.parametrize("ratio", [1, 2])
def test_degrees_of_freedom_are_no_more_than_sets_beyond_the_covariates(table, ratio):
    small = table.drop(table.index[table["t"] == 1][12:])
    pairs = match(small, "t", ["age", "sex"], MatchingOptions(ratio=ratio)).pairs_table()
    row = compare(small, "t", ["y"], pairs=pairs, covariates=["age", "sex"]).iloc[0]
    assert 0 < row["adjusted_df"] <= 12 - 1 - 2
    t = row["adjusted_estimate"] / row["adjusted_se"]
    assert row["adjusted_p"] == pytest.approx(2 * stats.t.sf(abs(t), row["adjusted_df"]))


def test_the_adjusted_test_keeps_its_level_with_ten_pairs_and_five_covariates():
    # CR1 with G - 1 degrees of freedom rejected 10 % of such nulls.
    names, pairs, rejected = list("abcde"), np.tile(np.arange(10), 2), []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        table, treated = pd.DataFrame(rng.normal(size=(20, 5)), columns=names), np.repeat([1, 0], 10)
        design = adjusted_design(table, treated, np.ones(20), Regression(names)).matrix
        fit = RobustRegression(design, np.ones(20), pairs, "CR2")
        estimates, errors = fit.estimates(rng.normal(size=(20, 100)), np.eye(12)[1])
        df = min(fit.df(np.eye(12)[1:2]), 10 - 1 - 5)
        rejected.append((2 * stats.t.sf(np.abs(estimates / errors), df) < 0.05).mean())
    assert 0.02 < np.mean(rejected) < 0.06


@pytest.mark.parametrize("apart", [0.0, 1.0])
def test_no_unadjusted_p_where_covariates_left_unlike_move_the_estimate(apart):
    rng = np.random.default_rng(8)
    n = 80
    ids = [f"s{i}" for i in range(2 * n)]
    age = np.concatenate([rng.normal(apart, 1, n), rng.normal(0, 1, n)])
    table = pd.DataFrame({"subject": ids, "t": np.repeat([1, 0], n), "age": age})
    table = table.assign(y=age + rng.normal(0, 1, 2 * n), z=rng.normal(0, 1, 2 * n))
    pairs = pd.DataFrame({"treated": ids[:n], "control": ids[n:], "match": 1})
    result = compare(table, "t", ["y", "z"], pairs=pairs, covariates=["age"]).set_index("outcome")
    evidence = [
        *("p", "p_holm", "p_bh", "welch_p", "student_p", "rank_p", "paired_p", "cluster_p"),
        *("ci_low", "ci_high", "cluster_ci_low", "cluster_ci_high", "cohen_d_ci_low", "hedges_g_ci_high"),
        *("e_value", "e_value_ci"),
    ]
    assert np.isfinite(result.loc["z", evidence].astype(float)).all()
    assert (np.isfinite(result.loc["y", evidence].astype(float)) == (apart == 0)).all()
    numbers = ["difference", "welch_t", "paired_t", "cluster_se", "hedges_g", "adjusted_p", "adjusted_ci_low"]
    assert np.isfinite(result[numbers]).all(axis=None)
    for note in ("p_note", "cluster_note"):
        assert ("move the estimate" in result.loc["y", note]) == (apart > 0)
        assert result.loc["z", note] == ""
    # The test without a p was made all the same.
    assert result.loc["z", "p_holm"] == pytest.approx(holm(result["p"].fillna(1.0))[1])
    # Without covariates nothing is known of them.
    plain = compare(table, "t", ["y"], pairs=pairs).iloc[0]
    assert np.isfinite(plain["paired_p"])


def test_a_weighted_headline_has_no_p_with_too_few_sets():
    ids = [f"s{i}" for i in range(11)]
    table = pd.DataFrame(
        {"subject": ids, "t": [1] * 4 + [0] * 7, "y": np.random.default_rng(1).normal(size=11)}
    )
    sets = [(0, 4), (0, 5), (1, 6), (2, 7), (2, 8), (3, 9), (3, 10)]
    for n_sets in (3, 4):
        chosen = [(i, j) for i, j in sets if i < n_sets]
        pairs = pd.DataFrame({"treated": [ids[i] for i, _ in chosen], "control": [ids[j] for _, j in chosen]})
        row = compare(table, "t", ["y"], pairs=pairs).iloc[0]
        assert row["p_method"].startswith("weighted regression")
        assert np.isfinite(row["difference"])
        shown = ["p", "ci_low", "ci_high", "hedges_g_ci_low", "p_holm"]
        assert np.isfinite(row[shown].astype(float)).eq(n_sets > 3).all()
        assert ("3 matched sets are too few" in row["p_note"]) == (n_sets == 3)
        # These count every subject once, though the weights differ.
        assert row[["welch_p", "student_p", "rank_p"]].isna().all()


@pytest.mark.parametrize(
    ("n1", "n0", "words"),
    [
        (20, 40, ""),
        (20, 41, "over 2 times the other"),
        (41, 20, "over 2 times the other"),
        (500, 1001, ""),
        (3, 5, "fewer than 4"),
    ],
)
def test_welch_says_where_the_groups_sizes_make_its_p_too_small(n1, n0, words):
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"t": [1] * n1 + [0] * n0, "y": rng.lognormal(size=n1 + n0)})
    row = compare(table, "t", ["y"]).iloc[0]
    assert np.isfinite(row["p"])
    assert words in row["p_note"] if words else row["p_note"] == ""


def test_a_covariate_that_is_the_group_leaves_nothing_to_adjust(table):
    named = table.assign(clinic=np.where(table["t"] == 1, "North", "South"), always=7.0)
    row = compare(named, "t", ["y"], covariates=["age", "clinic", "always"]).iloc[0]
    assert np.isnan([row["adjusted_estimate"], row["adjusted_p"], row["adjusted_ci_low"]]).all()
    assert "who is in which group follows from 'clinic'" in row["adjusted_note"]
    without = compare(named, "t", ["y"], covariates=["age", "always"]).iloc[0]
    assert without["adjusted_note"] == "'always' does not vary and was left out"
    assert without["adjusted_p"] == compare(table, "t", ["y"], covariates=["age"]).iloc[0]["adjusted_p"]


@pytest.mark.parametrize(
    ("change", "covariates", "said"),
    [
        ({"age": np.inf}, ["age"], "Covariate 'age' holds infinite values"),
        ({}, ["age", "y"], "y: an outcome cannot be adjusted for itself"),
        ({"subject": "0007"}, [], "'subject' holds 1 ids more than once"),
        ({"eid": "0007"}, [], "'eid' holds 1 ids more than once"),
    ],
)
def test_what_would_be_a_wrong_number_is_refused(table, change, covariates, said):
    changed = table.rename(columns={"subject": "eid"} if "eid" in change else {})
    for name, value in change.items():
        changed[name] = changed[name].astype(object if isinstance(value, str) else float)
        changed.loc[:1, name] = value
    with pytest.raises(UserError, match=said):
        compare(changed, "t", ["y"], covariates=covariates)
