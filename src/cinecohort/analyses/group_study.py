"""The matched group study of the workflow: from the cohort's tables to every table and figure of the study.

An example, Bai 2018's comparison of obese with normal-weight participants (its Table 8)::

    obesity:
      title: Obesity and the heart
      exposure: {label: Obese, condition: "bmi >= 30"}
      reference: {label: Normal weight, condition: "18.5 <= bmi < 25"}
      exclusions: {icd10: [I21, I22, I23, I25, I42, I50], self_reported_mi: true}
      covariates: [sex, age_years, height_cm, dbp_mmhg, sbp_mmhg]
      outcomes: [lvedv_ml, lvesv_ml, lvm_g, rvedv_ml, rvesv_ml]
      published: bai2018_table8
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cinecohort.analyses.methods_text import methods_sentences
from cinecohort.analyses.study_summary import header, summary, versions_used
from cinecohort.catalogue.measures import measure_label
from cinecohort.errors import UserError
from cinecohort.measures.voids import failed_subjects
from cinecohort.statistics.balance import balance_table
from cinecohort.statistics.baseline import baseline_table
from cinecohort.statistics.effects import compare
from cinecohort.statistics.matching import Matching, match
from cinecohort.statistics.missing_outcomes import missing_outcomes
from cinecohort.statistics.power import smallest_detectable_difference
from cinecohort.statistics.published_tables import published_table
from cinecohort.statistics.sensitivity import matched_sets, sensitivity_table, unlike_in_study
from cinecohort.statistics.study_cohort import (
    TREATMENT,
    Flow,
    StudyCohort,
    select_cohort,
    select_measures,
)
from cinecohort.statistics.study_options import StudyOptions
from cinecohort.statistics.subgroups import band_labels, subgroup_differences
from cinecohort.statistics.unvalidated import (
    LEFT_OUT_COLUMNS,
    Unvalidated,
    unvalidated_views,
    without_unvalidated,
)

DESCRIBED = (
    *("sex", "age_years", "height_cm", "weight_kg", "bmi", "sbp_mmhg", "dbp_mmhg"),
    *("vendor", "scanner", "field_t", "site"),
)
"""Participants' columns of the baseline table, beside the covariates, where they are there."""


@dataclass(frozen=True)
class StudyResult:
    """What a study found.

    Parameters
    ----------
    options
        The study, without the outcomes that were left out.
    tables
        Name of each table's file, without its ending, to the table.
    summary
        Numbers and sentences; ``status`` is ``done`` or ``not done``, with the reason as ``verdict``.
    methods
        Sentences of the methods text; none where the study was not done.
    """

    options: StudyOptions
    tables: dict[str, pd.DataFrame]
    summary: dict[str, Any]
    methods: list[str]


def study(
    measures: pd.DataFrame,
    participants: pd.DataFrame,
    status: pd.DataFrame | None,
    options: StudyOptions,
    unvalidated: Unvalidated = "include",
) -> StudyResult:
    """Do a study.

    Parameters
    ----------
    measures
        The cohort's measures, one row per subject, source and frames.
    participants
        One row per subject.
    status
        Final status of each subject, or None: that of the measures table.
    options
        The study.
    unvalidated
        ``exclude``: outcomes by networks that were never tested on labelled real hearts are left out; the
        table ``left_out`` and a warning name them.

    Returns
    -------
    StudyResult
        With the tables ``flow, baseline, pairs, scores, unmatched, balance, sample_sizes, comparison,
        sensitivity, subgroups, power, missing, left_out`` and, where asked for, ``published``. A study that
        cannot be done (an empty group, covariates that separate the groups, columns that are not there) has
        its flow and the reason as a sentence; it raises nothing.
    """
    flow = Flow(len(participants))
    left_out = pd.DataFrame(columns=list(LEFT_OUT_COLUMNS))
    try:
        if unvalidated == "exclude":
            measures, options, left_out = validated_outcomes(measures, options)
        cohort = select_cohort(measures, participants, status, options, flow)
        cohort.notes.extend(left_out_sentences(left_out, options))
        matching = match_cohort(cohort, options)
        published = _published(options)
    except UserError as error:
        reason = header(options) | {"status": "not done", "verdict": str(error)}
        return StudyResult(options, {"flow": flow.table()}, reason, [])
    _record_matching(flow, matching, options)
    balance = balance_table(matching)
    comparison = compare_matched(matching, options)
    power = power_table(comparison, options)
    tables = {
        "flow": flow.table(),
        "baseline": study_baseline(cohort, matching, options),
        "pairs": matching.pairs_table(),
        "scores": matching.scores_table(),
        "unmatched": unmatched_table(matching, options),
        "balance": balance,
        "sample_sizes": matching.sample_sizes().rename_axis("sample").reset_index(),
        "comparison": comparison,
        "sensitivity": sensitivity_table(
            cohort, matching, options, _other_flagged(measures, participants, status, options, cohort)
        ),
        "subgroups": subgroup_table(matching, options),
        "power": power,
        "missing": missing_outcomes(
            matching.table,
            matching.treatment,
            matching.weights,
            options.outcomes,
            _failed(measures, cohort.source, options),
        ),
        "left_out": left_out,
    }
    if published is not None:
        tables["published"] = published
    methods = methods_sentences(options, flow, matching, cohort.source, versions_used())
    return StudyResult(
        options, tables, summary(options, cohort, matching, balance, comparison, power), methods
    )


