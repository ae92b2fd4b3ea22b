import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cinecohort.calibration.assessment import (
    area_under_roc,
    cut_for,
    estimate,
    mix_weights,
    sensitivity_at,
    share_of,
)


def test_area_is_that_of_scikit_learn_with_ties():
    random = np.random.default_rng(1)
    bad, score = random.random(200) < 0.3, random.integers(0, 12, 200).astype(float)
    assert area_under_roc(bad, score) == pytest.approx(roc_auc_score(bad, score))


def test_the_cut_finds_enough_of_the_bad_and_of_those_to_come():
    score = np.arange(1.0, 81.0) / 100
    bad = np.zeros(80, dtype=bool)
    bad[40:] = True  # 40 bad results from 0.41 to 0.80: 0.95 of 41 are 39.
    assert cut_for(bad, score, 0.95) == 0.42
    assert cut_for(bad, score, 1.0) == 0.41
    assert cut_for(np.zeros(80, dtype=bool), score, 0.95) is None


def test_weights_bring_failures_to_the_stated_share():
    bad = np.array([True, False, False, False])
    weights = mix_weights(bad, 0.1)
    assert weights[bad].sum() / weights.sum() == pytest.approx(0.1)
    assert mix_weights(bad, None).tolist() == [1, 1, 1, 1]


def test_sensitivity_by_share_flagged():
    bad = np.array([True, False, True, False])
    score = np.array([0.9, 0.8, 0.3, 0.1])
    assert sensitivity_at(bad, score, np.ones(4), 0.25) == 0.5
    assert sensitivity_at(bad, score, np.ones(4), 0.75) == 1.0


def test_intervals_resample_participants_and_not_rows():
    values = np.repeat(np.random.default_rng(0).normal(size=20), 50)
    groups = np.repeat(np.arange(20), 50).astype(object)
    found = estimate(groups, lambda rows: float(values[rows].mean()), seed=1)
    standard_error = values.reshape(20, 50)[:, 0].std() / np.sqrt(20)
    assert found.high - found.low == pytest.approx(2 * 1.96 * standard_error, rel=0.15)


def test_a_share_of_all_has_the_exact_interval_of_participants():
    found = share_of(np.ones(40, dtype=bool), np.repeat(np.arange(10), 4).astype(object), seed=1)
    assert (found.value, found.low, found.high) == (1.0, pytest.approx(0.6915, abs=1e-4), 1.0)
