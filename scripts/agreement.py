"""Agreement of models and observers."""

from pathlib import Path

import checkout  # noqa: F401

from cinecohort.analyses.stages import run_agreement
from cinecohort.cohort.jobs import logged

with logged(snakemake.log[0]):
    run_agreement(
        snakemake.params.settings,
        measures=Path(snakemake.input.measures),
        overlap=Path(snakemake.input.overlap),
        participants=Path(snakemake.input.participants),
        status=Path(snakemake.input.status),
        conversion=Path(snakemake.input.conversion),
        folder=Path(snakemake.output[0]),
        verdicts=[Path(path) for path in snakemake.input.verdicts],
        assessments=[Path(path) for path in snakemake.input.assessments],
        key=Path(snakemake.input.key[0]) if snakemake.input.key else None,
    )
