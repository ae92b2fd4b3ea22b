"""One patient through every stage without a workflow: DICOM, images, segmentation, measures, page."""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
from tqdm import tqdm

from cinecohort.catalogue.measures import PRINTED, Show, columns_shown
from cinecohort.cohort.convert_folder import convert_guarded
from cinecohort.cohort.runner import died
from cinecohort.cohort.versions import VERSIONS
from cinecohort.cohort.workers import Died, results_of
from cinecohort.conversion.options import ConversionOptions
from cinecohort.errors import UserError
from cinecohort.files import read_json
from cinecohort.findings import Finding, Outcome, Status, gravest, overall_status
from cinecohort.measures.columns import COLUMNS
from cinecohort.measures.options import MeasureOptions
from cinecohort.measures.subject import measure_subject
from cinecohort.model_sets import model_sets
from cinecohort.quality.images import check_images
from cinecohort.quality.measures import check_rows
from cinecohort.quality.options import (
    ImageQualityOptions,
    MeasureQualityOptions,
    SegmentationQualityOptions,
)
from cinecohort.quality.segmentations import check_segmentations
from cinecohort.reporting.numbers import is_defined, listing, number
from cinecohort.reporting.patient import PatientPage, make_patient_page
from cinecohort.segmentation.descriptions import DEFAULT_MODELS, describe_model, shipped_models
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
from cinecohort.sources.detect import open_detected
from cinecohort.store import write_record
from cinecohort.synthetic import is_synthetic

STEPS = {
    "convert": "reading DICOM",
    "image_quality": "checking images",
    "segment": "segmenting",
    "segmentation_quality": "checking label maps",
    "measure": "measuring",
    "page": "writing the page",
}
"""Steps of a study and what is said while they run."""
BAR = "{desc}step {n_fmt} of {total_fmt} done, {elapsed}"


@dataclass(frozen=True)
class PatientStudy:
    """What came out: findings of all stages and the result in a sentence."""

    findings: list[Finding]
    sentence: str


def study_patient(source: Path, out: Path, model: str | None = None, threads: int = 0) -> PatientStudy:
    """Take one patient from DICOM to ``report.pdf``.

    Parameters
    ----------
    source
        Folder of the DICOM files of one study.
    out
        Folder for the images, label maps, records, ``measures.csv`` and ``report.pdf``.
    model
        Name of shipped short-axis weights or path of a file; None for the default.
    threads
        Threads of the network; 0 for all processors.

    Raises
    ------
    UserError
        If the folder holds no study, more than one, or nothing that can be measured.
    """
    models = chosen_models(model)
    with tqdm(total=len(STEPS), unit=" steps", bar_format=BAR) as bar:
        return _steps(source, out, models, threads or os.cpu_count() or 1, bar)


def _steps(
    source: Path, out: Path, models: dict[str, ModelOptions], threads: int, bar: "tqdm[NoReturn]"
) -> PatientStudy:
    """Do the stages one after the other, the one at work named at the bar."""

    def now(step: str) -> None:
        bar.update(list(STEPS).index(step) - bar.n)
        bar.set_description(STEPS[step])  # Shows the bar, which an update just after another does not.

    now("convert")
    key, findings = convert(source, out)
    now("image_quality")
    findings += checked(out, "image_quality", check_images(out, ImageQualityOptions()), source)
    now("segment")
    findings += segment(out, models, threads)
    now("segmentation_quality")
    sets = model_sets({view: [model.name] for view, model in models.items()})
    findings += checked(
        out, "segmentation_quality", check_segmentations(out, None, SegmentationQualityOptions()), source
    )
    now("measure")
    outcome = measure_subject(out, sets, [], MeasureOptions())
    row: dict[str, Any] = next(iter(outcome.rows), {})
    outcome.findings += check_rows(outcome.rows, MeasureQualityOptions())
    findings += checked(out, "measure", outcome, source)
    row["status"] = str(overall_status(findings))
    pd.DataFrame([{"subject": key, **row}], columns=["subject", *COLUMNS]).to_csv(
        out / "measures.csv", index=False
    )
    now("page")
    made_up = is_synthetic(read_json(out / "sa.json"))
    page = PatientPage(
        key, out, row, findings, str(row.get("source", "")), warnings(models, findings), synthetic=made_up
    )
    make_patient_page(page, out / "report.pdf")
    bar.update(len(STEPS) - bar.n)
    return PatientStudy(findings, sentence(row))


