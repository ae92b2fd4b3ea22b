"""Every published number against the text of the papers: their rows are made again from our tables."""

import re
from pathlib import Path

import pandas as pd
import pytest

from cinecohort.statistics.published_tables import load

PAPERS = Path(__file__).parents[4] / "shared" / "papers"
NAMES = {"LV": "LV cavity", "MYO": "LV myocardium", "RV": "RV cavity"}
VIEWS = {"la_2ch": "2Ch", "la_4ch": "4Ch"}
MEASURES = {
    "lvedv_ml": "LVEDV", "lvesv_ml": "LVESV", "lvm_g": "LVM", "rvedv_ml": "RVEDV", "rvesv_ml": "RVESV",
    "lvsv_ml": "LVSV", "lvef_pct": "LVEF", "lvco_l_min": "LVCO", "rvsv_ml": "RVSV", "rvef_pct": "RVEF",
    "rvco_l_min": "RVCO",
}  # fmt: skip
WITH_N = ("chen2020_table6", "chen2020_table7", "chen2020_table8")
UNITS = {"ml": "mL", "g": "gram", "pct": "%", "min": "L/min"}


def text_of(name: str) -> str:
    path = PAPERS / name
    if not path.is_file():
        pytest.skip(f"the text of the paper is not at {path.parent}")
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def bai() -> list[str]:
    return [line.strip() for line in text_of("bai-2018-fcn.txt").splitlines()]


@pytest.fixture(scope="module")
def chen() -> list[str]:
    """Rows of the tables, a tab between cells, without spaces in them."""
    text = text_of("chen-2020-generalizability.txt")
    return [re.sub(r" ", "", line) for line in text.splitlines() if "\t" in line]


def cells(rows: pd.DataFrame, digits: int, mean: str = "mean", sd: str = "sd") -> str:
    return " ".join(f"{m:.{digits}f} ({s:.{digits}f})" for m, s in rows[[mean, sd]].to_numpy())


@pytest.mark.parametrize("number", [2, 3, 6, 7])
def test_overlap_of_bai(bai: list[str], number: int) -> None:
    table = load(f"bai2018_table{number}")
    by = ["group", "view", "structure"] if number in (2, 6) else ["metric", "view", "structure"]
    groups = table.groupby(by, sort=False, dropna=False)
    assert len(groups) == {2: 6, 3: 9, 6: 3, 7: 9}[number]
    for (_, view, structure), rows in groups:
        name = NAMES.get(structure, f"{structure} cavity ({VIEWS.get(view)})")
        assert f"{name} {cells(rows, 2)}" in bai


@pytest.mark.parametrize("number", [5, 9])
def test_differences_of_bai(bai: list[str], number: int) -> None:
    table = load(f"bai2018_table{number}")
    for (kind, measure), rows in table.groupby(["difference", "measure"], sort=False):
        unit = "%" if kind == "relative_pct" else UNITS[measure.rpartition("_")[2]]
        assert f"{MEASURES[measure]} ({unit}) {cells(rows, 1)}" in bai


def test_network_of_bai(bai: list[str]) -> None:
    lines = [line.replace("×", "x") for line in bai]
    start = lines.index("Scale Size Convolution")
    printed = [line for line in lines[start : start + 60] if line]
    for row in load("bai2018_table1").to_dict("records"):
        convolution = f"{row['kernel']}, {row['filters']}"
        first = printed.index(f"{row['scale']} {row['size']} {convolution}")
        assert printed[first + 1 : first + row["convolutions"]] == [convolution] * (row["convolutions"] - 1)
        assert printed[first + row["convolutions"]] != convolution


def test_visual_assessment_of_bai(bai: list[str]) -> None:
    words = {"basal": "Basal", "mid": "Mid-ventricular", "apical": "Apical"}
    table = load("bai2018_table4")
    shares = ["agreement_pct", "automatic_better_pct", "manual_better_pct", "not_sure_pct"]
    assert table[shares].sum(axis=1).round(1).tolist() == [100.0] * 6
    for row in table.to_dict("records"):
        analyst = f"{row['analyst']} " if row["position"] == "basal" else ""
        printed = " ".join(f"{row[share]:.1f}" for share in shares)
        assert f"{analyst}{words[row['position']]} {printed}" in bai


