"""Checks M1 to M4: are the measures those of one living heart. They flag; they do not exclude by default."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.measures import BY_COLUMN
from cinecohort.findings import Finding
from cinecohort.quality.options import MeasureQualityOptions
from cinecohort.quality.reports import finding


def check_rows(rows: Sequence[Mapping[str, Any]], options: MeasureQualityOptions) -> list[Finding]:
    """Findings of a subject's rows, each source at its own frames.

    The first set of networks is held to every check. Of other sets and of people, order and range are looked
    at (M1): experts' own masses and stroke volumes differ by more than the other checks allow.
    """
    own = [row for row in rows if row.get("frames") == "own"]
    first = next((row for row in own if row.get("kind") == "auto"), None)
    return [
        found if row is first else replace(found, message=f"{row['source']}: {found.message}")
        for row in own
        for found in (check_measures(row, options) if row is first else _plausible(row, options))
    ]


def check_measures(row: Mapping[str, Any], options: MeasureQualityOptions) -> list[Finding]:
    """Findings of one row of the measures table.

    Parameters
    ----------
    row
        Columns of :data:`cinecohort.measures.columns.COLUMNS`; what is missing is not checked.
    options
        Limits and actions.
    """
    return [
        *_plausible(row, options),
        *_mass(row, options),
        *_stroke_volumes(row, options),
        *_atria(row, options),
    ]


def _number(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    return None if value is None or not math.isfinite(float(value)) else float(value)


def _plausible(row: Mapping[str, Any], options: MeasureQualityOptions) -> list[Finding]:
    check = options.m1_plausible
    found: list[Finding] = []
    for side in ("lv", "rv"):
        edv, esv = _number(row, f"{side}edv_ml"), _number(row, f"{side}esv_ml")
        if edv is not None and esv is not None and esv >= edv:
            message = f"{side.upper()}ESV {esv:.0f} mL is not below EDV {edv:.0f} mL"
            found += finding(Code.M1, check.action, message, value=esv, threshold=edv)
    for name, (low, high) in check.ranges().items():
        value = _number(row, name)
        if value is not None and not low <= value <= high:
            measure = BY_COLUMN[name]
            message = f"{measure.label} is {value:.1f} {measure.unit}, outside {low:g} to {high:g}"
            limit = low if value < low else high
            found += finding(Code.M1, check.action, message, value=value, threshold=limit)
    return found


def _mass(row: Mapping[str, Any], options: MeasureQualityOptions) -> list[Finding]:
    diastole, systole = _number(row, "lvm_g"), _number(row, "lvm_es_g")
    if not diastole or systole is None:
        return []
    change = 100.0 * abs(systole - diastole) / diastole
    if change <= options.m2_mass.threshold:
        return []
    message = f"LV mass is {diastole:.0f} g at end-diastole and {systole:.0f} g at end-systole"
    return finding(
        Code.M2, options.m2_mass.action, message, value=change, threshold=options.m2_mass.threshold
    )


def _stroke_volumes(row: Mapping[str, Any], options: MeasureQualityOptions) -> list[Finding]:
    check = options.m3_stroke_volumes
    left, right = _number(row, "lvsv_ml"), _number(row, "rvsv_ml")
    if left is None or right is None:
        return []
    difference = abs(left - right)
    mean = (abs(left) + abs(right)) / 2
    percent = 100.0 * difference / mean if mean > 0 else 0.0
    if difference <= check.difference_ml or percent <= check.difference_pct:
        return []
    message = f"stroke volumes differ: LV {left:.0f} mL, RV {right:.0f} mL ({percent:.0f} %)"
    return finding(Code.M3, check.action, message, value=difference, threshold=check.difference_ml)


def _atria(row: Mapping[str, Any], options: MeasureQualityOptions) -> list[Finding]:
    found: list[Finding] = []
    two, four = _number(row, "la_2ch_max_ml"), _number(row, "la_4ch_max_ml")
    check = options.m4_atria
    if two is not None and four:
        ratio = two / four
        if not check.low <= ratio <= check.high:
            message = f"LA maximum is {two:.0f} mL from 2Ch and {four:.0f} mL from 4Ch"
            limit = check.low if ratio < check.low else check.high
            found += finding(Code.M4, check.action, message, value=ratio, threshold=limit)
    systole, largest = _number(row, "es_phase"), _number(row, "la_max_phase")
    phase = options.m4_atrial_phase
    if systole is not None and largest is not None and row.get("frames") == "own":
        away = abs((largest - systole + 0.5) % 1.0 - 0.5)
        if away > phase.threshold:
            message = f"LA is largest {100 * away:.0f} % of the cycle away from LV end-systole"
            found += finding(Code.M4, phase.action, message, value=away, threshold=phase.threshold)
    return found