def validated_outcomes(
    measures: pd.DataFrame, options: StudyOptions
) -> tuple[pd.DataFrame, StudyOptions, pd.DataFrame]:
    """Empty what rests on networks that were not validated; outcomes of which nothing is left are dropped.

    Returns
    -------
    tuple
        Measures, options, and what of the study's source and outcomes was left out; see
        :func:`cinecohort.statistics.unvalidated.without_unvalidated`.

    Raises
    ------
    UserError
        No outcome is left.
    """
    nothing = pd.DataFrame(columns=list(LEFT_OUT_COLUMNS))
    if not unvalidated_views(measures).any():
        return measures, options, nothing
    source, _ = select_measures(measures, options)
    kept, left_out = without_unvalidated(measures)
    left_out = left_out[(left_out["source"] == source) & left_out["what"].isin(options.outcomes)]
    rows = kept["source"].astype(str) == source if "source" in kept else pd.Series(True, index=kept.index)
    gone = [name for name in left_out["what"] if kept.loc[rows, name].isna().all()]
    outcomes = tuple(name for name in options.outcomes if name not in gone)
    if not outcomes:
        reasons = "; ".join(dict.fromkeys(left_out["reason"]))
        raise UserError(
            f"Study {options.name}: every outcome was left out ({', '.join(gone)}): {reasons}. Set "
            "`unvalidated: include` to do the study all the same."
        )
    return kept, options.model_copy(update={"outcomes": outcomes}), left_out


def left_out_sentences(left_out: pd.DataFrame, options: StudyOptions) -> list[str]:
    """Say which outcomes were left out, and in how many subjects where others stay."""
    return [
        f"{measure_label(row['what'])} was left out"
        + (f" of {row['n']:,} subjects" if row["what"] in options.outcomes else "")
        + f": {row['reason']}."
        for row in left_out.to_dict("records")
    ]


def _failed(measures: pd.DataFrame, source: str, options: StudyOptions) -> dict[str, set[str]]:
    """Outcome to the subjects whose label map shows that it failed."""
    if "voided" not in measures:
        return {}
    rows = measures[(measures["source"] == source) & (measures["frames"].fillna("own") == options.frames)]
    return failed_subjects(rows["subject"], rows["voided"])


def match_cohort(cohort: StudyCohort, options: StudyOptions) -> Matching:
    """Match the groups of a study with its settings and its seed.

    Raises
    ------
    UserError
        A group is empty, or the matching refuses.
    """
    sizes = cohort.complete[TREATMENT].value_counts()
    for value, group in ((1, options.exposure), (0, options.reference)):
        if not sizes.get(value, 0):
            raise UserError(
                f"Study {options.name}: no subject is left in the group {group.label} ({group.condition}); "
                "the flow says where they went."
            )
    settings = options.seeded_matching
    matching = match(cohort.complete, TREATMENT, options.covariates, settings, identifier="subject")
    if len(matching.pairs.focal) < 2:
        raise UserError(
            f"Study {options.name}: {len(matching.pairs.focal)} pairs were matched, too few to compare; "
            "widen the caliper or match on less."
        )
    return matching


def compare_matched(matching: Matching, options: StudyOptions) -> pd.DataFrame:
    """Compare the outcomes of the matched groups; see :func:`cinecohort.statistics.effects.compare`."""
    return compare(
        matching.table,
        TREATMENT,
        options.outcomes,
        pairs=matching.pairs_table(),
        covariates=options.covariates,
        identifier="subject",
        estimand=options.matching.estimand,
        alpha=options.alpha,
    )


def study_baseline(cohort: StudyCohort, matching: Matching, options: StudyOptions) -> pd.DataFrame:
    """Characteristics of the groups before and after matching.

    ``eligible`` are all in either group, those with missing covariates included; ``before`` those who entered
    the matching; ``after`` the matched.
    """
    table = cohort.eligible.reset_index(drop=True)
    weights = pd.Series(matching.weights, index=matching.ids)
    entered = table["subject"].isin(matching.ids).to_numpy(float)
    stages = {
        "eligible": np.ones(len(table)),
        "before": entered,
        "after": table["subject"].map(weights).fillna(0.0).to_numpy(float),
    }
    variables = list(dict.fromkeys([*options.covariates, *(name for name in DESCRIBED if name in table)]))
    return baseline_table(table, table[TREATMENT].to_numpy(int), stages, variables, "before")


