"""Figures printed in Bai 2018 and Chen 2020, to be set beside a user's own and marked as published.

A file a table, in ``published/``. Every row holds ``paper, table`` and what the number is of; ``mean`` and
``sd`` are as printed, rounded as printed.
"""

from importlib import resources

import pandas as pd

PAPERS = {
    "bai2018": "Bai et al., J Cardiovasc Magn Reson 20:65 (2018)",
    "chen2020": "Chen et al., Front Cardiovasc Med 7:105 (2020)",
}
"""Key of a paper to its citation."""


def names() -> list[str]:
    """Names of the published tables, such as ``bai2018_table3``."""
    folder = resources.files("cinecohort.statistics") / "published"
    return sorted(
        entry.name.removesuffix(".csv") for entry in folder.iterdir() if entry.name.endswith(".csv")
    )


def load(name: str) -> pd.DataFrame:
    """Read a published table.

    Raises
    ------
    KeyError
        If there is no table of that name.
    """
    if name not in names():
        raise KeyError(f"no published table {name!r}; there are {', '.join(names())}")
    path = resources.files("cinecohort.statistics") / "published" / f"{name}.csv"
    with path.open(encoding="utf-8") as stream:
        return pd.read_csv(stream, keep_default_na=True)


def published_differences() -> pd.DataFrame:
    """Absolute and relative differences of Bai 2018, Tables 5 and 9, in one table."""
    return pd.concat([load("bai2018_table5"), load("bai2018_table9")], ignore_index=True)


def published_overlap() -> pd.DataFrame:
    """Dice and distances of Bai 2018 (Tables 2, 3, 7) and Dice of Chen 2020 (Tables III, VI, VII, VIII)."""
    tables = ("bai2018_table2", "bai2018_table3", "bai2018_table7", "chen2020_table3", "chen2020_table6")
    parts = [load(name) for name in (*tables, "chen2020_table7", "chen2020_table8")]
    return pd.concat(parts, ignore_index=True)
