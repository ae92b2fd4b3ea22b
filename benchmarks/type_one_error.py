"""Level of the study's analyses: how often each finds an effect that is not there, at the 5 % level.

In every replicate a cohort without any effect of the group is made, its propensity score fitted, the groups
matched 1:1 and 1:2, and six outcomes compared by every analysis that a study prints. All outcomes of a
replicate share its matching. Counts are kept in a file beside the page after every round of replicates, so
that a run can be stopped and taken up again: every cell of the page then has as many replicates as it says.

Run: ``python benchmarks/type_one_error.py [--replicates 20000] [--counts FILE]``, then ``--page`` to write
``type_one_error.md``.
"""

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit, stdtr

from cinecohort.statistics.matched_samples import (
    LARGE_GROUP,
    SPARE_SETS,
    UNEQUAL,
    MatchedSets,
    Regression,
    adjusted_design,
)
from cinecohort.statistics.nearest import SearchRules, nearest_pairs
from cinecohort.statistics.robust_regression import RobustRegression
from cinecohort.statistics.subgroups import SMALLEST_CELL, SMALLEST_FOR_INTERACTION

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
    "rank": "Mann-Whitney",
    "paired": "paired t",
    "cluster": "regression by set",
    "adjusted": "adjusted",
    "level": "subgroup",
    "interaction": "interaction",
    "everybody": "everybody, adjusted",
}
POOL = 4
"""Controls to choose from, for each partner that is sought."""


class Cell(NamedTuple):
    """One design: treated subjects, partners each, covariates, confounding, caliper in SDs of the score."""

    pairs: int
    ratio: int
    covariates: int
    strength: float
    caliper: float


WEAK, STRONG = 0.3, 0.9
"""How far apart the groups are, in SDs of the covariates' common index."""
CELLS = [
    *(Cell(n, ratio, 3, WEAK, np.inf) for n in (7, 10, 15, 20, 50, 200) for ratio in (1, 2)),
    *(Cell(n, ratio, 5, WEAK, np.inf) for n in (10, 15) for ratio in (1, 2)),
    *(Cell(200, 1, 3, STRONG, caliper) for caliper in (np.inf, 0.2)),
]


def cohort(rng: np.random.Generator, cell: Cell) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Covariates (the first a factor of two levels), group, and outcomes of one cohort without an effect."""
    n1, n0 = cell.pairs, POOL * cell.ratio * cell.pairs
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
    """P values of one replicate by analysis, one an outcome; missing where the study prints none."""
    covariates, treated, outcomes = cohort(rng, cell)
    score = scores(covariates, treated)
    everybody, one_stratum = np.ones(len(score), bool), np.zeros(len(score), int)
    rules = SearchRules("largest", ratio=cell.ratio, caliper=cell.caliper * score.std(ddof=1))
    found = nearest_pairs(score, treated == 1, everybody, one_stratum, rules)
    if len(np.unique(found.focal)) < 3:
        return {}
    rows, weights, sets = MatchedSets(found.focal, found.partner, focal_is_treated=True).units()
    own, group, values = covariates[rows], treated[rows], outcomes[rows]
    sample1, sample0 = values[group == 1], values[group == 0]
    focal, place = np.unique(found.focal, return_inverse=True)
    partners = np.column_stack([np.bincount(place, c[found.partner]) for c in outcomes.T])
    differences = outcomes[focal] - partners / np.bincount(place)[:, None]
    welch, student = two_sample(sample1, sample0)
    error = differences.std(axis=0, ddof=1) / np.sqrt(len(focal))
    result = {"welch": welch, "paired": by_t(differences.mean(axis=0) / error, len(focal) - 1)}
    if cell.ratio == 1:
        result |= {"student": student, "rank": stats.mannwhitneyu(sample1, sample0).pvalue}
    names = [f"x{place}" for place in range(cell.covariates)]
    table, plain = pd.DataFrame(own, columns=names), np.column_stack([np.ones(len(group)), group])
    result["cluster"] = tested(RobustRegression(plain, weights, sets, "CR1"), values, plain.shape[1])
    design = adjusted_design(table, group, weights, Regression(names))
    k = design.matrix.shape[1]
    spare = len(focal) - 1 - design.n_covariates
    if spare >= SPARE_SETS and len(rows) > k:
        fit = RobustRegression(design.matrix, weights, sets, "CR2")
        result["adjusted"] = tested(fit, values, k, most_df=spare)
    ones, n = np.ones(len(score)), (treated == 1).sum()
    if len(score) - n <= UNEQUAL * n or n >= LARGE_GROUP:
        table = pd.DataFrame(covariates, columns=names)
        design = adjusted_design(table, treated, ones, Regression(names))
        k = design.matrix.shape[1]
        result["everybody"] = tested(RobustRegression(design.matrix, ones, None, "HC3"), outcomes, k)
    return result | in_levels(own[:, 0], group, values, weights, sets)


def two_sample(sample1: np.ndarray, sample0: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P values of Welch's and of Student's test, a column an outcome."""
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
    factor: np.ndarray, group: np.ndarray, outcomes: np.ndarray, weights: np.ndarray, sets: np.ndarray
) -> dict[str, np.ndarray]:
    """P values at the first level of a factor, and of the interaction, where cells are large enough."""
    inside = np.column_stack([factor == 0, factor == 1]).astype(float)
    smallest = [min((inside[:, i] * (group == v)).sum() for v in (0, 1)) for i in (0, 1)]
    if min(smallest) < 2:
        return {}
    fit = RobustRegression(np.hstack([inside, inside * group[:, None]]), weights, sets, "CR2")
    result = {}
    if smallest[0] >= SMALLEST_CELL:
        result["level"] = tested(fit, outcomes, 4, 2)
    if min(smallest) >= SMALLEST_FOR_INTERACTION:
        contrast = np.array([0.0, 0.0, -1.0, 1.0])
        estimates, errors = fit.estimates(outcomes, contrast)
        result["interaction"] = by_t(estimates / errors, fit.df(contrast[None, :]))
    return result


def run(replicates: int, counts: Path) -> None:
    """Add rounds of replicates to the counts until every cell has as many."""
    kept = (
        json.loads(counts.read_text()) if counts.is_file() else {"replicates": 0, "seconds": 0.0, "cells": {}}
    )
    while kept["replicates"] < replicates:
        start = time.perf_counter()
        for number, cell in enumerate(CELLS):
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


def rates(kept: dict) -> pd.DataFrame:
    """Share of rejections where a p value was given, with its upper 95 % Monte Carlo limit, one row each."""
    rows = []
    for number, cell in enumerate(CELLS):
        for name, (given, rejected) in kept["cells"].get(str(number), {}).items():
            for outcome, n, hits in zip(OUTCOMES, given, rejected, strict=True):
                if n < 0.02 * kept["replicates"]:
                    continue
                upper = float(stats.beta.ppf(0.975, hits + 1, n - hits)) if hits < n else 1.0
                rows.append({**cell._asdict(), "analysis": name, "outcome": outcome, "n": n})
                rows[-1] |= {"rate": hits / n, "upper": upper, "given": n / kept["replicates"]}
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=20_000)
    parser.add_argument("--counts", type=Path, default=Path(__file__).with_suffix(".json"))
    parser.add_argument("--page", action="store_true", help="write the page from the counts")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    run(arguments.replicates, arguments.counts)


if __name__ == "__main__":
    main()
