"""Pictures of slices with the contours of a model and of an observer, made with arrays, not with plots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont
from scipy import ndimage

from cinecohort.files import replacing
from cinecohort.images import read_image
from cinecohort.label_maps import LabelMap, label_of, read_label, read_segmentation
from cinecohort.measures.positions import base_direction

COLOURS = {
    "LV": (230, 159, 0),
    "MYO": (0, 190, 140),
    "RV": (86, 180, 233),
    "LA": (204, 121, 167),
    "RA": (240, 228, 66),
}
"""Contours of the automatic segmentation (Okabe and Ito, the green lightened on dark images); each structure
has its own, since the 4-chamber view may show all of them."""
OBSERVER_COLOUR = (255, 255, 255)
"""Contours of the observer; they are dashed as well."""

SUPERSAMPLING = 2
DASH_PIXELS = 5
ORDINARY_PIXELS = 150
"""Height of a panel whose lines have their stated width; higher ones have wider lines."""
MARGIN_MM = 18.0
GAP_PIXELS = 4
LABEL_WIDTH = 34


@dataclass(frozen=True)
class Case:
    """A subject's view with what is drawn over it.

    Parameters
    ----------
    image
        Cine series (x, y, z, t).
    spacing_mm
        Pixel size along x and y.
    base_to_apex
        Slice indices ordered from base to apex.
    automatic, observer
        Label maps, either may be missing.
    """

    image: NDArray[np.generic]
    spacing_mm: tuple[float, float]
    base_to_apex: tuple[int, ...]
    automatic: LabelMap | None
    observer: LabelMap | None


def read_case(
    folder: Path, view: str = "sa", model: str | None = None, observer: str | None = None
) -> Case | None:
    """Read what is drawn of a subject; None where there is no image or no label map.

    Parameters
    ----------
    folder
        The subject's folder in the store.
    view
        Which view.
    model
        Name of the model, None for the primary one.
    observer
        Name of the observer, None for none.
    """
    path = folder / f"{view}.nii.gz"
    automatic = read_segmentation(folder, view, model)
    human = read_label(folder, view, observer) if observer else None
    if not path.is_file() or (automatic is None and human is None):
        return None
    image = read_image(path)
    shapes = {labels.image.data.shape for labels in (automatic, human) if labels is not None}
    if shapes != {image.data.shape}:
        return None
    dx, dy, _ = image.spacing_mm
    labels = automatic if automatic is not None else human
    assert labels is not None
    return Case(image.data, (dx, dy), base_to_apex(labels), automatic, human)


def base_to_apex(labels: LabelMap) -> tuple[int, ...]:
    """Slices from base to apex."""
    lv, rv = (np.count_nonzero(labels.image.data == label, axis=(0, 1, 3)).astype(float) for label in (1, 3))
    order = tuple(range(len(lv)))
    return order[::-1] if base_direction(lv, rv, labels.image.affine) > 0 else order


def annotated_slices(case: Case, frames: Sequence[int], every: bool = False) -> list[int]:
    """Slices from base to apex that hold a label in one of the frames, or in every one where any does."""
    present = np.zeros((case.image.shape[2], len(frames)), dtype=bool)
    for labels in (case.automatic, case.observer):
        if labels is not None:
            present |= labels.image.data[..., list(frames)].any(axis=(0, 1))
    whole = set(np.flatnonzero(present.all(axis=1))) if every else set()
    chosen = whole or set(np.flatnonzero(present.any(axis=1)))
    return [index for index in case.base_to_apex if index in chosen]


def evenly(items: Sequence[int], n: int) -> list[int]:
    """At most `n` of the items, evenly spread, first and last among them."""
    if len(items) <= n:
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, n).round().astype(int)]


def crop_box(case: Case) -> tuple[int, int, int, int]:
    """Square in millimetres around all labels: first and last index along x, then along y."""
    size_x, size_y = case.image.shape[:2]
    present = np.zeros((size_x, size_y), dtype=bool)
    for labels in (case.automatic, case.observer):
        if labels is not None:
            present |= labels.image.data.any(axis=(2, 3))
    if not present.any():
        return 0, size_x, 0, size_y
    columns, rows = np.flatnonzero(present.any(axis=1)), np.flatnonzero(present.any(axis=0))
    dx, dy = case.spacing_mm
    half = max((columns[-1] - columns[0]) * dx, (rows[-1] - rows[0]) * dy) / 2 + MARGIN_MM
    centre_x, centre_y = (columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2
    return (
        max(0, round(centre_x - half / dx)),
        min(size_x, round(centre_x + half / dx) + 1),
        max(0, round(centre_y - half / dy)),
        min(size_y, round(centre_y + half / dy) + 1),
    )


def panel(
    case: Case, index: int, frame: int, box: tuple[int, int, int, int], height: int
) -> NDArray[np.uint8]:
    """Draw one slice of one frame.

    Parameters
    ----------
    case
        What to draw.
    index, frame
        Slice and frame.
    box
        See :func:`crop_box`.
    height
        Height of the picture in pixels; its width follows from the box in millimetres.

    Returns
    -------
    numpy.ndarray
        RGB picture (height, width, 3); rows are DICOM rows.
    """
    x0, x1, y0, y1 = box
    dx, dy = case.spacing_mm
    width = max(1, round(height * (x1 - x0) * dx / ((y1 - y0) * dy)))
    size = (width * SUPERSAMPLING, height * SUPERSAMPLING)
    gray = case.image[x0:x1, y0:y1, index, frame].T.astype(np.float32)
    low, high = np.percentile(gray, [1, 99.5])
    gray = np.clip((gray - low) / max(high - low, 1e-6), 0, 1)
    large = np.asarray(Picture.fromarray(gray).resize(size, Picture.Resampling.BICUBIC))
    picture = np.repeat((np.clip(large, 0, 1) * 235).astype(np.uint8)[..., None], 3, axis=2)
    dashes = dash_pattern(size)
    for labels, dashed in ((case.automatic, False), (case.observer, True)):
        if labels is None:
            continue
        for number, name in labels.structures.items():
            if dashed and not labels.annotated[name][index, frame]:
                continue
            values = labels.image.data[x0:x1, y0:y1, index, frame].T
            # The myocardium's own inner border is the cavity's outline, so only its outer one is drawn.
            mask = values == number
            if name == "MYO":
                mask |= values == label_of(labels.view, "LV")
            line = outline(mask, size)
            if dashed:
                line &= dashes
            picture[line] = OBSERVER_COLOUR if dashed else COLOURS[name]
    small = Picture.fromarray(picture).resize((width, height), Picture.Resampling.BOX)
    return np.asarray(small)


def enlarged(size: tuple[int, int]) -> float:
    """How many pixels of a panel of `size` (width, height) a pixel of an ordinary one is, at least."""
    return max(SUPERSAMPLING, size[1] / ORDINARY_PIXELS)


def dash_pattern(size: tuple[int, int]) -> NDArray[np.bool_]:
    """Diagonal stripes that cut a line into dashes, (rows, columns)."""
    columns, rows = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    step = round(DASH_PIXELS * enlarged(size))
    return ((columns + rows) // step % 2 == 0) | ((columns - rows) // step % 2 == 0)


def outline(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Outline of a mask enlarged to `size` (width, height): the smoothed shape less its erosion."""
    if not mask.any():
        return np.zeros(size[::-1], dtype=bool)
    large = Picture.fromarray(mask.astype(np.float32)).resize(size, Picture.Resampling.BICUBIC)
    shape = np.asarray(large) > 0.5
    thickness = max(1, round(1.5 * enlarged(size)))
    return shape & ~ndimage.binary_erosion(shape, iterations=thickness, border_value=1)


