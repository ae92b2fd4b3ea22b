"""Agreement from tables of measures alone, without images."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from cinecohort.analyses.agreement_report import run
from cinecohort.ledger.tables import read_table
from cinecohort.sources.table_options import TablesOptions
from cinecohort.sources.tables import write_cohort_tables
from cinecohort.statistics.options import AgreementOptions


def agreement_of_tables(
    datasets: Mapping[str, tuple[Path, TablesOptions]],
    out: Path,
    options: AgreementOptions,
    participants: Mapping[str, pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Make everything about agreement from tables of measures alone, and return what was read.

    Writes the cohort's tables to ``out/cohort/`` and the results as
    :func:`cinecohort.analyses.agreement_report.run` does to `out`.
    """
    paths = write_cohort_tables(datasets, out / "cohort", participants)
    run(paths["measures"], paths["overlap"], paths["participants"], out, options)
    return read_table(paths["tables"])
