"""Measures that are not given, and why: what the label map lost, does not cover, or cannot be true."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.measures import BY_COLUMN, MEASURES, Use, rests_on
from cinecohort.findings import Finding, Level
from cinecohort.label_maps import LabelMap
from cinecohort.measures.options import MeasureOptions
from cinecohort.measures.ventricles import VentricularCurves, at_frame

STRUCTURES = ("LV", "MYO", "RV")
RATE = "heart_rate_bpm"
FAULTS = (Code.STRUCTURE_LOST, Code.NO_EJECTION, Code.REVIEW_REJECTED)
"""Codes of voids that no other finding speaks of."""

_WRITTEN = re.compile(r"(?P<code>[A-Z][A-Z0-9_]*) \((?P<measures>[a-z0-9_ ]+)\): (?P<reason>.+)")
_BETWEEN = " | "


@dataclass(frozen=True)
class Void:
    """Measures of a row that are left empty, and why.

    Parameters
    ----------
    measures
        Their columns.
    code
        The kind of reason.
    reason
        A sentence for people.
    structure
        What was lost, where something was.
    value, threshold
        The number behind it and its limit, where there is one.
    view
        The view that was lost.
    """

    measures: tuple[str, ...]
    code: Code
    reason: str
    structure: str | None = None
    value: float | None = None
    threshold: float | None = None
    view: str = "sa"


def rejected_voids(rejected: Iterable[tuple[str, str]], given: Mapping[str, Any]) -> list[Void]:
    """Measures that a reviewer's verdict leaves empty.

    Parameters
    ----------
    rejected
        View and structure of what was rejected.
    given
        The measures of a row; those without a value have another reason.
    """
    voids: list[Void] = []
    gone: set[str] = set()
    for view, structure in rejected:
        names = tuple(
            measure.column
            for measure in MEASURES
            if structure in measure.structures
            and view in measure.views
            and measure.use is not Use.FOREIGN
            and given.get(measure.column) is not None
            and measure.column not in gone
        )
        gone.update(names)
        if names:
            reason = f"a reviewer rejected the {structure} as segmented"
            voids.append(Void(names, Code.REVIEW_REJECTED, reason, structure, view=view))
    return voids


def ventricular_voids(
    labels: LabelMap,
    curves: VentricularCurves,
    numbers: Mapping[str, float],
    frames: tuple[int | None, int | None],
    options: MeasureOptions,
) -> list[Void]:
    """Which measures of the ventricles are not given at these frames.

    Parameters
    ----------
    labels
        The short-axis label map.
    curves
        Its volumes.
    numbers
        The measures; one that is not a number is listed with its reason.
    frames
        End-diastole and end-systole, None where unknown.
    options
        How much of a structure has to be there.

    Returns
    -------
    list of Void
        All measures of a structure where the map shows it to be lost (a rule that
        never looks at a measure), or where its volume at end-systole is not below that at end-diastole, so
        that one of the two is wrong. Otherwise those that rest on an unknown frame, slice or heart rate.
    """
    voids: list[Void] = []
    for structure in STRUCTURES:
        void = _lost(labels, curves, structure, frames, options) or _no_ejection(curves, structure, frames)
        if void is not None:
            voids.append(void)
    gone = {name for void in voids for name in void.measures}
    for structure in STRUCTURES:
        empty = [
            name for name in only_of(structure) if name not in gone and _empties(numbers, structure, name)
        ]
        gone.update(empty)
        unrated = tuple(name for name in empty if _lacks_only_the_rate(numbers, name))
        unknown = tuple(name for name in empty if name not in unrated)
        if unknown:
            voids.append(_unknown(curves, structure, unknown, frames))
        if unrated:
            voids.append(Void(unrated, Code.NO_HEART_RATE, "the heart rate is not known"))
    return voids


def measures_of(structure: str) -> tuple[str, ...]:
    """Measures that the labels of a structure of the short axis go into: they go together when it is lost."""
    return tuple(m.column for m in MEASURES if structure in m.structures and _is_ours(m.column))


def only_of(structure: str) -> tuple[str, ...]:
    """Measures that this structure alone goes into, and what follows from these."""
    ours = ((name, BY_COLUMN[name]) for name in measures_of(structure))
    return tuple(name for name, measure in ours if measure.of or measure.structures == (structure,))


def _is_ours(column: str) -> bool:
    return BY_COLUMN[column].views == ("sa",) and BY_COLUMN[column].use in (Use.PRINTED, Use.SEGMENT)


def _lacks_only_the_rate(numbers: Mapping[str, float], name: str) -> bool:
    needs = rests_on(name) - {name}
    return [need for need in needs if _is_empty(numbers, need)] == [RATE]


def _empties(numbers: Mapping[str, float], structure: str, name: str) -> bool:
    """Whether a measure is no number, and for want of one of this structure where it follows from several."""
    causes = [BY_COLUMN[need] for need in rests_on(name) - {name} if _is_empty(numbers, need)]
    alone = BY_COLUMN[name].structures == (structure,)
    return _is_empty(numbers, name) and (alone or any(one.structures == (structure,) for one in causes))


def _is_empty(numbers: Mapping[str, float], name: str) -> bool:
    return not math.isfinite(numbers.get(name, math.nan))


def _lost(
    labels: LabelMap,
    curves: VentricularCurves,
    structure: str,
    frames: tuple[int | None, int | None],
    options: MeasureOptions,
) -> Void | None:
    least = (options.structure_slices_ed, options.structure_slices_es)
    for phase, frame, share in zip(("end-diastole", "end-systole"), frames, least, strict=True):
        if frame is None or not 0 <= frame < labels.image.data.shape[3]:
            continue
        if frame in curves.failed.get(structure, ()):
            reason = f"no {structure} was found at {phase}"
            return Void(measures_of(structure), Code.STRUCTURE_LOST, reason, structure, 0.0, share)
        here, cavity = slices_with(labels, structure, frame)
        if here < share * cavity:
            reason = f"{structure} is in {here} of the {cavity} slices with LV at {phase}"
            return Void(measures_of(structure), Code.STRUCTURE_LOST, reason, structure, here / cavity, share)
    return None


def slices_with(labels: LabelMap, structure: str, frame: int) -> tuple[int, int]:
    """Count the slices that show a structure, and those with LV, among slices in which both are known."""
    known = labels.annotated[structure][:, frame] & labels.annotated["LV"][:, frame]
    here, cavity = (
        np.count_nonzero(labels.mask(name)[..., frame].any(axis=(0, 1)) & known) for name in (structure, "LV")
    )
    return int(here), int(cavity)


def _no_ejection(
    curves: VentricularCurves, structure: str, frames: tuple[int | None, int | None]
) -> Void | None:
    curve = {"LV": curves.lv_ml, "RV": curves.rv_ml}.get(structure)
    if curve is None or None in frames:
        return None
    edv, esv = (at_frame(curve, frame) for frame in frames)
    if not esv >= edv:
        return None
    reason = f"{structure} has {esv:.0f} mL at end-systole, not less than {edv:.0f} mL at end-diastole"
    if frames[0] == frames[1]:
        reason = f"frame {frames[0]} is both end-diastole and end-systole of the {structure}"
    return Void(only_of(structure), Code.NO_EJECTION, reason, structure, esv, edv)


def _unknown(
    curves: VentricularCurves,
    structure: str,
    empty: tuple[str, ...],
    frames: tuple[int | None, int | None],
) -> Void:
    phases = [
        name for name, frame in zip(("end-diastole", "end-systole"), frames, strict=True) if frame is None
    ]
    if phases:
        return Void(empty, Code.NOT_COVERED, f"no frame of the map is known to be {' or '.join(phases)}")
    if structure in curves.incomplete:
        reason = f"a slice in or beside the {structure} is missing or was not drawn"
        return Void(empty, Code.MISSING_SLICE, reason)
    return Void(empty, Code.NOT_COVERED, f"{structure} was not segmented or drawn at these frames")


def void_findings(source: str, voids: Iterable[Void]) -> list[Finding]:
    """Findings, for review, of the voids that no other finding speaks of; one for each reason."""
    found: dict[str, Finding] = {}
    for void in voids:
        if void.code in FAULTS:
            labels = ", ".join(BY_COLUMN[name].label for name in void.measures)
            message = f"{void.view}: {void.reason} by {source}; not given: {labels}"
            finding = Finding(
                void.code, Level.REVIEW, message, void.view, value=void.value, threshold=void.threshold
            )
            found.setdefault(f"{void.view}: {void.reason}", finding)
    return list(found.values())


def voided_text(voids: Sequence[Void]) -> str | None:
    """The voids of a row as the text of its column ``voided``; None where there are none."""
    parts = [f"{void.code} ({' '.join(void.measures)}): {void.reason}" for void in voids]
    return _BETWEEN.join(parts) or None


def failed_subjects(subjects: Iterable[str], texts: Iterable[Any]) -> dict[str, set[str]]:
    """Measure to the subjects of whom it is not given since it failed, from a column ``voided``."""
    failed: dict[str, set[str]] = {}
    for subject, text in zip(subjects, texts, strict=True):
        for void in read_voided(text) if isinstance(text, str) else []:
            if void["code"] in FAULTS:
                failed.setdefault(void["measure"], set()).add(str(subject))
    return failed


def read_voided(text: str | None) -> list[dict[str, Any]]:
    """Turn what :func:`voided_text` wrote into one ``measure, code, reason`` for each measure."""
    found = [_WRITTEN.fullmatch(part) for part in text.split(_BETWEEN)] if text else []
    return [
        {"measure": measure, "code": match["code"], "reason": match["reason"]}
        for match in found
        if match
        for measure in match["measures"].split()
    ]
