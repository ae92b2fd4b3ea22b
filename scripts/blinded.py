"""The blinded assessment: its page, its pictures, and the key that stays away from them."""

from pathlib import Path

import checkout  # noqa: F401

from cinecohort.analyses.stages import run_blinded
from cinecohort.cohort.jobs import logged

with logged(snakemake.log[0]):
    run_blinded(
        snakemake.params.settings,
        results=Path(snakemake.output.page).parents[1],
        threads=snakemake.threads,
    )
