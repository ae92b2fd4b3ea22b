"""All measures of one subject: every model set and observer, at their own frames and at the observers'."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.measures import ANALYSED
from cinecohort.catalogue.views import STRUCTURES
from cinecohort.files import write_json
from cinecohort.findings import Finding, Level, Outcome
from cinecohort.images import read_geometry, read_sidecar, sidecar_path
from cinecohort.label_maps import (
    LabelMap,
    read_label,
    read_segmentation,
    role_of_single_frame,
    sidecar_number,
)
from cinecohort.measures.columns import COLUMNS
from cinecohort.measures.derived import with_derived
from cinecohort.measures.function import heart_rate_from_cycle
from cinecohort.measures.long_axis import AtrialCurves, atrial_curves, atrial_measures
from cinecohort.measures.map_checks import check_map
from cinecohort.measures.options import MeasureOptions
from cinecohort.measures.phases import (
    end_diastole,
    end_systole,
    first_frame_deficit_pct,
    single_frame,
)
from cinecohort.measures.ventricles import (
    StackFacts,
    VentricularCurves,
    ventricular_curves,
    ventricular_measures,
)
from cinecohort.measures.voids import Void, rejected_voids, ventricular_voids, void_findings, voided_text
from cinecohort.measures.wall_thickness import wall_thickness
from cinecohort.model_sets import ModelSet, models_text

CURVES_FILE = "curves.json"


@dataclass
class Source:
    """Label maps of a set of models or of an observer, measured frame by frame.

    Parameters
    ----------
    name
        What the rows call it.
    manual
        Whether a person drew the labels.
    maps
        View to label map.
    ventricles, atria
        Curves; None for the ventricles where there is no short axis.
    """

    name: str
    manual: bool
    maps: dict[str, LabelMap]
    ventricles: VentricularCurves | None = None
    atria: AtrialCurves = field(default_factory=lambda: AtrialCurves({}))


def measure_subject(
    folder: Path,
    sets: Sequence[ModelSet],
    observers: Sequence[str],
    options: MeasureOptions,
    views: Collection[str] = tuple(STRUCTURES),
    rejected: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> Outcome:
    """Measure every label map of a subject.

    Parameters
    ----------
    folder
        The subject's folder in the store.
    sets
        Sets of models whose label maps are measured together; see
        :func:`cinecohort.model_sets.model_sets`.
    observers
        Names of observers; those without labels here are passed over.
    options
        Definitions to choose from.
    views
        Views that are measured.
    rejected
        Name of a set to view and structure of what a reviewer rejected of its label maps.

    Returns
    -------
    Outcome
        ``rows`` with the columns of :data:`cinecohort.measures.columns.COLUMNS`: one a set at its own
        end-diastole and end-systole (``frames`` = ``own``), one a set and observer at the observer's
        (``frames`` = the observer), one per observer. Undefined is None; the findings say why. The file
        ``curves.json`` holds the volumes of every frame. Without any label map the subject is excluded.
    """
    outcome = Outcome()
    facts = stack_facts(folder)
    affine = _short_axis_affine(folder)
    people = [
        _source(name, True, {view: read_label(folder, view, name) for view in STRUCTURES if view in views})
        for name in observers
    ]
    networks = [
        _source(
            each.name,
            False,
            {v: read_segmentation(folder, v, name) for v, name in each.files.items() if v in views},
        )
        for each in sets
    ]
    sources = [source for source in [*networks, *people] if source.maps]
    for source in sources:
        _measure_curves(source, facts, affine, options)
        outcome.findings += _source_findings(source, facts, options)
        for view, labels in source.maps.items():
            roles = (facts.ed_frame, facts.es_frame, labels.ed_frame, labels.es_frame)
            known = any(frame is not None for frame in roles)
            outcome.findings += check_map(labels.image, folder, view, source.name, known)
    annotated_by = [source for source in sources if source.manual]
    curves: dict[str, Any] = {}
    for source in sources:
        curves[source.name] = _curves_record(source, facts, options)
        pairs = [("own", source if source.manual else None)]
        pairs += [(observer.name, observer) for observer in annotated_by if not source.manual]
        refused = (rejected or {}).get(source.name, ())
        made = [_row(source, frames, observer, facts, options, refused) for frames, observer in pairs]
        outcome.rows += [row for row, _ in made]
        outcome.findings += void_findings(source.name, [void for _, voids in made for void in voids])
    outcome.findings += _subject_findings(outcome.rows, facts)
    if sources:
        write_json(folder / CURVES_FILE, curves)
        outcome.outputs.append(CURVES_FILE)
    outcome.values = {"n_sources": len(sources), "heart_rate_bpm": facts.heart_rate_bpm}
    return outcome


def stack_facts(folder: Path) -> StackFacts:
    """Facts of the short-axis stack, from its sidecar.

    The heart rate is the sidecar's. Only a file without any sidecar (a NIfTI file made elsewhere)
    gets it from its time step, where that is plausible.
    """
    path = folder / "sa.nii.gz"
    if sidecar_path(path).is_file():
        sidecar = read_sidecar(path)
        return StackFacts.from_sidecar(sidecar, sidecar_number(sidecar, "heart_rate_bpm"))
    if not path.is_file():
        return StackFacts()
    image = read_geometry(path)
    interval = image.frame_interval_s
    return StackFacts(heart_rate_bpm=heart_rate_from_cycle(image.shape[3], interval) if interval else None)


def _short_axis_affine(folder: Path) -> NDArray[np.float64] | None:
    path = folder / "sa.nii.gz"
    return read_geometry(path).affine if path.is_file() else None


def _source(name: str, manual: bool, maps: Mapping[str, LabelMap | None]) -> Source:
    return Source(name, manual, {view: labels for view, labels in maps.items() if labels is not None})


def _measure_curves(
    source: Source, facts: StackFacts, affine: NDArray[np.float64] | None, options: MeasureOptions
) -> None:
    short_axis = source.maps.get("sa")
    if short_axis is not None:
        source.ventricles = ventricular_curves(short_axis, facts, options)
        affine = short_axis.image.affine if affine is None else affine
    source.atria = atrial_curves(source.maps, affine, options)


def _frames(
    source: Source, observer: Source | None, facts: StackFacts, options: MeasureOptions
) -> tuple[int | None, int | None]:
    """End-diastole and end-systole of a row, in the short axis."""
    if observer is None:
        if source.ventricles is None:
            return None, None
        return _own_frames(source.ventricles, facts, options)
    labels = observer.maps.get("sa")
    if labels is None or observer.ventricles is None:
        return None, None
    if labels.ed_frame is not None or labels.es_frame is not None:
        return labels.ed_frame, labels.es_frame
    return _own_frames(observer.ventricles, StackFacts(), MeasureOptions())


def _own_frames(
    curves: VentricularCurves, facts: StackFacts, options: MeasureOptions
) -> tuple[int | None, int | None]:
    """End-diastole and end-systole: those that the source names, else the largest and the smallest LV."""
    volume = curves.whole_lv_ml
    if (only := single_frame(curves.lv_ml)) is not None and facts.ed_frame is None and facts.es_frame is None:
        return role_of_single_frame(only, volume.size)
    return end_diastole(volume, options.ed, facts.ed_frame), end_systole(volume, facts.es_frame)


def _row(
    source: Source,
    frames: str,
    observer: Source | None,
    facts: StackFacts,
    options: MeasureOptions,
    rejected: Sequence[tuple[str, str]] = (),
) -> tuple[dict[str, Any], list[Void]]:
    ed_frame, es_frame = _frames(source, observer, facts, options)
    rate = facts.heart_rate_bpm
    numbers: dict[str, float] = {"heart_rate_bpm": float("nan") if rate is None else rate}
    voids: list[Void] = []
    if source.ventricles is not None:
        numbers |= ventricular_measures(source.ventricles, ed_frame, es_frame, options)
        numbers |= _wall(source.maps["sa"], ed_frame, options)
        if es_frame is not None:
            numbers["es_phase"] = es_frame / source.ventricles.lv_ml.size
    numbers |= atrial_measures(source.atria, None if observer is None else observer.maps, options)[0]
    numbers = with_derived(numbers)
    if source.ventricles is not None:
        frame_pair = (ed_frame, es_frame)
        voids = ventricular_voids(source.maps["sa"], source.ventricles, numbers, frame_pair, options)
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {name: _plain(value) for name, value in numbers.items()}
    row |= dict.fromkeys(name for void in voids for name in void.measures)
    refused = rejected_voids(rejected, row)
    row |= dict.fromkeys(name for void in refused for name in void.measures)
    voids = [*voids, *refused]
    row |= {
        "source": source.name,
        "kind": "manual" if source.manual else "auto",
        "frames": frames,
        "ed_frame": ed_frame,
        "es_frame": es_frame,
        "heart_rate_bpm": facts.heart_rate_bpm,
        "unvalidated": ",".join(unvalidated_views(source.maps)) or None,
        "models": None if source.manual else models_text(models_of_maps(source.maps)) or None,
        "voided": voided_text(voids),
    }
    if corrected := corrected_views(source.maps):
        row["corrected"] = ",".join(corrected)
    return row, voids


def unvalidated_views(maps: Mapping[str, LabelMap]) -> list[str]:
    """Views whose network, by the segmentation's sidecar, was never tested on labelled real hearts."""
    return [view for view, labels in maps.items() if labels.image.sidecar.get("validated") is False]


