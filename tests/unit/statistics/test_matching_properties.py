"""What must hold of nearest-neighbour and optimal matching, for any scores and groups."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cinecohort.statistics.nearest import NearestPairs, SearchRules, nearest_pairs
from cinecohort.statistics.optimal import optimal_pairs

ORDERS = ("largest", "smallest", "data", "random", "closest", "farthest")
# Multiples of 1/64, so that sums and differences are exact and ties are frequent.
SCORES = st.integers(0, 64).map(lambda number: number / 64)


@st.composite
def samples(draw: st.DrawFn) -> SimpleNamespace:
    n = draw(st.integers(2, 16))

    def column(values: st.SearchStrategy) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=n, max_size=n)))

    widths = draw(st.sampled_from([(), (1.0,)]))
    rules = SearchRules(
        draw(st.sampled_from(ORDERS)),
        ratio=draw(st.integers(1, 2)),
        caliper=draw(st.sampled_from([0.0, 0.125, 0.5, float("inf")])),
        covariates=column(st.integers(0, 4)).astype(float)[:, None],
        widths=widths,
    )
    return SimpleNamespace(
        score=column(SCORES),
        focal=column(st.booleans()),
        usable=column(st.sampled_from([True, True, True, False])),
        strata=column(st.integers(0, 1)),
        rules=rules,
    )


def pairs_of(method, sample: SimpleNamespace, **rules: object) -> NearestPairs:
    columns = (sample.score, sample.focal, sample.usable, sample.strata)
    return method(*columns, replace(sample.rules, **rules))


def allowed(sample: SimpleNamespace) -> np.ndarray:
    """Which units (focal, partner) may form a pair, by the rules alone."""
    gap = np.abs(sample.score[:, None] - sample.score[None])
    fits = (gap <= sample.rules.caliper) & (sample.strata[:, None] == sample.strata[None])
    for place, width in enumerate(sample.rules.widths):
        values = sample.rules.covariates[:, place]
        fits &= np.abs(values[:, None] - values[None]) <= width
    usable = sample.usable
    return fits & (usable & sample.focal)[:, None] & (usable & ~sample.focal)[None]


@given(samples())
def test_every_pair_keeps_the_rules_and_nobody_is_used_twice(sample: SimpleNamespace) -> None:
    for method in (nearest_pairs, optimal_pairs):
        pairs = pairs_of(method, sample)
        assert allowed(sample)[pairs.focal, pairs.partner].all()
        assert len(set(pairs.partner)) == len(pairs.partner)
        assert np.bincount(pairs.focal, minlength=1).max() <= sample.rules.ratio
        np.testing.assert_array_equal(
            pairs.distance, np.abs(sample.score[pairs.focal] - sample.score[pairs.partner])
        )
        for unit in set(pairs.focal):
            assert pairs.match[pairs.focal == unit].tolist() == list(
                range(1, 1 + (pairs.focal == unit).sum())
            )


@given(samples())
def test_nobody_stays_alone_beside_somebody_who_is_free(sample: SimpleNamespace) -> None:
    for method in (nearest_pairs, optimal_pairs):
        pairs = pairs_of(method, sample, ratio=1)
        alone = np.setdiff1d(np.flatnonzero(sample.focal & sample.usable), pairs.focal)
        free = np.setdiff1d(np.flatnonzero(~sample.focal & sample.usable), pairs.partner)
        assert not allowed(sample)[np.ix_(alone, free)].any()


@given(samples())
def test_with_replacement_everybody_has_the_nearest_of_all(sample: SimpleNamespace) -> None:
    pairs = pairs_of(nearest_pairs, sample, order="data", ratio=1, replace=True)
    gaps = np.where(allowed(sample), np.abs(sample.score[:, None] - sample.score[None]), np.inf)
    best = gaps.min(axis=1)
    assert pairs.focal.tolist() == np.flatnonzero(np.isfinite(best)).tolist()
    np.testing.assert_array_equal(pairs.distance, best[pairs.focal])


@given(samples())
def test_optimal_forms_as_many_pairs_or_more_and_none_of_less_distance(sample: SimpleNamespace) -> None:
    nearest, optimal = pairs_of(nearest_pairs, sample, ratio=1), pairs_of(optimal_pairs, sample, ratio=1)
    assert len(optimal.focal) >= len(nearest.focal)
    if len(optimal.focal) == len(nearest.focal):
        assert optimal.distance.sum() <= nearest.distance.sum()


@given(samples(), st.sampled_from([0.25, 2.0]), st.integers(-3, 3))
def test_another_scale_and_origin_of_the_score_changes_no_pair(
    sample: SimpleNamespace, scale: float, origin: int
) -> None:
    moved = SimpleNamespace(**{**vars(sample), "score": origin + scale * sample.score})
    plain = pairs_of(nearest_pairs, sample)
    other = pairs_of(nearest_pairs, moved, caliper=scale * sample.rules.caliper)
    np.testing.assert_array_equal((plain.focal, plain.partner), (other.focal, other.partner))
    np.testing.assert_array_equal(scale * plain.distance, other.distance)
    best, again = (
        pairs_of(optimal_pairs, one, caliper=factor * sample.rules.caliper)
        for one, factor in ((sample, 1.0), (moved, scale))
    )
    assert len(best.focal) == len(again.focal)
    assert scale * best.distance.sum() == again.distance.sum()
