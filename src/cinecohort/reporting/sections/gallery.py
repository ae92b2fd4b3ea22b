"""Pictures of the best and the worst segmented subjects, with both contours."""

from dataclasses import dataclass

import pandas as pd

from cinecohort.catalogue.findings import finding_words
from cinecohort.catalogue.views import STRUCTURE_NAMES
from cinecohort.reporting import gallery
from cinecohort.reporting.document import Absent, Block, Gallery, Section, Strong, Text
from cinecohort.reporting.example_figure import COLOUR_WORDS
from cinecohort.reporting.numbers import count, listing, number
from cinecohort.reporting.results import configured_sets
from cinecohort.reporting.sections.context import Context
from cinecohort.statistics.cases import choose_cases

PANEL_PIXELS = 180
MOST_REASONS = 3
"""Reasons of a flag that are named beside a picture."""


@dataclass(frozen=True)
class Choice:
    """A subject to show: whose contours, at which frames, and what is said of it."""

    subject: str
    model: str | None
    observer: str | None
    words: str


def section(context: Context) -> Section:
    """Gallery of the short axis; where no Dice is known, of some subjects as they come."""
    blocks: list[Block] = []
    dice = short_axis_dice(context)
    if dice.empty:
        blocks.extend(without_dice(context))
    else:
        shown: list[str] = []
        for which, n in (("worst", context.options.gallery_worst), ("best", context.options.gallery_best)):
            choices = by_dice(context, dice, which, n, shown)
            pictures = draw(context, choices, which, len(shown))
            shown += [choice.subject for choice in choices]
            if pictures:
                blocks.append(
                    Gallery(
                        f"fig-gallery-{which}",
                        f"{ranked_words(which, len(pictures), dice['subject'].nunique())} Dice in the short "
                        f"axis, base to apex from left to right. Solid: automatic ({COLOUR_WORDS}); dashed "
                        "white: observer.",
                        pictures,
                        "Short-axis slices at end-diastole and end-systole with automatic and human "
                        "contours.",
                        views=("sa",),
                    )
                )
    if not blocks:
        blocks.append(
            Absent("No pictures are shown: the results folder holds no images with label maps to draw.")
        )
    return Section("Gallery", "sec-gallery", blocks)


def ranked_words(which: str, shown: int, total: int) -> str:
    """Beginning of a caption: whom the pictures show."""
    if shown == total and which == "worst":
        return "All subjects, those with the lowest first, by their"
    return f"Subjects with the {'lowest' if which == 'worst' else 'highest'}"


def short_axis_dice(context: Context) -> pd.DataFrame:
    """Overlap of the primary model (or the first there is) with the first observer, in the short axis."""
    results = context.results
    overlap = results.overlap[
        (results.overlap["view"] == "sa") & results.overlap["subject"].isin(results.analysed)
    ]
    compared, observers = set(overlap["source"].unique()), results.observers()
    automatic = [name for name in results.automatic_sources() if name in compared]
    overlap = overlap[overlap["source"].isin(automatic[:1])]
    references = [name for name in overlap["reference"].unique() if name in observers]
    return overlap[overlap["reference"].isin(references[:1])]


def by_dice(context: Context, dice: pd.DataFrame, which: str, n: int, shown: list[str]) -> list[Choice]:
    """Subjects with the lowest or highest Dice of an image, each once and not those already shown."""
    if not n:
        return []
    model, observer = str(dice["source"].iloc[0]), str(dice["reference"].iloc[0])
    cases = choose_cases(dice, [model], None, context.results.status, count=len(dice))
    cases = cases[(cases["selection"] == "all") & (cases["which"] == which)].drop_duplicates("subject")
    cases = cases[~cases["subject"].isin(shown)]
    choices = []
    seen: set[str] = set()
    if "seen_in_training" in dice:
        seen = set(dice.loc[dice["seen_in_training"].astype(str).str.lower() == "true", "subject"])
    for case in cases.head(n).to_dict("records"):
        worst = f"; lowest is the {STRUCTURE_NAMES.get(str(case['structure']), case['structure'])}"
        words = f"Dice {number(case['dice'], 2)} at {str(case['role']).upper()}{worst} "
        words += f"({number(case['structure_dice'], 2)}); {quality_words(context, str(case['subject']))}."
        words += " The network's training saw this heart." if str(case["subject"]) in seen else ""
        choices.append(Choice(str(case["subject"]), file_name_of(context, model), observer, words))
    return choices


