"""The cohort's tables from measures that were made elsewhere: no images, no stages."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from cinecohort.cohort.flow import step_row
from cinecohort.cohort.index import subject_key
from cinecohort.cohort.participants import findings_of, gather_participants
from cinecohort.cohort.stage_settings import ImportSettings
from cinecohort.cohort.withdrawals import withdrawn_ids
from cinecohort.config import DatasetOptions
from cinecohort.findings import Finding, Status
from cinecohort.ledger.columns import COHORT
from cinecohort.ledger.frames import write_frame
from cinecohort.ledger.table_schemas import COHORT_TITLE, describe_tables
from cinecohort.measures.reference_ranges import NO_REFERENCE, Reference, add_z_scores, ranges_table
from cinecohort.sources.table_options import TablesOptions
from cinecohort.sources.tables import read_dataset


def import_tables(settings: str, results: Path) -> None:
    """Write ``results/cohort/`` from tables of measures; what the rule calls.

    Parameters
    ----------
    settings
        What :func:`cinecohort.cohort.settings.settings_for` made.
    results
        The results folder.
    """
    values = ImportSettings.read(settings)
    write_cohort_tables(values.datasets, results / "cohort", values.reference)


def write_cohort_tables(
    datasets: Mapping[str, DatasetOptions], folder: Path, reference: Reference = NO_REFERENCE
) -> pd.DataFrame:
    """Write the cohort's tables from tables of measures, and return what was read.

    Participants who withdrew are in none of them.

    Parameters
    ----------
    datasets
        With more than one, subject keys are ``{dataset}-{id}``.
    folder
        Where ``measures.tsv`` (one row per subject and source), ``participants.tsv``, ``findings.tsv`` and
        the others go.
    reference
        Ranges of healthy people, for z-scores.

    Returns
    -------
    pandas.DataFrame
        Counts by dataset and source; see :class:`cinecohort.sources.tables.MeasuresTable`.
    """
    measures, counts, odd, notes = read_measures_of(datasets)
    for note in notes:
        print(note)
    index = measures.drop_duplicates("subject")[["subject", "dataset", "id", "participant", "visit"]]
    index = index[~withdrew(index, datasets)].reset_index(drop=True)
    measures = measures[measures["subject"].isin(index["subject"])].drop(
        columns=["id", "participant", "visit"]
    )
    people, doubted = gather_participants(index, datasets)
    measures = add_z_scores(measures, people, reference)
    status = index[["subject", "dataset"]].assign(status=str(Status.OK), stage="", code="", reason="")
    steps = [
        step_row(dataset, step, int(n), 0, 0)
        for dataset, n in index.groupby("dataset").size().items()
        for step in ("indexed", "analysed")
    ]
    dataset_of = dict(zip(index["subject"], index["dataset"], strict=True))
    findings = [
        {"subject": subject, "dataset": dataset_of[subject], "stage": stage, **finding.to_dict()}
        for stage, by_subject in (("participants", doubted), ("measure", odd))
        for subject, listed in by_subject.items()
        for finding in listed
        if subject in dataset_of
    ]
    first = ["subject", "dataset", "source", "kind", "frames"]
    tables = {name: pd.DataFrame(columns=list(table.columns)) for name, table in COHORT.items()} | {
        "measures": measures[[*first, *(name for name in measures.columns if name not in first)]],
        "participants": people,
        "reference_ranges": ranges_table(reference),
        "status": status,
        "flow": pd.DataFrame(steps, columns=list(COHORT["flow"].columns)),
        "findings": pd.DataFrame(findings, columns=list(COHORT["findings"].columns)),
        "tables": counts,
    }
    for name, table in tables.items():
        write_frame(folder / f"{name}.tsv", table)
    describe_tables(folder, [f"{name}.tsv" for name in tables], COHORT_TITLE)
    return counts


def read_measures_of(
    datasets: Mapping[str, DatasetOptions],
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, list[Finding]], list[str]]:
    """Measures of all datasets with their subjects' keys, what was read, values not believed, notes."""
    tables, counts, notes = [], [], list[str]()
    odd: dict[str, list[Finding]] = {}
    for name, options in datasets.items():
        assert isinstance(options.settings, TablesOptions)
        table, read, remarks, read_notes = read_dataset(name, options.path, options.settings)
        keys = {each: subject_key(name, each, datasets) for each in table["subject"]}
        own = table["subject"]
        tables.append(table.assign(id=own, participant=own, visit="", subject=own.map(keys)))
        counts += read
        notes += read_notes
        odd |= {keys[each]: findings_of(listed) for each, listed in remarks.items()}
    return pd.concat(tables, ignore_index=True), pd.DataFrame(counts), odd, notes


def withdrew(people: pd.DataFrame, datasets: Mapping[str, DatasetOptions]) -> pd.Series:
    """Whether each row is about a participant who withdrew."""
    gone = {name: withdrawn_ids(options.withdrawals) for name, options in datasets.items()}
    pairs = zip(people["dataset"], people["participant"], strict=True)
    return pd.Series([who in gone[dataset] for dataset, who in pairs], index=people.index, dtype=bool)
