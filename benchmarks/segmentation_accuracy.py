"""Accuracy of segmentation on real hearts that the weights were not trained on.

Three tests: the ACDC and the M&Ms subjects that are listed as held out (end-diastole and end-systole, all
three structures), and Sunnybrook, of which no network here saw anything (LV cavity, slices that the expert
contoured). Writes ``benchmarks/segmentation_accuracy.md``::

    python benchmarks/segmentation_accuracy.py ../shared/data [--models unet_slim_sa other.safetensors]
        [--ensemble unet_vendors_sa unet_fine_sa]

By cross-fitting the recipe of weights is tested on more hearts than they left out: each heart is segmented by
a network that was trained without it (``config/training/unet_all_sa/fold_1.yaml`` and so on)::

    python benchmarks/segmentation_accuracy.py ../shared/data --models unet_fine_sa unet16_sa
        --fold vendors_fold_1.txt=fold_1.safetensors --fold vendors_fold_2.txt=fold_2.safetensors ...
        --out benchmarks/segmentation_accuracy_folds.md

``--seen`` tests on the hearts that the networks did learn from, to see how much better they know these.
"""

import argparse
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from cinecohort.conversion.options import ConversionOptions
from cinecohort.evaluation.overlap import overlap
from cinecohort.findings import Outcome
from cinecohort.label_maps import LabelMap, read_label, read_segmentation
from cinecohort.measures.function import mass_g
from cinecohort.measures.positions import POSITIONS, base_direction, thirds
from cinecohort.segmentation.descriptions import DEFAULT_MODELS, describe_for
from cinecohort.segmentation.engines import resolve_engine
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
from cinecohort.segmentation.prediction import segment_subjects
from cinecohort.segmentation.symmetries import AVERAGED
from cinecohort.sources.acdc import read_info
from cinecohort.sources.base import open_source

HERE = Path(__file__).parent
HELD_OUT = HERE.parent / "src" / "cinecohort" / "segmentation" / "splits" / "vendors_held_out.txt"
VALIDATION = HELD_OUT.with_name("vendors_validation.txt")
"""Subjects that no network learnt from, but curves of trainings were made with."""
STRUCTURES = ("LV", "MYO", "RV")
INTRODUCTION = """# Accuracy on real hearts never trained on

`{command}`: {acdc} ACDC subjects and {mnms} M&Ms subjects ({vendors}; their true spacing is not known, so no
volumes and distances), {listed}{more}. 3D Dice on the
native grid, distances per slice and averaged; n = subjects; mean (SD) over subjects and frames. Engine
{engine}. Slices: of those in which the expert drew a structure, how many the network left empty, by the
thirds of the expert's LV; and how many it labelled where the expert drew none.
"""
SUNNYBROOK = """, and the three Sunnybrook studies (GE, DICOM; no image of Sunnybrook in any training; only
slices that the expert contoured). The clean-up and an earlier training were made after failures on the ACDC
subjects were seen"""
FOLDS = """. "In folds" is one network for each list, trained without the subjects of that list by
`config/training/unet_vendors_sa/fold_*.yaml` and then `config/training/unet_all_sa/fold_*.yaml` and
`fold_*_mean.yaml`: the recipe of the shipped weights, with 1,600 iterations in place of the 5,200 and 3,800
of its first two trainings. The other networks learnt from none of the subjects. No network learnt from
Sunnybrook (GE, DICOM; the slices that the expert contoured): there the shipped weights are tested"""
SEEN = "**all of which the networks learnt from**: this is no accuracy, but shows what they know by heart"
DISTANCES = {"mcd_mm": "Mean contour distance, mm", "hd_mm": "Hausdorff distance, mm"}


def converted(source: str, path: Path, keys: Sequence[str] | None, destination: Path) -> list[Path]:
    """Convert some subjects of a source (None: all) and return their folders."""
    opened = open_source(source, path)
    folders = []
    for subject in opened.subjects():
        if keys is None or subject.key in keys:
            opened.convert(subject, destination / source / subject.key, ConversionOptions())
            folders.append(destination / source / subject.key)
    return folders


