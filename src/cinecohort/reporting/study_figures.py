"""Figures of the matched group study: Love plot, score overlap, forest plot.

Files of the same data are the same bytes; colours suit the colour-blind (Okabe and Ito), marks differ in
shape too.
"""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cinecohort.catalogue.covariates import covariate_words
from cinecohort.catalogue.measures import measure_label
from cinecohort.files import replacing
from cinecohort.statistics.balance import without_mirrors
from cinecohort.statistics.two_samples import printed_p

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#7F7F7F"
_STYLE: Any = {
    "svg.hashsalt": "cinecohort",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 7,
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
    balance = without_mirrors(balance)
    labels = [covariate_words(*row) for row in balance[["variable", "level"]].itertuples(index=False)]
    wide = balance.assign(label=labels)
    wide = wide.pivot_table(index="label", columns="stage", values="smd", sort=False, dropna=False).abs()
    wide = wide.reindex(columns=["before", "after"]).sort_values("before", kind="stable")
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(6.69, 0.75 + 0.19 * len(wide)), layout="constrained")
        axes = figure.subplots()
        rows = np.arange(len(wide))
        axes.hlines(rows, 0, wide.max(axis=1), color="0.88", linewidth=1, zorder=0)
        axes.plot(wide["before"], rows, "o", color=ORANGE, mfc="white", markersize=5, label="before matching")
        axes.plot(wide["after"], rows, "D", color=BLUE, markersize=4.5, label="after matching")
        axes.axvline(threshold, color=GREY, linestyle="--", linewidth=0.9, label=f"threshold {threshold:g}")
        axes.set_yticks(rows, wide.index)
        axes.set(xlim=(0, None), ylim=(-0.5, len(wide) - 0.5))
        axes.set_xlabel("absolute standardised mean difference")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0.2)
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
        figure = Figure(figsize=(6.69, 2.4), layout="constrained")
        panels = figure.subplots(1, 2, sharex=True, sharey=True)
        for axes, title, weights in (
            (panels[0], "before matching", pd.Series(1.0, scores.index)),
            (panels[1], "after matching", scores["weight"]),
        ):
            for value, label, colour, hatch in ((1, labels[0], ORANGE, "//"), (0, labels[1], BLUE, "")):
                _histogram(axes, scores, weights, bins, (value, label, colour, hatch))
            axes.set_title(title, fontsize=7, loc="right")
            axes.set_xlabel("propensity score")
            axes.legend(fontsize=6.5, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0)
        panels[0].set_ylabel("share of the group")
        _save(figure, path)


def forest_plot(rows: pd.DataFrame, path: Path, row_inches: float = 0.155) -> None:
    """Draw estimates with intervals, one line each.

    Parameters
    ----------
    rows
        Columns ``label, estimate, ci_low, ci_high, note``, top to bottom; a line without an estimate is a
        heading.
    path
        SVG to write.
    row_inches
        Height of a line.
    """
    places = np.arange(len(rows))[::-1]
    overall = rows["overall"].to_numpy(bool)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(6.69, 0.6 + row_inches * len(rows)), layout="constrained")
        axes = figure.subplots()
        axes.axvline(0, color=GREY, linewidth=0.9)
        for place in places[overall][1:]:
            axes.axhline(place + 0.5, color="0.85", linewidth=0.6)
        for chosen, colour, mark in ((overall, BLUE, "s"), (~overall, ORANGE, "o")):
            axes.hlines(places[chosen], rows["ci_low"][chosen], rows["ci_high"][chosen], color=colour)
            axes.plot(rows["estimate"][chosen], places[chosen], mark, color=colour, markersize=4)
        axes.set_yticks(places, rows["label"])
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.set_xlabel("difference / pooled SD")
        for tick, is_overall in zip(axes.get_yticklabels(), overall, strict=True):
            tick.set_fontweight("bold" if is_overall else "normal")
        for place, note in zip(places, rows["note"], strict=True):
            axes.annotate(note, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=6.3)
        _save(figure, path)


def _histogram(
    axes: Axes, scores: pd.DataFrame, weights: pd.Series, bins: np.ndarray, group: tuple[int, str, str, str]
) -> None:
    """Draw one group's distribution as shares that sum to 1."""
    value, label, colour, hatch = group
    chosen = (scores["treatment"] == value) & (weights > 0)
    n = int(chosen.sum())
    shares = weights[chosen] / weights[chosen].sum() if n else weights[chosen]
    sns.histplot(
        x=scores["propensity"][chosen],
        bins=list(bins),
        weights=shares,
        element="step",
        ax=axes,
        facecolor=(*mpl.colors.to_rgb(colour), 0.25),
        edgecolor=colour,
        hatch=hatch,
        label=f"{label} (n = {n:,})",
    )


def standardised_rows(comparison: pd.DataFrame, subgroups: pd.DataFrame) -> pd.DataFrame:
    """Rows of a forest plot: the difference of every outcome, overall and in subgroups, in pooled SDs.

    Parameters
    ----------
    comparison
        See :func:`cinecohort.statistics.effects.compare`; the line of an outcome is its Cohen's d.
    subgroups
        Columns ``factor, level, outcome, n1, n0, estimate, ci_low, ci_high, interaction_p``; estimates are
        divided by the same SD.
    """
    rows: list[dict[str, Any]] = []
    for _, outcome in comparison.iterrows():
        sd = outcome["difference"] / outcome["cohen_d"] if outcome["cohen_d"] else np.nan
        rows.append(
            {
                "label": measure_label(outcome["outcome"]),
                "estimate": outcome["cohen_d"],
                "ci_low": outcome["cohen_d_ci_low"],
                "ci_high": outcome["cohen_d_ci_high"],
                "note": f"n = {outcome['n1']:,} + {outcome['n0']:,}",
                "overall": True,
            }
        )
        tested: set[str] = set()
        for _, level in subgroups[subgroups["outcome"] == outcome["outcome"]].iterrows():
            scaled = {name: level[name] / sd for name in ("estimate", "ci_low", "ci_high")}
            interaction = printed_p(level["interaction_p"])
            note = f"n = {level['n1']:,} + {level['n0']:,}"
            note += f", interaction p {interaction}" if interaction and level["factor"] not in tested else ""
            tested.add(level["factor"])
            rows.append(
                {
                    "label": covariate_words(level["factor"], level["level"]),
                    **scaled,
                    "note": note,
                    "overall": False,
                }
            )
    return pd.DataFrame(rows, columns=["label", "estimate", "ci_low", "ci_high", "note", "overall"])


def _save(figure: Figure, path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None})
