"""Learning a calibration: models, cut and intervals, each judged on participants who were left out."""

from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cinecohort.calibration import assessment
from cinecohort.calibration.conformal import (
    Interval,
    conformal_quantile,
    exact_interval,
    fit_spread,
)
from cinecohort.calibration.failures import (
    CRITERIA,
    MEASURES,
    OF_SIZE,
    WITHOUT_SPACING,
    by_structure,
    highest,
    mark_criteria,
    mark_failures,
)
from cinecohort.calibration.model import PREDICTORS, FailureModel, fit_model, grouped_folds
from cinecohort.calibration.options import STRUCTURES, CalibrateOptions
from cinecohort.calibration.record import EXPLAINING, Assessment, Calibration, Coverage, Estimate
from cinecohort.calibration.rows import Rows
from cinecohort.errors import UserError

MOST_MISSING = 0.2
"""A predictor that more of the rows lack is not used."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def calibrate(
    rows: Rows,
    observer: str,
    options: CalibrateOptions,
    without_volumes: Collection[str] = (),
    notes: Collection[str] = (),
) -> Calibration:
    """Learn a calibration.

    Parameters
    ----------
    rows
        From :mod:`cinecohort.calibration.rows`.
    observer
        Whose labels the reference is.
    options
        What counts as bad, and how it is learnt.
    without_volumes
        Datasets without a known voxel size.
    notes
        Where it holds and where not.

    Raises
    ------
    UserError
        If no structure failed in enough participants, or there are fewer participants than folds.
    """
    table = rows.table
    groups = table["participant"].to_numpy(dtype=object)
    if len(set(groups)) < options.folds:
        raise UserError(
            f"{len(set(groups))} participants have labels of {observer}; a calibration takes at least "
            f"{options.folds} (and failures in {options.fewest_failures})."
        )
    unsized = table.index[table["dataset"].isin(list(without_volumes))]
    bad = mark_failures(table, options.failure, unsized)
    names, unused = usable_predictors(table)
    any_bad = any_of(bad)
    folds = grouped_folds(any_bad, groups, options.folds, options.seed)
    failed = mark_criteria(table, options.failure, unsized)
    judged_by = known_criteria(table, unsized)
    learner = Learner(table, failed, judged_by, groups, names, options)
    models = learner.models(np.ones(len(table), dtype=bool))
    if not any(models.values()):
        raise UserError(
            f"no structure failed in {options.fewest_failures} participants or more by the same criterion "
            f"({', '.join(f'{name} in {learner.participants(name)}' for name in CRITERIA)}); "
            "there is nothing to learn failures from."
        )
    left_out = learner.left_out(folds)
    out_of_fold = by_structure(left_out)
    # Where nobody knows whether a volume is right, its probability is not held against the rest.
    seen = {name: np.where(judged_by[name], values, 0.0) for name, values in left_out.items() if models[name]}
    by_part = by_structure(seen)
    score = highest(by_part.values())
    judged = np.isfinite(score)
    cut = assessment.cut_for(any_bad[judged], score[judged], options.sensitivity)
    flagged = nested_flags(any_bad, score, folds, options.sensitivity)
    intervals, coverage = learn_intervals(table, unsized, out_of_fold, names, groups, folds, options)
    seed, prevalence = options.seed, options.prevalence
    undamaged = (table["kind"] == "undamaged").to_numpy()
    targets = {name: bad[f"bad_{name.lower()}"].to_numpy() for name in by_part}
    scores = {name: np.nan_to_num(values) for name, values in by_part.items()}
    sure = np.nan_to_num(score)
    far = any_of(mark_failures(table, options.failure.doubled(), unsized))
    result = Assessment(
        auc=assessment.areas({**targets, "any": any_bad}, {**scores, "any": sure}, groups, seed),
        auc_far=assessment.areas(
            {"far": far[~any_bad | far]}, {"far": sure[~any_bad | far]}, groups[~any_bad | far], seed
        )["far"],
        criteria={
            name: assessment.areas({name: failed[name].to_numpy()[rows]}, {name: values}, groups[rows], seed)[
                name
            ]
            for name, rows, values in learner.judged(left_out)
        },
        sensitivity=assessment.share_of(flagged[any_bad], groups[any_bad], seed),
        good_flagged=assessment.share_of(flagged[~any_bad], groups[~any_bad], seed),
        good_undamaged_flagged=assessment.share_of(
            flagged[~any_bad & undamaged], groups[~any_bad & undamaged], seed
        ),
        flagged=assessment.by_share(any_bad, sure, groups, prevalence, seed),
        strata=assessment.strata(table, any_bad, sure, flagged, groups, seed),
        reliability=assessment.reliability(any_bad, sure, groups, prevalence, seed),
        missed=assessment.missed(table, bad, sure, flagged),
        coverage=coverage,
    )
    if result.good_flagged.value is not None and result.good_flagged.value > options.most_flagged:
        cut = None
    marked = {name: bad[f"bad_{name.lower()}"].to_numpy() for name in STRUCTURES}
    counts = {name: int(rows.sum()) for name, rows in marked.items()}
    counts |= {f"participants: {name}": len(set(groups[rows])) for name, rows in marked.items()}
    people = table.drop_duplicates("participant")
    return Calibration(
        made_by=rows.made_by,
        observer=observer,
        options=options,
        participants={str(k): int(v) for k, v in people["dataset"].value_counts().sort_index().items()},
        rows={str(k): int(v) for k, v in table["kind"].value_counts().sort_index().items()},
        without_volumes=sorted(without_volumes),
        left_out=rows.left_out,
        failures=counts | {"any": int(any_bad.sum())},
        prevalence=float(any_bad.mean()) if prevalence is None else prevalence,
        models=models,
        unused=unused,
        cut=cut,
        explains=[str(code) for code in EXPLAINING],
        intervals=intervals,
        assessment=result,
        notes=list(notes),
    )


def usable_predictors(table: pd.DataFrame) -> tuple[dict[str, list[str]], list[str]]:
    """Predictors of each structure that most rows have, and those that they lack."""
    share = {
        name: table[name].isna().mean() if name in table else 1.0
        for names in PREDICTORS.values()
        for name in names
    }
    kept = {
        structure: [name for name in names if share[name] <= MOST_MISSING]
        for structure, names in PREDICTORS.items()
    }
    return kept, sorted(name for name, missing in share.items() if missing > MOST_MISSING)


def any_of(bad: pd.DataFrame) -> Bools:
    """Rows in which any structure failed."""
    return np.asarray(bad.to_numpy(dtype=bool).any(axis=1))


def known_criteria(table: pd.DataFrame, unsized: pd.Index) -> pd.DataFrame:
    """Whether anybody knows if a row is bad by each criterion: not for volumes without voxel size."""
    sized = ~table.index.isin(unsized)
    return pd.DataFrame({name: sized | (name not in OF_SIZE) for name in CRITERIA}, index=table.index)


def nested_flags(any_bad: Bools, score: Floats, folds: list[Bools], sensitivity: float) -> Bools:
    """Who is flagged, each fold by the cut that the others lead to."""
    flagged = np.zeros(len(score), dtype=bool)
    for held_out in folds:
        others = ~held_out & np.isfinite(score)
        cut = assessment.cut_for(any_bad[others], score[others], sensitivity)
        if cut is not None:
            flagged[held_out] = score[held_out] >= cut
    return flagged


class Learner:
    """Fits the models of all criteria on parts of the rows: what makes a volume wrong spoils no Dice.

    Parameters
    ----------
    table
        Rows.
    bad, known
        Whether each is bad by each criterion, and whether that is known: others are not learnt from.
    groups
        Participants.
    names
        Structure to predictors.
    options
        How it is learnt.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        bad: pd.DataFrame,
        known: pd.DataFrame,
        groups: NDArray[np.object_],
        names: dict[str, list[str]],
        options: CalibrateOptions,
    ) -> None:
        self.table, self.bad, self.known, self.groups = table, bad, known, groups
        self.names, self.options = names, options
        rate = float(any_of(bad).mean())
        self.scale = options.prevalence / rate if options.prevalence is not None and rate else 1.0

    def participants(self, criterion: str) -> int:
        """Participants with a result that is bad by a criterion."""
        return len(set(self.groups[self.bad[criterion].to_numpy()]))

    def models(self, rows: Bools) -> dict[str, FailureModel | None]:
        """Model of each criterion, learnt on some rows; None where too few participants failed by it."""
        return {name: self._model(name, rows) for name in CRITERIA}

    def _model(self, criterion: str, rows: Bools) -> FailureModel | None:
        if self.participants(criterion) < self.options.fewest_failures:
            return None
        bad, known = self.bad[criterion].to_numpy(), self.known[criterion].to_numpy()
        prevalence = float(np.clip(bad[known].mean() * self.scale, 1e-4, 1 - 1e-4))
        used = rows & known
        return fit_model(
            self.table[used],
            bad[used],
            self.groups[used],
            self.names[CRITERIA[criterion]],
            prevalence,
            self.options.seed,
        )

    def judged(self, left_out: dict[str, Floats]) -> Iterator[tuple[str, Bools, Floats]]:
        """Criteria with a model, the rows of which it is known if they are bad by it, their probability."""
        for name, values in left_out.items():
            rows = self.known[name].to_numpy() & np.isfinite(values)
            if rows.any():
                yield name, rows, values[rows]

    def left_out(self, folds: list[Bools]) -> dict[str, Floats]:
        """Probability of being bad by each criterion, by models that never saw the participant."""
        found = {name: np.full(len(self.table), np.nan) for name in CRITERIA}
        for held_out in folds:
            for name, model in self.models(~held_out).items():
                if model is not None:
                    found[name][held_out] = model.probabilities(self.table[held_out])
        return found


