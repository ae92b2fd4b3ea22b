"""Options of the agreement statistics."""

from typing import Literal

from pydantic import Field

from cinecohort.options import Options


class AgreementOptions(Options):
    """How methods and observers are compared."""

    denominator: Literal["second", "first", "mean"] = "second"
    """What a relative difference is relative to: the second-named measurement (the observer), the first, or
    the mean of both."""
    exclude_outliers: Literal["none", "iqr"] = "iqr"
    """`iqr`: a second Bland-Altman row without the pairs whose mean lies outside 1.5 interquartile ranges
    (Chen 2020). The row with all pairs is always there."""
    quantile: Literal["linear", "hazen", "weibull", "median_unbiased"] = "linear"
    """Definition of the quartiles of that rule; it decides in small samples (`linear` is R's type 7)."""
    limit_factor: float = Field(default=1.96, gt=0)
    """Limits of agreement lie this many standard deviations from the bias."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Confidence of every interval."""
    spearman_interval: Literal["fisher", "bonett_wright"] = "fisher"
    """Standard error of the Fisher-transformed rho: 1/sqrt(n-3), or Bonett and Wright 2000."""
    duplicates: Literal["first", "mean", "exclude", "error"] = "first"
    """What is paired of a subject with more than one row in a table; the further rows are always counted."""
    statuses: tuple[str, ...] = ("ok", "review")
    """Rows of the measures table that are compared, by their status."""
    measures: tuple[str, ...] = ()
    """Measures to compare; empty: every numeric column."""
    dice_floor: float = Field(default=0.5, ge=0, le=1)
    """Subjects with a Dice below this are left out of the second row of every overlap table (Chen 2020)."""
    overlap_unit: Literal["subject", "image"] = "subject"
    """Overlap of both frames is averaged in each subject first, or each frame counts alone."""
    equivalence_margins: dict[str, float] = {}
    """Measure to the margin of its equivalence test; a measure that is not named takes the upper confidence
    bound of the mean absolute difference between human observers."""
    equivalence_alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Level of the one-sided tests and of that confidence bound."""
    cases: int = Field(default=6, ge=0)
    """Worst and best cases that are listed, each, overall and by pathology."""
