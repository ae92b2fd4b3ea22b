"""The cohort's tables from measures that were made elsewhere: no images, no stages."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from cinecohort.cohort.flow import COLUMNS as FLOW_COLUMNS
from cinecohort.cohort.flow import step_row
from cinecohort.cohort.gather import write_frame
from cinecohort.cohort.participant_tables import read_participants
from cinecohort.cohort.stages import FINDING_COLUMNS, IDENTITY, STATE
from cinecohort.cohort.withdrawals import withdrawn_ids
from cinecohort.config import DatasetOptions
from cinecohort.findings import Status
from cinecohort.ledger.columns import VOIDED_COLUMNS
from cinecohort.sources.tables import parse_settings, write_cohort_tables


def import_tables(settings: str, results: Path) -> None:
    """Write ``results/cohort/`` from tables of measures; what the rule calls.

    Parameters
    ----------
    settings
        What :func:`cinecohort.cohort.settings.settings_for` made.
    results
        The results folder.
    """
    datasets = {name: DatasetOptions(**values) for name, values in json.loads(settings)["datasets"].items()}
    folder = results / "cohort"
    participants = {
        name: read_participants(options.participants, options.columns)
        for name, options in datasets.items()
        if options.participants is not None
    }
    paths = write_cohort_tables(
        {name: (options.path, parse_settings(options.settings, name)) for name, options in datasets.items()},
        folder,
        participants,
    )
    people = pd.read_csv(paths["participants"], sep="\t", dtype=str)
    people = people[~withdrew(people, datasets)]
    for name in ("measures", "participants"):
        table = pd.read_csv(paths[name], sep="\t", dtype=str)
        write_frame(paths[name], table[table["subject"].isin(people["subject"])])
    status = people[["subject", "dataset"]].assign(status=str(Status.OK), stage="", code="", reason="")
    steps = [
        step_row(dataset, step, int(n), 0, 0)
        for dataset, n in people.groupby("dataset").size().items()
        for step in ("indexed", "analysed")
    ]
    write_frame(folder / "status.tsv", status)
    write_frame(folder / "flow.tsv", pd.DataFrame(steps, columns=list(FLOW_COLUMNS)))
    write_frame(folder / "voided.tsv", pd.DataFrame(columns=list(VOIDED_COLUMNS)))
    write_frame(folder / "findings.tsv", pd.DataFrame(columns=list(FINDING_COLUMNS)))
    for name in ("conversion", "quality"):
        write_frame(folder / f"{name}.tsv", pd.DataFrame(columns=[*IDENTITY, *STATE]))


def withdrew(people: pd.DataFrame, datasets: Mapping[str, DatasetOptions]) -> pd.Series:
    """Whether each row is about a participant who withdrew."""
    gone = {name: withdrawn_ids(options.withdrawals) for name, options in datasets.items()}
    pairs = zip(people["dataset"], people["participant"], strict=True)
    return pd.Series([who in gone[dataset] for dataset, who in pairs], index=people.index, dtype=bool)
