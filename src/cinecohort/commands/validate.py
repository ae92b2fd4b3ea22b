"""The ``validate`` command: a network tested on labelled hearts that it never saw."""

import argparse
from pathlib import Path

from cinecohort.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("weights", metavar="WEIGHTS", help="shipped weights or a .safetensors file")
    parser.add_argument(
        "dataset", type=Path, metavar="DATASET", help="folder of subjects with images and labels"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the record, JSON")
    parser.add_argument(
        "--bars", type=Path, metavar="FILE", help="YAML with higher bars than the usual ones (docs/train.md)"
    )
    parser.add_argument("--observer", default="manual", help="whose labels (default: manual)")


def run(arguments: argparse.Namespace) -> int:
    """Test, write the record, say what was reached."""
    from cinecohort.analyses.network_validation import validate_network
    from cinecohort.files import write_json
    from cinecohort.options import load_options
    from cinecohort.reporting import printed
    from cinecohort.segmentation.descriptions import describe_model
    from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
    from cinecohort.segmentation.validation_records import ValidationBars

    if not arguments.dataset.is_dir():
        raise UserError(f"{arguments.dataset}: there is no such folder.")
    model = ModelOptions(name=Path(arguments.weights).stem, weights=arguments.weights)
    view = describe_model(arguments.weights).view
    bars = load_options(arguments.bars, ValidationBars) if arguments.bars else None
    record = validate_network(model, view, arguments.dataset, arguments.observer, SegmentationOptions(), bars)
    write_json(arguments.out, record.model_dump(mode="json"))
    printed.validation(record, arguments.out)
    for name, found in record.structures.items():
        print(
            f"{name}: Dice {found.dice_mean:.3f} (SD {found.dice_sd:.3f}, lowest {found.dice_lowest:.3f}) in "
            f"{found.n} frames; size {found.bias_pct:+.1f} %"
        )
    compared = f"{record.n_subjects} subjects ({record.n_seen} left out, since the training saw them)"
    print(f"{arguments.out}: {record.weights} on {compared}: {record.verdict}")
    return 0
