"""Greedy nearest-neighbour search on a score, pair for pair as R's MatchIt 4.7.2 does it.

All units of a stratum are sorted once by (distance, row). From a focal unit the search walks left and right
to the first unit that may be its partner; the nearer of the two is taken. Positions that can never be taken
(focal units, discarded and used ones) are skipped by pointers with path compression, so that a walk costs
nearly constant time.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class SearchRules:
    """What a pair must satisfy, and how pairs are sought.

    Parameters
    ----------
    order
        ``largest``, ``smallest``, ``data``, ``random``, ``closest`` or ``farthest``; with `replace`,
        ``data``.
    ratio
        Partners per focal unit, at most.
    replace
        Whether a partner may be used again.
    caliper
        Largest distance, in the score's units; equality is allowed.
    covariates, widths
        Values, shape (units, k), and largest differences, length k, of covariate calipers.
    seed
        Of the order ``random``.
    """

    order: str
    ratio: int = 1
    replace: bool = False
    caliper: float = float("inf")
    covariates: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    widths: tuple[float, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class NearestPairs:
    """Pairs found: rows of focal unit and partner, which of its partners it is (from 1), distance."""

    focal: np.ndarray
    partner: np.ndarray
    match: np.ndarray
    distance: np.ndarray


def nearest_pairs(
    distance: np.ndarray, focal: np.ndarray, usable: np.ndarray, strata: np.ndarray, rules: SearchRules
) -> NearestPairs:
    """Find partners for the focal units.

    Parameters
    ----------
    distance
        Score of every unit, in the table's row order.
    focal
        Which units look for partners.
    usable
        Which units were not discarded; the others keep their place in the sorted order but are never matched.
    strata
        Integer code of the exact stratum of every unit; each is matched by itself.
    rules
        See :class:`SearchRules`.

    Returns
    -------
    NearestPairs
        Sorted by the row of the focal unit, then by match number.

    Examples
    --------
    The exposed 0 (score 0.9) has the first turn and takes 2 (0.8); the exposed 1 (0.7) is left with 3 (0.5):

    >>> score = np.array([0.9, 0.7, 0.8, 0.5, 0.1])
    >>> exposed = np.array([True, True, False, False, False])
    >>> usable, one_stratum = np.ones(5, bool), np.zeros(5, int)
    >>> pairs = nearest_pairs(score, exposed, usable, one_stratum, SearchRules("largest"))
    >>> print(pairs.focal, pairs.partner, pairs.distance.round(3))
    [0 1] [2 3] [0.1 0.2]
    """
    rank = _rank(distance, rules)
    pairs: list[tuple[int, int, int, float]] = []
    by_stratum = np.argsort(strata, kind="stable")
    bounds = np.flatnonzero(np.diff(strata[by_stratum])) + 1
    for rows in np.split(by_stratum, bounds):
        candidates = ~focal[rows] & usable[rows]
        seekers = np.flatnonzero(focal[rows] & usable[rows])
        if not candidates.any() or not len(seekers):
            continue
        seekers = seekers[np.argsort(rank[rows[seekers]], kind="stable")]
        covariates = rules.covariates[rows] if rules.widths else rules.covariates
        pool = _Pool(distance[rows], candidates, covariates, rules)
        found = (_by_distance if rules.order in ("closest", "farthest") else _in_turn)(pool, seekers, rules)
        pairs.extend((int(rows[i]), int(rows[j]), match, gap) for i, j, match, gap in found)
    pairs.sort(key=lambda pair: (pair[0], pair[2]))
    columns = list(zip(*pairs, strict=True)) if pairs else [(), (), (), ()]
    result = NearestPairs(*(np.array(c, t) for c, t in zip(columns, (int, int, int, float), strict=True)))
    assert_sound(result, distance, rules)
    return result


def _rank(distance: np.ndarray, rules: SearchRules) -> np.ndarray:
    """Return the key by which focal units take their turn; equal keys keep the table's order."""
    if rules.order == "largest":
        return -distance
    if rules.order == "smallest":
        return distance
    if rules.order == "random":
        return np.random.default_rng(rules.seed).permutation(len(distance))
    return np.arange(len(distance))


