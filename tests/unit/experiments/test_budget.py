"""Budgets: iterations from processor minutes, worked out by hand; timing of a real training."""

import time
from pathlib import Path

import numpy as np
import pytest

from cinecohort.experiments import budget
from cinecohort.experiments.datasets import subject_folder
from cinecohort.experiments.options import ExperimentOptions
from cinecohort.images import Image, write_image
from cinecohort.segmentation.training_options import TrainingOptions


@pytest.fixture
def training(finished: ExperimentOptions) -> TrainingOptions:
    folder = finished.results / "datasets" / "home" / "subjects"
    return TrainingOptions.model_validate(
        {
            "name": "x",
            "output": "x",
            "architecture": "unet16",
            "data": {"folders": [folder]},
            "crop": 48,
            "spacing_mm": 1.5,
            "batch_size": 4,
            "threads": 1,
            "device": "cpu",
        }
    )


def test_what_a_validation_costs(training: TrainingOptions, finished: ExperimentOptions) -> None:
    # 48 x 48 pixels of 1.5 mm stay 48 x 48; two frames of six slices are three batches, forward only.
    folders = [subject_folder(finished, "home", "patient002")]
    assert budget.annotated_frames(folders[0], "manual", "sa") == (2, 12)
    assert budget.annotated_frames(folders[0], "manual", "sa", ["RV"]) == (2, 12)
    assert budget.validation_cost(training, folders) == pytest.approx(0.25 * 12 / 4)
    finer = training.model_copy(update={"spacing_mm": 0.75})
    assert budget.validation_cost(finer, folders * 2) == pytest.approx(2 * 4 * 0.25 * 12 / 4)


def test_passes_through_the_data_become_iterations(
    training: TrainingOptions, finished: ExperimentOptions
) -> None:
    folders = [subject_folder(finished, "home", f"patient00{number}") for number in (2, 3)]
    assert budget.plan(training, None, folders, []).iterations == 3000
    epochs = training.model_copy(update={"epochs": 7})
    planned = budget.plan(epochs, None, folders, [])
    assert (planned.iterations, planned.validate_every) == (42, 6)  # 7 passes of 24 slices in fours


def test_iterations_fit_the_budget(
    training: TrainingOptions, finished: ExperimentOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "seconds_per_iteration", lambda options: 0.5)
    folders = [subject_folder(finished, "home", "patient002")]
    planned = budget.plan(training, 1.0, [], folders)
    # 120 iterations of half a second; 8 validations of 0.75 iterations are less than a tenth.
    assert (planned.iterations, planned.validate_every) == (114, 15)
    assert planned.checkpoint_every == 120
    assert planned.seconds_per_iteration == 0.5
    # 0.1 minutes: 12 iterations; a tenth would allow one validation, two are made.
    assert budget.plan(training, 0.1, [], folders).iterations == 10
    # The recipe's own number is never exceeded, and kept where there is no budget.
    short = training.model_copy(update={"iterations": 40})
    assert budget.plan(short, 1.0, [], folders).iterations == 40
    assert budget.plan(training, None, [], folders).iterations == 3000


def test_iterations_are_timed_and_nothing_is_kept(
    training: TrainingOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "MEASURED_SECONDS", 0.2)
    monkeypatch.chdir(tmp_path)
    began = time.process_time()
    seconds = budget.seconds_per_iteration(training)
    assert 0 < seconds < time.process_time() - began
    assert list(tmp_path.iterdir()) == []


def test_only_what_is_learnt_counts(tmp_path: Path) -> None:
    annotated = {"0": {"LV": [0], "MYO": [0]}, "1": {"LV": [0], "LA": [0]}}
    label = Image(np.ones((8, 8, 1, 2), dtype=np.uint8), np.eye(4), None, {"annotated": annotated})
    write_image(tmp_path / "label_manual_la_4ch.nii.gz", label)
    for structures, expected in ((None, (1, 1)), (["LV"], (2, 2)), (["RV"], (0, 0)), (["MYO", "LA"], (2, 2))):
        assert budget.annotated_frames(tmp_path, "manual", "la_4ch", structures) == expected