@dataclass(frozen=True)
class Network:
    """What is tested: a model, or one for the subjects of each fold."""

    title: str
    models: dict[Path | None, ModelOptions]
    """List of subjects to the model that segments them; None: all. All are of one name."""

    options: SegmentationOptions

    @property
    def name(self) -> str:
        """Under which its label maps are kept."""
        return next(iter(self.models.values())).name

    def segment(self, folders: Sequence[Path]) -> Iterator[tuple[Path, Outcome]]:
        """Segment subjects, each by its model."""
        for split, model in self.models.items():
            named = split.read_text(encoding="utf-8").split() if split else None
            chosen = [folder for folder in folders if named is None or folder.name in named]
            yield from segment_subjects(chosen, model, self.options, "sa", model.name)


def learnt_from(weights: str) -> set[str]:
    """Subjects that weights learnt from; those that their training was only watched with are none."""
    watched = set(VALIDATION.read_text(encoding="utf-8").split())
    return set().union(*describe_for(weights, "sa").trained_on.values()) - watched


def refuse_known(network: Network, folders: Sequence[Path]) -> None:
    """Stop where a network learnt from subjects that it is tested on."""
    for split, model in network.models.items():
        named = split.read_text(encoding="utf-8").split() if split else [folder.name for folder in folders]
        for weights in model.members:
            known = sorted(learnt_from(weights) & set(named) & {folder.name for folder in folders})
            if known:
                raise SystemExit(f"{weights} learnt from {', '.join(known)}; name others with --subjects.")


def scores(folders: Sequence[Path], network: Network) -> pd.DataFrame:
    """Overlap of a network with the experts: one row per subject, frame and structure, whole hearts only."""
    tables = []
    for folder, outcome in network.segment(folders):
        if not outcome.outputs:
            raise SystemExit(f"{folder.name}: {outcome.findings}")
        manual = read_label(folder, "sa", "manual")
        automatic = read_segmentation(folder, "sa", network.name)
        assert manual is not None
        assert automatic is not None
        table = overlap(automatic.image, manual.image, "sa", manual.annotated, positions=False)
        roles = {manual.ed_frame: "ED", manual.es_frame: "ES"}
        tables.append(table.assign(subject=folder.name, phase=table["frame"].map(roles)))
    table = pd.concat(tables)
    return table[table["position"] == "all"]


def missed_slices(folders: Sequence[Path], name: str) -> pd.DataFrame:
    """Slices that the expert drew and the network left empty, and the reverse.

    Returns
    -------
    pandas.DataFrame
        One row per subject, frame, structure and slice that either labelled: ``position`` in the expert's LV
        (``beyond`` it where it has none), ``expert`` and ``network`` (whether each labelled it).
    """
    rows = []
    for folder in folders:
        manual, automatic = read_label(folder, "sa", "manual"), read_segmentation(folder, "sa", name)
        assert manual is not None
        assert automatic is not None
        lv, rv = (manual.mask(structure).sum(axis=(0, 1)) for structure in ("LV", "RV"))
        for frame in {manual.ed_frame, manual.es_frame}:
            areas = lv[:, frame].astype(float), rv[:, frame].astype(float)
            part = thirds(areas[0] > 0, base_direction(*areas, manual.image.affine))
            where = {"subject": folder.name, "frame": frame}
            for structure in STRUCTURES:
                expert, network = (
                    labels.mask(structure)[..., frame].any(axis=(0, 1)) for labels in (manual, automatic)
                )
                for place in np.flatnonzero(expert | network):
                    position = POSITIONS[part[place]] if part[place] >= 0 else "beyond"
                    found = {"expert": expert[place], "network": network[place]}
                    rows.append({**where, "structure": structure, "position": position, **found})
    return pd.DataFrame(rows)


