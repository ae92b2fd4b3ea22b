"""Figures of the group study: what they say, and that the same data give the same bytes."""

import numpy as np
import pandas as pd
import pytest

from cinecohort.reporting.study_figures import forest_plot, love_plot, overlap_plot, standardised_rows


@pytest.fixture
def balance():
    rows = [
        ("distance", "distance", None, 0.9, 0.02),
        ("age_years", "age_years", None, -0.4, 0.15),
        ("sexF", "sex", "F", 0.1, np.nan),
    ]
    return pd.DataFrame(
        [
            {"covariate": name, "variable": variable, "level": level, "stage": stage, "smd": smd}
            for name, variable, level, before, after in rows
            for stage, smd in (("before", before), ("after", after))
        ]
    )


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    treatment = np.repeat([1, 0], [20, 60])
    weight = np.where(np.arange(80) < 40, 1.0, 0.0)
    return pd.DataFrame({"propensity": rng.random(80), "weight": weight, "treatment": treatment})


def test_love_plot_names_covariates_and_threshold(balance, tmp_path):
    love_plot(balance, tmp_path / "a.svg", 0.1)
    love_plot(balance, tmp_path / "b.svg", 0.1)
    text = (tmp_path / "a.svg").read_text()
    assert text == (tmp_path / "b.svg").read_text()
    for words in ("Propensity score", "Age (years)", "Sex: women", "threshold 0.1", "before matching"):
        assert words in text
    assert "<dc:date>" not in text
    # The largest imbalance before matching stands on top.
    assert text.index("Sex: women") < text.index("Age (years)") < text.index("Propensity score")


def test_love_plot_has_room_above_and_below_its_points(balance, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("cinecohort.reporting.study_figures._save", lambda figure, _: seen.append(figure))
    love_plot(balance, tmp_path / "a.svg", 0.1)
    (axes,) = seen[0].axes
    assert axes.get_ylim() == (-0.5, 2.5)


def test_overlap_plot_states_both_groups_sizes(scores, tmp_path):
    overlap_plot(scores, ("Obese", "Normal & <lean>"), tmp_path / "o.svg")
    text = (tmp_path / "o.svg").read_text()
    for words in ("Obese (n = 20)", "(n = 60)", "(n = 20)", "Normal &amp; &lt;lean&gt;"):
        assert words in text
    overlap_plot(scores.assign(propensity=0.5), ("A", "B"), tmp_path / "tied.svg")
    assert (tmp_path / "tied.svg").stat().st_size > 1000


def test_forest_rows_are_in_pooled_sds(tmp_path):
    comparison = pd.DataFrame(
        [
            {
                "outcome": "lvm_g",
                "difference": 10.0,
                "cohen_d": 0.5,
                "cohen_d_ci_low": 0.2,
                "cohen_d_ci_high": 0.8,
                "n1": 80,
                "n0": 90,
            }
        ]
    )
    columns = ["level", "n1", "n0", "estimate", "ci_low", "ci_high", "interaction_p"]
    levels = [("F", 40, 45, 8.0, 2.0, 14.0, 0.0004), ("M", 1, 0, np.nan, np.nan, np.nan, np.nan)]
    subgroups = pd.DataFrame(levels, columns=columns).assign(factor="sex", outcome="lvm_g")
    rows = standardised_rows(comparison, subgroups)
    assert rows["label"].tolist() == ["LVM (g)", "Sex: women", "Sex: men"]
    # 10 g are 0.5 SD, so that 8 g are 0.4.
    assert rows["estimate"].tolist()[:2] == pytest.approx([0.5, 0.4])
    assert rows["note"][1] == "n = 40 + 45, interaction p < 0.001"
    forest_plot(rows, tmp_path / "f.svg")
    text = (tmp_path / "f.svg").read_text()
    assert "n = 80 + 90" in text
    assert "nan" not in text.lower()
