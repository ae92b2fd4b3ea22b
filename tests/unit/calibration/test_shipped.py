import numpy as np
import pandas as pd
import pytest

from cinecohort.calibration.model import PREDICTORS
from cinecohort.calibration.options import SHIPPED, calibration_path
from cinecohort.calibration.record import read_calibration
from cinecohort.segmentation.descriptions import DEFAULT_MODELS, describe_model

FILES = sorted(SHIPPED.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_calibration_is_of_the_shipped_weights(path):
    made = read_calibration(path)
    first, second = made.made_by.split()[:2]
    for named in (first, second.removeprefix("second=")):
        name, digest = named.split("@")
        assert describe_model(name).sha256.startswith(digest)
    assert first.startswith(f"{path.stem}@")
    assert calibration_path("shipped", path.stem) == path
    assert made.notes
    assert made.assessment.coverage


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_probabilities_rise_where_the_networks_disagree(path):
    made = read_calibration(path)
    for structure, model in made.models.items():
        means = {term.name: term.mean for term in model.terms}
        values = pd.DataFrame([{name: means.get(name, 0.0) for name in PREDICTORS[structure]}] * 2)
        second = f"{structure.lower()}_second_dice"
        values[second] = [0.3, 0.99]
        low, high = model.probabilities(values)
        assert low > high
        assert np.isfinite([low, high]).all()


def test_the_default_weights_have_one():
    assert calibration_path("shipped", DEFAULT_MODELS["sa"]) is not None
