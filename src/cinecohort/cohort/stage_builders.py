"""How each stage works on a subject: the glue between the store and the rooms that do the work.

The rooms are imported where they are used, so that a job loads only what its stage needs.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import STRUCTURES
from cinecohort.cohort.contents import content_digest
from cinecohort.cohort.index import IndexedSubject, open_dataset, raw_digest
from cinecohort.cohort.rejections import rejections, usable
from cinecohort.cohort.runner import Stage, outcome_of
from cinecohort.cohort.stage_settings import (
    ConvertSettings,
    EvaluateSettings,
    ImageQualitySettings,
    MeasureSettings,
    SegmentationQualitySettings,
    SegmentSettings,
)
from cinecohort.config import DatasetOptions
from cinecohort.errors import UserError, Vanished, is_machine_fault
from cinecohort.findings import Finding, Level, Outcome, Status, gravest
from cinecohort.label_maps import observers_of
from cinecohort.model_sets import model_sets
from cinecohort.review.corrected_maps import put_corrections
from cinecohort.review.corrections import Correction, corrected_digests, correction_inputs
from cinecohort.review.digests import seen_digests
from cinecohort.review.verdicts import Rejection


def _convert(settings: ConvertSettings, results: Path, threads: int, gpu: int) -> Stage:
    for dataset in settings.datasets.values():
        # A folder that is not mounted here is no subject's fault: the job fails before it blames anybody.
        open_dataset(dataset)
    inputs = partial(_raw_inputs, datasets=settings.datasets, cache=results / "cache" / "raw")
    work = partial(_convert_one, datasets=settings.datasets, options=settings.conversion)
    parameters = settings.conversion.model_dump(mode="json")
    return Stage("convert", settings.version, parameters, inputs, work, isolated=True)


def _raw_inputs(
    subject: IndexedSubject, folder: Path, datasets: Mapping[str, DatasetOptions], cache: Path
) -> dict[str, str]:
    options = datasets[subject.dataset]
    source = open_dataset(options)
    try:
        raw = source.subject(subject.id)
    except UserError as fault:
        raise Vanished(str(fault)) from fault
    if raw_digest(raw) != subject.raw:
        # A folder that the machine lists in part looks like one with fewer files: nobody is judged by that.
        raise Vanished(f"raw files of {subject.subject} are not those that were listed when the run started")
    content = content_digest(raw, options.path, cache / f"{subject.subject}.json")
    changed = options.settings.model_dump(mode="json", exclude_defaults=True)
    return {"raw": content, "source": json.dumps([options.source, changed], sort_keys=True)}


def _convert_one(
    subject: IndexedSubject, folder: Path, datasets: Mapping[str, DatasetOptions], options: Any
) -> Outcome:
    source = open_dataset(datasets[subject.dataset])
    return source.convert(source.subject(subject.id), folder, options)


def _given(subject: IndexedSubject, folder: Path, inputs: Mapping[str, str]) -> Mapping[str, str]:
    return inputs


def _image_quality(settings: ImageQualitySettings, results: Path, threads: int, gpu: int) -> Stage:
    work = partial(_image_quality_one, options=settings.image_quality)
    return Stage(
        "image_quality",
        settings.version,
        settings.image_quality.model_dump(mode="json"),
        partial(_given, inputs={}),
        work,
        after=("convert",),
        gates=("convert",),
    )


def _image_quality_one(subject: IndexedSubject, folder: Path, options: Any) -> Outcome:
    from cinecohort.quality.images import check_images

    return check_images(folder, options)


HOW_TO_RUN = {"engine", "precision", "device", "batch_size"}
"""Settings that a segmentation does not depend on: what engine, precision and device come to is looked at."""

RUN_ON_PROCESSORS = ("engine: openvino", "engine: mnn", "precision: int8")
"""Settings by which no GPU is used."""


def _segment(settings: SegmentSettings, results: Path, threads: int, gpu: int) -> Stage:
    options = settings.segmentation
    models = {view: settings.models[view] for view in STRUCTURES if view in settings.models}
    engine = _engine(options, gpu) if any(models.values()) else None
    unset = {"second_network"} if options.second_network is None else set()
    return Stage(
        "segment",
        settings.version,
        {
            **options.model_dump(mode="json", exclude=HOW_TO_RUN | unset),
            "models": {view: [model.name for model in listed] for view, listed in models.items()},
            "engine": engine,
        },
        partial(_given, inputs=settings.weights),
        after=("convert",),
        gates=("convert", "image_quality"),
        work_on_all=partial(_segment_all, models=models, options=options, threads=threads),
    )


def _engine(options: Any, gpu: int) -> dict[str, str]:
    """Engine, device and precision that this job will use.

    Raises
    ------
    UserError
        If a pinned engine or device is not there, or the job was given a GPU that it would not use.
    """
    from cinecohort.segmentation.engines import resolve_engine

    engine = resolve_engine(options)
    pinned = f"precision: {options.precision}" if options.precision == "int8" else f"engine: {options.engine}"
    if gpu and pinned in RUN_ON_PROCESSORS and options.device != "cpu":
        raise UserError(
            f"the job was given a GPU, which segmentation.{pinned} does not use. Ask for no GPU, or set "
            "segmentation.engine: torch and precision: auto to use it, or segmentation.device: cpu to use "
            "the processor on purpose."
        )
    if gpu and engine.device != "cuda" and options.device != "cpu":
        raise UserError(
            "the job was given a GPU, but no CUDA device is to be found on its node. Check the partition and "
            "the driver, or set segmentation.device to cpu to use the processor on purpose."
        )
    return asdict(engine)


def _segment_all(
    pending: Sequence[tuple[IndexedSubject, Path]], models: Mapping[str, Any], options: Any, threads: int
) -> Iterator[tuple[IndexedSubject, Outcome]]:
    """Every model goes over the subjects side by side, so that a subject is finished before the next."""
    if not any(models.values()):
        yield from ((subject, merged([without_model(folder, models)])) for subject, folder in pending)
        return
    from cinecohort.segmentation.prediction import load, segment_with

    alone = options.model_copy(update={"second_network": None})
    # Before any subject, so that an engine that does not work ends the job instead of marking everybody.
    loaded = [
        (view, load(model, options if rank == 0 else alone, view, threads), None if rank == 0 else model.name)
        for view, listed in models.items()
        for rank, model in enumerate(listed)
    ]

    def outcomes_of(part: Sequence[tuple[IndexedSubject, Path]]) -> Iterator[Outcome]:
        folders = [folder for _, folder in part]
        streams = [segment_with(model, folders, options, name) for _, model, name in loaded]
        views = [view for view, _, _ in loaded]
        return (of_views(views, [outcome for _, outcome in each]) for each in zip(*streams, strict=True))

    outcomes = outcomes_of(pending)
    for place, (subject, folder) in enumerate(pending):
        try:
            outcome = next(outcomes)
        except Exception as fault:
            if is_machine_fault(fault):
                raise
            # What raised gives no subject any more, and may have met the fault while reading ahead: this
            # subject is tried alone, and those after it get a fresh start.
            outcome = _alone(subject, outcomes_of(pending[place : place + 1]))
            outcomes = outcomes_of(pending[place + 1 :])
        yield subject, merged([outcome, without_model(folder, models)])


def without_model(folder: Path, models: Mapping[str, Any]) -> Outcome:
    """Say which views of a subject the configuration names no network for: they are not segmented."""
    views = [view for view in STRUCTURES if not models.get(view) and (folder / f"{view}.nii.gz").is_file()]
    message = "The configuration names no network for {}; it was not segmented."
    findings = [Finding(Code.NO_MODEL, Level.INFO, message.format(view), view) for view in views]
    return Outcome(Status.OK, findings)


def _alone(subject: IndexedSubject, outcomes: Iterator[Outcome]) -> Outcome:
    try:
        return next(outcomes)
    except Exception as fault:
        return outcome_of(fault, "segment", subject.subject)


def of_views(views: Sequence[str], outcomes: Sequence[Outcome]) -> Outcome:
    """One outcome of a subject's segmentations, with models and frames of each as ``sa=a,la_2ch=b``."""
    whole = merged(outcomes)

    def listed(key: str) -> str:
        pairs = zip(views, outcomes, strict=True)
        return ",".join(f"{view}={outcome.values[key]}" for view, outcome in pairs)

    shared = {key: value for key, value in whole.values.items() if key not in ("model", "frames_segmented")}
    whole.values = {"models": listed("model"), **shared, "frames_segmented": listed("frames_segmented")}
    return whole


