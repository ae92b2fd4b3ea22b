"""Level of the study's analyses: how often each finds an effect that is not there, at the 5 % level.

In every replicate a cohort without any effect of the group is made, its propensity score fitted, the groups
matched 1:1 and 1:2, and six outcomes compared by every analysis that a study prints. All outcomes of a
replicate share its matching. Counts are kept in a file after every round of replicates, so that a run can be
stopped and taken up again: every cell has as many replicates as the page says. Writes ``type_one_error.md``
beside this file.

Run: ``python benchmarks/type_one_error.py [--replicates 20000] [--counts FILE]``.
"""

import argparse
import importlib.metadata
import json
import platform
import tempfile
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit, stdtr

from cinecohort.statistics.effects import SMALLEST_FOR_STUDENT, alike_in_size
from cinecohort.statistics.matched_samples import (
    CHANCE,
    LARGE_GROUP,
    MOVED,
    SMALLEST_ADJUSTED,
    SPARE_SETS,
    UNEQUAL,
    MatchedSets,
    Regression,
    adjusted_design,
    left_unlike,
)
from cinecohort.statistics.nearest import SearchRules, nearest_pairs
from cinecohort.statistics.robust_regression import RobustRegression, independent_columns
from cinecohort.statistics.subgroups import CHANCE_IN_LEVEL, SMALLEST_CELL, level_fits
from cinecohort.statistics.two_samples import larger_rank_p

ROUND = 250
"""Replicates of every cell between two savings."""
OUTCOMES = (
    *("normal", "log-normal", "unequal variance"),
    *("normal, related", "log-normal, related", "unequal variance, related"),
)
"""The last three depend on the covariates (half of the variance of a normal outcome)."""
ANALYSES = {
    "welch": "Welch",
    "student": "Student",
    "rank": "ranks",
    "paired": "paired t",
    "cluster": "regression by set",
    "adjusted": "adjusted",
    "level": "subgroup",
    "other level": "other subgroup",
    "interaction": "interaction",
    "everybody": "everybody, adjusted",
}
UNWEIGHTED = ("welch", "student", "rank")
"""Analyses that count every subject once, without a p where the matching weights subjects unequally."""
REGARDLESS = "regardless: "
"""Before the name of an analysis: counted without the rules by which it has no p."""
POOL = 4


class Cell(NamedTuple):
    """One design: treated subjects, partners each, covariates, confounding, caliper in SDs of the score.

    The pool is the number of controls to choose from, for each partner that is sought; with `replace` a
    control may be taken more than once.
    """

    pairs: int
    ratio: int
    covariates: int
    strength: float
    caliper: float
    pool: int = POOL
    replace: bool = False