def file_name_of(context: Context, model: str) -> str | None:
    """Name in file names of the short-axis model of a set: None for the view's first."""
    for each in configured_sets(context.results.config):
        if each.name == model:
            return each.files.get("sa")
    return None if model == next(iter(context.results.automatic_sources()), model) else model


def quality_words(context: Context, subject: str) -> str:
    """What quality control said of a subject, up to :data:`MOST_REASONS` reasons."""
    results = context.results
    if subject not in results.flagged:
        return "not flagged by quality control"
    findings = results.findings
    flags = findings["level"].isin(["review", "reject"]) & (findings["subject"] == subject)
    codes = list(dict.fromkeys(findings.loc[flags, "code"]))
    words = [finding_words(str(code)) for code in codes[:MOST_REASONS]]
    words += ["others"] if len(codes) > MOST_REASONS else []
    return f"flagged for review: {listing(words)}" if words else "flagged for review"


def without_dice(context: Context) -> list[Block]:
    """Pictures of some subjects where there is nothing to rank them by: half of them flagged ones."""
    results = context.results
    n = context.options.gallery_best + context.options.gallery_worst
    flagged = sorted(results.flagged)
    plain = sorted(results.analysed - results.flagged)
    n_flagged = min(len(flagged), max(n - len(plain), n // 2))
    subjects = [*flagged[:n_flagged], *plain[: n - n_flagged]]
    observer = next(iter(results.observers()), None)
    choices = [
        Choice(
            key,
            None,
            observer,
            quality_words(context, key).capitalize() + ".",
        )
        for key in subjects
    ]
    pictures = draw(context, choices, "sample")
    if not pictures:
        return []
    return [
        Gallery(
            "fig-gallery-sample",
            "Subjects in the order of their keys, flagged ones first; there is no overlap with an observer "
            f"to rank them by. Short axis, base to apex from left to right. Solid: automatic ({COLOUR_WORDS})"
            + ("; dashed white: observer." if observer else "."),
            pictures,
            "Short-axis slices at end-diastole and end-systole with contours.",
            views=("sa",),
        )
    ]


def draw(context: Context, choices: list[Choice], name: str, before: int = 0) -> list[tuple[Text, str]]:
    """Draw the chosen subjects whose images are there; (words, file) of each, numbered on from `before`."""
    pictures: list[tuple[Text, str]] = []
    for choice in choices:
        case = gallery.read_case(
            context.results.folder / "subjects" / choice.subject, "sa", choice.model, choice.observer
        )
        if case is None:
            continue
        frames = {
            key: frame for key, frame in frames_of(context, choice).items() if frame < case.image.shape[3]
        }
        if not frames:
            continue
        slices = gallery.evenly(
            gallery.annotated_slices(case, list(frames.values()), every=True), context.options.gallery_slices
        )
        if not slices:
            continue
        file = f"figures/gallery-{name}-{len(pictures) + 1}.png"
        gallery.write_png(context.build / file, gallery.montage(case, frames, slices, PANEL_PIXELS))
        title = (
            choice.subject
            if context.options.list_subjects
            else f"Subject {count(before + len(pictures) + 1)}"
        )
        pictures.append(([Strong(f"{title}. "), choice.words], file))
    return pictures


def frames_of(context: Context, choice: Choice) -> dict[str, int]:
    """ED and ES of a subject: the observer's where it has them, else the model's own."""
    table = context.results.measures
    rows = table[(table["subject"] == choice.subject) & (table["source"] != "")]
    for source in [choice.observer, *context.results.sources()]:
        row = rows[(rows["source"] == source) & rows["frames"].isin(["", "own"])].head(1)
        known = {
            name: int(row[column].iloc[0])
            for name, column in (("ED", "ed_frame"), ("ES", "es_frame"))
            if column in row and len(row) and pd.notna(row[column].iloc[0])
        }
        if known:
            return known
    return {}