def corrected_views(maps: Mapping[str, LabelMap]) -> list[str]:
    """Views whose segmentation a person corrected, by its sidecar."""
    return [view for view, labels in maps.items() if "corrected_frames" in labels.image.sidecar]


def models_of_maps(maps: Mapping[str, LabelMap]) -> dict[str, str]:
    """View to the model that its segmentation's sidecar names."""
    named = {view: labels.image.sidecar.get("model") for view, labels in maps.items()}
    return {view: str(model) for view, model in named.items() if model}


def _wall(labels: LabelMap, frame: int | None, options: MeasureOptions) -> dict[str, float]:
    """Wall thickness at end-diastole, where cavity and myocardium are both known."""
    known = frame is not None and frame < labels.image.data.shape[3]
    if not options.wall_thickness or not known:
        return {}
    slices = labels.annotated["LV"][:, frame] & labels.annotated["MYO"][:, frame]
    if not slices.any():
        return {}
    dx, dy, _ = labels.image.spacing_mm
    return wall_thickness(
        np.where(slices, labels.image.data[..., frame], 0),
        labels.image.affine,
        (dx, dy),
        options.contour_smoothing_mm,
        options.minimum_area_mm2,
    )


def _curves_record(source: Source, facts: StackFacts, options: MeasureOptions) -> dict[str, Any]:
    volumes: dict[str, NDArray[np.float64]] = {}
    if source.ventricles is not None:
        volumes |= {
            "LV": source.ventricles.lv_ml,
            "MYO": source.ventricles.myocardium_ml,
            "RV": source.ventricles.rv_ml,
        }
    volumes |= atrial_measures(source.atria, source.maps if source.manual else None, options)[1]
    ed_frame, es_frame = _frames(source, source if source.manual else None, facts, options)
    return {
        "kind": "manual" if source.manual else "auto",
        "ed_frame": ed_frame,
        "es_frame": es_frame,
        "volume_ml": {name: [_plain(value) for value in curve] for name, curve in volumes.items()},
    }


