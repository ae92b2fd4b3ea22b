"""The phantom cohort on disk: subjects in parallel, then the tables."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pandas as pd

from cinecohort.errors import UserError
from cinecohort.phantom.options import PhantomOptions
from cinecohort.phantom.subject import Written, write_subject
from cinecohort.phantom.tables import write_tables, write_tsv

Progress = Callable[[int, int], None]


def write_cohort(destination: Path, options: PhantomOptions, progress: Progress | None = None) -> None:
    """Write a cohort with its participants, contours and known truth.

    Parameters
    ----------
    destination
        Folder of the cohort: ``bulk/`` (or ``dicom/``) and ``annotations/{observer}/``, or a folder a
        subject (layout ``nifti``); ``participants.tsv``, ``truth.tsv`` (one row per subject) and
        ``truth_frames.tsv`` (one row per frame). The tables are written last.
    options
        What to write; the same options give the same files.
    progress
        Called with how many subjects are done and how many there are.

    Raises
    ------
    UserError
        If an option does not go with the layout.
    """
    if options.layout != "nifti" and (options.randomise or options.written_frames != "all"):
        raise UserError("--ed-es and --randomise are for images to train on: use them with --layout nifti.")
    if options.tables_only:
        write_tables(destination, options)
        return
    written: list[Written] = []
    for done, subject in enumerate(_subjects(destination, options), start=1):
        written.append(subject)
        if progress:
            progress(done, options.subjects)
    write_tsv(
        destination / "truth_frames.tsv", pd.DataFrame([row for each in written for row in each.frames])
    )
    write_tsv(destination / "truth.tsv", pd.DataFrame([each.truth for each in written]))
    write_tsv(destination / "participants.tsv", pd.DataFrame([each.participant for each in written]))


def _subjects(destination: Path, options: PhantomOptions) -> Iterator[Written]:
    numbers = range(1, options.subjects + 1)
    one = partial(write_subject, destination=destination, options=options)
    if options.jobs == 1:
        yield from map(one, numbers)
        return
    with ProcessPoolExecutor(options.jobs) as pool:
        yield from pool.map(one, numbers)
