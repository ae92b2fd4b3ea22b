"""Using a calibration: probabilities of failure, flags and intervals of a cohort's subjects."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cinecohort.calibration.failures import MEASURES, by_structure, first_source, highest
from cinecohort.calibration.options import STRUCTURES
from cinecohort.calibration.record import Calibration
from cinecohort.catalogue.findings import Code
from cinecohort.findings import Finding, Level
from cinecohort.ledger.columns import FAILURE
from cinecohort.quality.made_by import MADE_BY
from cinecohort.quality.predictors import PREFIX

PROBABILITY = FAILURE[0]
"""Column of the highest of the structures'; with ``_lv``, ``_myo`` and ``_rv`` those of the structures."""

INTERVAL_COLUMNS = tuple(f"{measure}_{end}" for measure in MEASURES for end in ("low", "high"))


def failure_probabilities(calibration: Calibration | None, quality: pd.DataFrame) -> pd.DataFrame:
    """Probability of failure of each subject, empty where the calibration does not hold.

    Parameters
    ----------
    calibration
        None where there is none.
    quality
        Table of the segmentation's quality; numbers may be text.

    Returns
    -------
    pandas.DataFrame
        Index ``subject``, :data:`cinecohort.ledger.columns.FAILURE`; NaN where the segmentation was made in
        another way than those that the calibration was learnt on, or a network's predictor is missing.
    """
    table = quality.drop_duplicates("subject").set_index("subject")
    result = pd.DataFrame(np.nan, index=table.index, columns=list(FAILURE))
    if calibration is None or MADE_BY not in table:
        return result
    here = table[table[MADE_BY] == calibration.made_by]
    values = predictors_of(here)
    models = {name: model for name, model in calibration.models.items() if model is not None}
    if here.empty or not models:
        return result
    found = by_structure({name: np.round(model.probabilities(values), 5) for name, model in models.items()})
    for name, probability in found.items():
        result.loc[here.index, f"{PROBABILITY}_{name.lower()}"] = probability
    result.loc[here.index, PROBABILITY] = highest(found.values())
    return result


def predictors_of(table: pd.DataFrame) -> pd.DataFrame:
    """Predictors of a table, by their names, as numbers."""
    columns = [str(name) for name in table if str(name).startswith(PREFIX)]
    values = table[columns].apply(pd.to_numeric, errors="coerce")
    values.columns = pd.Index([name.removeprefix(PREFIX) for name in columns])
    return values


def failure_findings(
    calibration: Calibration, probabilities: pd.DataFrame, why: Mapping[str, list[str]]
) -> dict[str, list[Finding]]:
    """Findings of the subjects at or above the cut.

    Parameters
    ----------
    calibration
        What was learnt.
    probabilities
        From :func:`failure_probabilities`.
    why
        Subject to the codes of the checks that found something.
    """
    if calibration.cut is None:
        return {}
    found = {}
    for subject, row in probabilities[probabilities[PROBABILITY] >= calibration.cut].iterrows():
        parts = {name: row[f"{PROBABILITY}_{name.lower()}"] for name in STRUCTURES}
        named = ", ".join(f"{name} {value:.2f}" for name, value in parts.items() if np.isfinite(value))
        codes = why.get(str(subject), [])
        reason = f"; checks that point at something: {', '.join(codes)}" if codes else ""
        message = f"sa: probability of a failed segmentation by structure: {named}{reason}"
        value = float(row[PROBABILITY])
        found[str(subject)] = [
            Finding(
                Code.PREDICTED_FAILURE,
                Level.REVIEW,
                message,
                view="sa",
                value=round(value, 4),
                threshold=round(calibration.cut, 4),
            )
        ]
    return found


def with_intervals(
    measures: pd.DataFrame,
    calibration: Calibration | None,
    probabilities: pd.DataFrame,
    quality: pd.DataFrame,
) -> pd.DataFrame:
    """Measures with the ends of their intervals; empty where the calibration does not hold.

    Parameters
    ----------
    measures
        The cohort's table: rows of the first set of models get intervals, others none.
    calibration
        None where there is none: the columns are there, and empty.
    probabilities
        From :func:`failure_probabilities`.
    quality
        That these were made from.
    """
    columns = {name: pd.Series(np.nan, index=measures.index) for name in INTERVAL_COLUMNS}
    automatic = measures["kind"] == "auto"
    if calibration is not None and automatic.any():
        rows = measures.index[automatic & (measures["source"] == first_source(measures))]
        subjects = measures["subject"][rows]
        held = probabilities[PROBABILITY].reindex(subjects).notna().to_numpy()
        seen = predictors_of(quality.drop_duplicates("subject").set_index("subject")).reindex(subjects)
        for measure, interval in calibration.intervals.items():
            p = probabilities[f"{PROBABILITY}_{MEASURES[measure].lower()}"].reindex(subjects).to_numpy()
            value = measures[measure][rows].to_numpy(dtype=float)
            known = np.where(np.isfinite(p), p, 0.5)
            half = np.where(held, interval.half_widths(known, value, seen), np.nan)
            columns[f"{measure}_low"].loc[rows] = np.maximum(value - half, 0.0)
            high = value + half
            columns[f"{measure}_high"].loc[rows] = (
                np.minimum(high, 100.0) if measure.endswith("_pct") else high
            )
    return measures.assign(**columns)
