"""Published figures: spot checks against the printed tables, and what stands beside what."""

import pandas as pd
import pytest

from cinecohort.statistics import published_tables

ABS, REL = "absolute", "relative_pct"


def test_every_table_reads_and_names_its_paper() -> None:
    names = published_tables.names()
    assert {"bai2018_table3", "bai2018_table9", "chen2020_table9", "chen2020_figure8"} <= set(names)
    for name in names:
        table = published_tables.load(name)
        assert len(table)
        assert set(table["paper"]) <= {"Bai 2018", "Chen 2020"}


@pytest.mark.parametrize(
    ("name", "where", "mean", "sd"),
    [
        ("bai2018_table3", {"comparison": "O2 vs O3", "structure": "RV", "metric": "hd_mm"}, 7.35, 2.19),
        ("bai2018_table2", {"group": "yes", "structure": "RV", "metric": "mcd_mm"}, 2.02, 0.88),
        (
            "bai2018_table5",
            {"comparison": "O1 vs O2", "measure": "rvesv_ml", "difference": "relative_pct"},
            30.6,
            15.5,
        ),
        (
            "bai2018_table9",
            {"comparison": "O3 vs O1", "measure": "lvef_pct", "difference": "absolute"},
            3.8,
            1.8,
        ),
        ("bai2018_table7", {"comparison": "O1 vs O2", "view": "la_2ch", "metric": "mcd_mm"}, 1.57, 0.39),
        ("chen2020_table3", {"dataset": "ACDC", "method": "U-Net", "structure": "RV"}, 0.82, 0.13),
        ("chen2020_table8", {"group": "ARV", "structure": "MYO"}, 0.74, 0.11),
    ],
)
def test_printed_figures(name: str, where: dict, mean: float, sd: float) -> None:
    table = published_tables.load(name)
    for column, value in where.items():
        table = table[table[column] == value]
    assert table[["mean", "sd"]].to_numpy().tolist() == [[mean, sd]]


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(KeyError, match="bai2018_table3"):
        published_tables.load("bai2018_table99")


def test_observers_stand_beside_the_same_pair_whichever_is_named_first() -> None:
    first = pd.Series(["net", "Anna", "Anna", "Bea"])
    second = pd.Series(["Anna", "Bea", "Cleo", "Cleo"])
    automatic = pd.Series([True, False, False, False])
    names = published_tables.comparison_names(first, second, automatic)
    assert list(names) == ["automatic vs manual", "O1 vs O2", "O3 vs O1", "O2 vs O3"]


def test_the_observer_of_the_whole_test_set_is_no_party_of_the_pairs() -> None:
    first = pd.Series(["net", "O1", "O2", "O1", "O1"])
    second = pd.Series(["manual", "O2", "O3", "O3", "manual"])
    automatic = pd.Series([True, False, False, False, False])
    names = published_tables.comparison_names(first, second, automatic)
    assert names.iloc[:4].tolist() == ["automatic vs manual", "O1 vs O2", "O2 vs O3", "O3 vs O1"]
    assert pd.isna(names.iloc[4])


def test_differences_beside_published() -> None:
    own = pd.DataFrame(
        {
            "folder": ["net-vs-manual"],
            "dataset": [""],
            "kind": ["automatic-observer"],
            "first": ["net"],
            "second": ["manual"],
            "frames": ["own"],
            "measure": ["lvedv_ml"],
            "n": [9],
            "absolute_mean": [5.0],
            "absolute_sd": [4.0],
            "relative_mean_pct": [3.0],
            "relative_sd_pct": [2.0],
        }
    )
    beside = published_tables.differences_beside_published(own).set_index("difference")
    assert beside.loc["absolute", ["mean", "published_mean", "published_n"]].tolist() == [5.0, 6.1, 600]
    assert beside.loc["relative_pct", ["mean", "published_mean"]].tolist() == [3.0, 4.1]
