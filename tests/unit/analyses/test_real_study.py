"""A study on real hearts: dilated cardiomyopathy against normal, from ACDC's expert labels."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from cinecohort.analyses.study_files import run_study
from cinecohort.statistics.study_options import StudyOptions

STUDY = {
    "name": "dcm",
    "exposure": {"label": "DCM", "condition": "group == 'DCM'"},
    "reference": {"label": "NOR", "condition": "group == 'NOR'"},
    "covariates": ["height_cm", "bmi"],
    "outcomes": ["lvedv_ml", "lvef_pct", "lvm_g", "rvedv_ml"],
    "source": "manual",
    "matching": {"caliper": 0.5},
}


def read_info(path):
    lines = [line.split(":", 1) for line in path.read_text().splitlines() if ":" in line]
    return {key.strip(): value.strip() for key, value in lines}


def voxel_volumes(path):
    """Volumes in ml by label, from pixdim (the affine of these files holds no spacing)."""
    image = nib.load(path)
    voxel_ml = float(np.prod(image.header.get_zooms()[:3])) / 1000
    labels = np.asarray(image.dataobj).astype(int)
    return {label: float((labels == label).sum()) * voxel_ml for label in (1, 2, 3)}


@pytest.fixture(scope="module")
def tables(real_data):
    people, measures = [], []
    for folder in sorted((real_data / "acdc").glob("patient*")):
        info = read_info(folder / "Info.cfg")
        if info["Group"] not in ("DCM", "NOR"):
            continue
        height, weight = float(info["Height"]), float(info["Weight"])
        person = {
            "subject": folder.name,
            "group": info["Group"],
            "height_cm": height,
            "bmi": weight / (height / 100) ** 2,
        }
        ed, es = (
            voxel_volumes(folder / f"{folder.name}_frame{int(info[frame]):02d}_gt.nii.gz")
            for frame in ("ED", "ES")
        )
        values = {"lvedv_ml": ed[3], "lvm_g": 1.05 * ed[2], "rvedv_ml": ed[1]}
        values["lvef_pct"] = 100 * (ed[3] - es[3]) / ed[3]
        people.append(person)
        measures.append(
            {"subject": folder.name, "source": "manual", "kind": "manual", "frames": "own", **values}
        )
    return pd.DataFrame(people), pd.DataFrame(measures)


@pytest.mark.real_data
def test_dilated_hearts_are_larger_and_the_study_says_how_small_it_is(tables, tmp_path):
    people, measures = tables
    sizes = people["group"].value_counts()
    assert sizes.min() >= 16, "ACDC is there in part only"
    run_study(measures, people, None, StudyOptions(**STUDY), tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["status"] == "done"
    assert 5 <= summary["n_matched_treated"] <= sizes["DCM"]
    comparison = pd.read_csv(tmp_path / "comparison.csv").set_index("outcome")
    # The groups of ACDC are made by these very criteria: LVEDV above 100 ml/m2 and EF below 40 %.
    assert comparison.loc["lvedv_ml", "difference"] > 50
    assert comparison.loc["lvef_pct", "difference"] < -25
    assert (comparison.loc[["lvedv_ml", "lvef_pct"], "p_holm"] < 0.001).all()
    assert "It is a small study" in summary["power"]
    power = pd.read_csv(tmp_path / "power.csv")
    assert (power["detectable_d"] > 0.8).all()
    flow = pd.read_csv(tmp_path / "flow.csv")
    assert flow["n"].iloc[0] == len(people)
    sensitivity = pd.read_csv(tmp_path / "sensitivity.csv")
    assert (sensitivity.loc[sensitivity["outcome"] == "lvedv_ml", "estimate"].dropna() > 50).all()


@pytest.mark.real_data
def test_any_other_group_will_do(tables, tmp_path):
    people, measures = tables
    options = STUDY | {"exposure": {"label": "HCM", "condition": "group == 'HCM'"}}
    run_study(measures, people, None, StudyOptions(**options), tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["status"] == "not done"
    assert "no subject is left in the group HCM" in summary["verdict"]
