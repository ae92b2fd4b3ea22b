"""Figures of agreement: Bland-Altman and scatter plots, grids of them, and box plots of Dice.

Drawn without global state, in colours that colour-blind readers tell apart (Okabe and Ito), with lines that
differ in style as well; the same data give the same bytes.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from cinecohort.catalogue.measures import PRINTED, WALL_SEGMENTS, Show, columns_shown
from cinecohort.files import replacing
from cinecohort.reporting.distribution_figures import box_plot, jitter, thinned
from cinecohort.reporting.numbers import UNDEFINED, interval, is_defined, signed
from cinecohort.statistics.agreement import AgreementResult
from cinecohort.statistics.bland_altman import limits_of_agreement
from cinecohort.statistics.options import AgreementOptions
from cinecohort.statistics.pairing import Pairing

Pair = tuple[NDArray[np.float64], NDArray[np.float64]]

POINT, BIAS, LIMIT, BAND = "#0072B2", "#D55E00", "#000000", "#E69F00"
SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "cinecohort",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
}
_DRAWN_AS_IMAGE_FROM = 1500

_PRINTED: dict[Any, Any] = {
    "font.size": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "axes.labelpad": 1.5,
    "xtick.major.pad": 2.0,
    "ytick.major.pad": 2.0,
    "figure.constrained_layout.h_pad": 0.02,
}
"""Sizes of figures that are printed at their own width."""

CM = 2.54
ROW_CM, LEGEND_CM = 2.7, 1.0
"""Height of a row of the figure of agreement, and of its legend."""

BESIDE = tuple(
    measure
    for measure in ("lvedv_ml", "lvesv_ml", "lvef_pct", "lvm_g", "rvedv_ml", "rvesv_ml", "rvef_pct")
    if measure in PRINTED
)
"""Measures of the figure of agreement: the principal ones and what clinicians read from them."""

MOST_PANELS = 8

FAR_SDS = 6.0
"""SDs from the bias beyond which a difference is counted and not drawn, so that the others can be seen."""

_FEW = 200
"""Up to so many points each is drawn large and dark; more would hide one another."""


def label(measure: str) -> str:
    """Return a measure as it is printed, with its unit; a name that is not ours stays as it is."""
    return PRINTED[measure].heading if measure in PRINTED else measure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG, by rename, without anything that differs from run to run."""
    with mpl.rc_context(_STYLE), replacing(path) as temporary:
        FigureCanvasSVG(figure).print_svg(temporary, metadata={"Date": None})


def bland_altman_axes(
    axes: Axes, first: NDArray[np.float64], second: NDArray[np.float64], options: AgreementOptions
) -> None:
    """Draw difference against mean with bias (solid), limits of agreement (dashed) and their intervals."""
    if first.size == 0:
        _say(axes, "no pairs")
        return
    mean, difference = (first + second) / 2, first - second
    limits = limits_of_agreement(difference, options.limit_factor, options.confidence)
    _points(axes, mean, difference)
    axes.axhline(0, color="#999999", lw=0.5)
    axes.axhline(limits["bias"], color=BIAS, lw=1.2)
    if first.size > 1:
        for name in ("loa_lower", "loa_upper"):
            axes.axhline(limits[name], color=LIMIT, lw=0.9, ls="--")
            if first.size > 2:
                axes.axhspan(limits[f"{name}_ci_low"], limits[f"{name}_ci_high"], color=BAND, alpha=0.2, lw=0)
        axes.axhspan(limits["bias_ci_low"], limits["bias_ci_high"], color=BIAS, alpha=0.2, lw=0)
        _limit_y(axes, difference, limits)
    axes.set_title(_numbers(first.size, limits))
    _few_ticks(axes)


