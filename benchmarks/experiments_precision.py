"""Processor seconds of a training iteration in fp32 and in bf16, on this machine.

    python benchmarks/experiments_precision.py DATA [--architecture unet_slim]

DATA is a folder of labelled subjects as ``cinecohort convert`` writes them. Prints a line a precision.
"""

import argparse
from pathlib import Path

import torch

from cinecohort.experiments.budget import seconds_per_iteration
from cinecohort.segmentation.processors import this_processor
from cinecohort.segmentation.training_options import TrainingOptions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--architecture", default="unet_slim")
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}; bf16 instructions: {'yes' if this_processor().has_bf16 else 'no'}")
    for precision in ("fp32", "bf16"):
        options = TrainingOptions.model_validate(
            {
                "name": "timed",
                "output": "unused",
                "architecture": arguments.architecture,
                "data": {"folders": [arguments.data]},
                "precision": precision,
                "device": "cpu",
                "threads": 1,
            }
        )
        print(f"{arguments.architecture} {precision}: {seconds_per_iteration(options):.2f} s", flush=True)


if __name__ == "__main__":
    main()
