"""Thousands of made-up people have the means, spreads and differences that their sources give."""

import pandas as pd
import pytest

from cinecohort.analyses.group_study import compare_matched, match_cohort
from cinecohort.phantom.options import PhantomOptions
from cinecohort.phantom.people import MEAN_AGE, OBESITY_EFFECT, draw_person
from cinecohort.phantom.tables import write_tables
from cinecohort.statistics.published_tables import load
from cinecohort.statistics.study_cohort import Flow, select_cohort
from cinecohort.statistics.study_options import CVD_ICD10, StudyOptions

STUDY = StudyOptions(
    name="obesity",
    exposure={"label": "Obese", "condition": "bmi >= 30"},
    reference={"label": "Normal weight", "condition": "18.5 <= bmi < 25"},
    exclusions={"icd10": CVD_ICD10, "self_reported_mi": True},
    covariates=["sex", "age_years", "height_cm", "dbp_mmhg", "sbp_mmhg"],
    outcomes=list(OBESITY_EFFECT),
)
SEEDS = (1, 2, 3, 4)


@pytest.fixture(scope="module")
def cohorts(tmp_path_factory):
    """Participants and measures of a cohort of 5,000 a seed."""
    made = {}
    for seed in SEEDS:
        folder = tmp_path_factory.mktemp(f"tables{seed}")
        write_tables(folder, PhantomOptions(subjects=5000, seed=seed, tables_only=True))
        made[seed] = (
            pd.read_csv(folder / "participants.tsv", sep="\t", dtype={"visit": str}),
            pd.read_csv(folder / "measures.tsv", sep="\t"),
        )
    return made


@pytest.mark.parametrize("group", ["normal", "obese"])
def test_measures_have_the_means_and_spreads_of_bais_table_8(cohorts, group):
    people, measures = cohorts[1]
    healthy = people[people["icd10"].isna() | ~people["icd10"].str.contains("I2|I35|I42|I50", na=False)]
    chosen = healthy[healthy["group"] == {"normal": "normal weight", "obese": "obese"}[group]]
    table = measures[measures["subject"].isin(chosen["subject"])]
    paper = load("bai2018_table8").set_index("measure")
    for name in OBESITY_EFFECT:
        assert table[name].mean() == pytest.approx(paper.loc[name, f"mean_{group}"], rel=0.03), name
        assert table[name].std() == pytest.approx(paper.loc[name, f"sd_{group}"], rel=0.15), name


def test_women_and_men_differ_as_in_petersen_2017():
    people = [draw_person(number, seed=2, population=True) for number in range(1, 3001)]
    table = pd.DataFrame(
        {
            "sex": person.sex,
            "age": person.age_years,
            "ef": 100.0 * (1.0 - person.targets.lvesv_ml / person.targets.lvedv_ml),
            "mass": person.targets.lvm_g / (0.007184 * person.weight_kg**0.425 * person.height_cm**0.725),
            "lvedv": person.targets.lvedv_ml,
        }
        for person in people
        if not person.pathology and person.group == "normal weight"
    )
    mean, sd = table.groupby("sex").mean(), table.groupby("sex").std()
    assert mean["ef"]["F"] - mean["ef"]["M"] == pytest.approx(3.0, abs=0.8)
    assert sd["ef"].to_numpy() == pytest.approx([5.0, 5.0], abs=0.8)
    assert mean["mass"]["F"] == pytest.approx(42.0, abs=2.0)
    assert mean["mass"]["M"] == pytest.approx(53.0, abs=2.0)
    assert mean["lvedv"]["M"] > 1.25 * mean["lvedv"]["F"]
    assert table["age"].mean() == pytest.approx(MEAN_AGE, abs=0.5)
    assert (table["sex"] == "F").mean() == pytest.approx(0.525, abs=0.04)


def test_the_matched_study_recovers_the_planted_effect(cohorts):
    """Every interval counts, so that no seed is picked: 19 of 20 are expected to hold the planted effect."""
    studies = []
    for people, measures in cohorts.values():
        cohort = select_cohort(measures, people, None, STUDY, Flow(len(people)))
        studies.append(compare_matched(match_cohort(cohort, STUDY), STUDY).set_index("outcome"))
    holding = 0
    for name, planted in OBESITY_EFFECT.items():
        rows = pd.DataFrame([study.loc[name, ["difference", "ci_low", "ci_high"]] for study in studies])
        rows = rows.astype(float)
        holding += ((rows["ci_low"] <= planted) & (planted <= rows["ci_high"])).sum()
        error = (rows["ci_high"] - rows["ci_low"]).mean() / 3.92 / len(rows) ** 0.5
        assert abs(rows["difference"].mean() - planted) < 3.0 * error, name
    assert holding >= 16
