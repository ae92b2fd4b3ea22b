"""The matcher against a slow second one, written from the rules alone, and against examples by hand."""

import bisect

import numpy as np
import pytest

from cinecohort.statistics.nearest import SearchRules, nearest_pairs


class BruteForce:
    """Nearest-neighbour matching by looking at every unit, one stratum at a time."""

    def __init__(self, distance, focal, usable, strata, rules):
        self.d, self.focal, self.usable, self.strata, self.rules = distance, focal, usable, strata, rules
        self.used: set[int] = set()
        self.place: dict[int, int] = {}

    def candidates(self, i, mine):
        for j in range(len(self.d)):
            if self.focal[j] or not self.usable[j] or self.strata[j] != self.strata[i] or j in mine:
                continue
            if j in self.used and not self.rules.replace:
                continue
            if abs(self.d[i] - self.d[j]) > self.rules.caliper:
                continue
            x = self.rules.covariates
            if all(abs(x[i, k] - x[j, k]) <= w for k, w in enumerate(self.rules.widths)):
                yield j

    def best(self, i, mine):
        found = list(self.candidates(i, mine))
        if not found:
            return None
        gap = min(abs(self.d[i] - self.d[j]) for j in found)
        tied = [j for j in found if abs(self.d[i] - self.d[j]) == gap]
        p = self.place[i]
        left = [self.place[j] for j in tied if self.place[j] < p]
        right = [self.place[j] for j in tied if self.place[j] > p]
        centre = [p, *(self.place[j] for j in mine)]
        use_left = bool(left) and (not right or min(centre) - max(left) <= min(right) - max(centre))
        wanted = max(left) if use_left else min(right)
        return next(j for j in tied if self.place[j] == wanted), gap

    def run(self):
        pairs = []
        for stratum in sorted(set(self.strata)):
            rows = [i for i in range(len(self.d)) if self.strata[i] == stratum]
            for number, i in enumerate(sorted(rows, key=lambda i: (self.d[i], i))):
                self.place[i] = number
            seekers = [i for i in rows if self.focal[i] and self.usable[i]]
            if self.rules.order == "largest":
                seekers.sort(key=lambda i: (-self.d[i], i))
            elif self.rules.order == "smallest":
                seekers.sort(key=lambda i: (self.d[i], i))
            mine = {i: [] for i in seekers}
            active = list(seekers)
            for r in range(1, self.rules.ratio + 1):
                rounds = self.closest if self.rules.order in ("closest", "farthest") else self.turns
                active = rounds(active, mine, r, pairs)
        return sorted(pairs, key=lambda pair: (pair[0], pair[2]))

    def turns(self, active, mine, r, pairs):
        served = []
        for i in active:
            best = self.best(i, mine[i])
            if best:
                mine[i].append(best[0])
                self.used.add(best[0])
                pairs.append((i, best[0], r, best[1]))
                served.append(i)
        return served

    def closest(self, active, mine, r, pairs):
        sign = 1 if self.rules.order == "closest" else -1
        queue = [(sign * b[1], i, b[0]) for i in active if (b := self.best(i, mine[i]))]
        queue.sort(key=lambda entry: entry[0])
        served = set()
        while queue:
            key, i, j = queue.pop(0)
            if j not in self.used:
                self.used.add(j)
                mine[i].append(j)
                pairs.append((i, j, r, abs(key)))
                served.add(i)
                continue
            again = self.best(i, mine[i])
            if again:
                key = sign * again[1]
                keys = [entry[0] for entry in queue]
                where = bisect.bisect_left(keys, key) if sign == 1 else bisect.bisect_right(keys, key)
                queue.insert(where, (key, i, again[0]))
        return [i for i in active if i in served]


def both(distance, focal, rules, usable=None, strata=None):
    n = len(distance)
    usable = np.ones(n, bool) if usable is None else usable
    strata = np.zeros(n, int) if strata is None else strata
    ours = nearest_pairs(distance, focal, usable, strata, rules)
    columns = (ours.focal.tolist(), ours.partner.tolist(), ours.match.tolist(), ours.distance.tolist())
    expected = BruteForce(distance, focal, usable, strata, rules).run()
    return list(zip(*columns, strict=True)), expected


