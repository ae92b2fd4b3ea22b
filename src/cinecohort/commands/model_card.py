"""The ``model-card`` command: what shipped weights are and how good."""

import argparse


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
    card = weights_path(arguments.name).with_suffix(".md")
    if card.is_file():
        print(card.read_text().rstrip())
    else:
        print(f"# {model.name}\n\n{model.architecture} for {model.view}. These weights have no card.")
    print(f"\nsha256 {model.sha256}")
    return 0
