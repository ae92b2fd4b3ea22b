"""How far automatic results lie from an observer's, and which of them are bad."""

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cinecohort.calibration.options import STRUCTURES, FailureOptions
from cinecohort.errors import UserError

MEASURES = {
    "lvedv_ml": "LV",
    "lvesv_ml": "LV",
    "lvef_pct": "LV",
    "lvm_g": "MYO",
    "rvedv_ml": "RV",
    "rvesv_ml": "RV",
    "rvef_pct": "RV",
}
"""Measures with an interval, and the structure whose probability of failure says how hard each is."""

WITHOUT_SPACING = ("lvef_pct", "rvef_pct")
"""Measures that do not depend on the size of the voxels."""

CRITERIA = {
    "dice_lv": "LV",
    "lvedv_ml": "LV",
    "lvef_pct": "LV",
    "dice_myo": "MYO",
    "lvm_g": "MYO",
    "dice_rv": "RV",
}
"""What a result may be bad by, and the structure that failed then."""

OF_SIZE = ("lvedv_ml", "lvm_g")
"""Criteria that nobody can judge where the voxel size is not known."""


def first_source(measures: pd.DataFrame) -> str:
    """Name of the first set of models, whose rows come first with most subjects."""
    first = measures[measures["kind"] == "auto"].drop_duplicates("subject")["source"]
    return str(first.mode().iloc[0])


def errors_table(overlap: pd.DataFrame, measures: pd.DataFrame, source: str, observer: str) -> pd.DataFrame:
    """Differences of a network's results from an observer's, one row per subject.

    Parameters
    ----------
    overlap, measures
        Tables of the cohort. Measures of both are taken at the observer's end-diastole and end-systole: how
        the network chooses its frames is not looked at.
    source
        Set of models.
    observer
        Whose labels are the reference.

    Returns
    -------
    pandas.DataFrame
        Index ``subject``; ``dice_lv, dice_myo, dice_rv``, the lower of both frames; ``error_{measure}``,
        automatic less manual; ``lost_{measure}``, where the observer has a value and the network has none;
        ``value_{measure}``, the automatic one.

    Raises
    ------
    UserError
        If nobody has labels of this observer.
    """
    chosen = overlap[
        (overlap["view"] == "sa")
        & (overlap["source"] == source)
        & (overlap["reference"] == observer)
        & (overlap["position"] == "all")
        & overlap["role"].isin(["ed", "es"])
    ]
    if chosen.empty:
        raise UserError(
            f"no short-axis labels of {observer!r} were compared with {source!r} at end-diastole and "
            "end-systole; name an observer of the results."
        )
    lowest = chosen.groupby(["structure", "subject"])["dice"].min()
    table = pd.DataFrame(index=pd.Index(sorted(set(chosen["subject"])), name="subject"))
    for name in STRUCTURES:
        drawn = name in lowest.index.get_level_values("structure")
        table[f"dice_{name.lower()}"] = lowest.loc[name].reindex(table.index) if drawn else np.nan
    automatic = _of(measures, source, observer).reindex(table.index)
    manual = _of(measures, observer, "own").reindex(table.index)
    for name in MEASURES:
        table[f"value_{name}"] = automatic[name]
        table[f"error_{name}"] = automatic[name] - manual[name]
        table[f"lost_{name}"] = automatic[name].isna() & manual[name].notna()
    return table


def _of(measures: pd.DataFrame, source: str, frames: str) -> pd.DataFrame:
    rows = measures[(measures["source"] == source) & (measures["frames"] == frames)]
    return rows.drop_duplicates("subject").set_index("subject")[list(MEASURES)].astype(float)


def mark_criteria(
    errors: pd.DataFrame, options: FailureOptions, without_volumes: Collection[str] = ()
) -> pd.DataFrame:
    """Whether each result is bad by each criterion.

    Parameters
    ----------
    errors
        From :func:`errors_table`.
    options
        The limits.
    without_volumes
        Subjects whose voxel size is not known: Dice and ejection fraction alone are looked at.

    Returns
    -------
    pandas.DataFrame
        A column of truth values for each of :data:`CRITERIA`, with the index of `errors`. A measure that the
        observer has and the network lost is bad; what nobody knows is not.
    """
    limits = {"lvedv_ml": options.edv_ml, "lvef_pct": options.ef_pct, "lvm_g": options.mass_g}
    bad = {
        name: errors[name] < options.dice
        if name not in limits
        else (errors[f"error_{name}"].abs() > limits[name]) | errors[f"lost_{name}"]
        for name in CRITERIA
    }
    sized = ~errors.index.isin(list(without_volumes))
    return pd.DataFrame({name: each & sized if name in OF_SIZE else each for name, each in bad.items()})


def mark_failures(
    errors: pd.DataFrame, options: FailureOptions, without_volumes: Collection[str] = ()
) -> pd.DataFrame:
    """Whether each structure failed: ``bad_lv, bad_myo, bad_rv``; see :func:`mark_criteria`."""
    bad = mark_criteria(errors, options, without_volumes)
    return pd.DataFrame({f"bad_{name.lower()}": bad[_criteria_of(name)].any(axis=1) for name in STRUCTURES})


def _criteria_of(structure: str) -> list[str]:
    return [name for name, about in CRITERIA.items() if about == structure]


def by_structure(probabilities: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Highest probability of each structure's criteria.

    Parameters
    ----------
    probabilities
        Criterion to the probability that a result is bad by it. Calibrations of older versions have
        structures for criteria.
    """
    of: dict[str, list[NDArray[np.float64]]] = {}
    for name, values in probabilities.items():
        of.setdefault(CRITERIA.get(name, name), []).append(values)
    return {structure: highest(values) for structure, values in of.items()}


def highest(probabilities: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Highest of those that are known for any row; NaN where one of them is unknown, or all are."""
    every = list(probabilities)
    known = [values for values in every if np.isfinite(values).any()]
    return np.asarray(np.max(known or every[:1], axis=0))
