"""Figures of the distribution of measures, and the bullseye of wall thickness."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Wedge

from cinecohort.catalogue.measures import WALL_SEGMENTS, measure_label

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5c6670")
"""Colours that colour-blind readers tell apart (Okabe and Ito)."""

FEW_FOR_A_BOX = 5
"""Values below which there is no box: its quartiles would be those of hardly anybody."""

MOST_POINTS = 400
"""Points drawn of one group; of more, an even sample of the sorted values, so that the shape is kept."""

MANY_POINTS = 100
"""Points from which they are drawn small and pale, so that the box can be seen."""

FAR = 8.0
"""Interquartile ranges from the quartiles beyond which a value is not drawn but counted."""

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "axes.linewidth": 0.6,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "cinecohort",
    "savefig.dpi": 150,
    "figure.dpi": 100,
}


@contextmanager
def drawing(path: Path, width_cm: float, height_cm: float) -> Iterator[Figure]:
    """Yield a figure that is saved as SVG when the block ends; the same data give the same bytes."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width_cm / 2.54, height_cm / 2.54), layout="constrained")
        yield figure
        figure.savefig(path, format="svg", metadata={"Date": None})


def draw_distributions(
    table: pd.DataFrame, measures: Sequence[str], by: str, groups: Sequence[str], path: Path
) -> None:
    """Draw one panel per measure: box and points by group.

    Parameters
    ----------
    table
        Rows with the measures and the column `by`.
    measures, groups
        Columns to draw, and the values of `by` in their order.
    path
        SVG to write.
    """
    columns = min(len(measures), 4 if -len(measures) % 4 <= -len(measures) % 5 else 5)
    lines = -(-len(measures) // columns)
    with drawing(path, 17.0, 3.5 * lines + (0.7 if len(groups) > 1 else 0)) as figure:
        axes = np.atleast_1d(figure.subplots(lines, columns)).ravel()
        for axis, measure in zip(axes, measures, strict=False):
            draw_distribution(axis, table, measure, by, groups)
        for axis in axes[len(measures) :]:
            axis.set_axis_off()
        if len(groups) > 1:
            handles = [
                mpl.patches.Patch(facecolor=PALETTE[i % len(PALETTE)], alpha=0.6, label=group)
                for i, group in enumerate(groups)
            ]
            figure.legend(
                handles=handles, loc="outside lower center", ncols=min(len(groups), 6), frameon=False
            )


def draw_distribution(axis: Axes, table: pd.DataFrame, measure: str, by: str, groups: Sequence[str]) -> None:
    """Draw one measure: box of the quartiles, whiskers to 1.5 interquartile ranges, points beside it."""
    known = {group: pd.to_numeric(table.loc[table[by] == group, measure]).dropna() for group in groups}
    drawn = {group: sample for group, sample in known.items() if len(sample)}
    samples = list(drawn.values())
    for position, (group, sample) in enumerate(drawn.items()):
        colour = PALETTE[list(groups).index(group) % len(PALETTE)]
        shown = thinned(sample)
        axis.scatter(
            position + jitter(len(shown)),
            shown,
            s=7 if len(shown) < MANY_POINTS else 3,
            color=colour,
            alpha=0.7 if len(shown) < MANY_POINTS else 0.25,
            linewidths=0,
            rasterized=True,
        )
        if len(sample) >= FEW_FOR_A_BOX:
            box_plot(
                x=[position] * len(sample), y=sample.to_numpy(), ax=axis, width=0.55, native_scale=True,
                showfliers=False, color=colour, saturation=1, linewidth=0.7, linecolor="black",
                boxprops={"alpha": 0.28}, medianprops={"linewidth": 1.1},
            )  # fmt: skip
    keep_readable(axis, np.concatenate([sample.to_numpy(dtype=float) for sample in samples]))
    axis.set(title=measure_label(measure), xlabel="n", ylabel="")
    axis.set_xticks(range(len(samples)), [f"{len(sample):,}" for sample in samples])
    axis.set_xlim(-0.6, len(samples) - 0.4)


def keep_readable(axis: Axes, values: np.ndarray) -> None:
    """End an axis where a few impossible values would press all others into a line, and say how many."""
    if values.size < 4:
        return
    first, third = np.quantile(values, [0.25, 0.75])
    low, high = first - FAR * (third - first), third + FAR * (third - first)
    outside = int(((values < low) | (values > high)).sum())
    if not outside or third <= first:
        return
    inside = values[(values >= low) & (values <= high)]
    margin = 0.06 * float(np.ptp(inside))
    axis.set_ylim(float(inside.min()) - margin, float(inside.max()) + margin)
    axis.text(
        0.98,
        0.98,
        f"{outside:,} beyond the axis",
        transform=axis.transAxes,
        ha="right",
        va="top",
        fontsize=5.8,
    )


def box_plot(*data: Any, **options: Any) -> None:
    """Draw seaborn's box plot, without its notice of what a later matplotlib will call an option."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "vert: bool was deprecated")
        sns.boxplot(*data, **options)


def jitter(n: int) -> np.ndarray:
    """Offsets within a box that look random and are the same each time (golden ratio sequence)."""
    return 0.44 * (np.arange(n) * 0.6180339887498949 % 1.0 - 0.5)


def thinned(values: pd.Series) -> np.ndarray:
    """At most `MOST_POINTS` values, evenly from the sorted ones."""
    ordered = np.sort(values.to_numpy(dtype=float))
    if len(ordered) <= MOST_POINTS:
        return ordered
    return ordered[np.linspace(0, len(ordered) - 1, MOST_POINTS).round().astype(int)]


def draw_bullseye(means: Sequence[float], path: Path) -> None:
    """Draw the 16 segments of the left ventricle (Cerqueira 2002) with their mean wall thickness in mm.

    Parameters
    ----------
    means
        Mean thickness of segments 1 to 16; NaN where there is none.
    path
        SVG to write.
    """
    defined = [value for value in means if np.isfinite(value)]
    scale = mpl.colors.Normalize(min(defined), max(max(defined), min(defined) + 0.1))
    colours = mpl.colormaps["cividis"]
    with drawing(path, 8.6, 6.4) as figure:
        axis = figure.subplots()
        for index, (inner, outer, start, width) in enumerate(bullseye_wedges()):
            value = means[index]
            shade = colours(scale(value)) if np.isfinite(value) else (0.9, 0.9, 0.9, 1.0)
            axis.add_patch(
                Wedge(
                    (0, 0), outer, start, start + width, width=outer - inner, facecolor=shade,
                    edgecolor="white", linewidth=1,
                )
            )  # fmt: skip
            angle, radius = np.deg2rad(start + width / 2), (inner + outer) / 2
            dark = np.isfinite(value) and scale(value) < 0.55
            axis.text(
                radius * np.cos(angle), radius * np.sin(angle),
                f"{value:.1f}" if np.isfinite(value) else "–",
                ha="center", va="center", fontsize=6.5, color="white" if dark else "black",
            )  # fmt: skip
        for words, position in (
            ("anterior", (0, 3.2)), ("inferior", (0, -3.2)), ("septal", (-3.25, 0)), ("lateral", (3.25, 0)),
        ):  # fmt: skip
            rotation = 90 if position[0] else 0
            axis.text(
                position[0], position[1], words, ha="center", va="center", rotation=rotation, fontsize=6.5
            )
        axis.set(xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), aspect="equal")
        axis.set_axis_off()
        figure.colorbar(
            mpl.cm.ScalarMappable(scale, colours), ax=axis, shrink=0.7, label="mm", aspect=18
        ).outline.set_linewidth(0.4)


def bullseye_wedges() -> list[tuple[float, float, float, float]]:
    """Inner and outer radius, first angle and width in degrees of segments 1 to 16, apex in the middle.

    Segment 1 is anterior (up); numbers run over the septum (left) to inferior and lateral.
    """
    wedges = [(2.0, 3.0, 60.0 + 60.0 * step, 60.0) for step in range(6)]
    wedges += [(1.0, 2.0, 60.0 + 60.0 * step, 60.0) for step in range(6)]
    return wedges + [(0.0, 1.0, 45.0 + 90.0 * step, 90.0) for step in range(4)]


def wall_means(table: pd.DataFrame) -> list[float]:
    """Mean of each segment's thickness over the rows; NaN where a segment was never measured."""
    return [
        float(pd.to_numeric(table[column], errors="coerce").mean()) if column in table else float("nan")
        for column in WALL_SEGMENTS
    ]
