"""Where the bias of volumes comes from: what surrounds the network, one step after the other.

Each heart's ED and ES go through the network once in whole images and once in the heart's region; its
probabilities and the experts' labels then take the ways that can shift a volume: the grid there and back
(linear, nearest), the most probable class before or after it, the sum of probabilities, the resampling of
training, the region, the clean-up. Held-out hearts tell what a user gets; hearts of the training tell what
the training itself aims at. Writes ROWS.csv (one row per slice) and, from what it holds,
``benchmarks/segmentation_bias.md``; without a folder the page alone::

    python benchmarks/segmentation_bias.py ROWS.csv [FOLDER_OF_CONVERTED_SUBJECTS] [--trained patient001 ...]
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cinecohort.catalogue.views import STRUCTURES
from cinecohort.images import read_image
from cinecohort.segmentation.augmentation import sampling_grid
from cinecohort.segmentation.clean_up import clean_up
from cinecohort.segmentation.inference import ImageInference, most_probable
from cinecohort.segmentation.options import CleanUpOptions, ModelOptions, SegmentationOptions
from cinecohort.segmentation.prediction import LoadedModel, load
from cinecohort.segmentation.preprocessing import WorkingGrid, anti_aliased, unit_intensity

HERE = Path(__file__).parent
HELD_OUT = HERE.parent / "src" / "cinecohort" / "segmentation" / "splits" / "vendors_held_out.txt"
SA = STRUCTURES["sa"]
MARGIN_MM = 25.0
EXPERT = "expert"
SHIPPED = "as shipped: region, clean-up"
WAYS = {
    "experts' labels, linear to the grid and back": "expert, linear there and back",
    "experts' labels, nearest to the grid, as in training": "expert, nearest there, linear back",
    "network, whole images": "whole",
    "the same, labels back by nearest": "whole nearest back",
    "the same, labels counted on the grid": "argmax on grid",
    "the same, sum of probabilities": "soft",
    "network, whole images, resampled as in training": "input as in training",
    "network, the heart's region": "region",
    SHIPPED: "shipped (region, clean-up)",
}
"""Way to the name of its columns."""


def places(sizes: tuple[int, int], grid: WorkingGrid, *, forward: bool) -> list[NDArray[np.intp]]:
    """Nearest sample of the other grid along x and y: the native one where `forward`, else the network's."""
    found = []
    for axis, size in enumerate(sizes):
        full, ratio = grid.full_shape[axis], grid.working_spacing_mm[axis] / grid.native_spacing_mm[axis]
        here, there, step = (full, size, ratio) if forward else (size, full, 1 / ratio)
        found.append(np.rint((np.arange(here) - (here - 1) / 2) * step + (there - 1) / 2).astype(int))
    return found


def nearest(labels: NDArray[np.uint8], grid: WorkingGrid, *, forward: bool) -> NDArray[np.uint8]:
    """Labels (z, x, y) sampled to the network's grid, or back; zero outside."""
    native = (grid.native_shape[0], grid.native_shape[1])
    along = places(native, grid, forward=forward)
    inside = [(each >= 0) & (each < size) for each, size in zip(along, labels.shape[1:], strict=True)]
    clipped = [each.clip(0, size - 1) for each, size in zip(along, labels.shape[1:], strict=True)]
    taken = labels[:, clipped[0]][:, :, clipped[1]]
    return taken * (inside[0][:, None] & inside[1][None, :])


def one_hot(labels: NDArray[np.uint8] | Tensor) -> Tensor:
    """Labels (z, x, y) as probabilities of the structures (z, structures, x, y)."""
    values = torch.as_tensor(labels)
    return torch.stack([(values == label).float() for label in SA], dim=1)


