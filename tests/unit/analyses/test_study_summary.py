"""Sentences at the head of a group study."""

import pandas as pd

from cinecohort.analyses.study_summary import effect_sentence, outcome_sentence, power_sentence
from cinecohort.statistics.matched_samples import LEFT_UNLIKE
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
    assert words.startswith("With 12 against 15 subjects (LA maximum) the study finds")
    assert "differences of 1.10 SD" in words
    assert "small study" in words


def test_a_difference_without_an_error_is_said_to_be_one():
    reason = "no interval and no p: values that do not vary"
    row = pd.Series({"outcome": "lvedv_ml", "difference": 2.0, "p": float("nan"), "n1": 5, "n0": 5})
    row["p_note"] = reason
    assert f"difference 2.0, {reason}; n = 5 + 5" in outcome_sentence(row, OPTIONS)
    assert "too few values to compare" in outcome_sentence(
        pd.Series({**row, "difference": float("nan")}), OPTIONS
    )


def test_the_first_sentence_has_every_difference_with_its_interval_and_numbers():
    rows = pd.DataFrame(
        {
            "outcome": ["lvedv_ml", "lvef_pct", "lvm_g", "rvedv_ml"],
            "difference": [12.34, -1.5, float("nan"), 1.0],
            "ci_low": [3.21, -4.0, float("nan"), 0.0],
            "ci_high": [21.5, 1.0, float("nan"), 2.0],
            "p": [0.004, 0.2, float("nan"), 0.05],
            "p_printed": ["0.004", "0.200", "", "0.050"],
            "n1": [1200, 60, 2, 60],
            "n0": [1200, 61, 1, 60],
        }
    )
    words = effect_sentence(rows, OPTIONS)
    assert words == (
        "Difference between the matched groups, O minus N: LVEDV +12.3 mL (95 % CI 3.2 to 21.5, p = 0.004, "
        "n = 1,200 and 1,200); LVEF −1.5 percentage points (95 % CI −4.0 to 1.0, p = 0.200, n = 60 and 61); "
        "LVM cannot be compared (n = 2 and 1); 1 more outcome is in the table."
    )


def test_where_the_groups_stayed_unlike_the_sentences_give_the_adjusted_difference():
    missing = dict.fromkeys(("ci_low", "ci_high", "p"), float("nan"))
    adjusted = {"adjusted_estimate": 0.5, "adjusted_ci_low": -2.0, "adjusted_ci_high": 3.0, "adjusted_p": 0.7}
    row = pd.Series({"outcome": "lvm_g", "difference": 9.0, "n1": 60, "n0": 60, **missing, **adjusted})
    row["p_note"] = f"no interval and no p: {LEFT_UNLIKE}"
    expected = (
        "; covariates that differ between the matched groups move it, so that it has no interval and no p; "
        "adjusted for them +0.5, 95 % CI −2.0 to 3.0, p = 0.700"
    )
    assert f"LVM +9.0 g (n = 60 and 60{expected})." in effect_sentence(pd.DataFrame([row]), OPTIONS)
    assert f"difference 9.0{expected}; n = 60 + 60." in outcome_sentence(row, OPTIONS)
