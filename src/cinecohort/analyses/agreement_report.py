"""Agreement of a cohort: every comparison of models and observers, as tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from cinecohort.catalogue.measures import Show, columns_shown
from cinecohort.measures.voids import failed_subjects
from cinecohort.statistics.agreement import AgreementResult, agree
from cinecohort.statistics.cases import choose_cases
from cinecohort.statistics.comparisons import Comparison, MeasureSources, comparisons
from cinecohort.statistics.datasets import describe_datasets
from cinecohort.statistics.equivalence import COLUMNS as EQUIVALENCE_COLUMNS
from cinecohort.statistics.equivalence import computer_as_another_observer, overlap_equivalence
from cinecohort.statistics.options import AgreementOptions
from cinecohort.statistics.overlap_tables import (
    STRATA,
    mean_dice_of_images,
    summarise,
    with_participants,
)
from cinecohort.statistics.published_tables import (
    correlation_beside_published,
    differences_beside_published,
    overlap_beside_published,
)
from cinecohort.statistics.reliability import FIXED_COLUMNS, reliability
from cinecohort.statistics.unvalidated import (
    Unvalidated,
    validated_overlap,
    without_corrected,
    without_unvalidated,
)

COMPARISON_COLUMNS = ("folder", "dataset", "kind", "first", "second", "frames", "primary", "n")


@dataclass(frozen=True)
class AgreementReport:
    """Everything about the agreement of a cohort.

    Parameters
    ----------
    tables
        Name of each table's file, without its ending, to the table.
    comparisons
        What was compared, and its results.
    images
        Dice of each short-axis image of a model, averaged over its structures.
    """

    tables: dict[str, pd.DataFrame]
    comparisons: list[tuple[Comparison, AgreementResult]]
    images: pd.DataFrame


def compare_sources(
    measures: pd.DataFrame,
    overlap: pd.DataFrame,
    participants: pd.DataFrame,
    options: AgreementOptions,
    status: pd.DataFrame | None = None,
    conversion: pd.DataFrame | None = None,
    unvalidated: Unvalidated = "include",
) -> AgreementReport:
    """Compare models and observers with each other.

    Parameters
    ----------
    measures, overlap, participants
        The cohort's tables. With several datasets every comparison is made for all together and for each.
    options
        How agreement is described.
    status
        Final status of each subject, for the reasons beside the worst cases, and for who takes part where
        the measures have no column ``status``.
    conversion
        For resolution and scanners in the description of the datasets.
    unvalidated
        ``exclude``: measures and overlap by networks that were never tested on labelled real hearts take no
        part; the table ``left_out`` lists them with the reason.

    Returns
    -------
    AgreementReport
        Tables ``comparisons`` (what was compared, with n), ``all_differences, all_bland_altman,
        all_bland_altman_scales, all_correlation`` (rows with their comparison), ``reliability``,
        ``equivalence``, ``overlap`` and ``overlap_by_*``, ``cases``, ``datasets``, ``seen_in_training``,
        ``left_out``, and ``published_*`` with the papers' figures beside the same quantities. What cannot be
        made is an empty table with its columns.
    """
    tables = {"seen_in_training": count_seen(measures)}
    measures, overlap = unseen(measures), unseen(overlap)
    measures, overlap, of_people = without_corrected(measures, overlap)
    left_out = [of_people]
    if unvalidated == "exclude":
        measures, of_measures = without_unvalidated(measures)
        overlap, of_overlap = validated_overlap(overlap)
        left_out += [of_measures, of_overlap]
    tables["left_out"] = pd.concat(left_out)
    if "status" not in measures and status is not None:
        known = status.drop_duplicates("subject").set_index("subject")["status"]
        measures = measures.assign(status=measures["subject"].map(known))
    sources = MeasureSources.of(measures, options.statuses)
    models = list(dict.fromkeys(measures.loc[measures["kind"] == "auto", "source"].dropna()))
    made = [(each, _compared(measures, each, options)) for each in _all_comparisons(measures, options)]
    tables |= _tables_of_all(made)
    tables["reliability"] = reliability_of_observers(sources, options)
    tables["equivalence"] = equivalence(sources, overlap, models, options)
    tables |= overlap_summaries(overlap, participants, options)
    tables["cases"] = choose_cases(overlap, models, participants, status, options.cases)
    tables["datasets"] = describe_datasets(participants, conversion)
    tables |= _beside_published(tables, models)
    images = mean_dice_of_images(overlap)
    images = images[images["source"].isin(models) & (images["view"] == "sa")]
    return AgreementReport(tables, made, images)


def unseen(table: pd.DataFrame) -> pd.DataFrame:
    """Rows without those of subjects that the model was trained on; their agreement proves nothing."""
    if "seen_in_training" not in table:
        return table
    return table[~table["seen_in_training"].astype(str).str.lower().eq("true")].reset_index(drop=True)


def count_seen(measures: pd.DataFrame) -> pd.DataFrame:
    """How many subjects each model was trained on, and so are left out: ``model, n``."""
    seen = measures.drop(unseen(measures.assign(place=measures.index))["place"])
    counts = seen.groupby("source")["subject"].nunique()
    return pd.DataFrame({"model": counts.index, "n": counts.to_numpy()})


def _compared(measures: pd.DataFrame, comparison: Comparison, options: AgreementOptions) -> AgreementResult:
    names = (comparison.first_name, comparison.second_name)
    result = agree(comparison.first, comparison.second, "subject", options, names)
    limits = result.bland_altman.assign(n_failed=n_failed(measures, comparison, result))
    return replace(result, bland_altman=limits)


def n_failed(measures: pd.DataFrame, comparison: Comparison, result: AgreementResult) -> pd.Series:
    """Subjects of a comparison without a pair since the measure failed on a side, by row of the limits."""
    if "voided" not in measures:
        return pd.Series(0, index=result.bland_altman.index)
    frames = measures["frames"].fillna("own")
    first = (measures["source"] == comparison.first_name) & (
        (measures["kind"] == "manual") | (frames == comparison.frames)
    )
    second = (measures["source"] == comparison.second_name) & (measures["kind"] == "manual")
    rows = measures[first | second]
    failed = failed_subjects(rows["subject"], rows["voided"])
    compared = set(result.pairing.keys["subject"].astype(str))
    return result.bland_altman["measure"].map(lambda name: len(failed.get(name, set()) & compared))


def _tables_of_all(made: Sequence[tuple[Comparison, AgreementResult]]) -> dict[str, pd.DataFrame]:
    """What was compared, and the rows of all comparisons in one table of each kind."""
    listed: list[dict[str, object]] = []
    every: dict[str, list[pd.DataFrame]] = {name: [] for name in _ALL_TABLES}
    for comparison, result in made:
        described = {
            "folder": comparison.folder,
            "dataset": comparison.dataset,
            "kind": comparison.kind,
            "first": comparison.first_name,
            "second": comparison.second_name,
            "frames": comparison.frames,
            "primary": comparison.primary,
        }
        listed.append(described | {"n": len(result.pairing.keys)})
        tables = (result.differences, result.bland_altman, result.scales, result.correlation)
        for name, table in zip(_ALL_TABLES, tables, strict=True):
            every[name].append(pd.concat([pd.DataFrame([described] * len(table)), table], axis=1))
    empty = pd.DataFrame(columns=[*COMPARISON_COLUMNS[:-1], "measure"])
    return {"comparisons": pd.DataFrame(listed, columns=list(COMPARISON_COLUMNS))} | {
        name: pd.concat(parts, ignore_index=True) if parts else empty for name, parts in every.items()
    }


def _beside_published(tables: Mapping[str, pd.DataFrame], models: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The user's own figures with the papers' beside them."""
    beside = {}
    if len(tables["all_differences"]):
        beside["published_differences"] = differences_beside_published(tables["all_differences"])
        beside["published_correlation"] = correlation_beside_published(tables["all_correlation"])
    if len(tables["overlap"]):
        beside["published_overlap"] = overlap_beside_published(tables["overlap"], models)
    return beside


