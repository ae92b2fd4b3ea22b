"""``cinecohort phantom``: write a cohort of beating phantom hearts of known truth."""

import argparse
from pathlib import Path

from cinecohort.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the arguments."""
    parser.add_argument("destination", type=Path, metavar="DEST", help="folder that is written")
    parser.add_argument("--subjects", type=int, default=24, metavar="N", help="subjects (24)")
    parser.add_argument("--frames", type=int, default=20, metavar="T", help="frames per cycle (20)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="seed of everything drawn (1)")
    parser.add_argument(
        "--layout",
        choices=("ukbiobank", "dicom", "nifti"),
        default="ukbiobank",
        help="UK Biobank's archives, one folder of series per subject, or images and true label maps",
    )
    parser.add_argument(
        "--ed-es", action="store_true", help="with --layout nifti: end-diastole and end-systole only"
    )
    parser.add_argument(
        "--views",
        nargs="+",
        choices=("sa", "la_2ch", "la_4ch"),
        default=("sa", "la_2ch", "la_4ch"),
        help="with --layout nifti: only these views",
    )
    parser.add_argument(
        "--randomise",
        action="store_true",
        help="with --layout nifti: shapes, contrast and artefacts far beyond the real, for training",
    )
    parser.add_argument(
        "--tables-only", action="store_true", help="participants and measures without images, for thousands"
    )
    parser.add_argument("--no-faults", action="store_true", help="plant no faults")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="processes (1)")


def run(arguments: argparse.Namespace) -> int:
    """Write the cohort; progress on a terminal, one line in the end."""
    from pydantic import ValidationError
    from tqdm import tqdm

    from cinecohort.phantom.cohort import write_cohort
    from cinecohort.phantom.options import PhantomOptions

    try:
        options = PhantomOptions(
            subjects=arguments.subjects,
            frames=arguments.frames,
            seed=arguments.seed,
            layout=arguments.layout,
            written_frames="ed_es" if arguments.ed_es else "all",
            views=tuple(arguments.views),
            randomise=arguments.randomise,
            tables_only=arguments.tables_only,
            faults=not arguments.no_faults,
            jobs=arguments.jobs,
        )
    except ValidationError as fault:
        words = "; ".join(f"--{error['loc'][0]}: {error['msg']}" for error in fault.errors())
        raise UserError(f"The phantom cohort cannot be made: {words}.") from fault
    with tqdm(desc="phantoms", total=options.subjects, unit=" subjects", disable=None) as bar:

        def show(done: int, _: int) -> None:
            bar.update(done - bar.n)

        write_cohort(arguments.destination, options, show)
    print(f"{arguments.destination}: {options.subjects} phantom subjects (SYNTHETIC DATA).")
    return 0