def slices_table(table: pd.DataFrame) -> list[str]:
    """Share of slices missed by position, and slices found beyond the expert's."""
    lines = ["| slices | LV | MYO | RV |", "|---|---|---|---|"]
    frames = table.groupby(["subject", "frame"]).ngroups

    def row(title: str, text: Callable[[pd.DataFrame], str]) -> None:
        cells = " | ".join(text(table[table["structure"] == structure]) for structure in STRUCTURES)
        lines.append(f"| {title} | {cells} |")

    for position in (*POSITIONS, "beyond"):

        def missed(part: pd.DataFrame, position: str = position) -> str:
            drawn = part[part["expert"] & (part["position"] == position)]
            return f"{(~drawn['network']).sum()} of {len(drawn)}"

        row(f"missed, {position}" + (" the LV" if position == "beyond" else ""), missed)
    row(
        f"found where the expert drew none, in {frames} frames",
        lambda part: str((~part["expert"]).sum()),
    )
    return lines


def mean_sd(values: pd.Series) -> str:
    """``mean (SD)``."""
    return f"{values.mean():.3f} ({values.std(ddof=1):.3f})"


def dice_table(table: pd.DataFrame, groups: dict[str, str], distances: Sequence[str] = ()) -> list[str]:
    """Dice by structure: both phases, each phase, each group and its phases; and distances."""
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
        part = table[table["subject"].map(groups) == group]
        row(f"Dice, {group}", part)
        for phase in ("ED", "ES"):
            row(f"Dice, {group}, {phase}", part[part["phase"] == phase])
    lowest = [table.loc[table["structure"] == structure, "dice"].min() for structure in STRUCTURES]
    lines.append(f"| lowest Dice of any frame | | {' | '.join(f'{value:.3f}' for value in lowest)} | |")
    for column in distances:
        row(DISTANCES[column], table, column)
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


@dataclass(frozen=True)
class Tested:
    """What a model made of every dataset."""

    title: str
    dice: dict[str, pd.DataFrame]
    """Part (ACDC, a vendor of M&Ms, Sunnybrook) to its overlap."""

    seconds: float
    """Processor seconds of all ACDC frames, file to labels."""


def side_by_side(models: Sequence[Tested]) -> list[str]:
    """Mean Dice (LV / MYO / RV) of every model on every part, and what it cost."""
    parts = list(models[0].dice)
    lines = [
        f"| network | {' | '.join(parts)} | processor s, ACDC | to the first |",
        "|---" * (len(parts) + 3) + "|",
    ]
    for model in models:
        cells = []
        for table in model.dice.values():
            means = table.groupby("structure")["dice"].mean()
            cells.append(" / ".join(f"{means[each]:.3f}" for each in STRUCTURES if each in means))
        ratio = model.seconds / models[0].seconds
        lines.append(f"| {model.title} | {' | '.join(cells)} | {model.seconds:.0f} | {ratio:.2f} |")
    return lines


