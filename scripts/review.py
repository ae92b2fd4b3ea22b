"""The review room: one page, and a folder for each subject that is shown."""

from pathlib import Path

import checkout  # noqa: F401

from cinecohort.analyses.stages import run_review
from cinecohort.cohort.jobs import logged

with logged(snakemake.log[0]):
    run_review(
        snakemake.params.settings,
        results=Path(snakemake.output[0]).parents[1],
        threads=snakemake.threads,
    )
