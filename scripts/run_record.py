"""Versions, configuration and engines of this run."""

from pathlib import Path

import checkout  # noqa: F401

from cinecohort.cohort.jobs import logged
from cinecohort.cohort.run_record import record_run

with logged(snakemake.log[0]):
    record_run(
        snakemake.params.settings,
        segment=[Path(table) for table in snakemake.input.segment],
        path=Path(snakemake.output[0]),
        repository=Path(snakemake.scriptdir).parent,
    )
