"""The table that a user gives to a command, and what is said of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def read_and_remark(path: Path, keys: Sequence[str], may_be_empty: bool = True) -> "pd.DataFrame":
    """Read a user's table, and print what was taken as missing, looks like a code or cannot be true.

    See :func:`cinecohort.ledger.tables.read_users_table` for what it takes and raises.
    """
    from cinecohort.ledger.tables import read_users_table

    table, notes = read_users_table(path, keys, may_be_empty)
    for line in notes:
        print(line)
    for sentence in contradicting_function(table):
        print(f"{path}: {sentence}")
    return table


def contradicting_function(table: "pd.DataFrame") -> Iterator[str]:
    """Sentences on stroke volumes and ejection fractions that are not those of the volumes beside them."""
    from cinecohort.catalogue.measures import BY_COLUMN, THEIR_NAMES
    from cinecohort.measures.derived import contradictions

    numbers = table.select_dtypes("number").rename(columns=lambda name: THEIR_NAMES.get(str(name), str(name)))
    numbers = numbers.loc[:, ~numbers.columns.duplicated()]
    for name, wrong in contradictions(numbers).items():
        if wrong.any():
            first = numbers.loc[wrong, name].iloc[0]
            yield (
                f"{name} is not what {' and '.join(BY_COLUMN[name].of)} give in {int(wrong.sum()):,} of "
                f"{len(table):,} rows, the first with {first:g}; all are used as they are."
            )
