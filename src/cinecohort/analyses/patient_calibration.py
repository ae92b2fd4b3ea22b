"""A calibration of quality control for one patient: probability of failure, flags, intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from cinecohort.calibration.apply import failure_findings, failure_probabilities, with_intervals
from cinecohort.calibration.failures import MEASURES
from cinecohort.calibration.options import STRUCTURES, calibration_path
from cinecohort.calibration.record import Calibration, read_calibration
from cinecohort.cohort.explanations import OWN_VIEWS
from cinecohort.errors import UserError
from cinecohort.findings import Finding, Level
from cinecohort.ledger.columns import FAILURE
from cinecohort.quality.made_by import facts_of
from cinecohort.reporting.numbers import is_defined


def chosen_calibration(chosen: str, weights: str) -> Calibration | None:
    """Read the calibration that was asked for.

    Parameters
    ----------
    chosen
        ``none``, ``shipped`` or a file, as the setting ``quality.calibration``.
    weights
        The short-axis weights.

    Raises
    ------
    UserError
        If there is none, or it was made for other weights.
    """
    path = calibration_path(chosen if chosen in ("none", "shipped") else Path(chosen), weights)
    if path is None and chosen == "none":
        return None
    if path is None:
        raise UserError(
            f"No calibration is shipped for {weights}; make one with `cinecohort calibrate`, or leave "
            "--calibration out."
        )
    calibration = read_calibration(path)
    made_for = calibration.made_by.partition("@")[0]
    if made_for != Path(weights).stem:
        raise UserError(f"{path}: holds for segmentations by {made_for}, not by {weights}.")
    return calibration


def second_network(calibration: Calibration | None) -> str | None:
    """Name of the second network that the calibration's segmentations had; None for none."""
    if calibration is None:
        return None
    name = facts_of(calibration.made_by).get("second", "none").partition("@")[0]
    return None if name == "none" else name


def judged(
    calibration: Calibration, key: str, values: Mapping[str, Any], findings: Sequence[Finding]
) -> tuple[pd.DataFrame, list[Finding]]:
    """Probabilities of failure of one subject, and its findings as the calibration has them.

    Parameters
    ----------
    calibration
        What was learnt.
    key
        The subject.
    values
        Numbers of the checks of its segmentation.
    findings
        Of all stages. Where the calibration has a cut and holds, the checks that explain become notes.

    Returns
    -------
    tuple
        The row of :func:`cinecohort.calibration.apply.failure_probabilities`, and the findings.
    """
    found = failure_probabilities(calibration, pd.DataFrame([{"subject": key, **values}]))
    listed = list(findings)
    if calibration.cut is None or found[FAILURE[0]].isna().all():
        return found, listed
    explains = [
        each.code in calibration.explains and each.level is Level.REVIEW and (each.view or "") in OWN_VIEWS
        for each in listed
    ]
    why = list(dict.fromkeys(str(each.code) for each, one in zip(listed, explains, strict=True) if one))
    noted = [
        replace(each, level=Level.INFO) if one else each for each, one in zip(listed, explains, strict=True)
    ]
    return found, [*noted, *failure_findings(calibration, found, {key: why}).get(key, [])]


def with_calibration(
    row: Mapping[str, Any], calibration: Calibration, found: pd.DataFrame, values: Mapping[str, Any]
) -> dict[str, Any]:
    """A row of measures of a network with its intervals and probabilities; empty where it does not hold.

    Parameters
    ----------
    row
        Measures.
    calibration
        What was learnt.
    found, values
        From :func:`judged`, and the numbers of the checks that it was given.
    """
    probabilities = {str(name): value for name, value in found.iloc[0].items()}
    if "source" not in row:
        return dict(row) | probabilities
    measured = {**dict.fromkeys(MEASURES, float("nan")), **row, "kind": "auto"}
    quality = pd.DataFrame([{"subject": found.index[0], **values}])
    table = with_intervals(pd.DataFrame([measured]), calibration, found, quality)
    return {str(name): value for name, value in table.iloc[0].items()} | probabilities


def by_structure(row: Mapping[str, Any]) -> dict[str, float]:
    """Probability of failure of the whole (``all``) and of each structure, as far as a row has them."""
    columns = {"all": FAILURE[0]} | {name: f"{FAILURE[0]}_{name.lower()}" for name in STRUCTURES}
    return {name: float(row[column]) for name, column in columns.items() if is_defined(row.get(column))}
