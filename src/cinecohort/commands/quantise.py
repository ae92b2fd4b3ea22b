"""The ``quantise`` command: what int8 needs to know about weights, recorded on images of their training."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import PositiveInt

from cinecohort.commands.model_options import reader
from cinecohort.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from cinecohort.segmentation.prediction import LoadedModel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("weights", metavar="WEIGHTS", help="shipped weights or a .safetensors file")
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="DIR", help="converted subjects, or folders of them"
    )
    parser.add_argument(
        "--subjects",
        type=reader(PositiveInt),
        default=20,
        metavar="N",
        help="how many to look at, of those that the training saw (default: 20)",
    )
    parser.add_argument(
        "--any-subject",
        action="store_true",
        help="look at subjects that the training did not see too, such as new phantoms",
    )


def run(arguments: argparse.Namespace) -> int:
    """Record the ranges of the activations in the description of the weights."""
    from cinecohort.commands.segment import subject_folders
    from cinecohort.files import read_json, write_json
    from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
    from cinecohort.segmentation.prediction import load
    from cinecohort.segmentation.quantisation import activation_ranges
    from cinecohort.segmentation.weights import load_model, weights_path

    network, description = load_model(arguments.weights)
    model = ModelOptions(name=description.name, weights=arguments.weights)
    loaded = load(model, SegmentationOptions(), description.view, None)
    folders = subject_folders(arguments.folders, description.view)
    if not arguments.any_subject:
        folders = of_the_training(folders, loaded)
    folders = folders[:: -(-len(folders) // arguments.subjects)]  # Evenly spaced in the list.
    used: list[Path] = []
    ranges = activation_ranges(network, images_of_hearts(folders, loaded, used))
    path = weights_path(arguments.weights).with_suffix(".json")
    rounded = {name: float(f"{value:.4g}") for name, value in ranges.items()}
    write_json(path, {**read_json(path), "activation_ranges": rounded})
    print(f"{path}: {len(ranges)} ranges of activations recorded on {len(used)} subjects; int8 is ready")
    return 0


def of_the_training(folders: Sequence[Path], loaded: "LoadedModel") -> list[Path]:
    """Choose the subjects that the training saw; all, where that is not known.

    Raises
    ------
    UserError
        If it saw none of them.
    """
    from cinecohort.segmentation.participants import participants_of

    seen = {name for names in loaded.description.trained_on.values() for name in names}
    whose = participants_of(folders)
    known = [folder for folder in folders if not seen or not seen.isdisjoint({folder.name, whose[folder]})]
    if not known:
        raise UserError(
            f"the training of {loaded.description.name} saw none of the {len(folders)} subjects given; name "
            "the folder that it learnt from, or add --any-subject for hearts on which nothing is tested."
        )
    return known


def images_of_hearts(folders: Sequence[Path], loaded: "LoadedModel", used: list[Path]) -> Iterator["Tensor"]:
    """All slices of two frames of each subject, half a cine apart, around its heart as the network sees it.

    Subjects whose image cannot be read are left out; `used` gets the others.
    """
    from cinecohort.segmentation.inference import ImageInference
    from cinecohort.segmentation.options import SegmentationOptions
    from cinecohort.segmentation.prediction import read_subject

    options = SegmentationOptions()
    assert options.heart_region_margin_mm is not None
    for folder in folders:
        image = read_subject(folder, loaded.description.view).image
        if image is None:
            continue
        used.append(folder)
        inference = ImageInference(image, loaded.description, loaded.network, options.batch_size)
        frames = sorted({0, inference.n_frames // 2})
        inference.labels_around_heart(frames, options.heart_region_margin_mm)
        slices = range(inference.n_slices)
        yield inference.working_slices(
            [frame * inference.n_slices + index for frame in frames for index in slices]
        )
