"""Sentences at the head of a group study."""

import pandas as pd

from cinecohort.analyses.study_summary import outcome_sentence, power_sentence
from cinecohort.statistics.study_options import StudyOptions

OPTIONS = StudyOptions(
    name="s",
    exposure={"label": "O", "condition": "bmi >= 30"},
    reference={"label": "N", "condition": "18.5 <= bmi < 25"},
    covariates=["sex"],
    outcomes=["lvedv_ml"],
)


def test_the_power_sentence_is_of_one_outcome():
    power = pd.DataFrame(
        {
            "outcome": ["lvedv_ml", "la_max_ml"],
            "sd_source": "observed",
            "n1": [143, 12],
            "n0": [140, 15],
            "detectable_d": [0.33, 1.1],
        }
    )
    words = power_sentence(power, OPTIONS)
    assert words.startswith("With 12 against 15 subjects (LA maximum (mL)) the study finds")
    assert "differences of 1.10 SD" in words
    assert "SMALL STUDY" in words


def test_a_difference_without_an_error_is_said_to_be_one():
    row = pd.Series({"outcome": "lvedv_ml", "difference": 2.0, "p": float("nan"), "n1": 5, "n0": 5})
    assert "difference 2.0 without an error" in outcome_sentence(row, OPTIONS)
    assert "too few values to compare" in outcome_sentence(
        pd.Series({**row, "difference": float("nan")}), OPTIONS
    )
