"""Figures printed in Bai 2018 and Chen 2020, to be set beside a user's own and marked as published.

One file per table, in ``published/``. Every row holds ``paper, table`` and what the number is of; ``mean``
and ``sd`` are as printed, rounded as printed.
"""

from collections.abc import Sequence
from importlib import resources

import pandas as pd

from cinecohort.errors import UserError
from cinecohort.statistics.comparisons import SINGLE_OBSERVER


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


def published_table(name: str, exposure: str, reference: str) -> pd.DataFrame:
    """Read a published table of two groups that is shipped with the package, laid out as ours.

    Parameters
    ----------
    name
        Such as ``bai2018_table8``.
    exposure, reference
        Labels of the groups; they begin as the published ones do (``Normal weight``: ``normal``).

    Returns
    -------
    pandas.DataFrame
        ``outcome, n1, n0, mean1, sd1, mean0, sd0, p_printed, paper, table``.

    Raises
    ------
    UserError
        There is no such table, or it has no such groups.
    """
    if name not in names():
        raise UserError(f"There is no published table {name}: choose one of {', '.join(names())}.")
    table = load(name)
    columns = {"measure": "outcome", "p": "p_printed"}
    groups = [str(column).removeprefix("mean_") for column in table if str(column).startswith("mean_")]
    for label, number in ((exposure, "1"), (reference, "0")):
        known = [group for group in groups if label.lower().startswith(group)]
        if len(known) != 1:
            raise UserError(
                f"The published table {name} has the groups {', '.join(groups) or 'none'}: {label!r} is "
                "none of them."
            )
        columns |= {f"{column}_{known[0]}": f"{column}{number}" for column in ("n", "mean", "sd")}
    shown = ["outcome", "n1", "n0", "mean1", "sd1", "mean0", "sd0", "p_printed", "paper", "table"]
    return table.rename(columns=columns)[shown]


OBSERVER_PAIRS = ("O1 vs O2", "O2 vs O3", "O3 vs O1")
"""Pairs of observers as Bai 2018 prints them."""


def comparison_names(first: pd.Series, second: pd.Series, automatic: pd.Series) -> pd.Series:
    """Name own comparisons as the papers do, so that like stands beside like.

    ``automatic vs manual`` for every automatic one; the pairs of three observers, in the order of their
    names, as those of O1, O2 and O3, whichever is named first; missing for others. A fourth observer called
    ``manual`` is the one of the whole test set and no party of these pairs.
    """
    observers = sorted({*first[~automatic], *second[~automatic]})
    if len(observers) > 3:
        observers = [name for name in observers if name != SINGLE_OBSERVER]
    known = {}
    if len(observers) == 3:
        one, two, three = observers
        pairs = ({one, two}, {two, three}, {three, one})
        known = {frozenset(pair): name for pair, name in zip(pairs, OBSERVER_PAIRS, strict=True)}
    names = [
        "automatic vs manual" if is_automatic else known.get(frozenset((one, other)))
        for one, other, is_automatic in zip(first, second, automatic, strict=True)
    ]
    return pd.Series(names, index=first.index, dtype="string")


def differences_beside_published(differences: pd.DataFrame) -> pd.DataFrame:
    """Set a user's mean (SD) differences beside those of Bai 2018, Tables 5 and 9.

    Parameters
    ----------
    differences
        ``all_differences.csv`` of the agreement stage.

    Returns
    -------
    pandas.DataFrame
        ``folder, dataset, first, second, frames, measure, difference`` (``absolute`` or ``relative_pct``),
        ``n, mean, sd`` and, from the paper, ``published_paper, published_table, published_comparison,
        published_n, published_mean, published_sd``; only measures that are published.
    """
    parts = [
        differences.rename(columns={f"{kind}_mean{end}": "mean", f"{kind}_sd{end}": "sd"}).assign(
            difference=f"{kind}{end}"
        )
        for kind, end in (("absolute", ""), ("relative", "_pct"))
    ]
    own = pd.concat(parts, ignore_index=True)
    own["comparison"] = comparison_names(own["first"], own["second"], own["kind"] != "observer-observer")
    keys = ["comparison", "measure", "difference"]
    shown = ["folder", "dataset", "first", "second", "frames", "measure", "difference", "n", "mean", "sd"]
    return _beside(own, published_differences(), keys, shown)


def correlation_beside_published(correlation: pd.DataFrame) -> pd.DataFrame:
    """Set a user's Spearman coefficients beside those of Chen 2020, Table IX, one row per published data set.

    Parameters
    ----------
    correlation
        ``all_correlation.csv`` of the agreement stage.

    Returns
    -------
    pandas.DataFrame
        ``folder, dataset, first, second, frames, measure, n, spearman_rho, spearman_rho2`` and
        ``published_paper, published_table, published_dataset, published_n, published_spearman`` (rho or its
        square: the paper does not say).
    """
    own = correlation[correlation["kind"] == "automatic-observer"].assign(comparison="automatic vs manual")
    shown = [
        "folder",
        "dataset",
        "first",
        "second",
        "frames",
        "measure",
        "n",
        "spearman_rho",
        "spearman_rho2",
    ]
    return _beside(own, load("chen2020_table9"), ["comparison", "measure"], shown)


def overlap_beside_published(overlap: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """Set a user's Dice and distances beside those of Bai 2018 (Tables 3, 7) and Chen 2020 (Table III).

    Parameters
    ----------
    overlap
        ``overlap.csv`` of the agreement stage; its rows of all subjects are used.
    models
        Sources that are automatic.

    Returns
    -------
    pandas.DataFrame
        ``source, reference, view, structure, metric, n, mean, sd`` and ``published_*`` as above.
    """
    whole = overlap[overlap["selection"] == "all"]
    parts = [
        whole.assign(
            metric=metric, n=whole[f"n_{metric}"], mean=whole[f"{metric}_mean"], sd=whole[f"{metric}_sd"]
        )
        for metric in ("dice", "mcd_mm", "hd_mm")
    ]
    own = pd.concat(parts, ignore_index=True)
    own["comparison"] = comparison_names(own["source"], own["reference"], own["source"].isin(models))
    published = pd.concat(
        [load(name) for name in ("bai2018_table3", "bai2018_table7", "chen2020_table3")], ignore_index=True
    )
    keys = ["comparison", "view", "structure", "metric"]
    shown = ["source", "reference", "view", "structure", "metric", "n", "mean", "sd"]
    return _beside(own, published, keys, shown)


def _beside(own: pd.DataFrame, published: pd.DataFrame, keys: list[str], shown: list[str]) -> pd.DataFrame:
    """Join on `keys`; the paper's columns are prefixed, so that nobody takes them for the user's own."""
    theirs = published.rename(columns={name: f"published_{name}" for name in published if name not in keys})
    theirs = theirs.assign(published_comparison=theirs["comparison"])
    wanted = [name for name in theirs.columns if name.startswith("published_")]
    return own[[*dict.fromkeys([*shown, *keys])]].merge(theirs, on=keys, how="inner")[[*shown, *wanted]]


def published_differences() -> pd.DataFrame:
    """Absolute and relative differences of Bai 2018, Tables 5 and 9, in one table."""
    return pd.concat([load("bai2018_table5"), load("bai2018_table9")], ignore_index=True)
