"""The ``model-card`` command: what shipped weights are and how good."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cinecohort.segmentation.descriptions import ModelDescription

UNVALIDATED = (
    "UNVALIDATED: these weights were not tested on labelled real hearts. What they measure is marked in the "
    "report and kept out of agreement and studies, unless the configuration says `unvalidated: include`."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", nargs="?", help="shipped weights or a file; lists them if left out")


def run(arguments: argparse.Namespace) -> int:
    """Print the card, or the names of what is shipped."""
    from cinecohort.segmentation.descriptions import describe_model, shipped_models, weights_path

    if arguments.name is None:
        for name in shipped_models():
            model = describe_model(name)
            tested = "validated" if model.validated else "unvalidated"
            print(f"{name}\t{model.view}\t{model.architecture}\t{tested}")
        return 0
    model = describe_model(arguments.name)
    if not model.validated:
        print(UNVALIDATED + "\n")
    card = weights_path(arguments.name).with_suffix(".md")
    if card.is_file():
        print(card.read_text().rstrip())
    else:
        print(without_card(model))
    print(f"\nsha256 {model.sha256}")
    return 0


def without_card(model: "ModelDescription") -> str:
    """What the description alone says of weights."""
    spacing = "each image's own pixels" if model.spacing_mm is None else f"pixels of {model.spacing_mm:g} mm"
    beside = f" with {model.neighbours} neighbouring slices on either side" if model.neighbours else ""
    lines = [
        f"# {model.name}",
        "",
        f"{model.architecture} for {model.view}, on {spacing}{beside}. These weights have no card.",
        f"Labels: {', '.join(f'{label} {name}' for label, name in model.structures.items())}.",
    ]
    if model.training_subjects:
        chose = model.recipe.get("select") == "best_iou"
        role = "chose between checkpoints" if chose else "were watched and chose nothing"
        lines.append(f"Trained on {model.training_subjects} subjects; {model.validation_subjects} {role}.")
    return "\n".join(lines)