READING = """## What follows

- The covariate-adjusted analysis keeps its level (errors CR2, Satterthwaite's degrees of freedom, at most
  one for each matched set beyond the covariates' columns). It has a p value from {SPARE_SETS} matched sets
  more than columns of covariates on, and from {SMALLEST_ADJUSTED} sets. CR1 with one degree of freedom less
  than sets, as it was before, rejected 20 % with 7 sets and 5 covariates, 10 % with 10 and 6 to 7 % with 15.
- Where the covariates drive the outcome and the matched groups are alike, Welch's, Student's and the rank
  test reject too rarely, down to 1 %: they take the groups for independent samples. A small p is then safe to
  believe, a large one means little.
- Student's test needs equal spreads where the groups differ in size: with 1:2 and twice the spread in the
  smaller group it rejected 11 %, so that it has a p in matched groups of equal size alone, from
  {SMALLEST_FOR_STUDENT} of each on. So does the Mann-Whitney test (8 %; in equal groups 5.9 %); the p of
  ranks is the larger one of it and of the Brunner-Munzel test, in groups of equal size (with 1:2 it rejected
  up to 5.7 %). In these the tests of two samples keep their level from 4 on (`two_sample_level.md`: 200,000
  replicates of outcomes that no covariate moves).
- The paired analysis and the regression by set keep their level where matching leaves little difference; in
  small samples, and of related outcomes, they reject too rarely. Where it leaves a difference in what the
  outcome depends on they rejected up to 37 %, Welch's test 20 % and interactions 13 %. No unadjusted analysis
  has an interval or a p where the adjusted estimate lies more than {MOVED:g} errors from that of the
  regression by set and a t-test of their difference has p < {CHANCE:g}. Tests of confounding are made at 20 %
  so that they miss less of it; at 5 %, as it was before, the paired test was left at 5.9 % with groups 0.9 SD
  apart. Groups that matching made alike seldom fail it (table below), since matching leaves less than chance.
- Subgroups and interactions are judged by the covariates within them: by the same distance, and p <
  {CHANCE_IN_LEVEL:g} (in a subgroup chance alone moves more), or a difference of all that is moved. Judged by
  the difference of all alone they were left at 6.2 and 6.5 %.
- Tests without a p still count where p values are adjusted for several outcomes.
- Where weights differ (matching with replacement, sets of different sizes) the weighted regression keeps its
  level from {SPARE_SETS} sets on. Tests that count every subject once have no p there, and the paired test
  none where sets share subjects (it rejected 8 to 9 % with 7 and 10 sets).
- Skewed outcomes make every analysis reject too rarely in small samples. Regressions of everybody do the
  reverse in groups of unequal size (9 % with 1:8): their t has the degrees of freedom of the smaller group's
  own regression, and they have interval and p only up to 1:{UNEQUAL}, or from {LARGE_GROUP:,} subjects of the
  smaller group on (`weighting_level.md`).
- Subgroups and interactions have a p from {SMALLEST_CELL} people of each group on (with 5 and wider spreads
  in one group subgroups rejected 5.7 %). Their t has at most the degrees of freedom that follow from the
  spreads in the cells, as Welch's test has: CR2's take these for equal, and with ten in each cell, partners
  at other levels and twice the spread in one group 5.5 % were rejected (400,000 replicates, no matching).

Advice: look at the balance first; set a caliper where it is not reached; draw conclusions from the
covariate-adjusted analysis, and give Welch's test beside it, as the published study did."""
WEAK, STRONG = 0.3, 0.9
"""How far apart the groups are, in SDs of the covariates' common index."""
SIZES = (7, 10, 15, 20, 50, 200)
CELLS = [
    *(Cell(n, ratio, 3, WEAK, np.inf) for n in SIZES for ratio in (1, 2)),
    *(Cell(n, ratio, 5, WEAK, np.inf) for n in (10, 15) for ratio in (1, 2)),
]
WEIGHTED = [
    *(Cell(n, 1, 1, WEAK, np.inf) for n in (4, 5)),
    *(Cell(n, 1, 3, WEAK, np.inf, replace=True) for n in SIZES),
    *(Cell(n, 2, 3, WEAK, 0.2, pool=1) for n in SIZES),
]
"""Very few pairs; matching with replacement; sets of one or two partners: weights that differ."""
LEFT_OVER = [Cell(150, 1, 3, STRONG, caliper, pool) for pool in (POOL, 2) for caliper in (np.inf, 0.2)]
"""Strong confounding and few controls: without a caliper matching leaves a difference in the covariates."""
DESIGNS = {"alike": CELLS, "weighted": WEIGHTED, "left_over": LEFT_OVER}
"""Each is counted in a file of its own, so that they can be run side by side."""


