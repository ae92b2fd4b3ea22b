"""Weighted least squares with robust errors: what can be estimated, and tests that hold in small samples.

Where each rule comes from: columns that others determine are left out in their order, as R's ``lm`` does
(LINPACK's ``dqrdc2``, tolerance 1e-7); CR1 is ``vcovCL`` of R's sandwich with type HC1; CR2 with its degrees
of freedom is that of R's clubSandwich (Bell and McCaffrey, Survey Methodology 2002; Pustejovsky and Tipton,
J Bus Econ Stat 2018) under the working model of independent errors of equal variance.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import stats

RANK_TOLERANCE = 1e-7
"""A column of which less than this share is left beside those before it is determined by them."""
_SINGULAR = 1e-10
"""Eigenvalues of the residual maker up to here are zero: the cluster determines a coefficient alone."""


def independent_columns(design: np.ndarray) -> np.ndarray:
    """Which columns those before them do not determine, as booleans; shape (columns,)."""
    basis = np.empty((design.shape[0], 0))
    kept = np.zeros(design.shape[1], bool)
    for place, column in enumerate(design.T):
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)
        size = float(np.linalg.norm(rest))
        if size > RANK_TOLERANCE * float(np.linalg.norm(column)):
            kept[place] = True
            basis = np.column_stack([basis, rest / size])
    return kept


def centred_and_scaled(numbers: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """A column less its (weighted) mean, over its standard deviation; constant columns become zero."""
    if np.ptp(numbers) == 0:
        return np.zeros(len(numbers))
    around = numbers - np.average(numbers, weights=weights)
    return around / around.std()


@dataclass(frozen=True)
class Estimate:
    """A linear combination of coefficients: estimate, error, degrees of freedom and p of its being zero."""

    estimate: float
    error: float
    df: float

    @property
    def p(self) -> float:
        """Two-sided p value by Student's t."""
        return float(2 * stats.t.sf(abs(self.estimate / self.error), self.df))

    def interval(self, alpha: float) -> tuple[float, float]:
        """Limits that cover the truth with probability 1 - alpha."""
        half = float(stats.t.isf(alpha / 2, self.df)) * self.error
        return self.estimate - half, self.estimate + half