def montage(
    case: Case, frames: Mapping[str, int], slices: Sequence[int], height: int = 150
) -> NDArray[np.uint8]:
    """Draw slices (columns, base to apex) of named frames (rows).

    Parameters
    ----------
    case
        What to draw.
    frames
        Name of a row to its frame, such as ``{"ED": 0, "ES": 8}``.
    slices
        Slice indices.
    height
        Height of each panel in pixels.
    """
    box = crop_box(case)
    rows = []
    for name, frame in frames.items():
        panels = [panel(case, index, frame, box, height) for index in slices]
        gap = np.full((height, GAP_PIXELS, 3), 255, dtype=np.uint8)
        pieces = [row_label(name, height)]
        for item in panels:
            pieces += [gap, item]
        rows.append(np.concatenate(pieces, axis=1))
    gap = np.full((GAP_PIXELS, rows[0].shape[1], 3), 255, dtype=np.uint8)
    pieces = [rows[0]]
    for row in rows[1:]:
        pieces += [gap, row]
    return np.concatenate(pieces, axis=0)


def row_label(name: str, height: int) -> NDArray[np.uint8]:
    """White strip with the name of a row."""
    strip = Picture.new("RGB", (LABEL_WIDTH, height), "white")
    font = ImageFont.load_default(size=18)
    ImageDraw.Draw(strip).text((LABEL_WIDTH / 2, height / 2), name, fill=(60, 60, 60), font=font, anchor="mm")
    return np.asarray(strip)


def write_png(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a picture as PNG, by rename; the same picture gives the same bytes."""
    with replacing(path) as temporary, temporary.open("wb") as stream:
        Picture.fromarray(picture).save(stream, format="PNG")
