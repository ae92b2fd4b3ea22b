"""Agreement from tables of measures alone, without images."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from cinecohort.analyses.agreement_files import run
from cinecohort.cohort.import_tables import write_cohort_tables
from cinecohort.config import DatasetOptions
from cinecohort.statistics.options import AgreementOptions


def agreement_of_tables(
    datasets: Mapping[str, DatasetOptions], out: Path, options: AgreementOptions
) -> pd.DataFrame:
    """Make everything about agreement from tables of measures alone, and return what was read.

    Writes the cohort's tables to ``out/cohort/`` and the results as
    :func:`cinecohort.analyses.agreement_files.run` does to `out`.
    """
    cohort = out / "cohort"
    read = write_cohort_tables(datasets, cohort)
    run(cohort / "measures.tsv", cohort / "overlap.tsv", cohort / "participants.tsv", out, options)
    return read
