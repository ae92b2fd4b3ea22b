"""Figure of measures by age and sex against the ranges of healthy people."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cinecohort.catalogue.measures import measure_label
from cinecohort.measures.reference_ranges import Reference
from cinecohort.reporting.distribution_figures import MOST_POINTS, PALETTE, drawing

SEXES = {"F": ("Women", PALETTE[1]), "M": ("Men", PALETTE[0])}


def sexes_in(table: pd.DataFrame) -> list[str]:
    """Sexes of the people of a table; both where none is known."""
    return [sex for sex in SEXES if (table["sex"] == sex).any()] or list(SEXES)


def draw_reference(table: pd.DataFrame, measures: Sequence[str], reference: Reference, path: Path) -> None:
    """Draw one panel per measure and sex: value against age, with the range of the healthy as a band.

    Parameters
    ----------
    table
        One row per subject with ``sex``, ``age_years`` and the measures.
    measures
        Columns to draw.
    reference
        The ranges.
    path
        SVG to write.
    """
    sexes = sexes_in(table)
    columns = min(len(measures), 4 // len(sexes))
    lines = -(-len(measures) // columns)
    ages = pd.to_numeric(table["age_years"], errors="coerce").dropna()
    span = (float(ages.min()) - 2, float(ages.max()) + 2)
    with drawing(path, 16.8, 5.4 * lines) as figure:
        axes = figure.subplots(lines, len(sexes) * columns, sharex=True, squeeze=False).ravel()
        for place, measure in enumerate(measures):
            pair = axes[len(sexes) * place :][: len(sexes)]
            for axis in pair[1:]:
                axis.sharey(pair[0])
                axis.tick_params(labelleft=False)
            pair[0].set_ylabel(measure_label(measure))
            for axis, sex in zip(pair, sexes, strict=True):
                draw_panel(axis, table[table["sex"] == sex], measure, reference, sex)
                axis.set_xlim(*span)
        for axis in axes[len(sexes) * len(measures) :]:
            axis.set_axis_off()


def draw_panel(axis: Axes, rows: pd.DataFrame, measure: str, reference: Reference, sex: str) -> None:
    """Draw the people of one sex: those whom a range holds for in colour, the others in grey."""
    words, colour = SEXES[sex]
    for band in (each for each in reference.of(measure) if each.sex == sex):
        ends = (band.age_from, band.age_to + 1)
        axis.fill_between(ends, band.low, band.high, color=colour, alpha=0.16, linewidth=0)
        axis.plot(ends, [band.mean] * 2, color=colour, linewidth=0.9)
    numbers = rows[["age_years", measure]].apply(pd.to_numeric, errors="coerce").dropna()
    shown = numbers.iloc[:: -(-len(numbers) // MOST_POINTS) or 1]
    held = np.array([reference.find(measure, sex, age) is not None for age in shown["age_years"]], dtype=bool)
    for inside, shade in ((True, colour), (False, "0.55")):
        each = shown[held == inside]
        axis.scatter(
            each["age_years"], each[measure], s=7, color=shade, linewidths=0, alpha=0.8, rasterized=True
        )
    axis.set_title(f"{words} (n = {len(numbers):,})")
    axis.set_xlabel("age (years)")
