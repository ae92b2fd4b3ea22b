"""Figures of the matched group study: Love plot, score overlap, forest plot.

Files of the same data are the same bytes; colours are told apart by the colour-blind (Okabe and Ito), marks
also by shape.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cinecohort.files import replacing
from cinecohort.statistics.balance import describe_covariate

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#7F7F7F"
_STYLE: Any = {
    "svg.hashsalt": "cinecohort",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def love_plot(balance: pd.DataFrame, path: Path, threshold: float = 0.1) -> None:
    """Draw absolute standardised mean differences before and after matching, the largest before on top.

    Parameters
    ----------
    balance
        See :func:`cinecohort.statistics.balance.balance_table`.
    path
        SVG to write.
    threshold
        Where the line of balance is drawn.
    """
    wide = balance.assign(label=[describe_covariate(row) for _, row in balance.iterrows()])
    wide["label"] = wide["label"].replace({"distance": "propensity score"})
    wide = wide.pivot_table(index="label", columns="stage", values="smd", sort=False, dropna=False).abs()
    wide = wide.reindex(columns=["before", "after"]).sort_values("before", kind="stable")
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(5.2, 1.2 + 0.24 * len(wide)), layout="constrained")
        axes = figure.subplots()
        rows = np.arange(len(wide))
        axes.hlines(rows, 0, wide.max(axis=1), color="0.88", linewidth=1, zorder=0)
        axes.plot(wide["before"], rows, "o", color=ORANGE, mfc="white", label="before matching")
        axes.plot(wide["after"], rows, "D", color=BLUE, markersize=4.5, label="after matching")
        axes.axvline(threshold, color=GREY, linestyle="--", linewidth=0.9, label=f"threshold {threshold:g}")
        axes.set_yticks(rows, wide.index)
        axes.set_xlim(left=0)
        axes.set_xlabel("absolute standardised mean difference")
        axes.legend(loc="lower right")
        _save(figure, path)


def overlap_plot(scores: pd.DataFrame, labels: tuple[str, str], path: Path) -> None:
    """Draw the distribution of the propensity score in both groups, before and after matching.

    Parameters
    ----------
    scores
        Columns ``propensity, weight, treatment``.
    labels
        Names of the treated and of the control group.
    path
        SVG to write.
    """
    low, high = scores["propensity"].min(), scores["propensity"].max()
    bins = np.linspace(low, high if high > low else low + 1e-6, 31)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 2.6), layout="constrained")
        panels = figure.subplots(1, 2, sharex=True, sharey=True)
        for axes, title, weights in (
            (panels[0], "before matching", pd.Series(1.0, scores.index)),
            (panels[1], "after matching", scores["weight"]),
        ):
            for value, label, colour, hatch in ((1, labels[0], ORANGE, "//"), (0, labels[1], BLUE, "")):
                _histogram(axes, scores, weights, bins, (value, label, colour, hatch))
            axes.set_title(title, fontsize=8)
            axes.set_xlabel("propensity score")
        panels[0].set_ylabel("share of the group")
        panels[1].legend(fontsize=7)
        _save(figure, path)


def forest_plot(rows: pd.DataFrame, path: Path, xlabel: str = "standardised difference") -> None:
    """Draw estimates with intervals, one line each.

    Parameters
    ----------
    rows
        Columns ``label, estimate, ci_low, ci_high, note``, top to bottom; a line without an estimate is a
        heading.
    path
        SVG to write.
    xlabel
        Title of the horizontal axis.
    """
    places = np.arange(len(rows))[::-1]
    drawn = rows["estimate"].notna().to_numpy()
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 0.9 + 0.2 * len(rows)), layout="constrained")
        axes = figure.subplots()
        axes.axvline(0, color=GREY, linewidth=0.9)
        axes.hlines(places[drawn], rows["ci_low"][drawn], rows["ci_high"][drawn], color=BLUE, linewidth=1.4)
        axes.plot(rows["estimate"][drawn], places[drawn], "s", color=BLUE, markersize=4)
        axes.set_yticks(places, rows["label"])
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.set_xlabel(xlabel)
        for tick, is_drawn in zip(axes.get_yticklabels(), drawn, strict=True):
            tick.set_fontweight("normal" if is_drawn else "bold")
        for place, note in zip(places, rows["note"], strict=True):
            axes.annotate(note, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=7)
        _save(figure, path)


def _histogram(
    axes: Axes, scores: pd.DataFrame, weights: pd.Series, bins: np.ndarray, group: tuple[int, str, str, str]
) -> None:
    """Draw one group's distribution as shares that sum to 1."""
    value, label, colour, hatch = group
    chosen = (scores["treatment"] == value) & (weights > 0)
    n = int(chosen.sum())
    shares = weights[chosen] / weights[chosen].sum() if n else weights[chosen]
    axes.hist(
        scores["propensity"][chosen],
        bins=list(bins),
        weights=shares,
        histtype="stepfilled",
        facecolor=(*mpl.colors.to_rgb(colour), 0.25),
        edgecolor=colour,
        hatch=hatch,
        label=f"{label} (n = {n:,})",
    )


def _save(figure: Figure, path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None})


def standardised_rows(comparison: pd.DataFrame, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Rows of a forest plot from the standardised differences (Hedges' g) of a comparison table."""
    return pd.DataFrame(
        {
            "label": list(names) if names is not None else comparison["outcome"],
            "estimate": comparison["hedges_g"],
            "ci_low": comparison["hedges_g_ci_low"],
            "ci_high": comparison["hedges_g_ci_high"],
            "note": [
                f"n = {n1:,} + {n0:,}" for n1, n0 in zip(comparison["n1"], comparison["n0"], strict=True)
            ],
        }
    )
