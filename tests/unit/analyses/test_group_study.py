"""The whole chain: cohort tables in, a study's folder out."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cinecohort.analyses.group_study import _other_flagged
from cinecohort.analyses.study_files import run_study
from cinecohort.statistics.effects import compare
from cinecohort.statistics.matching import match
from cinecohort.statistics.published_tables import published_table
from cinecohort.statistics.study_cohort import TREATMENT, diagnosed, select_cohort
from cinecohort.statistics.study_options import CVD_ICD10, StudyOptions

OBESITY = {
    "name": "obesity",
    "exposure": {"label": "Obese", "condition": "bmi >= 30"},
    "reference": {"label": "Normal weight", "condition": "18.5 <= bmi < 25"},
    "exclusions": {"icd10": CVD_ICD10, "self_reported_mi": True},
    "covariates": ["sex", "age_years", "height_cm", "dbp_mmhg", "sbp_mmhg"],
    "outcomes": ["lvedv_ml", "lvm_g"],
    "published": "bai2018_table8",
}


def simulate(n, effect, seed):
    """A cohort in which obesity adds `effect` to both outcomes, which depend on sex, age and height too."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["F", "M"], n)
    male = (sex == "M").astype(float)
    age, height = rng.normal(62, 7.5, n), rng.normal(163, 6.5, n) + 13 * male
    sbp = rng.normal(136, 17, n) + 0.4 * (age - 62)
    dbp = 80 + 0.4 * (sbp - 136) + rng.normal(0, 8, n)
    bmi = rng.normal(26.5, 4, n) + 0.03 * (age - 62) + 0.06 * (sbp - 136)
    obese = (bmi >= 30).astype(float)
    body = 0.9 * (height - 170) + 15 * male - 0.5 * (age - 62)
    subjects = [f"SYN{i:05d}" for i in range(n)]
    participants = pd.DataFrame(
        {
            "subject": subjects,
            "sex": sex,
            "age_years": age,
            "height_cm": height,
            "sbp_mmhg": sbp,
            "dbp_mmhg": dbp,
            "bmi": bmi,
        }
    ).assign(participant=subjects, visit="2", icd10="", self_reported_mi=False)
    measures = pd.DataFrame({"subject": subjects, "source": "net", "kind": "auto", "frames": "own"}).assign(
        lvedv_ml=145 + body + effect * obese + rng.normal(0, 20, n),
        lvm_g=88 + body / 2 + effect * obese + rng.normal(0, 12, n),
    )
    return measures, participants


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    measures, participants = simulate(5000, 10.0, seed=11)
    rng = np.random.default_rng(0)
    participants.loc[rng.random(5000) < 0.03, "icd10"] = "E11;I25.1"
    participants.loc[rng.random(5000) < 0.02, "sbp_mmhg"] = np.nan
    status = pd.DataFrame({"subject": participants["subject"], "code": ""})
    status["status"] = rng.choice(["ok", "review", "excluded"], 5000, p=[0.9, 0.07, 0.03])
    status.loc[status["status"] == "excluded", "code"] = "GAP"
    run_study(measures, participants, status, StudyOptions(**OBESITY), folder)
    return folder


def table(folder, name):
    return pd.read_csv(folder / f"{name}.csv")


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


def test_the_planted_effect_is_recovered(study):
    result = table(study, "comparison").set_index("outcome")
    assert (result["ci_low"] < 10).all()
    assert (result["ci_high"] > 10).all()
    assert result["adjusted_estimate"].to_numpy() == pytest.approx(10, abs=1.5)
    assert (result["welch_p"] < 1e-6).all()
    sensitivity = table(study, "sensitivity")
    adjusted = sensitivity[sensitivity["setting"].str.contains("regression|weight", regex=True)]
    assert len(adjusted) == 8
    assert adjusted["estimate"].to_numpy() == pytest.approx(10, abs=2)


