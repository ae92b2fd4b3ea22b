"""The workflow of experiments: clean, and each dataset, row, test, table and panel a job of its own."""

import json
import re
from pathlib import Path

import pytest
import yaml

from cinecohort.experiments.options import load_experiments
from cinecohort.experiments.steps import names_of_steps
from support.tiny_cohort import ROOT, Cohort, write_patient
from support.tiny_weights import write_weights

TINY = {
    "view": "sa",
    "validation": 1,
    "budget": None,
    "datasets": {"tiny": {"source": "acdc", "path": "raw", "held_out": ["patient006"]}},
    "rows": {
        "first": {
            "trained_on": ["tiny"],
            "settings": {
                "architecture": "unet16", "crop": 32, "iterations": 2, "batch_size": 2, "validate_every": 1
            },
        },
        "second": {"trained_on": ["tiny"], "start_from": "first", "settings": {"iterations": 1}},
    },
    "tables": {"tuning": {"rows": ["first", "second"], "datasets": ["tiny"], "published": "bai2018_table10"}},
    "panels": {"both": {"rows": ["first", "second"], "dataset": "tiny", "subjects": 1}},
}  # fmt: skip


@pytest.fixture
def experiments(tmp_path) -> Cohort:
    cohort = Cohort(tmp_path)
    for number in range(1, 7):
        write_patient(cohort.raw, number)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"experiments": TINY}))
    return cohort


def test_whole_run_and_nothing_to_do_after_it(experiments):
    experiments.snakemake("experiments")
    results = experiments.folder / "results" / "experiments"
    for name in ("tables/tuning.csv", "tables/tuning.svg", "tables/curves.svg", "panels/both.png"):
        assert (results / name).stat().st_size > 100, name
    assert "*published* (Bai 2018, Table 10)" in (results / "tables" / "tuning.md").read_text()
    assert "Nothing to be done" in experiments.snakemake("experiments")
    # Another setting of the second row: it, its test, and what shows it; not the first row.
    changed = {**TINY, "rows": {**TINY["rows"], "second": {**TINY["rows"]["second"], "title": "tuned"}}}
    changed["rows"]["second"]["settings"] = {"iterations": 2}
    (experiments.folder / "config.yaml").write_text(yaml.safe_dump({"experiments": changed}))
    printed = experiments.snakemake("experiments", "--dry-run")
    assert planned(printed) == {
        "experiment_row": "1",
        "experiment_test": "1",
        "experiment_table": "1",
        "experiment_curves": "1",
        "experiment_panel": "1",
    }


def test_files_that_the_configuration_names_count_by_what_is_in_them(experiments):
    weights, names = experiments.folder / "w.safetensors", experiments.folder / "held_out.txt"
    write_weights(weights, seed=1)
    names.write_text("patient006\n")
    described(weights)
    values = {
        **TINY,
        "datasets": {"tiny": {"source": "acdc", "path": "raw", "held_out": "held_out.txt"}},
        "rows": {"given": {"weights": "w.safetensors"}},
        "tables": {"one": {"rows": ["given"], "datasets": ["tiny"]}},
        "panels": {},
    }
    (experiments.folder / "config.yaml").write_text(yaml.safe_dump({"experiments": values}))
    experiments.snakemake("experiments")
    assert "Nothing to be done" in experiments.snakemake("experiments", "--dry-run")
    write_weights(weights, seed=2)
    described(weights)
    tested = {"experiment_test": "1", "experiment_table": "1"}
    jobs = planned(experiments.snakemake("experiments", "--dry-run"))
    assert jobs == {"experiment_row": "1", "experiment_curves": "1", **tested}
    experiments.snakemake("experiments")
    names.write_text("patient005\n")
    jobs = planned(experiments.snakemake("experiments", "--dry-run"))
    assert jobs == {"experiment_dataset": "1", **tested}
    names.unlink()
    printed = experiments.snakemake("experiments", check=False)
    assert "held_out.txt: there is no such file of subjects; correct `held_out`." in printed
    assert "Traceback" not in printed


def described(weights: Path) -> None:
    """Say whom the training of made-up weights saw."""
    path = weights.with_suffix(".json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "trained_on": {"any": ["nobody"]}}))


def planned(printed: str) -> dict[str, str]:
    """Number of jobs by rule in what Snakemake printed."""
    return dict(re.findall(r"^(experiment_\w+) +(\d+)$", printed, re.MULTILINE))


def test_lint(experiments):
    assert "Congratulations" in experiments.snakemake("--lint")


def test_mistakes_are_named_without_a_traceback(experiments):
    wrong = {**TINY, "rows": {"first": {"trained_on": ["nowhere"]}}}
    (experiments.folder / "config.yaml").write_text(yaml.safe_dump({"experiments": wrong}))
    printed = experiments.snakemake("experiments", check=False)
    assert "nowhere" in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    "path", sorted((ROOT / "config").glob("experiments*.yaml")), ids=lambda path: path.stem
)
def test_examples_are_valid(path, monkeypatch):
    monkeypatch.setenv("UKB_BULK", "/data")
    options = load_experiments(path)
    steps = names_of_steps(options)
    assert steps["tables"]
    assert set(steps["rows"]) == set(options.rows)


def test_reference_has_not_drifted(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "config"))
    import write_reference

    page = (ROOT / "config" / "README.md").read_text()
    assert write_reference.experiments_reference() in page
    assert write_reference.training_reference() in page
