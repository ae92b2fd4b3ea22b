"""Level of the analyses of everybody: how often a 95 % interval leaves out zero where there is no effect.

In every replicate a cohort without any effect of the group is made as in ``type_one_error.py``, its
propensity score fitted, and six outcomes compared by regression and with each kind of weights. Writes
``weighting_level.md`` beside this file.

Run: ``python benchmarks/weighting_level.py [--replicates 20000] [--counts FILE]``.
"""

import argparse
import importlib.metadata
import json
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from type_one_error import (
    OUTCOMES,
    STRONG,
    WEAK,
    Cell,
    by_t,
    cohort,
    design_of,
    printed_of_everybody,
    scores,
    tested,
)

from cinecohort.statistics.matched_samples import SPARE_SETS
from cinecohort.statistics.robust_regression import RobustRegression
from cinecohort.statistics.weighting import (
    SPARE_SUBJECTS,
    augmented_difference,
    augmented_influence,
    standard_errors,
    weighted_difference,
    weighted_influence,
)

ROUND = 500
"""Replicates of every cell between two savings."""
KINDS = {"att": "ATT weights", "atc": "ATC weights", "overlap": "overlap weights"}
AUGMENTED = {"augmented att": "augmented, ATT", "augmented atc": "augmented, ATC"}
WEIGHTED = KINDS | AUGMENTED
ANALYSES = {"regression": "regression", **WEIGHTED}
SIZES = (7, 10, 15, 20, 30, 50, 100, 200)
CELLS = [
    *(
        Cell(n, 1, 3, strength, np.inf, pool)
        for strength in (WEAK, STRONG)
        for pool in (1, 2, 4)
        for n in SIZES
    ),
    *(Cell(n, 1, 3, WEAK, np.inf, 8) for n in (20, 50, 200)),
    *(Cell(n, 1, 5, WEAK, np.inf, pool) for pool in (1, 4) for n in (10, 15, 30)),
]


def scaled_design(covariates: np.ndarray) -> np.ndarray:
    """Intercept and standardised covariates that vary."""
    varying = covariates[:, np.ptp(covariates, axis=0) > 0]
    return np.hstack([np.ones((len(covariates), 1)), (varying - varying.mean(axis=0)) / varying.std(axis=0)])


def p_values(rng: np.random.Generator, cell: Cell) -> dict[str, np.ndarray]:
    """P values of one replicate by analysis, one per outcome; none where the study has no interval."""
    covariates, treated, outcomes = cohort(rng, cell)
    if any(len(np.unique(covariates[treated == group, 0])) < 2 for group in (0, 1)):
        return {}
    score = scores(covariates, treated)
    if score.min() < 1e-6 or score.max() > 1 - 1e-6:
        return {}
    design = scaled_design(covariates)
    result = {}
    for name in WEIGHTED:
        difference, influences, df = found_by(name, design, treated, outcomes, score)
        if df >= SPARE_SUBJECTS:
            result[name] = by_t(difference / standard_errors(influences), df)
    matrix, n_covariates = design_of(covariates, treated, np.ones(len(treated)))
    if len(treated) - matrix.shape[1] >= SPARE_SETS:
        fit = RobustRegression(matrix, np.ones(len(treated)), None, "HC3")
        most = max(int(np.bincount(treated).min()) - 1 - n_covariates, 1)
        result["regression"] = tested(fit, outcomes, matrix.shape[1], most_df=most)
    return result


