"""Differences between the made-up observers, beside those between the observers of Bai 2018.

    python benchmarks/phantom_observers.py [--subjects 50] [--seed 1] [--write]

Each observer of the phantom draws end-diastole and end-systole of every subject (no image is needed for
that); the contours are filled as conversion fills them, and compared pair by pair: Dice, mean contour and
Hausdorff distance (Bai 2018, Tables 3 and 7) and ventricular measures (Tables 5 and 9). ``--write`` puts the
tables into ``phantom_observers.md``.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from cinecohort.catalogue.views import STRUCTURES
from cinecohort.conversion.contours import label_volume
from cinecohort.evaluation.overlap import overlap
from cinecohort.images import Image
from cinecohort.phantom.annotations import true_outlines
from cinecohort.phantom.nifti_layout import affine_of, stacked
from cinecohort.phantom.observers import OBSERVERS, Observer, Outlines, draw, reference_observer
from cinecohort.phantom.options import PhantomOptions
from cinecohort.phantom.people import generator
from cinecohort.phantom.subject import make_subject
from cinecohort.statistics.differences import difference_row
from cinecohort.statistics.published_tables import load

PAIRS = (("O1", "O2"), ("O2", "O3"), ("O3", "O1"))
FRAMES = 20
MEASURES = (
    "lvedv_ml",
    "lvesv_ml",
    "lvm_g",
    "rvedv_ml",
    "rvesv_ml",
    "lvsv_ml",
    "lvef_pct",
    "rvsv_ml",
    "rvef_pct",
)

Truth = dict[str, list[Outlines]]
Maps = dict[str, Image]


def true_case(number: int, seed: int) -> tuple[Truth, dict[str, np.ndarray]]:
    """True outlines of a subject by view and frame, and the affine of each view."""
    options = PhantomOptions(frames=FRAMES, seed=seed, faults=False)
    _, phantom, slices, scanner = make_subject(number, options)
    affines = {}
    for view in STRUCTURES:
        stack = stacked([image for image in slices if image.view == view], scanner.gap_mm)
        affines[view] = affine_of(stack, scanner.gap_mm)
    return true_outlines(phantom, slices), affines


def label_maps(
    truth: Truth, affines: dict[str, np.ndarray], observer: Observer, rng: np.random.Generator
) -> Maps:
    """View to label map (x, y, z, 2) of what an observer draws, as the converter would make it."""
    drawn = draw(observer, truth, rng)
    maps = {}
    for view, frames in truth.items():
        n_slices, (rows, columns) = len(frames[0]), frames[0][0][0].shape
        contours = {
            (n_slices - 1 - place, frame): named
            for frame in (0, 1)
            for place, named in enumerate(drawn[view][frame])
            if named
        }
        volume = label_volume(contours, (columns, rows, n_slices, 2), view)
        maps[view] = Image(volume.labels, affines[view])
    return maps


def measures(maps: Maps) -> dict[str, float]:
    """Ventricular measures by counting voxels."""
    image = maps["sa"]
    voxel = image.voxel_volume_ml
    lv, muscle, rv = (np.count_nonzero(image.data == label, axis=(0, 1, 2)) * voxel for label in (1, 2, 3))
    return {
        "lvedv_ml": lv[0],
        "lvesv_ml": lv[1],
        "lvm_g": 1.05 * muscle[0],
        "rvedv_ml": rv[0],
        "rvesv_ml": rv[1],
        "lvsv_ml": lv[0] - lv[1],
        "lvef_pct": 100.0 * (1.0 - lv[1] / lv[0]),
        "rvsv_ml": rv[0] - rv[1],
        "rvef_pct": 100.0 * (1.0 - rv[1] / rv[0]),
    }


def compare_subject(maps: dict[str, Maps], number: int) -> pd.DataFrame:
    """Overlap of every pair in one subject, averaged over both frames."""
    parts = []
    for first, second in PAIRS:
        for view in STRUCTURES:
            found = overlap(maps[first][view], maps[second][view], view, positions=False)
            mean = found.groupby("structure")[["dice", "mcd_mm", "hd_mm"]].mean().reset_index()
            parts.append(mean.assign(view=view, pair=f"{first} vs {second}", subject=number))
    return pd.concat(parts)


def overlap_table(found: pd.DataFrame) -> str:
    """Markdown: ours beside the paper's."""
    published = pd.concat([load("bai2018_table3"), load("bai2018_table7")])
    published = published.set_index(["view", "structure", "metric", "comparison"])
    lines = ["| view | structure | metric | " + " | ".join(f"{a}-{b} | Bai" for a, b in PAIRS) + " |"]
    lines.append("|---|---|---|" + "---|---|" * len(PAIRS))
    for metric, digits in (("dice", 3), ("mcd_mm", 2), ("hd_mm", 2)):
        for view, names in STRUCTURES.items():
            for structure in names.values():
                cells = []
                for first, second in PAIRS:
                    pair = f"{first} vs {second}"
                    chosen = found[(found["pair"] == pair) & (found["view"] == view)]
                    values = chosen.loc[chosen["structure"] == structure, metric]
                    theirs = published.loc[view, structure, metric, pair]
                    cells.append(f"{values.mean():.{digits}f} ({values.std():.{digits}f})")
                    cells.append(f"{theirs['mean']:.2f} ({theirs['sd']:.2f})")
                lines.append(f"| {view} | {structure} | {metric} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def difference_table(values: dict[str, pd.DataFrame]) -> str:
    """Markdown: absolute and relative differences beside the paper's."""
    published = pd.concat([load("bai2018_table5"), load("bai2018_table9")])
    published = published.set_index(["measure", "difference", "comparison"])
    lines = ["| measure | difference | " + " | ".join(f"{a}-{b} | Bai" for a, b in PAIRS) + " |"]
    lines.append("|---|---|" + "---|---|" * len(PAIRS))
    for kind, mean, sd in (
        ("absolute", "absolute_mean", "absolute_sd"),
        ("relative_pct", "relative_mean_pct", "relative_sd_pct"),
    ):
        for measure in MEASURES:
            cells = []
            for first, second in PAIRS:
                row = difference_row(values[first][measure].to_numpy(), values[second][measure].to_numpy())
                theirs = published.loc[measure, kind, f"{first} vs {second}"]
                cells.append(f"{row[mean]:.1f} ({row[sd]:.1f})")
                cells.append(f"{theirs['mean']:.1f} ({theirs['sd']:.1f})")
            lines.append(f"| {measure} | {kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Draw, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--subjects", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write benchmarks/phantom_observers.md")
    arguments = parser.parse_args()
    parts, values = [], {observer.name: [] for observer in OBSERVERS}
    for number in range(1, arguments.subjects + 1):
        truth, affines = true_case(number, arguments.seed)
        maps = {}
        for place, observer in enumerate((reference_observer(number), *OBSERVERS)):
            rng = generator(arguments.seed, number, 10 + place)
            maps[observer.name] = label_maps(truth, affines, observer, rng)
        parts.append(compare_subject(maps, number))
        for name, rows in values.items():
            rows.append(measures(maps[name]))
    tables = {name: pd.DataFrame(rows) for name, rows in values.items()}
    text = (
        f"{arguments.subjects} phantom subjects (SYNTHETIC DATA), seed {arguments.seed}; mean (SD). Bai: "
        "Bai 2018, Tables 3 and 7 (overlap), 5 and 9 (measures), 50 subjects of UK Biobank.\n\n"
        f"{overlap_table(pd.concat(parts))}\n\n{difference_table(tables)}\n"
    )
    print(text)
    if arguments.write:
        Path(__file__).with_suffix(".md").write_text(f"# The phantom's observers beside Bai's\n\n{text}")


if __name__ == "__main__":
    main()
