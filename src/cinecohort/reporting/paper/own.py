"""The user's results by the names that the papers give to comparisons, datasets and measures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from cinecohort.reporting.document import Gallery
from cinecohort.reporting.numbers import count, listing
from cinecohort.reporting.results import Row, read_table, rows_by
from cinecohort.reporting.sections import gallery
from cinecohort.reporting.sections.agreement import FEWEST_PRINTED, ordered, read_agreement
from cinecohort.reporting.sections.agreement_tables import AgreementTables, Comparison
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.sections.overlap import COLUMNS as OVERLAP_COLUMNS
from cinecohort.reporting.sections.study import Study, read_studies
from cinecohort.statistics.comparisons import SINGLE_OBSERVER
from cinecohort.statistics.published_tables import OBSERVER_PAIRS, comparison_names

AUTOMATIC = "automatic vs manual"
COMPARISONS = (AUTOMATIC, *OBSERVER_PAIRS)
"""Columns of Bai 2018, Tables 3, 5, 7 and 9."""

SETS_OF_SOURCES = {"ukbiobank": "UKBB", "acdc": "ACDC"}
"""Data of which source are those of which published test set."""


def named_pairs(pairs: Sequence[tuple[str, str]], models: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Find the pairs of sources that stand for the papers' comparisons.

    Parameters
    ----------
    pairs
        Every pair that was compared, and how the tables name it, in their order.
    models
        Sources that are automatic, the primary one first.

    Returns
    -------
    dict
        ``automatic vs manual`` to the primary model and ``manual`` (the first observer where nobody is called
        so); the pairs of three observers, in the order of their names, or the first pairs of another number.
    """
    found = {}
    primary = [pair for pair in pairs if models and pair[0] == models[0] and pair[1] not in models]
    primary.sort(key=lambda pair: pair[1] != SINGLE_OBSERVER)
    if primary:
        found[AUTOMATIC] = primary[0]
    human = pd.DataFrame(
        [pair for pair in pairs if not set(pair) & set(models)], columns=["first", "second"], dtype=str
    )
    others = human[~human.isin([SINGLE_OBSERVER]).any(axis=1)]
    human = others if len(others) else human
    names = comparison_names(human["first"], human["second"], pd.Series(False, index=human.index))
    if names.isna().all():
        names = pd.Series(OBSERVER_PAIRS[: len(human)], index=human.index[: len(OBSERVER_PAIRS)], dtype=str)
    known = names.dropna()
    for name, pair in zip(known, human.loc[known.index].to_numpy(), strict=True):
        found[str(name)] = (str(pair[0]), str(pair[1]))
    return found


