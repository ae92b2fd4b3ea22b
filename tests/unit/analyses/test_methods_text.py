"""The methods of a study say every setting that its numbers rest on."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from cinecohort.analyses.methods_text import methods_sentences
from cinecohort.statistics.matching import match
from cinecohort.statistics.study_cohort import TREATMENT, Flow
from cinecohort.statistics.study_options import StudyOptions
from support.settings import another, leaves

BASE: dict[str, Any] = {
    "name": "s",
    "exposure": {"label": "Obese", "condition": "bmi >= 30"},
    "reference": {"label": "Normal", "condition": "bmi < 25"},
    "covariates": ["age_years"],
    "outcomes": ["lvedv_ml"],
}

NOT_IN_TEXT = {
    "study.name": "the heading",
    "study.title": "the heading",
    "study.source": "the source that was taken is named",
    "study.matching.seed": "the seed of the study counts",
    "study.exclusions.before_scan_only": "nothing without an excluded diagnosis",
    "study.matching.caliper_scale": "nothing without a caliper",
}
"""Settings that change no sentence of this study, with the reason."""

SPECIAL: dict[str, Any] = {
    "study.exposure.label": "Fat",
    "study.exposure.condition": "bmi >= 31",
    "study.reference.label": "Lean",
    "study.reference.condition": "bmi < 24",
    "study.exclusions.icd10": ("I21",),
    "study.exclusions.conditions": ("age_years > 90",),
    "study.exclusions.status": ("error",),
    "study.covariates": ("bmi",),
    "study.outcomes": ("lvm_g",),
    "study.matching.order": "random",
    "study.matching.caliper": 0.3,
    "study.matching.covariate_calipers": {"age_years": 0.5},
    "study.matching.exact": ("sex",),
    "study.subgroups.factors": ("site",),
    "study.subgroups.cuts": {"age_years": (60.0,)},
    "study.sensitivity.calipers": (0.4,),
    "study.sensitivity.ratios": (5,),
    "study.sensitivity.orders": ("largest",),
    "study.expected_sd": {"lvedv_ml": 33.0},
    "study.published": "bai2018_table8",
    "study.source": "net",
    "study.frames": "O1",
    "study.name": "t",
    "study.title": "t",
}


def text_of(options: StudyOptions) -> str:
    random = np.random.default_rng(1)
    table = pd.DataFrame({"subject": [f"s{i}" for i in range(40)], TREATMENT: [1, 0] * 20})
    table["age_years"] = random.normal(60, 5, 40)
    matching = match(table, TREATMENT, ["age_years"], identifier="subject")
    width = options.matching.caliper and 0.05
    matching = dataclasses.replace(matching, options=options.matching, caliper=width)
    return " ".join(methods_sentences(options, Flow(40), matching, "net", {"cinecohort": "0"}))


def changed(path: str, value: Any) -> StudyOptions:
    *outer, last = path.split(".")[1:]
    values: dict[str, Any] = {last: value}
    for name in reversed(outer):
        values = {name: BASE.get(name, {}) | values}
    return StudyOptions(**(BASE | values))


def test_every_setting_is_in_the_text_or_left_out_for_a_reason() -> None:
    usual = text_of(StudyOptions(**BASE))
    silent = {
        path
        for path, kind, default in leaves(StudyOptions, "study")
        if text_of(changed(path, another(path, kind, default, SPECIAL))) == usual
    }
    assert silent == set(NOT_IN_TEXT)


def test_what_depends_on_another_setting_is_said_with_it() -> None:
    before = {"icd10": ["I21"], "before_scan_only": True}
    assert "before the scan" in text_of(StudyOptions(**BASE, exclusions=before))
    raw = {"caliper": 0.1, "caliper_scale": "raw"}
    assert "units of the score" in text_of(StudyOptions(**BASE, matching=raw))
    assert "the observer O1's end-diastolic" in text_of(StudyOptions(**BASE, frames="O1"))