def cohort(rng: np.random.Generator, cell: Cell) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Covariates (the first a factor of two levels), group, and outcomes of one cohort without an effect."""
    n1, n0 = cell.pairs, cell.pool * cell.ratio * cell.pairs
    treated = np.repeat([1, 0], (n1, n0))
    covariates = rng.normal(size=(n1 + n0, cell.covariates))
    covariates[:n1] += cell.strength / np.sqrt(cell.covariates)
    covariates[:, 0] = covariates[:, 0] > 0
    index = (covariates - covariates.mean(axis=0)) / covariates.std(axis=0)
    index = index.sum(axis=1) / np.sqrt(cell.covariates)
    noise = rng.normal(size=(n1 + n0, len(OUTCOMES)))
    noise[:, [1, 4]] = np.exp(noise[:, [1, 4]])
    noise[:, [2, 5]] *= np.where(treated, 2.0, 1.0)[:, None]
    noise[:, 3:] += index[:, None]
    return covariates, treated, noise


def scores(covariates: np.ndarray, treated: np.ndarray) -> np.ndarray:
    """Fitted probabilities of a logistic regression; by Newton's method, as it is faster."""
    design = np.column_stack([np.ones(len(treated)), covariates])
    beta = np.zeros(design.shape[1])
    for _ in range(25):
        fitted = expit(design @ beta)
        information = (design * (fitted * (1 - fitted))[:, None]).T @ design
        step = np.linalg.lstsq(information, design.T @ (treated - fitted), rcond=None)[0]
        beta += step
        if np.abs(step).max() < 1e-9:
            break
    return expit(design @ beta)


def p_values(rng: np.random.Generator, cell: Cell) -> dict[str, np.ndarray]:
    """P values of one replicate by analysis, one per outcome; missing where the study prints none.

    Names that begin with :data:`REGARDLESS` are of the same tests without the rules by which one has no p.
    """
    covariates, treated, outcomes = cohort(rng, cell)
    score = scores(covariates, treated)
    everybody, one_stratum = np.ones(len(score), bool), np.zeros(len(score), int)
    width = cell.caliper * score.std(ddof=1)
    rules = SearchRules("data" if cell.replace else "largest", cell.ratio, cell.replace, width)
    found = nearest_pairs(score, treated == 1, everybody, one_stratum, rules)
    if len(np.unique(found.focal)) < 3 or len(np.unique(found.partner)) < 2:
        return {}
    matched = MatchedSets(found.focal, found.partner, focal_is_treated=True)
    rows, weights, sets = matched.units()
    clusters = None if matched.with_replacement else sets
    own, group, values = covariates[rows], treated[rows], outcomes[rows]
    result = unadjusted(matched, outcomes, values, group, weights, clusters)
    result |= {f"{REGARDLESS}{name}": p for name, p in result.items()}
    without = (() if matched.equally_weighted else UNWEIGHTED) + ("paired",) * matched.with_replacement
    result = {name: p for name, p in result.items() if name not in without}
    design, n_covariates = design_of(own, group, weights)
    k = design.shape[1]
    fit = RobustRegression(design, weights, clusters, "HC3" if clusters is None else "CR2")
    spare = fit.n_clusters - (k if clusters is None else 1 + n_covariates)
    unlike = np.zeros(len(OUTCOMES), bool)
    if spare >= SPARE_SETS and len(rows) > k:
        plain = plain_regression(group, weights, clusters)
        unlike = np.logical_and(*left_unlike(plain, fit, values, np.eye(2)[1], spare))
        result |= {n: np.where(unlike, np.nan, p) for n, p in result.items() if not n.startswith(REGARDLESS)}
        if clusters is None or fit.n_clusters >= SMALLEST_ADJUSTED:
            result["adjusted"] = tested(fit, values, k, most_df=spare)
    result |= in_levels(own, group, values, weights, clusters, unlike)
    if printed_of_everybody(cell):
        ones = np.ones(len(score))
        design, n_covariates = design_of(covariates, treated, ones)
        fit = RobustRegression(design, ones, None, "HC3")
        most = max(int(np.bincount(treated).min()) - 1 - n_covariates, 1)
        result["everybody"] = tested(fit, outcomes, design.shape[1], most_df=most)
    return result