def found_by(name: str, *arguments: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Differences, influences and degrees of freedom of an analysis."""
    influence = augmented_influence if name in AUGMENTED else weighted_influence
    return influence(*arguments, name.split()[-1])


def check_formulas(seed: int) -> None:
    """See that the score and the design made here give what the study finds."""
    covariates, treated, outcomes = cohort(np.random.default_rng(seed), Cell(60, 1, 3, WEAK, np.inf, 2))
    names = [f"x{place}" for place in range(covariates.shape[1])]
    table, score = pd.DataFrame(covariates, columns=names), scores(covariates, treated)
    for name in WEIGHTED:
        estimate = augmented_difference if name in AUGMENTED else weighted_difference
        theirs = estimate(table, treated, outcomes[:, 0], names, name.split()[-1])
        difference, influences, df = found_by(name, scaled_design(covariates), treated, outcomes, score)
        ours = [difference[0], standard_errors(influences)[0], df]
        np.testing.assert_allclose([theirs[key] for key in ("estimate", "se", "df")], ours, rtol=1e-6)


def run(replicates: int, counts: Path) -> dict:
    """Add rounds of replicates to the counts until every cell has as many."""
    kept = json.loads(counts.read_text()) if counts.is_file() else {"replicates": 0, "cells": {}}
    while kept["replicates"] < replicates:
        check_formulas(kept["replicates"])
        for number, cell in enumerate(CELLS):
            one = kept["cells"].setdefault(str(number), {})
            for seed in range(kept["replicates"], kept["replicates"] + ROUND):
                for name, p in p_values(np.random.default_rng([seed, number, 9]), cell).items():
                    given, rejected = one.get(name, (0, [0] * len(OUTCOMES)))
                    one[name] = (given + 1, (np.array(rejected) + (p < 0.05)).tolist())
        kept["replicates"] += ROUND
        counts.write_text(json.dumps(kept))
        print(f"{kept['replicates']} replicates", flush=True)
    return kept


def rates(kept: dict) -> pd.DataFrame:
    """Rejections with their upper 95 % Monte Carlo limit, by cell, analysis and outcome.

    Analyses that gave an interval in fewer than a tenth of the replicates are left out.
    """
    rows = []
    for number, cell in enumerate(CELLS):
        for name, (given, rejected) in kept["cells"][str(number)].items():
            printed = name != "regression" or printed_of_everybody(cell)
            if given < kept["replicates"] / 10 or not printed:
                continue
            for outcome, hits in zip(OUTCOMES, rejected, strict=True):
                high = 100 * stats.binomtest(hits, given).proportion_ci(0.95).high
                row = {**cell._asdict(), "analysis": name, "outcome": outcome, "rate": 100 * hits / given}
                rows.append({**row, "high": high})
    return pd.DataFrame(rows)


def summary(found: pd.DataFrame) -> list[str]:
    """One line for each analysis."""
    lines = [
        "| analysis | lowest | highest | its upper 95 % limit | rates with an upper limit over 6 % |",
        "|---|---|---|---|---|",
    ]
    for name, words in ANALYSES.items():
        own = found[found["analysis"] == name]
        top, over = own.loc[own["high"].idxmax()], f"{(own['high'] > 6).sum()} of {len(own)}"
        rates_of = (f"{own['rate'].min():.1f}", f"{top['rate']:.1f}", f"{top['high']:.2f}")
        lines.append(f"| {' | '.join((words, *rates_of, over))} |")
    return lines


def whole_table(found: pd.DataFrame) -> list[str]:
    """Rates by design and outcome, a column for each analysis."""
    head = ("groups apart", "covariates", "in the smaller group", "times as many controls", "outcome")
    keys = ["strength", "covariates", "pairs", "pool", "outcome"]
    wide = found.pivot_table(index=keys, columns="analysis", values="rate", sort=False)
    lines = [f"| {' | '.join([*head, *ANALYSES.values()])} |", "|---" * (len(head) + len(ANALYSES)) + "|"]
    for (strength, *others), row in wide.iterrows():
        cells = ["" if np.isnan(row[name]) else f"{row[name]:.1f}" for name in ANALYSES]
        lines.append(f"| {' | '.join(map(str, (f'{strength:g}', *others, *cells)))} |")
    return lines


def page(kept: dict) -> str:
    """The page that is written beside this file."""
    found = rates(kept)
    versions = ", ".join(f"{n} {importlib.metadata.version(n)}" for n in ("numpy", "scipy"))
    return "\n".join(
        [
            "# Level of the analyses of everybody",
            "",
            "How often (%) a 95 % interval leaves out zero where there is no effect, over "
            f"{kept['replicates']:,} replicates of every design. Cohorts and outcomes are those of "
            "`type_one_error.md`; weights are inverse probability weights for the average in the treated "
            "(ATT) or in the controls (ATC), or overlap weights; augmented weighting adds a linear model of "
            "the outcome; regression is on the group, the covariates and their products (HC3). There are no "
            "fewer controls than treated.",
            "",
            *summary(found),
            "",
            "Overlap weights, and ATT weights where controls abound, do best. Where few subjects carry most "
            "of the weight (ATC with few treated, groups far apart) and the outcome is skewed, intervals are "
            "too narrow in any size of sample that was tried. A study therefore gives analyses by weighting "
            f"an interval, from {SPARE_SUBJECTS} degrees of freedom on, and no p: they show whether an "
            "estimate depends on the method. Without the leverage and the degrees of freedom of the weights "
            "(see `statistics/weighting.py`) up to 26 % of the intervals left out zero.",
            "",
            "## In full",
            "",
            "Empty: no interval is given, or in fewer than a tenth of the replicates.",
            "",
            *whole_table(found),
            "",
            f"Made by `python benchmarks/weighting_level.py --replicates {kept['replicates']}` ({versions}).",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=20_000)
    parser.add_argument("--counts", type=Path, default=Path(tempfile.gettempdir()) / "weighting_level.json")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    kept = run(arguments.replicates, arguments.counts)
    Path(__file__).with_suffix(".md").write_text(page(kept))


if __name__ == "__main__":
    main()