def as_in_training(inference: ImageInference, indices: list[int], spacing_mm: float) -> Tensor:
    """Working images blurred and sampled as a training batch is, without augmentation."""
    seen = np.array([inference._with_neighbours(index) for index in indices])
    needed, order = np.unique(seen, return_inverse=True)
    native = unit_intensity(inference.slices[needed], inference.limits).transpose(1, 2, 0)
    spacing = inference.grid.native_spacing_mm
    blurred = np.ascontiguousarray(anti_aliased(native, spacing, spacing_mm).transpose(2, 0, 1))
    shape, side = inference.grid.full_shape, max(inference.grid.full_shape)
    centre = torch.tensor([[(size - 1) / 2 for size in blurred.shape[1:]]])
    pixel, working = torch.tensor([spacing], dtype=torch.float32), torch.full((1, 2), spacing_mm)
    stored = (blurred.shape[1], blurred.shape[2])
    grid = sampling_grid(torch.eye(2)[None], centre, pixel, working, side, stored)
    images = functional.grid_sample(torch.from_numpy(blurred)[None], grid, align_corners=False)[0]
    along_x, along_y = (slice((side - size) // 2, (side + size) // 2) for size in shape)
    return images[:, along_x, along_y][torch.from_numpy(order.reshape(seen.shape))]


def rows_of(folder: Path, model: LoadedModel, trained: bool) -> Iterator[dict[str, object]]:
    """Volumes by way and slice of a heart."""
    image, labels = read_image(folder / "sa.nii.gz"), read_image(folder / "label_manual_sa.nii.gz").data
    frames = [int(image.sidecar["frame_roles"][role]) for role in ("ed", "es")]
    inference, around = (ImageInference(image, model.description, model.network, 16) for _ in range(2))
    region = around.labels_around_heart(frames, MARGIN_MM)
    cleaned = region.copy()
    clean_up(cleaned, "sa", SA, CleanUpOptions(), image)
    spacing_mm = model.description.spacing_mm or 1.0
    voxel, on_grid = image.voxel_volume_ml, spacing_mm**2 * image.spacing_mm[2] / 1000
    for phase, frame in zip(("ED", "ES"), frames, strict=True):
        indices = [frame * inference.n_slices + index for index in range(inference.n_slices)]
        sure = model.network(inference.working_slices(indices)).clone()
        trained_way = model.network(as_in_training(inference, indices, spacing_mm)).clone()
        expert, back = labels[..., frame].transpose(2, 0, 1), inference.grid.to_native
        linear = most_probable(inference.grid.to_working(one_hot(expert)))
        near = nearest(expert, inference.grid, forward=True)
        best = sure.argmax(dim=1).numpy().astype(np.uint8)
        maps = {
            EXPERT: expert,
            "expert, linear there and back": most_probable(back(one_hot(linear))).numpy(),
            "expert, nearest there, linear back": most_probable(back(one_hot(near))).numpy(),
            "whole": most_probable(back(sure[:, 1:])).numpy(),
            "whole nearest back": nearest(best, inference.grid, forward=False),
            "input as in training": most_probable(back(trained_way[:, 1:])).numpy(),
            "region": region[..., frame].transpose(2, 0, 1),
            "shipped (region, clean-up)": cleaned[..., frame].transpose(2, 0, 1),
        }
        for place in range(inference.n_slices):
            row = {"subject": folder.name, "trained": trained, "phase": phase, "slice": place}
            for label, name in SA.items():
                row |= {f"{way}|{name}": (found[place] == label).sum() * voxel for way, found in maps.items()}
                row[f"soft|{name}"] = float(sure[place, label].sum()) * on_grid
                row[f"argmax on grid|{name}"] = (best[place] == label).sum() * on_grid
            yield row


def bias(table: pd.DataFrame, way: str, structure: str) -> str:
    """Mean difference (SD) from the expert over hearts, mL; empty where it was not recorded."""
    if f"{way}|{structure}" not in table:
        return ""
    difference = table[f"{way}|{structure}"] - table[f"{EXPERT}|{structure}"]
    return f"{difference.mean():+.1f} ({difference.std():.1f})"


def by_level(table: pd.DataFrame) -> pd.Series:
    """Third of the expert's LV in which each slice lies, from the end with the larger LV."""
    levels = pd.Series("beyond the expert's LV", index=table.index)
    for _, stack in table.groupby(["subject", "phase"]):
        drawn = stack[stack[f"{EXPERT}|LV"] > 0].index.to_list()
        half = len(drawn) // 2
        if table.loc[drawn[:half], f"{EXPERT}|LV"].sum() < table.loc[drawn[-half:], f"{EXPERT}|LV"].sum():
            drawn = drawn[::-1]
        for order, row in enumerate(drawn):
            levels[row] = ("basal", "mid", "apical")[3 * order // len(drawn)]
    return levels


def page(rows: pd.DataFrame, model: str) -> list[str]:
    """The page's lines."""
    lines = [
        "# Where the bias of volumes comes from",
        "",
        f"`python benchmarks/segmentation_bias.py`, `{model}`: difference from the expert, mean (SD) over",
        "hearts of ACDC, mL. Mass is 1.05 g per mL of myocardium.",
    ]
    for trained, title in ((False, "Held-out hearts"), (True, "Hearts of the training")):
        part = rows[rows["trained"] == trained]
        if part.empty:
            continue
        lines += ["", f"## {title} ({part['subject'].nunique()})", ""]
        lines += [
            "| way | LVEDV | ED myocardium | RVEDV | LVESV | ES myocardium | RVESV |",
            "|---|" + "---|" * 6,
        ]
        sums = part.groupby(["subject", "phase"]).sum(numeric_only=True)
        phases = [sums.xs(phase, level="phase") for phase in ("ED", "ES")]
        for title, way in WAYS.items():
            cells = [bias(table, way, name) for table in phases for name in SA.values()]
            lines.append(f"| {title} | {' | '.join(cells)} |")
        lines += ["", f"By level, {SHIPPED}, mL per heart and, of the LV, in percent:", ""]
        lines += ["| slices | LV, ED | myocardium, ED | LV, ES | myocardium, ES |", "|---|---|---|---|---|"]
        levels, hearts = by_level(part), part["subject"].nunique()
        for level in ("basal", "mid", "apical", "beyond the expert's LV"):
            cells = []
            for phase in ("ED", "ES"):
                here = part[(levels == level) & (part["phase"] == phase)]
                whole = here[f"{EXPERT}|LV"].sum()
                for name in ("LV", "MYO"):
                    found = (here[f"{WAYS[SHIPPED]}|{name}"] - here[f"{EXPERT}|{name}"]).sum()
                    share = f" ({100 * found / whole:+.1f} %)" if name == "LV" and whole else ""
                    cells.append(f"{found / hearts:+.2f}{share}")
            lines.append(f"| {level} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path, help="rows by slice, CSV")
    parser.add_argument("folder", type=Path, nargs="?", help="converted ACDC subjects, a folder each")
    parser.add_argument("--trained", nargs="*", default=[], help="subjects that the training saw")
    parser.add_argument("--model", default="unet_vendors_sa")
    arguments = parser.parse_args()
    if arguments.folder is not None:
        model = load(ModelOptions(name=arguments.model), SegmentationOptions(), "sa", 1)
        held_out = [arguments.folder / name for name in HELD_OUT.read_text(encoding="utf-8").split()]
        hearts = {folder: False for folder in held_out if (folder / "sa.nii.gz").is_file()}
        hearts |= {arguments.folder / name: True for name in arguments.trained}
        rows = [row for folder, trained in hearts.items() for row in rows_of(folder, model, trained)]
        pd.DataFrame(rows).round(3).to_csv(arguments.rows, index=False)
    lines = page(pd.read_csv(arguments.rows), arguments.model)
    path = HERE / "segmentation_bias.md"
    findings = "\n## What follows"
    kept = path.read_text(encoding="utf-8").partition(findings) if path.is_file() else ("", "", "")
    path.write_text("\n".join(lines) + "\n" + kept[1] + kept[2], encoding="utf-8")


if __name__ == "__main__":
    main()
