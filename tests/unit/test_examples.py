"""The examples in docstrings: each is run, and what people will call from Python has one."""

import doctest
import importlib
from pathlib import Path

import pytest

from cinecohort.conversion.geometry import stack_affine
from cinecohort.evaluation.contours import contour_distances
from cinecohort.evaluation.overlap import dice
from cinecohort.measures.derived import ejection_fraction_pct
from cinecohort.measures.function import heart_rate_from_cycle, mass_g
from cinecohort.measures.indexing import body_surface_m2
from cinecohort.measures.volumes import volume_curve
from cinecohort.statistics.bland_altman import limits_of_agreement
from cinecohort.statistics.correlation import correlation_row
from cinecohort.statistics.differences import difference_row
from cinecohort.statistics.equivalence import two_one_sided_tests
from cinecohort.statistics.nearest import nearest_pairs
from cinecohort.statistics.power import smallest_detectable_difference
from cinecohort.statistics.reliability import intraclass_correlations
from cinecohort.statistics.two_samples import benjamini_hochberg, effect_sizes, holm, welch

SRC = Path(__file__).parents[2] / "src"
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(SRC).with_suffix("").parts)
    for path in SRC.rglob("*.py")
    if ">>> " in path.read_text()
)
METRICS = (
    benjamini_hochberg,
    body_surface_m2,
    contour_distances,
    correlation_row,
    dice,
    difference_row,
    effect_sizes,
    ejection_fraction_pct,
    heart_rate_from_cycle,
    holm,
    intraclass_correlations,
    limits_of_agreement,
    mass_g,
    nearest_pairs,
    smallest_detectable_difference,
    stack_affine,
    two_one_sided_tests,
    volume_curve,
    welch,
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_print_what_they_say(name):
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted
    assert not results.failed


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)
def test_public_metrics_have_an_example(metric):
    assert doctest.DocTestFinder(recurse=False).find(metric, globs={})[0].examples
