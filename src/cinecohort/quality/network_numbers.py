"""What the networks' volumes say about a segmentation: how far others would be, and how sure these are.

Volumes are counted in voxels at end-diastole and end-systole, before the clean-up, so that differences are
those between networks. Predictors of a failed segmentation; none depends on the size of the voxels.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

NAMES = (
    *("lv_second_area", "myo_second_area", "rv_second_area"),
    *("edv_second", "mass_second", "ef_second", "ef_expected", "ef_spread"),
)
"""Of the numbers of :func:`network_numbers`."""


def network_numbers(confidence: Mapping[str, Any], ed: int, es: int) -> dict[str, float]:
    """Volumes of the network beside those of the second one, and beside those that it holds possible.

    Parameters
    ----------
    confidence
        From :func:`cinecohort.segmentation.uncertainty.network_confidence`.
    ed, es
        Frames, both of them among its ``frames``; else nothing is defined.

    Returns
    -------
    dict
        ``{structure}_second_area``: ``area_difference``, the larger of both frames. ``edv_second`` and
        ``mass_second``: logarithm of the second network's volume of LV and of myocardium at end-diastole over
        the network's. Of the LV's ejection fraction, as a share: ``ef_second``, the second network's, and
        ``ef_expected``, that of the expected volumes, each less the network's; ``ef_spread``, the distance of
        the extremes where one of both volumes is of all possible voxels and the other of the sure ones alone.
        NaN where undefined.
    """
    numbers = dict.fromkeys(NAMES, float("nan"))
    frames = list(confidence.get("frames") or ())
    if "area_difference" not in confidence or ed not in frames or es not in frames or ed == es:
        return numbers
    places = frames.index(ed), frames.index(es)
    for name, differences in confidence["area_difference"].items():
        known = [differences[place] for place in places if differences[place] is not None]
        numbers[f"{name.lower()}_second_area"] = max(known, default=float("nan"))

    def volumes(kind: str, structure: str = "LV") -> list[float]:
        counted = confidence[kind].get(structure)  # Not every network knows every structure.
        return [float("nan") if counted is None else float(counted[place]) for place in places]

    own, second, sure, possible = (volumes(f"{kind}voxels") for kind in ("", "second_", "sure_", "possible_"))
    wall, other = volumes("voxels", "MYO")[0], volumes("second_voxels", "MYO")[0]
    fraction = _ejected(own)
    return numbers | {
        "edv_second": _log_ratio(second[0], own[0]),
        "mass_second": _log_ratio(other, wall),
        "ef_second": _ejected(second) - fraction,
        "ef_expected": _ejected(volumes("expected_voxels")) - fraction,
        "ef_spread": _ejected([possible[0], sure[1]]) - _ejected([sure[0], possible[1]]),
    }


def _ejected(volumes: Sequence[float]) -> float:
    """Ejection fraction of the volumes at end-diastole and end-systole; NaN without the first."""
    return 1.0 - volumes[1] / volumes[0] if volumes[0] > 0 else float("nan")


def _log_ratio(first: float, second: float) -> float:
    return float(np.log(first / second)) if first > 0 and second > 0 else float("nan")
