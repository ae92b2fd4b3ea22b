import numpy as np
import pandas as pd
import pytest

from cinecohort.reporting import distribution_figures as figures


def test_thinned_keeps_the_shape_and_the_ends():
    values = pd.Series(np.arange(5000.0))
    shown = figures.thinned(values)
    assert len(shown) == figures.MOST_POINTS
    assert (shown[0], shown[-1]) == (0.0, 4999.0)
    assert np.median(shown) == pytest.approx(2499.5, abs=15)
    assert list(figures.thinned(pd.Series([3.0, 1.0]))) == [1.0, 3.0]


def test_jitter_stays_in_its_box():
    offsets = figures.jitter(1000)
    assert np.abs(offsets).max() <= 0.22
    assert len(np.unique(offsets)) == 1000


def test_distributions_say_n_and_have_the_same_bytes(tmp_path):
    table = pd.DataFrame(
        {"source": ["a"] * 30 + ["b"] * 2, "lvedv_ml": [*np.linspace(80, 200, 30), 120.0, np.nan]}
    )
    for name in ("one.svg", "two.svg"):
        figures.draw_distributions(table, ["lvedv_ml"], "source", ["a", "b", "c"], tmp_path / name)
    text = (tmp_path / "one.svg").read_text()
    assert text == (tmp_path / "two.svg").read_text()
    assert "LVEDV (mL)" in text
    assert ">30<" in text
    assert ">1<" in text
    assert ">0<" not in text, "a group without values has no place"


def test_bullseye_starts_anterior_and_turns_over_the_septum(tmp_path):
    wedges = figures.bullseye_wedges()
    centres = [(start + width / 2) % 360 for _, _, start, width in wedges]
    assert len(wedges) == 16
    assert centres[0] == centres[6] == centres[12] == 90, "segments 1, 7, 13 are anterior, up"
    assert centres[1] == 150, "segment 2, anteroseptal, lies to the left"
    assert centres[3] == 270, "segment 4 is inferior, down"
    assert centres[13] == 180, "segment 14 is septal, left"
    means = [6.0 + 0.1 * segment for segment in range(15)] + [float("nan")]
    figures.draw_bullseye(means, tmp_path / "bullseye.svg")
    text = (tmp_path / "bullseye.svg").read_text()
    assert ">6.0<" in text
    assert ">–<" in text


def test_means_of_segments_ignore_what_was_not_measured():
    table = pd.DataFrame({"wt_aha_01_mm": [5.0, np.nan, 7.0]})
    means = figures.wall_means(table)
    assert means[0] == 6.0
    assert np.isnan(means[1:]).all()
