"""Conformal intervals of measures, normalised by how hard a subject looks, with participants as the unit.

Several rows of one participant (degraded copies of a heart, visits) are not exchangeable with those of
others, participants are. So each of K participants carries the weight 1 / (K + 1), shared by the rows, and
the rest lies at infinity (Lee, Barber and Willett, arXiv:2306.06342). Residuals are divided by a spread that
was fitted without their own participant. The guarantee is marginal: over all participants like these, not for
each of them.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import lsq_linear
from scipy.special import logit
from scipy.stats import beta

from cinecohort.calibration.model import Term, terms_of
from cinecohort.options import Options

FLOOR = 1e-3
"""Probabilities are kept this far from 0 and 1."""

SHRINKAGE = 100.0
"""Weight of the squares of the predictors' coefficients beside the squares of residuals, one for each row."""


class Spread(Options):
    """Expected size of an error: exp(a + b log odds of failure + c logarithm of the measure + predictors)."""

    a: float
    """Logarithm of the size at even odds and a measure of 1."""

    b: float = Field(ge=0)
    """Growth with the log odds of failure; 0: the same for all."""

    c: float = Field(default=0.0, ge=0)
    """Growth with the measure's logarithm; 0: the same for all, 1: in proportion to it."""

    low: float = Field(default=1.0, gt=0)
    """Smallest measure in the training; lower ones count as this one."""

    high: float = Field(default=1.0, gt=0)
    """Largest measure in the training."""

    terms: list[Term] = []
    """Predictors, whose coefficients are of the logarithm of the size; files of older versions have none."""

    def sizes(
        self,
        probability: NDArray[np.float64],
        value: NDArray[np.float64],
        predictors: pd.DataFrame | None = None,
    ) -> NDArray[np.float64]:
        """Size for each probability of failure and each measure; missing predictors count as usual."""
        score = self.a + self.b * _odds(probability) + self.c * np.log(np.clip(value, self.low, self.high))
        for term in self.terms:
            if predictors is not None and term.name in predictors:
                score = score + term.coefficient * term.counted(predictors[term.name].astype(float))
        return np.asarray(np.exp(score))


class Interval(Options):
    """Interval of a measure: value ± quantile x spread."""

    spread: Spread
    """Of the error."""

    quantile: float = Field(gt=0)
    """Conformal quantile of the errors over their spread."""

    participants: int
    """Participants that it rests on."""

    def half_widths(
        self,
        probability: NDArray[np.float64],
        value: NDArray[np.float64],
        predictors: pd.DataFrame | None = None,
    ) -> NDArray[np.float64]:
        """Half the interval's length for each probability of failure and each measure."""
        return self.quantile * self.spread.sizes(probability, value, predictors)


def _odds(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(logit(np.clip(probability, FLOOR, 1 - FLOOR)))


def fit_spread(
    error: NDArray[np.float64],
    probability: NDArray[np.float64],
    value: NDArray[np.float64],
    predictors: pd.DataFrame | None = None,
) -> Spread:
    """Least squares of the logarithm of absolute errors on log odds of failure, log measure and predictors.

    The slopes of odds and measure are kept between 0 and 1, those of the predictors shrunk
    (:data:`SHRINKAGE`). Errors under a tenth of their median count as this tenth: the logarithm would let
    them rule. Measures under a tenth of theirs do, too: the network lost the heart. Predictors beyond their
    1st and 99th percentiles count as these: an exponential would let a single heart rule.
    """
    size = np.abs(error)
    floor = max(float(np.median(size)) / 10, 1e-6)
    low = max(float(np.median(value)) / 10, 1e-6)
    measured = np.log(np.maximum(value, low))
    terms = []
    if predictors is not None:
        numbers = predictors.astype(float)
        ends = numbers.quantile([0.01, 0.99])
        terms = terms_of(numbers.clip(ends.iloc[0], ends.iloc[1], axis=1))
    counted = [term.counted(numbers[term.name]) for term in terms]
    x = np.column_stack([_odds(probability), measured, np.ones(len(size)), *counted])
    shrunk = np.eye(x.shape[1])[3:] * np.sqrt(SHRINKAGE)
    free = np.full(len(terms), np.inf)
    bounds = np.append([0.0, 0.0, -np.inf], -free), np.append([1.0, 1.0, np.inf], free)
    wanted = np.append(np.log(np.maximum(size, floor)), np.zeros(len(terms)))
    found = lsq_linear(np.vstack([x, shrunk]), wanted, bounds=bounds).x
    highest = max(float(np.max(value)), low)
    learnt = [
        term.model_copy(update={"coefficient": float(slope)})
        for term, slope in zip(terms, found[3:], strict=True)
    ]
    return Spread(
        a=float(found[2]),
        b=float(np.clip(found[0], 0.0, 1.0)),
        c=float(np.clip(found[1], 0.0, 1.0)),
        low=low,
        high=highest,
        terms=learnt,
    )


def group_weights(groups: NDArray[np.object_]) -> NDArray[np.float64]:
    """Weight of each row: 1 / (K + 1) for each of K participants, shared equally by its rows."""
    _, place = np.unique(groups.astype(str), return_inverse=True)
    rows = np.bincount(place)
    return np.asarray(1.0 / rows[place] / (len(rows) + 1))


def conformal_quantile(scores: NDArray[np.float64], groups: NDArray[np.object_], coverage: float) -> float:
    """Smallest score with the wanted coverage; infinite where there are too few participants for it.

    With one row per participant it is the ceil((K + 1) coverage)-th smallest score.
    """
    share = group_weights(groups)
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(share[order]) >= coverage - 1e-9
    return float(scores[order][reached.argmax()]) if reached.any() else float("inf")


def exact_interval(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper-Pearson interval of a share; (0, 1) of nothing."""
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, successes, n - successes + 1)) if successes else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, n - successes)) if successes < n else 1.0
    return low, high
