"""Ventricular measures of one short-axis label map at given frames."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinecohort.label_maps import LabelMap
from cinecohort.measures import function
from cinecohort.measures.lost_slices import frames_with_lost_slices
from cinecohort.measures.options import MeasureOptions
from cinecohort.measures.volumes import slice_areas, slice_spacing, volume_curve

NAN = float("nan")


@dataclass(frozen=True)
class StackFacts:
    """What the image's sidecar says about the stack that the labels lie on.

    Parameters
    ----------
    missing_slices
        Slices that the scanner never sent.
    slice_positions_mm
        Position of each slice along the normal, where the spacing is uneven.
    heart_rate_bpm
        Heart rate, or None where it is unknown.
    ed_frame, es_frame
        Frames that the source names, or None.
    """

    missing_slices: tuple[int, ...] = ()
    slice_positions_mm: tuple[float, ...] | None = None
    heart_rate_bpm: float | None = None
    ed_frame: int | None = None
    es_frame: int | None = None

    @classmethod
    def from_sidecar(cls, sidecar: dict[str, Any], heart_rate_bpm: float | None) -> "StackFacts":
        """Read an image's sidecar; the heart rate is decided by the caller."""
        roles = sidecar.get("frame_roles") or {}
        positions = sidecar.get("slice_positions_mm")
        return cls(
            missing_slices=tuple(sidecar.get("missing_slices") or ()),
            slice_positions_mm=tuple(positions) if positions else None,
            heart_rate_bpm=heart_rate_bpm,
            ed_frame=roles.get("ed"),
            es_frame=roles.get("es"),
        )


@dataclass(frozen=True)
class VentricularCurves:
    """Volumes (t,) of LV cavity, myocardium and RV cavity, mL; NaN where they are not known.

    ``incomplete`` are the structures that some frame shows, but with an unknown slice inside; ``failed``
    gives the frames in which a structure was looked for and not found. No ventricle is ever empty, so a
    volume of 0 is a failure, not a measurement. ``lost`` are the frames in which the LV lacks slices.
    """

    lv_ml: NDArray[np.float64]
    myocardium_ml: NDArray[np.float64]
    rv_ml: NDArray[np.float64]
    incomplete: tuple[str, ...] = field(default=())
    failed: dict[str, tuple[int, ...]] = field(default_factory=dict)
    lost: tuple[int, ...] = ()

    @property
    def whole_lv_ml(self) -> NDArray[np.float64]:
        """LV volumes (t,) that end-diastole and end-systole are looked for in: those of whole ventricles."""
        volume = self.lv_ml.copy()
        volume[list(self.lost)] = np.nan
        return volume if np.isfinite(volume).any() else self.lv_ml


def ventricular_curves(labels: LabelMap, facts: StackFacts, options: MeasureOptions) -> VentricularCurves:
    """Volume of each short-axis structure in every frame.

    Parameters
    ----------
    labels
        Short-axis label map.
    facts
        Missing slices and slice positions of the stack.
    options
        What to do about missing slices.
    """
    n_slices = labels.image.data.shape[2]
    spacing = slice_spacing(n_slices, labels.image.spacing_mm[2], facts.slice_positions_mm)
    interpolate = options.missing_slices == "interpolate"
    curves, incomplete, failed = {}, [], {}
    for structure in ("LV", "MYO", "RV"):
        areas = slice_areas(labels, structure)
        volume = volume_curve(areas, spacing, facts.missing_slices, interpolate=interpolate)
        if np.any(labels.frames(structure) & np.isnan(volume)):
            incomplete.append(structure)
        if np.any(volume == 0):
            failed[structure] = tuple(np.flatnonzero(volume == 0).tolist())
        curves[structure] = np.where(volume == 0, np.nan, volume)
    sent = np.setdiff1d(np.arange(n_slices), facts.missing_slices)
    present = np.asarray(labels.mask("LV").any(axis=(0, 1)))[sent]
    lost = frames_with_lost_slices(present, labels.frames("LV"))
    return VentricularCurves(curves["LV"], curves["MYO"], curves["RV"], tuple(incomplete), failed, lost)


def ventricular_measures(
    curves: VentricularCurves, ed_frame: int | None, es_frame: int | None, options: MeasureOptions
) -> dict[str, float]:
    """Volumes of both ventricles and mass of the left.

    The RV is measured at the LV's end-diastole and end-systole, the mass at end-diastole (Bai 2018).
    Whatever rests on an unknown frame or volume is NaN.

    Returns
    -------
    dict
        Column to value; what follows from these is :func:`cinecohort.measures.derived.with_derived`.
    """
    density = options.myocardial_density_g_ml
    return {
        "lvedv_ml": at_frame(curves.lv_ml, ed_frame),
        "lvesv_ml": at_frame(curves.lv_ml, es_frame),
        "rvedv_ml": at_frame(curves.rv_ml, ed_frame),
        "rvesv_ml": at_frame(curves.rv_ml, es_frame),
        "lvm_g": function.mass_g(at_frame(curves.myocardium_ml, ed_frame), density),
        "lvm_es_g": function.mass_g(at_frame(curves.myocardium_ml, es_frame), density),
    }


def at_frame(curve: Sequence[float] | NDArray[np.float64], frame: int | None) -> float:
    """Value of a curve at a frame; NaN where the frame is None or beyond the curve."""
    return float(curve[frame]) if frame is not None and 0 <= frame < len(curve) else NAN
