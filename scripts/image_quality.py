"""Check geometry, timing and signal of the images."""

from pathlib import Path

from cinecohort.cohort.jobs import logged
from cinecohort.cohort.stages import run_stage

with logged(snakemake.log[0]):
    run_stage(
        "image_quality",
        snakemake.params.settings,
        index=Path(snakemake.input.index),
        results=Path(snakemake.output.table).parents[1],
        table=Path(snakemake.output.table),
        findings=Path(snakemake.output.findings),
        threads=snakemake.threads,
    )
