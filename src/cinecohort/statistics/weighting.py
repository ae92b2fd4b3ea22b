"""Estimates without matching: inverse probability and overlap weights, and augmented weighting.

Standard errors come from influence functions; those of the weighted means carry the estimation of the
propensity score along (stacked estimating equations), so that intervals are neither too wide nor too narrow
for it. Each residual is divided by one minus its leverage, as in HC3 (MacKinnon and White, J Econom 1985),
and t has as many degrees of freedom as the weights leave: both matter in small samples and where few subjects
carry most of the weight. No p is given: with skewed outcomes and groups far apart none of these keeps its
level (``benchmarks/weighting_level.md``).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from cinecohort.errors import UserError
from cinecohort.statistics.propensity import expand, fit_propensity, model_design, one_sided_levels
from cinecohort.statistics.robust_regression import independent_columns

SPARE_SUBJECTS = 5
"""Degrees of freedom from which on an interval is given; measured in ``benchmarks/weighting_level.md``."""
TOO_NARROW = (
    "where few subjects carry most of the weight, up to 9 % of 95 % intervals left out zero in simulated "
    "studies without an effect"
)
"""What is known of the intervals (``benchmarks/weighting_level.md``)."""


def weights_and_slopes(kind: str, treatment: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of all units, and their derivatives by the linear predictor of the score.

    Parameters
    ----------
    kind
        ``att``: 1 for the treated, e / (1 - e) for controls; ``atc``: (1 - e) / e and 1; ``overlap``: 1 - e
        and e.
    treatment, score
        0 or 1, and the probability e of 1.
    """
    treated = treatment == 1
    if kind == "att":
        odds = score / (1 - score)
        return np.where(treated, 1.0, odds), np.where(treated, 0.0, odds)
    if kind == "atc":
        odds = (1 - score) / score
        return np.where(treated, odds, 1.0), np.where(treated, -odds, 0.0)
    both = score * (1 - score)
    return np.where(treated, 1 - score, score), np.where(treated, -both, both)


def weighted_influence(
    design: np.ndarray, treatment: np.ndarray, outcomes: np.ndarray, score: np.ndarray, kind: str
) -> tuple[np.ndarray, np.ndarray, float]:
    """Differences in weighted means (Hájek) with the influence of every subject.

    Parameters
    ----------
    design
        (subjects, columns) of the logistic model of the score, independent.
    treatment, score
        0 or 1, and the fitted probability of 1.
    outcomes
        (subjects, outcomes).
    kind
        See :func:`weights_and_slopes`.

    Returns
    -------
    tuple
        Differences (outcomes,), influences (subjects, outcomes), degrees of freedom: the effective number of
        subjects (Kish: square of the sum of weights over the sum of their squares) of the group where it is
        smaller, less the columns of the design.
    """
    information = (design * (score * (1 - score))[:, None]).T @ design
    inverse = np.linalg.pinv(information)
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design) * score * (1 - score)
    by_score = len(design) * (design * ((treatment - score) / (1 - leverage))[:, None]) @ inverse
    weights, slopes = weights_and_slopes(kind, treatment, score)
    difference, influence = np.zeros(outcomes.shape[1]), np.zeros(outcomes.shape)
    effective = []
    for sign, value in ((1, 1), (-1, 0)):
        group = treatment == value
        share = np.where(group, weights, 0.0) / weights[group].sum()
        mean = share @ outcomes
        residual = np.where(group[:, None], outcomes - mean, 0.0)
        by_coefficients = design.T @ (slopes[:, None] * residual) / weights[group].sum()
        own = len(design) * (share / (1 - share))[:, None] * residual
        influence += sign * (own + by_score @ by_coefficients)
        difference += sign * mean
        effective.append(1 / (share**2).sum())
    return difference, influence, min(effective) - design.shape[1]


