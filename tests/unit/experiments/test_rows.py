"""Rows: who is trained on, what a stopped row goes on with, what other settings do."""

import itertools
from pathlib import Path

import pytest
import safetensors.torch
import torch

from cinecohort.errors import UserError
from cinecohort.experiments import rows as rows_module
from cinecohort.experiments.options import ExperimentOptions
from cinecohort.experiments.rows import fold_folders, read_curve, read_row, split_folds, train_row
from cinecohort.files import read_json
from support.tiny_experiments import TRAINING, values_for


def quiet(line: str) -> None:
    pass


def test_nobody_held_out_is_seen_and_folds_share_the_others_out(finished: ExperimentOptions) -> None:
    [(training, validation)] = split_folds(finished, "base")
    assert sorted(training["home"] + validation["home"]) == [f"patient{n:03d}" for n in range(2, 7)]
    assert len(validation["home"]) == 1
    [base] = read_row(finished, "base")["networks"]
    assert "patient001" not in base["seen"]["home"]
    links = {path.name for path in (fold_folders(finished, "base")[0] / "subjects").iterdir()}
    assert links == {f"home-patient{n:03d}" for n in range(2, 7)}
    first, second = read_row(finished, "tuned")["networks"]
    away = {"patient011", "patient012", "patient013"}
    # Each is left out once, and what the start saw counts as seen.
    assert (away - set(first["seen"]["away"])) | (away - set(second["seen"]["away"])) == away
    assert set(first["seen"]["away"]) & set(second["seen"]["away"]) != away
    assert first["seen"]["home"] == base["seen"]["home"]


def test_the_record_has_length_and_time(finished: ExperimentOptions) -> None:
    record = read_row(finished, "base")
    assert (record["iterations"], record["recipe_iterations"], record["precision"]) == (3, 3, "fp32") or (
        record["precision"] == "bf16"
    )
    # Rounded to hundredths: on a fast machine these few iterations take none.
    seconds = read_json(fold_folders(finished, "base")[0] / "time.json")["seconds"]
    assert record["minutes"] == round(seconds / 60, 2)
    assert record["training_subjects"] == 4
    assert read_row(finished, "tuned")["iterations"] == 2
    assert [point["iteration"] for point in read_curve(fold_folders(finished, "base")[0])] == ["1", "2", "3"]


def test_a_stopped_row_goes_on_to_the_same_end(
    raw: Path, finished: ExperimentOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count(step=30)
    monkeypatch.setattr(rows_module, "clock_of", lambda device: lambda: next(ticks))
    values = values_for(raw, results=finished.results)
    settings = {**TRAINING, "checkpoint_every": 1}
    rows = {
        name: {"trained_on": ["home"], "settings": {**settings, "seed": 5}} for name in ("whole", "killed")
    }
    options = ExperimentOptions.model_validate({**values, "rows": rows, "tables": {}, "panels": {}})

    def kill(line: str) -> None:
        if "3 of 3" in line:
            raise KeyboardInterrupt

    train_row(options, "whole", quiet)
    assert read_row(options, "whole")["minutes"] > 0
    with pytest.raises(KeyboardInterrupt):
        train_row(options, "killed", kill)
    said: list[str] = []
    train_row(options, "killed", said.append)
    assert any("resumed after 2" in line for line in said)
    one, two = (safetensors.torch.load_file(read_row(options, row)["networks"][0]["weights"]) for row in rows)
    assert all(torch.equal(one[name], two[name]) for name in one)
    said.clear()
    train_row(options, "killed", said.append)
    assert said == ["killed: is trained already"]
    # Other settings begin afresh instead of going on from another training.
    rows["killed"]["settings"] = {**settings, "seed": 6}
    again = ExperimentOptions.model_validate({**values, "rows": rows, "tables": {}, "panels": {}})
    train_row(again, "killed", said.append)
    assert not any("resumed" in line for line in said)
    assert read_json(finished.results / "rows" / "killed" / "row.json")["seed"] == 6


def test_a_row_without_its_start_or_with_too_few_subjects(raw: Path, finished: ExperimentOptions) -> None:
    rows = {
        "never": {"trained_on": ["home"], "settings": TRAINING},
        "after": {"trained_on": ["away"], "start_from": "never"},
        "folds": {"trained_on": ["away"], "folds": 4, "settings": TRAINING},
    }
    values = values_for(raw, results=finished.results, rows=rows, tables={}, panels={})
    options = ExperimentOptions.model_validate(values)
    for row, words in (("after", "train row never first"), ("folds", "too few for 4 folds")):
        with pytest.raises(UserError, match=words):
            train_row(options, row, quiet)
