"""From the shards' tables to the cohort's."""

from pathlib import Path

import checkout  # noqa: F401

from cinecohort.cohort.gather import gather_results
from cinecohort.cohort.jobs import logged

with logged(snakemake.log[0]):
    gather_results(
        snakemake.params.settings,
        shards=snakemake.params.shards,
        results=Path(snakemake.output[0]).parents[1],
    )
