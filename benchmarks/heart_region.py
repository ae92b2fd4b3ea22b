"""Segmenting the heart's region against segmenting whole images, on real hearts.

How far the labels agree (Dice over the frames that were segmented), and how far each agrees with the experts,
by margin of the region: the ACDC subjects held out (end-diastole and end-systole), Sunnybrook (every fourth
frame and the expert's; LV cavity in the slices that the expert contoured), the Siemens study and a 4D cine of
ACDC (every fourth frame). "Trimmed" is a whole image without its outermost eight pixels: what changes there
is chance. Writes ``benchmarks/heart_region.md``::

    python benchmarks/heart_region.py ../shared/data [--margins 8 12 25]
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from segmentation_accuracy import HELD_OUT, converted

from cinecohort.catalogue.views import STRUCTURES
from cinecohort.images import Image, read_image
from cinecohort.label_maps import LabelMap, read_label
from cinecohort.segmentation.clean_up import clean_up
from cinecohort.segmentation.descriptions import DEFAULT_MODELS
from cinecohort.segmentation.inference import ImageInference
from cinecohort.segmentation.options import CleanUpOptions, ModelOptions, SegmentationOptions
from cinecohort.segmentation.prediction import LoadedModel, load

HERE = Path(__file__).parent
LABELS = (1, 2, 3)
TRIMMED = 8
FRAME_STEP = 4


def acdc_cine(path: Path) -> Image:
    """Read a 4D cine of ACDC, which holds its spacing but no position."""
    nifti = nib.load(path)
    spacing = [float(value) for value in nifti.header.get_zooms()[:3]]
    return Image(np.asfortranarray(nifti.dataobj), np.diag([*spacing, 1.0]), 0.03)


def dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Dice overlap; undefined where both are empty."""
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else np.nan


def segmented(
    image: Image, model: LoadedModel, frames: Sequence[int], way: str, margin: float
) -> tuple[NDArray[np.uint8], ImageInference]:
    """Cleaned labels of frames, and what made them."""
    run = ImageInference(image, model.description, model.network, 16)
    if way == "region":
        labels = run.labels_around_heart(frames, margin)
    else:
        if way == "trimmed":
            x, y = run.grid.shape
            run.grid = replace(run.grid, box=(TRIMMED, x - TRIMMED, TRIMMED, y - TRIMMED))
        labels = run.labels(frames)
    clean_up(labels, "sa", STRUCTURES["sa"], CleanUpOptions(), image)
    return labels, run


def with_expert(labels: NDArray[np.uint8], manual: LabelMap | None, contoured_only: bool) -> list[float]:
    """Dice with the expert of each structure, mean of ED and ES; NaN where there is none."""
    if manual is None:
        return [np.nan] * len(LABELS)
    values: list[float] = []
    for label in LABELS:
        by_frame = []
        for frame in (manual.ed_frame, manual.es_frame):
            truth, ours = manual.image.data[..., frame] == label, labels[..., frame] == label
            slices = truth.any(axis=(0, 1)) if contoured_only else np.ones(truth.shape[2], dtype=bool)
            by_frame.append(dice(truth[..., slices], ours[..., slices]) if truth.any() else np.nan)
        values.append(float(np.nanmean(by_frame)) if np.isfinite(by_frame).any() else np.nan)
    return values


def rows_of(
    data: str, image: Image, manual: LabelMap | None, model: LoadedModel, margins: Sequence[float]
) -> list[dict[str, object]]:
    """One row per way of segmenting one subject."""
    n_frames = image.data.shape[3]
    frames = set(range(0, n_frames, FRAME_STEP)) if n_frames > 2 else {0, 1}
    if manual is not None:
        frames |= {frame for frame in (manual.ed_frame, manual.es_frame) if frame is not None}
    wanted = sorted(frames)
    ways = [("whole", 0.0), ("trimmed", 0.0), *(("region", margin) for margin in margins)]
    rows = []
    whole = None
    for way, margin in ways:
        labels, run = segmented(image, model, wanted, way, margin)
        whole = labels if whole is None else whole
        row: dict[str, object] = {
            "data": data,
            "way": f"region, {margin:g} mm" if way == "region" else way,
            "pixels": float(np.prod(run.grid.shape)),
            "whole_images": float(way == "region" and run.whole_images is not None),
        }
        agreement = [dice(whole == label, labels == label) for label in LABELS]
        expert = with_expert(labels, manual, data == "Sunnybrook")
        for name, one, other in zip(("LV", "MYO", "RV"), agreement, expert, strict=True):
            row[f"with whole {name}"], row[f"with expert {name}"] = one, other
        rows.append(row)
    return rows


def table(rows: pd.DataFrame) -> list[str]:
    """Means over subjects, a line a data set and way."""
    lines = [
        "| data | n | way | pixels an image | in whole images after all "
        "| Dice with whole images, LV / MYO / RV | lowest | Dice with the expert |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (data, way), part in rows.groupby(["data", "way"], sort=False):
        agreement = part[[f"with whole {name}" for name in ("LV", "MYO", "RV")]]
        expert = part[[f"with expert {name}" for name in ("LV", "MYO", "RV")]].mean()
        known = " / ".join("–" if np.isnan(value) else f"{value:.3f}" for value in expert)
        agreed = " / ".join(f"{value:.4f}" for value in agreement.mean())
        lines.append(
            f"| {data} | {len(part)} | {way} | {part['pixels'].mean():,.0f} "
            f"| {part['whole_images'].sum():.0f} | {agreed} | {agreement.min().min():.3f} | {known} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--margins", nargs="+", type=float, default=[8.0, 12.0, 25.0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "heart_region.md")
    arguments = parser.parse_args()
    name = DEFAULT_MODELS["sa"]
    model = load(ModelOptions(name=name), SegmentationOptions(precision="fp32"), "sa", arguments.threads)
    assert model is not None
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        sources = {
            "ACDC held out": ("acdc", HELD_OUT.read_text().split()),
            "Sunnybrook": ("sunnybrook", None),
            "Siemens": ("dicom", None),
        }
        for data, (source, keys) in sources.items():
            path = arguments.data / ("siemens_vida" if source == "dicom" else source)
            for folder in converted(source, path, keys, Path(temporary)):
                image, manual = read_image(folder / "sa.nii.gz"), read_label(folder, "sa", "manual")
                rows += rows_of(data, image, manual, model, arguments.margins)
        for path in sorted((arguments.data / "acdc").glob("*/*_4d.nii.gz")):
            rows += rows_of("ACDC, 4D", acdc_cine(path), None, model, arguments.margins)
    lines = [
        "# The heart's region against whole images",
        "",
        "`python benchmarks/heart_region.py ../shared/data`: what `segmentation.heart_region_margin_mm` does",
        f"to the labels of {name}, after clean-up. Means over subjects; lowest: Dice with whole images of",
        "any subject and structure. Trimmed: the whole image without its outermost eight pixels (11 mm):",
        "so much do the labels change by chance.",
        "",
        *table(pd.DataFrame(rows)),
    ]
    arguments.out.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
