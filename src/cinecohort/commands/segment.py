"""The ``segment`` command: label maps beside each image."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from pydantic import PositiveInt

from cinecohort.commands.model_options import add_options, read_options, reader
from cinecohort.errors import UserError
from cinecohort.findings import in_print
from cinecohort.segmentation.options import CleanUpOptions, ModelOptions, Preset, SegmentationOptions
from cinecohort.sources.listing import folders_in

SETTINGS = tuple(name for name in SegmentationOptions.model_fields if name != "clean_up")
"""Settings of the segmentation that are options of the command."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="DIR", help="subjects' folders, or folders of them"
    )
    parser.add_argument("--view", default="sa", choices=["sa", "la_2ch", "la_4ch"], help="default: sa")
    parser.add_argument(
        "--model",
        metavar="NAME|FILE",
        action="append",
        help="shipped weights or a .safetensors file (default: the view's own); given again: an ensemble",
    )
    parser.add_argument("--name", help="write seg_NAME_VIEW.nii.gz instead of seg_VIEW.nii.gz")
    parser.add_argument("--no-clean-up", action="store_true", help="leave the network's result as it is")
    add_options(parser, SegmentationOptions, SETTINGS)
    parser.set_defaults(test_time_augmentation=None)  # What is not given is the preset's.
    parser.add_argument(
        "--threads", type=reader(PositiveInt), help="CPU threads (default: the engine's choice)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Segment each folder, print its findings, sum up in one line."""
    from tqdm import tqdm

    from cinecohort.options import parse_options
    from cinecohort.segmentation.prediction import segment_subjects
    from cinecohort.segmentation.presets import networks_of, settings_of

    folders = subject_folders(arguments.folders, arguments.view)
    preset: Preset = arguments.preset or "default"
    weights = arguments.model or [networks_of(preset)[arguments.view]]
    joined = "_".join(Path(each).stem for each in weights)
    keep = not arguments.no_clean_up
    clean_up = CleanUpOptions(largest_component=keep, fill_holes=keep)
    given = {**read_options(arguments, SETTINGS), "clean_up": clean_up}
    if arguments.test_time_augmentation is None:
        given["test_time_augmentation"] = settings_of(preset).get("test_time_augmentation", "none")
    options = parse_options(given, SegmentationOptions, "the command line")
    model = parse_options(
        {
            "name": joined if arguments.name is None else arguments.name,
            "weights": weights[0] if len(weights) == 1 else weights,
        },
        ModelOptions,
        "the model",
    )
    counts: Counter[str] = Counter()
    done = segment_subjects(folders, model, options, arguments.view, arguments.name, arguments.threads)
    for folder, outcome in tqdm(done, "segmented", len(folders), unit=" subjects", disable=None):
        counts["segmented" if outcome.outputs else "not segmented"] += 1
        for finding in outcome.findings:
            print(f"{folder.name}: {finding.code}: {in_print(finding.message)}", file=sys.stderr)
    if not counts["segmented"]:
        raise UserError(f"{arguments.view} of none of {len(folders)} subjects could be segmented.")
    print(f"{counts['segmented']} of {len(folders)} subjects segmented with {model.name}")
    return 0


def subject_folders(folders: list[Path], view: str) -> list[Path]:
    """Subjects' folders, each once: those given that hold an image of the view, and all in one without.

    A folder beside such with images is taken for a subject whose image is missing, so that it is named.

    Raises
    ------
    UserError
        If a folder is not there or holds no such image at either level.
    """
    result: dict[Path, Path] = {}
    image = f"{view}.nii.gz"
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder}: there is no such folder.")
        inner = [folder]
        if not (folder / image).is_file():
            inner = [folder / name for name in folders_in(folder)]
        if not any((each / image).is_file() for each in inner):
            raise UserError(f"{folder}: holds no {image}, nor do the folders in it; convert first.")
        for each in inner:
            result.setdefault(each.resolve(), each)
    return list(result.values())