_ALL_TABLES = ("all_differences", "all_bland_altman", "all_bland_altman_scales", "all_correlation")


def _all_comparisons(measures: pd.DataFrame, options: AgreementOptions) -> Iterator[Comparison]:
    yield from comparisons(MeasureSources.of(measures, options.statuses))
    datasets = list(measures["dataset"].dropna().unique()) if "dataset" in measures else []
    if len(datasets) > 1:
        for name in datasets:
            part = measures[measures["dataset"] == name]
            yield from comparisons(MeasureSources.of(part, options.statuses), str(name))


def reliability_of_observers(sources: MeasureSources, options: AgreementOptions) -> pd.DataFrame:
    """Intraclass correlations over all observers, over pairs, and with each model as a further rater.

    Returns
    -------
    pandas.DataFrame
        ``measure, raters`` (names joined by +), ``kind`` (``observers``, ``pair``, ``with automatic``,
        ``automatic and observer``) and the columns of
        :func:`cinecohort.statistics.reliability.intraclass_correlations`. A panel in which a rater has no
        value of the measure has no rows of it.
    """
    rows = []
    for measure in sources.measures:
        for kind, raters in _panels(sources):
            tables = [table[["subject", measure]].assign(rater=name) for name, table in raters.items()]
            long = pd.concat(tables, ignore_index=True).dropna(subset=[measure])
            # A rater without the measure would leave a panel that does not hold who its name says.
            if long["rater"].nunique() < len(raters):
                continue
            table = reliability(long, "subject", "rater", measure, options.confidence)
            rows.append(table.assign(measure=measure, raters="+".join(raters), kind=kind))
    if not rows:
        return pd.DataFrame(columns=["measure", "raters", "kind", *FIXED_COLUMNS])
    result = pd.concat(rows, ignore_index=True)
    first = ["measure", "raters", "kind"]
    return result[[*first, *(name for name in result.columns if name not in first)]]


