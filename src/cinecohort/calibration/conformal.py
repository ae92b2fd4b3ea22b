"""Conformal intervals of measures, normalised by how hard a subject looks, with participants as the unit.

Several rows of one participant (degraded copies of a heart, visits) are not exchangeable with those of
others, participants are. So each of K participants carries the weight 1 / (K + 1), shared among the rows, and
the rest lies at infinity (Lee, Barber and Willett, arXiv:2306.06342). Residuals are divided by a spread that
was fitted without their own participant. The guarantee is marginal: over all participants like these, not for
each of them.
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import logit
from scipy.stats import beta

from cinecohort.options import Options

FLOOR = 1e-3
"""Probabilities are kept this far from 0 and 1."""


class Spread(Options):
    """Expected size of an error: exp(a + b log odds of failure)."""

    a: float
    """Logarithm of the size at even odds."""

    b: float = Field(ge=0)
    """Growth with the log odds of failure; 0: the same for all."""

    def sizes(self, probability: NDArray[np.float64]) -> NDArray[np.float64]:
        """Size for each probability of failure."""
        return np.asarray(np.exp(self.a + self.b * _odds(probability)))


class Interval(Options):
    """Interval of a measure: value ± quantile x spread."""

    spread: Spread
    """Of the error."""

    quantile: float = Field(gt=0)
    """Conformal quantile of the errors over their spread."""

    participants: int
    """Participants that it rests on."""

    def half_widths(self, probability: NDArray[np.float64]) -> NDArray[np.float64]:
        """Half the interval's length for each probability of failure."""
        return self.quantile * self.spread.sizes(probability)


def _odds(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(logit(np.clip(probability, FLOOR, 1 - FLOOR)))


def fit_spread(
    error: NDArray[np.float64], probability: NDArray[np.float64], weights: NDArray[np.float64]
) -> Spread:
    """Weighted least squares of the logarithm of absolute errors on the log odds of failure.

    Errors under a tenth of their median count as this tenth: the logarithm would let them rule.
    """
    size = np.abs(error)
    floor = max(float(np.median(size)) / 10, 1e-6)
    y, x = np.log(np.maximum(size, floor)), _odds(probability)
    x_mean, y_mean = np.average(x, weights=weights), np.average(y, weights=weights)
    variance = np.average((x - x_mean) ** 2, weights=weights)
    slope = np.average((x - x_mean) * (y - y_mean), weights=weights) / variance if variance > 1e-9 else 0.0
    slope = float(np.clip(slope, 0.0, 1.0))
    return Spread(a=float(y_mean - slope * x_mean), b=slope)


def group_weights(groups: NDArray[np.object_], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weight of each row: 1 / (K + 1) for each of K participants, shared as `weights` are."""
    _, place = np.unique(groups.astype(str), return_inverse=True)
    total = np.bincount(place, weights=weights)
    return np.asarray(weights / total[place] / (len(total) + 1))


def conformal_quantile(
    scores: NDArray[np.float64],
    groups: NDArray[np.object_],
    weights: NDArray[np.float64],
    coverage: float,
) -> float:
    """Smallest score with the wanted coverage; infinite where there are too few participants for it.

    With one row per participant and equal weights it is the ceil((K + 1) coverage)-th smallest score.
    """
    share = group_weights(groups, weights)
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(share[order]) >= coverage - 1e-9
    return float(scores[order][reached.argmax()]) if reached.any() else float("inf")


def exact_interval(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper-Pearson interval of a share; (0, 1) of nothing."""
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, successes, n - successes + 1)) if successes else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, n - successes)) if successes < n else 1.0
    return low, high
