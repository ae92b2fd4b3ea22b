"""Made-up analysts of the blinded assessment: scores as published, of nobody who has seen a picture.

They are drawn at random with the frequencies of Bai 2018, Table 4, so that the demo shows the table and how
scores come back. They say nothing about contours, and stand marked as simulated.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cinecohort.files import write_text
from cinecohort.review.blinding import COLUMNS, REGIONS, SIMULATED, automatic_is_left, case_code
from cinecohort.statistics.published_tables import load

TOGETHER = 0.5
"""Share of the cases of which the second analyst says what the first does."""
PERCENTAGES = ("agreement_pct", "automatic_better_pct", "manual_better_pct", "not_sure_pct")


def write_assessments(folder: Path, subjects: Sequence[str], seed: int) -> None:
    """Write the scores of both, one file each; see :func:`assessments`."""
    for analyst, scores in assessments(subjects, seed).items():
        write_text(folder / f"{analyst}.tsv", scores.to_csv(sep="\t", index=False))


def assessments(subjects: Sequence[str], seed: int) -> dict[str, pd.DataFrame]:
    """Scores of two analysts as the page gives them back.

    Parameters
    ----------
    subjects
        Keys of the subjects, as the workflow calls them.
    seed
        Of the cohort, and of the page (`review.blinded.seed`, or the run's `seed`).

    Returns
    -------
    dict
        Name of each analyst to the columns of :data:`cinecohort.review.blinding.COLUMNS`.
    """
    published = {
        (str(row["analyst"]), str(row["position"])): [float(row[name]) for name in PERCENTAGES]
        for row in load("bai2018_table4").to_dict("records")
    }
    rng = np.random.default_rng(seed)
    rows: dict[str, list[dict[str, str]]] = {"simulated_1": [], "simulated_2": []}
    for subject in subjects:
        for region in REGIONS:
            said = None
            for analyst, theirs in zip(rows, ("Analyst 1", "Analyst 2"), strict=True):
                shares = np.array(published[theirs, region])
                drawn = int(rng.choice(len(shares), p=shares / shares.sum()))
                said = said if said is not None and rng.random() < TOGETHER else drawn
                left = automatic_is_left(seed, subject, region)
                sides = ("left", "right") if left else ("right", "left")
                choice = ("agreement", *sides, "not sure")[said]
                row = {"case": case_code(seed, subject), "region": region, "choice": choice}
                rows[analyst].append(row | {"analyst": analyst, "time": "", "digest": SIMULATED})
    return {analyst: pd.DataFrame(listed, columns=list(COLUMNS)) for analyst, listed in rows.items()}
