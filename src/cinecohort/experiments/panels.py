"""Panels of pictures: the same slices with the contours of several rows, the observer's dashed.

Real images: panels belong into the results, not into a repository.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from cinecohort.errors import UserError
from cinecohort.experiments.accuracy import segmentation_folder
from cinecohort.experiments.datasets import OBSERVER
from cinecohort.experiments.options import ExperimentOptions
from cinecohort.experiments.tables import read_tests
from cinecohort.reporting.gallery import (
    GAP_PIXELS,
    Case,
    annotated_slices,
    crop_box,
    evenly,
    panel,
    read_case,
    write_png,
)

HEIGHT = 170
"""Pixels of a picture."""

FRAMES = ("ED", "ES")

LEGEND = "Coloured: the network. White, dashed: the observer. Dice: mean over the subject."


def make_panel(options: ExperimentOptions, name: str) -> Path:
    """Draw a panel: one line per row, one pair of pictures (ED and ES of a middle slice) per subject.

    Returns
    -------
    pathlib.Path
        ``panels/{name}.png``; ``{name}.csv`` beside it has the Dice of each picture's subject.

    Raises
    ------
    UserError
        If no subject was tested by all of its rows.
    """
    wanted = options.panels[name]
    tests = read_tests(options, wanted.rows, [wanted.dataset])
    subjects = chosen_subjects(options, name, tests)
    columns = []
    for subject in subjects:
        cases = [drawn_case(options, row, wanted.dataset, subject) for row in wanted.rows]
        dice = [mean_dice(tests, row, subject) for row in wanted.rows]
        columns.append(subject_column(cases, dice))
    widths = [options.title_of(row) for row in wanted.rows]
    body = np.concatenate([row_titles(widths), *columns], axis=1)
    picture = np.concatenate([heading(wanted.title or name, body.shape[1]), body], axis=0)
    path = options.results / "panels" / f"{name}.png"
    write_png(path, picture)
    shown = tests[tests["subject"].isin(subjects)]
    shown.to_csv(path.with_suffix(".csv"), index=False, float_format="%.6g")
    return path


def chosen_subjects(options: ExperimentOptions, name: str, tests: pd.DataFrame) -> list[str]:
    """Subjects of a panel: those named, or evenly from the worst to the best of its first row."""
    wanted = options.panels[name]
    means = tests.pivot_table("dice", "subject", "row", "mean").reindex(columns=wanted.rows)
    common = means.dropna()
    if isinstance(wanted.subjects, list):
        missing = sorted(set(wanted.subjects) - set(common.index))
        if missing:
            raise UserError(f"panel {name}: {', '.join(missing)} were not tested by all of its rows.")
        return wanted.subjects
    if common.empty:
        raise UserError(f"panel {name}: no subject of {wanted.dataset} was tested by all of its rows.")
    ordered = common[wanted.rows[0]].sort_values(kind="stable").index
    return [str(ordered[index]) for index in evenly(range(len(ordered)), wanted.subjects)]


def drawn_case(options: ExperimentOptions, row: str, dataset: str, subject: str) -> Case:
    """Read what is drawn of a subject for one row."""
    folder = segmentation_folder(options, row, dataset) / subject
    case = read_case(folder, options.view, None, OBSERVER)
    if case is None:
        raise UserError(f"{folder}: holds no segmentation; test row {row} on {dataset} first.")
    return case


def mean_dice(tests: pd.DataFrame, row: str, subject: str) -> float:
    """Mean Dice of a subject over frames and structures."""
    return float(tests.loc[(tests["row"] == row) & (tests["subject"] == subject), "dice"].mean())


def subject_column(cases: Sequence[Case], dice: Sequence[float]) -> NDArray[np.uint8]:
    """Pictures of one subject, one line per row, all of the same slice and part of the image."""
    observer = cases[0].observer
    assert observer is not None
    frames = [frame for frame in (observer.ed_frame, observer.es_frame) if frame is not None] or [0]
    slices = annotated_slices(Case(**{**vars(cases[0]), "automatic": None}), frames)
    middle = slices[len(slices) // 2] if slices else cases[0].image.shape[2] // 2
    box = crop_box(Case(**{**vars(cases[0]), "automatic": None}))
    lines = []
    for case, value in zip(cases, dice, strict=True):
        pictures = [with_gap(panel(case, middle, frame, box, HEIGHT)) for frame in frames]
        words = [f"{FRAMES[0]}, Dice {value:.2f}", FRAMES[1]] if len(frames) == 2 else [f"Dice {value:.2f}"]
        lines.append(
            np.concatenate([with_words(*item) for item in zip(pictures, words, strict=True)], axis=1)
        )
    return np.concatenate(lines, axis=0)


def with_gap(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """White margin left of and below a picture."""
    return np.pad(picture, ((0, GAP_PIXELS), (GAP_PIXELS, 0), (0, 0)), constant_values=255)


def with_words(picture: NDArray[np.uint8], words: str) -> NDArray[np.uint8]:
    """Words in the upper left corner of a picture."""
    drawn = Picture.fromarray(picture)
    position = (GAP_PIXELS + 4, 3)
    ImageDraw.Draw(drawn).text(position, words, fill="white", font=ImageFont.load_default(size=14))
    return np.asarray(drawn)


def heading(title: str, width: int) -> NDArray[np.uint8]:
    """White strip with the title of the panel and what its lines are."""
    strip = Picture.new("RGB", (width, 44), "white")
    draw = ImageDraw.Draw(strip)
    draw.text((6, 4), title, fill=(20, 20, 20), font=ImageFont.load_default(size=16))
    draw.text((6, 26), LEGEND, fill=(90, 90, 90), font=ImageFont.load_default(size=12))
    return np.asarray(strip)


def row_titles(titles: Sequence[str], width: int = 150) -> NDArray[np.uint8]:
    """White strip with the titles of the rows, broken into lines."""
    strips = []
    font = ImageFont.load_default(size=14)
    for title in titles:
        strip = Picture.new("RGB", (width, HEIGHT + GAP_PIXELS), "white")
        lines: list[str] = []
        for word in title.split():
            if lines and len(lines[-1]) + len(word) < 18:
                lines[-1] += f" {word}"
            else:
                lines.append(word)
        centre = (width / 2, HEIGHT / 2)
        ImageDraw.Draw(strip).multiline_text(
            centre, "\n".join(lines), fill=(40, 40, 40), font=font, anchor="mm", align="center"
        )
        strips.append(np.asarray(strip))
    return np.concatenate(strips, axis=0)
