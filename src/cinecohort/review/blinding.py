"""Qualitative assessment without knowing whose contours are whose (Bai 2018, Table 4): key and scores.

Two analysts see automatic and manual contours side by side, and say whether they agree well and, if not,
which are better. The page names cases by codes; ``blinded_key.tsv`` says which subject a code is, and which
side is automatic.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pandas as pd

from cinecohort.errors import UserError
from cinecohort.files import digest_json
from cinecohort.ledger.rows import downloaded_rows, write_rows
from cinecohort.review.reviewers import kappa

REGIONS = ("basal", "mid", "apical")
CHOICES = ("agreement", "left", "right", "not sure")
"""What an analyst says: both are close to each other; the left or the right one is better; it is not sure."""
SCORES = ("same", "better", "worse", "not_sure")
"""What that means for the automatic contours."""
KEY_COLUMNS = ("case", "subject", "region", "left", "digest")
COLUMNS = ("case", "region", "choice", "analyst", "time", "digest")
SIMULATED = "simulated"
"""Stands for the digest in the scores of an analyst who was made up and has seen no picture."""
TABLE_COLUMNS = ("analyst", "region", "better", "same", "worse", "not_sure", "n", "n_ignored", "simulated")
AGREEMENT_COLUMNS = ("first", "second", "region", "n", "n_same", "kappa", "ci_low", "ci_high")


def case_code(seed: int, subject: str) -> str:
    """What the page calls a subject, which also is its place in the random order."""
    return digest_json(["case", seed, subject])[:10]


def automatic_is_left(seed: int, subject: str, region: str) -> bool:
    """Whether the automatic contours stand on the left, at random for each case and region."""
    return int(digest_json(["side", seed, subject, region])[:8], 16) % 2 == 0


@dataclass(frozen=True)
class Assessment:
    """One row of a file of scores; the fields are its columns."""

    case: str
    region: str
    choice: str
    analyst: str
    time: str
    digest: str


def read_assessments(paths: Iterable[Path]) -> list[Assessment]:
    """Read files of scores; of several scores of one analyst on one thing the last in time holds.

    Raises
    ------
    UserError
        If a file is not there, lacks a column, or has a row that means nothing.
    """
    last: dict[tuple[str, str, str], Assessment] = {}
    for path in paths:
        for one in _rows(path):
            place = (one.analyst, one.case, one.region)
            if place not in last or last[place].time <= one.time:
                last[place] = one
    return list(last.values())


def _rows(path: Path) -> Iterator[Assessment]:
    for number, cells in downloaded_rows(path, COLUMNS, "scores", "blinded page"):
        one = Assessment(**cells)
        known = one.region in REGIONS and one.choice in CHOICES
        if not known or not one.case or not one.analyst:
            raise UserError(
                f"{path}, line {number}: a score has a case, a region ({', '.join(REGIONS)}), a choice "
                f"({', '.join(CHOICES)}) and an analyst."
            )
        yield one


def write_key(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write which subject each case is, and which side is automatic."""
    write_rows(path, rows, KEY_COLUMNS)


def read_key(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Case and region to the row of the key."""
    with path.open(encoding="utf-8", newline="") as stream:
        return {(row["case"], row["region"]): row for row in csv.DictReader(stream, delimiter="\t")}


def unblinded(one: Assessment, key: Mapping[tuple[str, str], Mapping[str, str]]) -> str | None:
    """Score of the automatic contours; None where the case, or what was seen of it, is not in the key."""
    row = key.get((one.case, one.region))
    if row is None or one.digest not in (row["digest"], SIMULATED):
        return None
    if one.choice in ("left", "right"):
        return "better" if (row["left"] == "automatic") == (one.choice == "left") else "worse"
    return {"agreement": "same", "not sure": "not_sure"}[one.choice]


def assessment_tables(
    listed: Sequence[Assessment], key: Mapping[tuple[str, str], Mapping[str, str]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What analysts said of the automatic contours, and how far two analysts agree.

    Parameters
    ----------
    listed
        Scores of all analysts.
    key
        See :func:`read_key`.

    Returns
    -------
    tuple of pandas.DataFrame
        Counts by analyst and region (:data:`TABLE_COLUMNS`): the automatic contours were better, close to
        the manual ones (same), worse, or not known which (``n`` is their sum; ``n_ignored`` scores are about
        other cases, or contours that have changed since). And Cohen's kappa of every two analysts by region
        (:data:`AGREEMENT_COLUMNS`), of categories without an order, over what both scored.
    """
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    scores: dict[tuple[str, str], dict[Hashable, str]] = defaultdict(dict)
    made_up = {one.analyst for one in listed if one.digest == SIMULATED}
    for one in listed:
        score = unblinded(one, key)
        if score or one.digest != SIMULATED:  # Simulated analysts scored everybody, whoever is in the sample.
            counts[one.analyst, one.region][score or "n_ignored"] += 1
        if score:
            scores[one.analyst, one.region][one.case] = score
    analysts = sorted({one.analyst for one in listed})
    rows = [
        {"analyst": analyst, "region": region, "simulated": "true" if analyst in made_up else ""}
        | {name: counts[analyst, region][name] for name in (*SCORES, "n_ignored")}
        | {"n": sum(counts[analyst, region][name] for name in SCORES)}
        for analyst in analysts
        for region in REGIONS
    ]
    pairs = [
        {"first": first, "second": second, "region": region}
        | kappa(scores[first, region], scores[second, region], SCORES)
        for first, second in combinations(analysts, 2)
        for region in REGIONS
    ]
    return (
        pd.DataFrame(rows, columns=list(TABLE_COLUMNS)),
        pd.DataFrame(pairs, columns=list(AGREEMENT_COLUMNS)),
    )
