"""Overlap of every segmentation of a subject with every observer, and of the observers with each other."""

from collections.abc import Collection, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import STRUCTURES
from cinecohort.evaluation.options import EvaluationOptions
from cinecohort.evaluation.overlap import overlap
from cinecohort.findings import Finding, Level, Outcome
from cinecohort.label_maps import LabelMap, read_label, read_segmentation
from cinecohort.model_sets import ModelSet


def evaluate_subject(
    folder: Path,
    sets: Sequence[ModelSet],
    observers: Sequence[str],
    options: EvaluationOptions,
    views: Collection[str] = tuple(STRUCTURES),
) -> Outcome:
    """Compare all label maps of a subject.

    Parameters
    ----------
    folder
        The subject's folder in the store.
    sets
        Sets of models; see :func:`cinecohort.model_sets.model_sets`.
    observers
        Names of observers; those without labels here are passed over.
    options
        Contours and positions.
    views
        Views that are compared.

    Returns
    -------
    Outcome
        ``rows`` with ``view, source, reference, frame, role, structure, position, dice, mcd_mm, hd_mm,
        hd_max_mm, n_slices, n_skipped, model, unvalidated``: each set's model of the view against each
        observer, then each pair of observers; ``unvalidated`` is ``true`` where the model was never tested on
        labelled real hearts; undefined is None. Only frames, slices and structures known in both maps are
        compared. ``role`` is ``ed`` or ``es`` of the reference, or empty.
    """
    outcome = Outcome()
    for view in (view for view in STRUCTURES if view in views):
        segmentations = {
            each.name: read_segmentation(folder, view, each.files[view])
            for each in sets
            if view in each.files
        }
        labels = {observer: read_label(folder, view, observer) for observer in observers}
        pairs = [(name, observer) for name in segmentations for observer in labels]
        for source, reference in [*pairs, *combinations(labels, 2)]:
            first, second = segmentations.get(source) or labels.get(source), labels[reference]
            if first is not None and second is not None:
                _compare(outcome, view, (source, first), (reference, second), options)
    outcome.values = {"n_comparisons": len({(row["source"], row["reference"]) for row in outcome.rows})}
    return outcome


def _compare(
    outcome: Outcome,
    view: str,
    source: tuple[str, LabelMap],
    reference: tuple[str, LabelMap],
    options: EvaluationOptions,
) -> None:
    first, second = source[1], reference[1]
    if first.image.data.shape != second.image.data.shape:
        outcome.findings.append(
            Finding(
                Code.GRID,
                Level.REVIEW,
                f"{view}: {source[0]} {first.image.data.shape} and {reference[0]} {second.image.data.shape} "
                "are on different grids and were not compared",
                view=view,
            )
        )
        return
    table = overlap(
        first.image,
        second.image,
        view,
        known_in_both(first, second),
        options.border,
        positions=options.positions,
    )
    sidecar = first.image.sidecar
    end = {
        "model": sidecar.get("model"),
        "unvalidated": "true" if sidecar.get("validated") is False else None,
    } | ({"corrected": "true"} if "corrected_frames" in sidecar else {})
    roles = {second.ed_frame: "ed", second.es_frame: "es"}
    for row in table.to_dict("records"):
        start = {"view": view, "source": source[0], "reference": reference[0], "frame": row["frame"]}
        start["role"] = roles.get(row["frame"], "")
        outcome.rows.append(start | {str(key): _plain(value) for key, value in row.items()} | end)


def known_in_both(first: LabelMap, second: LabelMap) -> dict[str, NDArray[np.bool_]]:
    """Structure to the mask (z, t) of what both maps cover."""
    return {name: mask & second.annotated[name] for name, mask in first.annotated.items()}


def _plain(value: Any) -> Any:
    """None for NaN, so that the record is valid JSON."""
    return None if isinstance(value, float) and pd.isna(value) else value