def _source_findings(source: Source, facts: StackFacts, options: MeasureOptions) -> list[Finding]:
    findings = []
    for view in source.atria.without_axis:
        fallback = options.atrial_axis == "principal"
        become = "measured along their own axis" if fallback else "not measured"
        message = f"{view}: no short axis gives the long axis, atria of {source.name} are {become}"
        findings.append(
            Finding(Code.NO_LONG_AXIS, Level.REVIEW if fallback else Level.INFO, message, view=view)
        )
    if source.ventricles is None:
        return findings
    for structure in source.ventricles.incomplete:
        message = (
            f"sa: {source.name} has no {structure} volume in some frames: "
            "a slice in or beside it is missing or not annotated"
        )
        findings.append(
            Finding(Code.MISSING_SLICE, Level.REVIEW, message, view="sa", slices=facts.missing_slices)
        )
    for structure, frames in source.ventricles.failed.items():
        message = (
            f"sa: {source.name} found no {structure} in {len(frames)} frames, which have no volume of it"
        )
        findings.append(Finding(Code.NOT_FOUND, Level.REVIEW, message, view="sa", frames=frames))
    if source.ventricles.lost:
        listed = ", ".join(map(str, source.ventricles.lost))
        message = (
            f"sa: the LV of {source.name} is missing in slices of frame {listed} where other frames have it;"
            " such a frame is taken for end-diastole or end-systole only where its role is named"
        )
        lost = Finding(Code.LOST_SLICES, Level.REVIEW, message, view="sa", frames=source.ventricles.lost)
        findings.append(lost)
    deficit = first_frame_deficit_pct(source.ventricles.whole_lv_ml)
    if not source.manual and facts.ed_frame is None and deficit > options.ed_tolerance_pct:
        level = Level.REVIEW if options.ed == "first" else Level.INFO
        message = (
            f"sa: LV volume of {source.name} in the first frame is {deficit:.1f} % below the largest; "
            f"end-diastole is the {'first frame' if options.ed == 'first' else 'frame of the largest volume'}"
        )
        findings.append(
            Finding(
                Code.ED_NOT_FIRST,
                level,
                message,
                view="sa",
                frames=(0,),
                value=deficit,
                threshold=options.ed_tolerance_pct,
            )
        )
    return findings


def _subject_findings(rows: Sequence[Mapping[str, Any]], facts: StackFacts) -> list[Finding]:
    if not any(row[name] is not None for row in rows for name in ANALYSED):
        message = "no label map, or none in which enough was found to measure anything"
        return [Finding(Code.NOT_MEASURABLE, Level.REJECT, message)]
    findings = []
    if facts.heart_rate_bpm is None and any(row["lvsv_ml"] is not None for row in rows):
        message = "sa: the heart rate is not known, so cardiac output is not given"
        findings.append(Finding(Code.NO_HEART_RATE, Level.INFO, message, view="sa"))
    return findings


def _plain(value: float) -> float | None:
    """None for NaN, so that the record is valid JSON."""
    return float(value) if math.isfinite(value) else None
