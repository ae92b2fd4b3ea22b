"""From the shards' tables to the cohort's: nobody is lost on the way, and that is asserted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cinecohort.calibration.apply import failure_findings, failure_probabilities, with_intervals
from cinecohort.calibration.record import read_calibration
from cinecohort.cohort.cohort_checks import check_cohort, with_cohort_findings
from cinecohort.cohort.explanations import explained
from cinecohort.cohort.flow import LEFT, STEPS, flow_of_subjects
from cinecohort.cohort.index import index_path
from cinecohort.cohort.participants import gather_participants, with_scanner_facts
from cinecohort.cohort.stage_settings import GatherSettings
from cinecohort.cohort.versions import STAGES
from cinecohort.config import DatasetOptions
from cinecohort.findings import Finding, Level, Status
from cinecohort.ledger.columns import COHORT, IDENTITY, STATE, Kind, kinds_of
from cinecohort.ledger.frames import read_shards, write_frame
from cinecohort.ledger.table_schemas import COHORT_TITLE, describe_tables
from cinecohort.measures.reference_ranges import add_z_scores, ranges_table
from cinecohort.review.digests import seen_digests
from cinecohort.review.verdicts import Judgement, findings_of, judgement, read_verdicts
from cinecohort.segmentation.descriptions import ANY_SOURCE

GRAVITY = (Status.OK, Status.REVIEW, Status.EXCLUDED, Status.ERROR)
QUALITY_STAGES = ("image_quality", "segmentation_quality")
MANY_NUMBERS = {"measure": "measures", "evaluate": "overlap"}
"""Stages whose tables have so many numbers that they are not kept as text in memory; and the cohort's."""


@dataclass(frozen=True)
class ShardTables:
    """Paths of the shards' tables of one stage, in the order of the shards."""

    tables: Sequence[Path]
    findings: Sequence[Path]


