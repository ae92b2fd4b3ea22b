"""The commands agree and reliability from the command line: columns, exit codes, one line of summary."""

from pathlib import Path

import pandas as pd
import pytest

from cinecohort.cli import main
from cinecohort.statistics.bland_altman import LIMIT_COLUMNS


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    second = pd.DataFrame(
        {"subject": [f"0{i}" for i in range(6)], "ed_frame": 0, "lvedv_ml": range(100, 160, 10)}
    )
    first = second.assign(lvedv_ml=second["lvedv_ml"] + [1, -1, 2, -2, 3, 0])
    pd.concat([first, first.head(1)]).to_csv(tmp_path / "auto.csv", index=False)
    second.iloc[1:].to_csv(tmp_path / "manual.csv", index=False)
    return tmp_path / "auto.csv", tmp_path / "manual.csv"


def test_agree_writes_the_documented_columns(tables, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "out"
    assert main(["agree", *map(str, tables), "--out", str(out), "--exclude-outliers", "iqr"]) == 0
    differences = pd.read_csv(out / "differences.csv")
    assert list(differences.columns[:6]) == [
        "measure",
        "n",
        "absolute_mean",
        "absolute_sd",
        "relative_mean_pct",
        "relative_sd_pct",
    ]
    assert differences["measure"].tolist() == ["lvedv_ml"]
    assert differences.loc[0, "n"] == 5
    limits = pd.read_csv(out / "bland_altman.csv")
    assert list(limits.columns[:14]) == ["measure", "outliers", *LIMIT_COLUMNS]
    assert limits["outliers"].tolist() == ["kept", "removed"]
    assert limits.loc[0, "bias"] == pytest.approx(0.4)
    correlation = pd.read_csv(out / "correlation.csv")
    assert list(correlation.columns[:9]) == [
        "measure",
        "n",
        "spearman_rho",
        "spearman_rho2",
        "spearman_p",
        "spearman_ci_low",
        "spearman_ci_high",
        "pearson_r",
        "concordance",
    ]
    assert {"bland_altman.svg", "correlation.svg"} <= {path.name for path in out.iterdir()}
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert "5 subjects paired (1 subjects only in auto, 1 further rows of the same subject in auto" in printed


def test_without_exclusion_there_is_one_row_per_measure(tables, tmp_path: Path) -> None:
    all_pairs = ("--exclude-outliers", "none", "--no-figures")
    main(["agree", *map(str, tables), "--out", str(tmp_path / "out"), *all_pairs])
    assert pd.read_csv(tmp_path / "out" / "bland_altman.csv")["outliers"].tolist() == ["kept"]
    assert not list((tmp_path / "out").glob("*.svg"))


def test_awkward_columns_end_in_an_answer_or_an_empty_cell_with_its_reason(tmp_path: Path) -> None:
    first = pd.DataFrame(
        {"subject": list("abc"), "ties": [1.0, 1, 2], "constant": 5.0, "negative": [-3.0, -1, -2]}
    )
    second = first.assign(ties=[1.0, 2, 2], negative=[-2.0, -1, -4], absent=[1.0, 2, 3])
    first.assign(absent=pd.Series(dtype=float)).to_csv(tmp_path / "a.csv", index=False)
    second.to_csv(tmp_path / "b.csv", index=False)
    out = tmp_path / "out"
    arguments = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), "--out", str(out)]
    assert main(["agree", *arguments, "--exclude-outliers", "iqr"]) == 0
    correlation = pd.read_csv(out / "correlation.csv").set_index("measure")
    assert correlation.loc["ties", "spearman_rho"] == pytest.approx(0.5)
    for measure, reason in (("constant", "constant"), ("absent", "needs 3")):
        assert pd.isna(correlation.loc[measure, "spearman_rho"])
        assert reason in correlation.loc[measure, "note"]
    differences = pd.read_csv(out / "differences.csv").set_index("measure")
    assert differences.loc["negative", "relative_mean_pct"] == pytest.approx((50 + 0 + 50) / 3)
    assert differences.loc["absent", ["n", "n_missing"]].tolist() == [0, 3]
    assert differences.loc["absent", "note"] == "no subject has both values"
    limits = pd.read_csv(out / "bland_altman.csv").set_index(["measure", "outliers"])
    assert limits.loc[("constant", "kept"), "sd"] == 0
    assert pd.isna(limits.loc[("absent", "removed"), "bias"])


def test_repeats(tmp_path: Path) -> None:
    table = pd.DataFrame({"subject": list("aabbcc"), "visit": [1, 2] * 3, "m": [1.0, 2, 5, 6, 9, 9]})
    table.to_csv(tmp_path / "a.csv", index=False)
    table.assign(m=table["m"] + [1, 2, 0, 1, 1, 3]).to_csv(tmp_path / "b.csv", index=False)
    out = tmp_path / "out"
    main(
        ["agree", str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), "--out", str(out), "--repeated", "visit"]
    )
    repeated = pd.read_csv(out / "bland_altman_repeated.csv")
    assert repeated.loc[0, ["n", "n_subjects"]].tolist() == [6, 3]
    assert repeated.loc[0, "bias"] == pytest.approx(-8 / 6)


@pytest.mark.parametrize("arguments", [[], ["only.csv"], ["a.csv", "b.csv", "c.csv"]])
def test_wrong_usage_exits_with_two(arguments: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["agree", *arguments, "--out", str(tmp_path)])
    assert stop.value.code == 2


