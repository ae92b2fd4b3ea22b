"""A stage that works by subject, over one shard; the rule's name is the stage's."""

from pathlib import Path

import checkout  # noqa: F401

from cinecohort.cohort.jobs import logged
from cinecohort.cohort.stages import run_stage

with logged(snakemake.log[0]):
    run_stage(
        snakemake.rule,
        snakemake.params.settings,
        table=Path(snakemake.output.table),
        findings=Path(snakemake.output.findings),
        threads=snakemake.threads,
        gpu=snakemake.resources.get("gpu", 0),
    )
