"""Measures indexed to body surface area."""

import pandas as pd

from cinecohort.catalogue.measures import INDEXED


def body_surface_m2(height_cm: pd.Series, weight_kg: pd.Series, formula: str = "du_bois") -> pd.Series:
    """Body surface area in m²; missing where height or weight is missing or not positive.

    Parameters
    ----------
    height_cm, weight_kg
        Height and weight.
    formula
        ``du_bois``: 0.007184 W^0.425 H^0.725 (Du Bois and Du Bois, Arch Intern Med 1916;17:863);
        ``mosteller``: sqrt(W H / 3600) (Mosteller, N Engl J Med 1987;317:1098).

    Raises
    ------
    ValueError
        If the formula has another name.

    Examples
    --------
    >>> height_cm, weight_kg = pd.Series([170.0]), pd.Series([70.0])
    >>> print(round(body_surface_m2(height_cm, weight_kg)[0], 2))
    1.81
    >>> print(round(body_surface_m2(height_cm, weight_kg, "mosteller")[0], 2))
    1.82
    """
    height = pd.to_numeric(height_cm, errors="coerce").astype(float)
    weight = pd.to_numeric(weight_kg, errors="coerce").astype(float)
    height, weight = height.where(height > 0), weight.where(weight > 0)
    if formula == "du_bois":
        return 0.007184 * weight**0.425 * height**0.725
    if formula == "mosteller":
        return (weight * height / 3600.0) ** 0.5
    raise ValueError(f"body surface formula {formula!r} is neither du_bois nor mosteller")


def add_indexed(measures: pd.DataFrame, participants: pd.DataFrame, formula: str = "du_bois") -> pd.DataFrame:
    """Table of measures with ``bsa_m2`` and a column ending in ``_i`` for each measure that is indexed.

    Parameters
    ----------
    measures
        Table with ``subject`` and any of :data:`cinecohort.catalogue.measures.INDEXED`.
    participants
        Table with ``subject``, ``height_cm`` and ``weight_kg``, one row per subject. Without height or
        weight for anyone the measures come back as they are.
    formula
        See :func:`body_surface_m2`.
    """
    if not {"subject", "height_cm", "weight_kg"} <= set(participants.columns):
        return measures.copy()
    surface = body_surface_m2(participants["height_cm"], participants["weight_kg"], formula)
    if surface.isna().all():
        return measures.copy()
    by_subject = pd.Series(surface.to_numpy(), index=participants["subject"].to_numpy())
    table = measures.copy()
    table["bsa_m2"] = table["subject"].map(by_subject[~by_subject.index.duplicated()])
    for column in INDEXED:
        if column in table:
            table[f"{column}_i"] = pd.to_numeric(table[column], errors="coerce") / table["bsa_m2"]
    return table
