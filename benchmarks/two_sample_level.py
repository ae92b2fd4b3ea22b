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
        f"Made by `python benchmarks/two_sample_level.py --replicates {replicates}` ({versions}).",
        "",
    ]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
