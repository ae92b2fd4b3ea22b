"""A calibration in words, tables and a figure, beside its file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from cinecohort.calibration.record import Calibration, Estimate
from cinecohort.files import write_text
from cinecohort.reporting.distribution_figures import drawing

MARGINAL = (
    "The coverage of the intervals is marginal: it holds on average over participants like those that the "
    "calibration was learnt on, not for each subject, and not for every group of them."
)


def write_report(calibration: Calibration, path: Path) -> list[Path]:
    """Write ``.md`` and ``.svg`` beside a calibration's file.

    Returns
    -------
    list of Path
        What was written.
    """
    text, figure = path.with_suffix(".md"), path.with_suffix(".svg")
    draw(calibration, figure)
    write_text(text, "\n".join(lines(calibration, figure.name)) + "\n")
    return [text, figure]


def lines(calibration: Calibration, figure: str) -> Iterator[str]:
    """Lines of the report, in Markdown."""
    c, a = calibration, calibration.assessment
    limits = c.options.failure
    yield f"# Calibration for {c.made_by.split('@')[0]}\n"
    yield f"Made by: `{c.made_by}`. Reference: {c.observer}.\n"
    yield from (f"- {note}" for note in c.notes)
    yield (
        f"\nA result is bad where the Dice of a structure is under {limits.dice:g} at end-diastole or "
        f"end-systole, or LVEDV is off by more than {limits.edv_ml:g} mL, LVEF by {limits.ef_pct:g} points "
        f"or LV mass by {limits.mass_g:g} g."
    )
    people = ", ".join(f"{name} {n}" for name, n in c.participants.items())
    yield f"Participants: {people}. Rows: {', '.join(f'{name} {n}' for name, n in c.rows.items())}."
    if c.without_volumes:
        yield f"Without known voxel size (Dice and ejection fraction alone): {', '.join(c.without_volumes)}."
    yield "Failures: " + ", ".join(f"{name} {n}" for name, n in c.failures.items()) + "."
    if c.left_out:
        yield "Left out: " + ", ".join(f"{n} {why}" for why, n in c.left_out.items()) + "."
    if c.prevalence is not None:
        yield f"Probabilities are for {100 * c.prevalence:.1f} % of subjects with a bad result."
    yield "\n## How well failures are found\n"
    yield "All figures are of participants who were left out (cross-validation by participant).\n"
    yield "| structure | area under the ROC curve (95 % interval) |\n|---|---|"
    yield from (f"| {name} | {number(value)} |" for name, value in {**a.auc, **a.criteria}.items())
    if a.auc_far is not None:
        yield (
            f"\nOf results that are bad beyond twice a limit, against good ones: {number(a.auc_far)}. What "
            "lies just beyond a limit looks like what lies just within."
        )
    if c.cut is not None:
        cut = f"Cut: {c.cut:.4f}."
    else:
        most = 100 * c.options.most_flagged
        cut = (
            f"No cut: one that finds {100 * c.options.sensitivity:.0f} % of the bad results would flag more "
            f"than {most:.0f} % of the good. Probabilities and intervals stand in the tables; checks flag by "
            "themselves. At such a cut:"
        )
    yield f"\n{cut} Sensitivity {number(a.sensitivity)}; flagged of the good {number(a.good_flagged)}, "
    yield f"of the good among undamaged images {number(a.good_undamaged_flagged)}.\n"
    yield "| flagged | sensitivity |\n|---|---|"
    yield from (f"| {100 * one.share:.0f} % | {number(one.sensitivity)} |" for one in a.flagged)
    yield f"\n![ROC and reliability]({figure})\n"
    yield "| part | participants | rows | bad | found | good flagged | area under the ROC curve |"
    yield "|---|---|---|---|---|---|---|"
    for one in a.strata:
        yield (
            f"| {one.factor} {one.level} | {one.participants} | {one.rows} | {one.bad} | {one.found} | "
            f"{one.good_flagged} | {number(one.auc) if one.auc else ''} |"
        )
    yield "\n### What was missed\n"
    if not a.missed:
        yield "No bad result."
    else:
        yield "| subject | image | failed | probability | by how much |\n|---|---|---|---|---|"
    for miss in a.missed:
        why = ", ".join(f"{name} {value:g}" for name, value in miss.errors.items())
        failed = ", ".join(miss.structures)
        yield f"| {miss.subject} | {miss.kind} | {failed} | {miss.probability:.3f} | {why} |"
    yield "\n## Models\n"
    yield (
        "One model for each criterion: the Dice of each structure, LVEDV, LVEF and LV mass. A structure's "
        "probability is the highest of its criteria (LV: Dice, LVEDV and LVEF; myocardium: Dice and mass). "
        "What stands under *beyond* is a bend of a predictor's line: the term is by how much it lies above.\n"
    )
    for name, model in c.models.items():
        if model is None:
            yield f"{name}: too few failures for a model.\n"
            continue
        yield f"{name}: intercept {model.intercept:.3f}, prevalence {model.prevalence:.3f}.\n"
        yield "| predictor | beyond | mean | SD | log odds by SD |\n|---|---|---|---|---|"
        ordered = sorted(model.terms, key=lambda term: -abs(term.coefficient))
        for term in ordered:
            bend = "" if term.bend is None else f"{term.bend:.3g}"
            yield f"| {term.name} | {bend} | {term.mean:.3g} | {term.sd:.3g} | {term.coefficient:+.3f} |"
        yield ""
    if c.unused:
        yield f"Not in the results, and so not used: {', '.join(c.unused)}.\n"
    yield f"## Intervals ({100 * c.options.coverage:.0f} %)\n"
    yield MARGINAL + "\n"
    yield "| measure | part | covered (95 % exact interval) | n | median half-width |\n|---|---|---|---|---|"
    for part in a.coverage:
        yield (
            f"| {part.measure} | {part.factor} {part.level} | {number(part.covered)} | {part.covered.n} | "
            f"{part.half_width:g} |"
        )


def number(value: Estimate) -> str:
    """Return an estimate with its interval, as printed."""
    if value.value is None:
        return "not defined"
    if value.low is None or value.high is None:
        return f"{value.value:.3f}"
    return f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f})"


def draw(calibration: Calibration, path: Path) -> None:
    """Draw sensitivity by share flagged, and the reliability diagram."""
    with drawing(path, 17.0, 6.6) as figure:
        draw_panels(figure, calibration)


def draw_panels(figure: Figure, calibration: Calibration) -> None:
    """Draw both panels."""
    left, right = figure.subplots(1, 2)
    flagged = calibration.assessment.flagged
    shares = [one.share for one in flagged]
    _with_bars(left, shares, [one.sensitivity for one in flagged])
    left.set(xlabel="share flagged", ylabel="sensitivity", xlim=(0, 0.3), ylim=(0, 1.02))
    bins = calibration.assessment.reliability
    _with_bars(right, [one.predicted for one in bins], [one.observed for one in bins])
    right.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    right.set(
        xlabel="predicted probability", ylabel="observed share of failures", xlim=(0, 1), ylim=(0, 1.02)
    )


def _with_bars(axes: Any, x: list[float], values: list[Estimate]) -> None:
    known = [(place, one) for place, one in zip(x, values, strict=True) if one.value is not None]
    axes.plot(
        [place for place, _ in known], [one.value for _, one in known], "o-", color="#0072B2", markersize=4
    )
    for place, one in known:
        if one.low is not None and one.high is not None:
            axes.plot([place, place], [one.low, one.high], color="#0072B2", linewidth=1)
