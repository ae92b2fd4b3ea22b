"""Sentences on how a study was done, made from its settings, after the propensity score checklists."""

from collections.abc import Iterable

import numpy as np

from cinecohort.catalogue.covariates import covariate_words, in_sentence
from cinecohort.catalogue.measures import measure_label
from cinecohort.reporting.vocabulary import taken
from cinecohort.statistics.matched_samples import CHANCE, MOVED
from cinecohort.statistics.matching import EMULATED, Matching
from cinecohort.statistics.study_cohort import Flow
from cinecohort.statistics.study_options import MatchingOptions, StudyOptions
from cinecohort.statistics.subgroups import CHANCE_IN_LEVEL, SMALLEST_CELL
from cinecohort.statistics.weighting import TOO_NARROW

ORDERS = {
    "largest": "in descending order of the score",
    "smallest": "in ascending order of the score",
    "data": "in the order of the table",
    "random": "in random order",
    "closest": "so that the closest pair is formed first",
    "farthest": "so that the farthest pair is formed first",
}


def methods_sentences(
    options: StudyOptions, flow: Flow, matching: Matching, source: str, versions: dict[str, str]
) -> list[str]:
    """Sentences for a methods section.

    Parameters
    ----------
    options, flow, matching
        The study as it was done.
    source
        Model or observer whose measures were compared.
    versions
        Name to version of the software.
    """
    return [
        *_population(options, flow),
        *_matching(options, matching),
        *_analysis(options, matching, source),
        f"Random choices used the seed {options.seed}. Software: "
        f"{', '.join(f'{n} {v}' for n, v in versions.items())}.",
    ]


def _population(options: StudyOptions, flow: Flow) -> list[str]:
    exclusions = options.exclusions
    sentences = [
        f"We compared {options.exposure.label} ({options.exposure.condition}) with {options.reference.label} "
        f"({options.reference.condition})."
    ]
    visits = {
        "first": "The first visit of each participant was used",
        "first_usable": "The first visit of each participant that passed quality control was used",
        "last": "The last visit of each participant was used",
        "all": "Every visit was used",
    }
    left_out = [f"final status {' or '.join(_statuses(options))}"] if _statuses(options) else []
    if exclusions.icd10:
        when = " dated before the scan, or undated," if exclusions.before_scan_only else ""
        left_out.append(f"a diagnosis{when} of ICD-10 {', '.join(exclusions.icd10)}")
    if exclusions.self_reported_mi:
        left_out.append("a self-reported heart attack")
    left_out += list(exclusions.conditions)
    sentences.append(
        f"{visits[options.visit]}; subjects with {'; '.join(left_out) or 'no particular reason'} were left "
        "out."
    )
    sentences.append(
        "Exclusions were applied in a fixed order (visits, quality, exclusion criteria, groups, "
        f"covariates, measures) and counted at each step; {flow.remaining:,} subjects were analysed. "
        "Subjects with a missing covariate were left out, nothing was imputed."
    )
    return sentences


def _covariates(names: Iterable[str]) -> str:
    return ", ".join(in_sentence(covariate_words(name)) for name in names)


def _statuses(options: StudyOptions) -> list[str]:
    return [*options.exclusions.status, *(["review"] if options.exclusions.flagged == "drop" else [])]


def _matching(options: StudyOptions, matching: Matching) -> list[str]:
    settings = matching.options
    focal, partners = (options.exposure.label, options.reference.label)
    if settings.estimand == "atc":
        focal, partners = partners, focal
    score = "the fitted probability" if settings.distance == "probability" else "the linear predictor (logit)"
    side = "treated" if settings.estimand == "att" else "control"
    sentences = [
        f"The propensity score was estimated by logistic regression on {_covariates(options.covariates)} "
        "(main effects), chosen beforehand as possible common causes of group and outcome.",
        f"Each subject of {focal} was matched to {_how(settings, partners, score)}.",
        _calipers(matching),
    ]
    if settings.exact:
        sentences.append(f"Partners agreed exactly in {_covariates(settings.exact)}.")
    if settings.discard != "none":
        who = {"both": "Subjects", "treated": "Treated subjects", "control": "Controls"}[settings.discard]
        sentences.append(f"{who} whose score lay outside the other group's range were discarded beforehand.")
    matched, everybody = int(matching.size("matched", side)), int(matching.size("all", side))
    sentences.append(
        f"The estimand is the average difference in {focal} ({settings.estimand.upper()})"
        + (
            f"; {everybody - matched:,} of its {everybody:,} subjects found no partner, so that it is that "
            "of the matched ones."
            if matched < everybody
            else "."
        )
    )
    sentences.append(
        f"Balance was judged by standardised mean differences (denominator: SD of {focal} in the full "
        f"sample; limit {options.balance_threshold:g}) and variance ratios (0.5 to 2), not by tests."
    )
    return sentences


def _how(settings: MatchingOptions, partners: str, score: str) -> str:
    """To whom, on what and by which rule subjects were matched."""
    if settings.method == "optimal":
        number = "one subject" if settings.ratio == 1 else f"up to {settings.ratio} subjects"
        return (
            f"{number} of {partners} on {score}, without replacement, so that the most pairs were formed "
            "and their distances add up to the least (optimal matching)"
        )
    number = "its nearest subject" if settings.ratio == 1 else f"up to {settings.ratio} nearest subjects"
    return (
        f"{number} of {partners} on {score}, greedily, {ORDERS[settings.focal_order]}, "
        f"{'with' if settings.replace else 'without'} replacement "
        f"(nearest-neighbour matching as in {EMULATED})"
    )