def merged(outcomes: Sequence[Outcome]) -> Outcome:
    """One outcome of several of the same subject: all findings and outputs, the values of the first."""
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    status = gravest(outcome.status for outcome in outcomes)
    values: dict[str, Any] = {}
    for outcome in reversed(outcomes):
        values.update(outcome.values)
    outputs = [name for outcome in outcomes for name in outcome.outputs]
    traceback = "".join(outcome.traceback for outcome in outcomes)
    return Outcome(status, findings, outputs, values, traceback=traceback)


def _segmentation_quality(
    settings: SegmentationQualitySettings, results: Path, threads: int, gpu: int
) -> Stage:
    return Stage(
        "segmentation_quality",
        settings.version,
        settings.model_dump(mode="json", exclude={"version", "corrections"}),
        partial(_correction_inputs, corrections=settings.corrections),
        partial(_segmentation_quality_one, settings=settings),
        after=("convert", "segment"),
        gates=("convert", "image_quality", "segment"),
    )


def _corrections_of(subject: IndexedSubject, corrections: Sequence[Correction]) -> list[Correction]:
    return [one for one in corrections if one.subject == subject.subject]


def _correction_inputs(
    subject: IndexedSubject, folder: Path, corrections: Sequence[Correction]
) -> Mapping[str, str]:
    return correction_inputs(folder, _corrections_of(subject, corrections))


