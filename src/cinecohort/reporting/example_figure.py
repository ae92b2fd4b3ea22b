"""The picture of the first page: slices of one subject with contours, and the volumes over the cycle."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from cinecohort.files import read_json
from cinecohort.reporting import gallery
from cinecohort.reporting.agreement_figures import apart
from cinecohort.reporting.distribution_figures import PALETTE, drawing
from cinecohort.reporting.results import Results

COLOUR_WORDS = "orange, LV cavity; green, outer border of the myocardium; blue, RV cavity"
SLICES, WIDE_SLICES = 3, 5
PANEL_PIXELS = 300
CURVES = {"LV": ("LV", PALETTE[4], "-"), "RV": ("RV", PALETTE[5], "--")}
"""Name, colour (that of the contour) and line of each volume."""


@dataclass(frozen=True)
class Example:
    """Whom the picture shows and whose contours."""

    subject: str
    source: str
    curves: bool = False


def draw_example(results: Results, path: Path) -> Example | None:
    """Draw the picture; None where no subject has images with label maps.

    Parameters
    ----------
    results
        The tables and the folder of the subjects.
    path
        SVG to write, with a CSV of the curves beside it.
    """
    for example, frames in candidates(results):
        folder = results.folder / "subjects" / example.subject
        human = example.source in results.observers()
        case = gallery.read_case(folder, "sa", None, example.source if human else None)
        if case is None:
            continue
        frames = {name: frame for name, frame in frames.items() if frame < case.image.shape[3]}
        slices = gallery.annotated_slices(case, list(frames.values()), every=True)
        if not frames or not slices:
            continue
        curves = read_curves(folder, example.source)
        # Without curves beside them there is room for more.
        shown = inner(slices, SLICES if curves else WIDE_SLICES)
        draw(case, frames, shown, curves, path)
        if curves:
            table = pd.DataFrame({f"{name}_ml": values for name, values in curves.items()})
            table.index = pd.RangeIndex(1, len(table) + 1, name="frame")
            table.to_csv(path.with_suffix(".csv"))
        return replace(example, curves=bool(curves))
    return None


def candidates(results: Results) -> list[tuple[Example, dict[str, int]]]:
    """Subjects of the first source by how near their LVEDV is to the median, those not flagged first."""
    table = results.own_measures()
    for source in results.sources():
        rows = table[(table["source"] == source) & table["lvedv_ml"].notna()]
        if rows.empty or not {"ed_frame", "es_frame"} <= set(rows):
            continue
        rows = rows.assign(
            flagged=rows["subject"].isin(results.flagged),
            far=(rows["lvedv_ml"] - rows["lvedv_ml"].median()).abs(),
        ).sort_values(["flagged", "far", "subject"])
        return [
            (Example(str(row["subject"]), source), known_frames(row)) for row in rows.to_dict("records")[:5]
        ]
    return []


def known_frames(row: Mapping[Any, Any]) -> dict[str, int]:
    """ED and ES frame of a row of measures."""
    columns = {"ED": "ed_frame", "ES": "es_frame"}
    return {name: int(row[column]) for name, column in columns.items() if pd.notna(row[column])}


def inner(slices: list[int], n: int = 3) -> list[int]:
    """Slices from base to apex, evenly: not the outermost, where there is little to see."""
    return gallery.evenly(slices[1:-1] if len(slices) >= n + 2 else slices, n)


def read_curves(folder: Path, source: str) -> dict[str, np.ndarray]:
    """Volumes in mL over the frames, of the ventricles that were measured in more than two."""
    file = folder / "curves.json"
    record = (read_json(file).get(source) if file.is_file() else None) or {}
    curves = {
        name: np.array([np.nan if value is None else value for value in values], dtype=float)
        for name, values in record.get("volume_ml", {}).items()
        if name in CURVES
    }
    return {name: values for name, values in curves.items() if np.isfinite(values).sum() > 2}


def draw(
    case: gallery.Case,
    frames: Mapping[str, int],
    slices: list[int],
    curves: Mapping[str, np.ndarray],
    path: Path,
) -> None:
    """Draw slices in columns and frames in rows, with the curves beside them."""
    box = gallery.crop_box(case)
    with drawing(path, 17.0, 6.2) as figure:
        pictures: FigureBase = figure
        if curves:
            pictures, beside = np.atleast_1d(np.asarray(figure.subfigures(1, 2, width_ratios=(1.52, 1))))
            draw_curves(beside.subplots(), curves, frames)
        axes = pictures.subplots(len(frames), len(slices), squeeze=False)
        for line, (name, frame) in zip(axes, frames.items(), strict=True):
            for axis, index in zip(line, slices, strict=True):
                axis.imshow(gallery.panel(case, index, frame, box, PANEL_PIXELS), interpolation="none")
                axis.set(xticks=[], yticks=[])
                axis.spines[:].set_visible(False)
            line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)


def draw_curves(axis: Axes, curves: Mapping[str, np.ndarray], frames: Mapping[str, int]) -> None:
    """Draw volume against frame, counted from 1, each curve named at its end."""
    highest = max(float(np.nanmax(values)) for values in curves.values())
    ends: dict[str, tuple[float, float]] = {}
    for name, values in curves.items():
        words, colour, style = CURVES[name]
        x = np.arange(1, len(values) + 1)
        axis.plot(x, values, style, color=colour, lw=1.6, marker="o", ms=2.2)
        last = int(np.flatnonzero(np.isfinite(values))[-1])
        ends[words] = (float(x[last]), float(values[last]))
    lowest_first = sorted(ends, key=lambda words: ends[words][1])
    heights = apart([ends[words][1] for words in lowest_first], (0, 1.15 * highest), 0.07)
    for words, height in zip(lowest_first, heights, strict=True):
        axis.annotate(words, (ends[words][0], height), xytext=(4, 0), textcoords="offset points", va="center")
    for name, frame in frames.items():
        axis.axvline(frame + 1, color="0.65", lw=0.7, zorder=0)
        axis.text(frame + 1, 1.13 * highest, f" {name}", va="top", fontsize=7)
    axis.set(xlabel="frame", ylabel="volume (mL)", ylim=(0, 1.15 * highest))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
