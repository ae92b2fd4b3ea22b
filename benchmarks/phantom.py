"""Speed of the phantom: subjects of UK Biobank's protocol (short axis and 3 long-axis views x 50 frames).

    python benchmarks/phantom.py [--subjects 4] [--write]

Each subject is made in full: anatomy, images, DICOM files, archives, workspaces of four observers, truth.
One process; run it with OMP_NUM_THREADS=1. Processor time is what counts on a machine that others use
too. ``--write`` puts the table into ``phantom.md``.
"""

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path

from cinecohort.phantom.options import PhantomOptions
from cinecohort.phantom.subject import write_subject
from cinecohort.phantom.tables import write_tables

FRAMES = 50

LOOKS = """# Looks of the phantom

`phantom_contact_sheet.png`, made by

    python benchmarks/phantom_contact_sheet.py benchmarks/phantom_contact_sheet.png --small --crop 170 \\
        --subjects 1 5 12 19 26 33

A person takes two rows, end-diastole over end-systole: healthy, DCM, HCM, infarct, abnormal RV, aortic
stenosis. From left to right: basal, middle and apical short axis, 2-, 3- and 4-chamber view. SYNTHETIC DATA.
`--real FOLDER` sets converted real hearts beside them; such a sheet is for looking at, never for the
repository.
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--subjects", type=int, default=4)
    parser.add_argument("--write", action="store_true", help="write benchmarks/phantom.md")
    arguments = parser.parse_args()
    options = PhantomOptions(frames=FRAMES, faults=False)
    lines = [
        f"Machine: {platform.machine()}, {os.cpu_count()} cores; Python {platform.python_version()}.",
        "",
        "| what | processor time | wall clock | size |",
        "|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        destination = Path(folder)
        write_subject(1, destination / "warm", PhantomOptions(frames=10, faults=False))
        for number in range(1, arguments.subjects + 1):
            wall, used = time.perf_counter(), time.process_time()
            row = write_subject(number, destination, options)
            wall, used = time.perf_counter() - wall, time.process_time() - used
            size = sum(path.stat().st_size for path in destination.rglob(f"bulk/*{number:04d}_*.zip")) / 1e6
            slices = row.truth["n_slices"]
            lines.append(
                f"| subject, {slices} + 3 slices x {FRAMES} | {used:.2f} s | {wall:.2f} s | {size:.0f} MB |"
            )
        wall, used = time.perf_counter(), time.process_time()
        write_tables(destination, PhantomOptions(subjects=5000, tables_only=True))
        wall, used = time.perf_counter() - wall, time.process_time() - used
        lines.append(f"| tables of 5,000 | {used:.2f} s | {wall:.2f} s | |")
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.write:
        Path(__file__).with_suffix(".md").write_text(f"# Speed of the phantom\n\n{text}\n{LOOKS}")


if __name__ == "__main__":
    main()
