"""From plot to picture: pairs of automatic and manual measures, and in which slices the two differ."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cinecohort.catalogue.measures import COMPARED, PRINTED
from cinecohort.catalogue.views import STRUCTURES
from cinecohort.files import write_text_if_changed
from cinecohort.label_maps import observers_of, read_label, read_segmentation
from cinecohort.reporting.gallery import base_to_apex

Pairs = dict[str, dict[str, list[tuple[str, float, float]]]]
"""Observer to measure to subject, automatic and manual value."""

LIMIT = 1.96
"""Limits of agreement, in standard deviations of the differences."""
FEWEST = 3
"""Pairs from which on limits are drawn."""


def pairs_of(rows: Iterable[Mapping[str, str]]) -> tuple[str, Pairs]:
    """Pairs of the first set of models and each observer, at the observer's frames.

    Corrected label maps are no network's, and subjects that its training saw say nothing of it.

    Parameters
    ----------
    rows
        ``measures.tsv`` as text; the first automatic row is of the first set of models.

    Returns
    -------
    tuple
        The name of the set of models, and the pairs.
    """
    source = ""
    # Only of subjects with an observer, so that a cohort of any size is read row by row.
    automatic: dict[tuple[str, str], Mapping[str, float]] = {}
    manual: dict[tuple[str, str], Mapping[str, float]] = {}
    for row in rows:
        if row["kind"] == "manual":
            if row["frames"] == "own":
                manual[row["subject"], row["source"]] = _numbers(row)
            continue
        source = source or row["source"]
        doubted = row.get("corrected") or row.get("seen_in_training")
        if row["source"] == source and row["frames"] != "own" and not doubted:
            automatic[row["subject"], row["frames"]] = _numbers(row)
    pairs: Pairs = defaultdict(lambda: defaultdict(list))
    for (subject, observer), theirs in manual.items():
        ours = automatic.get((subject, observer), {})
        for name in theirs.keys() & ours.keys():
            pairs[observer][name].append((subject, ours[name], theirs[name]))
    return source, {observer: dict(found) for observer, found in pairs.items()}


def _numbers(row: Mapping[str, str]) -> dict[str, float]:
    return {name: float(row[name]) for name in COMPARED if row.get(name)}


def beyond_limits(pairs: Pairs) -> set[str]:
    """Subjects outside the limits of agreement of any measure with any observer."""
    found = set()
    for by_measure in pairs.values():
        for listed in by_measure.values():
            difference = np.array([automatic - manual for _, automatic, manual in listed])
            if difference.size < FEWEST:
                continue
            far = np.abs(difference - difference.mean()) > LIMIT * difference.std(ddof=1)
            found |= {subject for (subject, _, _), out in zip(listed, far, strict=True) if out}
    return found


def write_pairs(path: Path, pairs: Pairs, source: str) -> None:
    """Write the pairs as a script beside the page, which loads it when somebody asks for the plot."""
    labels = {name: [measure.label, measure.unit, measure.digits] for name, measure in PRINTED.items()}
    rounded = {
        observer: {
            name: [[subject, round(a, 3), round(b, 3)] for subject, a, b in listed]
            for name, listed in by_measure.items()
        }
        for observer, by_measure in pairs.items()
    }
    values = {"source": source, "labels": labels, "pairs": rounded, "limit": LIMIT, "fewest": FEWEST}
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_if_changed(path, f"agreement({text});\n")


def slice_differences(home: Path) -> dict[str, Any]:
    """How much more or less the first network drew than each observer, slice by slice.

    Parameters
    ----------
    home
        The subject's folder in the store.

    Returns
    -------
    dict
        Observer to ``ed`` and ``es`` to ``frame`` (the observer's) and structure to differences in mL
        (area times slice spacing), one a slice from base to apex; None where the observer drew nothing that
        could be compared.
    """
    automatic = read_segmentation(home, "sa")
    if automatic is None:
        return {}
    order = list(base_to_apex(automatic))
    found: dict[str, Any] = {}
    for observer in sorted(observers_of(home, ["sa"]), key=lambda name: name != "manual"):
        manual = read_label(home, "sa", observer)
        if manual is None or manual.image.data.shape != automatic.image.data.shape:
            continue
        roles = {"ed": manual.ed_frame, "es": manual.es_frame}
        for role, frame in roles.items():
            if frame is None:
                continue
            by_structure: dict[str, Any] = {"frame": frame}
            for label, name in STRUCTURES["sa"].items():
                if not manual.annotated[name][:, frame].any():
                    continue
                areas = [
                    np.count_nonzero(each.image.data[..., frame] == label, axis=(0, 1))
                    for each in (automatic, manual)
                ]
                more = (areas[0].astype(float) - areas[1]) * automatic.image.voxel_volume_ml
                known = manual.annotated[name][:, frame]
                by_structure[name] = [round(float(more[z]), 2) if known[z] else None for z in order]
            found.setdefault(observer, {})[role] = by_structure
    return found
