"""Matching of tables: scores, calipers, weights, discards, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.genmod.families import Binomial

from cinecohort.errors import UserError
from cinecohort.statistics.matching import match
from cinecohort.statistics.study_options import MatchingOptions


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(3)
    n = 300
    sex, age = rng.choice(["F", "M"], n), rng.normal(60, 8, n)
    site = rng.choice(["a", "b", "c"], n)
    logit = -1.2 + 0.04 * (age - 60) + 0.5 * (sex == "M")
    treated = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    columns = {"subject": [f"s{i:03d}" for i in range(n)], "t": treated, "sex": sex, "age": age, "site": site}
    return pd.DataFrame(columns)


def test_score_equals_the_formula_interface(table):
    fit = smf.glm("t ~ C(sex) + age + C(site)", table, family=Binomial()).fit(tol=1e-14)
    ours = match(table, "t", ["sex", "age", "site"])
    np.testing.assert_allclose(ours.propensity, fit.predict(), rtol=1e-7)
    assert ours.coefficients["sexM"] == pytest.approx(fit.params["C(sex)[T.M]"], rel=1e-6)
    linear = match(table, "t", ["sex", "age", "site"], MatchingOptions(distance="linear"))
    np.testing.assert_allclose(linear.distance, np.log(ours.propensity / (1 - ours.propensity)), rtol=1e-9)


def test_equal_rows_have_bitwise_equal_scores(table):
    doubled = pd.concat([table, table.assign(subject="x" + table["subject"])]).sample(frac=1, random_state=0)
    scores = match(doubled, "t", ["sex", "age", "site"]).scores_table().set_index("id")["propensity"]
    originals = scores.reindex(table["subject"]).to_numpy()
    copies = scores.reindex("x" + table["subject"]).to_numpy()
    assert np.array_equal(originals, copies)


def test_caliper_is_in_pooled_sample_sds_of_the_units_not_discarded(table):
    options = MatchingOptions(caliper=0.1, discard="both")
    result = match(table, "t", ["sex", "age"], options)
    treated, control = (result.distance[result.treatment == value] for value in (1, 0))
    low, high = max(treated.min(), control.min()), min(treated.max(), control.max())
    inside = (result.distance >= low) & (result.distance <= high)
    assert np.array_equal(result.discarded, ~inside)
    assert result.caliper == pytest.approx(0.1 * np.std(result.distance[inside], ddof=1), rel=1e-12)
    assert result.pairs.distance.max() <= result.caliper
    raw = match(table, "t", ["sex", "age"], MatchingOptions(caliper=0.001, caliper_scale="raw"))
    assert raw.caliper == 0.001
    assert 0 < len(raw.pairs.focal) < len(match(table, "t", ["sex", "age"]).pairs.focal)


def test_covariate_caliper_and_exact(table):
    options = MatchingOptions(covariate_calipers={"age": 0.25}, exact=("sex",))
    result = match(table, "t", ["sex", "age"], options)
    age, sex = table["age"].to_numpy(), table["sex"].to_numpy()
    assert np.abs(age[result.pairs.focal] - age[result.pairs.partner]).max() <= 0.25 * age.std(ddof=1)
    assert (sex[result.pairs.focal] == sex[result.pairs.partner]).all()


@pytest.mark.parametrize("discard", ["treated", "control"])
def test_one_sided_discard(table, discard):
    result = match(table, "t", ["sex", "age"], MatchingOptions(discard=discard))
    treated, control = (result.distance[result.treatment == value] for value in (1, 0))
    other = control if discard == "treated" else treated
    outside = (result.distance < other.min()) | (result.distance > other.max())
    own = result.treatment == (1 if discard == "treated" else 0)
    assert np.array_equal(result.discarded, outside & own)


def test_weights_by_hand():
    # Scores: treated .5 and .9; controls .41, .6, .85. Ratio 2 in rounds, largest first: .9 takes .85, .5
    # takes .41, then .9 takes .6, and nothing is left for .5.
    table = pd.DataFrame({"subject": list("abcde"), "t": [1, 1, 0, 0, 0], "s": [0.5, 0.9, 0.41, 0.6, 0.85]})
    result = match(table, "t", [], MatchingOptions(ratio=2), score="s")
    pairs = result.pairs_table()
    assert pairs[["treated", "control", "match"]].to_numpy().tolist() == [
        ["a", "c", 1],
        ["b", "e", 1],
        ["b", "d", 2],
    ]
    # Raw weights of c, d, e: 1, 1/2, 1/2; sum 2, scaled to sum 3.
    np.testing.assert_allclose(result.weights, [1, 1, 1.5, 0.75, 0.75])
    sizes = result.sample_sizes()
    assert sizes.loc["effective", "control"] == pytest.approx(9 / (1.5**2 + 2 * 0.75**2))


def test_weights_with_replacement_sum_to_the_number_of_matched_controls(table):
    result = match(table, "t", ["sex", "age"], MatchingOptions(replace=True, ratio=2))
    controls = result.weights[result.treatment == 0]
    assert controls.sum() == pytest.approx((controls > 0).sum())
    uses = np.bincount(result.pairs.partner, minlength=len(table))[result.treatment == 0]
    assert uses.max() > 1
    np.testing.assert_allclose(controls / uses.clip(1) * (uses > 0), (uses > 0) * controls.sum() / uses.sum())


def test_atc_swaps_the_roles_and_starts_with_the_smallest(table):
    few = pd.concat([table[table["t"] == 1], table[table["t"] == 0].head(40)], ignore_index=True)
    result = match(few, "t", ["sex", "age"], MatchingOptions(estimand="atc"))
    assert result.options.focal_order == "smallest"
    pairs = result.pairs_table()
    assert len(pairs) == 40
    treated = few.set_index("subject")["t"]
    assert (treated[pairs["treated"]] == 1).all()
    assert (treated[pairs["control"]] == 0).all()


def test_a_swapped_table_gives_mirrored_pairs(table):
    swapped = table.assign(t=1 - table["t"], score=1.0)
    forward = match(table, "t", ["sex", "age"], MatchingOptions(order="data")).pairs_table()
    score = match(table, "t", ["sex", "age"]).propensity
    backward = match(
        swapped.assign(score=score), "t", [], MatchingOptions(estimand="atc", order="data"), score="score"
    ).pairs_table()
    assert forward["treated"].tolist() == backward["control"].tolist()
    assert forward["control"].tolist() == backward["treated"].tolist()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.assign(age=t["age"].mask(t.index < 3)), "'age' for 3"),
        (lambda t: t.assign(t=0), "one of the two groups is empty"),
        (lambda t: t.assign(t=t["sex"]), "must hold 0 and 1"),
        (lambda t: t.assign(t=t["t"] + 1), "must hold 0 and 1"),
        (lambda t: t.assign(t=t["t"].astype(float).mask(t.index == 0)), "is empty for 1"),
        (lambda t: t.assign(sex="F"), "single value 'F'"),
        (lambda t: t.assign(subject="s1"), "more than once"),
        (lambda t: t.assign(age=t["t"] * 10 + t["age"] / 1000), "separate the two groups perfectly"),
        (lambda t: t.assign(age=t["age"].mask(t.index == 0, np.inf)), "infinite"),
        (lambda t: t.drop(columns="age"), "no column 'age'"),
        (lambda t: t.drop(columns="subject"), "no column 'subject'"),
    ],
)
def test_impossible_input_is_refused_with_a_sentence(table, change, words):
    with pytest.raises(UserError, match=words):
        match(change(table), "t", ["sex", "age"])


def test_refusals_of_options(table):
    with pytest.raises(UserError, match="match it exactly"):
        options = MatchingOptions(covariate_calipers={"two": 1.0})
        match(table.assign(two=table["t"]), "t", ["age"], options)
    with pytest.raises(UserError, match="no column 'nowhere'"):
        match(table, "t", ["age"], MatchingOptions(exact=("nowhere",)))
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        MatchingOptions(caliper=-0.1)


def test_too_few_controls_give_a_warning(table):
    few = pd.concat([table[table["t"] == 1], table[table["t"] == 0].head(20)])
    result = match(few, "t", ["sex", "age"])
    assert len(result.pairs.focal) == 20
    assert "stays unmatched" in result.warnings[0]


def test_a_constant_score_is_matched_by_row():
    table = pd.DataFrame({"subject": range(6), "t": [1, 0, 0, 1, 0, 0], "s": 0.5})
    assert match(table, "t", [], score="s").pairs_table()[["treated", "control"]].to_numpy().tolist() == [
        [0, 1],
        [3, 2],
    ]


def test_collinear_covariates_change_nothing(table):
    plain = match(table, "t", ["age"])
    result = match(table.assign(months=12 * table["age"]), "t", ["age", "months"])
    assert any("linear combinations" in line for line in result.warnings)
    np.testing.assert_allclose(result.propensity, plain.propensity, rtol=1e-6)


@pytest.mark.parametrize(("factor", "shift"), [(1.0, 2e6), (3e13, 1.4e15), (1e-12, 0.0)])
def test_scores_do_not_depend_on_the_units_of_a_covariate(table, factor, shift):
    plain = match(table, "t", ["age", "sex"])
    other = match(table.assign(age=(table["age"] - 60) / 8 * factor + shift), "t", ["age", "sex"])
    np.testing.assert_allclose(other.propensity, plain.propensity, atol=1e-7)
    slopes = [result.coefficients["age"] for result in (plain, other)]
    assert slopes[1] * factor == pytest.approx(8 * slopes[0], rel=1e-5)


def test_a_level_of_one_group_is_named_with_its_subjects(table):
    alone = table.assign(site=table["site"].where(table.index != table.index[table["t"] == 1][0], "z"))
    warnings = match(alone, "t", ["age", "site"]).warnings
    assert any("'site' is z in group 1 only (1 subject)" in line for line in warnings)
