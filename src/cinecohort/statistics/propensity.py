"""The propensity score: a logistic model of group membership given the covariates."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import expit

from cinecohort.errors import UserError
from cinecohort.ledger.tables import no_column
from cinecohort.ledger.users_tables import check_levels
from cinecohort.statistics.robust_regression import centred_and_scaled, independent_columns


@dataclass(frozen=True)
class DesignColumn:
    """One column of a design matrix: a numeric covariate, or one level of a factor."""

    name: str
    variable: str
    level: str | None
    numbers: np.ndarray


@dataclass(frozen=True)
class OneSidedLevel:
    """A value of a factor, or of a covariate with two values, that occurs in one group only."""

    variable: str
    level: str
    group: int
    subjects: int

    def sentence(self) -> str:
        """Say which value, in which group, of how many."""
        people = "1 subject" if self.subjects == 1 else f"{self.subjects} subjects"
        return f"{self.variable!r} is {self.level} in group {self.group} only ({people})."


@dataclass(frozen=True)
class Propensity:
    """Fitted scores.

    Parameters
    ----------
    probability
        Fitted probability of being treated, one per row.
    linear_predictor
        Its logit.
    coefficients
        By name of design column, ``(intercept)`` first.
    warnings
        Sentences on what is odd about the fit.
    """

    probability: np.ndarray
    linear_predictor: np.ndarray
    coefficients: dict[str, float]
    warnings: list[str] = field(default_factory=list)


def is_factor(values: pd.Series) -> bool:
    """Text, true/false and categorical columns are factors; numbers are covariates as they are."""
    return not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)


def text_in(values: pd.Series) -> str:
    """What a column holds that is no number, for a sentence: its first such value, and how many there are."""
    present = values.dropna().astype(str)
    texts = present[pd.to_numeric(present, errors="coerce").isna()]
    if texts.empty:
        return "holds categories"
    return f"{len(texts)} of its {len(present)} cells hold text, such as {texts.iloc[0]!r}"


def check_factor(values: pd.Series, name: str) -> None:
    """Refuse a text column that cannot be a factor: numbers for the most part, dates, or too many levels.

    Raises
    ------
    UserError
        With the texts.
    """
    if not is_factor(values) or pd.api.types.is_bool_dtype(values):
        return
    present = values.dropna().astype(str)
    texts = present[pd.to_numeric(present, errors="coerce").isna()]
    if 0 < len(texts) < len(present) / 2:
        shown = ", ".join(repr(text) for text in list(texts.unique())[:3])
        raise UserError(
            f"Column {name!r} holds numbers, but also {shown}: correct these, or empty the cells."
        )
    check_levels(present, name)


def expand(table: pd.DataFrame, covariates: Sequence[str], all_levels: bool) -> list[DesignColumn]:
    """Turn covariates into numeric columns.

    Parameters
    ----------
    table
        One row per subject, nothing missing in the covariates.
    covariates
        Columns to use.
    all_levels
        Whether a factor gives a column for each of its levels (balance tables), or for each but the first
        (treatment contrasts, the model). Levels are sorted; the name of a level's column is variable and
        level run together, as R names it.
    """
    columns = []
    for name in covariates:
        values = table[name]
        if not is_factor(values):
            columns.append(DesignColumn(name, name, None, values.to_numpy(float)))
            continue
        text = values.astype(str)
        levels = sorted(text.unique())
        for level in levels if all_levels else levels[1:]:
            columns.append(DesignColumn(f"{name}{level}", name, level, (text == level).to_numpy(float)))
    return columns


def one_sided_levels(
    table: pd.DataFrame, treatment: np.ndarray, covariates: Sequence[str]
) -> list[OneSidedLevel]:
    """Values that only one of the two groups has, so that no comparison can be made among them."""
    found = []
    for name in covariates:
        if not is_factor(table[name]) and table[name].nunique() > 2:
            continue
        counts = pd.crosstab(table[name].astype(str).to_numpy(), treatment).reindex(columns=[0, 1])
        for level, (n0, n1) in zip(counts.index, counts.to_numpy(), strict=True):
            if 0 in (n0, n1):
                found.append(OneSidedLevel(name, str(level), int(n1 > 0), int(n0 + n1)))
    return found


def check_covariates(table: pd.DataFrame, covariates: Sequence[str]) -> None:
    """Refuse covariates that are not there, are missing for some subjects, or take one value only.

    Raises
    ------
    UserError
        With the columns, and how many subjects they concern.
    """
    absent = [name for name in covariates if name not in table]
    if absent:
        raise no_column(table, *absent)
    missing = {name: int(table[name].isna().sum()) for name in covariates if table[name].isna().any()}
    if missing:
        listed = ", ".join(f"{name!r} for {count}" for name, count in missing.items())
        raise UserError(
            f"Covariates are missing ({listed} of {len(table)} subjects): leave these subjects out, or fill "
            "them in, before matching."
        )
    if table.empty:
        raise UserError("No subject has a value, so that nothing can be explained by covariates.")
    for name in covariates:
        check_factor(table[name], name)
        if not is_factor(table[name]) and not np.isfinite(table[name].to_numpy(float)).all():
            raise UserError(f"Covariate {name!r} holds infinite values: correct or leave them out.")
        if table[name].nunique() < 2:
            single = table[name].iloc[:1].tolist()[0]
            raise UserError(
                f"Covariate {name!r} has the single value {single!r} in all {len(table)} subjects and can "
                "explain nothing: leave it out."
            )


def fit_propensity(table: pd.DataFrame, treatment: np.ndarray, covariates: Sequence[str]) -> Propensity:
    """Fit a logistic regression of the treatment on the covariates (main effects).

    Parameters
    ----------
    table
        One row per subject.
    treatment
        0 or 1, one per row.
    covariates
        Columns of the model; text columns are factors with treatment contrasts.

    Returns
    -------
    Propensity
        The scores. The iteration starts and stops as R's ``glm`` does (deviance, relative tolerance 1e-8), so
        that fits agree to its last steps. Linear predictors are summed row by row, so that equal rows have
        bitwise equal scores. Columns that those before them determine are left out, as R's ``glm`` does.

    Raises
    ------
    UserError
        Covariates are missing or constant, or they separate the groups perfectly.
    """
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    check_covariates(table, covariates)
    columns = expand(table, covariates, all_levels=False)
    design, kept = model_design(columns, len(table))
    notes = []
    if not kept.all():
        names = ", ".join(column.name for column, used in zip(columns, kept[1:], strict=True) if not used)
        notes.append(
            f"Some covariates are linear combinations of others: the model of the score leaves out {names}; "
            "the scores do not depend on which is kept."
        )
    notes += [
        f"{level.sentence()} Its scores tend to 0 or 1."
        for level in one_sided_levels(table, treatment, covariates)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = GLM(treatment, design[:, kept], family=Binomial()).fit(maxiter=25, atol=1e-9, rtol=1e-8)
    linear = (design[:, kept] * np.asarray(fit.params, float)).sum(axis=1)
    if linear[treatment == 1].min() > linear[treatment == 0].max():
        raise UserError(
            f"The covariates {', '.join(covariates)} separate the two groups perfectly, so that no subject "
            "of one resembles any of the other: leave out the covariate that defines the groups."
        )
    probability = expit(linear)
    if ((probability < 1e-7) | (probability > 1 - 1e-7)).any():
        notes.append("Some fitted scores are numerically 0 or 1: a covariate nearly decides the group.")
    scaled = np.full(len(kept), np.nan)
    scaled[kept] = fit.params
    return Propensity(probability, linear, _in_units(scaled, columns), notes)


def model_design(columns: Sequence[DesignColumn], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Intercept and columns, each centred and scaled, so that no unit of measurement matters.

    Returns
    -------
    tuple
        The matrix, n x (1 + columns), and which of its columns are not determined by those before them.
    """
    matrix = np.column_stack([np.ones(n), *(centred_and_scaled(column.numbers) for column in columns)])
    return matrix, independent_columns(matrix)


def _in_units(scaled: np.ndarray, columns: Sequence[DesignColumn]) -> dict[str, float]:
    """Coefficients per unit of each covariate, from those per SD; missing where a column was left out."""
    slopes = {
        column.name: float(slope / column.numbers.std())
        for column, slope in zip(columns, scaled[1:], strict=True)
    }
    shift = np.nansum([slopes[column.name] * column.numbers.mean() for column in columns])
    return {"(intercept)": float(scaled[0] - shift), **slopes}
