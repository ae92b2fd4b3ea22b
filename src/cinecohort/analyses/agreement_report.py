"""The agreement stage: every comparison of models and observers from the cohort's tables."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from cinecohort.analyses.agreement_files import write_agreement
from cinecohort.catalogue.measures import Show, columns_shown
from cinecohort.ledger.columns import OVERLAP_COLUMNS
from cinecohort.ledger.tables import read_table, write_table
from cinecohort.measures.voids import failed_subjects
from cinecohort.statistics.agreement import AgreementResult, agree
from cinecohort.statistics.cases import choose_cases
from cinecohort.statistics.comparisons import SINGLE_OBSERVER, Comparison, MeasureSources, comparisons
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
    LEFT_OUT_COLUMNS,
    Unvalidated,
    validated_overlap,
    without_unvalidated,
)

_TEXT = ("dataset", "source", "kind", "frames", "reference", "status", "site", "group", "icd10", "visit")

COMPARISON_COLUMNS = ("folder", "dataset", "kind", "first", "second", "frames", "primary", "n")


def run(
    measures_tsv: Path,
    overlap_tsv: Path,
    participants_tsv: Path,
    out_folder: Path,
    options: AgreementOptions,
    status_tsv: Path | None = None,
    conversion_tsv: Path | None = None,
    unvalidated: Unvalidated = "include",
) -> None:
    """Write everything about agreement from the cohort's tables.

    One folder for each comparison with the tables and figures of
    :func:`cinecohort.analyses.agreement_files.write_agreement`, and beside them: ``comparisons.csv`` (what
    was compared, with n), ``all_differences.csv, all_bland_altman.csv, all_bland_altman_scales.csv,
    all_correlation.csv`` (the same rows with their comparison), ``reliability.csv``, ``equivalence.csv``,
    ``overlap.csv`` and ``overlap_by_*.csv``, ``cases.csv``, ``datasets.csv``, ``bland_altman_grid.svg`` (Bai
    2018, Figure 4), ``bland_altman_models.svg`` (Chen 2020, Figure 8), ``dice_boxplot.svg`` (Figure 4), and
    ``published_*.csv`` with the papers' figures beside the same quantities. What
    cannot be made is an empty table with its columns; a figure without data is not written.

    Parameters
    ----------
    measures_tsv, overlap_tsv, participants_tsv
        The cohort's tables. With several datasets every comparison is made for all together and for each.
    status_tsv
        Final status of each subject, for the reasons beside the worst cases, and for who takes part where
        the measures have no column ``status``.
    conversion_tsv
        For resolution and scanners in the description of the datasets.
    unvalidated
        ``exclude``: measures and overlap by networks that were never tested on labelled real hearts take no
        part; ``left_out.csv`` lists them with the reason.
    """
    measures = _cohort_table(measures_tsv, ("subject", "source", "kind"))
    participants = _cohort_table(participants_tsv, ("subject",))
    overlap = _cohort_table(overlap_tsv, OVERLAP_COLUMNS)
    write_table(out_folder / "seen_in_training.csv", count_seen(measures))
    measures, overlap = unseen(measures), unseen(overlap)
    left_out = [pd.DataFrame(columns=list(LEFT_OUT_COLUMNS))]
    if unvalidated == "exclude":
        measures, of_measures = without_unvalidated(measures)
        overlap, of_overlap = validated_overlap(overlap)
        left_out = [of_measures, of_overlap]
    write_table(out_folder / "left_out.csv", pd.concat(left_out))
    status = read_table(status_tsv, _TEXT) if status_tsv else None
    conversion = read_table(conversion_tsv, _TEXT) if conversion_tsv else None
    if "status" not in measures and status is not None:
        known = status.drop_duplicates("subject").set_index("subject")["status"]
        measures = measures.assign(status=measures["subject"].map(known))
    sources = MeasureSources.of(measures, options.statuses)
    _write_comparisons(measures, out_folder, options)
    write_table(out_folder / "reliability.csv", reliability_of_observers(sources, options))
    models = list(dict.fromkeys(measures.loc[measures["kind"] == "auto", "source"].dropna()))
    write_table(out_folder / "equivalence.csv", equivalence(sources, overlap, models, options))
    write_overlap(overlap, participants, models, out_folder, options)
    write_table(out_folder / "cases.csv", choose_cases(overlap, models, participants, status, options.cases))
    write_table(out_folder / "datasets.csv", describe_datasets(participants, conversion))
    _write_beside_published(out_folder, models)


def _cohort_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a cohort's table; one without a header, as of a stage that made no row, has these columns."""
    if not path.read_bytes().strip():
        return pd.DataFrame(columns=list(columns))
    table = read_table(path, _TEXT)
    return table.assign(**{name: np.nan for name in columns if name not in table.columns})


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


