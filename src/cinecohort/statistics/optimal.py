"""Optimal pair matching: the most pairs, and among the ways to form these the least sum of distances.

It is the assignment problem, solved exactly stratum by stratum (scipy's
``min_weight_full_bipartite_matching``, after Jonker and Volgenant, Computing 1987), under the same rules as
nearest-neighbour matching: calipers, exact strata, discarded units, several partners.
"""

import os
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from cinecohort.errors import UserError
from cinecohort.statistics.nearest import NearestPairs, SearchRules, assert_sound

_BYTES_PER_PAIR = 40
"""Memory for one possible pair: its distance, its place, and the copies made on the way to the solution."""


def optimal_pairs(
    distance: np.ndarray, focal: np.ndarray, usable: np.ndarray, strata: np.ndarray, rules: SearchRules
) -> NearestPairs:
    """Find partners for the focal units, without replacement.

    Parameters
    ----------
    distance, focal, usable, strata
        As for :func:`cinecohort.statistics.nearest.nearest_pairs`.
    rules
        Its order and seed play no part. With a ratio above 1, most pairs are formed, then most focal units
        have any; a focal unit may have fewer partners than others.

    Returns
    -------
    NearestPairs
        Sorted by the row of the focal unit, then by distance, after which partners are numbered.

    Raises
    ------
    UserError
        The possible pairs would not fit into memory.
    """
    found: list[tuple[np.ndarray, np.ndarray]] = [(np.empty(0, int), np.empty(0, int))]
    for stratum in np.unique(strata[focal & usable]):
        inside = (strata == stratum) & usable
        found.append(
            _assign(distance, np.flatnonzero(inside & focal), np.flatnonzero(inside & ~focal), rules)
        )
    one, other = (np.concatenate(side) for side in zip(*found, strict=True))
    gaps = np.abs(distance[one] - distance[other])
    order = np.lexsort((other, gaps, one))
    one, other, gaps = one[order], other[order], gaps[order]
    starts = np.flatnonzero(np.diff(one, prepend=-1))
    match = np.arange(len(one)) - np.repeat(starts, np.diff(np.append(starts, len(one)))) + 1
    pairs = NearestPairs(one, other, match, gaps)
    assert_sound(pairs, distance, rules)
    return pairs


def _assign(
    distance: np.ndarray, seekers: np.ndarray, others: np.ndarray, rules: SearchRules
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the focal units and partners of one stratum's best pairs."""
    row, column = _possible(distance, seekers, others, rules)
    if not len(row):
        return np.empty(0, int), np.empty(0, int)
    gaps = np.abs(distance[seekers[row]] - distance[others[column]])
    # Every copy of a focal unit may stay alone, at a price above any sum of distances; its first copy at
    # twice the price. Sets that can be matched are independent in a matroid, so that most pairs are formed
    # and most focal units have one. A constant keeps weights from being 0, which a sparse matrix loses.
    n, m, largest = len(seekers), len(others), float(gaps.max()) or 1.0
    alone = largest * (2 + n * rules.ratio)
    rows, columns, weights = [], [], []
    for copy in range(rules.ratio):
        rows += [copy * n + row, copy * n + np.arange(n)]
        columns += [column, m + copy * n + np.arange(n)]
        weights += [gaps, np.full(n, alone if copy else 2 * alone)]
    shape = (n * rules.ratio, m + n * rules.ratio)
    entries = np.concatenate(weights) + largest, (np.concatenate(rows), np.concatenate(columns))
    one, other = min_weight_full_bipartite_matching(sparse.csr_array(entries, shape=shape))
    paired = other < m
    return seekers[one[paired] % n], others[other[paired]]


def _possible(
    distance: np.ndarray, seekers: np.ndarray, others: np.ndarray, rules: SearchRules
) -> tuple[np.ndarray, np.ndarray]:
    """Places among `seekers` and `others` of all pairs that the calipers allow."""
    order = np.argsort(distance[others], kind="stable")
    scores, own = distance[others][order], distance[seekers]
    # A little wider than the caliper, whose exact test follows: sums round otherwise than differences.
    reach = rules.caliper * (1 + 1e-9) + 1e-12 * float(np.abs(scores).max(initial=0.0))
    low, high = np.searchsorted(scores, own - reach, "left"), np.searchsorted(scores, own + reach, "right")
    counts = high - low
    _check_memory(int(counts.sum()) * rules.ratio, len(seekers), len(others))
    row = np.repeat(np.arange(len(seekers)), counts)
    column = order[
        np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(low, counts)
    ]
    one, other = seekers[row], others[column]
    allowed = np.abs(distance[one] - distance[other]) <= rules.caliper
    for place, width in enumerate(rules.widths):
        values = rules.covariates[:, place]
        allowed &= np.abs(values[one] - values[other]) <= width
    return row[allowed], column[allowed]


def _check_memory(pairs: int, n: int, m: int) -> None:
    """Refuse what would not fit into the memory that is free."""
    needed, free = pairs * _BYTES_PER_PAIR, _free_memory()
    if needed > free:
        raise UserError(
            f"Optimal matching of {n:,} subjects to {m:,} would look at {pairs:,} pairs and need about "
            f"{needed / 2**30:.1f} GiB of memory, of which {free / 2**30:.1f} GiB are free: set a caliper, "
            "match exactly on a factor, or match by nearest neighbour."
        )


def _free_memory() -> int:
    """Bytes that can be had without swapping; Linux says so itself, elsewhere all memory stands for it."""
    listed = Path("/proc/meminfo")
    for line in listed.read_text().splitlines() if listed.is_file() else ():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
