"""The model of failure: a standardised logistic regression on named values, small enough to be read.

It has an L2 penalty, whose strength is chosen by cross-validation with all rows of a participant kept
together. Probabilities are those at a stated prevalence: the intercept is moved by the
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

INNER_FOLDS = 5

NETWORK = ("second_dice", "expected_dice")
"""Endings of the predictors that the networks give; without them there is no probability."""

PREDICTORS = {
    "LV": (
        *("lv_second_dice", "lv_expected_dice", "lv_entropy", "lv_roughness", "lv_ellipse_gap"),
        *("open_ring_share", "one_slice_shift_mm", "apical_area_share", "base_missing", "shortness"),
        *("sv_difference", "mass_change", "contrast", "moving_wall", "frame_difference"),
    ),
    "MYO": (
        *("myo_second_dice", "myo_expected_dice", "myo_entropy", "myo_roughness", "wall_unevenness"),
        *("open_ring_share", "one_slice_shift_mm", "apical_area_share", "base_missing", "shortness"),
        *("mass_change", "contrast", "frame_difference"),
    ),
    "RV": (
        *("rv_second_dice", "rv_expected_dice", "rv_entropy", "rv_roughness", "rv_lv_ratio"),
        *("rv_fragment_share", "rv_apart_slices", "one_slice_shift_mm", "base_missing", "shortness"),
        *("sv_difference", "contrast", "moving_wall", "frame_difference"),
    ),
}
"""Structure to its predictors, chosen beforehand from what goes wrong; see
:mod:`cinecohort.quality.predictors` and
:mod:`cinecohort.quality.heart_contrast`, whose ``moving_wall`` and ``frame_difference`` tell frames that are
mixed; ``shortness`` tells stacks that lack an end of the heart."""


class Term(Options):
    """A predictor in a model."""

    name: str
    """Its column without the prefix; ``undefined`` is the number of the others without a value."""

    low: float
    """Smallest value in the training; lower ones count as this one."""

    high: float
    """Largest value in the training."""

    mean: float
    """Mean in the training, which also stands for a value that is undefined."""

    sd: float
    """Standard deviation in the training."""

    coefficient: float
    """Change of the log odds by one standard deviation."""


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
        names = [term.name for term in self.terms if term.name != "undefined"]
        numbers = values.reindex(columns=names).astype(float)
        known = numbers[[name for name in names if name.endswith(NETWORK)]].notna().all(axis=1)
        numbers["undefined"] = numbers.isna().sum(axis=1).astype(float)
        score = np.full(len(values), self.intercept)
        for term in self.terms:
            value = numbers[term.name].clip(term.low, term.high).fillna(term.mean)
            score += term.coefficient * (value.to_numpy() - term.mean) / term.sd
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
    means = {str(name): float(value) for name, value in numbers.mean().items()}
    sds = {str(name): float(value) for name, value in numbers.std(ddof=0).items()}
    kept = [name for name in [*names, "undefined"] if sds[name] > 1e-9]
    columns = [((numbers[name] - means[name]) / sds[name]).fillna(0.0).to_numpy() for name in kept]
    design = np.stack(columns, axis=1)
    penalty = choose_penalty(design, bad, groups, seed)
    coefficients, intercept = ridge_logistic(design, bad, penalty)
    terms = [
        Term(
            name=name,
            low=float(numbers[name].min()),
            high=float(numbers[name].max()),
            mean=means[name],
            sd=sds[name],
            coefficient=float(coefficient),
        )
        for name, coefficient in zip(kept, coefficients, strict=True)
    ]
    wanted = rate if prevalence is None else prevalence
    return FailureModel(terms=terms, intercept=intercept, penalty=penalty, rate=rate, prevalence=wanted)


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


def choose_penalty(
    design: NDArray[np.float64], bad: NDArray[np.bool_], groups: NDArray[np.object_], seed: int
) -> float:
    """The penalty of the smallest log loss on participants who were left out; ties go to the stronger."""
    splits = grouped_folds(bad, groups, INNER_FOLDS, seed)
    losses = []
    for penalty in PENALTIES:
        loss = 0.0
        for held_out in splits:
            if bad[~held_out].all() or not bad[~held_out].any():
                continue
            coefficients, intercept = ridge_logistic(design[~held_out], bad[~held_out], penalty)
            score = design[held_out] @ coefficients + intercept
            loss += float(np.logaddexp(0.0, np.where(bad[held_out], -score, score)).sum())
        losses.append(loss)
    return PENALTIES[int(np.argmin(losses))]


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