def _write_comparisons(measures: pd.DataFrame, folder: Path, options: AgreementOptions) -> None:
    """Compare, write each comparison as soon as it is made, then the tables of all and the grids."""
    listed: list[dict[str, object]] = []
    every: dict[str, list[pd.DataFrame]] = {name: [] for name in _ALL_TABLES}
    made: list[tuple[Comparison, AgreementResult]] = []
    for comparison in _all_comparisons(measures, options):
        names = (comparison.first_name, comparison.second_name)
        result = agree(comparison.first, comparison.second, "subject", options, names)
        result.bland_altman["n_failed"] = n_failed(measures, comparison, result)
        write_agreement(result, folder / comparison.folder, names, figures=not comparison.dataset)
        described = _described(comparison)
        listed.append(described | {"n": len(result.pairing.keys)})
        tables = (result.differences, result.bland_altman, result.scales, result.correlation)
        for name, table in zip(_ALL_TABLES, tables, strict=True):
            every[name].append(pd.concat([pd.DataFrame([described] * len(table)), table], axis=1))
        made.append((comparison, result))
    write_table(folder / "comparisons.csv", pd.DataFrame(listed, columns=list(COMPARISON_COLUMNS)))
    for name, tables_of_name in every.items():
        empty = pd.DataFrame(columns=[*COMPARISON_COLUMNS[:-1], "measure"])
        write_table(folder / f"{name}.csv", pd.concat(tables_of_name) if tables_of_name else empty)
    _write_grids(made, folder, options)


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


def _write_beside_published(folder: Path, models: Sequence[str]) -> None:
    """Write ``published_*.csv``: the user's own figures with the papers' beside them."""
    tables = {
        name: read_table(folder / f"{name}.csv", _TEXT) for name in ("all_differences", "all_correlation")
    }
    overlap = read_table(folder / "overlap.csv", _TEXT)
    if len(tables["all_differences"]):
        beside = differences_beside_published(tables["all_differences"])
        write_table(folder / "published_differences.csv", beside)
        beside = correlation_beside_published(tables["all_correlation"])
        write_table(folder / "published_correlation.csv", beside)
    if len(overlap):
        write_table(folder / "published_overlap.csv", overlap_beside_published(overlap, models))


_ALL_TABLES = ("all_differences", "all_bland_altman", "all_bland_altman_scales", "all_correlation")


def _described(comparison: Comparison) -> dict[str, object]:
    return {
        "folder": comparison.folder,
        "dataset": comparison.dataset,
        "kind": comparison.kind,
        "first": comparison.first_name,
        "second": comparison.second_name,
        "frames": comparison.frames,
        "primary": comparison.primary,
    }


def _all_comparisons(measures: pd.DataFrame, options: AgreementOptions) -> Iterator[Comparison]:
    yield from comparisons(MeasureSources.of(measures, options.statuses))
    datasets = list(measures["dataset"].dropna().unique()) if "dataset" in measures else []
    if len(datasets) > 1:
        for name in datasets:
            part = measures[measures["dataset"] == name]
            yield from comparisons(MeasureSources.of(part, options.statuses), str(name))


def _write_grids(
    made: Sequence[tuple[Comparison, AgreementResult]], folder: Path, options: AgreementOptions
) -> None:
    """Bland-Altman grids: the primary model and the observers; the models side by side in each dataset."""
    from cinecohort.reporting.agreement_figures import write_bland_altman_grid

    automatic = [pair for pair in made if pair[0].kind == "automatic-observer" and pair[0].plain_name]
    single = [pair for pair in automatic if pair[0].second_name == SINGLE_OBSERVER]
    automatic = single or automatic
    observers = [pair for pair in made if pair[0].kind == "observer-observer" and not pair[0].dataset]
    primary = [pair for pair in automatic if pair[0].primary and not pair[0].dataset]
    grids = {"bland_altman_grid": primary + observers}
    if len({one.first_name for one, _ in automatic}) > 1:
        within = [pair for pair in automatic if pair[0].dataset] or automatic
        grids["bland_altman_models"] = sorted(within, key=lambda pair: (pair[0].dataset, pair[0].second_name))
    for name, columns in grids.items():
        if columns:
            pairs = {
                one.title: {measure: result.pairing.values(measure) for measure in result.pairing.measures}
                for one, result in columns
            }
            write_bland_altman_grid(folder / f"{name}.svg", pairs, options)


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


def write_overlap(
    overlap: pd.DataFrame,
    participants: pd.DataFrame,
    models: Sequence[str],
    folder: Path,
    options: AgreementOptions,
) -> None:
    """Write ``overlap.csv``, ``overlap_by_*.csv`` where the column is known, and the box plots of Dice."""
    table = with_participants(overlap, participants)
    unit, floor = options.overlap_unit, options.dice_floor
    several = "dataset" in table and len(table["dataset"].dropna().unique()) > 1
    write_table(folder / "overlap.csv", summarise(table, None, (), unit, floor))
    for name, column in STRATA.items():
        known = column in table and table[column].notna().any()
        if not known or (name == "dataset" and not several):
            continue
        within = ("dataset",) if several and name not in ("dataset", "frame", "position") else ()
        summary = summarise(table, None, (*within, column), unit, floor)
        write_table(folder / f"overlap_by_{name}.csv", summary)
    images = mean_dice_of_images(overlap)
    drawn = images[images["source"].isin(models) & (images["view"] == "sa")]
    if not drawn.empty:
        from cinecohort.reporting.agreement_figures import write_dice_boxplot

        write_dice_boxplot(folder / "dice_boxplot.svg", drawn)
