"""Figures of a patient's page: volume curves, and all short-axis slices at end-diastole and end-systole."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from cinecohort.catalogue.views import VIEW_SHORT
from cinecohort.files import read_json
from cinecohort.reporting import gallery
from cinecohort.reporting.distribution_figures import PALETTE, drawing

PANEL_PIXELS = 170
HALF_MM = 87.0
"""Width of the pictures of one phase on the page."""

CHAMBERS = {
    "LV": ("LV cavity", PALETTE[1], "-"),
    "RV": ("RV cavity", PALETTE[0], "--"),
    "LA": ("left atrium", PALETTE[3], "-"),
    "RA": ("right atrium", "#A39600", "--"),
}
"""Name, colour and line of each curve; the colours of the contours in the pictures, darker on white."""
LONG_AXES = ("la_4ch", "la_2ch")
PARTS = (("LV", "RV"), ("LA", "RA"))
PHASES = (("ed_frame", "ED"), ("es_frame", "ES"))


def volume_curves(folder: Path, source: str) -> tuple[dict[str, NDArray[np.float64]], dict[str, int]]:
    """Volumes by frame of each chamber that has two or more, mL, and the frames of ED and ES (from 0).

    Parameters
    ----------
    folder
        The subject's folder, with ``curves.json``.
    source
        What that file calls the set of networks.
    """
    file = folder / "curves.json"
    record: Mapping[str, Any] = (read_json(file).get(source) if file.is_file() else None) or {}
    curves = {
        name: np.array([np.nan if value is None else value for value in values], dtype=float)
        for name, values in record.get("volume_ml", {}).items()
        if name in CHAMBERS
    }
    marks = {words: int(record[key]) for key, words in PHASES if record.get(key) is not None}
    return {name: each for name, each in curves.items() if np.isfinite(each).sum() > 1}, marks


def draw_curves(folder: Path, source: str, path: Path, height_cm: float = 8.0) -> str:
    """Draw volume against frame, ED and ES marked; the description, empty where there is no cine series."""
    curves, marks = volume_curves(folder, source)
    if not curves:
        return ""
    parts = [listed for names in PARTS if (listed := [name for name in names if name in curves])]
    with drawing(path, 7.3, height_cm if len(parts) > 1 else 0.85 * height_cm) as figure:
        ratios = [1.7, 1.0][: len(parts)]
        axes = figure.subplots(len(parts), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
        for axis, names in zip(axes, parts, strict=True):
            draw_part(axis, {name: curves[name] for name in names}, marks, axis is axes[0])
        axes[-1].set_xlabel("frame (counted from 1)")
        axes[-1].set_xlim(0.5, max(len(values) for values in curves.values()) + 0.5)
        axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return f"Volume over the cycle of: {', '.join(CHAMBERS[name][0] for name in curves)}."


def draw_part(
    axis: Axes, curves: Mapping[str, NDArray[np.float64]], marks: Mapping[str, int], named: bool
) -> None:
    """Draw the curves of ventricles or of atria; `named` writes ED and ES at their lines."""
    for words, frame in marks.items():
        axis.axvline(frame + 1, color="0.55", linewidth=0.7, zorder=0)
        if named:
            axis.text(frame + 1, 1.0, words, transform=axis.get_xaxis_transform(), ha="center", va="bottom")
    for name, values in curves.items():
        label, colour, style = CHAMBERS[name]
        frames = np.arange(1, len(values) + 1)
        axis.plot(frames, values, style, color=colour, linewidth=1.3, marker="o", markersize=1.8, label=label)
        # The ventricles' phases; an atrium has its largest volume elsewhere.
        for frame in marks.values() if name in PARTS[0] else ():
            if frame < len(values):
                axis.plot(frame + 1, values[frame], "o", color=colour, markersize=5, markeredgecolor="black")
    top = max(float(np.nanmax(values)) for values in curves.values())
    axis.set_ylim(0, 1.08 * top)
    axis.set_ylabel("volume (mL)")
    axis.legend(frameon=False, loc="best", ncols=2, borderaxespad=0.2, handlelength=1.8)


def columns_for(panels: int, tallest_mm: float) -> int:
    """Panels side by side, so that those of a phase fill the width and are not too tall together.

    Examples
    --------
    >>> columns_for(12, 120.0), columns_for(12, 90.0), columns_for(1, 90.0)
    (3, 4, 2)
    """
    columns = 2
    while -(-panels // columns) * HALF_MM / columns > tallest_mm and columns < panels:
        columns += 1
    return columns


def draw_phases(
    folder: Path, frames: Mapping[str, int], build: Path, tallest_mm: float
) -> list[tuple[str, str]]:
    """Draw all slices with contours, one picture for each phase; name and file of each.

    Long-axis views with as many frames as the short axis stand behind its slices.

    Parameters
    ----------
    folder
        The subject's folder.
    frames
        Name of the phase to its frame, counted from 0.
    build
        Folder of the figures.
    tallest_mm
        Height that the pictures of a phase may take on the page.
    """
    case = gallery.read_case(folder)
    if case is None:
        return []
    n_frames = case.image.shape[3]
    others = {VIEW_SHORT[view]: each for view in LONG_AXES if (each := gallery.read_case(folder, view))}
    others = {name: each for name, each in others.items() if each.image.shape[3] == n_frames}
    drawn = []
    for name, frame in frames.items():
        if 0 <= frame < n_frames:
            file = f"slices_{name.lower()}.png"
            panels = [numbered(case, index, frame, str(index + 1)) for index in case.base_to_apex]
            panels += [numbered(each, 0, frame, words) for words, each in others.items()]
            gallery.write_png(build / file, sheet_of(panels, columns_for(len(panels), tallest_mm)))
            drawn.append((f"{name}: frame {frame + 1} of {n_frames}", f"figures/{file}"))
    return drawn


def numbered(case: gallery.Case, index: int, frame: int, words: str) -> NDArray[np.uint8]:
    """A slice with its contours and words in its upper left corner, as a square."""
    drawn = Picture.fromarray(gallery.panel(case, index, frame, gallery.crop_box(case), PANEL_PIXELS))
    picture = Picture.new("RGB", (PANEL_PIXELS, PANEL_PIXELS))
    # At the border of an image the box around the heart is no square.
    drawn.thumbnail((PANEL_PIXELS, PANEL_PIXELS))
    picture.paste(drawn, ((PANEL_PIXELS - drawn.width) // 2, (PANEL_PIXELS - drawn.height) // 2))
    font = ImageFont.load_default(size=16)
    ImageDraw.Draw(picture).text((5, 2), words, fill="white", font=font, stroke_width=1, stroke_fill="black")
    return np.asarray(picture)


def sheet_of(panels: Sequence[NDArray[np.uint8]], columns: int) -> NDArray[np.uint8]:
    """Square panels in lines, from the upper left."""
    step = PANEL_PIXELS + gallery.GAP_PIXELS
    size = (-(-len(panels) // columns) * step, columns * step)
    sheet = np.full((size[0] - gallery.GAP_PIXELS, size[1] - gallery.GAP_PIXELS, 3), 255, dtype=np.uint8)
    for place, each in enumerate(panels):
        top, left = place // columns * step, place % columns * step
        sheet[top : top + PANEL_PIXELS, left : left + PANEL_PIXELS] = each
    return sheet
