"""The trainings in ``config/training`` are valid, and each has the weights that it starts from."""

from pathlib import Path

import pytest

from cinecohort.segmentation.descriptions import describe_model, shipped_models
from cinecohort.segmentation.training_options import load_training_options

TRAININGS = sorted(Path("config/training").glob("**/*.yaml"))


@pytest.mark.parametrize("path", TRAININGS, ids=str)
def test_configuration_is_valid_and_starts_from_another_training(path: Path) -> None:
    options = load_training_options(path)
    others = [load_training_options(each) for each in TRAININGS if each != path]
    written = {str(other.output / f"{other.name}.safetensors") for other in others}
    assert set(options.starts) <= written | set(shipped_models())


@pytest.mark.parametrize("name", shipped_models())
def test_shipped_weights_were_made_by_the_configuration_of_their_name(name: str) -> None:
    (options,) = [each for each in map(load_training_options, TRAININGS) if each.name == name]
    recorded = describe_model(name).recipe
    stated = options.model_dump(mode="json")
    differing = {key for key in recorded if key in stated and recorded[key] != stated[key]}
    assert differing <= {"start_from", "precision", "validate_every", "checkpoint_every", "threads"}
