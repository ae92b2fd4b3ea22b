"""What a study can see: the smallest difference between two groups that it would probably detect."""

import numpy as np
from scipy import integrate, optimize, stats


def welch_power(difference: float, n1: int, n0: int, sd1: float, sd0: float, alpha: float = 0.05) -> float:
    """Power of the two-sided Welch test, from the non-central t distribution.

    Degrees of freedom are Welch's for the given SDs. Where ``scipy.stats.nct`` gives no number (one or two
    degrees of freedom), the tails are taken as the mean of normal ones over the chi-squared variance.
    """
    error = np.sqrt(sd1**2 / n1 + sd0**2 / n0)
    df = error**4 / ((sd1**2 / n1) ** 2 / (n1 - 1) + (sd0**2 / n0) ** 2 / (n0 - 1))
    critical = stats.t.isf(alpha / 2, df)
    shift = difference / error
    power = float(stats.nct.sf(critical, df, shift) + stats.nct.cdf(-critical, df, shift))
    if np.isfinite(power):
        return power

    def power_given_variance(quantile: float) -> float:
        limit = critical * np.sqrt(stats.chi2.ppf(quantile, df) / df)
        return float(stats.norm.sf(limit - shift) + stats.norm.cdf(-limit - shift))

    return float(integrate.quad(power_given_variance, 0.0, 1.0, epsabs=1e-10, limit=200)[0])


def smallest_detectable_difference(
    n1: int, n0: int, sd1: float, sd0: float, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Smallest difference in means that the two-sided Welch test finds with the given power.

    Parameters
    ----------
    n1, n0
        Sizes of the groups, at least 2.
    sd1, sd0
        Standard deviations of the outcome; from the study, or from elsewhere before anything is measured.
    alpha, power
        Level of the test, and probability of finding the difference.

    Returns
    -------
    float
        In the outcome's unit; missing where a group has fewer than two subjects or no spread is known.

    Examples
    --------
    >>> round(smallest_detectable_difference(50, 50, 10.0, 10.0), 2)
    5.66
    """
    if min(n1, n0) < 2 or not (sd1 > 0 and sd0 > 0):
        return np.nan
    error = float(np.sqrt(sd1**2 / n1 + sd0**2 / n0))

    def lacking(steps: float) -> float:
        return welch_power(steps * error, n1, n0, sd1, sd0, alpha) - power

    upper = float(stats.norm.isf(alpha / 2) + stats.norm.ppf(power)) + 1
    while lacking(upper) < 0:
        upper *= 2
    return float(optimize.brentq(lacking, 0.0, upper, xtol=1e-10)) * error