def _calipers(matching: Matching) -> str:
    settings = matching.options
    parts = []
    if settings.caliper is not None:
        unit = (
            "SD of the score over both groups" if settings.caliper_scale == "sd" else "in units of the score"
        )
        parts.append(f"{settings.caliper:g} {unit} (that is, {matching.caliper:.4g})")
    scale = "SD" if settings.caliper_scale == "sd" else "units"
    parts += [
        f"{width:g} {scale} of {_covariates([name])}" for name, width in settings.covariate_calipers.items()
    ]
    return f"Calipers: {'; '.join(parts)}." if parts else "No caliper was used."


def _analysis(options: StudyOptions, matching: Matching, source: str) -> list[str]:
    clusters = (
        "heteroscedasticity-robust (HC3) errors"
        if matching.options.replace
        else "errors clustered by matched set (CR1)"
    )
    outcomes = ", ".join(measure_label(name) for name in options.outcomes)
    compared = (
        "The matched groups were compared by Welch's t-test; beside it stand Student's and the paired "
        "t-test, a test of ranks (the larger p of the Mann-Whitney and the Brunner-Munzel test), a weighted "
        f"regression with {clusters}"
    )
    if not np.allclose(matching.weights[matching.weights > 0], 1):
        compared = (
            "Since the matching weights subjects unequally, means, SDs, differences and effect sizes are "
            f"weighted, and the matched groups were compared by a weighted regression with {clusters}; "
            "beside it stand the paired t-test"
            + (" (without a p value, as pairs share subjects)" if matching.options.replace else "")
        )
    return [
        f"Outcomes ({outcomes}) are the measures {taken(source)} at {_frames(options)}. Differences are "
        f"{options.exposure.label} - {options.reference.label}, with "
        f"{100 * (1 - options.alpha):g} % intervals.",
        f"{compared}, and the same adjusted for the covariates with their interactions with the group "
        "(g-computation).",
        "The adjusted analysis "
        + (
            "has HC3 errors"
            if matching.options.replace
            else "has CR2 errors with Satterthwaite's degrees of freedom"
        )
        + "; what the sample cannot distinguish (a level that one group alone has, a covariate that others "
        "determine) is left out of it and named, and it has no interval and no p value where there are "
        "too few matched sets for the covariates. Subgroups have neither, and no interaction is tested, with "
        f"fewer than {SMALLEST_CELL} people of either group.",
        "Where covariates drive the outcome, Welch's, Student's and the rank test reject too rarely "
        "(less than 3.5 % at the 5 % level) in groups that matching made alike, since they take them for "
        "independent samples; so do, in samples of some ten sets and for skewed outcomes, the paired "
        "analysis, the regressions (by matched set, adjusted for covariates, of everybody) and subgroups. "
        "Where matching left a difference in covariates that moves an estimate, every unadjusted analysis "
        "rejects too often. It is taken to do so where the covariate-adjusted estimate lies more than "
        f"{MOVED:g} standard errors from the unadjusted one and a t-test of their difference has p < "
        f"{CHANCE:g}. Such a difference has no interval and no p value, in sensitivity analyses too, and "
        "still counts among the outcomes for which p values are adjusted. Subgroups and interactions are "
        "judged by the covariates within them, adjusted for with one slope: by the same distance, and p < "
        f"{CHANCE_IN_LEVEL:g} or a difference of all that is moved. The covariate-adjusted analysis keeps "
        "its level, as long as the outcome is not strongly curved in the covariates.",
        "Effect sizes are Cohen's d (pooled SD) and Hedges' g. P values were adjusted for the number of "
        "outcomes by Holm's and by Benjamini and Hochberg's method. "
        "E-values state how strong an unmeasured confounder would have to be.",
        _subgroups_note(options),
        _power_note(options),
        _sensitivity_note(options),
    ]


def _frames(options: StudyOptions) -> str:
    whose = "its own" if options.frames == "own" else f"the observer {options.frames}'s"
    return f"{whose} end-diastolic and end-systolic frames"


def _subgroups_note(options: StudyOptions) -> str:
    subgroups = options.subgroups
    factors = [in_sentence(covariate_words(name)) for name in subgroups.factors]
    for name, cuts in subgroups.cuts.items():
        where = ", ".join(f"{cut:g}" for cut in cuts) if cuts else "its median"
        factors.append(f"{in_sentence(covariate_words(name))} (cut at {where})")
    if not factors:
        return "No subgroup was looked at."
    return f"The comparison was repeated in subgroups by {', '.join(factors)}, where these are known."


def _power_note(options: StudyOptions) -> str:
    text = f"The smallest detectable difference is given for a power of {100 * options.power:g} %"
    if options.expected_sd:
        known = ", ".join(f"{measure_label(name)}: {sd:g}" for name, sd in options.expected_sd.items())
        text += f", also with the standard deviations expected beforehand ({known})"
    if options.published:
        text += ". Beside the results stand published ones"
    return f"{text}."


def _sensitivity_note(options: StudyOptions) -> str:
    """Sentence on what the sensitivity analyses vary."""
    varied = options.sensitivity
    calipers = ", ".join(f"{caliper:g}" for caliper in varied.calipers) or "none"
    ratios = ", ".join(map(str, varied.ratios)) or "none"
    orders = "; ".join(ORDERS[order] for order in varied.orders) or "none"
    return (
        f"Sensitivity analyses varied the caliper ({calipers} SD; 0.2 SD of the logit), the partners of each "
        f"subject ({ratios}), the order ({orders}), replacement and exact matching, replaced matching by "
        f"regression and, without p values ({TOO_NARROW}), by inverse probability, overlap and augmented "
        "weighting, and "
        "changed whether flagged subjects are kept."
    )
