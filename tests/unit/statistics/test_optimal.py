"""Optimal matching against every possible way to form pairs, on small samples."""

import itertools

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from cinecohort.errors import UserError
from cinecohort.statistics import optimal
from cinecohort.statistics.matching import match
from cinecohort.statistics.nearest import SearchRules, nearest_pairs
from cinecohort.statistics.study_options import MatchingOptions


def best(distance, focal, usable, strata, rules):
    """Most pairs, most focal units with one, least sum of distances: all ways are tried."""
    x = rules.covariates

    def may(i, j):
        return (
            strata[i] == strata[j]
            and abs(distance[i] - distance[j]) <= rules.caliper
            and all(abs(x[i, k] - x[j, k]) <= width for k, width in enumerate(rules.widths))
        )

    seekers = [i for i in range(len(distance)) if focal[i] and usable[i]]
    others = [j for j in range(len(distance)) if not focal[j] and usable[j]]
    found = (0, 0, 0.0)

    def search(place, free, pairs, served, total):
        nonlocal found
        if place == len(seekers):
            found = max(found, (pairs, served, -total))
            return
        i = seekers[place]
        allowed = [j for j in free if may(i, j)]
        for size in range(min(rules.ratio, len(allowed)) + 1):
            for chosen in itertools.combinations(allowed, size):
                gaps = sum(abs(distance[i] - distance[j]) for j in chosen)
                search(place + 1, free - set(chosen), pairs + size, served + bool(size), total + gaps)

    search(0, frozenset(others), 0, 0, 0.0)
    return found


@pytest.mark.parametrize("seed", range(40))
def test_no_way_to_pair_is_better(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 11))
    distance = rng.random(n).round(int(rng.integers(1, 4)))
    focal, usable = rng.random(n) < 0.45, rng.random(n) < 0.9
    strata = rng.integers(0, 1 + seed % 2, n)
    widths = (0.5,) if seed % 3 == 0 else ()
    caliper = float(rng.choice([0.1, 0.3, np.inf]))
    rules = SearchRules("largest", 1 + seed % 4 // 3, False, caliper, rng.random((n, 1)), widths)
    pairs = optimal.optimal_pairs(distance, focal, usable, strata, rules)
    number, served, total = best(distance, focal, usable, strata, rules)
    assert (len(pairs.focal), len(np.unique(pairs.focal))) == (number, served)
    assert pairs.distance.sum() == pytest.approx(-total, abs=1e-12)
    assert focal[pairs.focal].all()
    assert not focal[pairs.partner].any()
    assert (strata[pairs.focal] == strata[pairs.partner]).all()
    assert (usable[pairs.focal] & usable[pairs.partner]).all()


def test_it_is_no_worse_than_nearest_neighbour_and_numbers_partners_by_distance():
    rng = np.random.default_rng(3)
    distance, focal = rng.random(400), np.arange(400) < 100
    everybody, one = np.ones(400, bool), np.zeros(400, int)
    rules = SearchRules("largest", ratio=2)
    pairs = optimal.optimal_pairs(distance, focal, everybody, one, rules)
    greedy = nearest_pairs(distance, focal, everybody, one, rules)
    assert len(pairs.focal) == len(greedy.focal) == 200
    assert pairs.distance.sum() < greedy.distance.sum()
    for unit in range(100):
        own = pairs.focal == unit
        assert pairs.match[own].tolist() == [1, 2]
        assert (np.diff(pairs.distance[own]) >= 0).all()


@pytest.fixture
def table():
    rng = np.random.default_rng(1)
    age = rng.normal(60, 8, 90)
    treated = (rng.random(90) < 1 / (1 + np.exp(1 - 0.1 * (age - 60)))).astype(int)
    return pd.DataFrame(
        {"subject": np.arange(90), "age": age, "sex": rng.choice(["F", "M"], 90), "t": treated}
    )


def test_as_a_setting_of_the_matching(table):
    found = match(table, "t", ["age"], MatchingOptions(method="optimal", caliper=0.2, exact=("sex",)))
    greedy = match(table, "t", ["age"], MatchingOptions(caliper=0.2, exact=("sex",)))
    assert len(found.pairs.focal) >= len(greedy.pairs.focal)
    sex = table["sex"].to_numpy()
    assert (sex[found.pairs.focal] == sex[found.pairs.partner]).all()
    assert found.pairs.distance.max() <= found.caliper
    assert found.weights.sum() == 2 * len(found.pairs.focal)


@pytest.mark.parametrize("wrong", [{"replace": True}, {"order": "random"}])
def test_what_has_no_meaning_is_refused(wrong):
    with pytest.raises(ValidationError, match="optimal matching has no use for"):
        MatchingOptions(method="optimal", **wrong)


def test_what_does_not_fit_into_memory_is_refused_with_the_estimate(table, monkeypatch):
    monkeypatch.setattr(optimal, "_BYTES_PER_PAIR", 2**50)
    with pytest.raises(UserError, match=r"need about .* GiB of memory"):
        match(table, "t", ["age"], MatchingOptions(method="optimal"))
