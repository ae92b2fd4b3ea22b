"""A step of experiments."""

import checkout  # noqa: F401

from cinecohort.cohort.jobs import logged
from cinecohort.experiments.options import parse_experiments
from cinecohort.experiments.steps import CURVES, run_step

with logged(snakemake.log[0]):
    run_step(
        parse_experiments(snakemake.config),
        snakemake.params.kind,
        ".".join(snakemake.wildcards) or CURVES,
    )
