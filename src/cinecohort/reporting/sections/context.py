"""What every section is given."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cinecohort.reporting.options import ReportOptions
from cinecohort.reporting.results import Results


@dataclass(frozen=True)
class Context:
    """Inputs of a section.

    Parameters
    ----------
    results
        The tables.
    options
        What to show.
    build
        Folder that the template is compiled in; pictures go to its ``figures/``.
    """

    results: Results
    options: ReportOptions
    build: Path

    def figure_path(self, name: str) -> Path:
        """Where a picture of this name goes."""
        return self.build / "figures" / name

    def keep_numbers(self, name: str, table: pd.DataFrame) -> None:
        """Keep the numbers that a picture shows, without keys of subjects, as a file beside it."""
        table.to_csv(self.figure_path(f"{name}.csv"), index=False)

    def hidden(self, n: int) -> int:
        """Return the smallest count that is printed, if `n` is to be held against one."""
        return self.options.smallest_count if n else 0
