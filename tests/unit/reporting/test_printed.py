"""Tables of the command line's results, printed in every format."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cinecohort.cli import main
from cinecohort.reporting.formats import FORMATS


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Return a table of 40 subjects in two groups with two raters of one measure."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({"subject": [f"s{i:02d}" for i in range(40)], "group": ["<A & b>", "c_d"] * 20})
    table["age_years"] = random.normal(60, 8, 40)
    table["lvedv_ml"] = random.normal(150, 30, 40)
    table["second"] = table["lvedv_ml"] + random.normal(2, 5, 40)
    table.to_csv(tmp_path / "people.csv", index=False)
    table.assign(lvedv_ml=table["second"]).to_csv(tmp_path / "other.csv", index=False)
    return tmp_path


def cells(folder: Path, name: str) -> list[list[str]]:
    """Rows of a printed table; all formats of it must be there."""
    assert {path.name for path in folder.glob(f"{name}.*")} == {f"{name}.{ending}" for ending in FORMATS}
    with (folder / f"{name}.csv").open() as stream:
        return list(csv.reader(stream))


def test_agree_prints_differences_limits_and_correlation(people: Path) -> None:
    out = people / "out"
    tables = [str(people / "people.csv"), str(people / "other.csv")]
    assert main(["agree", *tables, "--out", str(out), "--no-figures"]) == 0
    differences = pd.read_csv(out / "differences.csv").set_index("measure")
    (row,) = [row for row in cells(out / "printed", "differences")[1:] if "LVEDV (mL)" in row]
    mean, sd = differences.loc["lvedv_ml", ["absolute_mean", "absolute_sd"]]
    assert row[-1] == f"{mean:.1f} ({sd:.1f})"
    assert cells(out / "printed", "limits")[1][2] == "40"
    assert cells(out / "printed", "correlation")


def test_compare_and_reliability_print_their_table(people: Path) -> None:
    table = str(people / "people.csv")
    out = people / "effects.csv"
    assert main(["compare", table, "--group", "group", "--outcomes", "lvedv_ml", "--out", str(out)]) == 0
    head, row = cells(people / "printed", "effects")
    assert head[0] == "Outcome"
    assert any("<A & b>" in title for title in head)
    assert row[0] == "LVEDV (mL)"
    assert "\\&" in (people / "printed" / "effects.tex").read_text()
    out = people / "icc.csv"
    raters = ["--subject", "subject", "--raters", "lvedv_ml=lvedv_ml,second"]
    assert main(["reliability", table, *raters, "--out", str(out)]) == 0
    assert cells(people / "printed", "icc")[1][:3] == ["LVEDV (mL)", "40", "2"]


def test_match_prints_the_balance(people: Path) -> None:
    out = people / "out"
    groups = ["--treatment", "group", "--groups", "<A & b>,c_d", "--covariates", "age_years"]
    assert main(["match", str(people / "people.csv"), *groups, "--out", str(out)]) == 0
    rows = cells(out / "printed", "balance")
    assert [row[0] for row in rows[1:]] == ["Propensity score", "Age (years)"]