@pytest.mark.parametrize("order", ["largest", "smallest", "data", "closest", "farthest", "with replacement"])
@pytest.mark.parametrize("ties", [0, 4, 15])
@pytest.mark.parametrize("ratio", [1, 2, 3])
def test_equals_brute_force(order, ties, ratio):
    replace = order == "with replacement"
    order = "data" if replace else order
    rng = np.random.default_rng([ties, ratio, len(order)])
    for trial in range(12):
        n = int(rng.integers(4, 45))
        distance = rng.integers(0, ties, n) / 8.0 if ties else rng.random(n)
        focal = rng.random(n) < rng.uniform(0.2, 0.6)
        settings = {"order": order, "ratio": ratio, "replace": replace}
        if trial % 3 == 1:
            settings["caliper"] = float(rng.choice([0.0, 0.125, 0.2, 0.5]))
        if trial % 4 == 2:
            settings |= {"covariates": rng.integers(0, 6, (n, 2)).astype(float), "widths": (2.0, 3.0)}
        usable = rng.random(n) < 0.85 if trial % 2 else None
        strata = rng.integers(0, 3, n) if trial % 5 > 2 else None
        ours, expected = both(distance, focal, SearchRules(**settings), usable, strata)
        assert ours == expected


def pairs_of(distance, focal, **settings):
    rules = SearchRules(**{"order": "largest", **settings})
    n = len(distance)
    found = nearest_pairs(
        np.array(distance, float), np.array(focal, bool), np.ones(n, bool), np.zeros(n, int), rules
    )
    return list(zip(found.focal.tolist(), found.partner.tolist(), strict=True))


def test_largest_first_takes_the_nearest_by_hand():
    # Treated 0 (0.9) takes 0.8; treated 1 (0.7) would have liked 0.8 too and gets 0.5.
    assert pairs_of([0.9, 0.7, 0.8, 0.5, 0.1], [1, 1, 0, 0, 0]) == [(0, 2), (1, 3)]
    # Smallest first: 0.7 takes 0.8 (distance 0.1 against 0.2), 0.9 gets 0.5.
    assert pairs_of([0.9, 0.7, 0.8, 0.5, 0.1], [1, 1, 0, 0, 0], order="smallest") == [(0, 3), (1, 2)]


def test_equal_distance_takes_the_side_fewer_positions_away():
    # Sorted: 0.25 (c), 0.375 (t), 0.5 (t, the seeker), 0.75 (c). Both controls are 0.25 away;
    # the left one lies two positions away, the right one only one.
    distance, focal = [0.5, 0.375, 0.25, 0.75], [1, 1, 0, 0]
    assert pairs_of(distance, focal)[0] == (0, 3)
    # Without the unit in between both are one position away: the left one is taken.
    assert pairs_of([0.5, 0.25, 0.75], [1, 0, 0]) == [(0, 1)]


def test_equal_scores_take_the_highest_row_on_the_left_and_the_lowest_on_the_right():
    # The focal unit comes last of equal scores: all controls lie to its left, the nearest is row 2.
    assert pairs_of([0.5, 0.5, 0.5, 0.5], [0, 0, 0, 1]) == [(3, 2)]
    # It comes first: all lie to its right, the nearest is row 1.
    assert pairs_of([0.5, 0.5, 0.5, 0.5], [1, 0, 0, 0]) == [(0, 1)]


def test_positions_of_second_matches_count_from_the_outermost():
    # The seeker (0.5) first takes the left neighbour at 0.4375. Then 0.25 and 0.75 are equally far. Counted
    # from the seeker both lie two positions away, but from its first match the left one is one away only.
    distance, focal = [0.5, 0.4375, 0.25, 0.75, 0.625], [1, 0, 0, 0, 1]
    rules = SearchRules(order="data", ratio=2)
    found = nearest_pairs(
        np.array(distance), np.array(focal, bool), np.ones(5, bool), np.zeros(5, int), rules
    )
    assert found.partner[found.focal == 0].tolist() == [1, 2]


def test_caliper_is_inclusive_and_ends_a_side():
    assert pairs_of([0.5, 0.25], [1, 0], caliper=0.25) == [(0, 1)]
    assert pairs_of([0.5, 0.25], [1, 0], caliper=0.2499999) == []


def test_all_scores_tied_matches_everyone():
    found = pairs_of([0.3] * 10, [1, 0, 1, 0, 1, 0, 1, 0, 0, 0])
    assert len(found) == 4
    assert len({partner for _, partner in found}) == 4


def test_a_stratum_of_one_group_is_skipped():
    rules = SearchRules(order="largest")
    found = nearest_pairs(
        np.array([0.1, 0.2, 0.3]), np.array([True, True, False]), np.ones(3, bool), np.array([0, 1, 1]), rules
    )
    assert found.focal.tolist() == [1]


def test_random_order_follows_the_seed():
    rng = np.random.default_rng(1)
    distance, focal = rng.random(80), rng.random(80) < 0.4
    runs = [pairs_of(distance, focal, order="random", seed=seed) for seed in (5, 5, 6)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_focal_units_beyond_the_number_of_others_stay_unmatched():
    assert len(pairs_of([0.1, 0.2, 0.3, 0.4, 0.25], [1, 1, 1, 1, 0])) == 1
