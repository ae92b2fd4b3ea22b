"""Bland-Altman plots draw what was set."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from cinecohort.reporting.agreement_figures import apart, bland_altman_axes, in_lines
from cinecohort.statistics.bland_altman import limits_of_agreement
from cinecohort.statistics.options import AgreementOptions


@pytest.mark.parametrize(("factor", "confidence"), [(1.96, 0.95), (1.0, 0.8)])
def test_the_lines_are_the_limits_of_the_table(factor: float, confidence: float) -> None:
    random = np.random.default_rng(0)
    second = random.normal(150, 30, 40)
    first = second + random.normal(2, 5, 40)
    axes = Figure().add_subplot()
    options = AgreementOptions(limit_factor=factor, confidence=confidence)
    bland_altman_axes(axes, first, second, options)
    drawn = {float(np.asarray(line.get_ydata())[0]) for line in axes.lines if line.get_linestyle() == "--"}
    expected = limits_of_agreement(first - second, factor, confidence)
    assert sorted(drawn) == pytest.approx([expected["loa_lower"], expected["loa_upper"]])
    spans = sorted(float(patch.get_bbox().y0) for patch in axes.patches)
    ends = [expected[f"{name}_ci_low"] for name in ("loa_lower", "bias", "loa_upper")]
    assert spans == pytest.approx(ends)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("automatic", "automatic"),
        ("unet_vendors_sa", "unet_\nvendors_sa"),
        ("longwithoutbreak", "longwithoutbreak"),
    ],
)
def test_a_long_name_stands_in_two_lines(name: str, shown: str) -> None:
    assert in_lines(name) == shown


def test_names_of_curves_that_end_together_do_not_stand_on_each_other() -> None:
    low, high = apart([141.0, 142.0], (0.0, 160.0), 0.07)
    assert high - low >= 0.07 * 160 - 1e-9