@dataclass(frozen=True)
class RobustRegression:
    """A weighted regression whose columns are independent of each other.

    Parameters
    ----------
    design
        n x k, of full rank.
    weights
        Of the n units.
    groups
        Cluster of every unit; None where errors are by unit.
    kind
        ``CR1``: sandwich of sums by cluster times G / (G - 1) (n - 1) / (n - k), with G - 1 degrees of
        freedom. ``CR2``: residuals adjusted so that the covariance is unbiased under the working model, with
        Satterthwaite's degrees of freedom. ``HC3``: by unit, residuals over 1 - leverage, n - k degrees.
    """

    design: np.ndarray
    weights: np.ndarray
    groups: np.ndarray | None
    kind: str

    @cached_property
    def bread(self) -> np.ndarray:
        """Inverse of the weighted cross product, k x k."""
        return np.linalg.inv(self._weighted.T @ self.design)

    @cached_property
    def _weighted(self) -> np.ndarray:
        return self.design * self.weights[:, None]

    @cached_property
    def _codes(self) -> np.ndarray:
        groups = np.arange(len(self.design)) if self.groups is None else self.groups
        return np.unique(groups, return_inverse=True)[1]

    @property
    def n_clusters(self) -> int:
        """Number of clusters, or of units."""
        return int(self._codes.max()) + 1

    def coefficients(self, outcome: np.ndarray) -> np.ndarray:
        """Least-squares coefficients of an outcome (k), or of several (k x m)."""
        return self.bread @ (self._weighted.T @ outcome)

    def residuals(self, outcome: np.ndarray) -> np.ndarray:
        """What the regression leaves of an outcome, or of several (n x m)."""
        return outcome - self.design @ self.coefficients(outcome)

    def test(self, outcome: np.ndarray, contrast: np.ndarray) -> Estimate:
        """Test one linear combination of the coefficients of an outcome."""
        estimates, errors = self.estimates(outcome[:, None], contrast)
        return Estimate(float(estimates[0]), float(errors[0]), self.df(contrast[None, :]))

    def estimates(self, outcomes: np.ndarray, contrast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Estimates and errors of one linear combination for many outcomes, n x m."""
        return contrast @ self.coefficients(outcomes), np.linalg.norm(self.parts(outcomes, contrast), axis=0)

    def parts(self, outcomes: np.ndarray, contrast: np.ndarray) -> np.ndarray:
        """What each cluster adds to the errors of a combination, clusters x outcomes; its norms are these."""
        return self._sums(self._pull(contrast)[:, None] * self.residuals(outcomes))

    def wald_p(self, outcome: np.ndarray, contrasts: np.ndarray, most_df: float = np.inf) -> float:
        """P value of all rows of `contrasts`, q x k, being zero together; missing where none can be given.

        With CR2 the approximate Hotelling test (Pustejovsky and Tipton 2018, section 3.2), else F with q and
        the degrees of freedom of the covariance, of which there are at most `most_df`.
        """
        q = len(contrasts)
        residuals = self.residuals(outcome)
        spread = self._sums(np.column_stack([self._pull(row) * residuals for row in contrasts]))
        differences = contrasts @ self.coefficients(outcome)
        wald = float(differences @ np.linalg.pinv(spread.T @ spread) @ differences)
        df = min(self.df(contrasts), most_df)
        if self.kind == "CR2":
            if df <= q - 1:
                return np.nan
            return float(stats.f.sf(wald * (df - q + 1) / (df * q), q, df - q + 1))
        return float(stats.f.sf(wald / q, q, df))

    def df(self, contrasts: np.ndarray) -> float:
        """Degrees of freedom of the covariance of linear combinations, the rows of `contrasts` (q x k)."""
        n, k = self.design.shape
        if self.kind == "HC3":
            return float(n - k)
        return self._satterthwaite(contrasts) if self.kind == "CR2" else float(self.n_clusters - 1)

    def df_by_cells(self, cells: np.ndarray, outcomes: np.ndarray, contrast: np.ndarray) -> np.ndarray:
        """Satterthwaite's degrees of freedom where errors vary more in one cell than in another.

        The working model has a variance for each cell, that of the outcome in it. With clusters of one unit
        and equal weights they are those of Welch's test.

        Parameters
        ----------
        cells
            n x c of 0 and 1: in which cell each unit is; the regression fits the mean of each.
        outcomes
            n x m.
        contrast
            The combination of coefficients.

        Returns
        -------
        ndarray
            m degrees of freedom; infinite where no cell varies.
        """
        shares = cells * self.weights[:, None]
        shares = shares / shares.sum(axis=0)
        effective = 1 / (shares**2).sum(axis=0)
        squares = (outcomes - cells @ (shares.T @ outcomes)) ** 2
        variances = (effective / (effective - 1))[:, None] * (shares.T @ squares)
        pull = self._pull(contrast)[:, None] * cells
        own, low = self._sums(pull**2), np.stack([self._sums(pull), self._sums(pull * shares)], axis=2)
        core = np.array([[[1 / size, -1.0], [-1.0, 0.0]] for size in effective])
        # Of each cell the covariances of what the clusters add are a diagonal (own) and low core low'.
        diagonal = np.einsum("gci,cij,gcj->gc", low, core, low)
        both = np.einsum("gci,gdj->cidj", low, low)
        inner = own.T @ own + own.T @ diagonal + diagonal.T @ own
        inner += np.einsum("cki,cidj,djl,ckdl->cd", core, both, core, both)
        total = (own + diagonal).sum(axis=0) @ variances
        square = np.einsum("cm,cd,dm->m", variances, inner, variances)
        return np.divide(total**2, square, out=np.full(len(square), np.inf), where=square > 0)

    def _pull(self, contrast: np.ndarray) -> np.ndarray:
        """Weights of the residuals whose sums by cluster, squared and added, are an estimate's variance."""
        n, k = self.design.shape
        pull = self._weighted @ self.bread @ contrast
        if self.kind == "HC3":
            leverage = np.einsum("ij,jk,ik->i", self._weighted, self.bread, self.design)
            return pull / (1 - np.minimum(leverage, 1 - 1e-12))
        if self.kind == "CR2":
            adjusted = np.empty(n)
            for rows, adjustment in self._adjustments:
                adjusted[rows] = np.einsum("gij,gj->gi", adjustment, pull[rows])
            return adjusted
        return pull * np.sqrt(self.n_clusters / (self.n_clusters - 1) * (n - 1) / (n - k))

    def _sums(self, rows: np.ndarray) -> np.ndarray:
        """Sums of rows by cluster."""
        return np.column_stack([np.bincount(self._codes, column) for column in rows.T])

    @cached_property
    def _squared(self) -> np.ndarray:
        """Covariance of the coefficients over the variance of an error, in the working model."""
        return self.bread @ (self._weighted.T @ self._weighted) @ self.bread

    @cached_property
    def _adjustments(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Rows (g x s) and adjustments (g x s x s) of the g clusters of each size s."""
        return list(self._adjust())

    def _adjust(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        order = np.argsort(self._codes, kind="stable")
        sizes = np.bincount(self._codes)
        starts = np.cumsum(sizes) - sizes
        for size in np.unique(sizes):
            rows = order[starts[sizes == size][:, None] + np.arange(size)]
            own = self.design[rows]
            hat = own @ self.bread @ self._weighted[rows].transpose(0, 2, 1)
            maker = np.eye(size) - hat - hat.transpose(0, 2, 1)
            maker += own @ self._squared @ own.transpose(0, 2, 1)
            values, vectors = np.linalg.eigh(maker)
            usable = values > _SINGULAR
            roots = np.where(usable, 1 / np.sqrt(np.where(usable, values, 1.0)), 0.0)
            yield rows, (vectors * roots[:, None, :]) @ vectors.transpose(0, 2, 1)

    def _satterthwaite(self, contrasts: np.ndarray) -> float:
        """Degrees of freedom of CR2: q (q + 1) over the summed variances of its standardised entries.

        With P(s,t) the covariances, over pairs of clusters, of what they add to combinations s and t, the
        variance of entry (s, t) is the sum of P(s,s) P(t,t) + P(s,t) P(t,s). P is a diagonal plus a product
        of rank 2 k, so that no matrix of clusters by clusters is made.
        """
        values, vectors = np.linalg.eigh(contrasts @ self._squared @ contrasts.T)
        usable = values > values.max() * 1e-12
        white = (vectors[:, usable] / np.sqrt(values[usable])).T @ contrasts
        q, k = white.shape
        parts, diagonal = self._parts(white), {}
        core = np.block([[self._squared, -self.bread], [-self.bread, np.zeros((k, k))]])
        for s in range(q):
            for t in range(q):
                low_rank = np.einsum("gi,ij,gj->g", parts[s][1], core, parts[t][1])
                diagonal[s, t] = (self._sums((parts[s][0] * parts[t][0])[:, None])[:, 0], low_rank)

        def inner(s: int, t: int, u: int, v: int) -> float:
            (own, low), (other, other_low) = diagonal[s, t], diagonal[u, v]
            left, right = parts[s][1].T @ parts[u][1], parts[v][1].T @ parts[t][1]
            both = np.trace(core.T @ left @ core @ right)
            return float(own @ other + own @ other_low + other @ low + both)

        total = sum(inner(s, s, t, t) + inner(s, t, t, s) for s in range(q) for t in range(q))
        return q * (q + 1) / total if total > 0 else np.nan

    def _parts(self, combinations: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of each combination: its weight on every residual (n), and sums of these by cluster (G x 2 k)."""
        result = []
        for combination in combinations:
            weights = self._pull(combination)
            own, weighted = (
                self._sums(matrix * weights[:, None]) for matrix in (self.design, self._weighted)
            )
            result.append((weights, np.hstack([own, weighted])))
        return result