def _segmentation_quality_one(
    subject: IndexedSubject, folder: Path, settings: SegmentationQualitySettings
) -> Outcome:
    from cinecohort.quality.segmentations import check_segmentations

    mine = _corrections_of(subject, settings.corrections)
    findings, outputs, corrected = put_corrections(folder, mine, settings.models)
    outcome = check_segmentations(folder, None, settings.segmentation_quality)
    outcome.findings += findings
    outcome.outputs += outputs
    if corrected:
        outcome.values["corrected"] = corrected
    return outcome


def _label_map_inputs(subject: IndexedSubject, folder: Path) -> Mapping[str, str]:
    """What the checks of label maps decided: views that they reject, and maps that people corrected."""
    corrected = {f"corrected {view}": digest for view, digest in corrected_digests(folder).items()}
    return {**rejections(folder), **corrected}


def _verdicts_on(subject: IndexedSubject, folder: Path, rejected: Sequence[Rejection]) -> list[Rejection]:
    """What reviewers reject of a subject as it is now."""
    listed = [one for one in rejected if one.subject == subject.subject]
    digests = seen_digests(folder) if listed else {}
    return [one for one in listed if one.holds(digests)]


def _measure_inputs(
    subject: IndexedSubject, folder: Path, rejected: Sequence[Rejection]
) -> Mapping[str, str]:
    listed = [f"{one.view} {one.structure}".strip() for one in _verdicts_on(subject, folder, rejected)]
    said = {"rejected by a reviewer": ",".join(listed)} if listed else {}
    return {**_label_map_inputs(subject, folder), **said}


def _measure(settings: MeasureSettings, results: Path, threads: int, gpu: int) -> Stage:
    work = partial(_measure_one, settings=settings)
    return Stage(
        "measure",
        settings.version,
        settings.model_dump(mode="json", exclude={"version", "rejected"}),
        partial(_measure_inputs, rejected=settings.rejected),
        work,
        after=("convert", "segment"),
        gates=("convert", "image_quality"),
    )


def _measure_one(subject: IndexedSubject, folder: Path, settings: MeasureSettings) -> Outcome:
    from cinecohort.measures.subject import measure_subject
    from cinecohort.quality.measures import check_rows

    refused = _verdicts_on(subject, folder, settings.rejected)
    if any(not one.view for one in refused):
        message = "a reviewer rejected the subject; nothing of it is measured"
        return Outcome(findings=[Finding(Code.REVIEW_REJECTED, Level.REJECT, message)])
    parts = sorted({part for one in refused for part in one.structures()})
    sets, views, findings = usable(folder, model_sets(settings.models), "measured")
    # The room shows the first model of each view: a verdict is about its label map.
    rejected = {
        each.name: [part for part in parts if part[0] in each.files and each.files[part[0]] is None]
        for each in sets
    }
    outcome = measure_subject(folder, sets, observers_of(folder), settings.measures, views, rejected)
    outcome.findings.extend(findings)
    outcome.findings.extend(check_rows(outcome.rows, settings.measure_quality))
    return outcome


def _evaluate(settings: EvaluateSettings, results: Path, threads: int, gpu: int) -> Stage:
    work = partial(_evaluate_one, settings=settings)
    return Stage(
        "evaluate",
        settings.version,
        settings.model_dump(mode="json", exclude={"version"}),
        _label_map_inputs,
        work,
        after=("convert", "segment"),
        gates=("convert", "image_quality"),
    )


def _evaluate_one(subject: IndexedSubject, folder: Path, settings: EvaluateSettings) -> Outcome:
    from cinecohort.evaluation.subject import evaluate_subject

    sets, views, findings = usable(folder, model_sets(settings.models), "compared")
    outcome = evaluate_subject(folder, sets, observers_of(folder), settings.evaluation, views)
    outcome.findings.extend(findings)
    return outcome


BUILDERS: dict[str, Callable[..., Stage]] = {
    "convert": _convert,
    "image_quality": _image_quality,
    "segment": _segment,
    "segmentation_quality": _segmentation_quality,
    "measure": _measure,
    "evaluate": _evaluate,
}
