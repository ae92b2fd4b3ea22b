"""Atrial measures of one source from its long-axis label maps."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cinecohort.label_maps import LabelMap
from cinecohort.measures.atria import (
    AtrialCurve,
    align_to,
    atrial_curve,
    biplane_ml,
    extremes,
    long_axis_in_plane,
)
from cinecohort.measures.options import MeasureOptions

ATRIA = (("LA", "la_2ch"), ("LA", "la_4ch"), ("RA", "la_4ch"))


@dataclass(frozen=True)
class AtrialCurves:
    """Curves of one source: (structure, view) to areas and lengths; ``without_axis`` had no long axis."""

    curves: dict[tuple[str, str], AtrialCurve]
    without_axis: tuple[str, ...] = ()


def atrial_curves(
    maps: Mapping[str, LabelMap], short_axis_affine: NDArray[np.float64] | None, options: MeasureOptions
) -> AtrialCurves:
    """Area and length of each atrium in each view that there is.

    Parameters
    ----------
    maps
        View to label map of one source.
    short_axis_affine
        Affine of the short axis, whose normal is the long axis; None where there is no short axis.
    options
        What to do without it.
    """
    curves, without = {}, []
    for structure, view in ATRIA:
        if view not in maps:
            continue
        axis = None
        if short_axis_affine is not None:
            axis = long_axis_in_plane(short_axis_affine, maps[view].image.affine)
        if axis is None and view not in without:
            without.append(view)
        if axis is not None or options.atrial_axis == "principal":
            curves[structure, view] = atrial_curve(maps[view], structure, axis)
    return AtrialCurves(curves, tuple(without))


def at_frames(curve: AtrialCurve, frames: NDArray[np.bool_] | None) -> AtrialCurve:
    """Keep a curve's values in some frames only; None keeps all."""
    if frames is None:
        return curve
    return AtrialCurve(np.where(frames, curve.area_cm2, np.nan), np.where(frames, curve.length_cm, np.nan))


def same_moments(two_chamber: LabelMap, four_chamber: LabelMap) -> list[tuple[int, int]]:
    """Frames of an observer's two long-axis views that show the same moment.

    End-diastole and end-systole where both views name them, else the annotated frames in order
    where both views have as many; otherwise none.
    """
    roles = [
        (two_chamber.ed_frame, four_chamber.ed_frame),
        (two_chamber.es_frame, four_chamber.es_frame),
    ]
    named = [(a, b) for a, b in roles if a is not None and b is not None]
    if named:
        return named
    first = np.flatnonzero(two_chamber.frames("LA")).tolist()
    second = np.flatnonzero(four_chamber.frames("LA")).tolist()
    return list(zip(first, second, strict=True)) if len(first) == len(second) else []


def atrial_measures(
    atria: AtrialCurves, observer: Mapping[str, LabelMap] | None, options: MeasureOptions
) -> tuple[dict[str, float], dict[str, NDArray[np.float64]]]:
    """Atrial volumes: LA biplane, RA from the 4-chamber view (Bai 2018's published code).

    Parameters
    ----------
    atria
        Curves of the source.
    observer
        Where an observer's frames are to be used: the observer's label maps. None: every frame, the
        views brought together by cycle phase.
    options
        Which length the biplane formula takes.

    Returns
    -------
    measures
        Maxima and minima of both atria, the single-plane maxima and ``la_max_phase``, by column.
    volumes
        Volume curves in mL: ``LA`` (biplane, by the 4-chamber frames), ``LA_2ch``, ``LA_4ch``, ``RA``.
    """
    curves = {
        key: at_frames(curve, None if observer is None else _frames_of(observer, key))
        for key, curve in atria.curves.items()
    }
    volumes = {}
    for (structure, view), name in zip(ATRIA, ("LA_2ch", "LA_4ch", "RA"), strict=True):
        if (structure, view) in curves:
            volumes[name] = curves[structure, view].single_plane_ml
    two, four = curves.get(("LA", "la_2ch")), curves.get(("LA", "la_4ch"))
    if two is not None and four is not None:
        pairs = None
        if observer is not None:
            both = "la_2ch" in observer and "la_4ch" in observer
            pairs = same_moments(observer["la_2ch"], observer["la_4ch"]) if both else []
        aligned = align_to(two, four.area_cm2.size, pairs)
        volumes["LA"] = biplane_ml(aligned, four, options.biplane_length)
    measures: dict[str, float] = {}
    for name in ("LA", "RA"):
        summary = extremes(volumes.get(name, np.empty(0)))
        prefix = name.lower()
        measures |= {f"{prefix}_max_ml": summary["max"], f"{prefix}_min_ml": summary["min"]}
    for name in ("LA_2ch", "LA_4ch"):
        measures[f"{name.lower()}_max_ml"] = extremes(volumes.get(name, np.empty(0)))["max"]
    measures["la_max_phase"] = _phase_of_maximum(volumes.get("LA"))
    return measures, volumes


def _frames_of(observer: Mapping[str, LabelMap], key: tuple[str, str]) -> NDArray[np.bool_]:
    structure, view = key
    return observer[view].frames(structure) if view in observer else np.zeros(1, dtype=bool)


def _phase_of_maximum(volume_ml: NDArray[np.float64] | None) -> float:
    if volume_ml is None or np.count_nonzero(np.isfinite(volume_ml)) < 2:
        return float("nan")
    return int(np.nanargmax(volume_ml)) / volume_ml.size