def test_no_analysis_of_groups_that_stayed_unlike_has_a_p_but_the_adjusted_ones(tmp_path):
    # Nearly as many exposed as references, and a strong tie of both to blood pressure: partners run out.
    measures, participants = simulate(700, 0.0, seed=3)
    participants["bmi"] = 24 + 0.25 * (participants["sbp_mmhg"] - 120)
    participants["bmi"] += np.random.default_rng(1).normal(0, 3, 700)
    measures["lvedv_ml"] += 1.5 * (participants["sbp_mmhg"] - 136)
    changed = {"reference": {"label": "Others", "condition": "bmi < 30"}, "published": None}
    options = StudyOptions(**{**OBESITY, **changed})
    run_study(measures, participants, None, options, tmp_path)
    row = table(tmp_path, "comparison").set_index("outcome").loc["lvedv_ml"]
    assert np.isnan(row[["p", "ci_low", "welch_p", "cluster_p"]].astype(float)).all()
    assert row["adjusted_ci_low"] < 0 < row["adjusted_ci_high"]
    sensitivity = table(tmp_path, "sensitivity").query("outcome == 'lvedv_ml'").set_index("setting")
    for setting in ("as planned", "unadjusted"):
        assert np.isnan(sensitivity.loc[setting, ["p", "ci_low", "ci_high"]].astype(float)).all()
        assert "move the estimate" in sensitivity.loc[setting, "note"]
    assert np.isfinite(sensitivity.loc["regression", ["p", "ci_low", "ci_high"]].astype(float)).all()
    subgroups = table(tmp_path, "subgroups").query("outcome == 'lvedv_ml'")
    assert subgroups["estimate"].notna().any()
    assert subgroups[["p", "ci_low", "interaction_p"]].isna().all(axis=None)
    verdict = summary(tmp_path)["verdict"]
    assert "no interval and no p; adjusted for them" in verdict


def test_the_flow_adds_up(study):
    flow = table(study, "flow")
    remaining = None
    for _, step in flow.groupby("step", sort=False):
        excluded = step.loc[step["kind"] == "excluded", "n"].sum()
        (after,) = step.loc[step["kind"] == "remaining", "n"]
        assert remaining is None or remaining == excluded + after
        remaining = after
    assert flow["n"].iloc[0] == 5000
    assert remaining == 2 * len(table(study, "pairs"))
    assert "excluded: GAP" in flow["reason"].tolist()
    assert "missing sbp_mmhg" in flow["reason"].tolist()


def test_every_table_and_figure_is_there_and_consistent(study):
    assert {path.name for path in study.iterdir()} == {
        *(
            f"{name}.csv"
            for name in ("flow", "baseline", "pairs", "scores", "unmatched", "balance", "published")
        ),
        *(f"{name}.csv" for name in ("sample_sizes", "comparison", "sensitivity", "subgroups", "power")),
        "missing.csv",
        *(
            "left_out.csv",
            "love.svg",
            "overlap.svg",
            "forest.svg",
            "methods.txt",
            "datapackage.json",
            "summary.json",
        ),
    }
    head = summary(study)
    assert head["status"] == "done"
    assert head["seed"] == 0
    assert head["n_matched_treated"] == table(study, "scores").query("treatment == 1")["matched"].sum()
    baseline = table(study, "baseline")
    age = baseline[baseline["variable"] == "age_years"].set_index("stage")
    balance = table(study, "balance").query("covariate == 'age_years'").set_index("stage")
    for stage in ("before", "after"):
        assert age.loc[stage, "smd"] == pytest.approx(balance.loc[stage, "smd"], rel=1e-9)
        assert age.loc[stage, "mean1"] == pytest.approx(balance.loc[stage, "mean_treated"], rel=1e-12)
    missing = baseline.query("variable == 'sbp_mmhg'").set_index("stage")
    assert missing.loc["eligible", "missing1"] > 0
    assert missing.loc["before", "missing1"] == 0
    methods = (study / "methods.txt").read_text()
    for words in (
        "MatchIt 4.7.2",
        "without replacement",
        "No caliper",
        "descending order",
        "ATT",
        "seed 0",
        "I21",
    ):
        assert words in methods


def test_the_same_inputs_give_the_same_bytes(tmp_path):
    measures, participants = simulate(400, 5.0, seed=1)
    options = StudyOptions(**OBESITY | {"matching": {"order": "random"}, "seed": 3})
    for name in ("a", "b"):
        run_study(measures, participants, None, options, tmp_path / name)
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_without_effect_p_is_uniform():
    # Outcomes unrelated to the covariates: chain of selection, matching and Welch's test over 500 seeds.
    p_values = []
    for seed in range(500):
        rng = np.random.default_rng([7, seed])
        n = 120
        people = pd.DataFrame(
            {"subject": range(n), "age": rng.normal(60, 8, n), "sex": rng.choice(["F", "M"], n)}
        )
        people["t"] = (rng.random(n) < 1 / (1 + np.exp(0.8 - 0.05 * (people["age"] - 60)))).astype(int)
        people["y"] = rng.normal(100, 15, n)
        pairs = match(people, "t", ["age", "sex"]).pairs_table()
        p_values.append(
            compare(people, "t", ["y"], pairs=pairs)[["welch_p", "paired_p", "cluster_p"]].iloc[0]
        )
    for name, values in pd.DataFrame(p_values).items():
        assert stats.kstest(values, "uniform").pvalue > 0.01, name
        assert abs((values < 0.05).mean() - 0.05) < 0.03, name


