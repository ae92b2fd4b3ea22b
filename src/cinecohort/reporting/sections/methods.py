"""Methods: sentences made from the settings of the run, with the definitions of every number."""

from collections.abc import Mapping
from typing import Any

from cinecohort.catalogue.views import VIEW_NAMES
from cinecohort.conversion.options import ConversionOptions
from cinecohort.evaluation.options import EvaluationOptions
from cinecohort.measures.options import MeasureOptions
from cinecohort.reporting.document import (
    Block,
    Bullets,
    Citation,
    Equation,
    Formula,
    Paragraph,
    Section,
    Text,
)
from cinecohort.reporting.numbers import listing
from cinecohort.reporting.results import Results, configured_sets
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.sections.conversion_methods import conversion_text, labels_text
from cinecohort.reporting.sections.quality_methods import quality
from cinecohort.reporting.validation import MARK, members, unvalidated_models
from cinecohort.segmentation.options import SegmentationOptions
from cinecohort.statistics.options import AgreementOptions

SOURCE_WORDS: dict[str, Text] = {
    "ukbiobank": ["UK Biobank bulk files (zipped DICOM)", Citation(("petersen2016",))],
    "dicom": "folders of DICOM files",
    "nifti": "NIfTI images",
    "acdc": ["the Automated Cardiac Diagnosis Challenge (ACDC)", Citation(("bernard2018",))],
    "sunnybrook": ["the Sunnybrook Cardiac Data", Citation(("radau2009",))],
    "mnms2": ["the M&Ms-2 challenge", Citation(("martinisla2023",))],
    "cmr_multi": ["CMR-MULTI", Citation(("qu2026",))],
    "tables": "tables of measures made elsewhere",
}
SORTED = frozenset({"ukbiobank", "dicom", "sunnybrook"})
"""Sources whose frames are sorted by geometry and time."""

AUGMENTED = {
    "rotations": "as it is and turned by 15 degrees either way (test-time augmentation)",
    "flips": "as it is and mirrored along either and both axes (test-time augmentation)",
    "flips_and_turns": "in its eight mirrored and turned positions (test-time augmentation)",
}
DENOMINATORS = {
    "second": "the second-named measurement (the observer, where a method is compared with one)",
    "first": "the first-named measurement",
    "mean": "the mean of both measurements",
}
QUARTILES = {
    "linear": "type 7 of R",
    "hazen": "Hazen's definition",
    "weibull": "Weibull's definition",
    "median_unbiased": "the median-unbiased definition",
}
REPEATED = {
    "first": "the first was taken",
    "mean": "the mean was taken",
    "exclude": "none was taken",
    "error": "the comparison would have been refused",
}
SPEARMAN = {
    "fisher": "standard error 1/√(n − 3)",
    "bonett_wright": "standard error of Bonett and Wright 2000",
}
DICE = Formula(
    '"Dice" = frac(2 abs(A inter B), abs(A) + abs(B))', "Dice is twice the overlap over the sum of sizes"
)
DISTANCE = Formula(
    '"MCD" = 1/(2 abs(partial A)) sum_(p in partial A) d(p, partial B)'
    " + 1/(2 abs(partial B)) sum_(q in partial B) d(q, partial A),"
    ' quad "HD" = max(max_(p in partial A) d(p, partial B), max_(q in partial B) d(q, partial A))',
    "mean contour distance is the mean of the two directed mean distances; "
    "Hausdorff distance is the larger of the two directed maxima",
)
VENTRICLES = Formula(
    '"SV" = "EDV" - "ESV", quad "EF" = 100 % dot "SV" / "EDV", quad '
    '"CO" = "SV" dot "HR", quad "LVM" = rho V_"MYO,ED", quad "LVRI" = "LVM" / V_"LV,ED"',
    "stroke volume, ejection fraction, cardiac output, myocardial mass and remodelling index from volumes",
)
ATRIA = Formula(
    'V_"biplane" = 8 / (3 pi) dot (A_"2Ch" A_"4Ch") / overline(L), quad '
    'V_"single plane" = 8 / (3 pi) dot A^2 / L',
    "area-length volumes of the atria from one or two planes",
)
BLAND_ALTMAN = Formula(
    'd_i = a_i - b_i, quad "bias" = overline(d), quad "limits of agreement" = overline(d) plus.minus z s_d',
    "bias is the mean difference; limits are z standard deviations from it",
)


