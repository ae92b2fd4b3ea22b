"""Sentences on conversion: every setting by which raw files became images and label maps."""

from cinecohort.catalogue.views import VIEW_NAMES
from cinecohort.conversion.label_options import LabelOptions
from cinecohort.conversion.options import EXCLUDED_NAMES, NAME_PATTERNS, ConversionOptions
from cinecohort.reporting.numbers import listing

GAPS = {
    "reject": "a view with missing slices was not used",
    "empty": "missing slices were kept as empty ones, marked as missing",
}
UNEQUAL = {
    "reject": "nor was one whose slices differ in their number of frames",
    "nearest_phase": "a missing frame was taken from the same slice's frame nearest in cardiac phase",
}
MOVED = {
    "reject": "a view with a moved field of view was not used",
    "resample": "a slice whose field of view had moved was resampled onto the others' grid",
}
MATRIX = {
    "reject": "nor was one with slices of another matrix",
    "resample": "a slice of another matrix was resampled onto the others' grid",
}
ORIENTATION = {
    "reject": "a view whose slices are not parallel was not used",
    "largest": "of slices that are not parallel the largest parallel group was used",
}
DUPLICATES = {
    "complete": "the acquisition with most frames, then the latest, was used",
    "contoured": "the one that was contoured was used",
    "first": "the first was used",
    "last": "the last was used",
    "reject": "the view was not used",
}
AMBIGUOUS = {
    "geometry": "the one whose plane fits best",
    "first": "the first by series number",
    "last": "the last by series number",
    "reject": "none",
}
FILLED = {
    "area": "by as many pixels as the polygon has area, those that it covers most",
    "ukbb_cardiac": "as ukbb_cardiac fills them, with their border, on a grid four times finer",
}
ACTIONS = {
    "info": "was noted",
    "review": "flagged the subject for review",
    "drop": "flagged the subject, and the observer's label map was left out",
}


def conversion_text(options: ConversionOptions) -> str:
    """How frames became volumes, and what was done about each kind of fault."""
    views = listing([VIEW_NAMES.get(view, view) for view in options.required_views])
    needed = f"A subject without the {views} view was excluded. " if views else "No view was required. "
    derived = "could be used" if options.keep_derived else "were left out"
    return (
        "Frames were sorted into slices and phases by their geometry and times, and written as 4D volumes "
        "with the scanner's orientation and spacing; what did not fit is a finding with a code. "
        f"{needed}Views were found by the names of their series{_patterns(options)}, and by geometry where "
        f"no name tells; at least {options.min_parallel_slices} parallel slices without a telling name were "
        f"taken for the short axis. A slice with fewer than {options.min_frames} frames was no cine; images "
        f"marked as derived {derived}. Slices were parallel within {options.orientation_tolerance_deg:g}°, "
        f"frames of one slice within {options.position_tolerance_mm:g} mm; slice steps may differ by "
        f"{100 * options.spacing_tolerance:g} % of their median, in-plane positions by "
        f"{options.shift_tolerance_mm:g} mm, and a step of more than {options.max_step_to_thickness:g} "
        f"slice thicknesses was flagged. Of faults: {GAPS[options.on_gap]}; "
        f"{UNEQUAL[options.on_unequal_frames]}; {MOVED[options.on_shift]}; {MATRIX[options.on_matrix]}; "
        f"{ORIENTATION[options.on_orientation]}. Of a slice that was acquired more than once "
        f"{DUPLICATES[options.on_duplicate]}; of several planes of one long-axis view "
        f"{AMBIGUOUS[options.on_ambiguous_view]} was used."
    )


def _patterns(options: ConversionOptions) -> str:
    changed = [
        f"{view}: {pattern}"
        for view, pattern in options.name_patterns.items()
        if NAME_PATTERNS.get(view) != pattern
    ]
    if options.excluded_names != EXCLUDED_NAMES:
        changed.append(f"left out: {', '.join(options.excluded_names) or 'none'}")
    return f" (patterns of this run, {'; '.join(changed)})" if changed else ""


def labels_text(options: LabelOptions) -> str:
    """How human contours and label maps were taken over."""
    return (
        "Labels of other codings were mapped onto one coding (short axis: LV, myocardium, RV; long axis: LA, "
        "RA), and slices, frames and structures that an observer did not annotate count as absent, not as "
        f"empty. Contours were filled {FILLED[options.filling]}. An incomplete annotation "
        f"{ACTIONS[options.incomplete]}; a label map whose myocardium touches less than "
        f"{100 * options.enclosed_share:g} % of the border of the LV {ACTIONS[options.swapped]}."
    )
