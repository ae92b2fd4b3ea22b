"""What this report cannot say: the limits that follow from this cohort and these methods."""

from cinecohort.reporting.document import Block, Bullets, Paragraph, Section, Text
from cinecohort.reporting.numbers import count, listing, percent, quantity
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.sections.methods import from_tables
from cinecohort.reporting.sections.participants import has_values
from cinecohort.reporting.validation import unvalidated_models

SMALL_COHORT = 30


def section(context: Context, absent: list[Text]) -> Section:
    """Limits, the ones of this run first; then the parts that this run has nothing to show of.

    Parameters
    ----------
    context
        What every section is given.
    absent
        Why parts of the report are missing.
    """
    blocks: list[Block] = [Bullets([*of_this_run(context), *of_the_methods(context)])]
    if absent:
        blocks += [Paragraph("Parts that this report lacks:"), Bullets(absent)]
    return Section("What this report cannot say", "sec-limits", blocks)


def of_this_run(context: Context) -> list[Text]:
    """Limits that the data of this run set."""
    results = context.results
    items: list[Text] = []
    if results.synthetic:
        items.append(
            "The data are synthetic. Nothing here describes people, and accuracy on phantoms says nothing "
            "about accuracy on patients."
        )
    n = len(results.analysed)
    if n < SMALL_COHORT:
        items.append(
            f"Only {quantity(n, 'subject')} {'was' if n == 1 else 'were'} analysed: means are uncertain, "
            "and rare failures of the methods cannot show."
        )
    left_out = results.n_received - n
    if left_out:
        items.append(
            f"{quantity(left_out, 'subject').capitalize()} ({percent(left_out, results.n_received)}) could "
            "not be analysed. If they differ from the others, the results hold for the analysed only."
        )
    if results.flagged:
        items.append(
            f"{count(len(results.flagged))} of the analysed subjects are flagged for review and were not "
            "looked at by this software; what a human reader would say of them is not known."
        )
    human = set(results.sources()) - set(results.automatic_sources())
    if results.automatic_sources() and not human:
        items.append(
            "There are no human contours, so the accuracy of the automatic measures in this cohort is not "
            "known."
        )
    if not results.automatic_sources():
        items.append("There are no automatic measures; nothing is said about any network.")
    if len(human) == 1 and results.automatic_sources():
        items.append(
            "One observer is not the truth: without a second, the difference between humans is not known "
            "here."
        )
    unvalidated = unvalidated_models(results)
    if unvalidated:
        items.append(
            f"Not validated on real hearts: {', '.join(unvalidated)}. Measures that rest on them show that "
            "the software runs, no more."
        )
    people = {"age": "age_years", "sex": "sex", "body size": "height_cm"}
    unknown = [word for word, column in people.items() if not has_values(results.participants, column)]
    if unknown:
        items.append(
            f"Not known of the participants: {listing(unknown)}. No measure can be related to these."
        )
    return items


def of_the_methods(context: Context) -> list[Text]:
    """Limits of the methods, whatever the data."""
    items: list[Text] = [
        "Short-axis volumes depend on where the base was drawn or cut; observers and networks differ most "
        "there and at the apex.",
        "This software is for research. It is not a medical device, and no number here may guide the care "
        "of a patient.",
    ]
    if not from_tables(context.results.config):
        rules = "Quality control by rules finds what its rules describe."
        items.insert(1, f"{rules} A wrong but plausible segmentation passes.")
    if context.results.config.get("studies"):
        items.insert(
            0,
            "A matched comparison removes imbalance in the covariates that were matched, and in no others: "
            "differences between groups are associations, not effects.",
        )
    if context.options.published_figures:
        items.insert(
            0,
            "Published figures are of other cohorts, scanners and observers; they stand beside these "
            "results for orientation, not as a test.",
        )
    return items