def section(context: Context) -> list[Section]:
    """Methods, with a section a stage."""
    config = context.results.config
    title = "Comparison of segmentations and measures"
    parts = [("Data", "sec-methods-data", data(config, context))]
    if from_tables(config):
        title = "Comparison of measures"
    else:
        parts += [
            ("Segmentation", "sec-methods-segmentation", segmentation(context.results)),
            ("Quality control", "sec-methods-quality", quality(config)),
            ("Clinical measures", "sec-methods-measures", measures(config, atria_measured(context.results))),
        ]
    if (context.results.folder / "agreement" / "comparisons.csv").is_file() and context.results.observers():
        parts.append((title, "sec-methods-agreement", agreement(config, context)))
    return [
        Section(
            "Methods",
            "sec-methods",
            [
                Paragraph(
                    "This text is made from the settings that the run used and from the definitions in its "
                    "code."
                )
            ],
        ),
        *(Section(title, label, blocks, level=2) for title, label, blocks in parts),
    ]


def part(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a part of the configuration, or an empty mapping."""
    value = config.get(name)
    return value if isinstance(value, Mapping) else {}


def from_tables(config: Mapping[str, Any]) -> bool:
    """Whether the measures were made elsewhere, so that no stage of images ran."""
    datasets = part(config, "datasets").values()
    return bool(datasets) and all(dataset.get("source") == "tables" for dataset in datasets)


def data(config: Mapping[str, Any], context: Context) -> list[Block]:
    """Where the data came from and what converted means."""
    items: list[Text] = []
    for name, dataset in part(config, "datasets").items():
        words = SOURCE_WORDS.get(str(dataset.get("source")), str(dataset.get("source")))
        inlines = [words] if isinstance(words, str) else list(words)
        items.append(
            [
                f"{name}: ",
                *inlines,
                ("; withdrawn participants were removed." if dataset.get("withdrawals") else "."),
            ]
        )
    if context.results.synthetic:
        items.append("The data of this report are synthetic: phantoms of known truth, not people.")
    blocks: list[Block] = [Paragraph("The cohort was read from:"), Bullets(items)] if items else []
    options = ConversionOptions(**part(config, "conversion"))
    sources = {str(dataset.get("source")) for dataset in part(config, "datasets").values()}
    if not sources or sources & SORTED:
        blocks.append(Paragraph(conversion_text(options)))
    if from_tables(config):
        blocks.append(
            Paragraph(
                "Measures were read from these tables as they are: no image was converted, checked, "
                "segmented or measured in this run, and it says nothing about how they were made."
            )
        )
    else:
        blocks.append(Paragraph(labels_text(options.labels)))
    return blocks


def segmentation(results: Results) -> list[Block]:
    """How images were segmented."""
    config = results.config
    models = part(config, "models")
    options = SegmentationOptions(**part(config, "segmentation"))
    if not any(models.values()):
        return [
            Paragraph(
                "No network was configured; measures come from human contours or from given label maps."
            )
        ]
    sentences = []
    for view, entries in models.items():
        names = [str(entry.get("name")) for entry in entries]
        if names:
            also = f"; also {listing(names[1:])} for comparison" if len(names) > 1 else ""
            sentences.append(f"{VIEW_NAMES.get(str(view), str(view))}: {names[0]}{also}")
    text: list[Any] = [
        "Images were segmented with fully convolutional networks in the tradition of Bai et al.",
        Citation(("bai2018",)),
        " and Chen et al.",
        Citation(("chen2020",)),
        f" ({'; '.join(sentences)}). ",
    ]
    text.append(
        "All frames were segmented. "
        if options.frames == "all"
        else "Where the source names ED and ES, only these frames were segmented, elsewhere all. "
    )
    margin = options.heart_region_margin_mm
    text.append(
        "Images were segmented whole. "
        if margin is None
        else "The heart was found in a few frames first, and the region around it, with a margin of "
        f"{margin:g} mm, was segmented; a heart that came near the border of its region was segmented in "
        "whole images. "
    )
    augmented = AUGMENTED.get(options.test_time_augmentation)
    if augmented:
        text.append(f"The probabilities of each network were averaged over each image {augmented}. ")
    done = [
        words
        for key, words in (
            (
                "largest_component",
                "what lay apart from the heart over all frames of the short axis was removed, of each "
                "structure and frame one connected component was kept (of the LV cavity that with the wall "
                "around it)",
            ),
            ("fill_holes", "holes inside a structure were filled"),
        )
        if getattr(options.clean_up, key)
    ]
    if done:
        text.append(f"After the network, {listing(done)}. ")
    if options.uncertainty:
        text.append(
            "Single networks also segmented two frames of each image flipped and turned, ED and ES or those "
            "of the largest and the smallest LV, and the agreement of these results was recorded. "
        )
    if options.second_network is not None:
        text.append(
            f"Two short-axis frames of each subject were also segmented by {options.second_network}, and the "
            "agreement of both networks was recorded. "
        )
    calibration = (config.get("quality") or {}).get("calibration", "none")
    if calibration != "none":
        which = "the shipped one" if calibration == "shipped" else "one of the user"
        text.append(
            f"A calibration ({which}), learnt on hearts with human labels, gave each subject a probability "
            "of failure and its measures 90 % intervals, where the segmentation was made as those that "
            "it was learnt on. "
        )
    unvalidated = unvalidated_models(results)
    if unvalidated:
        fate = "taken into" if config.get("unvalidated") == "include" else "kept out of"
        text.append(
            f"Not validated on labelled real hearts: {listing(unvalidated)}; what they measured is marked "
            f"{MARK} and was {fate} agreement and studies. "
        )
    ensembles = [
        f"{entry.get('name')} ({VIEW_NAMES.get(str(view), str(view))})"
        for view, entries in models.items()
        for entry in entries
        if len(members(entry)) > 1
    ]
    if ensembles:
        text.append(
            f"{listing(ensembles)}: the mean of the probabilities of several networks, whose disagreement "
            "was recorded as uncertainty. "
        )
    named = primary_note(models)
    if named:
        text.append(named)
    text.append("Engines and weights are listed under provenance.")
    return [Paragraph(text)]


def primary_note(models: Mapping[str, Any]) -> str:
    """Say what the primary set is called, where its models have different names."""
    sets = configured_sets({"models": models})
    if not sets or set(sets[0].models.values()) == {sets[0].name}:
        return ""
    return (
        f"In tables and figures the first networks of the views stand together as {sets[0].name}, since "
        "measures take several views. "
    )


def atria_measured(results: Results) -> bool:
    """Say whether any atrium has a volume."""
    columns = [name for name in ("la_max_ml", "ra_max_ml") if name in results.measures]
    return bool(results.measures[columns].notna().any(axis=None))


def measures(config: Mapping[str, Any], with_atria: bool = True) -> list[Block]:
    """Definitions of the measures; those of the atria where there are any."""
    options = MeasureOptions(**part(config, "measures"))
    rule = "the first frame" if options.ed == "first" else "the frame with the largest LV cavity in the cycle"
    missing = (
        "its area was interpolated from its neighbours"
        if options.missing_slices == "interpolate"
        else "no volume was given"
    )
    length = "the shorter" if options.biplane_length == "shorter" else "the mean"
    axis = (
        "where no short axis gives it, along the atrium's own principal axis, which is flagged"
        if options.atrial_axis == "principal"
        else "where no short axis gives it, no atrial volume was given"
    )
    surface = "Mosteller" if options.body_surface == "mosteller" else "Du Bois and Du Bois"
    blocks: list[Block] = [
        Paragraph(
            "A volume is the number of voxels of a structure times the volume of a voxel. ED is the frame "
            f"that the source names, or else {rule} (flagged where the first frame's volume lies more than "
            f"{options.ed_tolerance_pct:g} % below it); ES is the frame with the smallest LV cavity; the RV "
            "is measured at the frames of the LV. Measures of a source stand at its own frames unless a "
            f"table says otherwise. Where a slice was missing within a structure, {missing}. A structure "
            "that is not in the label map at ED or ES, or is there in fewer than "
            f"{100 * options.structure_slices_ed:g} % (ED) or {100 * options.structure_slices_es:g} % (ES) "
            "of the slices with LV, was lost: none of its measures is given, nor of a ventricle that is not "
            "smaller at ES than at ED. The rule looks at the label map and not at the measures "
            "(cohort/voided.tsv lists what is not given). Function and mass follow as"
        ),
        Equation(VENTRICLES),
        Paragraph(
            [
                "with the heart rate HR from the cycle's duration (undefined where the source does not give "
                f"it) and the myocardial density ρ = {options.myocardial_density_g_ml:g} g/mL",
                Citation(("bai2018",)),
                f". Indexed measures are divided by the body surface area of {surface}."
                + (
                    " Atrial volumes are area–length volumes from the long axis views (the LA from both "
                    "planes, the RA from the 4-chamber view):"
                    if with_atria
                    else ""
                ),
            ]
        ),
    ]
    if with_atria:
        blocks += [
            Equation(ATRIA),
            Paragraph(
                f"with the areas A and {length} length L of the atrium along the heart's long axis ({axis}); "
                "maximum and minimum are taken over the cycle."
            ),
        ]
    if options.wall_thickness:
        blocks.append(
            Paragraph(
                [
                    "Wall thickness at ED is the distance from the endocardial contour to the nearest point "
                    "of the epicardial contour in the same slice, averaged in the 16 segments of the "
                    "American Heart Association",
                    Citation(("cerqueira2002",)),
                    "; the insertion of the RV gives their orientation. Contours are of masks smoothed by a "
                    f"Gaussian of {options.contour_smoothing_mm:g} mm; slices with less than "
                    f"{options.minimum_area_mm2:g} mm² of cavity or myocardium have none.",
                ]
            )
        )
    return blocks


def agreement(config: Mapping[str, Any], context: Context) -> list[Block]:
    """Definitions of overlap, distances, differences and agreement."""
    tested = (context.results.folder / "agreement" / "equivalence.csv").is_file() and (
        len(context.results.observers()) > 1
    )
    options = AgreementOptions(**part(config, "agreement"))
    overlap = [] if from_tables(config) else overlap_blocks(config, options)
    confidence = 100 * options.confidence
    outliers = (
        "A second result leaves out pairs whose mean lies outside 1.5 interquartile ranges from the "
        f"quartiles ({QUARTILES[options.quantile]}); the number removed and the result of all pairs are "
        "always given beside it."
        if options.exclude_outliers == "iqr"
        else "No pair was removed as an outlier."
    )
    chosen = listing(list(options.measures)) if options.measures else "Every measure that both sides have"
    margins = (
        "the margins of this run ("
        + listing([f"{name} {margin:g}" for name, margin in options.equivalence_margins.items()])
        + "), else "
        if options.equivalence_margins
        else ""
    )
    frames = (
        ""
        if from_tables(config)
        else "Automatic measures are compared with an observer's both at the observer's ED and ES frames "
        "and at their own; the tables say which. "
    )
    return [
        *overlap,
        Paragraph(
            [
                f"{chosen} was compared, in subjects with the final status {' or '.join(options.statuses)}; "
                f"of a subject with several rows {REPEATED[options.duplicates]}. Differences are A − B; "
                "absolute differences are |A − B|, and relative ones 100 |A − B| over "
                f"{DENOMINATORS[options.denominator]}, each as mean (SD) with n − 1. {frames}Agreement "
                "follows Bland and Altman",
                Citation(("bland1999",)),
                ":",
            ]
        ),
        Equation(BLAND_ALTMAN),
        Paragraph(
            [
                f"with z = {options.limit_factor:g}; intervals are exact {confidence:g} % confidence "
                f"intervals, those of the limits from the non-central t distribution. {outliers} "
                "Correlation is Spearman's ρ with a Fisher interval "
                f"({SPEARMAN[options.spearman_interval]}), with Pearson's r and Lin's concordance",
                Citation(("lin1989",)),
                " beside it. Reliability between observers is the intraclass correlation; ICC(A,1) is the "
                "absolute agreement of single raters in a two-way model",
                Citation(("mcgraw1996",)),
                "."
                + (
                    f" Equivalence was tested at the level {options.equivalence_alpha:g} against {margins}"
                    "the upper confidence bound of the mean absolute difference between observers."
                    if tested
                    else ""
                ),
            ]
        ),
    ]


def overlap_blocks(config: Mapping[str, Any], options: AgreementOptions) -> list[Block]:
    """Definitions of overlap and distances."""
    evaluation = EvaluationOptions(**part(config, "evaluation"))
    border = (
        "the outer contour of each structure (for the myocardium the epicardium)"
        if evaluation.border == "external"
        else "the outer and inner contours of each structure"
    )
    positions = (
        " It is also given for the basal, mid and apical third of the LV." if evaluation.positions else ""
    )
    unit = (
        "averaged over the frames of each subject first"
        if options.overlap_unit == "subject"
        else "taken of each frame alone"
    )
    return [
        Paragraph(
            [
                "Overlap was measured in 3D and distances between contours slice by slice",
                Citation(("bai2018", "chen2020")),
                ":",
            ]
        ),
        Equation(DICE),
        Equation(DISTANCE),
        Paragraph(
            f"Distances use {border}, in millimetres on both axes, and are averaged over the slices in which "
            "both segmentations hold the structure. Where both are empty the value is undefined and not "
            f"counted; where one is empty, Dice is 0. Overlap is {unit}; a second row leaves out those with "
            f"a Dice below {options.dice_floor:g}.{positions}"
        ),
    ]