def design_of(own: np.ndarray, group: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, int]:
    """Matrix and number of covariates of ``adjusted_design``, without the cost of a table of pandas."""
    varying = own[:, np.ptp(own, axis=0) > 0]
    focal = group == 1
    main = (varying - np.average(varying[focal], axis=0, weights=weights[focal])) / varying.std(axis=0)
    everything = np.hstack([np.ones((len(own), 1)), group[:, None], main, main * group[:, None]])
    kept = independent_columns(everything * np.sqrt(weights)[:, None])
    return everything[:, kept], int(kept[2 : 2 + main.shape[1]].sum())


def check_design(rng: np.random.Generator, cell: Cell) -> None:
    """See that :func:`design_of` makes what the study makes."""
    covariates, treated, _ = cohort(rng, cell)
    names, weights = [f"x{place}" for place in range(cell.covariates)], rng.uniform(0.5, 2, len(treated))
    theirs = adjusted_design(pd.DataFrame(covariates, columns=names), treated, weights, Regression(names))
    ours, n_covariates = design_of(covariates, treated, weights)
    np.testing.assert_allclose(ours, theirs.matrix, atol=1e-12)
    assert n_covariates == theirs.n_covariates


def plain_regression(group: np.ndarray, weights: np.ndarray, clusters: np.ndarray | None) -> RobustRegression:
    """Regression on the group alone."""
    design = np.column_stack([np.ones(len(group)), group])
    return RobustRegression(design, weights, clusters, "HC3" if clusters is None else "CR1")