def _panels(sources: MeasureSources) -> list[tuple[str, dict[str, pd.DataFrame]]]:
    observers = {name: sources.manual[name] for name in sources.panel}
    own = {model: _own_frames(sources, model) for model in sources.models}
    panels: list[tuple[str, dict[str, pd.DataFrame]]] = []
    if len(observers) > 1:
        panels.append(("observers", observers))
        panels += [("with automatic", observers | {model: table}) for model, table in own.items()]
    if len(observers) > 2:
        panels += [("pair", {a: observers[a], b: observers[b]}) for a, b in combinations(observers, 2)]
    for model, table in own.items():
        for name in sources.observers:
            panels.append(("automatic and observer", {model: table, name: sources.manual[name]}))
    return panels


def _own_frames(sources: MeasureSources, model: str) -> pd.DataFrame:
    """A model's measures at its own frames, or whatever frames it has where it has no own."""
    frames = [frame for name, frame in sources.automatic if name == model]
    chosen = "own" if "own" in frames else frames[0]
    return sources.automatic[model, chosen].drop_duplicates("subject")


def equivalence(
    sources: MeasureSources, overlap: pd.DataFrame, models: list[str], options: AgreementOptions
) -> pd.DataFrame:
    """Test each model as a further observer, in the papers' measures and in overlap."""
    rows: list[dict[str, object]] = []
    for model in sources.models:
        computer = _own_frames(sources, model).set_index("subject")
        for measure in (*columns_shown(Show.PRINCIPAL), *columns_shown(Show.FUNCTION)):
            margin = options.equivalence_margins.get(measure)
            if measure not in sources.measures or (len(sources.panel) < 2 and margin is None):
                continue
            observers = pd.DataFrame(
                {name: sources.manual[name].set_index("subject")[measure] for name in sources.panel}
            )
            if observers.empty or not np.isfinite(observers.to_numpy(np.float64)).any():
                continue
            rows += computer_as_another_observer(
                computer[measure], observers, measure, model, margin, options.equivalence_alpha
            )
    if len(sources.panel) > 1:
        rows += overlap_equivalence(overlap, models, sources.panel, options.equivalence_alpha)
    return pd.DataFrame(rows, columns=list(EQUIVALENCE_COLUMNS))


def overlap_summaries(
    overlap: pd.DataFrame, participants: pd.DataFrame, options: AgreementOptions
) -> dict[str, pd.DataFrame]:
    """Make ``overlap``, and ``overlap_by_*`` where the column is known."""
    table = with_participants(overlap, participants)
    unit, floor = options.overlap_unit, options.dice_floor
    several = "dataset" in table and len(table["dataset"].dropna().unique()) > 1
    summaries = {"overlap": summarise(table, None, (), unit, floor)}
    for name, column in STRATA.items():
        known = column in table and table[column].notna().any()
        if not known or (name == "dataset" and not several):
            continue
        within = ("dataset",) if several and name not in ("dataset", "frame", "position") else ()
        summaries[f"overlap_by_{name}"] = summarise(table, None, (*within, column), unit, floor)
    return summaries
