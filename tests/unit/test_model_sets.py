"""Which networks stand together in the tables."""

import pytest

from cinecohort.config import parse_config
from cinecohort.errors import UserError
from cinecohort.model_sets import PRIMARY, model_sets, primary_name, single_set


def facts(models: dict[str, list[str]]) -> list[tuple[str, dict[str, str], dict[str, str | None]]]:
    return [(each.name, dict(each.models), dict(each.files)) for each in model_sets(models)]


def test_nothing_configured() -> None:
    assert model_sets({}) == model_sets({"sa": []}) == []
    assert primary_name({}) is None


def test_models_of_one_name_are_a_set() -> None:
    assert facts({"sa": ["one", "two"], "la_2ch": ["one"], "la_4ch": []}) == [
        ("one", {"sa": "one", "la_2ch": "one"}, {"sa": None, "la_2ch": None}),
        ("two", {"sa": "two"}, {"sa": "two"}),
    ]


def test_first_models_of_different_names_are_the_primary_set() -> None:
    assert facts({"sa": ["ventricles", "other"], "la_2ch": ["atria", "other"]}) == [
        (PRIMARY, {"sa": "ventricles", "la_2ch": "atria"}, {"sa": None, "la_2ch": None}),
        ("other", {"sa": "other", "la_2ch": "other"}, {"sa": "other", "la_2ch": "other"}),
    ]


def test_a_model_keeps_its_file_where_it_is_the_first_of_a_view() -> None:
    sets = {name: (models, files) for name, models, files in facts({"sa": ["a", "b"], "la_2ch": ["b", "a"]})}
    assert sets[PRIMARY] == ({"sa": "a", "la_2ch": "b"}, {"sa": None, "la_2ch": None})
    assert sets["b"] == ({"sa": "b", "la_2ch": "b"}, {"sa": "b", "la_2ch": None})
    assert sets["a"] == ({"sa": "a", "la_2ch": "a"}, {"sa": None, "la_2ch": "a"})


@pytest.mark.parametrize(
    ("models", "name"),
    [
        ({"la_4ch": ["atria"]}, "atria"),
        ({"sa": ["one", "two"]}, "one"),
        ({"sa": [], "la_2ch": ["atria"]}, "atria"),
        ({"la_2ch": ["atria"], "sa": ["one", "two"]}, PRIMARY),
    ],
)
def test_name_of_the_primary_set(models: dict[str, list[str]], name: str) -> None:
    assert primary_name(models) == name


def test_models_are_known_by_view() -> None:
    assert model_sets({"sa": ["one"], "la_2ch": ["atria"]})[0].described() == "sa=one,la_2ch=atria"
    assert single_set("O", ("sa", "la_2ch"), "O").files == {"sa": "O", "la_2ch": "O"}


def configured(models: dict[str, list[dict[str, object]]]) -> None:
    parse_config({"datasets": {"tiny": {"source": "acdc", "path": "raw"}}, "models": models})


def test_no_model_takes_the_name_of_a_set_of_others() -> None:
    configured({"sa": [{"name": "automatic"}]})
    with pytest.raises(UserError, match="no other model may have that name"):
        configured({"sa": [{"name": "one"}, {"name": "automatic"}], "la_2ch": [{"name": "atria"}]})


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ({"name": "a/b"}, "part of file names"),
        ({"name": "a", "weights": ["x", "x"]}, "same weights twice"),
    ],
)
def test_names_and_ensembles_are_checked(model: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        configured({"sa": [model]})
