"""Figures of experiments: tests by row as boxes with points, and the curves of all trainings."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cinecohort.experiments.accuracy import compared_structures
from cinecohort.experiments.options import ExperimentOptions
from cinecohort.reporting.distribution_figures import PALETTE, drawing, jitter


def draw_tests(
    options: ExperimentOptions,
    table: str,
    tests: pd.DataFrame,
    trained_on: Collection[tuple[str, str]],
    path: Path,
) -> None:
    """Draw Dice of a table's rows: one line of panels per dataset, one column per structure, one box per row.

    Parameters
    ----------
    options, table
        The table.
    tests
        Overlap of its rows, of all its datasets.
    trained_on
        Rows with a dataset all of whose subjects their training saw, so that none was left to test.
    path
        SVG to write.
    """
    wanted = options.tables[table]
    structures = compared_structures(options, tests)
    height = 1.6 + len(wanted.datasets) * (1.2 + 0.55 * len(wanted.rows))
    with drawing(path, 17.0, height) as figure:
        axes = figure.subplots(len(wanted.datasets), len(structures), sharex=True, sharey=True, squeeze=False)
        for line, dataset in enumerate(wanted.datasets):
            for column, structure in enumerate(structures):
                here = tests[(tests["dataset"] == dataset) & (tests["structure"] == structure)]
                seen = [row for row in wanted.rows if (row, dataset) in trained_on]
                draw_boxes(axes[line, column], here, wanted.rows, seen)
                axes[line, column].set_title(f"{structure}, {options.title_of_dataset(dataset)}")
        axes[0, 0].set_yticks(range(len(wanted.rows)), [options.title_of(row) for row in wanted.rows])
        axes[0, 0].set_ylim(len(wanted.rows) - 0.4, -0.6)
        for axis in axes[-1]:
            axis.set_xlabel("3D Dice")


def draw_boxes(axis: Axes, tests: pd.DataFrame, rows: list[str], seen: list[str]) -> None:
    """Draw one structure of one dataset: box of the quartiles and every subject and frame, by row."""
    axis.set_xlim(-0.02, 1.02)
    axis.grid(axis="x", linewidth=0.3, alpha=0.5)
    for position, row in enumerate(rows):
        values = tests.loc[tests["row"] == row, "dice"].dropna().to_numpy()
        colour = PALETTE[position % len(PALETTE)]
        if not len(values):
            words = "trained on" if row in seen else "no value"
            axis.text(0.5, position, words, ha="center", va="center", fontsize=5.5, color="0.5")
            continue
        axis.scatter(values, position + jitter(len(values)), s=3, color=colour, alpha=0.6, linewidths=0)
        axis.boxplot(
            [values], positions=[position], widths=0.6, orientation="horizontal", showfliers=False,
            patch_artist=True, boxprops={"facecolor": colour, "alpha": 0.25, "linewidth": 0.7},
            medianprops={"color": "black", "linewidth": 1.1}, whiskerprops={"linewidth": 0.7},
            capprops={"linewidth": 0.7}, manage_ticks=False,
        )  # fmt: skip


def draw_curves(curves: pd.DataFrame, path: Path) -> None:
    """Draw validation Dice and training loss of every row over its minutes, fine-tuned ones included.

    Parameters
    ----------
    curves
        From :func:`cinecohort.experiments.tables.read_curves`.
    path
        SVG to write.
    """
    styles = ("-", "--", ":")
    with drawing(path, 17.0, 8.5 + 0.18 * curves["row"].nunique()) as figure:
        dice, loss = figure.subplots(1, 2)
        for number, (_, points) in enumerate(curves.groupby("row", sort=False)):
            look = {"color": PALETTE[number % len(PALETTE)], "linestyle": styles[number // len(PALETTE) % 3]}
            for fold, part in points.groupby("fold"):
                label = str(part["title"].iloc[0]) if fold == 1 else None
                minutes = part["minutes"].to_numpy()
                loss.plot(minutes, part["loss"].to_numpy(), linewidth=0.9, label=label, **look)
                if np.isfinite(part["mean_dice"]).any():
                    dice.plot(
                        minutes, part["mean_dice"].to_numpy(), marker="o", markersize=2, linewidth=0.9, **look
                    )
        dice.set(ylim=(0, 1), xlabel="minutes of training", ylabel="mean Dice of the validation subjects")
        loss.set(xlabel="minutes of training", ylabel="training loss (each recipe's own)", yscale="log")
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