def learn_intervals(
    table: pd.DataFrame,
    unsized: pd.Index,
    probability: dict[str, Floats],
    names: dict[str, list[str]],
    groups: NDArray[np.object_],
    folds: list[Bools],
    options: CalibrateOptions,
) -> tuple[dict[str, Interval], list[Coverage]]:
    """Intervals of the measures, and what they cover on participants who were left out."""
    intervals: dict[str, Interval] = {}
    coverage: list[Coverage] = []
    for measure, structure in MEASURES.items():
        error = table[f"error_{measure}"].to_numpy(dtype=float)
        # Where a structure has no model, the spread is the same for all.
        p = np.where(np.isfinite(probability[structure]), probability[structure], 0.5)
        usable = np.isfinite(error)
        if measure not in WITHOUT_SPACING:
            usable &= ~table.index.isin(unsized)
        parts = [fold[usable] for fold in folds]
        value = table[f"value_{measure}"].to_numpy(dtype=float)
        seen = table.loc[usable, names[structure]]
        data = error[usable], p[usable], value[usable], groups[usable]
        fitted = _interval(*data, seen, parts, options.coverage)
        if fitted is None:
            continue
        intervals[measure] = fitted
        half = np.full(int(usable.sum()), np.nan)
        for held_out in parts:
            error_left, p_left, value_left, groups_left = (each[~held_out] for each in data)
            left = [part[~held_out] for part in parts if part is not held_out]
            without = _interval(
                error_left, p_left, value_left, groups_left, seen[~held_out], left, options.coverage
            )
            if without is not None:
                half[held_out] = without.half_widths(data[1][held_out], data[2][held_out], seen[held_out])
        coverage += covered(measure, table[usable], data[0], half)
    return intervals, coverage


