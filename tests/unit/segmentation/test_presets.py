"""Presets of segmentation."""

import pytest

from cinecohort.cohort.settings import settings_for
from cinecohort.config import parse_config
from cinecohort.errors import UserError
from cinecohort.segmentation.descriptions import DEFAULT_MODELS, describe_for
from cinecohort.segmentation.presets import SHORT_AXIS

DATASETS = {"datasets": {"acdc": {"source": "acdc", "path": "acdc"}}}


def test_a_preset_names_the_networks_of_every_view():
    config = parse_config({**DATASETS, "segmentation": {"preset": "default"}})
    assert {view: [each.name for each in models] for view, models in config.models.items()} == {
        view: [name] for view, name in DEFAULT_MODELS.items()
    }


def test_models_of_the_user_override_it():
    models = {"sa": [{"name": "unet_slim_sa"}]}
    config = parse_config({**DATASETS, "models": models, "segmentation": {"preset": "fast"}})
    assert config.models["sa"][0].members == ("unet_slim_sa",)
    assert set(config.models) == set(DEFAULT_MODELS)


def test_without_a_preset_nothing_is_filled_in():
    assert parse_config(DATASETS).models == {}


def test_the_accurate_preset_turns_images_unless_the_user_says_otherwise():
    plain, accurate, own = (
        parse_config({**DATASETS, "segmentation": segmentation}).segmentation.test_time_augmentation
        for segmentation in (
            {"preset": "default"},
            {"preset": "accurate"},
            {"preset": "accurate", "test_time_augmentation": "flips"},
        )
    )
    assert (plain, accurate, own) == ("none", "rotations", "flips")


def test_a_preset_and_its_networks_by_name_are_the_same_work():
    named = {view: [{"name": name}] for view, name in DEFAULT_MODELS.items()}
    by_name = parse_config({**DATASETS, "models": named})
    by_preset = parse_config({**DATASETS, "segmentation": {"preset": "default"}})
    assert settings_for("segment", by_name) == settings_for("segment", by_preset)


def test_a_preset_that_does_not_exist_is_named():
    with pytest.raises(UserError, match=r"segmentation\.preset"):
        parse_config({**DATASETS, "segmentation": {"preset": "best"}})


@pytest.mark.parametrize("preset", list(SHORT_AXIS))
def test_the_weights_of_every_preset_are_shipped(preset):
    config = parse_config({**DATASETS, "segmentation": {"preset": preset}})
    for view, models in config.models.items():
        for model in models:
            assert all(describe_for(weights, view).view == view for weights in model.members)