def test_an_unbalanced_covariate_is_said(tmp_path):
    measures, participants = simulate(600, 0.0, seed=2)
    participants["age_years"] += 3 * (participants["bmi"] >= 30) * participants["age_years"].gt(50)
    run_study(measures, participants, None, StudyOptions(**OBESITY), tmp_path)
    head = summary(tmp_path)
    assert not head["balanced"]
    assert "The groups are not balanced" in head["verdict"]
    assert "age (years) has SMD" in head["verdict"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"exposure": {"label": "Huge", "condition": "bmi > 400"}}, "no subject is left in the group Huge"),
        ({"covariates": ["sex", "shoe_size"]}, "no column 'shoe_size'"),
        ({"covariates": ["icd10"]}, "no subject is left"),
        ({"covariates": ["bmi"]}, "separate the two groups perfectly"),
        ({"covariates": ["visit"]}, "single value"),
        ({"outcomes": ["rvedv_ml"]}, "no column 'rvedv_ml'"),
        ({"source": "O1"}, "no source 'O1': it has net"),
        ({"frames": "O1"}, "no rows at the frames"),
        ({"exposure": {"label": "Odd", "condition": "sex > 3"}}, "compares text with numbers"),
        ({"matching": {"caliper": 1e-12}}, "too few to compare"),
        ({"published": "bai1918"}, "no published table bai1918: choose one of"),
        ({"exclusions": {"conditions": ["bmi > 0"]}}, "no subject is left"),
    ],
)
def test_an_impossible_study_is_not_done_and_says_why(tmp_path, change, words):
    measures, participants = simulate(200, 0.0, seed=3)
    (tmp_path / "comparison.csv").write_text("of an earlier run")
    run_study(measures, participants, None, StudyOptions(**OBESITY | change), tmp_path)
    head = summary(tmp_path)
    assert head["status"] == "not done"
    assert words in head["verdict"]
    assert {path.name for path in tmp_path.iterdir()} == {"flow.csv", "summary.json", "datapackage.json"}


def test_a_subject_twice_in_participants_is_not_done(tmp_path):
    measures, participants = simulate(100, 0.0, seed=3)
    run_study(measures, pd.concat([participants, participants]), None, StudyOptions(**OBESITY), tmp_path)
    assert "more than once" in summary(tmp_path)["verdict"]


def people(**columns):
    n = len(next(iter(columns.values())))
    base = {"subject": [f"s{i}" for i in range(n)], "sex": "F", "bmi": 31.0}
    return pd.DataFrame(base | columns)


def measured(participants, **columns):
    base = {"subject": participants["subject"], "source": "net", "kind": "auto", "frames": "own", "y": 1.0}
    return pd.DataFrame(base | columns)


MINIMAL = {
    "name": "s",
    "exposure": {"label": "O", "condition": "bmi >= 30"},
    "reference": {"label": "N", "condition": "18.5 <= bmi < 25"},
    "covariates": ["sex"],
    "outcomes": ["y"],
}


def test_bounds_of_bmi():
    participants = people(bmi=[18.49, 18.5, 24.99, 25.0, 29.99, 30.0, None])
    cohort = select_cohort(measured(participants), participants, None, StudyOptions(**MINIMAL))
    assert cohort.complete["bmi"].tolist() == [18.5, 24.99, 30.0]
    assert cohort.complete[TREATMENT].tolist() == [0, 0, 1]
    reasons = cohort.flow.table().query("kind == 'excluded'").set_index("reason")["n"]
    assert reasons.to_dict() == {"missing bmi": 1, "neither O nor N": 3}


def test_whose_exposure_is_unknown_is_in_no_group():
    # d and e would be references by their BMI, but may have diabetes; f has it, but may be lean.
    participants = people(
        subject=list("abcdefg"),
        bmi=[31.0, 32.0, 22.0, 23.0, 24.0, None, 22.0],
        diabetes=[1, 1, 0, None, None, 1, 1],
    )
    change = {
        "exposure": {"label": "D", "condition": "diabetes == 1"},
        "reference": {"label": "L", "condition": "bmi < 25"},
    }
    cohort = select_cohort(measured(participants), participants, None, StudyOptions(**MINIMAL | change))
    assert cohort.complete["subject"].tolist() == ["a", "b", "c"]
    assert cohort.complete[TREATMENT].tolist() == [1, 1, 0]
    reasons = cohort.flow.table().query("kind == 'excluded'").set_index("reason")["n"]
    assert reasons.to_dict() == {"missing diabetes, bmi": 3, "in both groups": 1}


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ("first", ["a2"]),
        ("last", ["a10", "b3"]),
        ("first_usable", ["a2", "b3"]),
        ("all", ["a2", "a10", "b3"]),
    ],
)
def test_one_visit_a_participant(rule, kept):
    # Visit 10 comes after visit 2; the first visit of b failed quality control.
    participants = people(
        subject=["a10", "a2", "b2", "b3"], participant=list("aabb"), visit=["10", "2", "2", "3"]
    )
    status = pd.DataFrame({"subject": ["b2"], "status": ["excluded"], "code": ["GAP"]})
    options = StudyOptions(**MINIMAL | {"visit": rule})
    cohort = select_cohort(measured(participants), participants, status, options)
    assert set(cohort.complete["subject"]) == set(kept)


