"""Mistakes in tables and label maps: a sentence, never a number that looks right."""

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from cinecohort.cli import main


def measures(rows: int = 12) -> pd.DataFrame:
    numbers = np.arange(rows)
    return pd.DataFrame(
        {"subject": [f"S{i}" for i in numbers], "LVEDV_ml": 100 + numbers, "LVM_g": 80 + numbers % 5}
    )


def groups(rows: int = 40) -> pd.DataFrame:
    generator = np.random.default_rng(1)
    numbers = np.arange(rows)
    return pd.DataFrame(
        {
            "subject": [f"S{i}" for i in numbers],
            "t": (numbers < 12).astype(int),
            "age": generator.normal(60, 7, rows).round(1),
            "y": generator.normal(0, 1, rows).round(2),
        }
    )


def said(capsys: pytest.CaptureFixture[str], code: int, *arguments: object) -> str:
    """What a command says, to whichever stream; its exit code is held against `code`."""
    assert main([str(argument) for argument in arguments]) == code
    return "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("subject,LVEDV_ml\nS1,1,2\nS2,3,4\n", "more values than its header has names"),
        ("subject,LVEDV_ml\nS1,1,\nS2,3,\n", "remove separators at the ends"),
        ("subject,LVEDV_ml,LVEDV_ml\nS1,1,2\n", "several columns LVEDV_ml"),
        ("subject,LVEDV_ml\n", "holds no rows"),
    ],
)
def test_tables_whose_columns_cannot_be_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    measures().to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "b.csv").write_text(text)
    words = said(capsys, 1, "agree", tmp_path / "a.csv", tmp_path / "b.csv", "--out", tmp_path / "out")
    assert "b.csv: " in words
    assert sentence in words


def test_a_measure_with_decimal_commas_is_compared_and_one_of_text_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measures().to_csv(tmp_path / "a.csv", index=False)
    table = measures().assign(LVEDV_ml=[f"{100 + value},5" for value in range(12)], LVM_g="80 g")
    table.to_csv(tmp_path / "b.csv", index=False, sep=";")
    arguments = ["agree", tmp_path / "a.csv", tmp_path / "b.csv", "--out", tmp_path / "out", "--no-figures"]
    words = said(capsys, 0, *arguments)
    assert "LEFT OUT, for text in place of numbers: LVM_g" in words
    differences = pd.read_csv(tmp_path / "out" / "differences.csv").set_index("measure")
    assert differences["n"].to_dict() == {"LVEDV_ml": 12}


def test_measures_that_only_one_table_has_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measures().to_csv(tmp_path / "a.csv", index=False)
    measures().rename(columns={"LVEDV_ml": "EDV"}).to_csv(tmp_path / "b.csv", index=False)
    arguments = ["agree", tmp_path / "a.csv", tmp_path / "b.csv", "--out", tmp_path / "out", "--no-figures"]
    words = said(capsys, 0, *arguments)
    assert "Only in a, and not compared: LVEDV_ml (see --columns)." in words
    assert "Only in b, and not compared: EDV (see --columns)." in words
    assert "Only in" not in said(capsys, 0, *arguments, "--columns", "EDV=LVEDV_ml")
    words = said(capsys, 1, *arguments, "--columns", "EVD=LVEDV_ml")
    assert "Neither table has a column EVD, which --columns renames" in words


