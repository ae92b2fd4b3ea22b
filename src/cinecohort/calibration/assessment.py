"""How good a calibration is, on participants who were left out: ROC, reliability, what was missed."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from cinecohort.calibration.conformal import exact_interval
from cinecohort.calibration.options import STRUCTURES
from cinecohort.calibration.record import Bin, Estimate, Flagged, Missed, Stratum

RESAMPLES = 500
SHARES = (0.05, 0.10, 0.15, 0.25)
"""Shares flagged for which the sensitivity is given."""
BINS = 5
FACTORS = ("network", "dataset", "vendor", "group", "kind")

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def area_under_roc(bad: Bools, score: Floats) -> float:
    """Area under the ROC curve: how often a bad result scores above a good one; NaN without both."""
    n_bad = int(bad.sum())
    if n_bad in (0, len(bad)):
        return float("nan")
    wins = rankdata(score)[bad].sum() - n_bad * (n_bad + 1) / 2
    return float(wins / (n_bad * (len(bad) - n_bad)))


def mix_weights(bad: Bools, prevalence: float | None) -> Floats:
    """Weights of rows under which failures have a stated prevalence."""
    rate = float(bad.mean())
    if prevalence is None or not 0 < rate < 1:
        return np.ones(len(bad))
    return np.where(bad, prevalence / rate, (1 - prevalence) / (1 - rate))


def sensitivity_at(bad: Bools, score: Floats, weights: Floats, share: float) -> float:
    """Share of bad results among the `share` of (weighted) rows with the highest scores; NaN without any."""
    if not bad.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    before = np.cumsum(weights[order]) - weights[order]
    taken = before < share * weights.sum()
    return float(bad[order][taken].sum() / bad.sum())


def cut_for(bad: Bools, score: Floats, sensitivity: float) -> float | None:
    """Cut that finds the wanted share of bad results, also of those to come; None without bad results.

    The ceil((n + 1) sensitivity)-th highest of n bad scores, or the lowest: counted among n alone, the share
    found of others would be smaller than wanted.
    """
    if not bad.any():
        return None
    ordered = np.sort(score[bad])[::-1]
    place = min(len(ordered), int(np.ceil(sensitivity * (len(ordered) + 1) - 1e-9)))
    return float(ordered[place - 1])


def resampled(
    groups: NDArray[np.object_], statistic: Callable[[NDArray[np.int64]], float], seed: int
) -> tuple[float | None, float | None]:
    """95 % percentile interval of a statistic of rows, by resampling participants."""
    _, place = np.unique(groups.astype(str), return_inverse=True)
    members = [np.flatnonzero(place == number) for number in range(place.max() + 1)]
    generator = np.random.default_rng(seed)
    values = []
    for _ in range(RESAMPLES):
        drawn = generator.integers(0, len(members), len(members))
        value = statistic(np.concatenate([members[number] for number in drawn]))
        if np.isfinite(value):
            values.append(value)
    if len(values) < RESAMPLES // 2:
        return None, None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def estimate(
    groups: NDArray[np.object_], statistic: Callable[[NDArray[np.int64]], float], seed: int
) -> Estimate:
    """Value of a statistic of all rows, with its interval."""
    value = statistic(np.arange(len(groups)))
    if not np.isfinite(value):
        return Estimate(value=None, n=len(groups))
    low, high = resampled(groups, statistic, seed)
    return Estimate(value=value, low=low, high=high, n=len(groups))


def share_of(mask: Bools, groups: NDArray[np.object_], seed: int) -> Estimate:
    """Share of rows, with an interval: exact where all rows, or none, are in; else by resampling."""
    if not len(mask):
        return Estimate(value=None)
    value = float(mask.mean())
    if mask.all() or not mask.any():
        # Rows of a participant are no independent trials: what counts is participants.
        participants = len(set(groups))
        low, high = exact_interval(participants if mask.all() else 0, participants)
        return Estimate(value=value, low=low, high=high, n=len(mask))
    return estimate(groups, lambda rows: float(mask[rows].mean()), seed)


def areas(
    bad: Mapping[str, Bools], score: Mapping[str, Floats], groups: NDArray[np.object_], seed: int
) -> dict[str, Estimate]:
    """Area under the ROC curve of each structure and of any."""
    return {
        name: estimate(groups, lambda rows, n=name: area_under_roc(bad[n][rows], score[n][rows]), seed)  # type: ignore[misc]
        for name in bad
    }


def by_share(
    bad: Bools, score: Floats, groups: NDArray[np.object_], prevalence: float | None, seed: int
) -> list[Flagged]:
    """Sensitivity by share flagged."""
    weights = mix_weights(bad, prevalence)

    def at(share: float) -> Estimate:
        return estimate(
            groups, lambda rows: sensitivity_at(bad[rows], score[rows], weights[rows], share), seed
        )

    return [Flagged(share=share, sensitivity=at(share)) for share in SHARES]


def parts_of(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Factors of which anything is known, with their levels."""
    known = [factor for factor in FACTORS if factor in table]
    return [(factor, level) for factor in known for level in sorted(set(table[factor]) - {""})]


