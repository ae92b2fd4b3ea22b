"""Time and memory of propensity matching, and agreement with a published summary of MatchIt.

Every cohort runs in a fresh process, so that its peak memory is its own. Writes ``matching.md`` beside this
file.

Run: ``python benchmarks/matching.py [--lalonde FILE]``; FILE is the data set ``lalonde`` of the R package
MatchIt as CSV (614 rows, columns treat, age, educ, race, married, nodegree, re74, re75), whose balance after
1:1 matching its vignette prints.
"""

import argparse
import importlib.metadata
import json
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from cinecohort.statistics.balance import balance_table
from cinecohort.statistics.matching import match
from cinecohort.statistics.study_options import MatchingOptions

SIZES = {5_000: 1_000, 100_000: 20_000}
"""Subjects to how many of them are treated."""
SETTINGS = {
    "1:1, largest first": {},
    "caliper 0.2 SD": {"caliper": 0.2},
    "exact on sex": {"exact": ("sex",)},
    "closest first": {"order": "closest"},
    "1:3": {"ratio": 3},
    "with replacement": {"replace": True},
    "covariate caliper, age 0.2 SD": {"covariate_calipers": {"age_years": 0.2}},
    "scores rounded to 2 digits (ties)": {},
}
VIGNETTE = {
    "distance": (0.5774, 0.3629, 0.9739, 0.7566, 0.1321, 0.4216, 0.9740),
    "age": (25.8162, 25.3027, 0.0718, 0.4568, 0.0847, 0.2541, 1.3938),
    "educ": (10.3459, 10.6054, -0.1290, 0.5721, 0.0239, 0.0757, 1.2474),
    "raceblack": (0.8432, 0.4703, 1.0259, np.nan, 0.3730, 0.3730, 1.0259),
    "racehispan": (0.0595, 0.2162, -0.6629, np.nan, 0.1568, 0.1568, 1.0743),
    "racewhite": (0.0973, 0.3135, -0.7296, np.nan, 0.2162, 0.2162, 0.8390),
    "married": (0.1892, 0.2108, -0.0552, np.nan, 0.0216, 0.0216, 0.8281),
    "nodegree": (0.7081, 0.6378, 0.1546, np.nan, 0.0703, 0.0703, 1.0106),
    "re74": (2095.5737, 2342.1076, -0.0505, 1.3289, 0.0469, 0.2757, 0.7965),
    "re75": (1532.0553, 1614.7451, -0.0257, 1.4956, 0.0452, 0.2054, 0.7381),
}
"""Balance of the matched lalonde data as printed in MatchIt's vignette "Getting started"."""
PRINTED = (
    *("mean_treated", "mean_control", "smd", "variance_ratio"),
    *("ecdf_mean", "ecdf_max", "pair_distance"),
)


def simulate(subjects: int, treated: int) -> pd.DataFrame:
    """A cohort in which older, heavier men with high pressure are likelier to be treated."""
    rng = np.random.default_rng(0)
    sex = rng.choice(["F", "M"], subjects)
    age, height = rng.normal(60, 8, subjects), rng.normal(163, 7, subjects) + 13 * (sex == "M")
    pressure = rng.normal(136, 17, subjects)
    logit = 0.4 * (sex == "M") + 0.03 * (age - 60) + 0.02 * (pressure - 136)
    chosen = np.argsort(-(logit + rng.logistic(size=subjects)))[:treated]
    table = pd.DataFrame({"subject": np.arange(subjects), "sex": sex, "age_years": age, "height_cm": height})
    return table.assign(sbp_mmhg=pressure, t=np.isin(np.arange(subjects), chosen).astype(int))


def measure(subjects: int) -> None:
    """Print one cohort's seconds and pairs by setting, and its peak memory, as JSON."""
    table = simulate(subjects, SIZES[subjects])
    covariates = ["sex", "age_years", "height_cm", "sbp_mmhg"]
    match(table.head(500), "t", covariates)
    figures = {}
    for name, settings in SETTINGS.items():
        score = None
        if "ties" in name:
            score, table = "score", table.assign(score=match(table, "t", covariates).propensity.round(2))
        start = time.perf_counter()
        result = match(table, "t", covariates, MatchingOptions(**settings), score=score)
        figures[name] = (time.perf_counter() - start, len(result.pairs.focal))
    start = time.perf_counter()
    balance_table(result)
    figures["balance table"] = (time.perf_counter() - start, 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"figures": figures, "peak_mb": peak}))


def lalonde_agreement(path: Path) -> str:
    """Compare with the printed summary, digit by digit."""
    table = pd.read_csv(path).assign(subject=lambda rows: np.arange(len(rows)))
    covariates = ["age", "educ", "race", "married", "nodegree", "re74", "re75"]
    balance = balance_table(match(table, "treat", covariates))
    after = balance[balance["stage"] == "after"].set_index("covariate")[list(PRINTED)].round(4)
    expected = pd.DataFrame.from_dict(VIGNETTE, orient="index", columns=PRINTED)
    difference = (after.loc[expected.index] - expected).abs()
    n_numbers = int(expected.notna().sum().sum())
    wrong = int(
        (difference > 1.5e-4).sum().sum() + (after.loc[expected.index].isna() != expected.isna()).sum().sum()
    )
    return (
        f"On the lalonde data of MatchIt (614 subjects, 1:1, defaults) {n_numbers - wrong} of the "
        f"{n_numbers} numbers that its vignette prints "
        "for the matched sample (means, standardised differences, variance ratios, eCDF, pair distances) "
        "agree to the last printed digit."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", type=int, choices=list(SIZES), help=argparse.SUPPRESS)
    parser.add_argument("--lalonde", type=Path)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure)
        return
    results = {}
    for subjects in SIZES:
        command = [sys.executable, __file__, "--measure", str(subjects)]
        results[subjects] = json.loads(
            subprocess.run(command, check=True, capture_output=True, text=True).stdout
        )
    versions = ", ".join(f"{n} {importlib.metadata.version(n)}" for n in ("numpy", "pandas", "statsmodels"))
    lines = [
        "# Propensity matching: time and memory",
        "",
        "Logistic score on four covariates, nearest-neighbour matching, weights and checks; seconds "
        "(pairs), once the software is loaded.",
        "",
        f"| setting | {' | '.join(f'{n:,} subjects, {t:,} treated' for n, t in SIZES.items())} |",
        "|---|---|---|",
    ]
    for name in results[5_000]["figures"]:
        cells = []
        for subjects in SIZES:
            seconds, pairs = results[subjects]["figures"][name]
            cells.append(f"{seconds:.2f} s" + (f" ({pairs:,})" if pairs else ""))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    peaks = " | ".join(f"{results[subjects]['peak_mb']:.0f} MB" for subjects in SIZES)
    lines += [f"| peak memory of the process | {peaks} |", ""]
    if arguments.lalonde:
        lines += [lalonde_agreement(arguments.lalonde), ""]
    lines.append(
        f"Made by `python benchmarks/matching.py` on one core of {platform.machine()}, Python "
        f"{platform.python_version()}, {versions}."
    )
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
