"""Participants and measures without images, for studies of thousands."""

from pathlib import Path

import numpy as np
import pandas as pd

from cinecohort.files import write_text
from cinecohort.measures.columns import COLUMNS
from cinecohort.measures.derived import add_derived
from cinecohort.phantom.options import PhantomOptions
from cinecohort.phantom.packaging import VISIT
from cinecohort.phantom.people import OBESITY_EFFECT, draw_person, generator, participants_row
from cinecohort.phantom.scanners import UK_BIOBANK
from cinecohort.synthetic import BANNER, COLUMN

SOURCE = "phantom"
"""Source of the measures: a made-up automatic method."""

ERROR_SD = {
    "lvedv_ml": 7.0,
    "lvesv_ml": 6.5,
    "lvm_g": 7.5,
    "rvedv_ml": 9.5,
    "rvesv_ml": 8.5,
    "la_max_ml": 4.0,
    "la_min_ml": 3.0,
    "ra_max_ml": 4.0,
    "ra_min_ml": 4.0,
}
"""Spread of the error of automatic measures (ventricles: Bai 2018, Table 5, automatic against manual)."""


def write_tables(destination: Path, options: PhantomOptions) -> None:
    """Write ``participants.tsv``, ``measures.tsv`` and the planted effect, ``effect.tsv``.

    Parameters
    ----------
    destination
        Folder of the tables.
    options
        How many, and the seed.
    """
    participants, measures = [], []
    scanner = (UK_BIOBANK.vendor, UK_BIOBANK.model, UK_BIOBANK.field_t)
    for number in range(1, options.subjects + 1):
        person = draw_person(number, options.seed, population=True)
        key = f"{person.subject}_{VISIT}"
        participants.append(participants_row(person, key, VISIT, scanner))
        targets = vars(person.targets)
        measures.append({"subject": key, **{name: targets[name] for name in (*ERROR_SD, "heart_rate_bpm")}})
    table = pd.DataFrame(measures)
    rng = generator(options.seed, 0, 5)
    for name, spread in ERROR_SD.items():
        table[name] = (table[name] + rng.normal(0.0, spread, len(table))).clip(lower=5.0)
    write_tsv(destination / "measures.tsv", _derived(table).assign(**{COLUMN: BANNER}))
    effect = [{"measure": name, "difference": value} for name, value in OBESITY_EFFECT.items()]
    write_tsv(destination / "effect.tsv", pd.DataFrame(effect).assign(**{COLUMN: BANNER}))
    write_tsv(destination / "participants.tsv", pd.DataFrame(participants))


def _derived(table: pd.DataFrame) -> pd.DataFrame:
    """Fill in what follows from the volumes, in the order of the measures table."""
    table = table.assign(source=SOURCE, kind="auto", frames="own", status="ok")
    return add_derived(table).reindex(columns=["subject", *COLUMNS]).replace([np.inf, -np.inf], np.nan)


def write_tsv(path: Path, table: pd.DataFrame) -> None:
    """Write a table by rename; numbers with six digits."""
    write_text(path, table.to_csv(sep="\t", index=False, float_format="%.6g"))
