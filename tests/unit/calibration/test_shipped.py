import numpy as np
import pandas as pd
import pytest

from cinecohort.calibration.failures import by_structure
from cinecohort.calibration.model import PREDICTORS
from cinecohort.calibration.options import SHIPPED, calibration_path
from cinecohort.calibration.record import read_calibration
from cinecohort.segmentation.descriptions import DEFAULT_MODELS, describe_model
from support.tiny_cohort import ROOT

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
    terms = [term for model in made.models.values() for term in model.terms if term.bend is None]
    values = pd.DataFrame([{term.name: term.mean for term in terms}] * 2)
    for structure in PREDICTORS:
        values[f"{structure.lower()}_second_dice"] = [0.3, 0.99]
    found = by_structure({name: model.probabilities(values) for name, model in made.models.items()})
    assert set(found) == set(PREDICTORS)
    for low, high in found.values():
        assert low > high
    assert np.isfinite(list(found.values())).all()


def test_the_default_weights_have_one():
    assert calibration_path("shipped", DEFAULT_MODELS["sa"]) is not None


def test_the_settings_page_quotes_it_as_it_is():
    made = read_calibration(SHIPPED / f"{DEFAULT_MODELS['sa']}.json")
    judged, hearts = made.assessment, sum(made.participants.values())
    auc = {name: f"{one.value:.2f}" for name, one in judged.auc.items()}
    found = next(one.sensitivity.value for one in judged.flagged if one.share == 0.15)
    covered = [one.covered.value for one in judged.coverage if one.factor == "all"]
    page = " ".join((ROOT / "config" / "README.md").read_text(encoding="utf-8").split())
    assert f"learnt on {hearts} hearts and degraded copies of them" in page
    areas = f"{auc['any']} for any bad result, {auc['LV']} for the LV and {auc['RV']} for the RV"
    assert f"area under the ROC curve {areas}" in page
    assert f"{100 * found:.0f} % of the bad results are among the 15 % that it suspects most" in page
    share = f"{100 * min(covered):.0f} to {100 * max(covered):.0f} %"
    assert f"intervals cover {share} of what was left out" in page
    assert ("but it has no cut" in page) == (made.cut is None)
