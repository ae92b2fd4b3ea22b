"""The study report as PDF."""

from pathlib import Path

import checkout  # noqa: F401

from cinecohort.analyses.stages import run_report
from cinecohort.cohort.jobs import logged

with logged(snakemake.log[0]):
    run_report(
        snakemake.params.settings,
        results=Path(snakemake.output.pdf).parent,
        output=Path(snakemake.output.pdf),
    )
