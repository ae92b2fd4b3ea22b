"""Agreement of two tables of measures: differences, Bland-Altman and correlation in one go."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cinecohort.statistics.bland_altman import LIMIT_COLUMNS, Scale, bland_altman_rows
from cinecohort.statistics.correlation import correlation_row
from cinecohort.statistics.differences import difference_row
from cinecohort.statistics.options import AgreementOptions
from cinecohort.statistics.pairing import Pairing, pair_tables
from cinecohort.statistics.repeated_measures import repeated_limits

SCALES: tuple[Scale, ...] = ("percent", "ratio")
"""Beside the absolute one."""


@dataclass(frozen=True)
class AgreementResult:
    """Everything about the agreement of two tables.

    Parameters
    ----------
    differences, bland_altman, correlation
        The tables of the same names; one row per measure (``bland_altman``: two where outliers are excluded).
    scales
        Bland-Altman in per cent and as ratios.
    repeated
        Bland-Altman for repeated measurements; None where every subject was measured once.
    pairing
        The pairs themselves, with counts of what has no partner.
    options
        How it was compared.
    """

    differences: pd.DataFrame
    bland_altman: pd.DataFrame
    correlation: pd.DataFrame
    scales: pd.DataFrame
    repeated: pd.DataFrame | None
    pairing: Pairing
    options: AgreementOptions


def agree(
    first: pd.DataFrame,
    second: pd.DataFrame,
    on: str | Sequence[str] = "subject",
    options: AgreementOptions | None = None,
    names: tuple[str, str] = ("first", "second"),
    repeated: Sequence[str] = (),
) -> AgreementResult:
    """Compare every measure that two tables share; difference = first - second.

    Parameters
    ----------
    first, second
        Tables of measures, one row per subject (or a subject and repeat).
    on
        Column, or columns, that identify a subject.
    options
        Denominator, outlier rule, intervals; the defaults of :class:`AgreementOptions` where None.
    names
        What the two are called in notes and figures.
    repeated
        Further columns that distinguish the repeats of a subject (a visit, for instance). Pairs are then
        matched on these too, and limits of agreement for repeated measurements are added.

    Raises
    ------
    UserError
        See :func:`cinecohort.statistics.pairing.pair_tables`.
    """
    options = options or AgreementOptions()
    on = [on] if isinstance(on, str) else list(on)
    pairing = pair_tables(first, second, [*on, *repeated], options.duplicates, names)
    measures = [name for name in pairing.measures if not options.measures or name in options.measures]
    tables: dict[str, list[dict]] = {name: [] for name in ("differences", "limits", "correlation", "scales")}
    for measure in measures:
        a, b = pairing.values(measure)
        common = {"n_missing": len(pairing.keys) - a.size}
        text = pairing.not_numbers.get(measure, 0)
        limits = (
            options.exclude_outliers == "iqr",
            options.quantile,
            options.limit_factor,
            options.confidence,
        )
        rows = {
            "differences": [difference_row(a, b, options.denominator)],
            "limits": bland_altman_rows(a, b, *limits),
            "scales": [row for scale in SCALES for row in bland_altman_rows(a, b, *limits, scale)],
            "correlation": [correlation_row(a, b, options.confidence, options.spearman_interval)],
        }
        for table, measure_rows in rows.items():
            for row in measure_rows:
                note = str(row.pop("note"))
                if text:
                    note = "; ".join(filter(None, [note, f"{text} cells hold no finite number"]))
                tables[table].append({"measure": measure, **row, **common, "note": note})
    return AgreementResult(
        differences=pd.DataFrame(tables["differences"]),
        bland_altman=_ordered(pd.DataFrame(tables["limits"]), ["measure", "outliers", *LIMIT_COLUMNS]),
        correlation=pd.DataFrame(tables["correlation"]),
        scales=_ordered(pd.DataFrame(tables["scales"]), ["measure", "scale", "outliers", *LIMIT_COLUMNS]),
        repeated=_repeated(pairing, on, measures, options) if repeated else None,
        pairing=pairing,
        options=options,
    )


def _ordered(table: pd.DataFrame, first: list[str]) -> pd.DataFrame:
    return table[[*first, *(name for name in table.columns if name not in first)]]


def _repeated(
    pairing: Pairing, on: Sequence[str], measures: Sequence[str], options: AgreementOptions
) -> pd.DataFrame:
    subjects = pairing.keys[list(on)].agg("/".join, axis=1)
    rows = []
    for measure in measures:
        difference = (pairing.first[measure] - pairing.second[measure]).to_numpy()
        complete = np.isfinite(difference)
        row = repeated_limits(
            subjects[complete], difference[complete], options.limit_factor, options.confidence
        )
        rows.append({"measure": measure, **row})
    return pd.DataFrame(rows)
