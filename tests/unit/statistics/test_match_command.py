"""The commands ``match`` and ``compare``: files, columns, exit codes."""

import numpy as np
import pandas as pd
import pytest

from cinecohort.cli import main
from cinecohort.statistics.effects import LITERAL_COLUMNS


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
    assert main([*command, "--pairs", str(out / "pairs.csv"), "--covariates", "age"]) == 0
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
    assert len(written) == 4
    for path in written:
        assert (pd.read_csv(path)["synthetic"] == "SYNTHETIC DATA").all(), path


def test_a_table_without_rows_is_refused(tmp_path, capsys):
    empty = tmp_path / "empty.csv"
    empty.write_text("subject,t,age\n")
    assert main(["match", str(empty), "--treatment", "t", "--covariates", "age", "--out", str(tmp_path)]) == 1
    assert "empty.csv: holds no rows." in capsys.readouterr().err
