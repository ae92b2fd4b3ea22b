"""Reading a results folder: every table that is there, an empty one of the same columns where it is not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cinecohort.errors import UserError
from cinecohort.files import read_json
from cinecohort.ledger.columns import COHORT
from cinecohort.ledger.frames import read_frame, without_missing_text
from cinecohort.model_sets import ModelSet, model_sets
from cinecohort.synthetic import any_synthetic


def read_table(path: Path, columns: Sequence[str] = (), table: str = "") -> pd.DataFrame:
    """Read a table of the results as it is printed: missing text is empty, a missing file has no rows.

    See :func:`cinecohort.ledger.frames.read_frame`.
    """
    return without_missing_text(read_frame(path, table, columns, may_be_absent=True), table)


Row = dict[str, Any]


def rows_by(table: pd.DataFrame, *keys: str) -> dict[Any, Row]:
    """Rows as mappings, by the value of a key column (or the tuple of several); the first of equal ones."""
    result: dict[Any, Row] = {}
    for row in table.to_dict("records"):
        values = tuple(row[key] for key in keys)
        result.setdefault(values if len(keys) > 1 else values[0], {str(name): row[name] for name in row})
    return result


@dataclass
class Results:
    """What the report is made from.

    Parameters
    ----------
    folder
        The results folder.
    run
        ``run.json``, or an empty mapping.
    config
        The configuration as plain values.
    datasets
        Names of the datasets in their order.
    conversion, findings, quality, measures, overlap, participants, status, flow
        The cohort tables.
    """

    folder: Path
    run: Mapping[str, Any]
    config: Mapping[str, Any]
    datasets: list[str]
    conversion: pd.DataFrame
    findings: pd.DataFrame
    quality: pd.DataFrame
    measures: pd.DataFrame
    overlap: pd.DataFrame
    participants: pd.DataFrame
    status: pd.DataFrame
    flow: pd.DataFrame

    @property
    def title(self) -> str:
        """Title of the run."""
        return str(self.run.get("title") or self.config.get("title") or "Cardiac MR phenotyping")

    @property
    def synthetic(self) -> bool:
        """Whether any data are made up, as the configuration or the participants' table says."""
        said = self.run.get("synthetic", self.config.get("synthetic", False))
        return bool(said) or any_synthetic(self.participants)

    @property
    def confidence(self) -> float:
        """Confidence of the intervals of agreement, as it was set."""
        return float((self.config.get("agreement") or {}).get("confidence", 0.95))

    @property
    def overlap_noun(self) -> str:
        """What n counts in the tables of overlap: subjects, or frames where each counts alone."""
        unit = (self.config.get("agreement") or {}).get("overlap_unit", "subject")
        return "frame" if unit == "image" else "subject"

    @property
    def n_received(self) -> int:
        """Subjects in the index."""
        return len(self.status)

    @property
    def analysed(self) -> frozenset[str]:
        """Keys of the subjects that were analysed: ok or for review."""
        return frozenset(self.status.loc[self.status["status"].isin(["ok", "review"]), "subject"])

    @property
    def flagged(self) -> frozenset[str]:
        """Keys of the subjects that were analysed and are flagged for review."""
        return frozenset(self.status.loc[self.status["status"] == "review", "subject"])

    def count(self, *statuses: str) -> int:
        """Count the subjects of these final statuses."""
        return int(self.status["status"].isin(statuses).sum())

    def own_measures(self) -> pd.DataFrame:
        """Measures of analysed subjects, each source at its own ED and ES frames."""
        table = self.measures
        own = table["frames"].isin(["", "own"]) & (table["source"] != "")
        return table[own & table["subject"].isin(self.analysed)]

    def sources(self) -> list[str]:
        """Sources of measures: the primary model first, other models, then observers."""
        table = self.measures[self.measures["source"] != ""]
        order = table.drop_duplicates("source").set_index("source")["kind"]
        automatic = [name for name, kind in order.items() if kind == "auto"]
        primary = next((each.name for each in configured_sets(self.config)), "")
        automatic.sort(key=lambda name: name != primary)
        return [*map(str, automatic), *(str(name) for name, kind in order.items() if kind != "auto")]

    def observers(self) -> list[str]:
        """Sources that are people."""
        automatic = set(self.automatic_sources())
        return [name for name in self.sources() if name not in automatic]

    def automatic_sources(self) -> list[str]:
        """Sources that are models."""
        table = self.measures[self.measures["kind"] == "auto"]
        names = set(table["source"].unique())
        return [name for name in self.sources() if name in names]


def configured_sets(config: Mapping[str, Any]) -> list[ModelSet]:
    """Sets of models of the configuration, the primary one first."""
    models = config.get("models") or {}
    return model_sets({str(view): [str(each["name"]) for each in listed] for view, listed in models.items()})


def read_results(folder: Path, config: Mapping[str, Any]) -> Results:
    """Read a results folder.

    Raises
    ------
    UserError
        If it holds no table of statuses, or its numbers do not add up.
    """
    cohort = folder / "cohort"
    if not (cohort / "status.tsv").is_file():
        raise UserError(
            f"{folder}: holds no cohort/status.tsv, so there is nothing to report; run the workflow first."
        )
    tables = {
        name: read_table(cohort / f"{name}.tsv", table.columns, name)
        for name, table in COHORT.items()
        if name in Results.__annotations__
    }
    run_file = folder / "run.json"
    results = Results(
        folder=folder,
        run=read_json(run_file) if run_file.is_file() else {},
        config=config,
        datasets=[str(name) for name in tables["status"]["dataset"].drop_duplicates()],
        **tables,
    )
    check_sums(results)
    return results


def after_the_flow(status: pd.DataFrame) -> pd.Series:
    """Mark the subjects lost after the last step of the flow: by a fault of the evaluation."""
    return status["status"].isin(["excluded", "error"]) & (status["stage"] == "evaluate")


def check_sums(results: Results) -> None:
    """Check that received = analysed + excluded, in the statuses and in every step of the flow.

    Raises
    ------
    UserError
        If a number does not add up: a report must not hide it.
    """
    if results.status["subject"].duplicated().any():
        raise UserError(
            f"{results.folder / 'cohort/status.tsv'}: lists a subject twice; gather the tables again."
        )
    excluded = results.count("excluded", "error")
    if results.n_received != len(results.analysed) + excluded:
        unknown = sorted(set(results.status["status"]) - {"ok", "review", "excluded", "error"})
        raise UserError(
            f"{results.folder / 'cohort/status.tsv'}: {results.n_received} subjects were received, but "
            f"{len(results.analysed)} analysed and {excluded} excluded (unknown statuses: {unknown}); "
            "gather the tables again."
        )
    steps = results.flow[results.flow["code"] == ""]
    for dataset, table in steps.groupby("dataset", sort=False):
        received = pd.to_numeric(table["received"]).to_numpy()
        left = received - pd.to_numeric(table["excluded"]).to_numpy()
        subjects = results.status[results.status["dataset"] == dataset]
        n_dataset = len(subjects)
        n_analysed = int(subjects["status"].isin(["ok", "review"]).sum())
        expected = n_analysed + int(after_the_flow(subjects).sum())
        adds_up = received[0] == n_dataset and left[-1] == expected and (left[:-1] == received[1:]).all()
        if not adds_up:
            raise UserError(
                f"{results.folder / 'cohort/flow.tsv'}: the flow of dataset {dataset} does not add up with "
                f"its {n_dataset} subjects received and {n_analysed} analysed; gather the tables again."
            )
