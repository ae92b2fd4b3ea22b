"""Reliability of several raters: six intraclass correlations and the error of a measurement."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from cinecohort.errors import UserError

FIXED_COLUMNS = ("type", "icc", "ci_low", "ci_high", "n_subjects", "n_raters")
"""Columns that other software reads."""

_FORMS = {
    "ICC(1,1)": "one-way random, single rater, absolute agreement",
    "ICC(A,1)": "two-way random, single rater, absolute agreement",
    "ICC(C,1)": "two-way mixed, single rater, consistency",
    "ICC(1,k)": "one-way random, mean of raters, absolute agreement",
    "ICC(A,k)": "two-way random, mean of raters, absolute agreement",
    "ICC(C,k)": "two-way mixed, mean of raters, consistency",
}
"""McGraw and Wong's names (Psychol Methods 1996); Shrout and Fleiss's 1, 2 and 3 are 1, A and C."""


@dataclass(frozen=True)
class _MeanSquares:
    """Two-way analysis of variance of a complete table of n subjects by k raters."""

    n: int
    k: int
    subjects: float
    raters: float
    within: float
    error: float

    @classmethod
    def of(cls, ratings: NDArray[np.float64]) -> "_MeanSquares":
        n, k = ratings.shape
        subject, rater, grand = ratings.mean(axis=1), ratings.mean(axis=0), ratings.mean()
        residual = ratings - subject[:, None] - rater[None, :] + grand
        return cls(
            n=n,
            k=k,
            subjects=float(k * ((subject - grand) ** 2).sum() / (n - 1)),
            raters=float(n * ((rater - grand) ** 2).sum() / (k - 1)),
            within=float(((ratings - subject[:, None]) ** 2).sum() / (n * (k - 1))),
            error=float((residual**2).sum() / ((n - 1) * (k - 1))),
        )


def intraclass_correlations(ratings: NDArray[np.float64], confidence: float = 0.95) -> pd.DataFrame:
    """Six forms of the intraclass correlation with intervals and what follows from each.

    Definitions and intervals: Shrout and Fleiss (Psychol Bull 1979), McGraw and Wong (1996). The standard
    error of measurement belongs to the form: ``sqrt(within mean square)`` for ICC(1,·), with the raters'
    variance added to the error for ICC(A,·), ``sqrt(error mean square)`` for ICC(C,·); over the square root
    of k for a mean of k raters. MDC95 = 1.96 · sqrt(2) · SEM.

    Parameters
    ----------
    ratings
        Finite values, shape (subjects, raters).

    Returns
    -------
    pandas.DataFrame
        :data:`FIXED_COLUMNS`, then ``definition, f, df1, df2, p`` (test of no differences between subjects),
        ``sem, mdc95, within_subject_cv_pct`` (root mean square over subjects), ``within_subject_cv_log_pct``
        (from logarithms; needs positive values) and ``note``.

    Examples
    --------
    Six subjects and four raters of Shrout and Fleiss (1979), Tables 2 and 4:

    >>> ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    >>> table = intraclass_correlations(np.array(ratings, float))
    >>> print(table.set_index("type")["icc"].round(2).to_string(header=False))
    ICC(1,1)    0.17
    ICC(A,1)    0.29
    ICC(C,1)    0.71
    ICC(1,k)    0.44
    ICC(A,k)    0.62
    ICC(C,k)    0.91
    """
    n, k = ratings.shape
    rows = [
        {"type": form, "icc": np.nan, "ci_low": np.nan, "ci_high": np.nan, "n_subjects": n, "n_raters": k}
        | {"definition": definition}
        | dict.fromkeys(("f", "df1", "df2", "p", "sem", "mdc95"), np.nan)
        | _coefficients_of_variation(ratings)
        | {"note": ""}
        for form, definition in _FORMS.items()
    ]
    table = pd.DataFrame(rows)
    if n < 2 or k < 2 or ratings.size < 5:  # pingouin refuses fewer than five values.
        return table.assign(note=f"{n} subjects and {k} raters: needs 2 of each, and 5 values")
    squares = _MeanSquares.of(ratings)
    rounding = 1e-20 * float(np.square(ratings).max())
    if squares.subjects <= rounding and squares.within <= rounding:
        return table.assign(note="all values are equal: no variance to apportion")
    table[["icc", "f", "df1", "df2", "p"]] = _by_pingouin(ratings)
    exact = squares.error <= rounding
    if exact:
        table.loc[table["type"].str.contains("A|C,"), ["f", "p"]] = np.nan
    for row, sem in enumerate(_errors(squares)):
        table.loc[row, ["sem", "mdc95"]] = [sem, 1.96 * math.sqrt(2) * sem]
    if exact:
        return table.assign(note="raters differ by a constant only: intervals are undefined")
    agreement = float(table["icc"].iloc[1])
    negative = table["icc"] < 0
    words = "negative: raters differ more in a subject than subjects differ; read it as 0"
    table.loc[negative, "note"] = words
    if squares.subjects <= rounding:
        # No bound of a ratio whose numerator is zero, and minus infinity for the mean of raters.
        return table.assign(icc=table["icc"].where(np.isfinite(table["icc"])))
    table[["ci_low", "ci_high"]] = _intervals(squares, agreement, (1 + confidence) / 2)
    return table


def _by_pingouin(ratings: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficient, F, both degrees of freedom and p of the six forms; shape (6, 5).

    Its intervals are fixed at 95 %, so that :func:`_intervals` computes them for any confidence.
    """
    import pingouin

    n, k = ratings.shape
    long = {
        "subject": np.repeat(np.arange(n), k),
        "rater": np.tile(np.arange(k), n),
        "value": ratings.ravel(),
    }
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        table = pingouin.intraclass_corr(pd.DataFrame(long), "subject", "rater", "value").set_index("Type")
    return table.loc[list(_FORMS), ["ICC", "F", "df1", "df2", "pval"]].to_numpy(np.float64)


