"""One page per subject, as PDF."""

from pathlib import Path

import checkout  # noqa: F401

from cinecohort.analyses.stages import run_subject_pages
from cinecohort.cohort.jobs import logged

with logged(snakemake.log[0]):
    run_subject_pages(
        snakemake.params.settings,
        results=Path(snakemake.output[0]).parents[1],
        threads=snakemake.threads,
    )