def _points(axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    as_image = x.size > _DRAWN_AS_IMAGE_FROM
    size = 20.0 if x.size <= _FEW else 7.0
    sns.scatterplot(
        x=x,
        y=y,
        ax=axes,
        s=size,
        linewidth=0,
        alpha=0.8 if x.size <= _FEW else 0.5,
        color=POINT,
        zorder=3,
        rasterized=as_image,
        legend=False,
    )


def _few_ticks(axes: Axes) -> None:
    axes.locator_params(nbins=5)


def _limit_y(axes: Axes, difference: NDArray[np.float64], limits: Mapping[str, float]) -> None:
    """Keep the points in view where a tiny sample's intervals are many times wider than its data."""
    low = min(float(difference.min()), limits["loa_lower"] - limits["sd"] / 2)
    high = max(float(difference.max()), limits["loa_upper"] + limits["sd"] / 2)
    if high > low:
        margin = 0.05 * (high - low)
        axes.set_ylim(low - margin, high + margin)


def _numbers(n: int, limits: Mapping[str, float]) -> str:
    if n < 2:
        return f"bias {limits['bias']:.2f}, n = {n}"
    return f"bias {limits['bias']:.2f} (SD {limits['sd']:.2f}), n = {n}"


def scatter_axes(axes: Axes, first: NDArray[np.float64], second: NDArray[np.float64], title: str) -> None:
    """Draw first against second measurement with the line of identity."""
    if first.size == 0:
        _say(axes, "no pairs")
        return
    low, high = min(first.min(), second.min()), max(first.max(), second.max())
    axes.plot([low, high], [low, high], color=LIMIT, lw=0.9, ls="--")
    _points(axes, second, first)
    axes.set_title(title)
    _few_ticks(axes)


def points_table(pairing: Pairing) -> pd.DataFrame:
    """Values that the figures of a comparison show: the keys, and for each measure both values.

    Of many measures only the principal ones are kept; columns end in ``_first`` and ``_second``.
    """
    measures = [name for name in BESIDE if name in pairing.measures] or pairing.measures[:MOST_PANELS]
    values: dict[str, pd.Series] = {}
    for name in measures:
        values |= {f"{name}_first": pairing.first[name], f"{name}_second": pairing.second[name]}
    return pairing.keys.assign(**values)


def write_agreement_figure(
    points: pd.DataFrame,
    limits: Mapping[str, Mapping[str, Any]],
    names: tuple[str, str],
    confidence: float,
    path: Path,
) -> None:
    """Write one row per measure: Bland-Altman plot with its limits in numbers, and the scatter beside it.

    Parameters
    ----------
    points
        See :func:`points_table`.
    limits
        Measure to its row of ``bland_altman.csv``: the lines and numbers are those of the table.
    names
        What the first and the second measurement are called.
    confidence
        Of the intervals.
    path
        SVG to write.
    """
    with mpl.rc_context(_STYLE | _PRINTED):
        height = (ROW_CM * len(limits) + LEGEND_CM) / CM
        figure = Figure(figsize=(17.0 / CM, height), layout="constrained")
        grid = figure.subplots(len(limits), 2, width_ratios=(1.9, 1), squeeze=False)
        for (plot, scatter), (measure, row) in zip(grid, limits.items(), strict=True):
            first, second = (
                points[f"{measure}_{which}"].to_numpy(dtype=float) for which in ("first", "second")
            )
            complete = np.isfinite(first) & np.isfinite(second)
            _limits_axes(plot, first[complete], second[complete], row, measure)
            _fit_axes(scatter, first[complete], second[complete])
            plot.set_xlabel(f"mean {label(measure)}")
            plot.set_ylabel("difference")
            scatter.set_xlabel(f"{label(measure)}, {names[1]}")
            scatter.set_ylabel(in_lines(short(names[0])))
        figure.legend(handles=_legend_handles(confidence), loc="outside upper center", ncols=3, frameon=False)
    save(figure, path)


def short(name: str, most: int = 16) -> str:
    """Return a name that fits beside a plot; the caption has it in full."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def in_lines(name: str, most: int = 10) -> str:
    """A long name in two lines, so that it does not run into those of the plots above and below."""
    breaks = [place + 1 for place, character in enumerate(name[:-1]) if character in "_ -"]
    if len(name) <= most or not breaks:
        return name
    middle = min(breaks, key=lambda place: abs(place - len(name) / 2))
    return f"{name[:middle]}\n{name[middle:]}"


def _legend_handles(confidence: float) -> list[Any]:
    interval = f"{100 * confidence:g} % confidence interval"
    return [
        Line2D([], [], color=BIAS, lw=1.4, label="mean difference (bias)"),
        Patch(facecolor=BIAS, alpha=0.25, label=f"its {interval}"),
        Line2D([], [], color=LIMIT, lw=0.9, ls="--", label="limits of agreement"),
        Patch(facecolor="0.55", alpha=0.3, hatch="////", edgecolor="0.45", lw=0, label=f"their {interval}"),
        Line2D([], [], color=BIAS, lw=1.1, label="line of least squares (right)"),
        Line2D([], [], color="0.5", lw=0.8, ls=":", label="line of identity (right)"),
    ]


def _limits_axes(
    axes: Axes,
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    row: Mapping[str, Any],
    measure: str,
) -> None:
    """Bland-Altman plot whose lines have their values and intervals beside them."""
    mean, difference = (first + second) / 2, first - second
    digits = PRINTED[measure].digits if measure in PRINTED else 2
    axes.axhline(0, color="0.75", lw=0.6, zorder=0)
    texts: dict[float, str] = {}
    for name, colour, style in (("bias", BIAS, "-"), ("loa_lower", LIMIT, "--"), ("loa_upper", LIMIT, "--")):
        if not is_defined(row.get(name)):
            continue
        low, high = row.get(f"{name}_ci_low"), row.get(f"{name}_ci_high")
        axes.axhline(row[name], color=colour, lw=1.4 if name == "bias" else 0.9, ls=style)
        bounds = interval(low, high, digits)
        if bounds != UNDEFINED:
            look: dict[str, Any] = {"color": BIAS, "alpha": 0.25, "lw": 0}
            if name != "bias":
                look = {"facecolor": "0.55", "alpha": 0.3, "hatch": "////", "edgecolor": "0.45", "lw": 0}
            axes.axhspan(float(low), float(high), zorder=0, **look)  # type: ignore[arg-type]
        text = signed(row[name], digits) + (f" ({bounds})" if bounds != UNDEFINED else "")
        texts[float(row[name])] = text
    _points(axes, mean, difference)
    beyond = 0
    if is_defined(row.get("sd")) and first.size > 1:
        near = np.abs(difference - row["bias"]) <= FAR_SDS * row["sd"]
        beyond = int((~near).sum())
        _limit_y(axes, difference[near] if near.any() else difference, row)
    for place, value in zip(apart(sorted(texts), axes.get_ylim()), sorted(texts), strict=True):
        axes.annotate(
            texts[value], (1.015, place), xycoords=("axes fraction", "data"), va="center", fontsize=6.3,
            annotation_clip=False,
        )  # fmt: skip
    far = f" ({beyond:,} beyond the axis)" if beyond else ""
    axes.set_title(f"n = {first.size:,}{far}", loc="left", fontsize=6.5, pad=2)
    _few_ticks(axes)


def apart(places: Sequence[float], limits: tuple[float, float], share: float = 0.2) -> list[float]:
    """Heights of texts, lowest first, moved so that none stands on another; all stay within the limits.

    `share` is what a text takes of the height between the limits.
    """
    step = share * (limits[1] - limits[0])
    moved = list(places)
    for index in range(1, len(moved)):
        moved[index] = max(moved[index], moved[index - 1] + step)
    top = limits[1] - step / 3
    for index in range(len(moved) - 1, -1, -1):
        moved[index] = min(moved[index], top)
        top = moved[index] - step
    return moved


def _fit_axes(axes: Axes, first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
    """Scatter of both measurements with the lines of identity and of least squares."""
    if first.size == 0:
        return
    ends = np.array([min(first.min(), second.min()), max(first.max(), second.max())])
    axes.plot(ends, ends, color="0.5", lw=0.8, ls=":")
    _points(axes, second, first)
    if first.size > 2 and np.ptp(second) > 0:
        slope, offset = np.polyfit(second, first, 1)
        x = np.array([second.min(), second.max()])
        axes.plot(x, slope * x + offset, color=BIAS, lw=1.1)
        sign = "+" if offset >= 0 else "\N{MINUS SIGN}"
        axes.set_title(f"y = {slope:.2f} x {sign} {abs(offset):.1f}", loc="left", fontsize=6.5, pad=2)
    _few_ticks(axes)


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color="#666666")
    axes.set_xticks([])
    axes.set_yticks([])


def drawn_measures(measures: Sequence[str]) -> list[str]:
    """Order measures for a figure: principal ones first; indexed ones and wall segments only if alone."""
    first = [name for name in columns_shown(Show.PRINCIPAL) if name in measures]
    rest = [name for name in measures if name not in first]
    whole = first + [name for name in rest if not (name in WALL_SEGMENTS or name.endswith("_i"))]
    return whole or rest


def write_comparison_figures(
    result: AgreementResult, folder: Path, names: tuple[str, str] = ("first", "second")
) -> list[Path]:
    """Write ``bland_altman.svg`` and ``correlation.svg`` of one comparison, one panel per measure."""
    measures = drawn_measures(list(result.differences["measure"]))
    rho = result.correlation.set_index("measure")["spearman_rho"]
    paths = [folder / "bland_altman.svg", folder / "correlation.svg"]
    with mpl.rc_context(_STYLE):
        figures = [_panels(len(measures)), _panels(len(measures))]
        for index, measure in enumerate(measures):
            first, second = result.pairing.values(measure)
            plot, scatter = figures[0].axes[index], figures[1].axes[index]
            bland_altman_axes(plot, first, second, result.options)
            plot.set_xlabel(f"mean {label(measure)}")
            plot.set_ylabel(f"{names[0]} − {names[1]}")
            value = rho[measure]
            title = f"ρ = {value:.3f}, n = {first.size}" if np.isfinite(value) else f"n = {first.size}"
            scatter_axes(scatter, first, second, title)
            scatter.set_xlabel(f"{names[1]} {label(measure)}")
            scatter.set_ylabel(f"{names[0]} {label(measure)}")
    for figure, path in zip(figures, paths, strict=True):
        save(figure, path)
    return paths


def _panels(count: int, columns: int = 4) -> Figure:
    columns = max(1, min(columns, count))
    figure = _grid_figure(max(1, math.ceil(count / columns)), columns)
    for index in range(count):
        figure.add_subplot(max(1, math.ceil(count / columns)), columns, index + 1)
    return figure


def _grid_figure(rows: int, columns: int, heading: float = 0.0) -> Figure:
    """Make a figure whose panels keep fixed margins in inches, which is far faster than a fitted layout."""
    width, height = 2.8 * columns, 2.35 * rows + heading
    panel_width, panel_height = 2.8 - 0.75, 2.35 - 0.85
    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(
        left=0.62 / width,
        right=1 - 0.13 / width,
        bottom=0.5 / height,
        top=1 - (0.35 + heading) / height,
        wspace=0.75 / panel_width,
        hspace=0.85 / panel_height,
    )
    return figure


def write_bland_altman_grid(
    path: Path,
    columns: Mapping[str, Mapping[str, Pair]],
    options: AgreementOptions,
    measures: Sequence[str] = columns_shown(Show.PRINCIPAL),
) -> Path:
    """Write a grid of Bland-Altman plots, one row per measure and one column per comparison.

    With automatic against manual and pairs of observers as columns this is Bai 2018, Figure 4; with two
    models against the same observer, Chen 2020, Figure 8. A row shares its y axis, so that widths of limits
    are compared by eye.

    Parameters
    ----------
    columns
        Column title to measure to its pair of arrays; a measure that is missing leaves an empty panel.
    options
        Where the limits lie, and the confidence of the intervals.
    """
    measures = [measure for measure in measures if any(measure in column for column in columns.values())]
    with mpl.rc_context(_STYLE):
        figure = _grid_figure(max(1, len(measures)), max(1, len(columns)), heading=0.3)
        grid = figure.subplots(max(1, len(measures)), max(1, len(columns)), sharey="row", squeeze=False)
        for row, measure in enumerate(measures):
            for column, (title, pairs) in enumerate(columns.items()):
                axes = grid[row, column]
                first, second = pairs.get(measure, (np.empty(0), np.empty(0)))
                bland_altman_axes(axes, first, second, options)
                axes.set_xlabel(label(measure))
                if row == 0:
                    axes.annotate(
                        title, (0.5, 1.22), xycoords="axes fraction", ha="center", weight="bold", fontsize=9
                    )
            _share_y([axes for axes in grid[row] if axes.lines])
            grid[row, 0].set_ylabel("difference")
    save(figure, path)
    return path


def _share_y(axes: Sequence[Axes]) -> None:
    """Give a row the y range that shows every panel's points and limits."""
    ranges = [panel.dataLim.intervaly for panel in axes]
    lines = [float(np.asarray(line.get_ydata())[0]) for panel in axes for line in panel.lines]
    values = [*(value for pair in ranges for value in pair), *lines]
    finite = [value for value in values if np.isfinite(value)]
    if finite and max(finite) > min(finite):
        margin = 0.05 * (max(finite) - min(finite))
        axes[0].set_ylim(min(finite) - margin, max(finite) + margin)


def write_dice_boxplot(path: Path, dice: pd.DataFrame) -> Path:
    """Write box plots of Dice averaged over the structures of each image (Chen 2020, Figure 4).

    Parameters
    ----------
    dice
        Columns ``dataset, source, dice``, one row per image; sources are drawn side by side. The dashed line
        is the mean, whiskers end within 1.5 interquartile ranges.
    """
    datasets, sources = list(dict.fromkeys(dice["dataset"])), list(dict.fromkeys(dice["source"]))
    known = dice.dropna(subset=["dice"])
    look = {"x": "dice", "y": "dataset", "hue": "source", "order": datasets, "hue_order": sources}
    palette = [SERIES[index % len(SERIES)] for index in range(len(sources))]
    with mpl.rc_context(_STYLE | _PRINTED):
        height = 1.9 + 0.85 * len(datasets) * max(1, len(sources))
        figure = Figure(figsize=(17.0 / CM, height / CM), layout="constrained")
        axes = figure.add_subplot()
        box_plot(
            known,
            **look,
            palette=palette,
            saturation=1,
            gap=0.15,
            linecolor=LIMIT,
            linewidth=0.8,
            showfliers=False,
            showmeans=True,
            meanline=True,
            boxprops={"alpha": 0.35},
            meanprops={"color": LIMIT, "linestyle": "--", "linewidth": 1},
            legend=False,
            ax=axes,
        )
        for place, dataset in enumerate(datasets):
            for rank, source in enumerate(sources):
                values = known.loc[(known["dataset"] == dataset) & (known["source"] == source), "dice"]
                shown = thinned(values)
                middle = place + 0.8 * ((rank + 0.5) / len(sources) - 0.5)
                spread = jitter(len(shown)) * 0.6 / len(sources)
                axes.scatter(
                    shown, middle + spread, s=8, color=palette[rank], lw=0.3, edgecolor="white", zorder=3
                )
        axes.set_ylabel("")
        axes.set_xlabel("Dice, mean over structures")
        if len(sources) > 1:
            handles = [
                Patch(facecolor=palette[rank], alpha=0.6, label=name) for rank, name in enumerate(sources)
            ]
            figure.legend(
                handles=handles, loc="outside upper center", ncols=min(4, len(sources)), frameon=False
            )
    save(figure, path)
    return path
