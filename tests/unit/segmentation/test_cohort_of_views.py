"""A cohort with one network per view, one of them not validated, from images to study and report."""

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch

from cinecohort.analyses import study_files
from cinecohort.analyses.stages import run_agreement, run_group_study
from cinecohort.cohort.gather import gather_results
from cinecohort.cohort.index import shards
from cinecohort.cohort.refresh import refresh_index
from cinecohort.cohort.settings import settings_for
from cinecohort.cohort.stages import run_stage
from cinecohort.cohort.versions import STAGES
from cinecohort.config import Config, parse_config
from cinecohort.reporting.document import Section
from cinecohort.reporting.options import ReportOptions
from cinecohort.reporting.report import compose
from cinecohort.reporting.results import read_results
from cinecohort.reporting.sections.context import Context
from cinecohort.segmentation import prediction
from cinecohort.segmentation.descriptions import ModelDescription
from cinecohort.segmentation.networks import build_network
from cinecohort.segmentation.weights import save_model

N = 6
SHORT_AXIS = np.array([[1.8, 0, 0, -54.0], [0, 1.8, 0, -54.0], [0, 0, 10.0, -30], [0, 0, 0, 1]])
LONG_AXIS = np.array([[1.8, 0, 0, -54.0], [0, 0, 1.0, 0], [0, -1.8, 0, 54.0], [0, 0, 0, 1]])
"""Columns of the image along x, rows down the long axis."""


def write_subject(folder: Path, number: int) -> None:
    """A bright ball that beats in the short axis, a bright disc in the long axis."""
    folder.mkdir(parents=True)
    x, y = np.meshgrid(np.arange(60), np.arange(60), indexing="ij")
    distance = np.hypot(x - 30, y - 28)[:, :, None, None]
    noise = np.random.default_rng(number).normal(0, 8, (60, 60, 7, 8))
    beat = 0.25 * np.sin(np.pi * np.arange(8) / 8)
    radius = (11 + number % 3) * (1 - beat) * (1 - 0.05 * np.arange(7)[:, None])
    views = (("sa", SHORT_AXIS, 7), ("la_2ch", LONG_AXIS, 1), ("la_4ch", LONG_AXIS, 1))
    for view, affine, slices in views:
        inside = distance < radius[:slices]
        data = np.where(inside, 900, 100) + noise[:, :, :slices]
        image = nib.Nifti1Image(data.astype(np.int16), affine)
        image.header.set_zooms((1.8, 1.8, 10.0 if view == "sa" else 1.0, 0.1))
        nib.save(image, folder / f"{view}.nii.gz")


def write_weights(path: Path, view: str, structures: dict[str, str], validated: bool) -> str:
    """Weights that are there and say what they are; what stands in for them sees bright pixels."""
    description = ModelDescription(
        name=path.stem,
        view=view,
        architecture="unet16",
        spacing_mm=1.8,
        normalisation="unit",
        structures=structures,
        validated=validated,
    )
    save_model(path, build_network("unet16", len(structures) + 1), description)
    return str(path)


def bright(network: torch.nn.Module, *_: object) -> Callable[[torch.Tensor], torch.Tensor]:
    """Call what is bright the first structure."""
    classes = list(network.parameters())[-1].shape[0]

    def probabilities(images: torch.Tensor) -> torch.Tensor:
        first = (images > 0.5).float()
        rest = torch.zeros_like(first).expand(-1, classes - 2, -1, -1)
        return torch.cat([1 - first, first, rest], dim=1)

    return probabilities


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setattr(prediction, "make_network", bright)
    monkeypatch.setattr(study_files, "_write_figures", lambda *arguments: None)
    for number in range(N):
        write_subject(tmp_path / "raw" / f"s{number}", number)
    people = pd.DataFrame({"subject": [f"s{n}" for n in range(N)], "height_cm": [160 + n for n in range(N)]})
    people.assign(age_years=[60, 61, 62] * 2, sex=["F", "M"] * 3).to_csv(tmp_path / "people.csv", index=False)
    ventricles = write_weights(
        tmp_path / "ventricles.safetensors", "sa", {"1": "LV", "2": "MYO", "3": "RV"}, True
    )
    atria = write_weights(tmp_path / "atria.safetensors", "la_2ch", {"1": "LA"}, False)
    both = write_weights(tmp_path / "both.safetensors", "la_4ch", {"1": "LA", "2": "RA"}, True)
    return parse_config(
        {
            "results": str(tmp_path / "results"),
            "datasets": {
                "tiny": {
                    "source": "nifti",
                    "path": str(tmp_path / "raw"),
                    "participants": str(tmp_path / "people.csv"),
                }
            },
            "models": {
                "sa": [{"name": "ventricles", "weights": ventricles}],
                "la_2ch": [{"name": "atria", "weights": atria}],
                "la_4ch": [{"name": "both", "weights": both}],
            },
            "segmentation": {"engine": "torch", "precision": "fp32", "device": "cpu"},
            "studies": {
                "height": {
                    "exposure": {"label": "Tall", "condition": "height_cm >= 163"},
                    "reference": {"label": "Short", "condition": "height_cm < 163"},
                    "covariates": ["age_years"],
                    "outcomes": ["lvedv_ml", "la_max_ml"],
                }
            },
        }
    )


