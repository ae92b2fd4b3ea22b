"""How well slices triggered at another time are found (check S10), and how often others are flagged.

    python benchmarks/slice_timing.py NAME=FOLDER ... [--without SUBJECT ...] [--write]

Each folder holds subjects as the store does, with ``seg_sa.nii.gz`` of every frame (made by the workflow, or
by ``convert`` and ``segment``): ``results/subjects`` after ``make report``, without the subject that is
mistriggered on purpose, and real hearts. Every slice that can be judged is shifted in turn, to either side,
alone and together with the next one, by Fourier interpolation of its courses of area; what is flagged
without any shift is a false alarm. ``--write`` puts the tables into ``slice_timing.md``.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cinecohort.label_maps import read_segmentation
from cinecohort.quality.options import SegmentationQualityOptions
from cinecohort.quality.slice_timing import slices_out_of_step

SHIFTS = (0.05, 0.08, 0.10, 0.12, 0.15, 0.20, 0.25, 0.30)

Areas = dict[int, NDArray[np.float64]]


def segmented(folder: Path, without: Iterable[str]) -> list[Areas]:
    """Pixels (z, t) of LV and RV of every subject with a segmentation."""
    hearts = []
    for subject in sorted(folder.iterdir()):
        labels = read_segmentation(subject, "sa", None) if subject.name not in without else None
        if labels is not None:
            data = labels.image.data
            hearts.append({k: np.count_nonzero(data == k, axis=(0, 1)).astype(float) for k in (1, 3)})
    if not hearts:
        raise SystemExit(f"{folder}: no subject has a seg_sa.nii.gz; convert and segment first.")
    return hearts


def shifted(areas: Areas, slices: Iterable[int], share: float) -> Areas:
    """The courses, those of some slices later by a share of the cycle."""
    result = {}
    for label, area in areas.items():
        result[label] = area.copy()
        for z in slices:
            course = np.fft.rfft(area[z])
            turn = np.exp(2j * np.pi * share * np.arange(course.size))
            moved = np.fft.irfft(course * turn, area.shape[1])
            # Interpolation overshoots: a slice keeps the extremes that decide whether it is judged.
            result[label][z] = np.clip(moved, area[z].min(), area[z].max())
    return result


def sensitivity(hearts: list[Areas], together: int, shift: float, threshold: float) -> tuple[int, int]:
    """Shifts after which a shifted slice is flagged on the side that it was shifted to; all shifts."""
    found = planted = 0
    for areas in hearts:
        judged = np.flatnonzero(np.isfinite(slices_out_of_step(areas)))
        for z in judged:
            slices = list(range(z, z + together))
            if not set(slices) <= set(judged):
                continue
            for side in (-1, 1):
                after = side * slices_out_of_step(shifted(areas, slices, side * shift))[slices]
                found += bool((np.nan_to_num(after) > threshold).any())
                planted += 1
    return found, planted


def tables(groups: dict[str, list[Areas]], threshold: float) -> str:
    """Markdown: what is flagged without a shift, and percent found by size of the shift."""
    head = "| hearts | n | judged: hearts | slices | flagged: hearts | slices | largest distance, % |"
    lines = [head, "|---|" + "---|" * 6]
    for name, hearts in groups.items():
        away = [np.abs(slices_out_of_step(areas)) for areas in hearts]
        values = np.concatenate(away)
        values = values[np.isfinite(values)]
        judged = sum(bool(np.isfinite(each).any()) for each in away)
        flagged = sum(bool((each > threshold).any()) for each in away)
        lines.append(
            f"| {name} | {len(hearts)} | {judged} | {values.size} | {flagged} | {(values > threshold).sum()} "
            f"| {100 * values.max():.1f} |"
        )
    lines += [
        "",
        "| hearts | shifted slices | shifts | " + " | ".join(f"{100 * s:.0f} %" for s in SHIFTS) + " |",
    ]
    lines.append("|---|---|---|" + "---|" * len(SHIFTS))
    for name, hearts in groups.items():
        for together, words in ((1, "one"), (2, "two beside each other")):
            counts = [sensitivity(hearts, together, shift, threshold) for shift in SHIFTS]
            cells = " | ".join(f"{100 * found / planted:.0f}" if planted else "" for found, planted in counts)
            lines.append(f"| {name} | {words} | {counts[0][1]} | {cells} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("groups", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--without", nargs="*", default=(), metavar="SUBJECT")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    groups = {}
    for each in arguments.groups:
        name, _, folder = each.partition("=")
        groups[name] = segmented(Path(folder), arguments.without)
    text = tables(groups, SegmentationQualityOptions().s10_slice_timing.threshold)
    print(text)
    if arguments.write:
        page = Path(__file__).with_suffix(".md")
        page.write_text(page.read_text("utf-8").split("| hearts |")[0] + text + "\n", "utf-8")


if __name__ == "__main__":
    main()
