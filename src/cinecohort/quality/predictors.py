"""What may predict that a short-axis segmentation failed: numbers at end-diastole and end-systole.

They are taken at these two frames alone, so that a cine and a pair of volumes give the same numbers, and
calibrations learnt on the latter hold for the former. The choice of the two frames is not looked at.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cinecohort.quality.heart_shape import shape_numbers
from cinecohort.quality.made_by import MADE_BY, made_by
from cinecohort.quality.network_numbers import network_numbers
from cinecohort.quality.options import SegmentationQualityOptions
from cinecohort.quality.short_axis import ShortAxis
from cinecohort.quality.short_axis_checks import check_short_axis

PREFIX = "predictor_"
"""Starts the names of their columns."""

BY_NETWORKS = {"second_dice": "second", "expected_dice": "expected_dice", "entropy": "entropy"}
"""Ending of a predictor that a second network and the probabilities give, to its place in the sidecar."""

CHECKED = (
    *("lv_fragment_share", "myo_fragment_share", "rv_fragment_share", "open_ring_share", "lv_on_rv"),
    *("rv_apart_slices", "empty_slices", "one_slice_shift_mm", "apical_area_share"),
)
"""Numbers of the checks of segmentations."""

BASE_LENGTH = 1.5
"""Length over width of an LV from which it is not short, and its base surely inside the stack."""


def predictors(
    heart: ShortAxis, pair: list[int], sidecar: Mapping[str, Any], seen: Mapping[str, float | None]
) -> dict[str, float | str | None]:
    """Predictors of a short-axis segmentation.

    Parameters
    ----------
    heart
        All frames that were segmented.
    pair
        From :func:`frame_pair`.
    sidecar
        Of the segmentation: ``confidence`` holds what the networks say of themselves.
    seen
        Numbers of the image under the labels, by name: see :mod:`cinecohort.quality.heart_contrast`.

    Returns
    -------
    dict
        Column to number, None where it is undefined, and :data:`MADE_BY`.
    """
    confidence = sidecar.get("confidence") or {}
    both = replace(heart, labels=heart.labels[..., pair], frames=heart.frames[pair], ed=0)
    _, checks = check_short_axis(both, SegmentationQualityOptions())
    numbers: dict[str, float | None] = {name: checks[name] for name in CHECKED}
    base = checks["base_length_ratio"]
    numbers["base_missing"] = 0.0 if base is None else max(0.0, BASE_LENGTH - base)
    numbers["shortness"] = _plain(np.maximum(0.0, BASE_LENGTH - both.length_ratio()))
    numbers |= seen
    numbers |= {name: _plain(value) for name, value in shape_numbers(both).items()}
    said = network_numbers(confidence, *(int(heart.frames[place]) for place in pair))
    numbers |= {name: _plain(value) for name, value in said.items()}
    for ending, place in BY_NETWORKS.items():
        by_structure = confidence.get(place) or {}
        for name in ("LV", "MYO", "RV"):
            numbers[f"{name.lower()}_{ending}"] = by_structure.get(name)
            if ending == "second_dice" and by_structure and by_structure.get(name) is None:
                numbers[f"{name.lower()}_{ending}"] = 0.0  # Neither network found what every heart has.
    named: dict[str, float | str | None] = {f"{PREFIX}{name}": value for name, value in numbers.items()}
    return named | {MADE_BY: made_by(sidecar)}


def frame_pair(heart: ShortAxis, sidecar: Mapping[str, Any], named_es: int | None) -> list[int] | None:
    """Places of end-diastole and end-systole among the heart's frames; None where they are one.

    Parameters
    ----------
    heart
        All frames that were segmented.
    sidecar
        Of the segmentation: ``confidence`` names the frames in which the networks were compared.
    named_es
        End-systole where the source names it; else it is the frame of the smallest LV.
    """
    places = {int(frame): place for place, frame in enumerate(heart.frames)}
    recorded = (sidecar.get("confidence") or {}).get("frames") or ()
    if len(recorded) == 2 and all(frame in places for frame in recorded):
        volume = heart.counts[1].sum(axis=0)
        return sorted((places[frame] for frame in recorded), key=lambda place: -int(volume[place]))
    es = heart.es if named_es is None or named_es not in places else places[named_es]
    return None if es == heart.ed else [heart.ed, es]


def _plain(value: float) -> float | None:
    return round(float(value), 5) if np.isfinite(value) else None