def _errors(squares: _MeanSquares) -> list[float]:
    """Standard error of measurement of each form, in the order of the forms."""
    rater_variance = max((squares.raters - squares.error) / squares.n, 0.0)
    single = [math.sqrt(part) for part in (squares.within, squares.error + rater_variance, squares.error)]
    return single + [sem / math.sqrt(squares.k) for sem in single]


def _intervals(squares: _MeanSquares, icc: float, tail: float) -> list[tuple[float, float]]:
    n, k, f = squares.n, squares.k, stats.f.ppf
    one_way, df_one = squares.subjects / squares.within, n * (k - 1)
    two_way, df_two = squares.subjects / squares.error, (n - 1) * (k - 1)
    bounds_one = one_way / f(tail, n - 1, df_one), one_way * f(tail, df_one, n - 1)
    bounds_two = two_way / f(tail, n - 1, df_two), two_way * f(tail, df_two, n - 1)
    agreement = _agreement_interval(squares, icc, tail)
    single = [
        tuple((bound - 1) / (bound + k - 1) for bound in bounds_one),
        agreement,
        tuple((bound - 1) / (bound + k - 1) for bound in bounds_two),
    ]
    mean = [
        tuple(1 - 1 / bound for bound in bounds_one),
        tuple(k * bound / (1 + (k - 1) * bound) for bound in agreement),
        tuple(1 - 1 / bound for bound in bounds_two),
    ]
    return [(float(low), float(high)) for low, high in single + mean]


def _agreement_interval(squares: _MeanSquares, icc: float, tail: float) -> tuple[float, float]:
    """Interval of ICC(A,1): Satterthwaite's degrees of freedom (McGraw and Wong 1996, Table 7)."""
    n, k = squares.n, squares.k
    subjects, raters, error = squares.subjects, squares.raters, squares.error
    first = k * icc * raters / error
    second = n * (1 + (k - 1) * icc) - k * icc
    df = (k - 1) * (n - 1) * (first + second) ** 2 / ((n - 1) * first**2 + second**2)
    lower, upper = stats.f.ppf(tail, n - 1, df), stats.f.ppf(tail, df, n - 1)
    noise = k * raters + (k * n - k - n) * error
    return (
        n * (subjects - lower * error) / (lower * noise + n * subjects),
        n * (upper * subjects - error) / (noise + n * upper * subjects),
    )


