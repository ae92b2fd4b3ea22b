"""From tables of measures that were made elsewhere to the cohort's tables."""

from pathlib import Path

import checkout  # noqa: F401

from cinecohort.cohort.import_tables import import_tables
from cinecohort.cohort.jobs import logged

with logged(snakemake.log[0]):
    import_tables(snakemake.params.settings, results=Path(snakemake.output[0]).parents[1])