@pytest.mark.parametrize("command", ["match", "compare"])
def test_dates_are_no_covariate(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    groups().assign(age=[f"2012-05-{1 + i % 28:02d}" for i in range(40)]).to_csv(
        tmp_path / "t.csv", index=False
    )
    column = {"match": ["--treatment", "t"], "compare": ["--group", "t", "--outcomes", "y"]}[command]
    rest = ["--covariates", "age", "--out", tmp_path / "out"]
    assert "Column 'age' holds dates" in said(capsys, 1, command, tmp_path / "t.csv", *column, *rest)


@pytest.mark.parametrize("command", ["match", "compare", "reliability", "agree"])
def test_every_command_tells_what_it_takes_for_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    table = groups().assign(age=lambda t: t["age"].where(t.index != 3, -999), rater=lambda t: t.index % 2)
    table.assign(age=table["age"].map(lambda value: f"{value:g}".replace(".", ","))).to_csv(
        path := tmp_path / "t.csv", index=False, sep=";"
    )
    arguments = {
        "match": ["--treatment", "t", "--covariates", "age", "--drop-missing", "--out", tmp_path / "out"],
        "compare": ["--group", "t", "--outcomes", "age", "--out", tmp_path / "out.csv"],
        "reliability": ["--subject", "t", "--rater", "rater", "--value", "age", "--out", tmp_path / "o.csv"],
        "agree": [path, "--out", tmp_path / "out", "--no-figures"],
    }[command]
    main([str(argument) for argument in (command, path, *arguments)])
    assert "column age: -999 is taken for a missing value (1 row)" in "".join(capsys.readouterr())


def with_age_of_text(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(age=table["age"].astype(object).where(table.index != 3, "old"))


def with_infinite_outcome(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(y=table["y"].where(table.index != 3, np.inf))


@pytest.mark.parametrize(
    ("command", "change", "sentence"),
    [
        ("match", with_age_of_text, "Column 'age' holds numbers, but also 'old'"),
        ("match", lambda table: table.assign(t=table.index % 3), "but holds 0, 1, 2."),
        ("match", lambda table: table.assign(age=50), "the single value 50 in all"),
        ("compare", with_age_of_text, "Column 'age' holds numbers, but also 'old'"),
        ("compare", with_infinite_outcome, "Outcome 'y' holds infinite values"),
        ("compare", lambda table: table.assign(y=["<5", *table["y"][1:]]), "such as '<5'"),
        ("compare", lambda table: table.drop(columns="y"), "it has subject, t, age."),
        ("compare", lambda table: table.assign(t=["Obese", "obese"] * 20), "differ in capitals"),
        ("compare", lambda table: table.assign(t=table.index), "40 different values in 40 rows"),
        (
            "compare",
            lambda table: table.assign(subject=[f"S{i // 2}" for i in table.index]),
            "more than once",
        ),
    ],
)
def test_groups_that_would_be_compared_wrong(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    sentence: str,
) -> None:
    change(groups()).to_csv(tmp_path / "t.csv", index=False)
    if command == "match":
        options = ["--treatment", "t", "--covariates", "age", "--out", tmp_path / "out"]
    else:
        options = ["--group", "t", "--outcomes", "y", "--covariates", "age", "--out", tmp_path / "out.csv"]
    assert sentence in said(capsys, 1, command, tmp_path / "t.csv", *options)
    assert not (tmp_path / "out.csv").exists()


def test_a_negative_seed_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["match", "t.csv", "--treatment", "t", "--out", str(tmp_path), "--seed", "-1"])
    assert caught.value.code == 2


def label_file(path: Path, data: np.ndarray, shift_mm: float = 0.0) -> Path:
    affine = np.diag([1.5, 1.5, 8.0, 1.0])
    affine[0, 3] = shift_mm
    nib.save(nib.Nifti1Image(data, affine), path)
    return path


def test_label_maps_that_are_none_and_those_that_lie_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = np.zeros((12, 12, 2, 1), np.uint8)
    labels[3:8, 3:8] = 1
    manual = label_file(tmp_path / "manual.nii", labels)
    rest = ["--manual", manual, "--out", tmp_path / "overlap.csv"]
    interpolated = label_file(tmp_path / "a.nii", (labels * 0.6).astype(np.float32))
    assert "between whole numbers" in said(capsys, 1, "evaluate", "--auto", interpolated, *rest)
    missing = label_file(tmp_path / "b.nii", np.where(labels, np.nan, 0).astype(np.float32))
    assert "between whole numbers, or none" in said(capsys, 1, "evaluate", "--auto", missing, *rest)
    image = label_file(tmp_path / "c.nii", np.arange(288, dtype=np.int16).reshape(labels.shape))
    assert "[4, 5, 6, 7, 8, ...]" in said(capsys, 1, "evaluate", "--auto", image, *rest)
    elsewhere = label_file(tmp_path / "d.nii", labels, shift_mm=30.0)
    assert "compared voxel by voxel" in said(capsys, 0, "evaluate", "--auto", elsewhere, *rest)
    assert pd.read_csv(tmp_path / "overlap.csv")["note"].str.contains("does not say where in space").all()
    same = label_file(tmp_path / "e.nii", (labels * 0.9999).astype(np.float32))
    assert "voxel by voxel" not in said(capsys, 0, "evaluate", "--auto", same, *rest)
    assert pd.read_csv(tmp_path / "overlap.csv")["dice"].dropna().eq(1).any()


def test_none_is_a_level_and_a_label_and_no_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    smoking = np.array(["None", "Former", "Now"])[np.arange(40) % 3]
    disease = np.where(np.arange(40) % 2, "Angina", "None")
    table = groups().assign(smoking=smoking, disease=disease)
    table["y"] = table["y"].astype(object).where(table.index > 1, "None")
    table.to_csv(tmp_path / "t.csv", index=False)
    arguments = ("--outcomes", "y", "--covariates", "smoking", "--out", tmp_path / "out.csv")
    words = said(capsys, 0, "compare", tmp_path / "t.csv", "--group", "disease", *arguments)
    assert "None (19 subjects) - Angina (19 subjects)" in words
    row = pd.read_csv(tmp_path / "out.csv").iloc[0]
    assert np.isfinite(row["adjusted_estimate"])
    match = ("match", tmp_path / "t.csv", "--treatment", "t", "--covariates", "smoking", "--drop-missing")
    assert "left out" not in said(capsys, 0, *match, "--out", tmp_path / "matched")


def test_labels_of_many_digits_stay_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = np.array([10_000.01, 10_000.02, 3])[np.arange(40) % 3]
    groups().assign(site=labels).to_csv(tmp_path / "t.csv", index=False)
    arguments = ("--group", "site", "--outcomes", "y", "--out", tmp_path / "out.csv")
    said(capsys, 0, "compare", tmp_path / "t.csv", *arguments)
    found = pd.read_csv(tmp_path / "out.csv")[["group1", "group0"]].to_numpy().tolist()
    assert found == [[10_000.02, 10_000.01], [10_000.02, 3], [10_000.01, 3]]
