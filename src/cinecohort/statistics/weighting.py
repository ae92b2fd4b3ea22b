"""Estimates without matching: inverse probability and overlap weights, and augmented weighting.

Standard errors come from influence functions; those of the weighted means carry the estimation of the
propensity score along (stacked estimating equations), so that intervals are neither too wide nor too narrow
for it.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from cinecohort.errors import UserError
from cinecohort.statistics.propensity import expand, fit_propensity, model_design, one_sided_levels
from cinecohort.statistics.robust_regression import independent_columns


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
        ``estimate, se, ci_low, ci_high, p, weights``.

    Raises
    ------
    UserError
        The score cannot be fitted; or, but for overlap weights, a covariate has a value in the focal group
        alone.
    """
    if kind != "overlap":
        _check_counterparts(table, treatment, covariates, kind)
    score = fit_propensity(table, treatment, covariates).probability
    design = _design(table, covariates)
    information = (design * (score * (1 - score))[:, None]).T @ design / len(table)
    score_influence = (design * (treatment - score)[:, None]) @ np.linalg.pinv(information)
    weights, slopes = weights_and_slopes(kind, treatment, score)
    means, influences = [], []
    for value in (1, 0):
        group = treatment == value
        share = weights[group].sum() / len(table)
        mean = float(np.average(outcome[group], weights=weights[group]))
        residual = np.where(group, outcome - mean, 0.0)
        by_coefficients = (design * (slopes * residual)[:, None]).mean(axis=0) / share
        influences.append(weights * residual / share + score_influence @ by_coefficients)
        means.append(mean)
    df = min((treatment == 1).sum(), (treatment == 0).sum()) - design.shape[1]
    return {**_tested(means[0] - means[1], influences[0] - influences[1], df, alpha), "weights": weights}


def augmented_difference(
    table: pd.DataFrame,
    treatment: np.ndarray,
    outcome: np.ndarray,
    covariates: Sequence[str],
    kind: str,
    alpha: float = 0.05,
) -> dict[str, float]:
    """Augmented (doubly robust) difference in the treated (``att``) or in the controls (``atc``).

    The outcome model is linear in the covariates and fitted in the other group; the estimate is consistent if
    either it or the model of the score is right. The standard error is that of the efficient influence
    function.

    Returns
    -------
    dict
        ``estimate, se, ci_low, ci_high, p``.

    Raises
    ------
    UserError
        The score cannot be fitted, or a covariate has a value in the focal group alone.
    """
    _check_counterparts(table, treatment, covariates, kind)
    focal = treatment == (1 if kind == "att" else 0)
    score = fit_propensity(table, treatment, covariates).probability
    weights, _ = weights_and_slopes(kind, treatment, score)
    design = _design(table, covariates)
    design = design[:, independent_columns(design[~focal])]
    residual = outcome - design @ np.linalg.lstsq(design[~focal], outcome[~focal], rcond=None)[0]
    share = focal.mean()
    terms = np.where(focal, residual, -weights * residual) / share
    effect = float(terms.mean())
    influence = terms - focal * effect / share
    df = min(focal.sum(), (~focal).sum()) - design.shape[1]
    return _tested(effect if kind == "att" else -effect, influence, df, alpha)


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


def _tested(estimate: float, influence: np.ndarray, df: int, alpha: float) -> dict[str, float]:
    """Estimate with error, interval and p by Student's t.

    The theory is of large samples; degrees of freedom of the smaller group keep the level near 5 % in small
    ones, where the normal distribution rejects up to 10 %. Without any, interval and p are missing.
    """
    error = float(np.sqrt((influence**2).mean() / len(influence)))
    usable = df > 0 and error > 0
    half = float(stats.t.isf(alpha / 2, df)) * error if usable else np.nan
    return {
        "estimate": estimate,
        "se": error,
        "ci_low": estimate - half,
        "ci_high": estimate + half,
        "p": float(2 * stats.t.sf(abs(estimate) / error, df)) if usable else np.nan,
    }
