"""Our short-axis networks beside another tool's on hearts that ours never saw.

    python benchmarks/peers/compare.py ../shared/data --peer peers/bin/python [--models unet_vendors_sa]

``--peer`` is the Python of the environment that ``run_myopari.py`` describes. Writes
``benchmarks/peers/peers.md``: Dice, measures (ACDC, whose spacing is true), slices missed, processor seconds.
"""

import argparse
import json
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cinecohort.evaluation.overlap import overlap
from cinecohort.label_maps import read_label, read_segmentation
from cinecohort.segmentation.engines import resolve_engine
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from segmentation_accuracy import (
    HELD_OUT,
    STRUCTURES,
    Network,
    converted,
    mean_sd,
    measures_table,
    missed_slices,
    scores,
    slices_table,
)

INTRODUCTION = """# Beside another tool

`python benchmarks/peers/compare.py ../shared/data --peer peers/bin/python`: the 15 ACDC and 16 M&Ms
subjects of `src/cinecohort/segmentation/splits/vendors_held_out.txt`, ED and ES, 3D Dice on the native
grid, mean (SD). None of our networks saw any of them. `myopari` 0.1.6 (PyPI, MIT) carries a network trained
on ACDC: **it is likely to have seen the ACDC subjects, which are of the public training set, so that its
figures there are too good**; M&Ms is new to it as to ours that learnt from ACDC alone, while
`unet_vendors_sa` learnt from other subjects of M&Ms. Both run on the same processor ({machine}; ours:
{engine}, myopari: ONNX Runtime, fp32). Processor seconds per slice: reading, network, clean-up and writing.

Published, for orientation and not measured here: means of a challenge entry on the official M&Ms test (LV /
myocardium / RV): Siemens .908 / .831 / .864, Philips .913 / .867 / .879, GE .906 / .833 / .870, Canon .918
/ .833 / .816.
"""


def peer_scores(folders: Sequence[Path], peer: Path) -> tuple[pd.DataFrame, float]:
    """Overlap of the peer's label maps with the experts', and its processor seconds."""
    frames = {}
    for folder in folders:
        manual = read_label(folder, "sa", "manual")
        assert manual is not None
        frames[str(folder)] = sorted({manual.ed_frame, manual.es_frame})
    with tempfile.NamedTemporaryFile("w", suffix=".json") as listed:
        json.dump(frames, listed)
        listed.flush()
        command = [str(peer), str(HERE / "run_myopari.py"), listed.name]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds = re.search(r"processor seconds: ([\d.]+)", printed)
    assert seconds is not None
    tables = []
    for folder in folders:
        manual, automatic = read_label(folder, "sa", "manual"), read_segmentation(folder, "sa", "myopari")
        assert manual is not None
        assert automatic is not None
        table = overlap(automatic.image, manual.image, "sa", manual.annotated, positions=False)
        tables.append(table.assign(subject=folder.name))
    return pd.concat(tables), float(seconds[1])


def n_slices(folders: Sequence[Path]) -> int:
    """Slices of all ED and ES frames."""
    labels = [read_label(folder, "sa", "manual") for folder in folders]
    return sum(each.image.data.shape[2] * 2 for each in labels if each is not None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with acdc/ and mnms/")
    parser.add_argument("--peer", type=Path, required=True, help="Python of the peer's environment")
    parser.add_argument("--models", nargs="+", default=["unet_vendors_sa"])
    parser.add_argument("--out", type=Path, default=HERE / "peers.md")
    arguments = parser.parse_args()
    options = SegmentationOptions()
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    lines = [INTRODUCTION.format(machine=machine, engine=resolve_engine(options)).rstrip(), ""]
    details: list[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        held_out = HELD_OUT.read_text().split()
        parts = {
            "ACDC": converted("acdc", arguments.data / "acdc", held_out, Path(temporary)),
            "M&Ms": converted("nifti", arguments.data / "mnms", held_out, Path(temporary)),
        }
        lines += ["| network | part | n | LV | MYO | RV | processor s per slice |", "|---" * 7 + "|"]
        for weights in [*arguments.models, "myopari"]:
            name = Path(weights).stem
            for part, folders in parts.items():
                if name == "myopari":
                    table, seconds = peer_scores(folders, arguments.peer)
                else:
                    begun = time.process_time()
                    model = ModelOptions(name=name, weights=weights)
                    table = scores(folders, Network(name, {None: model}, options))
                    seconds = time.process_time() - begun
                cells = [mean_sd(table.loc[table["structure"] == each, "dice"]) for each in STRUCTURES]
                cost = f"{seconds / n_slices(folders):.3f}"
                lines.append(f"| {name} | {part} | {len(folders)} | {' | '.join(cells)} | {cost} |")
                details += ["", f"## {name}, {part}", "", *slices_table(missed_slices(folders, name))]
                if part == "ACDC":
                    details += ["", *measures_table(folders, name)]
    arguments.out.write_text("\n".join([*lines, *details]) + "\n")
    print("\n".join([*lines, *details]))


if __name__ == "__main__":
    main()