def test_study_of_bai(bai: list[str]) -> None:
    for row in load("bai2018_table8").to_dict("records"):
        name = f"{MEASURES[row['measure']]} ({UNITS[row['measure'].rpartition('_')[2]]})"
        normal, obese = (f"{row[f'mean_{g}']} ({row[f'sd_{g}']})" for g in ("normal", "obese"))
        assert f"{name} {normal} {obese} {row['p']}" in bai
    assert "(n = 867) (n = 867)" in bai


def test_fine_tuning_of_bai(bai: list[str]) -> None:
    for structure, rows in load("bai2018_table10").groupby("structure", sort=False):
        nothing = "- - " if structure == "RV" else ""
        assert f"{NAMES[structure]} {nothing}{cells(rows, 2)}" in bai
    assert "validation set (n = 15) training set split (n = 20)" in bai


@pytest.mark.parametrize(
    ("name", "digits", "keys"),
    [
        ("chen2020_table3", 2, ["method"]),
        ("chen2020_table4", 2, ["method"]),
        ("chen2020_table5", 3, ["group"]),
        ("chen2020_table6", 2, ["dataset", "group_by", "group"]),
        ("chen2020_table7", 2, ["group"]),
        ("chen2020_table8", 2, ["group"]),
    ],
)
def test_dice_of_chen(chen: list[str], name: str, digits: int, keys: list[str]) -> None:
    known = 0
    table = load(name)
    for key, rows in table.groupby(keys, sort=False):
        values = [f"{mean:.{digits}f}({sd:.{digits}f})" for mean, sd in rows[["mean", "sd"]].to_numpy()]
        subjects = (
            [] if name in ("chen2020_table3", "chen2020_table4", "chen2020_table5") else [rows["n"].iloc[0]]
        )
        lacking = ["-"] if subjects and len(rows) == 2 else []
        ending = "\t".join([*map(str, subjects), *values, *lacking])
        found = [line for line in chen if line.endswith(ending)]
        assert found, f"{name}, {key}: {ending}"
        word = str(key[-1]).removesuffix(".0")
        expected = {
            "chen2020_table3": {"U-Net": "Ours", "FCN (Bai 2018)": "Bai,2018"},
            "chen2020_table4": {"UNet-64": "Ours(UNet-64)"},
            "chen2020_table6": {"1.5": "1.5T", "3": "3T"},
            "chen2020_table7": {letter: f"site{letter}" for letter in "ABCDEFG"},
        }.get(name, {}).get(word, word)
        if name != "chen2020_table5":
            assert any(expected in line for line in found), (word, found)
        known += 1
    assert known == {"chen2020_table3": 2, "chen2020_table4": 4, "chen2020_table5": 5}.get(name, known)


def test_ablation_of_chen_names_what_was_left_out(chen: list[str]) -> None:
    marks = {"all operations": "✓✓✓✓", "without resampling": "✗✓✓✓", "without rotation": "✓✗✓✓",
             "without flip": "✓✓✗✓", "without scaling": "✓✓✓✗"}  # fmt: skip
    table = load("chen2020_table5")
    for group, rows in table.groupby("group", sort=False):
        begin = "\t".join(marks[group]) + f"\t{rows['mean'].iloc[0]:.3f}({rows['sd'].iloc[0]:.3f})"
        assert any(line.startswith(begin) for line in chen)


def test_rank_correlation_and_related_work_of_chen(chen: list[str]) -> None:
    for dataset, rows in load("chen2020_table9").groupby("dataset", sort=False):
        values = [f"{value:.2f}" for value in rows["spearman"]] + ["-"] * (5 - len(rows))
        line = "\t".join(["AutomaticvsManual", f"{dataset}(n={rows['n'].iloc[0]})", *values])
        assert line in chen
    for row in load("chen2020_table1").to_dict("records"):
        rest = "\t".join(
            str(row[name]) for name in ("other_domain", "fine_tuning", "structures", "test_subjects")
        )
        method = row["methods"].replace(" ", "")
        assert any(line.startswith(method) and line.endswith(rest.replace(" ", "")) for line in chen)


def test_limits_of_chen_stand_in_its_text() -> None:
    text = text_of("chen-2020-generalizability.txt")
    for row in load("chen2020_figure8").to_dict("records"):
        assert f"{row['loa_upper']:.2f} to {row['loa_lower']:.2f} (MD = {row['bias']:.2f})" in text