def unadjusted(
    matched: MatchedSets,
    outcomes: np.ndarray,
    values: np.ndarray,
    group: np.ndarray,
    weights: np.ndarray,
    clusters: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """P values of the analyses that take matched groups for alike.

    `outcomes` are of all units; `values`, `group`, `weights` and `clusters` of the matched.
    """
    sample1, sample0 = values[group == 1], values[group == 0]
    focal, place = np.unique(matched.focal, return_inverse=True)
    partners = np.column_stack([np.bincount(place, c[matched.partner]) for c in outcomes.T])
    differences = outcomes[focal] - partners / np.bincount(place)[:, None]
    error = differences.std(axis=0, ddof=1) / np.sqrt(len(focal))
    welch, student = two_sample(sample1, sample0)
    result = {"welch": welch, "paired": by_t(differences.mean(axis=0) / error, len(focal) - 1)}
    if alike_in_size(len(sample1), len(sample0)):
        result["rank"] = rank = stats.mannwhitneyu(sample1, sample0).pvalue
        if (low := rank < 0.05).any():
            # Elsewhere the larger p is not below 0.05 either.
            rank[low] = larger_rank_p(sample1[:, low], sample0[:, low])
        if min(len(sample1), len(sample0)) >= SMALLEST_FOR_STUDENT:
            result["student"] = student
    fit = plain_regression(group, weights, clusters)
    if fit.n_clusters - (2 if clusters is None else 1) >= SPARE_SETS:
        result["cluster"] = tested(fit, values, 2)
    return result


def printed_of_everybody(cell: Cell) -> bool:
    """Whether the groups are alike enough in size, or large enough, for a p without matching."""
    fixed = cell.caliper == np.inf and not cell.replace
    return fixed and (cell.pool * cell.ratio <= UNEQUAL or cell.pairs >= LARGE_GROUP)


def two_sample(sample1: np.ndarray, sample0: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P values of Welch's and of Student's test, one column per outcome."""
    n1, n0 = len(sample1), len(sample0)
    difference = sample1.mean(axis=0) - sample0.mean(axis=0)
    one, zero = sample1.var(axis=0, ddof=1), sample0.var(axis=0, ddof=1)
    square = one / n1 + zero / n0
    df = square**2 / ((one / n1) ** 2 / (n1 - 1) + (zero / n0) ** 2 / (n0 - 1))
    pooled = ((n1 - 1) * one + (n0 - 1) * zero) / (n1 + n0 - 2) * (1 / n1 + 1 / n0)
    return by_t(difference / np.sqrt(square), df), by_t(difference / np.sqrt(pooled), n1 + n0 - 2)


def by_t(t: np.ndarray, df: float | np.ndarray) -> np.ndarray:
    """Two-sided p values of t statistics."""
    return 2 * stdtr(df, -np.abs(t))


def tested(
    fit: RobustRegression, outcomes: np.ndarray, k: int, place: int = 1, most_df: float = np.inf
) -> np.ndarray:
    """P values of one coefficient, for all outcomes."""
    contrast = np.eye(k)[place]
    estimates, errors = fit.estimates(outcomes, contrast)
    return by_t(estimates / errors, min(fit.df(contrast[None, :]), most_df))


def in_levels(
    own: np.ndarray,
    group: np.ndarray,
    outcomes: np.ndarray,
    weights: np.ndarray,
    clusters: np.ndarray | None,
    unlike: np.ndarray,
) -> dict[str, np.ndarray]:
    """P values at both levels of the first covariate, and of the interaction, where cells are large enough.

    `unlike` says of the outcomes whether covariates surely move the difference of all.
    """
    inside = np.column_stack([own[:, 0] == 0, own[:, 0] == 1])
    smallest = [min((inside[:, i] * (group == v)).sum() for v in (0, 1)) for i in (0, 1)]
    if min(smallest) < 2 or max(smallest) < SMALLEST_CELL:
        return {}
    fits = level_fits(inside.astype(float), group, own, weights, clusters)
    asked = {
        "level": ((1.0, 0.0), smallest[0]),
        "other level": ((0.0, 1.0), smallest[1]),
        "interaction": ((-1.0, 1.0), min(smallest)),
    }
    result = {}
    for name, (factors, fewest) in asked.items():
        if fewest >= SMALLEST_CELL:
            contrast = np.array(factors)
            estimates, errors = fits.plain.estimates(outcomes, np.append([0.0, 0.0], contrast))
            p = by_t(estimates / errors, fits.df(outcomes, contrast))
            result[REGARDLESS + name] = p
            result[name] = np.where(fits.unlike(outcomes, contrast, unlike), np.nan, p)
    return result


def run(cells: list[Cell], replicates: int, counts: Path) -> dict:
    """Add rounds of replicates to the counts until every cell has as many."""
    empty = {"replicates": 0, "seconds": 0.0, "cells": {}}
    kept = json.loads(counts.read_text()) if counts.is_file() else empty
    while kept["replicates"] < replicates:
        start = time.perf_counter()
        for number, cell in enumerate(cells):
            check_design(np.random.default_rng(number), cell)
            one = kept["cells"].setdefault(str(number), {})
            for seed in range(kept["replicates"], kept["replicates"] + ROUND):
                for name, p in p_values(np.random.default_rng([seed, number]), cell).items():
                    given, rejected = one.get(name, ([0] * len(OUTCOMES), [0] * len(OUTCOMES)))
                    one[name] = (
                        (np.array(given) + np.isfinite(p)).tolist(),
                        (np.array(rejected) + (p < 0.05)).tolist(),
                    )
        kept["replicates"] += ROUND
        kept["seconds"] += time.perf_counter() - start
        counts.write_text(json.dumps(kept))
        print(f"{kept['replicates']} replicates, {kept['seconds']:.0f} s", flush=True)
    return kept


def rates(cells: list[Cell], kept: dict) -> pd.DataFrame:
    """Share of rejections where a p value was given, with its 95 % Monte Carlo limits (exact binomial).

    Analyses that gave a p in fewer than a quarter of the replicates are left out: of 20,000 that leaves too
    few to tell 5 from 6 %.
    """
    rows = []
    for number, cell in enumerate(cells):
        for name, (given, rejected) in kept["cells"][str(number)].items():
            for outcome, n, hits in zip(OUTCOMES, given, rejected, strict=True):
                if n < kept["replicates"] / 4 or (name == "everybody" and not printed_of_everybody(cell)):
                    continue
                low, high = stats.binomtest(hits, n).proportion_ci(0.95)
                row = {**cell._asdict(), "analysis": name, "outcome": outcome, "n": n}
                rows.append(row | {"rate": 100 * hits / n, "low": 100 * low, "high": 100 * high})
    return pd.DataFrame(rows)


def summary(found: pd.DataFrame) -> list[str]:
    """One line for each analysis: lowest and highest rate, and the highest limit."""
    lines = [
        "| analysis | rates | lowest | highest | its upper limit | rates with an upper limit over 6 % |",
        "|---|---|---|---|---|---|",
    ]
    for name, words in ANALYSES.items():
        own = found[found["analysis"] == name]
        if len(own):
            top = own.loc[own["rate"].idxmax()]
            cells = (len(own), f"{own['rate'].min():.1f}", f"{top['rate']:.1f}", f"{top['high']:.1f}")
            lines.append(f"| {words} | {' | '.join(map(str, cells))} | {(own['high'] > 6).sum()} |")
    return lines


def withheld_shares(cells: list[Cell], kept: dict) -> list[str]:
    """How often covariates take the p from an analysis: mean over the outcomes, and the most of one."""
    lines = [
        "| analysis | unrelated outcomes, mean (%) | most | related outcomes, mean (%) | most |",
        "|---|---|---|---|---|",
    ]
    for name in ("cluster", "level", "other level", "interaction"):
        shares = []
        for number in range(len(cells)):
            given, made = (kept["cells"][str(number)].get(key, [[0]])[0] for key in (name, REGARDLESS + name))
            if min(made) >= kept["replicates"] / 4:
                shares.append(100 * (1 - np.array(given) / np.array(made)))
        parts = np.split(np.array(shares), 2, axis=1)
        words = [f"{number:.1f}" for part in parts for number in (part.mean(), part.max())]
        lines.append(f"| {ANALYSES[name]} | {' | '.join(words)} |")
    return lines


def whole_table(
    found: pd.DataFrame, with_share: bool = False, designs: tuple[str, ...] = ("pool",)
) -> list[str]:
    """Rates by design and outcome, a column for each analysis; asked for, the share with a paired p.

    Designs that differ in the columns `designs` alone follow each other.
    """
    keys = ["strength", "caliper", "covariates", "ratio", "pairs", *designs, "outcome"]
    names = [name for name in ANALYSES if name in set(found["analysis"])]
    wide = found.pivot_table(index=keys, columns="analysis", values="rate", sort=False)
    given = found[found["analysis"] == "paired"].set_index(keys)["n"]
    most = found["n"].max()
    lines = [
        "| groups apart | caliper | covariates | matched | pairs | "
        + " | ".join(
            [*({"pool": "controls per partner", "replace": "replaced"}[name] for name in designs), ""]
        )
        + "outcome | "
        + " | ".join([*(ANALYSES[name] for name in names), *["paired p given (%)"] * with_share])
        + " |",
        "|" + "---|" * (len(keys) + len(names) + with_share),
    ]
    for key, row in wide.iterrows():
        strength, caliper, covariates, ratio, pairs, *others, outcome = key
        head = (f"{strength:g}", "none" if caliper == np.inf else f"{caliper:g}", covariates, f"1:{ratio}")
        values = ["" if np.isnan(row[name]) else f"{row[name]:.1f}" for name in names]
        values += [f"{100 * given.get(key, 0) / most:.0f}"] * with_share
        lines.append(f"| {' | '.join(map(str, (*head, pairs, *others, outcome, *values)))} |")
    return lines


def chance_limit(replicates: int) -> float:
    """Upper 95 % limit of a rate of 5 %."""
    return float(stats.binomtest(round(0.05 * replicates), replicates).proportion_ci(0.95).high)


def regardless(kept: dict) -> dict:
    """Counts of the analyses without the rules by which they have no p."""
    cells = {
        number: {name.removeprefix(REGARDLESS): n for name, n in cell.items() if name.startswith(REGARDLESS)}
        for number, cell in kept["cells"].items()
    }
    return {**kept, "cells": cells}


def page(alike: dict, weighted: dict, left_over: dict) -> str:
    """The page: what was measured, in short and in full, and what follows."""
    versions = ", ".join(f"{n} {importlib.metadata.version(n)}" for n in ("numpy", "scipy"))
    kept, found, left = alike, rates(CELLS, alike), rates(LEFT_OVER, left_over)
    return "\n".join(
        [
            "# Level of the analyses after matching",
            "",
            f"Rejections (%) at the 5 % level without any effect, over {kept['replicates']:,} replicates of "
            "every design. In each a cohort is made (the treated and four times as many controls as partners "
            "are sought), its propensity score fitted and the groups matched; six outcomes are compared: "
            "normal, log-normal, and normal with twice the spread in the treated, each unrelated to the "
            "covariates or related (half of the variance of the normal one). The groups lie 0.3 or 0.9 SD of "
            "the covariates' index apart. Only p values that a study gives are counted.",
            "",
            "## In short: groups 0.3 SD apart",
            "",
            *summary(found),
            "",
            "With so many rates some limits lie over 6 % by chance: for a rate of exactly 5 % in "
            f"{kept['replicates']:,} replicates the upper limit is "
            f"{100 * chance_limit(kept['replicates']):.1f} %.",
            "",
            READING.format(
                SPARE_SETS=SPARE_SETS + 1,
                UNEQUAL=UNEQUAL,
                LARGE_GROUP=LARGE_GROUP,
                SMALLEST_FOR_STUDENT=SMALLEST_FOR_STUDENT,
                SMALLEST_CELL=SMALLEST_CELL,
                SMALLEST_ADJUSTED=SMALLEST_ADJUSTED,
                MOVED=MOVED,
                CHANCE=CHANCE,
                CHANCE_IN_LEVEL=CHANCE_IN_LEVEL,
            ),
            "",
            "## How often covariates take interval and p away from groups 0.3 SD apart",
            "",
            *withheld_shares(CELLS, alike),
            "",
            "## In full",
            "",
            "Empty: no p value is given, or in fewer than a quarter of the replicates (too few to tell 5 "
            "from 6 %).",
            "",
            *whole_table(found),
            "",
            "## Groups 0.9 SD apart: where matching leaves a difference",
            "",
            f"{left_over['replicates']:,} replicates with four, then with two times as many controls as "
            "treated. Unadjusted analyses have a p only where the covariates do not move the estimate: in "
            "the share of replicates that the last column says.",
            "",
            *[line for pool in (POOL, 2) for line in (*whole_table(left[left["pool"] == pool], True), "")],
            "Without a caliper the treated stay unlike their controls, and no unadjusted analysis of an "
            "outcome that depends on the covariates can be trusted. The adjusted analysis is right as long "
            "as the outcome is not curved in the covariates. Without the rule by which they have no p, the "
            "unadjusted analyses rejected:",
            "",
            *whole_table(rates(LEFT_OVER, regardless(left_over))),
            "",
            "## Very few pairs, and weights that differ",
            "",
            f"{weighted['replicates']:,} replicates. Four and five pairs, each control once; matching with "
            "replacement; and up to two controls of as many as would do, within 0.2 SD of the score, so that "
            "sets differ in size.",
            "",
            *whole_table(rates(WEIGHTED, weighted), designs=("replace", "pool")),
            "",
            f"Made by `python benchmarks/type_one_error.py --replicates {kept['replicates']}` "
            f"({platform.machine()}, Python {platform.python_version()}, {versions}).",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=20_000)
    parser.add_argument("--counts", type=Path, default=Path(tempfile.gettempdir()) / "type_one_error.json")
    parser.add_argument("--designs", nargs="+", choices=list(DESIGNS), default=list(DESIGNS))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    kept = {
        name: run(DESIGNS[name], arguments.replicates, arguments.counts.with_suffix(f".{name}.json"))
        for name in arguments.designs
    }
    if len(kept) == len(DESIGNS):
        Path(__file__).with_suffix(".md").write_text(page(**kept))


if __name__ == "__main__":
    main()