def run_all(config: Config) -> Path:
    """All stages, the gathering and the analyses, as the workflow does."""
    results = config.results
    refresh_index(config)
    for stage in STAGES:
        for shard in shards(results):
            table, findings = (results / stage / f"{shard}{kind}.tsv" for kind in ("", ".findings"))
            settings = settings_for(stage, config)
            run_stage(stage, settings, table, findings)
    gather_results(settings_for("gather", config), shards(results), results)
    analyse(config)
    return results


def analyse(config: Config) -> None:
    """Agreement and study of gathered tables."""
    cohort, results = config.results / "cohort", config.results
    names = ("measures", "overlap", "participants", "status", "conversion")
    paths = {name: cohort / f"{name}.tsv" for name in names}
    run_agreement(settings_for("agreement", config), **paths, folder=results / "agreement")
    paths = {name: cohort / f"{name}.tsv" for name in ("measures", "participants", "status")}
    run_group_study(
        settings_for("group_study", config, "height"), **paths, folder=results / "study" / "height"
    )


def report_of(config: Config, tmp_path: Path) -> dict[str, Section]:
    (tmp_path / "figures").mkdir(exist_ok=True)
    values = config.model_dump(mode="json")
    context = Context(read_results(config.results, values), ReportOptions(), tmp_path)
    document = compose(context)
    sections = {section.label: section for section in document.sections}
    return {**sections, "summary": Section("Summary", "summary", document.summary)}


def test_atria_by_a_network_that_was_not_validated(config: Config, tmp_path: Path) -> None:
    results = run_all(config)
    segmented = pd.concat([pd.read_csv(path, sep="\t") for path in results.glob("segment/????.tsv")])
    assert set(segmented["models"]) == {"sa=ventricles,la_2ch=atria,la_4ch=both"}
    assert set(segmented["frames_segmented"]) == {"sa=8,la_2ch=8,la_4ch=8"}
    measures = pd.read_csv(results / "cohort" / "measures.tsv", sep="\t")
    assert set(measures["source"]) == {"automatic"}
    assert set(measures["models"]) == {"sa=ventricles,la_2ch=atria,la_4ch=both"}
    assert set(measures["unvalidated"]) == {"la_2ch"}
    assert measures[["lvedv_ml", "la_max_ml"]].notna().all(axis=None)
    study = results / "study" / "height"
    assert json.loads((study / "summary.json").read_text())["source"] == "automatic"
    assert pd.read_csv(study / "comparison.csv")["outcome"].tolist() == ["lvedv_ml"]
    left_out = pd.read_csv(study / "left_out.csv")
    assert left_out[["source", "what", "n"]].to_numpy().tolist() == [["automatic", "la_max_ml", N]]
    listed = pd.read_csv(results / "agreement" / "left_out.csv")
    assert {"la_max_ml", "la_min_ml", "laef_pct"} <= set(listed["what"])
    report = report_of(config, tmp_path)
    assert "atria (2-chamber)" in str(report["summary"])
    assert "LA maximum (mL) †" in str(report["sec-measures"])
    assert "LA maximum (mL) was left out" in str(report["sec-study-height"])
    assert "†" not in str(report["sec-study-height"])

    asked = config.model_copy(update={"unvalidated": "include"})
    analyse(asked)
    assert pd.read_csv(study / "comparison.csv")["outcome"].tolist() == ["lvedv_ml", "la_max_ml"]
    assert len(pd.read_csv(results / "agreement" / "left_out.csv")) == 0
    report = report_of(asked, tmp_path)
    assert "LA maximum (mL) †" in str(report["sec-study-height-comparison"])
    assert "†" not in str(report["sec-quality"])
