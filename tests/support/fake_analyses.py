"""Agreement and a group study of a made-up results folder, as the workflow would have added them."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from cinecohort.analyses.agreement_files import run as run_agreement
from cinecohort.analyses.study_files import run_study
from cinecohort.statistics.options import AgreementOptions
from cinecohort.statistics.study_options import StudyOptions

STUDY = {
    "name": "obesity",
    "title": "Obesity and the heart",
    "exposure": {"label": "Obese", "condition": "bmi >= 28"},
    "reference": {"label": "Normal weight", "condition": "bmi < 28"},
    "covariates": ["sex", "age_years"],
    "outcomes": ["lvedv_ml", "lvm_g"],
    "source": "unet",
    "published": "bai2018_table8",
    "sensitivity": {"calipers": [0.2], "ratios": [2], "orders": ["smallest"]},
}


def add_agreement(folder: Path, *, every_measure: bool = False, **settings: Any) -> None:
    """Compare sources in LVEDV, or in every measure."""
    cohort = folder / "cohort"
    measures = pd.read_csv(cohort / "measures.tsv", sep="\t", dtype={"frames": str})
    kept = [
        name
        for name in measures
        if every_measure or not name.endswith(("_ml", "_mm", "_g", "_pct")) or name == "lvedv_ml"
    ]
    measures[kept].to_csv(folder / "few_measures.tsv", sep="\t", index=False)
    tables = [folder / "few_measures.tsv", *(cohort / f"{name}.tsv" for name in ("overlap", "participants"))]
    run_agreement(
        *tables,
        folder / "agreement",
        AgreementOptions(**settings),
        cohort / "status.tsv",
        cohort / "conversion.tsv",
    )


def add_study(folder: Path, **settings: Any) -> None:
    """Add the study of :data:`STUDY`, with some settings replaced."""
    cohort = folder / "cohort"
    text = {"dtype": {"frames": str, "icd10": str}}
    measures, participants, status = (
        pd.read_csv(cohort / f"{name}.tsv", sep="\t", **text)
        for name in ("measures", "participants", "status")
    )
    run_study(
        measures, participants, status, StudyOptions(**(STUDY | settings)), folder / "study" / "obesity"
    )
    run = json.loads((folder / "run.json").read_text())
    run["config"]["studies"] = {"obesity": STUDY}
    (folder / "run.json").write_text(json.dumps(run))
