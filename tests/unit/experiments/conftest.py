"""Tiny experiments on six made-up patients: two rows, one of them fine-tuned with folds, run once."""

from pathlib import Path

import pytest

from cinecohort.experiments.accuracy import evaluate_row
from cinecohort.experiments.datasets import prepare_dataset
from cinecohort.experiments.options import ExperimentOptions
from cinecohort.experiments.rows import train_row
from support.tiny_cohort import write_patient
from support.tiny_experiments import values_for


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six patients at home, three (with other hearts) away."""
    folder = tmp_path_factory.mktemp("raw")
    for number in range(1, 7):
        write_patient(folder / "raw", number)
    for number in range(11, 14):
        write_patient(folder / "other", number, scale=1.1)
    return folder


@pytest.fixture(scope="session")
def finished(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> ExperimentOptions:
    """The experiments, both rows trained and tested on both datasets."""
    results = tmp_path_factory.mktemp("finished")
    options = ExperimentOptions.model_validate(values_for(raw, results=results))
    for dataset in options.datasets:
        prepare_dataset(options, dataset)
    for row in options.rows:
        train_row(options, row, report=lambda line: None)
        for dataset in options.datasets:
            evaluate_row(options, row, dataset)
    return options
