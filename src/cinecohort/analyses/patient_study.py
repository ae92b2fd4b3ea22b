"""One patient through every stage without a workflow: DICOM, images, segmentation, measures, page."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from cinecohort.analyses.patient_calibration import by_structure, judged, second_network, with_calibration
from cinecohort.calibration.record import Calibration
from cinecohort.catalogue.findings import finding_words
from cinecohort.catalogue.measures import PRINTED, Show, columns_shown
from cinecohort.cohort.convert_folder import convert_guarded
from cinecohort.cohort.runner import died
from cinecohort.cohort.versions import VERSIONS
from cinecohort.cohort.workers import Died, results_of
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.raw_files import is_archive
from cinecohort.errors import UserError
from cinecohort.files import read_json
from cinecohort.findings import Finding, Level, Outcome, Status, gravest, overall_status
from cinecohort.measures.columns import COLUMNS
from cinecohort.measures.indexing import add_indexed
from cinecohort.measures.options import MeasureOptions
from cinecohort.measures.reference_ranges import NO_REFERENCE, Reference, add_z_scores
from cinecohort.measures.subject import measure_subject
from cinecohort.measures.voids import read_voided
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
from cinecohort.reporting.patient import PatientPage, make_patient_page, unvalidated_words
from cinecohort.segmentation.descriptions import DEFAULT_MODELS, describe_model, shipped_models
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
from cinecohort.sources.base import RawSubject, Source
from cinecohort.sources.bulk_archives import holds_archives
from cinecohort.sources.detect import SingleStudy, open_detected
from cinecohort.sources.workspaces import WorkspaceFolder
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
NOT_HELD = (
    "The calibration does not hold for this segmentation, which was not made as those that it was learnt on: "
    "there are no probabilities of failure and no intervals."
)
BAR = "{desc}step {n_fmt} of {total_fmt} done, {elapsed}"


@dataclass(frozen=True)
class PatientStudy:
    """What came out of one study.

    Parameters
    ----------
    key
        The subject's key.
    row
        Its measures, with indexed ones, z-scores and ``status``.
    findings
        Of all stages.
    person
        ``sex``, ``age_years``, ``height_cm`` and ``weight_kg``, as far as known.
    """

    key: str
    row: dict[str, Any]
    findings: list[Finding]
    person: Mapping[str, Any]

    @property
    def sentence(self) -> str:
        """The main measures in a line."""
        return sentence(self.row)


@dataclass(frozen=True)
class StudySettings:
    """What all studies of a call share.

    Parameters
    ----------
    models
        Network of each view; see :func:`chosen_models`.
    threads
        Threads of the network; 0 for all processors.
    reference
        Ranges of healthy people.
    calibration
        What gives probabilities of failure and intervals; None: nothing does.
    """

    models: Mapping[str, ModelOptions]
    threads: int = 0
    reference: Reference = NO_REFERENCE
    calibration: Calibration | None = None


def studies_in(source: Path) -> tuple[Source, list[RawSubject]]:
    """Open a folder of DICOM files, a zip archive, or a folder of several of these; list the studies.

    Archives that are named as UK Biobank names them are one study per participant and visit.

    Raises
    ------
    UserError
        If there is no such folder or archive, or no study in it.
    """
    if source.is_file() and is_archive(source):
        whole = source.resolve()
        opened: Source = SingleStudy(whole.parent, WorkspaceFolder(None, whole.parent), whole.name)
    elif source.is_dir():
        opened = open_detected(source, "ukbiobank" if holds_archives(source) else "dicom", None)
    else:
        raise UserError(
            f"{source}: there is no such folder or zip archive; give the DICOM files of one patient, or a "
            "folder that holds a folder or zip archive for each."
        )
    subjects = opened.subjects()
    if not subjects:
        raise UserError(f"{source}: holds no DICOM images; give the folder of a patient's DICOM files.")
    return opened, subjects


def study_patient(
    opened: Source, subject: RawSubject, out: Path, settings: StudySettings, person: Mapping[str, Any]
) -> PatientStudy:
    """Take one patient from DICOM to ``report.pdf``.

    Parameters
    ----------
    opened, subject
        See :func:`studies_in`.
    out
        Folder for the images, label maps, records, ``measures.csv`` and ``report.pdf``.
    settings
        Networks and ranges of healthy people.
    person
        ``sex`` (F or M), ``age_years``, ``height_cm`` and ``weight_kg``, as far as known.

    Raises
    ------
    UserError
        If nothing of the study can be measured, with the reason.
    """
    with tqdm(total=len(STEPS), unit=" steps", bar_format=BAR) as bar:

        def now(step: str) -> None:
            bar.update(list(STEPS).index(step) - bar.n)
            bar.set_description(STEPS[step])  # Shows the bar, which an update just after another does not.

        now("convert")
        findings = convert(opened, subject, out)
        now("image_quality")
        findings += checked(out, "image_quality", check_images(out, ImageQualityOptions()), subject.key)
        now("segment")
        models = {view: one for view, one in settings.models.items() if (out / f"{view}.nii.gz").is_file()}
        second = second_network(settings.calibration)
        findings += segment(out, models, settings.threads or os.cpu_count() or 1, second)
        now("segmentation_quality")
        maps = check_segmentations(out, None, SegmentationQualityOptions())
        findings += checked(out, "segmentation_quality", maps, subject.key)
        now("measure")
        outcome = measure_subject(
            out, model_sets({view: [model.name] for view, model in models.items()}), [], MeasureOptions()
        )
        outcome.findings += check_rows(outcome.rows, MeasureQualityOptions())
        findings += checked(out, "measure", outcome, subject.key)
        measured = {"subject": subject.key, **next(iter(outcome.rows), {})}
        if settings.calibration is not None:
            found, findings = judged(settings.calibration, subject.key, maps.values, findings)
            measured = with_calibration(measured, settings.calibration, found, maps.values)
        row = with_comparisons(subject.key, measured, person, settings.reference)
        row["status"] = str(overall_status(findings))
        study = PatientStudy(subject.key, row, findings, person)
        ordered = ["subject", *COLUMNS]
        ordered += [name for name in row if name not in ordered]
        pd.DataFrame([row], columns=ordered).to_csv(out / "measures.csv", index=False)
        now("page")
        make_patient_page(page_of(study, out, models, settings), out / "report.pdf")
        bar.update(len(STEPS) - bar.n)
    return study


def with_comparisons(
    key: str, measured: Mapping[str, Any], person: Mapping[str, Any], reference: Reference
) -> dict[str, Any]:
    """A row of measures with indexed ones and z-scores, where body size, sex and age are known."""
    people = pd.DataFrame([{"subject": key, **person}])
    table = add_indexed(pd.DataFrame([{"subject": key, **measured}]), people)
    table = add_z_scores(table, people, reference)
    return {str(name): value for name, value in table.iloc[0].items()}


def page_of(
    study: PatientStudy, out: Path, models: Mapping[str, ModelOptions], settings: StudySettings
) -> PatientPage:
    """What is printed of a study."""
    voided = study.row["voided"] if isinstance(study.row.get("voided"), str) else ""
    probabilities = by_structure(study.row)
    said = warnings(models, study.findings)
    if settings.calibration is not None and not probabilities:
        said.append(NOT_HELD)
    return PatientPage(
        study.key,
        out,
        study.row,
        study.findings,
        str(study.row.get("source", "")),
        said,
        is_synthetic(read_json(out / "sa.json")),
        study.person,
        settings.reference,
        {each["measure"]: each["reason"] for each in read_voided(voided)},
        probabilities,
    )


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


def convert(opened: Source, subject: RawSubject, out: Path) -> list[Finding]:
    """Convert a study; its findings."""
    work = partial(convert_guarded, opened, ConversionOptions())
    ((_, outcome),) = results_of(work, [(subject, out)], 1)
    if isinstance(outcome, Died):
        outcome = died(subject.key, "convert")
    elif isinstance(outcome, BaseException):
        raise outcome
    return checked(out, "convert", outcome, subject.key)


def checked(out: Path, stage: str, outcome: Outcome, key: str) -> list[Finding]:
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
        raise UserError(f"{key}: {what} ({reasons}). The records in {out} have the details.")
    return list(outcome.findings)


def segment(
    out: Path, models: Mapping[str, ModelOptions], threads: int, second: str | None = None
) -> list[Finding]:
    """Segment every view of these networks, two frames of the short axis with a second one too."""
    from cinecohort.segmentation.prediction import segment_subjects

    findings: list[Finding] = []
    merged = Outcome()
    options = SegmentationOptions(second_network=second)
    for view, model in models.items():
        for _, outcome in segment_subjects([out], model, options, view, None, threads):
            findings += outcome.findings
            merged.outputs += outcome.outputs
            merged.values = {**outcome.values, **merged.values}  # noqa: PD011 not a data frame
            merged.at_least = gravest((merged.at_least, outcome.status))
    merged.findings = findings
    write_record(out, "segment", VERSIONS["segment"], "", merged)
    return findings


def warnings(models: Mapping[str, ModelOptions], findings: Sequence[Finding]) -> list[str]:
    """Sentences for the box at the top of the page, on the networks that were run alone."""
    doubted = [
        view
        for view, model in models.items()
        if not all(describe_model(weights).validated for weights in model.members)
    ]
    flagged = codes_of(findings)
    sentences = unvalidated_words(doubted)
    if flagged:
        sentences.append(f"For review: {in_words(flagged)}. Look at the contours before using a number.")
    return sentences


def codes_of(findings: Sequence[Finding]) -> list[str]:
    """Codes that ask for a look, each once."""
    return sorted({str(finding.code) for finding in findings if finding.level is not Level.INFO})


def in_words(codes: Sequence[str]) -> str:
    """What the codes mean, each with its code (``low contrast of blood and myocardium (I2)``)."""
    return "; ".join(f"{finding_words(code)} ({code})" for code in codes)


def sentence(row: Mapping[str, Any]) -> str:
    """Say the main measures in a line."""
    parts = [
        f"{PRINTED[name].label} {number(row[name], PRINTED[name].digits)} {PRINTED[name].unit}"
        for name in columns_shown(Show.PATIENT)
        if is_defined(row.get(name))
    ]
    return listing(parts) or "nothing could be measured"
