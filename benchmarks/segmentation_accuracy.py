"""Accuracy of segmentation on real hearts that the weights were not trained on.

Two tests: the ACDC subjects that are listed as held out (end-diastole and end-systole, all three
structures), and Sunnybrook, of which no network here saw anything (LV cavity, slices that the expert
contoured). Writes ``benchmarks/segmentation_accuracy.md``::

    python benchmarks/segmentation_accuracy.py ../shared/data [--models unet_slim_sa other.safetensors]
"""

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from cinecohort.conversion.options import ConversionOptions
from cinecohort.evaluation.overlap import overlap
from cinecohort.label_maps import LabelMap, read_label, read_segmentation
from cinecohort.measures.function import mass_g
from cinecohort.segmentation.descriptions import DEFAULT_MODELS
from cinecohort.segmentation.engines import resolve_engine
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
from cinecohort.segmentation.prediction import segment_subjects
from cinecohort.segmentation.symmetries import AVERAGED
from cinecohort.sources.acdc import read_info
from cinecohort.sources.base import open_source

HERE = Path(__file__).parent
HELD_OUT = HERE.parent / "src" / "cinecohort" / "segmentation" / "splits" / "acdc_held_out.txt"
STRUCTURES = ("LV", "MYO", "RV")
INTRODUCTION = """# Accuracy on real hearts never trained on

`{command}`: 15 ACDC
subjects (three of each group, listed in `src/cinecohort/segmentation/splits/acdc_held_out.txt`, drawn before
any training and in none; the clean-up and an earlier training were made after failures on them were seen) and
the three Sunnybrook studies (GE, DICOM; no image of Sunnybrook in any training). 3D Dice on the native grid,
distances per slice and averaged; n = subjects; mean (SD) over subjects and frames. Engine {engine}.
Sunnybrook: only slices that the expert contoured.
"""
DISTANCES = ("mcd_mm", "hd_mm")


def converted(source: str, path: Path, keys: Sequence[str] | None, destination: Path) -> list[Path]:
    """Convert some subjects of a source (None: all) and return their folders."""
    opened = open_source(source, path)
    folders = []
    for subject in opened.subjects():
        if keys is None or subject.key in keys:
            opened.convert(subject, destination / source / subject.key, ConversionOptions())
            folders.append(destination / source / subject.key)
    return folders


def scores(folders: Sequence[Path], model: ModelOptions, options: SegmentationOptions) -> pd.DataFrame:
    """Overlap of a model with the experts: one row per subject, frame and structure, whole hearts only."""
    tables = []
    for folder, outcome in segment_subjects(folders, model, options, "sa", model.name):
        if not outcome.outputs:
            raise SystemExit(f"{folder.name}: {outcome.findings}")
        manual = read_label(folder, "sa", "manual")
        automatic = read_segmentation(folder, "sa", model.name)
        assert manual is not None
        assert automatic is not None
        table = overlap(automatic.image, manual.image, "sa", manual.annotated, positions=False)
        roles = {manual.ed_frame: "ED", manual.es_frame: "ES"}
        tables.append(table.assign(subject=folder.name, phase=table["frame"].map(roles)))
    table = pd.concat(tables)
    return table[table["position"] == "all"]


def mean_sd(values: pd.Series) -> str:
    """``mean (SD)``."""
    return f"{values.mean():.3f} ({values.std(ddof=1):.3f})"


def acdc_table(table: pd.DataFrame, groups: dict[str, str]) -> list[str]:
    """Dice by structure: both phases, each phase, each group; and distances."""
    lines = ["| | n | LV | MYO | RV | mean |", "|---|---|---|---|---|---|"]

    def row(name: str, part: pd.DataFrame, column: str = "dice") -> None:
        by_structure = [part.loc[part["structure"] == structure, column] for structure in STRUCTURES]
        mean = np.mean([values.mean() for values in by_structure])
        cells = " | ".join(mean_sd(values) for values in by_structure)
        lines.append(f"| {name} | {part['subject'].nunique()} | {cells} | {mean:.3f} |")

    row("**Dice, ED and ES**", table)
    for phase in ("ED", "ES"):
        row(f"Dice, {phase}", table[table["phase"] == phase])
    for group in sorted(set(groups.values())):
        row(f"Dice, {group}", table[table["subject"].map(groups) == group])
    lowest = [table.loc[table["structure"] == structure, "dice"].min() for structure in STRUCTURES]
    lines.append(f"| lowest Dice of any frame | | {' | '.join(f'{value:.3f}' for value in lowest)} | |")
    for column, name in zip(DISTANCES, ("Mean contour distance, mm", "Hausdorff distance, mm"), strict=True):
        row(name, table, column)
    return lines


def volumes_ml(labels: LabelMap, ed_frame: int, es_frame: int) -> dict[str, float]:
    """Volumes, mass and ejection fraction of a label map at two frames."""
    voxel_ml = labels.image.voxel_volume_ml

    def volume(structure: str, frame: int) -> float:
        return float(labels.mask(structure)[..., frame].sum()) * voxel_ml

    values = {
        "LVEDV, mL": volume("LV", ed_frame),
        "LVESV, mL": volume("LV", es_frame),
        "LV mass, g": mass_g(volume("MYO", ed_frame)),
        "RVEDV, mL": volume("RV", ed_frame),
        "RVESV, mL": volume("RV", es_frame),
    }
    values["LVEF, points"] = 100 * (1 - values["LVESV, mL"] / values["LVEDV, mL"])
    values["RVEF, points"] = 100 * (1 - values["RVESV, mL"] / values["RVEDV, mL"])
    return values


