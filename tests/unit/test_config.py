from pathlib import Path

import pytest

from cinecohort.config import Config, load_config, parse_config
from cinecohort.errors import UserError
from cinecohort.options import parse_leniently

DATASET = {"source": "acdc", "path": "raw"}
STUDY = {
    "exposure": {"label": "Obese", "condition": "bmi >= 30"},
    "reference": {"label": "Lean", "condition": "bmi < 25"},
    "covariates": ["sex"],
    "outcomes": ["lvm_g"],
}


def test_one_dataset_is_all_that_is_needed():
    config = parse_config({"datasets": {"tiny": DATASET}})
    assert config.results == Path("results")
    assert config.datasets["tiny"].path == Path("raw")
    assert (config.models, config.studies, config.synthetic) == ({}, {}, False)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"shard_size": 0}, "shard_size"),
        ({"sed": 3}, "sed: is not a known key"),
        ({"datasets": {}}, "datasets"),
        ({"datasets": {"tiny": {"source": "acdcc", "path": "raw"}}}, "datasets.tiny.source"),
        ({"datasets": {"tiny": {"source": "acdc"}}}, "datasets.tiny.path"),
        ({"datasets": {"1st": DATASET}}, "datasets.1st"),
        ({"datasets": {"a-b": DATASET}}, "must start with a letter"),
        ({"datasets": {"a/b": DATASET}}, "must start with a letter"),
        ({"segmentation": {"heart_region_margin_mm": float("inf")}}, "segmentation.heart_region_margin_mm"),
        ({"models": {"la_3ch": [{"name": "net"}]}}, "models.la_3ch"),
        ({"models": {"sa": [{"name": "net"}, {"name": "net"}]}}, "every model needs a name of its own"),
        ({"studies": {"first": {**STUDY, "outcome": "x"}}}, "studies.first.outcome"),
    ],
)
def test_a_mistake_is_named_with_its_path(changes, path):
    with pytest.raises(UserError) as raised:
        parse_config({"datasets": {"tiny": DATASET}, **changes}, "my.yaml")
    assert str(raised.value).startswith("my.yaml has 1 mistake:")
    assert path in str(raised.value)


def test_all_mistakes_are_named_at_once():
    with pytest.raises(UserError, match=r"(?s)3 mistakes.*shard_size.*found -1.*datasets.*sed"):
        parse_config({"shard_size": -1, "sed": 1})


def test_a_configuration_cannot_be_changed_afterwards():
    config = parse_config({"datasets": {"tiny": DATASET}})
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 2


def test_home_and_variables_in_paths_are_filled_in(monkeypatch):
    monkeypatch.setenv("BULK", "/data/bulk")
    monkeypatch.setenv("HOME", "/home/me")
    dataset = {"source": "ukbiobank", "path": "$BULK/cine", "participants": "~/people.tsv"}
    config = parse_config({"datasets": {"tiny": dataset}})
    assert config.datasets["tiny"].path == Path("/data/bulk/cine")
    assert config.datasets["tiny"].participants == Path("/home/me/people.tsv")


def test_a_study_is_called_by_its_key():
    config = parse_config({"datasets": {"tiny": DATASET}, "studies": {"obesity": STUDY}})
    assert config.studies["obesity"].name == "obesity"


def test_a_study_that_could_name_no_folder_is_refused():
    with pytest.raises(UserError, match=r"studies\.a b"):
        parse_config({"datasets": {"tiny": DATASET}, "studies": {"a b": STUDY}})


def test_a_file_that_cannot_be_used_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.yaml: cannot be read"):
        load_config(tmp_path / "nothing.yaml")
    for text, message in (("a: [", "is not valid YAML"), ("", "datasets"), ("- a\n- b\n", "holds a list")):
        (tmp_path / "c.yaml").write_text(text)
        with pytest.raises(UserError, match=message):
            load_config(tmp_path / "c.yaml")


def test_a_file_is_read(tmp_path):
    (tmp_path / "c.yaml").write_text("title: Herz\ndatasets:\n  tiny: {source: acdc, path: raw}\n")
    assert load_config(tmp_path / "c.yaml").title == "Herz"


def test_mistakes_do_not_hide_others_and_make_none_of_their_own():
    study = {
        "exposure": {"label": "A", "condition": "bmi >>"},
        "reference": {"label": "B"},
        "covariates": ["sex"],
        "outcomes": [],
    }
    values = {
        "shard_size": 0,
        "sed": 3,
        "datasets": {"tiny": {"source": "acdcc", "path": "raw"}, "good": {"source": "acdc", "path": "raw"}},
        "studies": {"s": study},
    }
    config, mistakes = parse_leniently(values, Config)
    places = [place for place, _ in mistakes]
    assert places == [
        "shard_size",
        "datasets.tiny.source",
        "studies.s.exposure.condition",
        "studies.s.reference.condition",
        "studies.s.outcomes",
        "sed",
    ]
    assert config is not None
    assert list(config.datasets) == ["good"]
    nothing, mistakes = parse_leniently({"datasets": {"tiny": {"source": "acdcc", "path": "raw"}}}, Config)
    assert (nothing, [place for place, _ in mistakes]) == (None, ["datasets.tiny.source"])