def chosen_models(model: str | None) -> dict[str, ModelOptions]:
    """Network of each view: the named one for the short axis, else the shipped default.

    Raises
    ------
    UserError
        If there is none for the short axis, or the named one is of another view.
    """
    models: dict[str, ModelOptions] = {}
    defaults = set(DEFAULT_MODELS.values())
    for name in sorted(
        shipped_models(), key=lambda name: (name not in defaults, not describe_model(name).validated)
    ):
        models.setdefault(describe_model(name).view, ModelOptions(name=name, weights=name))
    if model is not None:
        description = describe_model(model)
        if description.view != "sa":
            raise UserError(
                f"{model}: segments {description.view}, not the short axis; name a short-axis network."
            )
        models["sa"] = ModelOptions(name=description.name, weights=model)
    if "sa" not in models:
        raise UserError("no short-axis network is shipped; train one and give it with --model.")
    return models


def convert(source: Path, out: Path) -> tuple[str, list[Finding]]:
    """Convert the one study of a folder; its key and findings."""
    if not source.is_dir():
        raise UserError(f"{source}: there is no such folder; give the folder of one patient's DICOM files.")
    opened = open_detected(source, "dicom", None)
    subjects = opened.subjects()
    if not subjects:
        raise UserError(f"{source}: holds no DICOM images; give the folder of one patient's DICOM files.")
    if len(subjects) > 1:
        names = [subject.key for subject in subjects[:3]]
        words = listing(names) if len(subjects) <= 3 else ", ".join([*names, "…"])
        raise UserError(f"{source}: holds {len(subjects)} studies ({words}); give the folder of one of them.")
    key = subjects[0].key
    work = partial(convert_guarded, opened, ConversionOptions())
    ((_, outcome),) = results_of(work, [(subjects[0], out)], 1)
    if isinstance(outcome, Died):
        outcome = died(key, "convert")
    elif isinstance(outcome, BaseException):
        raise outcome
    return key, checked(out, "convert", outcome, source)


def checked(out: Path, stage: str, outcome: Outcome, source: Path) -> list[Finding]:
    """Record a stage's outcome and return its findings.

    Raises
    ------
    UserError
        If it leaves nothing usable, with the reason.
    """
    write_record(out, stage, VERSIONS[stage], "", outcome)
    short_axis = (out / "sa.nii.gz").is_file()
    if outcome.status in (Status.EXCLUDED, Status.ERROR) or not short_axis:
        grave = [finding for finding in outcome.findings if finding.level in ("reject", "error")]
        reasons = (
            "; ".join(f"{f.code}: {f.message}" for f in grave or outcome.findings) or "no reason was given"
        )
        what = "no short-axis stack" if not short_axis else f"nothing usable after the stage {stage}"
        raise UserError(f"{source}: {what} ({reasons}). The records in {out} have the details.")
    return list(outcome.findings)


def segment(out: Path, models: dict[str, ModelOptions], threads: int) -> list[Finding]:
    """Segment every view that is there and has a network."""
    from cinecohort.segmentation.prediction import segment_subjects

    findings: list[Finding] = []
    merged = Outcome()
    for view, model in models.items():
        if not (out / f"{view}.nii.gz").is_file():
            continue
        for _, outcome in segment_subjects([out], model, SegmentationOptions(), view, None, threads):
            findings += outcome.findings
            merged.outputs += outcome.outputs
            merged.values = {**outcome.values, **merged.values}  # noqa: PD011 not a data frame
            merged.at_least = gravest((merged.at_least, outcome.status))
    merged.findings = findings
    write_record(out, "segment", VERSIONS["segment"], "", merged)
    return findings


def warnings(models: dict[str, ModelOptions], findings: list[Finding]) -> list[str]:
    """Sentences for the box at the top of the page."""
    sentences = [
        f"The network {model.name} was not validated on real hearts."
        for model in models.values()
        if not all(describe_model(weights).validated for weights in model.members)
    ]
    flagged = sorted({finding.code for finding in findings if finding.level == "review"})
    if flagged:
        sentences.append(
            f"Flagged for review ({', '.join(flagged)}): look at the contours before using a number."
        )
    return sentences


def sentence(row: dict[str, Any]) -> str:
    """Say the main measures in a line."""
    parts = [
        f"{PRINTED[name].label} {number(row[name], PRINTED[name].digits)} {PRINTED[name].unit}"
        for name in columns_shown(Show.PATIENT)
        if is_defined(row.get(name))
    ]
    return listing(parts) or "nothing could be measured"
