"""Bland-Altman plots draw what was set."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from cinecohort.reporting.agreement_figures import bland_altman_axes
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
