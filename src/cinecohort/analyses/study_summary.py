"""The head of a group study: what was done, with numbers and sentences, for ``summary.json``."""

import importlib.metadata
from typing import Any

import pandas as pd

from cinecohort import __version__
from cinecohort.catalogue.covariates import in_sentence
from cinecohort.catalogue.measures import measure_digits, measure_label
from cinecohort.reporting.numbers import interval, signed
from cinecohort.statistics.balance import balance_verdict
from cinecohort.statistics.matched_samples import LEFT_UNLIKE
from cinecohort.statistics.matching import EMULATED, Matching
from cinecohort.statistics.study_cohort import StudyCohort
from cinecohort.statistics.study_options import StudyOptions
from cinecohort.statistics.two_samples import printed_p

MOST_OUTCOMES = 3
"""So many outcomes are named in the first sentence."""


def versions_used() -> dict[str, str]:
    """Versions of the packages that a study rests on."""
    names = ("numpy", "pandas", "scipy", "statsmodels")
    return {"cinecohort": __version__, **{name: importlib.metadata.version(name) for name in names}}


def header(options: StudyOptions) -> dict[str, Any]:
    """Which study this is, and what it was made with."""
    return {
        "name": options.name,
        "title": options.title or options.name,
        "exposure": options.exposure.label,
        "reference": options.reference.label,
        "seed": options.seed,
        "emulates": EMULATED,
        "versions": versions_used(),
        "options": options.model_copy(update={"matching": options.seeded_matching}).model_dump(mode="json"),
    }


def summary(
    options: StudyOptions,
    cohort: StudyCohort,
    matching: Matching,
    balance: pd.DataFrame,
    comparison: pd.DataFrame,
    power: pd.DataFrame,
) -> dict[str, Any]:
    """Numbers and sentences for the head of the study's section."""
    balanced, verdict = balance_verdict(balance, options.balance_threshold)
    counts = {
        f"n_{row}_{column}": int(matching.size(row, column))
        for row in ("all", "matched", "unmatched", "discarded")
        for column in ("treated", "control")
    }
    return (
        header(options)
        | counts
        | {
            "status": "done",
            "source": cohort.source,
            "n_pairs": len(matching.pairs.focal),
            "effective_control": matching.size("effective", "control"),
            "effective_treated": matching.size("effective", "treated"),
            "largest_pair_distance": float(matching.pairs.distance.max()),
            "caliper": matching.caliper,
            "balanced": balanced,
            "balance": verdict,
            "power": power_sentence(power, options),
            "findings": [outcome_sentence(row, options) for _, row in comparison.iterrows()],
            "warnings": [*cohort.notes, *matching.warnings],
            "verdict": " ".join(
                [effect_sentence(comparison, options), verdict, power_sentence(power, options)]
            ),
        }
    )


def effect_sentence(comparison: pd.DataFrame, options: StudyOptions) -> str:
    """Sentence on what the study found: each difference with interval, p and the n of both groups."""
    parts = [_effect(row, options) for _, row in comparison.head(MOST_OUTCOMES).iterrows()]
    more = len(comparison) - len(parts)
    also = f"; {more} more {'outcome is' if more == 1 else 'outcomes are'} in the table" if more > 0 else ""
    return (
        f"Difference between the matched groups, {options.exposure.label} minus {options.reference.label}: "
        f"{'; '.join(parts)}{also}."
    )


def _effect(row: pd.Series, options: StudyOptions) -> str:
    name, _, unit = measure_label(row["outcome"]).partition(" (")
    sizes = f"n = {row['n1']:,} and {row['n0']:,}"
    if pd.isna(row["difference"]):
        return f"{name} cannot be compared ({sizes})"
    digits = measure_digits(row["outcome"])
    unit = "percentage points" if unit == "%)" else unit.rstrip(")")
    difference = f"{name} {signed(row['difference'], digits)} {unit}".rstrip()
    if pd.isna(row["p"]):
        return f"{difference} ({sizes}{_adjusted(row, options)})"
    bounds = interval(row["ci_low"], row["ci_high"], digits)
    return f"{difference} ({_evidence(bounds, row['p'], options)}, {sizes})"


def _evidence(bounds: str, p: float, options: StudyOptions) -> str:
    """Interval and p of a difference."""
    printed = printed_p(p)
    p_words = printed if printed.startswith("<") else f"= {printed}"
    return f"{100 * (1 - options.alpha):g} % CI {bounds}, p {p_words}"


def _adjusted(row: pd.Series, options: StudyOptions) -> str:
    """Where covariates left unlike took interval and p from a difference: what is left after adjustment."""
    if LEFT_UNLIKE not in str(row.get("p_note", "")):
        return ""
    digits = measure_digits(row["outcome"])
    bounds = interval(row["adjusted_ci_low"], row["adjusted_ci_high"], digits)
    return (
        "; covariates that differ between the matched groups move it, so that it has no interval and no p; "
        f"adjusted for them {signed(row['adjusted_estimate'], digits)}, "
        f"{_evidence(bounds, row['adjusted_p'], options)}"
    )


def outcome_sentence(row: pd.Series, options: StudyOptions) -> str:
    """One sentence on one outcome: difference, interval, p, effect size."""
    if pd.isna(row["p"]) and pd.notna(row["difference"]):
        return (
            f"{measure_label(row['outcome'])}: difference {row['difference']:.1f}"
            f"{_adjusted(row, options) or ', ' + row['p_note']}; n = {row['n1']:,} + {row['n0']:,}."
        )
    if pd.isna(row["p"]):
        return f"{measure_label(row['outcome'])}: too few values to compare ({row['n1']} and {row['n0']})."
    p = row["p_printed"] if row["p_printed"].startswith("<") else f"= {row['p_printed']}"
    return (
        f"{measure_label(row['outcome'])}: {options.exposure.label} {row['mean1']:.1f} ({row['sd1']:.1f}), "
        f"{options.reference.label} {row['mean0']:.1f} ({row['sd0']:.1f}); "
        f"difference {row['difference']:.1f}, {100 * (1 - options.alpha):g} % CI {row['ci_low']:.1f} to "
        f"{row['ci_high']:.1f}, p {p} ({row['p_method']}), "
        f"Hedges' g {row['hedges_g']:.2f}; n = {row['n1']:,} + {row['n0']:,}."
    )


def power_sentence(power: pd.DataFrame, options: StudyOptions) -> str:
    """One sentence on what the study can show, with a warning where that is large effects only (d > 0.8).

    It is of the outcome of which least can be shown, with that outcome's numbers of subjects.
    """
    seen = power[(power["sd_source"] == "observed") & power["detectable_d"].notna()]
    if seen.empty:
        return "What differences the study could detect cannot be said: too few values."
    least = seen.nlargest(1, "detectable_d").iloc[0]
    largest, n1, n0 = float(least["detectable_d"]), int(least["n1"]), int(least["n0"])
    name = in_sentence(measure_label(least["outcome"])).partition(" (")[0]
    sentence = (
        f"With {n1:,} against {n0:,} subjects ({name}) the study finds, with {100 * options.power:g} % "
        f"power at the level {options.alpha:g}, differences of {largest:.2f} SD or more."
    )
    if largest > 0.8:
        sentence += " It is a small study: it can show large effects only, and finding none says little."
    return sentence