@pytest.mark.parametrize(("flagged", "kept"), [("keep", ["s0", "s1"]), ("drop", ["s0"])])
def test_status(flagged, kept):
    participants = people(bmi=[31.0, 32.0, 33.0, 34.0])
    status = pd.DataFrame(
        {"subject": [f"s{i}" for i in range(4)], "status": ["ok", "review", "excluded", "error"]}
    )
    options = StudyOptions(**MINIMAL | {"exclusions": {"flagged": flagged}})
    cohort = select_cohort(measured(participants), participants, status, options)
    assert cohort.complete["subject"].tolist() == kept
    same = select_cohort(measured(participants, status=status["status"]), participants, None, options)
    assert same.complete["subject"].tolist() == kept


def test_flagged_subjects_matter_where_the_groups_stay_as_large():
    # Two visits: without the flagged first one of p, the second is used, so that the number is the same.
    participants = people(
        subject=["p1", "p2", "q1"], participant=["p", "p", "q"], visit=["1", "2", "1"], bmi=[31, 31, 22]
    )
    status = pd.DataFrame({"subject": ["p1"], "status": ["review"], "code": [""]})
    options = StudyOptions(**MINIMAL | {"visit": "first_usable"})
    cohort = select_cohort(measured(participants), participants, status, options)
    other = _other_flagged(measured(participants), participants, status, options, cohort)
    assert set(cohort.complete["subject"]) == {"p1", "q1"}
    assert other is not None
    assert set(other.complete["subject"]) == {"p2", "q1"}
    unflagged = status.assign(status="ok")
    assert _other_flagged(measured(participants), participants, unflagged, options, cohort) is None


def test_rows_of_the_primary_source_at_its_own_frames_are_taken():
    participants = people(bmi=[31.0, 22.0])
    rows = [
        measured(participants, source="net", frames="O1", y=9.0),
        measured(participants, source="net", frames="own", y=[1.0, 2.0]),
        measured(participants, source="other", y=8.0),
        measured(participants, source="O1", kind="manual", frames="O1", y=7.0),
    ]
    cohort = select_cohort(pd.concat(rows), participants, None, StudyOptions(**MINIMAL))
    assert (cohort.source, cohort.complete["y"].tolist()) == ("net", [1.0, 2.0])
    options = StudyOptions(**MINIMAL | {"source": "O1", "frames": "O1"})
    assert select_cohort(pd.concat(rows), participants, None, options).complete["y"].tolist() == [7.0, 7.0]


def test_diagnoses_and_their_dates():
    participants = pd.DataFrame(
        {
            "icd10": [
                "I21.4:2010-01-01",
                "I21:2030-01-01",
                "I21",
                "E11;i50@2015-06-01",
                "I210:-30",
                "I21:+30",
                "I2",
                None,
            ],
            "scan_date": "2016-05-01",
        }
    )
    assert diagnosed(participants, ["I21", "I50"], False)[0].tolist() == [True] * 6 + [False] * 2
    found, undated = diagnosed(participants, ["I21", "I50"], True)
    assert found.tolist() == [True, False, True, True, True, False, False, False]
    assert undated == 1


def test_options_refuse_what_cannot_be_meant():
    with pytest.raises(ValueError, match="cannot be read"):
        StudyOptions(**MINIMAL | {"exposure": {"label": "O", "condition": "bmi >="}})
    with pytest.raises(ValueError, match="both groups"):
        StudyOptions(**MINIMAL | {"reference": {"label": "O", "condition": "bmi < 25"}})
    with pytest.raises(ValueError, match="name no covariate"):
        StudyOptions(**MINIMAL | {"matching": {"covariate_calipers": {"age": 1}}})


def test_the_published_table_is_that_of_the_paper():
    published = published_table("bai2018_table8", "Obese", "Normal weight").set_index("outcome")
    assert published.loc["lvm_g", ["mean1", "sd1", "mean0", "sd0"]].tolist() == [103, 26, 85, 20]
    assert (published["n1"] == 867).all()


def test_subgroups_of_what_nobody_knows_are_left_out(tmp_path):
    measures, participants = simulate(300, 10.0, seed=3)
    unknown = participants.assign(age_years=np.nan, sex=None)
    options = StudyOptions(**{**OBESITY, "covariates": ["height_cm", "sbp_mmhg"]})
    run_study(measures, unknown, None, options, tmp_path)
    assert summary(tmp_path)["status"] == "done"
    assert table(tmp_path, "subgroups").empty
