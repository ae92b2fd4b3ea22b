"""Pictures of a subject for the review room: looping cines and stills with contours, as small WebP files."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from cinecohort.catalogue.views import STRUCTURES, VIEWS
from cinecohort.files import write_bytes
from cinecohort.images import read_image
from cinecohort.label_maps import label_of, read_label, read_segmentation
from cinecohort.reporting.gallery import COLOURS, Case, base_to_apex, crop_box, evenly

MOST_FRAMES = 20
"""Frames of a cine; of a longer series, as many are taken evenly."""
COLUMNS = 5
"""Slices beside each other."""
SLICE_PIXELS, STILL_PIXELS, LONG_AXIS_PIXELS = 104, 160, 160
"""Height of one slice of a cine, of a still and of a long axis."""
CINE_QUALITY, STILL_QUALITY, LOWEST_QUALITY = 25, 50, 4
CINE_BYTES, LONG_AXIS_BYTES, STILL_BYTES = 120_000, 24_000, 17_000
"""What a picture may take, so that a subject takes less than 300 KB: noise costs quality, not room."""
SMALLEST_BOX_MM = 140.0
CYCLE_MS = 1000
"""How long a loop lasts where the image does not say how long a heart beat is."""


@dataclass(frozen=True)
class Media:
    """One picture of a card.

    Parameters
    ----------
    file
        Its name in the subject's folder of the room.
    view
        What it shows.
    kind
        ``cine``, ``ed`` or ``es``.
    who
        The observer whose contours are drawn; empty for the network's.
    width, height
        In pixels, so that the page does not jump when it is loaded.
    plain
        The same without contours, where there is one.
    frame
        Frame of a still, counted from 0.
    """

    file: str
    view: str
    kind: str
    width: int
    height: int
    plain: str = ""
    frame: int | None = None
    who: str = ""


def draw_subject(store: Path, folder: Path, roles: Mapping[str, int | None]) -> list[Media]:
    """Draw the views of a subject.

    Parameters
    ----------
    store
        The subject's folder in the store.
    folder
        Where the pictures go.
    roles
        Frame of ``ed`` and ``es`` in the short axis, None where unknown.

    Returns
    -------
    list of Media
        A cine of each view that there is, all slices of the short axis beside each other from base to apex,
        and stills of the short axis at end-diastole and end-systole, with and without contours.
    """
    media = []
    for view in VIEWS:
        read = _read_case(store, view)
        if read is None:
            continue
        case, cycle_ms = read
        short = view == "sa"
        height, most = (SLICE_PIXELS, CINE_BYTES) if short else (LONG_AXIS_PIXELS, LONG_AXIS_BYTES)
        frames = evenly(range(case.image.shape[3]), MOST_FRAMES)
        sheet = Sheet(case, height, view)
        pictures = [sheet.draw(frame) for frame in frames]
        duration = max(20, round(cycle_ms / len(frames)))
        size = write_picture(folder / f"{view}.webp", pictures, CINE_QUALITY, most, duration)
        media.append(Media(f"{view}.webp", view, "cine", *size))
        if short:
            media += _stills(case, folder, roles)
    return media


def _stills(case: Case, folder: Path, roles: Mapping[str, int | None]) -> Iterator[Media]:
    sheet = Sheet(case, STILL_PIXELS, "sa")
    for role, frame in roles.items():
        if frame is None or not 0 <= frame < case.image.shape[3]:
            continue
        plain = f"{role}_plain.webp" if case.automatic is not None else ""
        size = write_picture(folder / f"{role}.webp", [sheet.draw(frame)], STILL_QUALITY, STILL_BYTES)
        if plain:
            write_picture(folder / plain, [sheet.draw(frame, contours=False)], STILL_QUALITY, STILL_BYTES)
        yield Media(f"{role}.webp", "sa", role, *size, plain=plain, frame=frame)


def draw_observer(store: Path, folder: Path, frames: Mapping[str, Mapping[str, Any]]) -> list[Media]:
    """Draw stills with an observer's contours, at the observer's end-diastole and end-systole.

    Parameters
    ----------
    store, folder
        As for :func:`draw_subject`.
    frames
        Observer to role to ``frame``; the first observer is drawn. See
        :func:`cinecohort.review.plots.slice_differences`.
    """
    read = _read_case(store, "sa")
    observer = next(iter(frames), "")
    labels = read_label(store, "sa", observer) if observer else None
    if read is None or labels is None:
        return []
    # In the box and the order of slices of the network's.
    sheet = Sheet(replace(read[0], automatic=labels), STILL_PIXELS, "sa", box=_box(read[0]))
    media = []
    for role, values in frames[observer].items():
        name, frame = f"{role}_observer.webp", int(values["frame"])
        size = write_picture(folder / name, [sheet.draw(frame)], STILL_QUALITY, STILL_BYTES)
        media.append(Media(name, "sa", role, *size, frame=frame, who=observer))
    return media


def _read_case(store: Path, view: str) -> tuple[Case, float] | None:
    """Image of a view with the segmentation of its first model, and milliseconds of a cycle."""
    path = store / f"{view}.nii.gz"
    if not path.is_file():
        return None
    image = read_image(path)
    labels = read_segmentation(store, view) if view in STRUCTURES else None
    if labels is not None and labels.image.data.shape != image.data.shape:
        labels = None
    order = base_to_apex(labels) if labels is not None and view == "sa" else range(image.data.shape[2])
    dx, dy, _ = image.spacing_mm
    interval = image.frame_interval_s
    cycle = 1000 * interval * image.data.shape[3] if interval and image.data.shape[3] > 2 else CYCLE_MS
    return Case(image.data, (dx, dy), tuple(order), labels, None), min(max(cycle, 400.0), 2000.0)


class Sheet:
    """All slices of a view beside each other, at any frame.

    Parameters
    ----------
    case
        What to draw.
    height
        Height of one slice in pixels.
    view
        The view, for the names of its labels.
    box
        What is shown of each slice; None: a box around the labels.
    """

    def __init__(
        self, case: Case, height: int, view: str, box: tuple[int, int, int, int] | None = None
    ) -> None:
        self.case = case
        self.view = view
        self.box = box or _box(case)
        x0, x1, y0, y1 = self.box
        dx, dy = case.spacing_mm
        width = max(1, round(height * (x1 - x0) * dx / ((y1 - y0) * dy)))
        self.columns = min(COLUMNS, len(case.base_to_apex))
        rows = -(-len(case.base_to_apex) // self.columns)
        self.size = (width * self.columns, height * rows)
        inside = case.image[x0:x1, y0:y1, :, :: max(1, case.image.shape[3] // 8)]
        finite = inside[np.isfinite(inside)].astype(np.float32)
        ends = np.percentile(finite, [1, 99.7]) if finite.size else (0.0, 1.0)
        self.low, self.high = float(ends[0]), float(ends[1])

    def tiled(self, volume: NDArray[np.generic]) -> NDArray[np.generic]:
        """Slices (x, y, z) of the box as one picture (rows, columns), from base to apex."""
        x0, x1, y0, y1 = self.box
        tiles = [volume[x0:x1, y0:y1, index].T for index in self.case.base_to_apex]
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % self.columns)
        lines = [tiles[start : start + self.columns] for start in range(0, len(tiles), self.columns)]
        return np.concatenate([np.concatenate(line, axis=1) for line in lines], axis=0)

    def draw(self, frame: int, contours: bool = True) -> Picture.Image:
        """One frame as a picture."""
        gray = np.nan_to_num(self.tiled(self.case.image[..., frame]).astype(np.float32))
        gray = np.clip((gray - self.low) / max(self.high - self.low, 1e-6), 0, 1) * 235
        large = Picture.fromarray(gray.astype(np.uint8)).resize(self.size, Picture.Resampling.BICUBIC)
        picture = np.repeat(np.asarray(large)[..., None], 3, axis=2)
        if contours and self.case.automatic is not None:
            labels = self.tiled(self.case.automatic.image.data[..., frame])
            for number, name in self.case.automatic.structures.items():
                # The inner border of the myocardium is the cavity's outline, so only the outer one is drawn.
                mask = labels == number
                if name == "MYO":
                    mask |= labels == label_of(self.view, "LV")
                picture[_outline(mask, self.size)] = COLOURS[name]
        return Picture.fromarray(picture)


def _box(case: Case) -> tuple[int, int, int, int]:
    """Box around the labels, never smaller than a heart: one that the network missed stays in the picture."""
    x0, x1, y0, y1 = crop_box(case)
    ends = []
    for low, high, size, spacing in zip(
        (x0, y0), (x1, y1), case.image.shape[:2], case.spacing_mm, strict=True
    ):
        more = max(0, round((SMALLEST_BOX_MM / spacing - (high - low)) / 2))
        ends += [max(0, low - more), min(size, high + more)]
    return ends[0], ends[1], ends[2], ends[3]


def _outline(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels of an enlarged mask that have a neighbour outside it."""
    large = Picture.fromarray(mask.astype(np.uint8) * 255).resize(size, Picture.Resampling.BILINEAR)
    shape = np.pad(np.asarray(large) > 127, 1, mode="edge")
    inner = shape[1:-1, 1:-1]
    return inner & ~(shape[:-2, 1:-1] & shape[2:, 1:-1] & shape[1:-1, :-2] & shape[1:-1, 2:])


def write_picture(
    path: Path, pictures: Sequence[Picture.Image], quality: int, most_bytes: int, duration_ms: int = 0
) -> tuple[int, int]:
    """Write a WebP file, animated where there are several pictures, by rename; returns width and height."""
    options: dict[str, Any] = {"format": "WEBP", "method": 2}
    if len(pictures) > 1:
        options |= {"save_all": True, "append_images": pictures[1:], "duration": duration_ms, "loop": 0}
    while True:
        stream = io.BytesIO()
        pictures[0].save(stream, quality=quality, **options)
        if stream.tell() <= most_bytes or quality == LOWEST_QUALITY:
            break
        quality = max(LOWEST_QUALITY, quality // 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, stream.getvalue())
    return pictures[0].size
