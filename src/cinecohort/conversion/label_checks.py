"""Checks of human labels: which frames are ED and ES, what is missing, and whether cavities are swapped.

The completeness checks are those of the quality control of manual annotations in Bai 2018 (section
"Manual image annotation"): both frames covered, no missing slice, no missing structure.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import FURTHER_STRUCTURES, LABELS, STRUCTURES
from cinecohort.findings import Finding, Level
from cinecohort.label_maps import label_of, role_of_single_frame, solid_slices
from cinecohort.labels import enclosed_share, long_axis_fault

Annotated = dict[str, dict[str, list[int]]]
"""Frame (as text) to structure to the slices that were annotated."""

COMPARABLE_SLICES = 0.5
"""A frame whose chamber is drawn in fewer slices than this share of the fullest frame's is no ED or ES."""


def structure_numbers(view: str) -> dict[str, int]:
    """Structure name to label number of a view."""
    return {name: number for number, name in LABELS.get(view, {}).items()}


def annotate_everything(
    labels: NDArray[np.uint8], view: str, frames: Iterable[int], names: Iterable[str] | None = None
) -> Annotated:
    """Annotation record of label maps that say something about every voxel of `frames`.

    They say it about the structures named: those of :data:`cinecohort.catalogue.views.STRUCTURES` by default.
    """
    slices = list(range(labels.shape[2]))
    named = list(STRUCTURES[view].values() if names is None else names)
    return {str(frame): {name: list(slices) for name in named} for frame in sorted(frames)}


def choose_frames(
    labels: NDArray[np.uint8], annotated: Annotated, view: str
) -> tuple[int | None, int | None]:
    """Find which annotated frames are end-diastole and end-systole.

    Frames that hold every structure are preferred, where two or more do; else every frame with the LV
    (long axis: LA) counts. On the short axis the LV is largest at ED and smallest at ES. On the long axis,
    where the atrium is largest at ES, ED is frame 0 if it is annotated (the convention of UK Biobank's
    annotations), else the frame with the smallest atrium; where no atrium is drawn, the LV decides as on the
    short axis. A single frame is ED if it lies within a fifth of the cycle from frame 0, else ES.

    A frame in which the chamber is drawn in less than half as many slices as in the fullest is neither: a
    single slice that was drawn elsewhere in the cycle would be the smallest LV.

    Parameters
    ----------
    labels
        Label map (x, y, z, t).
    annotated
        Which slices were annotated, by frame and structure.
    view
        ``sa``, ``la_2ch`` or ``la_4ch``.

    Returns
    -------
    tuple
        ED and ES frame, counted from 0; None where there is none.
    """
    if view not in STRUCTURES:
        return None, None
    structures = STRUCTURES[view]
    if view in FURTHER_STRUCTURES and not (labels == label_of(view, "LA")).any():
        structures = FURTHER_STRUCTURES[view]
    numbers = {name: number for number, name in structures.items()}
    chamber = "LV" if "LV" in numbers else "LA"
    counts = {
        frame: {name: int(np.count_nonzero(labels[..., frame] == n)) for name, n in numbers.items()}
        for frame in sorted(int(key) for key in annotated)
    }
    drawn = slices_drawn(labels, numbers[chamber], counts)
    enough = COMPARABLE_SLICES * max(drawn.values(), default=0)
    counts = {frame: of for frame, of in counts.items() if drawn[frame] >= enough}
    complete = [frame for frame, of in counts.items() if all(of.values())]
    candidates = complete if len(complete) >= 2 else [frame for frame, of in counts.items() if of[chamber]]
    if not candidates:
        return None, None
    if len(candidates) == 1:
        return role_of_single_frame(candidates[0], labels.shape[3])
    size = {frame: counts[frame][chamber] for frame in candidates}
    if chamber == "LV":
        ed = max(candidates, key=lambda frame: size[frame])
        return ed, min((f for f in candidates if f != ed), key=lambda frame: size[frame])
    ed = 0 if 0 in size else min(candidates, key=lambda frame: size[frame])
    return ed, max((f for f in candidates if f != ed), key=lambda frame: size[frame])


def slices_drawn(labels: NDArray[np.uint8], number: int, frames: Iterable[int]) -> dict[int, int]:
    """Frame to the number of slices in which a label is drawn."""
    return {frame: int(np.count_nonzero((labels[..., frame] == number).any(axis=(0, 1)))) for frame in frames}