def final_status(stages: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The gravest status of each subject over all stages, with the stage, code and reason of the first such.

    A stage that is no step of the flow (the evaluation) decides about nobody: its faults are for review.

    Parameters
    ----------
    stages
        Shard tables by stage, in the order in which the stages run.

    Returns
    -------
    pandas.DataFrame
        ``subject, dataset, status, stage, code, reason``, one row per subject.
    """
    states = []
    for order, (stage, table) in enumerate(stages.items()):
        state = table.drop_duplicates("subject")[["subject", "dataset", *STATE]].assign(order=order)
        if stage not in STEPS:
            own = (state["stage"] == stage) & state["status"].isin(LEFT)
            state.loc[own, "status"] = str(Status.REVIEW)
        states.append(state)
    every = pd.concat(states, ignore_index=True)
    every["gravity"] = every["status"].map({str(status): place for place, status in enumerate(GRAVITY)})
    every = every.sort_values(["subject", "gravity", "order"], ascending=[True, False, True], kind="stable")
    worst = every.drop_duplicates("subject").drop(columns=["order", "gravity"])
    worst.loc[worst["status"] == str(Status.OK), ["stage", "code", "reason"]] = ""
    return worst.reset_index(drop=True)


def gather(
    indexes: Sequence[Path],
    stages: Mapping[str, ShardTables],
    datasets: Mapping[str, DatasetOptions],
    options: GatherSettings,
    folder: Path,
    judged: Mapping[str, Judgement] | None = None,
) -> None:
    """Make the cohort's tables from the shards'.

    Parameters
    ----------
    indexes
        Index of every shard.
    stages
        Shard tables by stage, in the order in which the stages run.
    datasets
        For the participants.
    options
        How measures are indexed and who stands out from the cohort.
    folder
        Where the tables go.
    judged
        Subject to what reviewers said of it.
    """
    judged = judged or {}
    index = read_shards(indexes).sort_values("subject", kind="stable").reset_index(drop=True)
    index = index[["subject", "dataset", "id", "participant", "visit"]]
    tables = {
        stage: read_shards(paths.tables, MANY_NUMBERS.get(stage, "")) for stage, paths in stages.items()
    }
    for stage, table in tables.items():
        missing = set(index["subject"]) ^ set(table["subject"])
        if missing:
            raise RuntimeError(f"{stage}: {len(missing)} subjects are not in both the index and its tables")
    findings = pd.concat([read_shards(paths.findings) for paths in stages.values()], ignore_index=True)
    calibration = None if options.calibration is None else read_calibration(options.calibration.path)
    probabilities = failure_probabilities(calibration, tables["segmentation_quality"])
    predicted: dict[str, list[Finding]] = {}
    if calibration is not None and calibration.cut is not None:
        held = set(probabilities.index[probabilities["failure_probability"].notna()])
        tables, findings, why = explained(tables, findings, held, calibration.explains)
        predicted = failure_findings(calibration, probabilities, why)
    status = with_cohort_findings(final_status(tables), predicted, "calibration")
    people, odd = gather_participants(index, datasets)
    participants = with_scanner_facts(people, tables["convert"])
    measures = measures_table(tables["measure"], participants, options.measures.body_surface)
    found = check_cohort(tables, measures, participants, options.image_quality, options.measure_quality)
    said = {subject: findings_of(one) for subject, one in judged.items()}
    status = with_verdicts(with_cohort_findings(status, found), said)
    measures = with_intervals(measures, calibration, probabilities, tables["segmentation_quality"])
    status = status.merge(probabilities, left_on="subject", right_index=True, how="left")
    measures = measures.merge(status[["subject", "status"]], on="subject", how="left", validate="many_to_one")
    dataset = dict(zip(index["subject"], index["dataset"], strict=True))
    seen = seen_in_training(index, datasets, options.trained_on)
    noted = [
        {"subject": subject, "dataset": dataset[subject], "stage": stage, **finding.to_dict()}
        for stage, by_subject in (
            ("participants", odd),
            ("calibration", predicted),
            ("cohort", found),
            ("review", said),
        )
        for subject, listed in by_subject.items()
        for finding in listed
        if subject in dataset
    ]
    if noted:
        findings = pd.concat([findings, pd.DataFrame(noted)], ignore_index=True)
    write_frame(folder / "conversion.tsv", by_subject(tables["convert"]))
    write_frame(folder / "quality.tsv", quality_table(tables))
    measures = add_z_scores(measures, participants, options.reference)
    write_frame(folder / "measures.tsv", marked_as_seen(measures, seen))
    write_frame(folder / "reference_ranges.tsv", ranges_table(options.reference))
    write_frame(folder / "voided.tsv", voided_table(measures))
    write_frame(folder / "overlap.tsv", marked_as_seen(overlap_table(tables["evaluate"]), seen))
    write_frame(folder / "participants.tsv", participants)
    write_frame(folder / "findings.tsv", findings.sort_values(["subject", "stage"], kind="stable"))
    write_frame(folder / "status.tsv", status)
    write_frame(folder / "flow.tsv", flow_of_subjects(index, tables, status, judged))
    describe_tables(folder, [f"{name}.tsv" for name in COHORT], COHORT_TITLE)


def with_verdicts(status: pd.DataFrame, said: Mapping[str, list[Finding]]) -> pd.DataFrame:
    """Final status after review: accepted subjects lose their flag, doubtful ones have one.

    Who was excluded, or met a fault, stays so.
    """
    status = status.copy()
    open_to_it = status["status"].isin([str(Status.OK), str(Status.REVIEW)])
    rows = {subject: row for row, subject in status["subject"][open_to_it].items()}
    for subject in rows.keys() & said.keys():
        doubts = [finding for finding in said[subject] if finding.level is not Level.INFO]
        place = (rows[subject], ["status", "stage", "code", "reason"])
        if doubts:
            status.loc[place] = [str(Status.REVIEW), "review", str(doubts[0].code), doubts[0].message]
        elif said[subject]:
            status.loc[place] = [str(Status.OK), "", "", ""]
    return status


def judgements(paths: Sequence[Path], store: Path) -> dict[str, Judgement]:
    """What reviewers said of each subject that the store has, held against what it holds now."""
    verdicts = read_verdicts(paths).by_subject
    return {
        subject: judgement(verdicts[subject], seen_digests(store / subject)) for subject in sorted(verdicts)
    }


def seen_in_training(
    index: pd.DataFrame,
    datasets: Mapping[str, DatasetOptions],
    trained_on: Mapping[str, Mapping[str, Mapping[str, Sequence[str]]]],
) -> set[tuple[str, str, str]]:
    """Set of models, view and subject of which the training of the view's model saw the participant."""
    people = index[["subject", "dataset", "id", "participant"]]
    seen = set()
    for model, by_view in trained_on.items():
        for view, by_source in by_view.items():
            known = {
                name: {*by_source.get(options.source, ()), *by_source.get(ANY_SOURCE, ())}
                for name, options in datasets.items()
            }
            seen |= {
                (model, view, subject)
                for subject, dataset, *names in people.itertuples(index=False, name=None)
                if not known[dataset].isdisjoint(names)
            }
    return seen


def marked_as_seen(table: pd.DataFrame, seen: set[tuple[str, str, str]]) -> pd.DataFrame:
    """`table` with a column ``seen_in_training``: such rows say nothing about a network's accuracy.

    A row of one view is marked where that view's model saw the subject, a row without a view (measures, which
    take several) where any did.
    """
    keys, known = ["source", "view", "subject"], set[tuple[str, ...]](seen)
    if "view" not in table:
        keys, known = ["source", "subject"], {(model, subject) for model, _, subject in seen}
    # Few subjects were trained on: only their rows are looked at one by one.
    rows = table["subject"].isin({subject for *_, subject in seen}).to_numpy()
    candidates = table.loc[rows, keys].itertuples(index=False, name=None)
    marks = np.full(len(table), "", dtype=object)
    marks[rows] = ["true" if key in known else "" for key in candidates]
    return table.assign(seen_in_training=pd.Series(marks, index=table.index, dtype="str"))


def by_subject(table: pd.DataFrame) -> pd.DataFrame:
    """`table` in the order of the subject keys."""
    return table.sort_values("subject", kind="stable").reset_index(drop=True)


def quality_table(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Both quality stages below each other; a subject that never came to one has no row of it."""
    parts = []
    for stage in QUALITY_STAGES:
        table = tables[stage]
        parts.append(by_subject(table[table["stage"] == stage]))
    return pd.concat(parts, ignore_index=True).fillna("")


def measures_table(measure: pd.DataFrame, participants: pd.DataFrame, body_surface: str) -> pd.DataFrame:
    """Measures by subject, source and frames, with indexed columns; all of them in any case."""
    from cinecohort.measures.columns import COLUMNS
    from cinecohort.measures.indexing import add_indexed

    table = by_subject(measure).drop(columns=[*STATE, "n_sources"], errors="ignore")
    for column in COLUMNS:
        if column not in table and column != "status":
            table[column] = ""
    for column, kind in kinds_of(table.columns, "measures").items():
        if kind in (Kind.NUMBER, Kind.COUNT):
            table[column] = pd.to_numeric(table[column].replace("", None))
            table[column] = table[column].astype("Int64" if kind is Kind.COUNT else float)
    first = [*IDENTITY, "source", "kind", "frames", "ed_frame", "es_frame"]
    first = [column for column in first if column in table]
    table = table[first + [column for column in table.columns if column not in first]]
    return add_indexed(table, participants, body_surface)


def voided_table(measures: pd.DataFrame) -> pd.DataFrame:
    """Which measures are not given and why: one row per subject, source, frames and measure."""
    from cinecohort.measures.voids import read_voided

    given = measures[measures["voided"].fillna("") != ""]
    keys = given[["subject", "source", "dataset", "frames"]].to_dict("records")
    rows = [
        {**key, **each} for key, text in zip(keys, given["voided"], strict=True) for each in read_voided(text)
    ]
    return pd.DataFrame(rows, columns=list(COHORT["voided"].columns))


def overlap_table(evaluate: pd.DataFrame) -> pd.DataFrame:
    """Overlap rows of the subjects that have any; the fixed columns stand there even when none has."""
    columns = list(COHORT["overlap"].columns)
    if "structure" not in evaluate:
        return pd.DataFrame(columns=columns)
    rows = by_subject(evaluate[evaluate["structure"] != ""])
    return rows[columns + [c for c in rows.columns if c not in (*columns, *IDENTITY, *STATE)]]


def gather_results(settings: str, shards: Sequence[str], results: Path) -> None:
    """Gather all shards of a results folder; what the rule calls.

    Parameters
    ----------
    settings
        What :func:`cinecohort.cohort.settings.settings_for` made.
    shards
        Names of the shards.
    results
        The results folder.
    """
    values = GatherSettings.read(settings)
    stages = {
        stage: ShardTables(
            [results / stage / f"{shard}.tsv" for shard in shards],
            [results / stage / f"{shard}.findings.tsv" for shard in shards],
        )
        for stage in STAGES
    }
    gather(
        [index_path(results, shard) for shard in shards],
        stages,
        values.datasets,
        values,
        results / "cohort",
        judgements(values.verdicts, results / "subjects"),
    )