def _coefficients_of_variation(ratings: NDArray[np.float64]) -> dict[str, float]:
    """Within-subject coefficients of variation in per cent (Bland and Altman, BMJ 1996)."""
    result = {"within_subject_cv_pct": np.nan, "within_subject_cv_log_pct": np.nan}
    if ratings.shape[0] < 1 or ratings.shape[1] < 2:
        return result
    means = ratings.mean(axis=1)
    if (means != 0).all():
        relative = ratings.var(axis=1, ddof=1) / means**2
        result["within_subject_cv_pct"] = 100 * math.sqrt(float(relative.mean()))
    if (ratings > 0).all():
        spread = np.log(ratings).var(axis=1, ddof=1).mean()
        result["within_subject_cv_log_pct"] = 100 * math.expm1(math.sqrt(float(spread)))
    return result


def reliability(
    table: pd.DataFrame, subject: str, rater: str, value: str, confidence: float = 0.95
) -> pd.DataFrame:
    """Reliability from a long table, one row per subject and rater; subjects not rated by all are left out.

    Parameters
    ----------
    table
        Long table.
    subject, rater, value
        Its columns.

    Returns
    -------
    pandas.DataFrame
        As :func:`intraclass_correlations`; how many subjects were left out is in ``note`` and
        ``n_incomplete``.

    Raises
    ------
    UserError
        If a column is missing, holds no numbers, or a rater rated a subject more than once, or no row has
        a subject and a rater.
    """
    if missing := [name for name in (subject, rater, value) if name not in table.columns]:
        raise UserError(f"The table has no column {', '.join(missing)}; it has {', '.join(map(str, table))}.")
    if value in (subject, rater):
        raise UserError(f"Column {value} cannot be both the value and the subject or rater.")
    named = table.dropna(subset=[subject, rater])
    if named.empty:
        raise UserError(f"No row has a subject and a rater (columns {subject} and {rater}).")
    numbers = pd.to_numeric(named[value], errors="coerce").astype(np.float64)
    if numbers.notna().sum() == 0:
        raise UserError(f"Column {value} holds no numbers.")
    twice = named.duplicated([subject, rater], keep=False)
    if twice.any():
        example = named.loc[twice].iloc[0]
        raise UserError(
            f"Rater {example[rater]} has several values of subject {example[subject]}: "
            "keep one value per subject and rater."
        )
    numbers = numbers.where(np.isfinite(numbers))
    wide = named.assign(**{value: numbers}).pivot_table(
        index=subject, columns=rater, values=value, dropna=False, observed=False
    )
    complete = wide.dropna()
    result = intraclass_correlations(complete.to_numpy(np.float64), confidence)
    incomplete = len(wide) - len(complete)
    notes = result.pop("note")
    left_out = {
        "subjects without a value of every rater left out": incomplete,
        "rows without a subject or rater left out": len(table) - len(named),
    }
    texts = [f"{n} {words}" for words, n in left_out.items() if n]
    return result.assign(
        n_incomplete=incomplete, note=notes.map(lambda note: "; ".join(filter(None, [note, *texts])))
    )


def reliability_of_columns(
    table: pd.DataFrame, subject: str, columns: Sequence[str], confidence: float = 0.95
) -> pd.DataFrame:
    """Reliability from a wide table, one row for each subject and one column for each rater.

    Returns
    -------
    pandas.DataFrame
        As :func:`reliability`.

    Raises
    ------
    UserError
        A column is missing or holds no numbers, or a subject has several rows.
    """
    if absent := [name for name in (subject, *columns) if name not in table.columns]:
        raise UserError(f"The table has no column {', '.join(absent)}; it has {', '.join(map(str, table))}.")
    long = table.melt([subject], list(columns), var_name="rater", value_name="value of the rater")
    for name in columns:
        if pd.to_numeric(table[name], errors="coerce").notna().sum() == 0:
            raise UserError(f"Column {name} holds no numbers.")
    return reliability(
        long.rename(columns={subject: "subject"}), "subject", "rater", "value of the rater", confidence
    )
