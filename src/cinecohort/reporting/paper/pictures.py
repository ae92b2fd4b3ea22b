"""The papers' pictures: those of the user's data that correspond, made by the same functions as ever."""

import shutil

from cinecohort.catalogue.measures import Show, columns_shown
from cinecohort.reporting.document import Block, Figure, Paragraph, Reference, Section
from cinecohort.reporting.paper.cells import exhibit, not_made
from cinecohort.reporting.paper.own import AUTOMATIC, Own
from cinecohort.reporting.results import read_table
from cinecohort.reporting.sections.agreement import FEWEST_DRAWN, copied_figure
from cinecohort.reporting.sections.overlap import FEWEST_IMAGES

BEST, WORST, SAMPLE = "fig-gallery-best", "fig-gallery-worst", "fig-gallery-sample"
NO_IMAGES = "The results folder holds no images with label maps to draw."


def examples(own: Own) -> Section:
    """Bai 2018, Figure 3: automatic beside manual segmentation, of the user's best subjects."""
    shown = own.pictures.get(BEST) or own.pictures.get(SAMPLE)
    words = (
        "The paper shows one subject at ED and ES in the short axis (a), 2-chamber (b) and 4-chamber view "
        "(c), automatic above manual. Yours: automatic and manual contours on the same image, in the short "
        "axis; the long axes are in the review room (review/index.html)."
    )
    blocks: list[Block] = [Paragraph(words), shown] if shown else [not_made(NO_IMAGES)]
    return exhibit("bai2018", "gallery", "examples of segmentation", blocks, "Figure 3")


def bland_altman(own: Own) -> list[Block]:
    """Bai 2018, Figure 4: one column of plots per comparison, or those of the automatic one alone."""
    caption = (
        "Bai 2018, Figure 4. Bland–Altman plots of clinical measures, automatic and manual, and between "
        "human observers: difference against mean, with bias (solid) and limits of agreement (dashed)."
    )
    return plots(own, "bland_altman_grid.svg", "fig-bai2018-4", caption)


def plots(own: Own, grid: str, label: str, caption: str) -> list[Block]:
    """A grid of Bland-Altman plots of the agreement stage, or those of the automatic comparison."""
    description = "Bland-Altman plots, one row per measure; the numbers are in the table beside it."
    principal = columns_shown(Show.PRINCIPAL)
    if not any(one.n >= FEWEST_DRAWN for one in own.comparisons.values()):
        return []
    found = copied_figure(own.context, grid, label, caption, description, principal)
    one = own.comparisons.get(AUTOMATIC)
    if found or one is None:
        return found
    name = f"{one.folder}/bland_altman.svg"
    return copied_figure(own.context, name, label, caption, description, principal)


def box_plots(own: Own) -> list[Block]:
    """Chen 2020, Figure 4: Dice of each image by model and dataset."""
    caption = (
        "Chen 2020, Figure 4. Box plots of the Dice of each image, averaged over LV, myocardium and RV, by "
        "model and dataset of yours. The paper prints no number of its box plots; its means are in Table III."
    )
    path = own.context.results.folder / "agreement" / "dice_boxplot.svg"
    if not path.is_file():
        return [not_made(f"There is no Dice in the short axis: {own.why_not(AUTOMATIC)}.")]
    if len(read_table(path.with_suffix(".csv"))) < FEWEST_IMAGES:
        return [not_made(f"Fewer than {FEWEST_IMAGES} images make no box plot.")]
    shutil.copyfile(path, own.context.figure_path("fig-chen2020-4.svg"))
    description = "Box plots of Dice by model and dataset."
    return [Figure("fig-chen2020-4", caption, "figures/fig-chen2020-4.svg", description, views=("sa",))]


def good_cases(own: Own) -> list[Block]:
    """Chen 2020, Figure 5: the best subjects, which stand under Figure 3 of Bai."""
    if BEST not in own.pictures:
        return [not_made("There is no Dice to find the best subjects by, or no images to draw.")]
    words = "The paper shows good segmentations of a healthy subject and of patients with DCM and AS. "
    return [Paragraph([words, "Yours, the subjects with the highest Dice: ", Reference(BEST), "."])]


def worst_cases(own: Own) -> list[Block]:
    """Chen 2020, Figure 6: the worst subjects."""
    if WORST not in own.pictures:
        return [not_made("There is no Dice to find the worst subjects by, or no images to draw.")]
    words = "The paper shows its worst cases of HCM, MINF and ARV. Yours are those with the lowest Dice."
    return [Paragraph(words), own.pictures[WORST]]


def worst_slices(own: Own) -> list[Block]:
    """Chen 2020, Figure 7: slices at base and apex, and of poor images; they are among the worst subjects."""
    words = (
        "The paper shows four slices where its network failed: a small LV at the apex, a missed LV at the "
        "base, bright noise at 1.5 T and dark artefacts at 3 T."
    )
    if WORST not in own.pictures:
        return [Paragraph(words), not_made("There is no Dice to find the worst slices by, or no images.")]
    yours = " Yours: the first and last slices of the subjects with the lowest Dice in "
    more = "; every flagged slice is in the review room (review/index.html)."
    return [Paragraph([words, yours, Reference(WORST), more])]


def fine_tuning(own: Own) -> list[Block]:
    """Bai 2018, Figure 5: before and after fine-tuning, as the experiments drew it."""
    folder = own.context.results.folder / "experiments" / "panels"
    blocks: list[Block] = []
    for path in sorted(folder.glob("fine_tuning*.png")):
        file = f"fig-bai2018-5-{path.name}"
        shutil.copyfile(path, own.context.figure_path(file))
        caption = "Bai 2018, Figure 5. Segmentation results on other datasets, before and after fine-tuning."
        description = "Slices at end-diastole and end-systole with automatic and manual contours."
        blocks.append(Figure(f"fig-bai2018-5-{path.stem}", caption, f"figures/{file}", description))
    return blocks or [
        not_made(
            "No panel of a fine-tuning was drawn: snakemake experiments makes experiments/panels/, which is "
            "not in this results folder."
        )
    ]