def strata(
    table: pd.DataFrame, bad: Bools, score: Floats, flagged: Bools, groups: NDArray[np.object_], seed: int
) -> list[Stratum]:
    """Results by network, dataset, vendor, group and kind of image, where these are known."""
    found = []
    for factor, level in parts_of(table):
        part = (table[factor] == level).to_numpy()
        area = areas({level: bad[part]}, {level: score[part]}, groups[part], seed)[level]
        found.append(
            Stratum(
                factor=factor,
                level=level,
                participants=int(table["participant"][part].nunique()),
                rows=int(part.sum()),
                bad=int((part & bad).sum()),
                found=int((part & bad & flagged).sum()),
                good_flagged=int((part & ~bad & flagged).sum()),
                auc=area,
            )
        )
    return found


def reliability(
    bad: Bools, score: Floats, groups: NDArray[np.object_], prevalence: float | None, seed: int
) -> list[Bin]:
    """Reliability diagram, in parts with about as many rows each."""
    weights = mix_weights(bad, prevalence)
    edges = np.unique(np.quantile(score, np.linspace(0, 1, BINS + 1)))
    place = np.clip(np.searchsorted(edges, score, side="right") - 1, 0, max(len(edges) - 2, 0))
    bins = []
    for number in np.unique(place):
        part = place == number

        def observed(rows: NDArray[np.int64], part: Bools = part) -> float:
            inside = rows[part[rows]]
            return float(np.average(bad[inside], weights=weights[inside])) if inside.size else float("nan")

        predicted = float(np.average(score[part], weights=weights[part]))
        result = estimate(groups, observed, seed)
        bins.append(Bin(predicted=predicted, observed=result.model_copy(update={"n": int(part.sum())})))
    return bins


def missed(table: pd.DataFrame, bad: pd.DataFrame, score: Floats, flagged: Bools) -> list[Missed]:
    """All bad results under the cut, the least suspected first."""
    rows = []
    any_bad = np.asarray(bad.to_numpy(dtype=bool).any(axis=1))
    shown = [str(name) for name in table if str(name).startswith(("dice_", "error_"))]
    for place in map(int, np.flatnonzero(any_bad & ~flagged)):
        row = table.iloc[place]
        rows.append(
            Missed(
                subject=str(table.index[place]),
                kind=str(row["kind"]),
                structures=[name for name in STRUCTURES if bad[f"bad_{name.lower()}"].iloc[place]],
                probability=round(float(score[place]), 4),
                errors={name: round(float(row[name]), 3) for name in shown if np.isfinite(row[name])},
            )
        )
    return sorted(rows, key=lambda one: one.probability)
