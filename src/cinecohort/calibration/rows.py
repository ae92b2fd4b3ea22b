"""From the tables of a run to the rows that a calibration is learnt on."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from cinecohort.calibration.failures import errors_table, first_source
from cinecohort.errors import UserError
from cinecohort.ledger.columns import COHORT
from cinecohort.ledger.frames import read_frame, without_missing_text
from cinecohort.quality.made_by import MADE_BY
from cinecohort.quality.predictors import PREFIX

UNDAMAGED = "undamaged"
"""Kind of an image that nobody degraded."""


@dataclass
class Rows:
    """What is learnt on.

    Parameters
    ----------
    table
        Index ``subject``; ``participant``, ``dataset``, ``vendor``, ``group``, ``kind``; predictors by name;
        the columns of :func:`cinecohort.calibration.failures.errors_table`.
    made_by
        How the segmentations were made.
    left_out
        Why rows were left out, and how many.
    """

    table: pd.DataFrame
    made_by: str
    left_out: dict[str, int] = field(default_factory=dict)


def join_tables(
    quality: pd.DataFrame,
    overlap: pd.DataFrame,
    measures: pd.DataFrame,
    people: pd.DataFrame,
    source: str,
    observer: str,
    seen: Collection[str] = (),
) -> Rows:
    """Put predictors, errors and facts of each subject side by side.

    Parameters
    ----------
    quality, overlap, measures
        Tables of the cohort.
    people
        ``subject, dataset, participant``, and ``vendor``, ``group`` and ``kind`` where they are known.
    source, observer
        Automatic results and their reference.
    seen
        Subjects that the network's training saw; they are left out.

    Raises
    ------
    UserError
        If nobody is left, or the segmentations were made in several ways.
    """
    errors = errors_table(overlap, measures, source, observer)
    checked = quality.drop_duplicates("subject").set_index("subject")
    names = [str(name) for name in checked if str(name).startswith(PREFIX)]
    if MADE_BY not in checked or not names:
        raise UserError(
            "the results hold no predictors of failure (an older version made them); run the workflow again."
        )
    facts = people.drop_duplicates("subject").set_index("subject")
    values = checked[names].astype(float).rename(columns=lambda name: name.removeprefix(PREFIX))
    table = errors.join(values).join(checked[[MADE_BY]])
    for name in ("dataset", "participant", "vendor", "group", "kind"):
        known = facts[name].reindex(table.index) if name in facts else pd.Series("", index=table.index)
        table[name] = known.fillna("").astype(str)
    table["kind"] = table["kind"].replace("", UNDAMAGED)
    table["participant"] = (
        table["dataset"]
        + "/"
        + table["participant"].where(table["participant"] != "", pd.Series(table.index, index=table.index))
    )
    trained = np.asarray(table.index.isin(list(seen)))
    without = (table[MADE_BY].fillna("") == "").to_numpy(dtype=bool)
    left_out = {"seen in the network's training": trained, "without predictors": without}
    table = table[~(trained | without)]
    counts = {why: int(rows.sum()) for why, rows in left_out.items() if rows.sum()}
    if table.empty:
        raise UserError(
            f"no subject is left to learn from ({', '.join(f'{n} {why}' for why, n in counts.items())})."
        )
    ways = sorted(set(table[MADE_BY]))
    if len(ways) > 1:
        raise UserError(
            f"the segmentations were made in {len(ways)} ways ({'; '.join(ways)}); a calibration "
            "holds for one."
        )
    return Rows(table.drop(columns=MADE_BY), ways[0], counts)


def read_rows(results: Path, observer: str, source: str | None = None) -> Rows:
    """Rows of a results folder; see :func:`join_tables`.

    Parameters
    ----------
    results
        The results folder.
    observer
        Whose labels are the reference.
    source
        Set of models; the first one of the measures where None.
    """
    cohort = results / "cohort"
    tables = {
        name: without_missing_text(read_frame(cohort / f"{name}.tsv", name, COHORT[name].columns), name)
        for name in ("quality", "overlap", "measures", "participants")
    }
    measures = tables["measures"]
    automatic = measures[measures["kind"] == "auto"]
    if automatic.empty:
        raise UserError(f"{results}: holds no automatic measures; run the workflow first.")
    chosen = first_source(measures) if source is None else source
    seen: list[str] = []
    if "seen_in_training" in measures:
        marked = measures[
            (measures["source"] == chosen) & (measures["seen_in_training"].astype(str) != "nan")
        ]
        seen = sorted(marked["subject"][marked["seen_in_training"].astype(str).str.lower() == "true"])
    quality = tables["quality"]
    quality = quality[quality["stage"] == "segmentation_quality"]
    people = tables["participants"]
    return join_tables(quality, tables["overlap"], measures, people, chosen, observer, seen)