def check_completeness(
    labels: NDArray[np.uint8],
    annotated: Annotated,
    view: str,
    roles: Mapping[str, int | None],
    *,
    observer: str,
    level: Level = Level.REVIEW,
    expected: Mapping[str, Sequence[str]] | None = None,
) -> list[Finding]:
    """Check that ED and ES are covered alike, with every structure and without a hole between slices.

    Parameters
    ----------
    labels
        Label map (x, y, z, t).
    annotated
        Which slices were annotated, by frame and structure.
    view
        The view.
    roles
        ``{"ed": frame or None, "es": frame or None}``.
    observer
        Whose labels they are; named in the messages.
    level
        Level of the findings.
    expected
        Structures that the source's protocol draws at ``ed`` and at ``es``; by default those that measures
        are made of (:data:`cinecohort.catalogue.views.STRUCTURES`).

    Returns
    -------
    list of Finding
        ``LABEL_INCOMPLETE``, one for each missing frame, for each structure with missing slices, and for
        short-axis frames in which the LV is drawn in less than half as many slices as in the fullest.
    """
    findings: list[Finding] = []
    numbers, usual = structure_numbers(view), tuple(STRUCTURES.get(view, {}).values())
    for role, frame in roles.items():
        if frame is None:
            message = f"{observer}: no {role.upper()} frame is annotated."
            findings.append(Finding(Code.LABEL_INCOMPLETE, level, message, view))
            continue
        for name in (expected or {}).get(role, usual):
            drawn = (labels[..., frame] == numbers[name]).any(axis=(0, 1))
            message, slices = _what_is_missing(drawn, annotated.get(str(frame), {}).get(name))
            if message:
                text = f"{observer}: {name} {message} at {role.upper()} (frame {frame})."
                findings.append(Finding(Code.LABEL_INCOMPLETE, level, text, view, slices, (frame,)))
        findings += _solid(labels, view, role, frame, observer, level)
    return findings + _partly_drawn(labels, annotated, view, observer, level)


def _solid(
    labels: NDArray[np.uint8], view: str, role: str, frame: int, observer: str, level: Level
) -> list[Finding]:
    """Slices beyond the cavity's whose myocardium is too large to be an apex; gaps are found by structure."""
    if view != "sa":
        return []
    lv, wall = (np.count_nonzero(labels[..., frame] == label, axis=(0, 1)) for label in (1, 2))
    drawn = np.flatnonzero(lv)
    slices = tuple(z for z in solid_slices(lv, wall) if drawn.size and not drawn[0] < z < drawn[-1])
    if not slices:
        return []
    listed = ", ".join(map(str, slices))
    text = f"{observer}: MYO in slice {listed} holds no LV at {role.upper()} (frame {frame}), but is no apex."
    return [Finding(Code.LABEL_INCOMPLETE, level, text, view, slices, (frame,))]


def _partly_drawn(
    labels: NDArray[np.uint8], annotated: Annotated, view: str, observer: str, level: Level
) -> list[Finding]:
    if view != "sa":
        return []
    drawn = slices_drawn(labels, 1, sorted(int(frame) for frame in annotated))
    fullest = max(drawn.values(), default=0)
    partly = tuple(frame for frame, count in drawn.items() if 0 < count < COMPARABLE_SLICES * fullest)
    if not partly:
        return []
    listed = ", ".join(f"{frame} ({drawn[frame]} slices)" for frame in partly)
    text = (
        f"{observer}: the LV is drawn in less than half of the {fullest} slices of the fullest frame in "
        f"frame {listed}; draw it in all slices, or leave the frame out."
    )
    return [Finding(Code.LABEL_INCOMPLETE, level, text, view, frames=partly)]


def _what_is_missing(drawn: NDArray[np.bool_], annotated: list[int] | None) -> tuple[str, tuple[int, ...]]:
    if annotated is None:
        return "is not annotated", ()
    present = np.flatnonzero(drawn)
    if present.size == 0:
        return "is empty", ()
    holes = tuple(int(z) for z in range(present[0], present[-1]) if not drawn[z])
    if not holes:
        return "", ()
    listed = ", ".join(str(z) for z in holes)
    return f"is missing in slice {listed}, between slices that have it,", holes


def check_enclosure(
    labels: NDArray[np.uint8],
    view: str,
    frames: Sequence[int],
    *,
    observer: str,
    threshold: float,
    level: Level = Level.REVIEW,
) -> list[Finding]:
    """Check that the myocardium encloses the LV, and more so than the RV.

    A swap of LV and RV, or a label map in another coding, leaves every label present; only the anatomy
    gives it away. In the long axis see :func:`cinecohort.labels.long_axis_fault`.

    Parameters
    ----------
    labels
        Label map (x, y, z, t).
    view
        The view.
    frames
        Frames to check.
    observer
        Whose labels they are.
    threshold
        Least share of the LV's border that touches myocardium.
    level
        Level of the findings.

    Returns
    -------
    list of Finding
        ``LABEL_SWAP``, at most one per frame.
    """
    if view != "sa":
        fault = long_axis_fault(labels, view)
        return [Finding(Code.LABEL_SWAP, level, f"{observer}: {fault}", view)] if fault else []
    findings = []
    for frame in frames:
        lv, rv = (enclosed_share(labels[..., frame], cavity) for cavity in (1, 3))
        if lv is None:
            continue
        if rv is not None and rv > lv:
            words = f"the myocardium surrounds label 3 ({rv:.0%} of its border), not label 1 ({lv:.0%})"
        elif lv < threshold:
            words = f"the myocardium encloses only {lv:.0%} of the LV's border"
        else:
            continue
        message = f"{observer}: {words} in frame {frame}; is the label coding right?"
        findings.append(
            Finding(Code.LABEL_SWAP, level, message, view, frames=(frame,), value=lv, threshold=threshold)
        )
    return findings