def measures_table(folders: Sequence[Path], name: str) -> list[str]:
    """Differences of volumes, automatic minus expert, at the expert's frames."""
    rows = []
    for folder in folders:
        manual, automatic = read_label(folder, "sa", "manual"), read_segmentation(folder, "sa", name)
        assert manual is not None
        assert automatic is not None
        assert manual.ed_frame is not None
        assert manual.es_frame is not None
        frames = manual.ed_frame, manual.es_frame
        ours, theirs = volumes_ml(automatic, *frames), volumes_ml(manual, *frames)
        rows.append({measure: ours[measure] - theirs[measure] for measure in ours})
    differences = pd.DataFrame(rows)
    lines = ["| measure | mean absolute difference | mean difference (SD) |", "|---|---|---|"]
    return lines + [
        f"| {measure} | {values.abs().mean():.1f} | {values.mean():.1f} ({values.std(ddof=1):.1f}) |"
        for measure, values in differences.items()
    ]


def sunnybrook_table(table: pd.DataFrame) -> list[str]:
    """LV Dice of each study and phase, in 3D over the slices that the expert contoured."""
    cavity = table[table["structure"] == "LV"]
    lines = ["| study | phase | LV Dice |", "|---|---|---|"]
    lines += [
        f"| {number} | {row.phase} | {row.dice:.3f} |"
        for number, (_, part) in enumerate(cavity.groupby("subject"), start=1)
        for row in part.itertuples()
    ]
    return [*lines, f"| **mean** | | **{cavity['dice'].mean():.3f}** |"]


def side_by_side(models: Sequence[tuple[str, pd.DataFrame, pd.DataFrame, float]]) -> list[str]:
    """Mean Dice of every model and the processor seconds that all ACDC frames took it, file to labels."""
    lines = [
        "| network | LV | MYO | RV | Sunnybrook LV | processor s, ACDC | to the first |",
        "|---|---|---|---|---|---|---|",
    ]
    for title, acdc, sunnybrook, seconds in models:
        means = [acdc.loc[acdc["structure"] == structure, "dice"].mean() for structure in STRUCTURES]
        means.append(sunnybrook.loc[sunnybrook["structure"] == "LV", "dice"].mean())
        cells = " | ".join(f"{value:.3f}" for value in means)
        lines.append(f"| {title} | {cells} | {seconds:.0f} | {seconds / models[0][3]:.2f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with acdc/ and sunnybrook/")
    parser.add_argument("--models", nargs="+", default=[DEFAULT_MODELS["sa"]])
    parser.add_argument("--subjects", type=Path, default=HELD_OUT, help="ACDC subjects, one a line")
    parser.add_argument("--out", type=Path, default=HERE / "segmentation_accuracy.md")
    parser.add_argument("--no-clean-up", action="store_true")
    parser.add_argument("--test-time-augmentation", nargs="+", default=["none"], choices=list(AVERAGED))
    arguments = parser.parse_args()
    clean_up = {"largest_component": not arguments.no_clean_up, "fill_holes": not arguments.no_clean_up}
    options = SegmentationOptions.model_validate({"clean_up": clean_up})
    averaging = [
        options.model_copy(update={"test_time_augmentation": each})
        for each in arguments.test_time_augmentation
    ]
    engine = f"{resolve_engine(options)}, {platform.machine()}, Python {platform.python_version()}"
    lines, beside = [], []
    with tempfile.TemporaryDirectory() as temporary:
        held_out = arguments.subjects.read_text().split()
        acdc = converted("acdc", arguments.data / "acdc", held_out, Path(temporary))
        sunnybrook = converted("sunnybrook", arguments.data / "sunnybrook", None, Path(temporary))
        groups = {folder.name: group_of(arguments.data / "acdc" / folder.name) for folder in acdc}
        for weights, options in product(arguments.models, averaging):
            model = ModelOptions(name=Path(weights).stem, weights=weights)
            over = options.test_time_augmentation
            title = model.name if over == "none" else f"{model.name}, test_time_augmentation: {over}"
            lines += ["", f"## {title}", "", "ACDC", ""]
            begun = time.process_time()
            on_acdc = scores(acdc, model, options)
            seconds = time.process_time() - begun
            on_sunnybrook = scores(sunnybrook, model, options)
            lines += acdc_table(on_acdc, groups)
            lines += ["", *measures_table(acdc, model.name)]
            lines += ["", "Sunnybrook", "", *sunnybrook_table(on_sunnybrook)]
            beside.append((title, on_acdc, on_sunnybrook, seconds))
    command = " ".join(["python", "benchmarks/segmentation_accuracy.py", *sys.argv[1:]])
    lines = [INTRODUCTION.format(engine=engine, command=command).rstrip(), "", *side_by_side(beside), *lines]
    arguments.out.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def group_of(folder: Path) -> str:
    """Diagnostic group of an ACDC subject."""
    return str(read_info(folder / "Info.cfg").group)


if __name__ == "__main__":
    main()
