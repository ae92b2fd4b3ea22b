"""A study with every setting changed: sentences, power and sensitivity follow the settings."""

import json

import numpy as np
import pandas as pd
import pytest

from cinecohort.analyses.study_files import run_study
from cinecohort.statistics.power import smallest_detectable_difference
from cinecohort.statistics.study_options import StudyOptions

STUDY = {
    "name": "rest",
    "exposure": {"label": "Cases", "condition": "group == 'case'"},
    "reference": {"label": "Controls", "condition": "group == 'control'"},
    "exclusions": {"conditions": ["age_years < 45"], "flagged": "drop"},
    "visit": "all",
    "covariates": ["sex", "age_years"],
    "outcomes": ["y", "z"],
    "matching": {
        **{"estimand": "atc", "ratio": 2, "caliper": 0.5, "distance": "linear", "discard": "both"},
        **{"exact": ["sex"], "covariate_calipers": {"age_years": 1.0}, "order": "closest"},
    },
    "subgroups": {"factors": ["sex"], "cuts": {"age_years": [55, 65]}},
    "expected_sd": {"y": 12.0},
    "alpha": 0.1,
    "power": 0.9,
    "seed": 5,
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    rng = np.random.default_rng(8)
    n = 500
    people = pd.DataFrame({"subject": [f"p{i}" for i in range(n)], "sex": rng.choice(["F", "M"], n)})
    people["age_years"] = rng.normal(60, 8, n)
    people["group"] = np.where(rng.random(n) < 0.75, "case", "control")
    measures = pd.DataFrame({"subject": people["subject"], "source": "net", "kind": "auto", "frames": "own"})
    measures["y"] = 100 + 4 * (people["group"] == "case") + rng.normal(0, 10, n)
    measures["z"] = rng.normal(0, 1, n)
    measures.loc[:20, "z"] = np.nan
    status = pd.DataFrame(
        {"subject": people["subject"], "status": rng.choice(["ok", "review"], n, p=[0.9, 0.1])}
    )
    folder = tmp_path_factory.mktemp("study")
    run_study(measures, people, status, StudyOptions(**STUDY), folder)
    return folder


def test_methods_state_the_settings(study):
    text = (study / "methods.txt").read_text()
    for words in (
        "Each subject of Controls was matched to up to 2 nearest subjects of Cases on the linear predictor "
        "(logit)",
        "so that the closest pair is formed first, without replacement",
        "0.5 SD of the score over both groups",
        "1 SD of age (years)",
        "Partners agreed exactly in sex",
        "lay outside the other group's range were discarded",
        "average difference in Controls (ATC)",
        "Every visit was used",
        "age_years < 45",
        "status excluded or error or review",
        "90 % intervals",
        "seed 5",
    ):
        assert words in text, words


def test_sets_are_around_the_reference_group(study):
    pairs = pd.read_csv(study / "pairs.csv")
    assert pairs.groupby("control").size().max() == 2
    assert not pairs["treated"].duplicated().any()
    comparison = pd.read_csv(study / "comparison.csv").set_index("outcome")
    assert comparison.loc["y", "n_pairs"] == pairs["control"].nunique()
    assert comparison.loc["z", "n1"] < comparison.loc["y", "n1"]
    assert comparison.loc["y", "ci_low"] < 4 < comparison.loc["y", "ci_high"]


def test_power_with_observed_and_expected_sds(study):
    power = pd.read_csv(study / "power.csv").set_index(["outcome", "sd_source"])
    row = power.loc[("y", "expected")]
    expected = smallest_detectable_difference(int(row["n1"]), int(row["n0"]), 12, 12, 0.1, 0.9)
    assert row["detectable"] == pytest.approx(expected)
    assert row["detectable_all"] > row["detectable"]
    assert ("z", "observed") in power.index
    assert ("z", "expected") not in power.index


def test_sensitivity_varies_one_choice_at_a_time(study):
    table = pd.read_csv(study / "sensitivity.csv")
    settings = set(zip(table["analysis"], table["setting"].fillna(""), strict=True))
    for row in (
        ("primary", "as planned"),
        ("caliper", "none"),
        ("caliper", "0.2 SD of the logit of the score"),
        ("ratio", "1:3"),
        ("replacement", "with"),
        ("flagged subjects", "kept"),
        ("no matching", "overlap weights"),
        ("no matching", "augmented weighting (ATC)"),
    ):
        assert row in settings, row
    assert ("ratio", "1:2") not in settings
    weighted = table[table["method"] == "influence function, HC3"]
    assert len(weighted) and weighted["p"].isna().all() and weighted["note"].str.contains("no p: ").all()
    kept = table[(table["analysis"] == "flagged subjects") & (table["outcome"] == "y")]
    primary = table[(table["analysis"] == "primary") & (table["outcome"] == "y")]
    assert kept["n0"].iloc[0] > primary["n0"].iloc[0]


def test_subgroups_are_the_bands_asked_for(study):
    table = pd.read_csv(study / "subgroups.csv")
    ages = table[(table["factor"] == "age_years") & (table["outcome"] == "y")]
    assert ages["level"].tolist() == ["< 55", "55 to < 65", ">= 65"]
    assert len(set(ages["interaction_p"])) == 1


def test_discarded_and_unmatched_of_the_reference_are_listed(study):
    summary = json.loads((study / "summary.json").read_text())
    unmatched = pd.read_csv(study / "unmatched.csv")
    assert len(unmatched) == summary["n_unmatched_control"] + summary["n_discarded_control"]
    assert set(unmatched["group"]) <= {"Controls"}