def test_nothing_usable_exits_with_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "b.csv").write_text("subject,m\na,1\n")
    for first in ("missing.csv", "empty.csv"):
        assert main(["agree", str(tmp_path / first), str(tmp_path / "b.csv"), "--out", str(tmp_path)]) == 1
    errors = capsys.readouterr().err.strip().split("\n")
    assert len(errors) == 2
    assert all("Traceback" not in line for line in errors)


def test_reliability_writes_the_documented_columns(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = [(s, r, 10 * s + r) for s in range(5) for r in range(3)]
    pd.DataFrame(rows, columns=["case", "reader", "ml"]).to_csv(tmp_path / "long.csv", index=False)
    out = tmp_path / "icc.csv"
    columns = ["--subject", "case", "--rater", "reader", "--value", "ml"]
    assert main(["reliability", str(tmp_path / "long.csv"), *columns, "--out", str(out)]) == 0
    table = pd.read_csv(out)
    assert list(table.columns[:6]) == ["type", "icc", "ci_low", "ci_high", "n_subjects", "n_raters"]
    assert table["type"].tolist() == [
        f"ICC({form},{unit})" for unit in ("1", "k") for form in ("1", "A", "C")
    ]
    assert "5 subjects, 3 raters" in capsys.readouterr().out


def test_no_usable_value_exits_with_one_but_leaves_the_reasons(tmp_path: Path, capsys) -> None:
    (tmp_path / "a.csv").write_text("subject,m\na,1\nb,\n")
    (tmp_path / "b.csv").write_text("subject,m\na,\nb,2\n")
    arguments = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), "--out", str(tmp_path / "out")]
    assert main(["agree", *arguments]) == 1
    assert "No measure has a value of the same subject" in capsys.readouterr().err
    assert pd.read_csv(tmp_path / "out" / "differences.csv").loc[0, "note"] == "no subject has both values"
    (tmp_path / "long.csv").write_text("s,r,v\na,O1,1\nb,O1,2\n")
    columns = ["--subject", "s", "--rater", "r", "--value", "v", "--out", str(tmp_path / "icc.csv")]
    assert main(["reliability", str(tmp_path / "long.csv"), *columns]) == 1
    assert "needs 2 of each" in capsys.readouterr().err


def test_what_is_made_of_phantoms_says_so(tables, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    marked = tmp_path / "marked.csv"
    pd.read_csv(tables[0], dtype={"subject": str}).assign(synthetic="SYNTHETIC DATA").to_csv(
        marked, index=False
    )
    assert main(["agree", str(marked), str(tables[1]), "--out", str(tmp_path / "out"), "--no-figures"]) == 0
    assert "SYNTHETIC DATA" in capsys.readouterr().out
    for table in (tmp_path / "out").glob("*.csv"):
        assert (pd.read_csv(table)["synthetic"] == "SYNTHETIC DATA").all(), table
    main(["agree", *map(str, tables), "--out", str(tmp_path / "real"), "--no-figures"])
    assert "synthetic" not in pd.read_csv(tmp_path / "real" / "differences.csv")


def test_columns_are_renamed_without_a_configuration(tables, tmp_path: Path, capsys) -> None:
    theirs = pd.read_csv(tables[1], dtype=str).rename(columns={"subject": "eid", "lvedv_ml": "EDV"})
    theirs.to_csv(tmp_path / "theirs.csv", index=False)
    plain, renamed = tmp_path / "plain", tmp_path / "renamed"
    main(["agree", *map(str, tables), "--out", str(plain), "--no-figures"])
    command = ["agree", str(tables[0]), str(tmp_path / "theirs.csv"), "--out", str(renamed), "--no-figures"]
    assert main([*command, "--columns", "EDV=lvedv_ml, eid=subject"]) == 0
    for name in ("differences", "bland_altman", "correlation"):
        pd.testing.assert_frame_equal(*(pd.read_csv(out / f"{name}.csv") for out in (plain, renamed)))
    capsys.readouterr()
    assert main([*command, "--columns", "eid=subject,nothing=lvm_g"]) == 1
    assert "nothing" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        main([*command, "--columns", "EDV"])
    assert stop.value.code == 2


def test_many_measures_and_wide_tables_in_one_call(tmp_path: Path, capsys) -> None:
    rows = [(s, r, 10.0 * s + r + (s * r) % 3, 5.0 * s - r) for s in range(6) for r in range(3)]
    long = pd.DataFrame(rows, columns=["case", "reader", "ml", "g"])
    long.to_csv(tmp_path / "long.csv", index=False)
    out, other = tmp_path / "icc.csv", tmp_path / "wide_icc.csv"
    columns = ["--subject", "case", "--rater", "reader", "--value", "ml,g"]
    assert main(["reliability", str(tmp_path / "long.csv"), *columns, "--out", str(out)]) == 0
    assert capsys.readouterr().out.count("ICC(A,1)") == 2
    wide = long.pivot_table(index="case", columns="reader")
    wide.columns = [f"{measure}_{reader}" for measure, reader in wide.columns]
    wide.reset_index().to_csv(tmp_path / "wide.csv", index=False)
    raters = ["--raters", "ml=ml_0,ml_1,ml_2", "--raters", "g=g_0,g_1,g_2"]
    command = ["reliability", str(tmp_path / "wide.csv"), "--subject", "case", *raters, "--out", str(other)]
    assert main(command) == 0
    table = pd.read_csv(out)
    assert table["measure"].tolist() == ["ml"] * 6 + ["g"] * 6
    pd.testing.assert_frame_equal(table, pd.read_csv(other))
    with pytest.raises(SystemExit) as stop:
        main(["reliability", str(tmp_path / "wide.csv"), "--subject", "case", "--out", str(other)])
    assert stop.value.code == 2
