"""Which methods and observers of a measures table are compared with which."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import pandas as pd

from cinecohort.catalogue.measures import CHECKED, measure_of
from cinecohort.ledger.tables import is_measure_name

SINGLE_OBSERVER = "manual"
"""Name of a source's only observer; it is no partner in a pair of observers where there are others."""

MEAN_OF_OBSERVERS = "mean of observers"

_NOT_COMPARED = {"heart_rate_bpm", "bsa_m2", "unvalidated", "models", *CHECKED}
_SAYS_MORE = ("_z", "_low", "_high")
"""Endings of columns that say more of a measure (z-score, ends of its interval) and are not compared."""


@dataclass(frozen=True)
class Comparison:
    """Two tables of measures, one row per subject, and what they are.

    Parameters
    ----------
    kind
        ``automatic-observer``, ``automatic-mean`` (against the mean of the observers) or
        ``observer-observer``.
    first_name, second_name
        Model or observer.
    frames
        Whose end-diastole and end-systole the automatic measures are of: ``own`` or the observer's name.
    primary
        Whether the first is the primary model.
    first, second
        ``subject`` and the measures.
    dataset
        The dataset; empty for all together.
    plain_name
        Whether the folder's name leaves the frames out.
    """

    kind: str
    first_name: str
    second_name: str
    frames: str
    primary: bool
    first: pd.DataFrame
    second: pd.DataFrame
    dataset: str = ""
    plain_name: bool = True

    @property
    def folder(self) -> str:
        """Name of the comparison's folder."""
        frames = "" if self.plain_name else "-own-frames"
        name = f"{self.first_name}{frames}-vs-{self.second_name}"
        return re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{self.dataset}--{name}" if self.dataset else name)

    @property
    def title(self) -> str:
        """What the comparison is called in figures."""
        frames = "" if self.plain_name else " (own frames)"
        where = f"{self.dataset}: " if self.dataset else ""
        return f"{where}{self.first_name}{frames} vs {self.second_name}"


@dataclass(frozen=True)
class MeasureSources:
    """The measures table by who made each row.

    Parameters
    ----------
    models, observers
        Names in the table's order; the first model is the primary one.
    automatic
        Table of each (model, frames).
    manual
        Table of each observer.
    """

    models: tuple[str, ...]
    observers: tuple[str, ...]
    automatic: dict[tuple[str, str], pd.DataFrame]
    manual: dict[str, pd.DataFrame]

    @classmethod
    def of(cls, measures: pd.DataFrame, statuses: Sequence[str]) -> "MeasureSources":
        """Take a cohort's measures apart; rows of another status or without a source take no part."""
        used = measures[measures["source"].notna()]
        if "status" in used:
            used = used[used["status"].isin(statuses)]
        columns = [name for name in used.columns if _is_compared(used[name], str(name))]
        frames = used["frames"].fillna("own") if "frames" in used else pd.Series("own", index=used.index)
        models = tuple(dict.fromkeys(used.loc[used["kind"] == "auto", "source"]))
        observers = tuple(sorted(set(used.loc[used["kind"] == "manual", "source"])))
        automatic = {
            (str(source), str(frame)): table[["subject", *columns]]
            for (source, frame), table in used[used["kind"] == "auto"].groupby(["source", frames], sort=False)
        }
        manual = {
            str(source): table[["subject", *columns]].drop_duplicates("subject")
            for source, table in used[used["kind"] == "manual"].groupby("source")
        }
        return cls(models, observers, automatic, manual)

    @property
    def measures(self) -> list[str]:
        """Names of the measures."""
        tables = [*self.automatic.values(), *self.manual.values()]
        return [str(name) for name in tables[0].columns[1:]] if tables else []

    @property
    def panel(self) -> tuple[str, ...]:
        """Observers who are compared with each other: all but a single one where there are others."""
        several = tuple(name for name in self.observers if name != SINGLE_OBSERVER)
        return several if len(several) > 1 else self.observers

    def observer_pairs(self) -> list[tuple[str, str]]:
        """Pairs of observers; three go round, O1 vs O2, O2 vs O3, O3 vs O1 (Bai 2018, Table 5).

        The order matters because relative differences are relative to the second.
        """
        panel = self.panel
        if len(panel) == 3:
            return [(panel[0], panel[1]), (panel[1], panel[2]), (panel[2], panel[0])]
        return list(combinations(panel, 2))

    def mean_of_observers(self) -> pd.DataFrame | None:
        """Mean over the panel, empty where an observer's value is missing; None with fewer than two."""
        if len(self.panel) < 2:
            return None
        tables = [self.manual[name].set_index("subject") for name in self.panel]
        subjects = set.intersection(*(set(table.index) for table in tables))
        order = [subject for subject in tables[0].index if subject in subjects]
        mean = sum((table.loc[order] for table in tables[1:]), tables[0].loc[order]) / len(tables)
        return mean.reset_index()


def _is_compared(column: pd.Series, name: str) -> bool:
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    says_more = name.endswith(_SAYS_MORE) and measure_of(name.removesuffix("_z")) is not None
    return numeric and name not in _NOT_COMPARED and is_measure_name(name) and not says_more


def comparisons(sources: MeasureSources, dataset: str = "") -> Iterator[Comparison]:
    """Every model against every observer, at the observer's frames and its own, and pairs of observers.

    Where there are several observers, every model is compared with their mean too. Comparisons without a
    subject in common are left out.
    """
    for model in sources.models:
        primary = model == sources.models[0]
        for observer in sources.observers:
            both = [frames for frames in (observer, "own") if (model, frames) in sources.automatic]
            for frames in both:
                yield from _with_subjects(
                    Comparison(
                        "automatic-observer",
                        model,
                        observer,
                        frames,
                        primary,
                        sources.automatic[model, frames],
                        sources.manual[observer],
                        dataset,
                        plain_name=frames == both[0],
                    )
                )
        mean = sources.mean_of_observers()
        if mean is not None and (model, "own") in sources.automatic:
            first = sources.automatic[model, "own"]
            yield from _with_subjects(
                Comparison("automatic-mean", model, MEAN_OF_OBSERVERS, "own", primary, first, mean, dataset)
            )
    for one, other in sources.observer_pairs():
        first, second = sources.manual[one], sources.manual[other]
        yield from _with_subjects(
            Comparison("observer-observer", one, other, "own", False, first, second, dataset)
        )


def _with_subjects(comparison: Comparison) -> Iterator[Comparison]:
    """Yield a comparison with the measures that both sides have, if there are any and subjects in common."""
    if not set(comparison.first["subject"]) & set(comparison.second["subject"]):
        return
    sides = (comparison.first, comparison.second)
    measures = [name for name in sides[0].columns[1:] if all(side[name].notna().any() for side in sides)]
    if measures:
        columns = ["subject", *measures]
        yield replace(comparison, first=sides[0][columns], second=sides[1][columns])
