"""The commands ``match`` and ``compare``: files, columns, exit codes."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cinecohort.cli import main
from cinecohort.statistics.effects import LITERAL_COLUMNS
from cinecohort.statistics.two_samples import holm


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(5)
    n = 120
    age = rng.normal(60, 8, n)
    frame = pd.DataFrame(
        {"subject": [f"{i:04d}" for i in range(n)], "age": age, "sex": rng.choice(["F", "M"], n)}
    )
    frame["t"] = (rng.random(n) < 1 / (1 + np.exp(1 - 0.05 * (age - 60)))).astype(int)
    frame["y"] = rng.normal(100, 10, n) + 5 * frame["t"]
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    return path


def test_match_then_compare(table, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["match", str(table), "--treatment", "t", "--covariates", "age,sex", "--out", str(out)]) == 0
    assert "treated matched" in capsys.readouterr().out
    pairs = pd.read_csv(out / "pairs.csv", dtype=str)
    scores = pd.read_csv(out / "scores.csv", dtype={"id": str})
    balance = pd.read_csv(out / "balance.csv")
    assert list(pairs.columns) == ["treated", "control", "match", "distance"]
    assert list(scores.columns)[:4] == ["id", "propensity", "weight", "matched"]
    assert list(balance.columns)[:6] == [
        *("covariate", "stage", "mean_treated", "mean_control", "smd", "variance_ratio"),
    ]
    assert scores["id"].tolist() == [f"{i:04d}" for i in range(120)]
    assert scores["matched"].sum() == 2 * len(pairs)
    assert (out / "love.svg").read_text().count("Age (years)") + (out / "love.svg").read_text().count(
        "age"
    ) > 0
    file = tmp_path / "c.csv"
    command = ["compare", str(table), "--group", "t", "--outcomes", "y,age", "--out", str(file)]
    assert main([*command, "--pairs", str(out / "pairs.csv"), "--covariates", "sex"]) == 0
    result = pd.read_csv(file)
    assert list(result.columns)[: len(LITERAL_COLUMNS)] == LITERAL_COLUMNS
    assert result["n1"].tolist() == [len(pairs)] * 2
    assert result["adjusted_estimate"].notna().all()


def test_options_reach_the_matching(table, tmp_path):
    command = [
        "match",
        str(table),
        "--treatment",
        "t",
        "--covariates",
        "age",
        "--exact",
        "sex",
        "--ratio",
        "2",
    ]
    options = [
        "--caliper",
        "0.5",
        "--covariate-caliper",
        "age=0.5",
        "--order",
        "closest",
        "--discard",
        "both",
    ]
    assert main([*command, *options, "--out", str(tmp_path / "o")]) == 0
    pairs = pd.read_csv(tmp_path / "o" / "pairs.csv", dtype={"treated": str, "control": str})
    people = pd.read_csv(table, dtype={"subject": str}).set_index("subject")
    one, other = people.loc[pairs["treated"]], people.loc[pairs["control"]]
    assert (one["sex"].to_numpy() == other["sex"].to_numpy()).all()
    assert np.abs(one["age"].to_numpy() - other["age"].to_numpy()).max() <= 0.5 * people["age"].std()
    assert pairs["match"].max() == 2


def test_a_score_of_the_table_is_used(table, tmp_path):
    people = pd.read_csv(table, dtype={"subject": str}).assign(ps=lambda t: t["age"] / 100)
    people.to_csv(table, index=False)
    assert main(["match", str(table), "--treatment", "t", "--score", "ps", "--out", str(tmp_path / "o")]) == 0
    scores = pd.read_csv(tmp_path / "o" / "scores.csv")
    np.testing.assert_allclose(scores["propensity"], people["ps"])


def test_missing_covariates_are_refused_or_dropped(table, tmp_path, capsys):
    people = pd.read_csv(table, dtype={"subject": str})
    people.loc[:4, "age"] = np.nan
    people.to_csv(table, index=False)
    command = [
        "match",
        str(table),
        "--treatment",
        "t",
        "--covariates",
        "age,sex",
        "--out",
        str(tmp_path / "o"),
    ]
    assert main(command) == 1
    assert "'age' for 5 of 120" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
    assert main([*command, "--drop-missing"]) == 0
    assert "5 of 120 subjects left out" in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "o" / "scores.csv")) == 115


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["match", "{table}", "--treatment", "t", "--out", "{out}"], 2),
        (
            [
                "match",
                "{table}",
                "--treatment",
                "t",
                "--covariates",
                "age",
                "--caliper",
                "-1",
                "--out",
                "{out}",
            ],
            2,
        ),
        (["match", "{table}", "--treatment", "sex", "--covariates", "age", "--out", "{out}"], 1),
        (["match", "{table}", "--treatment", "t", "--covariates", "y", "--id", "no", "--out", "{out}"], 1),
        (["match", "nowhere.csv", "--treatment", "t", "--covariates", "age", "--out", "{out}"], 1),
        (["compare", "{table}", "--group", "t", "--outcomes", "sex", "--out", "{out}"], 1),
        (["compare", "{table}", "--group", "t", "--outcomes", "y", "--alpha", "2", "--out", "{out}"], 2),
        (["compare", "{table}", "--group", "t", "--outcomes", ",", "--out", "{out}"], 2),
    ],
)
def test_exit_codes(table, tmp_path, capsys, arguments, code):
    filled = [text.format(table=table, out=tmp_path / "o") for text in arguments]
    try:
        result = main(filled)
    except SystemExit as stop:
        result = stop.code
    assert result == code
    error = capsys.readouterr().err
    assert error.strip()
    assert "Traceback" not in error


def test_what_is_made_of_phantoms_says_so(table, tmp_path, capsys):
    pd.read_csv(table, dtype={"subject": str}).assign(synthetic="SYNTHETIC DATA").to_csv(table, index=False)
    out = tmp_path / "out"
    assert main(["match", str(table), "--treatment", "t", "--covariates", "age", "--out", str(out)]) == 0
    command = ["compare", str(table), "--group", "t", "--outcomes", "y", "--out", str(out / "compared.csv")]
    assert main(command) == 0
    assert capsys.readouterr().out.count("SYNTHETIC DATA") == 2
    written = list(out.glob("*.csv"))
    assert len(written) == 5
    for path in written:
        assert (pd.read_csv(path)["synthetic"] == "SYNTHETIC DATA").all(), path


def test_a_table_without_rows_is_refused(tmp_path, capsys):
    empty = tmp_path / "empty.csv"
    empty.write_text("subject,t,age\n")
    assert main(["match", str(empty), "--treatment", "t", "--covariates", "age", "--out", str(tmp_path)]) == 1
    assert "empty.csv: holds no rows." in capsys.readouterr().err


def labelled(path):
    """The table with words for groups, a third group among them."""
    people = pd.read_csv(path, dtype={"subject": str})
    people["group"] = people.pop("t").map({1: "obese", 0: "normal"})
    people.loc[::9, "group"] = "thin"
    people.to_csv(path, index=False)
    return people.set_index("subject")


def test_groups_by_their_labels(table, tmp_path, capsys):
    people, out = labelled(table), tmp_path / "out"
    command = ["match", str(table), "--treatment", "group", "--covariates", "age", "--out", str(out)]
    assert main(command) == 1
    assert "--groups" in capsys.readouterr().err
    assert main([*command, "--groups", "obese,normal"]) == 0
    assert f"{(people['group'] == 'thin').sum()} subjects of other groups left out" in capsys.readouterr().out
    pairs = pd.read_csv(out / "pairs.csv", dtype=str)
    assert set(people.loc[pairs["treated"], "group"]) == {"obese"}
    assert set(people.loc[pairs["control"], "group"]) == {"normal"}
    assert "obese" in (out / "score_overlap.svg").read_text()
    compared = tmp_path / "c.csv"
    command = ["compare", str(table), "--group", "group", "--outcomes", "y", "--out", str(compared)]
    only_two = people.reset_index()[(people["group"] != "thin").to_numpy()]
    only_two.assign(group=only_two["group"].replace({"obese": "a", "normal": "b"})).to_csv(
        tmp_path / "two.csv"
    )
    other = ["compare", str(tmp_path / "two.csv"), *command[2:], "--pairs", str(out / "pairs.csv")]
    assert main(other) == 0
    assert pd.read_csv(compared)["group1"].tolist() == ["a"]
    assert main([*command, "--pairs", str(out / "pairs.csv"), "--groups", "obese,normal"]) == 0
    row = pd.read_csv(compared).iloc[0]
    y = people["y"]
    expected = y[pairs["treated"]].mean() - y[pairs["control"]].mean()
    assert (row["group1"], row["group0"], row["n1"]) == ("obese", "normal", len(pairs))
    assert row["difference"] == pytest.approx(expected)


def test_matched_data_have_every_column_with_pair_weight_and_score(table, tmp_path):
    out = tmp_path / "out"
    people = pd.read_csv(table, dtype={"subject": str}).assign(weight=70.0)
    people.to_csv(table, index=False)
    command = ["match", str(table), "--treatment", "t", "--covariates", "age,sex", "--ratio", "2"]
    assert main([*command, "--out", str(out)]) == 0
    matched = pd.read_csv(out / "matched.csv", dtype={"subject": str, "pair": str})
    pairs = pd.read_csv(out / "pairs.csv", dtype={"treated": str, "control": str})
    scores = pd.read_csv(out / "scores.csv", dtype={"id": str})
    assert [*people.columns, "pair", "matching_weight", "propensity", "distance"] == list(matched.columns)
    kept = scores[scores["matched"]]
    assert matched["subject"].tolist() == kept["id"].tolist()
    np.testing.assert_allclose(matched["matching_weight"], kept["weight"])
    own = matched.set_index("subject")["pair"]
    assert (own[pairs["control"]].to_numpy() == pairs["treated"]).all()
    assert (own[pairs["treated"]].to_numpy() == pairs["treated"]).all()


def test_no_pair_at_all_is_nothing_usable(table, tmp_path, capsys):
    people = pd.read_csv(table, dtype={"subject": str})
    people.assign(site=np.where(people["t"] == 1, "A", "B")).to_csv(table, index=False)
    command = ["match", str(table), "--treatment", "t", "--covariates", "age", "--exact", "site"]
    assert main([*command, "--out", str(tmp_path / "o")]) == 1
    assert "No pair was formed" in capsys.readouterr().err


def test_optimal_pairs_from_the_command_line(table, tmp_path):
    command = ["match", str(table), "--treatment", "t", "--covariates", "age,sex"]
    total = {}
    for method in ("nearest", "optimal"):
        out = tmp_path / method
        assert main([*command, "--method", method, "--out", str(out)]) == 0
        pairs = pd.read_csv(out / "pairs.csv")
        total[method] = (len(pairs), pairs["distance"].sum())
    assert total["optimal"][0] == total["nearest"][0]
    assert total["optimal"][1] <= total["nearest"][1] + 1e-12
    with pytest.raises(SystemExit) as stop:
        main([*command, "--method", "optimal", "--replace", "--out", str(tmp_path / "o")])
    assert stop.value.code == 2


def test_several_groups_pairwise_and_overall(table, tmp_path, capsys):
    people, out = labelled(table), tmp_path / "c.csv"
    command = ["compare", str(table), "--group", "group", "--outcomes", "y,age", "--out", str(out)]
    assert main(command) == 0
    result, overall = pd.read_csv(out), pd.read_csv(tmp_path / "c_overall.csv").set_index("outcome")
    assert list(result.columns)[: len(LITERAL_COLUMNS)] == LITERAL_COLUMNS
    assert len(result) == 6
    samples = {name: part["y"].to_numpy() for name, part in people.groupby("group")}
    for row in result[result["outcome"] == "y"].to_dict("records"):
        one, zero = samples[row["group1"]], samples[row["group0"]]
        assert row["difference"] == pytest.approx(one.mean() - zero.mean())
        assert row["welch_p"] == pytest.approx(stats.ttest_ind(one, zero, equal_var=False).pvalue)
    np.testing.assert_allclose(result["p_holm"], holm(result["p"].to_numpy()))
    assert overall.loc["y", "kruskal_p"] == pytest.approx(stats.kruskal(*samples.values()).pvalue)
    assert overall.loc["y", "welch_anova_p"] == pytest.approx(welch_anova_p(list(samples.values())))
    assert overall.loc["y", "n"] == len(people)
    assert "obese" in capsys.readouterr().out


def welch_anova_p(samples):
    """Welch (Biometrika 1951), written out."""
    k = len(samples)
    weights = np.array([len(sample) / sample.var(ddof=1) for sample in samples])
    means = np.array([sample.mean() for sample in samples])
    spread = (weights * (means - weights @ means / weights.sum()) ** 2).sum() / (k - 1)
    term = sum((1 - w / weights.sum()) ** 2 / (len(s) - 1) for w, s in zip(weights, samples, strict=True))
    f = spread / (1 + 2 * (k - 2) / (k**2 - 1) * term)
    return stats.f.sf(f, k - 1, (k**2 - 1) / (3 * term))


def test_numbers_as_labels_are_compared_larger_minus_smaller(table, tmp_path):
    people = pd.read_csv(table, dtype={"subject": str})
    people.assign(t=np.where(people["t"] == 1, 10, 9)).to_csv(table, index=False)
    out = tmp_path / "c.csv"
    assert main(["compare", str(table), "--group", "t", "--outcomes", "y", "--out", str(out)]) == 0
    row = pd.read_csv(out, dtype={"group1": str, "group0": str}).iloc[0]
    assert (row["group1"], row["group0"]) == ("10", "9")
    assert row["difference"] == pytest.approx(
        people.loc[people["t"] == 1, "y"].mean() - people.loc[people["t"] == 0, "y"].mean()
    )
    assert (
        main(["compare", str(table), "--group", "t", "--outcomes", "y", "--groups", "9,8", "--out", "o"]) == 1
    )