def unmatched_table(matching: Matching, options: StudyOptions) -> pd.DataFrame:
    """List who looked for a partner in vain or was discarded: ``subject, group, reason, propensity``."""
    left = matching.focal & ~matching.matched
    label = options.exposure.label if matching.options.estimand == "att" else options.reference.label
    reasons = np.where(matching.discarded[left], "score outside the other group's range", "no partner")
    return pd.DataFrame(
        {
            "subject": matching.ids[left],
            "group": label,
            "reason": reasons,
            "propensity": matching.propensity[left],
        }
    )


def subgroup_table(matching: Matching, options: StudyOptions) -> pd.DataFrame:
    """Differences in subgroups of the matched: ``factor, level, outcome, n1, n0, estimate, ...``.

    Where covariates that matching left unlike within a subgroup move its difference, it has neither interval
    nor p value.
    """
    columns = [
        "factor",
        "level",
        "outcome",
        "n1",
        "n0",
        "estimate",
        "ci_low",
        "ci_high",
        "p",
        "interaction_p",
        "note",
    ]
    sets, table = matched_sets(matching), matching.table
    known = set(table.columns[table[matching.matched].notna().any()])
    factors = {name: table[name] for name in options.subgroups.factors if name in known}
    for name, cuts in options.subgroups.cuts.items():
        if name in known and pd.api.types.is_numeric_dtype(table[name]):
            factors[name] = band_labels(
                table[name], cuts or [float(table.loc[matching.matched, name].median())]
            )
    rows = []
    for outcome in options.outcomes:
        unlike = bool(factors and unlike_in_study(matching, outcome, options))
        for name, factor in factors.items():
            units = (table, matching.treatment, outcome, factor, sets)
            found = subgroup_differences(*units, options.covariates, unlike, options.alpha)
            rows += [{"factor": name, "outcome": outcome, **row} for row in found]
    order = {name: place for place, name in enumerate(factors)}
    rows.sort(key=lambda row: order[row["factor"]])
    return pd.DataFrame(rows, columns=columns)


def power_table(comparison: pd.DataFrame, options: StudyOptions) -> pd.DataFrame:
    """Smallest detectable difference by outcome, with the SDs seen here and with expected ones.

    Columns ``outcome, sd_source, n1, n0, sd1, sd0, alpha, power, detectable, detectable_d, alpha_all,
    detectable_all``: for one test at level alpha, and for all outcomes together at alpha / number of
    outcomes.
    """
    rows = []
    shared = options.alpha / len(options.outcomes)
    for _, row in comparison.iterrows():
        spreads = {"observed": (row["sd1"], row["sd0"])}
        if row["outcome"] in options.expected_sd:
            spreads["expected"] = (options.expected_sd[row["outcome"]],) * 2
        for source, (sd1, sd0) in spreads.items():
            n1, n0 = int(row["n1"]), int(row["n0"])
            found, found_all = (
                smallest_detectable_difference(n1, n0, sd1, sd0, alpha, options.power)
                for alpha in (options.alpha, shared)
            )
            rows.append(
                {
                    **{
                        "outcome": row["outcome"],
                        "sd_source": source,
                        "n1": n1,
                        "n0": n0,
                        "sd1": sd1,
                        "sd0": sd0,
                    },
                    **{"alpha": options.alpha, "power": options.power, "detectable": found},
                    "detectable_d": found / np.sqrt((sd1**2 + sd0**2) / 2),
                    **{"alpha_all": shared, "detectable_all": found_all},
                }
            )
    return pd.DataFrame(rows)


def _published(options: StudyOptions) -> pd.DataFrame | None:
    if options.published is None:
        return None
    return published_table(options.published, options.exposure.label, options.reference.label)


def _record_matching(flow: Flow, matching: Matching, options: StudyOptions) -> None:
    """Add the matching to the flow."""
    excluded = {}
    for name, label in (("treated", options.exposure.label), ("control", options.reference.label)):
        excluded[f"{label}: no partner"] = int(matching.size("unmatched", name))
        excluded[f"{label}: score outside the other group's range"] = int(matching.size("discarded", name))
    flow.step("matching", excluded, int(matching.matched.sum()))


def _other_flagged(
    measures: pd.DataFrame,
    participants: pd.DataFrame,
    status: pd.DataFrame | None,
    options: StudyOptions,
    cohort: StudyCohort,
) -> StudyCohort | None:
    """Select the same study with the other choice about flagged subjects, where it makes a difference."""
    flagged = "drop" if options.exclusions.flagged == "keep" else "keep"
    exclusions = options.exclusions.model_copy(update={"flagged": flagged})
    other = select_cohort(
        measures, participants, status, options.model_copy(update={"exclusions": exclusions})
    )
    return other if set(other.complete["subject"]) != set(cohort.complete["subject"]) else None