def _interval(
    error: Floats,
    p: Floats,
    value: Floats,
    groups: NDArray[np.object_],
    seen: pd.DataFrame,
    parts: list[Bools],
    level: float,
) -> Interval | None:
    """Interval from residuals that are each over a spread fitted without their participant."""
    if len(error) < 2:
        return None
    scores = np.full(len(error), np.nan)
    for held_out in parts:
        if held_out.any() and not held_out.all():
            spread = fit_spread(error[~held_out], p[~held_out], value[~held_out], seen[~held_out])
            sizes = spread.sizes(p[held_out], value[held_out], seen[held_out])
            scores[held_out] = np.abs(error[held_out]) / sizes
    known = np.isfinite(scores)
    if not known.any():
        return None
    quantile = conformal_quantile(scores[known], groups[known], level)
    if not np.isfinite(quantile) or quantile <= 0:
        return None
    spread = fit_spread(error, p, value, seen)
    return Interval(spread=spread, quantile=quantile, participants=len(set(groups[known])))


def covered(measure: str, table: pd.DataFrame, error: Floats, half: Floats) -> list[Coverage]:
    """Coverage of a measure over all rows and by part; without intervals of their own rows are left out."""
    inside = np.abs(error) <= half
    found = []
    for factor, level in [("all", ""), *assessment.parts_of(table)]:
        part = np.isfinite(half)
        if factor != "all":
            part = part & (table[factor] == level).to_numpy()
        n = int(part.sum())
        if n == 0:
            continue
        low, high = exact_interval(int(inside[part].sum()), n)
        value = float(inside[part].mean())
        found.append(
            Coverage(
                measure=measure,
                factor=factor,
                level=level,
                covered=Estimate(value=value, low=low, high=high, n=n),
                half_width=round(float(np.median(half[part])), 3),
            )
        )
    return found
