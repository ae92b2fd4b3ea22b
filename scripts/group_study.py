"""A matched group study."""

from pathlib import Path

import checkout  # noqa: F401

from cinecohort.analyses.stages import run_group_study
from cinecohort.cohort.jobs import logged

with logged(snakemake.log[0]):
    run_group_study(
        snakemake.params.settings,
        measures=Path(snakemake.input.measures),
        participants=Path(snakemake.input.participants),
        status=Path(snakemake.input.status),
        folder=Path(snakemake.output[0]),
    )
