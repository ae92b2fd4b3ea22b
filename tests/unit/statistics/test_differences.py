"""Absolute and relative differences by hand."""

import math

import numpy as np
import pytest

from cinecohort.statistics.differences import difference_row


def test_by_hand() -> None:
    """|d| = 10, 5, 3 on 100, 50, 30: 10 % each; mean 6, SD sqrt(13)."""
    row = difference_row(np.array([110.0, 45, 33]), np.array([100.0, 50, 30]))
    assert row["n"] == 3
    assert row["absolute_mean"] == pytest.approx(6, abs=1e-12)
    assert row["absolute_sd"] == pytest.approx(math.sqrt(13), abs=1e-12)
    assert row["relative_mean_pct"] == pytest.approx(10, abs=1e-12)
    assert row["relative_sd_pct"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("denominator", "expected"), [("second", 50.0), ("first", 100 / 3), ("mean", 40.0)])
def test_denominators(denominator, expected: float) -> None:
    row = difference_row(np.array([3.0, 6]), np.array([2.0, 4]), denominator)
    assert row["relative_mean_pct"] == pytest.approx(expected, abs=1e-12)


def test_zero_and_negative_denominators() -> None:
    """-1 against -2 is 50 %, not -50 %; a denominator of zero is counted and left out."""
    row = difference_row(np.array([-1.0, 5]), np.array([-2.0, 0]))
    assert row["relative_mean_pct"] == pytest.approx(50)
    assert (row["n"], row["n_relative"]) == (2, 1)
    assert "denominator of zero" in str(row["note"])


@pytest.mark.parametrize("n", [0, 1])
def test_too_few(n: int) -> None:
    row = difference_row(np.ones(n), 2 * np.ones(n))
    assert np.isnan(float(row["absolute_sd"]))
    assert row["note"]


def test_another_unit_is_noticed_and_a_bias_is_not():
    litres = np.array([0.12, 0.15, 0.2, 0.09])
    millilitres = np.array([118.0, 155.0, 190.0, 95.0])
    assert "0.001 times" in difference_row(litres, millilitres)["note"]
    assert "100 times" in difference_row(np.array([55.0, 60.0, 70.0]), np.array([0.5, 0.62, 0.71]))["note"]
    assert difference_row(millilitres * 1.4, millilitres)["note"] == ""
    scattered = np.array([1.0, 10.0, 100.0, 1000.0])
    assert difference_row(scattered, scattered[::-1].copy())["note"] == ""


def test_negative_values_get_a_note():
    row = difference_row(np.array([-1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.5]))
    assert "negative" in row["note"]
