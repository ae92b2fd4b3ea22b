"""Dice of the long-axis networks on phantoms of other seeds than they were trained on (SYNTHETIC DATA).

No labels of real long-axis views are public, so that this is all that can be measured: how far a network that
learnt from phantoms segments other phantoms, as the workflow segments them. It says little about real hearts.
Networks of other structures than the atria are measured in all that they know.
Plain phantoms look like those of the demo, randomised ones vary far beyond the real. Writes
``benchmarks/long_axis_phantoms.md``::

    python benchmarks/long_axis_phantoms.py [--subjects 40] [--la-2ch WEIGHTS ...] [--la-4ch WEIGHTS ...]

``--phantoms DIR`` keeps the phantoms, and takes those that are there.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cinecohort.cli import main as cinecohort
from cinecohort.images import read_image
from cinecohort.label_maps import label_path, segmentation_path
from cinecohort.segmentation.descriptions import DEFAULT_MODELS, describe_model
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
from cinecohort.segmentation.prediction import segment_subjects

HERE = Path(__file__).parent
VIEWS = ("la_2ch", "la_4ch")
PHANTOMS = {"plain": ["--seed", "900", "--no-faults"], "randomised": ["--seed", "901", "--randomise"]}
LOW = 0.5


def make_phantoms(folder: Path, subjects: int, settings: list[str]) -> list[Path]:
    """Write phantoms at end-diastole and end-systole, unless they are there, and return their folders."""
    layout = ["--layout", "nifti", "--ed-es", "--views", *VIEWS]
    if not folder.is_dir() and cinecohort(
        ["phantom", str(folder), *layout, "--subjects", str(subjects), *settings]
    ):
        raise SystemExit("no phantoms could be written")
    return sorted(path for path in folder.iterdir() if path.is_dir())


def dice_by_frame(folders: list[Path], view: str, weights: str) -> Iterator[list[float]]:
    """Segment, and yield the Dice of the network's structures for each frame."""
    labels = describe_model(weights).labels
    model = ModelOptions(name="phantoms", weights=weights)
    options = SegmentationOptions(precision="fp32", device="cpu")
    for folder, outcome in segment_subjects(folders, model, options, view, model.name):
        assert outcome.outputs, outcome.findings
        found = read_image(segmentation_path(folder, view, model.name)).data
        truth = read_image(label_path(folder, view, "truth")).data
        for frame in range(truth.shape[3]):
            yield [dice(found[..., frame] == label, truth[..., frame] == label) for label in labels]


def dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Dice of two masks; the truth is never empty."""
    return 2 * float((found & truth).sum()) / float(found.sum() + truth.sum())


def line_of(kind: str, weights: str, values: NDArray[np.float64]) -> str:
    """Row of the table."""
    cells = (
        " / ".join(describe_model(weights).labels.values()),
        str(len(values)),
        " / ".join(f"{mean:.3f}" for mean in values.mean(axis=0)),
        " / ".join(f"{median:.3f}" for median in np.median(values, axis=0)),
        " / ".join(str(count) for count in (values < LOW).sum(axis=0)),
    )
    return f"| {Path(weights).stem} | {kind} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=40)
    for view in VIEWS:
        flag = f"--{view.replace('_', '-')}"
        parser.add_argument(flag, dest=view, nargs="+", default=[DEFAULT_MODELS[view]], help="weights")
    parser.add_argument("--phantoms", type=Path, help="folder that keeps the phantoms")
    parser.add_argument("--out", type=Path, default=HERE / "long_axis_phantoms.md")
    arguments = parser.parse_args()
    lines = [
        "# Long-axis networks on phantoms",
        "",
        f"`{' '.join(['python', 'benchmarks/long_axis_phantoms.py', *sys.argv[1:]])}`: SYNTHETIC DATA. "
        f"{arguments.subjects} plain and",
        f"{arguments.subjects} randomised phantoms of seeds that no network was trained on, end-diastole and",
        "end-systole, segmented as the workflow does. It says little about real hearts.",
        "",
        f"| network | phantoms | structures | frames | mean Dice | median | frames below {LOW} |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as temporary:
        for kind, settings in PHANTOMS.items():
            folders = make_phantoms(
                (arguments.phantoms or Path(temporary)) / kind, arguments.subjects, settings
            )
            for view in VIEWS:
                for weights in getattr(arguments, view):
                    values = np.array(list(dice_by_frame(folders, view, weights)))
                    lines.append(line_of(kind, weights, values))
                    print(lines[-1], flush=True)
    arguments.out.write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