def augmented_influence(
    design: np.ndarray, treatment: np.ndarray, outcomes: np.ndarray, score: np.ndarray, kind: str
) -> tuple[np.ndarray, np.ndarray, float]:
    """Augmented (doubly robust) differences, with what :func:`weighted_influence` returns beside them.

    The outcome model is linear in the columns of the design and fitted in the group that is not the focal
    one; the influence function is the efficient one.
    """
    focal = treatment == (1 if kind == "att" else 0)
    weights, _ = weights_and_slopes(kind, treatment, score)
    design = design[:, independent_columns(design[~focal])]
    orthogonal, triangular = np.linalg.qr(design[~focal])
    residual = outcomes - design @ np.linalg.solve(triangular, orthogonal.T @ outcomes[~focal])
    leverage = np.zeros(len(design))
    leverage[~focal] = (orthogonal**2).sum(axis=1)
    terms = np.where(focal[:, None], residual, -weights[:, None] * residual) / focal.mean()
    effect = terms.mean(axis=0)
    leverage[focal] = 1 / focal.sum()
    influence = (terms - focal[:, None] * effect / focal.mean()) / (1 - leverage)[:, None]
    others = weights[~focal]
    effective = min(float(focal.sum()), others.sum() ** 2 / (others**2).sum())
    return effect if kind == "att" else -effect, influence, effective - design.shape[1]


def weighted_difference(
    table: pd.DataFrame,
    treatment: np.ndarray,
    outcome: np.ndarray,
    covariates: Sequence[str],
    kind: str,
    alpha: float = 0.05,
) -> dict[str, float | np.ndarray]:
    """Difference in weighted means (Hájek) with an influence-function interval.

    Parameters
    ----------
    table, treatment, outcome
        Of all units, nothing missing.
    covariates
        Of the logistic model of the score.
    kind
        See :func:`weights_and_slopes`.
    alpha
        The interval covers 1 - alpha.

    Returns
    -------
    dict
        ``estimate, se, df, ci_low, ci_high, weights``; the interval is missing where there are fewer than
        :data:`SPARE_SUBJECTS` degrees of freedom.

    Raises
    ------
    UserError
        The score cannot be fitted; or, but for overlap weights, a covariate has a value in the focal group
        alone.
    """
    if kind != "overlap":
        _check_counterparts(table, treatment, covariates, kind)
    score = fit_propensity(table, treatment, covariates).probability
    found = weighted_influence(_design(table, covariates), treatment, outcome[:, None], score, kind)
    weights, _ = weights_and_slopes(kind, treatment, score)
    return {**_interval(*found, alpha), "weights": weights}


def augmented_difference(
    table: pd.DataFrame,
    treatment: np.ndarray,
    outcome: np.ndarray,
    covariates: Sequence[str],
    kind: str,
    alpha: float = 0.05,
) -> dict[str, float]:
    """Augmented (doubly robust) difference in the treated (``att``) or in the controls (``atc``).

    The estimate is consistent if either the linear model of the outcome or that of the score is right.

    Returns
    -------
    dict
        ``estimate, se, df, ci_low, ci_high``, as of :func:`weighted_difference`.

    Raises
    ------
    UserError
        The score cannot be fitted, or a covariate has a value in the focal group alone.
    """
    _check_counterparts(table, treatment, covariates, kind)
    score = fit_propensity(table, treatment, covariates).probability
    found = augmented_influence(_design(table, covariates), treatment, outcome[:, None], score, kind)
    return _interval(*found, alpha)


def _design(table: pd.DataFrame, covariates: Sequence[str]) -> np.ndarray:
    """Intercept and the covariates' columns that others do not determine, centred and scaled."""
    matrix, kept = model_design(expand(table, covariates, all_levels=False), len(table))
    return matrix[:, kept]


def _check_counterparts(
    table: pd.DataFrame, treatment: np.ndarray, covariates: Sequence[str], kind: str
) -> None:
    """Refuse values of the covariates that only the focal group has: nobody can stand for them."""
    group = 1 if kind == "att" else 0
    alone = [level for level in one_sided_levels(table, treatment, covariates) if level.group == group]
    if alone:
        raise UserError(
            f"{' '.join(level.sentence() for level in alone)} Nobody in the other group can stand for them."
        )


def _interval(difference: np.ndarray, influence: np.ndarray, df: float, alpha: float) -> dict[str, float]:
    """Estimate of one outcome with error and interval by Student's t."""
    estimate, error = float(difference[0]), standard_errors(influence)[0]
    usable = df >= SPARE_SUBJECTS and error > 0 and np.isfinite(error)
    half = float(stats.t.isf(alpha / 2, df)) * error if usable else np.nan
    return {
        "estimate": estimate,
        "se": error,
        "df": df,
        "ci_low": estimate - half,
        "ci_high": estimate + half,
    }


def standard_errors(influence: np.ndarray) -> np.ndarray:
    """Standard errors (outcomes,) of estimates with influences (subjects, outcomes)."""
    return np.sqrt((influence**2).mean(axis=0) / len(influence))
