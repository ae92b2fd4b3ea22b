"""Sunnybrook, from DICOM: ejection fraction against the expert's, and the slices that make the difference.

    snakemake --cores 2 --configfile config/sunnybrook.yaml
    python benchmarks/sunnybrook.py [results] [--write]

Beside the network's ejection fraction at its own frames and at the expert's stands the one within the slices
that the expert drew in, and each slice whose cavity differs by more than 3 mL at end-diastole or end-systole.
``--write`` puts the table into ``sunnybrook.md`` and keeps what was written below it; studies are numbered
in the order of their keys.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cinecohort.images import read_image

WORTH_TELLING_ML = 3.0


def cavity_by_slice(path: Path) -> tuple[NDArray[np.float64], dict]:
    """LV volume in mL by slice and frame, and the sidecar."""
    image = read_image(path)
    return (image.data == 1).sum(axis=(0, 1)) * image.voxel_volume_ml, image.sidecar


def ejection_fraction(edv: float, esv: float) -> float:
    """Ejection fraction in percent."""
    return 100.0 * (edv - esv) / edv


def row(number: int, folder: Path, measures: pd.DataFrame) -> list[str]:
    """One study's row."""
    automatic, _ = cavity_by_slice(folder / "seg_sa.nii.gz")
    expert, sidecar = cavity_by_slice(folder / "label_manual_sa.nii.gz")
    frames = {"ED": sidecar["ed_frame"], "ES": sidecar["es_frame"]}
    drawn = {role: np.flatnonzero(expert[:, frame]) for role, frame in frames.items()}
    own = measures[(measures["subject"] == folder.name) & (measures["frames"] == "own")]
    own = own.set_index("source")["lvef_pct"]
    edv, esv = (automatic[drawn[role], frames[role]].sum() for role in ("ED", "ES"))
    at_expert = ejection_fraction(*(automatic[:, frames[role]].sum() for role in ("ED", "ES")))
    model = next(name for name in own.index if name != "manual")
    notes = [
        f"{role} slice {place}: {automatic[place, frame]:.1f} against {expert[place, frame]:.1f} mL"
        for role, frame in frames.items()
        for place in np.flatnonzero(np.abs(automatic[:, frame] - expert[:, frame]) > WORTH_TELLING_ML)
    ]
    fractions = [own["manual"], own[model], at_expert, ejection_fraction(edv, esv)]
    return [str(number), *(f"{value:.1f}" for value in fractions), "; ".join(notes)]


def main() -> None:
    """Print, or write, the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="?", default=Path("results"))
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    measures = pd.read_csv(arguments.results / "cohort" / "measures.tsv", sep="\t")
    header = ["study", "expert LVEF %", "own frames", "expert's frames", "expert's slices and frames"]
    rows = [
        row(number, arguments.results / "subjects" / subject, measures)
        for number, subject in enumerate(sorted(measures["subject"].unique()), start=1)
    ]
    lines = [f"| {' | '.join(cells)} |" for cells in ([*header, "slices that differ"], *rows)]
    lines.insert(1, "|" + "---|" * (len(header) + 1))
    text = "# Sunnybrook, from DICOM to ejection fraction\n\n`python benchmarks/sunnybrook.py`\n\n"
    text += "\n".join(lines) + "\n"
    print(text)
    if arguments.write:
        page = Path(__file__).with_suffix(".md")
        _, prose, kept = page.read_text().partition("\nWeights ")
        page.write_text(text + prose + kept)


if __name__ == "__main__":
    main()