def tested_networks(arguments: argparse.Namespace) -> Iterator[Network]:
    """Everything that is asked for."""
    keep = not arguments.no_clean_up
    base = SegmentationOptions.model_validate({"clean_up": {"largest_component": keep, "fill_holes": keep}})
    named: dict[str, dict[Path | None, ModelOptions]] = {}
    if arguments.fold:
        weights = dict(each.split("=", 1) for each in arguments.fold)
        folds = {Path(split): ModelOptions(name="folds", weights=file) for split, file in weights.items()}
        named[f"{DEFAULT_MODELS['sa']}, its recipe in {len(folds)} folds"] = {**folds}
    for weights in arguments.models:
        model = ModelOptions(name=Path(weights).stem, weights=weights)
        named[model.name] = {None: model}
    for (title, models), over in product(named.items(), arguments.test_time_augmentation):
        options = base.model_copy(update={"test_time_augmentation": over})
        averaged = "" if over == "none" else f", test_time_augmentation: {over}"
        yield Network(title + averaged, models, options)
    if arguments.ensemble:
        model = ModelOptions(name="ensemble", weights=tuple(arguments.ensemble))
        yield Network(" + ".join(model.members), {None: model}, base)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with acdc/, mnms/ and sunnybrook/")
    parser.add_argument("--models", nargs="*", default=["unet_vendors_sa"])
    parser.add_argument("--ensemble", nargs="+", default=[], help="weights whose mean is tested too")
    parser.add_argument("--fold", action="append", default=[], help="SPLIT=WEIGHTS, once for each fold")
    parser.add_argument("--subjects", type=Path, nargs="+", help="files of ACDC and M&Ms subjects")
    parser.add_argument("--seen", action="store_true", help="test on the hearts that all models learnt from")
    parser.add_argument("--out", type=Path, default=HERE / "segmentation_accuracy.md")
    parser.add_argument("--no-clean-up", action="store_true")
    parser.add_argument("--test-time-augmentation", nargs="+", default=["none"], choices=list(AVERAGED))
    arguments = parser.parse_args()
    engine = (
        f"{resolve_engine(SegmentationOptions())}, {platform.machine()}, Python {platform.python_version()}"
    )
    lines: list[str] = []
    beside = []
    with tempfile.TemporaryDirectory() as temporary:
        splits = arguments.subjects or [Path(each.split("=", 1)[0]) for each in arguments.fold] or [HELD_OUT]
        held_out = [name for split in splits for name in split.read_text(encoding="utf-8").split()]
        if arguments.seen:
            held_out = sorted(set.intersection(*map(learnt_from, arguments.models)))
        acdc = converted("acdc", arguments.data / "acdc", held_out, Path(temporary))
        mnms = converted("nifti", arguments.data / "mnms", held_out, Path(temporary))
        sunnybrook = converted("sunnybrook", arguments.data / "sunnybrook", None, Path(temporary))
        groups = {folder.name: group_of(arguments.data / "acdc" / folder.name) for folder in acdc}
        vendors = {
            folder.name: (arguments.data / "mnms" / folder.name / "vendor.txt").read_text().strip()
            for folder in mnms
        }
        for network in tested_networks(arguments):
            if not arguments.seen:
                refuse_known(network, [*acdc, *mnms])
            begun = time.process_time()
            on_acdc = scores(acdc, network)
            seconds = time.process_time() - begun
            on_mnms = scores(mnms, network)
            lines += ["", f"## {network.title}", "", "ACDC", ""]
            lines += dice_table(on_acdc, groups, list(DISTANCES))
            lines += ["", *measures_table(acdc, network.name)]
            lines += ["", *slices_table(missed_slices(acdc, network.name))]
            lines += ["", "M&Ms", "", *dice_table(on_mnms, vendors)]
            lines += ["", *slices_table(missed_slices(mnms, network.name))]
            parts = {"ACDC": on_acdc}
            for vendor in sorted(set(vendors.values())):
                parts[f"M&Ms, {vendor}"] = on_mnms[on_mnms["subject"].map(vendors) == vendor]
            if not arguments.fold:
                on_sunnybrook = scores(sunnybrook, network)
                lines += ["", "Sunnybrook", "", *sunnybrook_table(on_sunnybrook)]
                parts["Sunnybrook, LV"] = on_sunnybrook[on_sunnybrook["structure"] == "LV"]
            beside.append(Tested(network.title, parts, seconds))
        if arguments.fold:
            name = DEFAULT_MODELS["sa"]
            shipped = Network(name, {None: ModelOptions(name=name)}, SegmentationOptions())
            lines += ["", f"## {name}", "", "Sunnybrook", "", *sunnybrook_table(scores(sunnybrook, shipped))]
    command = " ".join(["python", "benchmarks/segmentation_accuracy.py", *sys.argv[1:]])
    by_vendor = sorted(Counter(vendors.values()).items())
    names = "`, `".join(split.name for split in splits)
    introduction = INTRODUCTION.format(
        engine=engine,
        command=command,
        acdc=len(groups),
        mnms=len(vendors),
        vendors=", ".join(f"{number} of {name}" for name, number in by_vendor),
        listed=SEEN if arguments.seen else f"listed in `{names}` of `src/cinecohort/segmentation/splits`",
        more=FOLDS if arguments.fold else SUNNYBROOK,
    )
    lines = [introduction.rstrip(), "", *side_by_side(beside), *lines]
    arguments.out.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def group_of(folder: Path) -> str:
    """Diagnostic group of an ACDC subject."""
    return str(read_info(folder / "Info.cfg").group)


if __name__ == "__main__":
    main()