@dataclass(frozen=True)
class Own:
    """What a results folder holds, to be asked in the papers' terms; nothing is computed here."""

    context: Context

    @cached_property
    def tables(self) -> AgreementTables:
        """The tables of agreement of measures, of more than one subject."""
        return read_agreement(self.context).printed(FEWEST_PRINTED)

    @cached_property
    def overlap(self) -> pd.DataFrame:
        """Summary of overlap over all subjects, where these are more than one."""
        table = self.agreement("overlap", OVERLAP_COLUMNS)
        table = table[(table["structure"] != "") & (table["selection"] == "all")]
        return table[pd.to_numeric(table["n"]) >= FEWEST_PRINTED] if "n" in table else table

    def agreement(self, name: str, columns: Iterable[str] = ()) -> pd.DataFrame:
        """Read a table of the agreement stage; empty where it is not there."""
        return read_table(self.context.results.folder / "agreement" / f"{name}.csv", tuple(columns))

    @cached_property
    def models(self) -> list[str]:
        """Automatic sources, the primary one first."""
        return self.context.results.automatic_sources()

    @cached_property
    def comparisons(self) -> dict[str, Comparison]:
        """Comparisons of measures by the papers' names."""
        main, _ = ordered(self.tables.comparisons)
        known = {(one.first, one.second): one for one in main}
        return {name: known[pair] for name, pair in named_pairs(list(known), self.models).items()}

    @cached_property
    def pairs(self) -> dict[str, tuple[str, str]]:
        """Pairs of label maps by the papers' names."""
        found = self.overlap[["source", "reference"]].drop_duplicates().to_numpy()
        return named_pairs([(str(one), str(other)) for one, other in found], self.models)

    def measure_rows(self, table: pd.DataFrame, comparison: str, dataset: str = "") -> dict[Any, Row]:
        """Rows of a table of agreement by measure, of a comparison in all datasets or in one."""
        one = self.comparisons.get(comparison)
        if one is None:
            return {}
        same = (table["first"] == one.first) & (table["second"] == one.second)
        same &= (table["frames"] == one.frames) & (table["dataset"] == dataset)
        return rows_by(table[same], "measure")

    def overlap_rows(self, comparison: str) -> dict[Any, Row]:
        """Rows of overlap by (view, structure) of a comparison."""
        source, reference = self.pairs.get(comparison, ("", ""))
        table = self.overlap
        return rows_by(
            table[(table["source"] == source) & (table["reference"] == reference)], "view", "structure"
        )

    @cached_property
    def sets(self) -> dict[str, str]:
        """Published test set to the user's dataset that it stands beside: of the same name or source."""
        configured = self.context.results.config.get("datasets") or {}
        known: dict[str, str] = {}
        for name in self.context.results.datasets:
            source = str((configured.get(name) or {}).get("source") or "")
            theirs = SETS_OF_SOURCES.get(source, name.upper())
            known.setdefault(theirs, name)
        return known

    def dataset_key(self, published: str) -> str | None:
        """Value of the column ``dataset`` for a published test set: empty with one dataset alone."""
        name = self.sets.get(published)
        if name is None:
            return None
        return name if len(self.context.results.datasets) > 1 else ""

    @cached_property
    def study(self) -> Study | None:
        """The group study that stands beside Bai 2018, Table 8; the first there is without one."""
        studies = read_studies(self.context)
        asked = [
            one for one in studies if one.summary.get("options", {}).get("published") == "bai2018_table8"
        ]
        return next(iter([*asked, *studies]), None)

    @cached_property
    def pictures(self) -> dict[str, Gallery]:
        """Pictures of the best and the worst subjects by their label; of any where none are known."""
        blocks = gallery.section(self.context).blocks
        return {block.label: block for block in blocks if isinstance(block, Gallery)}

    def why_not(self, comparison: str, what: str = "") -> str:
        """Why there is nothing of a comparison; ``what`` begins the names of what may have been left out."""
        results = self.context.results
        left_out = self.agreement("left_out", ("source", "what", "reason"))
        left_out = left_out[left_out["what"].str.startswith(what)]
        if comparison == AUTOMATIC and what and len(left_out):
            reason = listing(dict.fromkeys(str(reason) for reason in left_out["reason"]))
            return f"they were left out of agreement: {reason}"
        if comparison == AUTOMATIC and not self.models:
            return "no network segmented this cohort"
        people = [name for name in results.observers() if name != SINGLE_OBSERVER] or results.observers()
        if not people:
            return "no observer's contours were given"
        if comparison != AUTOMATIC and len(people) < 2:
            return "no second observer's contours were given"
        if comparison != AUTOMATIC and len(people) < 3:
            return "only two observers' contours were given"
        if read_agreement(self.context).comparisons:
            return "only one subject could be compared"
        return "no analysed subject has both"

    def who(self, comparison: str) -> str:
        """Who is compared in the user's data, such as ``Anna vs Bea (n = 19)``."""
        one = self.comparisons.get(comparison)
        if one is None:
            return ""
        frames = "" if one.human or one.frames == "own" else f" at {one.second}'s ED and ES frames"
        return f"{one.first} vs {one.second}{frames} (n = {count(one.n)})"
