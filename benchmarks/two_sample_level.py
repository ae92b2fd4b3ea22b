"""Level of the tests of two samples where matching plays no part: outcomes that the covariates do not move.

Matched groups are then samples drawn at random, so that no matching has to be repeated and many more
replicates can be had than in ``type_one_error.py``. Writes ``two_sample_level.md`` beside this file.

Run: ``python benchmarks/two_sample_level.py [--replicates 200000]``.
"""

import argparse
import importlib.metadata
import warnings
from pathlib import Path

import numpy as np
from scipy import stats

AT_ONCE = 5000
PAIRS = (4, 5, 6, 7, 8, 10, 15, 20, 50, 200)
OUTCOMES = ("normal", "log-normal", "unequal variance")
SMALLER = (2, 3, 4, 5, 7, 10, 20, 50, 100, 200, 500)
TIMES = (1.5, 2, 3, 4, 10)
UNEQUAL = ("log-normal", "twice the spread in the smaller", "twice the spread in the larger")
UNEQUAL_REPLICATES = 40_000
TESTS = ("Welch", "Student", "Mann-Whitney", "Brunner-Munzel", "the larger of both", "paired t")


def rejections(rng: np.random.Generator, outcome: str, pairs: int) -> np.ndarray:
    """How many of :data:`AT_ONCE` replicates each test rejects at the 5 % level; shape (tests,)."""
    one, zero = rng.normal(size=(2, AT_ONCE, pairs))
    if outcome == "log-normal":
        one, zero = np.exp(one), np.exp(zero)
    elif outcome == "unequal variance":
        one *= 2
    ranks = stats.mannwhitneyu(one, zero, axis=1).pvalue
    with warnings.catch_warnings():
        # Without overlap it has no p.
        warnings.simplefilter("ignore", RuntimeWarning)
        unequal = stats.brunnermunzel(one, zero, axis=1).pvalue
    tests = (
        stats.ttest_ind(one, zero, axis=1, equal_var=False).pvalue,
        stats.ttest_ind(one, zero, axis=1).pvalue,
        *(ranks, unequal, np.fmax(ranks, unequal)),
        stats.ttest_rel(one, zero, axis=1).pvalue,
    )
    return np.array([(p < 0.05).sum() for p in tests])


def row(outcome: str, pairs: int, replicates: int) -> str:
    """Rates of the tests with their upper 95 % limits, as a line of the table."""
    seeds = range(-(-replicates // AT_ONCE))
    number = OUTCOMES.index(outcome)
    hits = sum(rejections(np.random.default_rng([seed, pairs, number]), outcome, pairs) for seed in seeds)
    n = len(seeds) * AT_ONCE
    limits = [stats.binomtest(int(k), n).proportion_ci(0.95).high for k in hits]
    cells = [f"{100 * k / n:.2f} ({100 * limit:.2f})" for k, limit in zip(hits, limits, strict=True)]
    return f"| {outcome} | {pairs} | {' | '.join(cells)} |"


def welch_rate(outcome: str, smaller: int, times: float) -> str:
    """Rate of Welch's test in groups of unequal size with its upper 95 % limit."""
    rng = np.random.default_rng([smaller, round(10 * times), UNEQUAL.index(outcome)])
    sizes, at_once = (smaller, int(np.ceil(times * smaller))), 1000
    hits = 0
    for _ in range(UNEQUAL_REPLICATES // at_once):
        groups = [rng.normal(size=(at_once, size)) for size in sizes]
        if outcome == "log-normal":
            groups = [np.exp(values) for values in groups]
        else:
            groups[outcome == UNEQUAL[2]] *= 2
        hits += int((stats.ttest_ind(*groups, axis=1, equal_var=False).pvalue < 0.05).sum())
    limit = stats.binomtest(hits, UNEQUAL_REPLICATES).proportion_ci(0.95).high
    return f"{100 * hits / UNEQUAL_REPLICATES:.1f} ({100 * limit:.1f})"


def unequal_sizes() -> list[str]:
    """Table of Welch's test in groups of unequal size."""
    lines = [
        "## Welch's test in groups of unequal size",
        "",
        f"Over {UNEQUAL_REPLICATES:,} replicates; the larger group is so many times the smaller.",
        "",
        f"| outcome | smaller group | {' | '.join(f'{times:g} times' for times in TIMES)} |",
        "|" + "---|" * (2 + len(TIMES)),
    ]
    for outcome in UNEQUAL:
        for smaller in SMALLER:
            rates = [welch_rate(outcome, smaller, times) for times in TIMES]
            lines.append(f"| {outcome} | {smaller} | {' | '.join(rates)} |")
    return [
        *lines,
        "",
        "`compare` says so beside the p where one group is over twice the other and the smaller is below "
        "500, and with fewer than four in a group.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=200_000)
    replicates = parser.parse_args().replicates
    rows = [row(outcome, pairs, replicates) for outcome in OUTCOMES for pairs in PAIRS]
    versions = ", ".join(f"{n} {importlib.metadata.version(n)}" for n in ("numpy", "scipy"))
    lines = [
        "# Level of the tests of two samples",
        "",
        "Rejections (%) at the 5 % level without any effect, with their upper 95 % limits, over "
        f"{replicates:,} replicates: two groups of equal size whose outcomes no covariate moves. Unequal "
        "variance: twice the spread in one group.",
        "",
        f"| outcome | pairs | {' | '.join(TESTS)} |",
        "|" + "---|" * (2 + len(TESTS)),
        *rows,
        "",
        "The Mann-Whitney test asks whether two distributions are the same, which with unequal spreads they "
        "are not. Matched groups are compared by the larger p of it and of the Brunner-Munzel test, which "
        "does not need equal spreads and rejects too often in small samples.",
        "",
        *unequal_sizes(),
        "",
        f"Made by `python benchmarks/two_sample_level.py --replicates {replicates}` ({versions}).",
        "",
    ]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
