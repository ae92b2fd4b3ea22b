"""The model of failure: a standardised logistic regression on named values, small enough to be read.

It is a sum of one curve for each value: a straight line, or a line with bends (:data:`BENDS`), for what is
bad on both sides, or beyond some place alone. It has an L2 penalty. Its strength, and whether the lines have
bends, are chosen by cross-validation with all rows of a participant kept together. Probabilities are those at
a stated prevalence: the intercept is moved by the
difference of the log odds (King and Zeng, Political Analysis 2001;9:137).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import expit, logit

from cinecohort.options import Options

PENALTIES = (0.003, 0.03, 0.3)
"""Inverse strengths of the penalty, of which one is chosen (scikit-learn's C); the coefficients are of
standardised predictors."""

BENDS = (0.2, 0.5, 0.8)
"""Quantiles of a predictor at which its line may bend."""

INNER_FOLDS = 5

NETWORK = ("second_dice", "expected_dice")
"""Endings of the predictors that the networks give; without them there is no probability."""

EDGES = (
    *("lv_edge_ed", "lv_edge_es", "blood_beyond_ed", "blood_beyond_es", "ef_by_edges"),
    *("myo_edge", "myo_edge_strength", "myo_edge_offset", "myo_edge_distance"),
)
"""Predictors of the LV and of its wall; see :mod:`cinecohort.quality.heart_edges`."""

PREDICTORS = {
    "LV": (
        *("lv_second_dice", "lv_expected_dice", "lv_entropy", "lv_roughness", "lv_ellipse_gap"),
        *("open_ring_share", "one_slice_shift_mm", "apical_area_share", "base_missing", "shortness"),
        *("sv_difference", "mass_change", "contrast", "moving_wall", "frame_difference"),
        *EDGES,
        *("lv_second_area", "myo_second_area", "edv_second", "ef_second", "ef_expected", "ef_spread"),
    ),
    "MYO": (
        *("myo_second_dice", "myo_expected_dice", "myo_entropy", "myo_roughness", "wall_unevenness"),
        *("open_ring_share", "one_slice_shift_mm", "apical_area_share", "base_missing", "shortness"),
        *("mass_change", "contrast", "frame_difference", "myo_second_area", "mass_second"),
        *EDGES,
    ),
    "RV": (
        *("rv_second_dice", "rv_expected_dice", "rv_entropy", "rv_roughness", "rv_lv_ratio"),
        *("rv_fragment_share", "rv_apart_slices", "one_slice_shift_mm", "base_missing", "shortness"),
        *("sv_difference", "contrast", "moving_wall", "frame_difference", "rv_second_area"),
    ),
}
"""Structure to its predictors, chosen beforehand from what goes wrong; see
:mod:`cinecohort.quality.predictors`, :mod:`cinecohort.quality.heart_edges`,
:mod:`cinecohort.quality.network_numbers` and :mod:`cinecohort.quality.heart_contrast`, whose ``moving_wall``
and ``frame_difference`` tell frames that are mixed; ``shortness`` tells stacks that lack an end of the
heart."""


class Term(Options):
    """A predictor in a model: its value or, behind a bend, by how much it lies above it."""

    name: str
    """Its column without the prefix; ``undefined`` is the number of the others without a value."""

    low: float
    """Smallest value in the training; lower ones count as this one."""

    high: float
    """Largest value in the training."""

    bend: float | None = None
    """Values up to this one count as 0, others by what they lie above it; null: each counts as it is."""

    mean: float
    """Mean of what counts in the training, which also stands for a value that is undefined."""

    sd: float
    """Its standard deviation in the training."""

    coefficient: float
    """Change of the log odds by one standard deviation."""

    def counted(self, values: pd.Series) -> NDArray[np.float64]:
        """What counts of each value, standardised; 0 where it is undefined."""
        counted = np.clip(values.to_numpy(dtype=float), self.low, self.high)
        if self.bend is not None:
            counted = np.maximum(counted - self.bend, 0.0)
        return np.nan_to_num((counted - self.mean) / self.sd, nan=0.0)


class FailureModel(Options):
    """The model of one criterion."""

    terms: list[Term]
    """The predictors."""

    intercept: float
    """Log odds where every predictor is at its mean, at the training's share of failures."""

    penalty: float
    """Inverse strength of the penalty."""

    rate: float = Field(gt=0, lt=1)
    """Share of failures in the training."""

    prevalence: float = Field(gt=0, lt=1)
    """Share of failures that the probabilities are made for."""

    def probabilities(self, values: pd.DataFrame) -> NDArray[np.float64]:
        """Probability of failure of each row; NaN where a network's predictor is missing.

        Parameters
        ----------
        values
            Predictors by their names; a column that is missing is undefined.
        """
        names = list(dict.fromkeys(term.name for term in self.terms if term.name != "undefined"))
        numbers = values.reindex(columns=names).astype(float)
        known = numbers[[name for name in names if name.endswith(NETWORK)]].notna().all(axis=1)
        numbers["undefined"] = numbers.isna().sum(axis=1).astype(float)
        score = np.full(len(values), self.intercept)
        for term in self.terms:
            score += term.coefficient * term.counted(numbers[term.name])
        odds = score + logit(self.prevalence) - logit(self.rate)
        return np.where(known, expit(odds), np.nan)


def fit_model(
    values: pd.DataFrame,
    bad: NDArray[np.bool_],
    groups: NDArray[np.object_],
    names: Sequence[str],
    prevalence: float | None = None,
    seed: int = 1,
) -> FailureModel | None:
    """Fit the model of a criterion.

    Parameters
    ----------
    values
        Predictors by their names.
    bad
        Whether the result is bad by it.
    groups
        Participant of each row.
    names
        Predictors to use; those without a spread are left out.
    prevalence
        Share of failures for the probabilities; that of the rows where None.
    seed
        Of the folds.

    Returns
    -------
    FailureModel or None
        None where all rows failed, or none did.
    """
    rate = float(bad.mean())
    if not 0 < rate < 1:
        return None
    numbers = values.reindex(columns=list(names)).astype(float)
    numbers["undefined"] = numbers.isna().sum(axis=1).astype(float)
    plain = terms_of(numbers)
    bent = plain + terms_of(numbers[list(names)], BENDS)
    columns = np.stack([term.counted(numbers[term.name]) for term in bent], axis=1)
    designs = [columns[:, : len(plain)], columns]
    which, penalty = choose(designs, bad, groups, seed)
    coefficients, intercept = ridge_logistic(designs[which], bad, penalty)
    terms = [
        term.model_copy(update={"coefficient": float(coefficient)})
        for term, coefficient in zip(bent, coefficients, strict=False)
    ]
    wanted = rate if prevalence is None else prevalence
    return FailureModel(terms=terms, intercept=intercept, penalty=penalty, rate=rate, prevalence=wanted)


def terms_of(numbers: pd.DataFrame, bends: Sequence[float] = ()) -> list[Term]:
    """Terms, still without a coefficient, of the columns that have a spread.

    Parameters
    ----------
    numbers
        Predictors by their names.
    bends
        Quantiles at which lines bend; without any, each column is a term as it is.
    """
    found: list[Term] = []
    for name in numbers:
        values = numbers[name].dropna().to_numpy(dtype=float)
        if not values.size:
            continue
        low, high = float(values.min()), float(values.max())
        places = np.unique(np.quantile(values, bends)).tolist() if bends else [None]
        for bend in places:
            counted = values if bend is None else np.maximum(values - bend, 0.0)
            mean, sd = float(counted.mean()), float(counted.std())
            if sd > 1e-9 and bend != low:  # From the lowest value on, it is a line without a bend.
                found.append(
                    Term(name=str(name), low=low, high=high, bend=bend, mean=mean, sd=sd, coefficient=0.0)
                )
    return found


def ridge_logistic(
    design: NDArray[np.float64], bad: NDArray[np.bool_], penalty: float
) -> tuple[NDArray[np.float64], float]:
    """Coefficients and intercept of a logistic regression with an L2 penalty on the coefficients.

    The minimum of scikit-learn's objective, by Newton's method with halved steps: a calibration takes
    hundreds of fits of a few hundred rows each, and scikit-learn's checks would take most of the time.
    """
    x = np.column_stack([design, np.ones(len(design))])
    ridge = np.append(np.full(design.shape[1], 1.0 / penalty), 0.0)
    rate = float(bad.mean())
    w = np.append(np.zeros(design.shape[1]), logit(rate))

    def objective(w: NDArray[np.float64]) -> float:
        score = x @ w
        return float(np.logaddexp(0.0, np.where(bad, -score, score)).sum() + 0.5 * (ridge * w * w).sum())

    value = objective(w)
    for _ in range(100):
        p = expit(x @ w)
        gradient = x.T @ (p - bad) + ridge * w
        hessian = (x * (p * (1 - p))[:, None]).T @ x + np.diag(ridge)
        step = np.linalg.solve(hessian + 1e-10 * np.eye(len(w)), gradient)
        size = 1.0
        while objective(w - size * step) > value and size > 1e-6:
            size /= 2
        w = w - size * step
        value, before = objective(w), value
        if before - value < 1e-10 * max(1.0, abs(value)):
            break
    return w[:-1], float(w[-1])


def choose(
    designs: Sequence[NDArray[np.float64]], bad: NDArray[np.bool_], groups: NDArray[np.object_], seed: int
) -> tuple[int, float]:
    """Which design and penalty have the smallest log loss on participants who were left out.

    Ties go to the first design and the stronger penalty.
    """
    splits = grouped_folds(bad, groups, INNER_FOLDS, seed)
    losses = {}
    for which, design in enumerate(designs):
        for penalty in PENALTIES:
            loss = 0.0
            for held_out in splits:
                if bad[~held_out].all() or not bad[~held_out].any():
                    continue
                coefficients, intercept = ridge_logistic(design[~held_out], bad[~held_out], penalty)
                score = design[held_out] @ coefficients + intercept
                loss += float(np.logaddexp(0.0, np.where(bad[held_out], -score, score)).sum())
            losses[which, penalty] = loss
    return min(losses, key=losses.__getitem__)


def grouped_folds(
    bad: NDArray[np.bool_], groups: NDArray[np.object_], folds: int, seed: int
) -> list[NDArray[np.bool_]]:
    """Masks of the rows that each fold leaves out; all rows of a participant are in one fold.

    Participants with more failures are dealt out first, in an order drawn by `seed` among equals, so that
    every fold has its part of the failures.
    """
    people, place = np.unique(groups.astype(str), return_inverse=True)
    failures = np.bincount(place, weights=bad, minlength=len(people))
    drawn = np.random.default_rng(seed).permutation(len(people))
    order = drawn[np.argsort(-failures[drawn], kind="stable")]
    number = min(folds, len(people))
    fold_of = np.empty(len(people), dtype=np.int64)
    fold_of[order] = np.arange(len(people)) % number
    return [fold_of[place] == fold for fold in range(number)]