class _Pool:
    """One stratum: its sorted units and who among them may still be taken."""

    def __init__(
        self, distance: np.ndarray, candidates: np.ndarray, covariates: np.ndarray, rules: SearchRules
    ) -> None:
        order = np.argsort(distance, kind="stable")
        size = len(order)
        self.size = size
        self.caliper = rules.caliper
        self.widths = rules.widths
        # Position 0 and size + 1 stand for "nobody"; sorted units have positions 1 to size.
        self.unit = [-1, *order.tolist(), -1]
        self.score = [float("nan"), *distance[order].tolist(), float("nan")]
        self.covariates = [(), *covariates[order].tolist(), ()] if rules.widths else []
        position = np.empty(size, int)
        position[order] = np.arange(1, size + 1)
        self.position = position.tolist()
        taken = ~candidates[order]
        places = np.arange(1, size + 1)
        self._left = [0, *np.where(taken, places - 1, places).tolist(), size + 1]
        self._right = [0, *np.where(taken, places + 1, places).tolist(), size + 1]

    def is_free(self, unit: int) -> bool:
        """Whether a unit may still be taken."""
        place = self.position[unit]
        return self._left[place] == place

    def take(self, unit: int) -> None:
        """Remove a unit from those that may be taken."""
        place = self.position[unit]
        self._left[place] = place - 1
        self._right[place] = place + 1

    def nearest(self, unit: int, earlier: Sequence[int]) -> tuple[int, float] | None:
        """Partner and distance for a focal unit that has the `earlier` partners, or None.

        Of two at the same distance, the one fewer positions away is taken, and the left one where that is
        equal too; positions are counted from the outermost of the unit itself and its earlier partners.
        """
        place, score = self.position[unit], self.score
        here, limit = score[place], self.caliper
        places = [self.position[partner] for partner in earlier]
        left, right = _find(self._left, place - 1), _find(self._right, place + 1)
        found_left = found_right = False
        while True:
            gap_left = abs(score[left] - here) if left > 0 and not found_left else None
            gap_right = abs(score[right] - here) if right <= self.size and not found_right else None
            go_left = gap_left is not None and gap_left <= limit
            go_right = gap_right is not None and gap_right <= limit
            if go_left and (not go_right or gap_left <= gap_right):  # type: ignore[operator]
                if self._may_pair(place, left, places):
                    found_left, limit = True, gap_left  # type: ignore[assignment]
                else:
                    left = _find(self._left, left - 1)
            elif go_right:
                if self._may_pair(place, right, places):
                    found_right, limit = True, gap_right  # type: ignore[assignment]
                else:
                    right = _find(self._right, right + 1)
            else:
                break
        if found_left and found_right:
            steps_left = min([place, *places]) - left
            steps_right = right - max([place, *places])
            found_left = steps_left <= steps_right
        if found_left:
            return self.unit[left], limit
        return (self.unit[right], limit) if found_right else None

    def _may_pair(self, place: int, other: int, earlier: list[int]) -> bool:
        """Whether a free unit is not a partner already and lies within the covariate calipers."""
        if other in earlier:
            return False
        if not self.widths:
            return True
        mine, theirs = self.covariates[place], self.covariates[other]
        return all(abs(a - b) <= width for a, b, width in zip(mine, theirs, self.widths, strict=True))


def _find(skip: list[int], place: int) -> int:
    """First free position from `place` on, in the direction of the pointers; shortens the path on its way."""
    end = place
    while skip[end] != end:
        end = skip[end]
    while skip[place] != end:
        skip[place], place = end, skip[place]
    return end


def _in_turn(pool: _Pool, seekers: np.ndarray, rules: SearchRules) -> list[tuple[int, int, int, float]]:
    """Let every focal unit take its nearest, round by round; who finds none seeks no more."""
    found = []
    partners: dict[int, list[int]] = {int(unit): [] for unit in seekers}
    for match in range(1, rules.ratio + 1):
        for unit in list(partners):
            nearest = pool.nearest(unit, partners[unit])
            if nearest is None:
                del partners[unit]
                continue
            partner, gap = nearest
            if not rules.replace:
                pool.take(partner)
            partners[unit].append(partner)
            found.append((unit, partner, match, gap))
    return found


def _by_distance(pool: _Pool, seekers: np.ndarray, rules: SearchRules) -> list[tuple[int, int, int, float]]:
    """Take the closest (or farthest) of all nearest pairs first, round by round.

    A pair whose partner has gone is looked up anew and put back: before all entries of the same or a larger
    distance for ``closest``, behind all of the same or a larger distance for ``farthest``.
    """
    closest = rules.order == "closest"
    found = []
    partners: dict[int, list[int]] = {int(unit): [] for unit in seekers}
    for match in range(1, rules.ratio + 1):
        queue: list[tuple[float, int, int, int]] = []
        for turn, unit in enumerate(partners):
            nearest = pool.nearest(unit, partners[unit])
            if nearest is not None:
                queue.append((nearest[1] if closest else -nearest[1], turn, unit, nearest[0]))
        heapq.heapify(queue)
        turn = len(partners)
        served = {}
        while queue:
            key, _, unit, partner = heapq.heappop(queue)
            if pool.is_free(partner):
                pool.take(partner)
                found.append((unit, partner, match, abs(key)))
                served[unit] = [*partners[unit], partner]
                continue
            nearest = pool.nearest(unit, partners[unit])
            if nearest is not None:
                turn += 1
                place = (nearest[1], -turn) if closest else (-nearest[1], turn)
                heapq.heappush(queue, (*place, unit, nearest[0]))
        partners = {unit: served[unit] for unit in partners if unit in served}
    return found


def assert_sound(pairs: NearestPairs, distance: np.ndarray, rules: SearchRules) -> None:
    """Check what must hold of every result, whatever the data."""
    recomputed = np.abs(distance[pairs.focal] - distance[pairs.partner])
    assert np.array_equal(recomputed, pairs.distance), "a pair's distance is not that of its scores"
    assert (recomputed <= rules.caliper).all(), "a pair is farther apart than the caliper"
    for column, width in enumerate(rules.widths):
        values = rules.covariates[:, column]
        assert (np.abs(values[pairs.focal] - values[pairs.partner]) <= width).all(), (
            "a covariate caliper is broken"
        )
    assert rules.replace or len(np.unique(pairs.partner)) == len(pairs.partner), "a partner was used twice"
