"""Steps by name: unknown ones, what each depends on; weights that were trained elsewhere."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cinecohort.cli import main
from cinecohort.errors import UserError
from cinecohort.experiments.accuracy import evaluate_row, record_of_test
from cinecohort.experiments.options import ExperimentOptions
from cinecohort.experiments.rows import read_row, train_row
from cinecohort.experiments.steps import check_files, settings_of_step
from cinecohort.experiments.tables import make_table
from cinecohort.experiments.versions import VERSIONS
from cinecohort.files import read_json, write_json
from support.tiny_experiments import TRAINING, values_for
from support.tiny_weights import write_weights


def test_a_step_depends_on_what_it_uses() -> None:
    options = ExperimentOptions.model_validate(values_for(Path("x")))
    other = ExperimentOptions.model_validate(values_for(Path("x"), clean_up=False, threads=7))
    assert settings_of_step(options, "rows", "base") == settings_of_step(other, "rows", "base")
    assert settings_of_step(options, "tests", "") != settings_of_step(other, "tests", "")
    rows = {**values_for(Path("x"))["rows"], "base": {"trained_on": ["home"], "settings": {"crop": 48}}}
    changed = ExperimentOptions.model_validate(values_for(Path("x"), rows=rows))
    # The settings of the start are those of the row that is fine-tuned.
    assert settings_of_step(options, "rows", "tuned") != settings_of_step(changed, "rows", "tuned")
    assert settings_of_step(options, "datasets", "home") == settings_of_step(changed, "datasets", "home")


def test_a_step_depends_on_what_is_in_the_files_that_it_names(tmp_path: Path) -> None:
    weights, names = tmp_path / "w.safetensors", tmp_path / "names.txt"
    write_weights(weights, seed=1)
    names.write_text("patient001\n")
    values = values_for(tmp_path, tables={}, panels={}, rows={"given": {"weights": str(weights)}})
    values["datasets"]["home"]["held_out"] = names
    options = ExperimentOptions.model_validate(values)

    def now() -> tuple[str, str]:
        return settings_of_step(options, "rows", "given"), settings_of_step(options, "datasets", "home")

    first = now()
    names.write_text("patient001   patient001")
    assert now() == first
    names.write_text("patient001\npatient002\n")
    row, dataset = now()
    assert (row == first[0], dataset == first[1]) == (True, False)
    write_weights(weights, seed=2)
    assert settings_of_step(options, "rows", "given") != row
    # Whom the training saw decides who is tested.
    row = settings_of_step(options, "rows", "given")
    description = weights.with_suffix(".json")
    write_json(description, {**read_json(description), "trained_on": {"any": ["patient002"]}})
    assert settings_of_step(options, "rows", "given") != row
    names.unlink()
    with pytest.raises(UserError, match=r"names\.txt: there is no such file"):
        settings_of_step(options, "datasets", "home")
    with pytest.raises(UserError, match=r"datasets\.home: .*names\.txt: there is no such file"):
        check_files(options)
    names.write_text("patient001")
    check_files(options)
    weights.unlink()
    with pytest.raises(UserError, match=r"rows\.given: .*w\.safetensors: there is no such weights file"):
        check_files(options)


def test_configuration_and_settings_are_read_without_anything_heavy() -> None:
    code = (
        "import sys; from pathlib import Path; from cinecohort.experiments import options, steps;"
        "known = options.load_experiments(Path(sys.argv[1]));[steps.settings_of_step(known, kind, name)"
        " for kind, names in steps.names_of_steps(known).items() for name in names];"
        "heavy = {'torch', 'pandas', 'scipy', 'matplotlib', 'nibabel', 'pydicom', 'openvino', 'MNN'};"
        "sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)"
    )
    config = Path(__file__).parents[3] / "config" / "experiments.yaml"
    done = subprocess.run(
        [sys.executable, "-c", code, str(config)],
        capture_output=True,
        text=True,
        check=False,
        cwd=config.parents[1],
    )
    assert done.returncode == 0, done.stderr


def test_tests_of_other_weights_are_not_shown(raw: Path, finished: ExperimentOptions, tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"

    def other(seed: int) -> None:
        write_weights(weights, seed)
        description = weights.with_suffix(".json")
        write_json(description, {**read_json(description), "trained_on": {"any": ["nobody"]}})

    rows = {"given": {"weights": str(weights)}}
    tables = {"one": {"rows": ["given"], "datasets": ["home"]}}
    values = values_for(raw, results=tmp_path, rows=rows, tables=tables, panels={})
    options = ExperimentOptions.model_validate(values)
    (tmp_path / "datasets").symlink_to(finished.results / "datasets")
    for seed in (1, 2):
        other(seed)
        train_row(options, "given")
        if seed == 2:
            with pytest.raises(UserError, match="row given has now; test it on dataset home again"):
                make_table(options, "one")
        evaluate_row(options, "given", "home")
        assert make_table(options, "one").is_file()
    # A test that was made before its weights were recorded.
    record_of_test(options, "given", "home").unlink()
    with pytest.raises(UserError, match="test it on dataset home again"):
        make_table(options, "one")


def test_a_step_of_another_version_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    options = ExperimentOptions.model_validate(values_for(Path("x")))
    before = settings_of_step(options, "rows", "base")
    monkeypatch.setitem(VERSIONS, "rows", VERSIONS["rows"] + 1)
    assert settings_of_step(options, "rows", "base") != before


def test_shipped_weights_are_a_row_and_their_own_subjects_are_never_tested(
    raw: Path, finished: ExperimentOptions
) -> None:
    rows = {"shipped": {"weights": "unet_slim_sa"}}
    tables = {"one": {"rows": ["shipped"], "datasets": ["away"]}}
    values = values_for(raw, results=finished.results, rows=rows, tables=tables, panels={})
    options = ExperimentOptions.model_validate(values)
    train_row(options, "shipped", report=lambda line: None)
    record = read_row(options, "shipped")
    assert len(record["networks"][0]["seen"]["away"]) == record["training_subjects"] + 5
    evaluate_row(options, "shipped", "away")
    text = make_table(options, "one").with_suffix(".md").read_text()
    assert "Rows without minutes are weights that existed already" in text
    # One of the three has the name of a subject of ACDC that was held out from them.
    assert "| shipped | acdc (n = 60) | Away | 1 |" in text
    assert text.endswith("| – | – | – |\n")


def test_command_does_one_step_and_names_what_it_does_not_know(
    raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    values = values_for(raw, results=tmp_path, rows={"base": {"trained_on": ["home"], "settings": TRAINING}})
    values = {**values, "tables": {}, "panels": {}}
    config.write_text(dump(values))
    assert main(["experiments", str(config), "--dataset", "home"]) == 0
    assert (tmp_path / "datasets" / "home" / "subjects.csv").is_file()
    assert main(["experiments", str(config), "--row", "basis"]) == 1
    assert "has no rows basis; it has base" in capsys.readouterr().err
    for steps in ([], ["--row", "base", "--dataset", "home"]):
        with pytest.raises(SystemExit, match="2"):
            main(["experiments", str(config), *steps])


def dump(values: dict[str, object]) -> str:
    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return str(value) if isinstance(value, Path) else value

    return yaml.safe_dump({"experiments": plain(values)})
