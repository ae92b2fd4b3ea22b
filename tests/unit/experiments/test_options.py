"""Configuration of experiments: every mistake is named; fine-tuning takes settings over."""

from pathlib import Path

import pytest
import yaml

from cinecohort.errors import UserError
from cinecohort.experiments.options import ExperimentOptions, load_experiments, parse_experiments
from support.tiny_experiments import values_for


def mistakes(**changes: object) -> str:
    with pytest.raises(UserError) as caught:
        parse_experiments({"experiments": values_for(Path("x"), **changes)})
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rows": {"base": {"trained_on": ["nowhere"]}}}, "no dataset 'nowhere'"),
        ({"rows": {"base": {"trained_on": ["home"], "start_from": "none"}}}, "no row 'none'"),
        ({"rows": {"base": {}}}, "either `trained_on` or `weights`"),
        ({"rows": {"base": {"weights": "unet_slim_sa", "folds": 2}}}, "are not trained"),
        ({"tables": {"curves": {"rows": ["base"], "datasets": ["home"]}}}, "choose another"),
        ({"panels": {"one": {"rows": ["base"], "dataset": "home", "subject": 3}}}, "not a known key"),
        (
            {"tables": {"t": {"rows": ["base"], "datasets": ["home"], "published": "x"}}},
            "no published table 'x'",
        ),
        (
            {"tables": {"t": {"rows": ["base"], "datasets": ["home"], "published": "bai2018_table4"}}},
            "no published table 'bai2018_table4' with Dice of sa; there are bai2018_table10",
        ),
        (
            {"tables": {"t": {"rows": ["base", "base"], "datasets": ["home"]}}},
            "tables.t.rows: base: named twice",
        ),
        (
            {"tables": {"t": {"rows": ["base"], "datasets": ["away", "away"]}}},
            "tables.t.datasets: away: named twice",
        ),
        (
            {"panels": {"p": {"rows": ["base", "base"], "dataset": "home"}}},
            "panels.p.rows: base: named twice",
        ),
        (
            {
                "rows": {name: {"title": "A", "trained_on": ["home"]} for name in ("base", "tuned")},
                "tables": {"t": {"rows": ["base", "tuned"], "datasets": ["home"]}},
            },
            "tables.t: base and tuned of its rows have the one title 'A'",
        ),
        (
            # A title that is another one's key.
            {"datasets": {"home": {"path": "x", "title": "away"}, "away": {"path": "y"}}},
            "tables.both: home and away of its datasets have the one title 'away'",
        ),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed"),
        *(
            ({"panels": {"p": {"rows": ["base"], "dataset": "home", "subjects": wrong}}}, "subjects")
            for wrong in (0, -1, [])
        ),
        (
            {"tables": {}, "panels": {}, "rows": {"base": {"trained_on": ["home"], "settings": {"crp": 3}}}},
            "crp: is not a known key",
        ),
        (
            {"tables": {}, "panels": {}, "rows": {"base": {"trained_on": ["home"], "settings": {"crop": 0}}}},
            "  crop: ",
        ),
        (
            {
                "tables": {},
                "panels": {},
                "rows": {"base": {"trained_on": ["home"], "settings": {"architecture": "unet17"}}},
            },
            "there is no network 'unet17'",
        ),
        (
            {"rows": {"base": {"trained_on": ["home"], "settings": {"start_from": "x", "threads": 4}}}},
            "start_from, threads: are set by the experiments",
        ),
        (
            {
                **{"tables": {}, "panels": {}, "budget": 5},
                "rows": {"base": {"trained_on": ["home"], "settings": {"validate_every": 7}}},
            },
            "validate_every: follow from the budget",
        ),
        (
            {
                **{"tables": {}, "panels": {}},
                "rows": {"base": {"trained_on": ["home"], "settings": {"epochs": 7, "iterations": 7}}},
            },
            "iterations and epochs: one says how long",
        ),
        ({"rows": {"base": {"trained_on": ["home"]}, "2": {"trained_on": ["home"]}}}, "start with a letter"),
    ],
)
def test_mistakes_are_named(changes: dict[str, object], words: str) -> None:
    printed = mistakes(**changes)
    assert words in printed


def test_a_row_cannot_start_from_itself_nor_from_many_networks() -> None:
    ring = {name: {"trained_on": ["home"], "start_from": start} for name, start in ("ab", "bc", "ca")}
    assert "starts from itself" in mistakes(rows=ring, tables={}, panels={})
    folds = {
        "a": {"trained_on": ["home"], "folds": 2},
        "b": {"trained_on": ["home"], "start_from": "a"},
    }
    assert "several networks" in mistakes(rows=folds, tables={}, panels={})


def test_rows_of_a_table_have_one_budget_and_fine_tuning_another() -> None:
    rows = {
        "a": {"trained_on": ["home"]},
        "b": {"trained_on": ["home"], "budget": 3},
        "tuned": {"trained_on": ["away"], "start_from": "a", "budget": 4},
    }
    table = {"t": {"rows": ["a", "b"], "datasets": ["home"]}}
    assert "different budgets" in mistakes(rows=rows, budget=20, tables=table, panels={})
    fine = {"t": {"rows": ["a", "tuned"], "datasets": ["home"]}}
    options = ExperimentOptions.model_validate(
        values_for(Path("x"), rows=rows, budget=20, tables=fine, panels={})
    )
    assert [options.budget_of(row) for row in rows] == [20, 3, 4]


def test_fine_tuning_takes_settings_over_section_by_section() -> None:
    rows = {
        "a": {"trained_on": ["home"], "settings": {"recipe": "chen", "augmentation": {"flip": 0, "blur": 1}}},
        "b": {"trained_on": ["away"], "start_from": "a", "settings": {"augmentation": {"blur": 0}}},
    }
    options = ExperimentOptions.model_validate(values_for(Path("x"), rows=rows, tables={}, panels={}))
    assert options.settings_of("b") == {"recipe": "chen", "augmentation": {"flip": 0, "blur": 0}}
    assert options.settings_of("a")["augmentation"]["blur"] == 1


def test_a_fine_tuned_row_has_its_own_length() -> None:
    rows = {
        "a": {"trained_on": ["home"], "settings": {"recipe": "chen", "epochs": 200}},
        "b": {"trained_on": ["away"], "start_from": "a", "settings": {"iterations": 9}},
        "c": {"trained_on": ["away"], "start_from": "b", "settings": {"epochs": 2}},
    }
    options = ExperimentOptions.model_validate(values_for(Path("x"), rows=rows, tables={}, panels={}))
    assert options.settings_of("b") == {"recipe": "chen", "iterations": 9}
    assert options.settings_of("c") == {"recipe": "chen", "epochs": 2}


def test_files_that_are_not_experiments(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    with pytest.raises(UserError, match="cannot be read"):
        load_experiments(path)
    path.write_text(yaml.safe_dump({"datasets": {}}))
    with pytest.raises(UserError, match="no section `experiments`"):
        load_experiments(path)
    path.write_text("experiments: [")
    with pytest.raises(UserError, match="not valid YAML"):
        load_experiments(path)
