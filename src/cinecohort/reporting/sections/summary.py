"""The first page, an abstract: cohort, a picture, findings, who is missing, what not to believe."""

from typing import Any

import pandas as pd

from cinecohort.catalogue.covariates import level_words
from cinecohort.catalogue.findings import finding_words
from cinecohort.catalogue.measures import PRINTED, Show, columns_shown, views_of
from cinecohort.model_sets import PRIMARY
from cinecohort.reporting.document import Block, Bullets, Paragraph, Strong, Text
from cinecohort.reporting.numbers import count, hidden_count, interval, listing, mean_sd, number, quantity
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.sections.first_figure import first_figure
from cinecohort.reporting.sections.participants import analysed_participants, has_values
from cinecohort.reporting.validation import MARK, summary_blocks, views_not_validated
from cinecohort.reporting.vocabulary import taken

SMALL_COHORT = 30
MOST_REASONS = 4


def facts(context: Context) -> list[tuple[str, str]]:
    """Name and value pairs at the foot of the first page."""
    results = context.results
    pairs = []
    version = (results.run.get("versions") or {}).get("cinecohort")
    if version:
        pairs.append(("Software", f"CineCohort {version}, for research use; not a medical device"))
    digest = results.run.get("config_digest")
    if digest:
        pairs.append(("Configuration", f"SHA-256 {str(digest)[:16]}…"))
    return pairs


def blocks(context: Context, findings: list[Text], cautions: list[Text]) -> list[Block]:
    """Blocks of the first page.

    Parameters
    ----------
    context
        What every section is given.
    findings
        Findings of the agreement and of the studies.
    cautions
        What not to believe of the studies.
    """
    result: list[Block] = [Paragraph(cohort_sentence(context)), *first_figure(context)]
    measures = measures_sentence(context)
    items = list(findings)
    if measures:
        items.insert(0, [Strong("Measures. "), measures])
    if items:
        result += [Paragraph([Strong("Findings")]), Bullets(items)]
    result.append(Paragraph([Strong("Who is missing. "), missing_sentence(context)]))
    if context.options.see_also:
        result.append(Paragraph([Strong("See also. "), context.options.see_also]))
    last = "No number here may guide the care of a patient."
    cautioned = Bullets([*own_cautions(context), *cautions, last])
    return [*result, Paragraph([Strong("What not to believe")]), cautioned]


def cohort_sentence(context: Context) -> str:
    """Say who was studied and by whom they were measured, in one sentence."""
    results = context.results
    several = len(results.datasets) != 1
    data = f"the {'datasets' if several else 'dataset'} {listing(results.datasets)}".strip()
    received, analysed = results.n_received, len(results.analysed)
    text = f"Of {quantity(received, 'subject')} received from {data}, {count(analysed)} "
    text += f"{'was' if analysed == 1 else 'were'} analysed"
    people = people_words(context) if analysed else ""
    text += f" ({people})" if people else ""
    automatic = results.automatic_sources()
    human = [name for name in results.sources() if name not in automatic]
    by = [automatically(automatic)] if automatic else []
    by += [f"by {quantity(len(human), 'observer')} ({listing(human)})"] if human else []
    return text + (f"; their hearts were measured {listing(by)}." if by else ".")


def automatically(sources: list[str]) -> str:
    """Which automatic methods measured the hearts."""
    return "automatically" if sources == [PRIMARY] else f"automatically ({listing(sources)})"


def people_words(context: Context) -> str:
    """Sex and age of those analysed, as far as they are known."""
    table = analysed_participants(context)
    parts = []
    if has_values(table, "sex"):
        smallest = context.options.smallest_count
        counts = table.loc[table["sex"] != "", "sex"].value_counts()
        parts += [
            f"{hidden_count(int(n), smallest)} {level_words('sex', str(level))}"
            for level, n in counts.items()
        ]
    if has_values(table, "age_years"):
        age = pd.to_numeric(table["age_years"], errors="coerce").dropna()
        parts.append(f"mean age {mean_sd(age.mean(), age.std(), 1)} years".replace(" (", " (SD "))
    return ", ".join(parts)


def measures_sentence(context: Context) -> str:
    """Median and quartiles of the key measures of the primary source, with n where not all have it.

    A median is not moved by the impossible values of a failed segmentation, as a mean is.
    """
    table = context.results.own_measures()
    for source in context.results.sources():
        rows = table[table["source"] == source]
        total = int(rows["subject"].nunique())
        parts = [part for name in columns_shown(Show.SUMMARY) if (part := measure_words(rows, name, total))]
        if parts:
            subjects = quantity(total, "analysed subject")
            return f"Median (quartiles), {taken(source)} in {subjects}: {listing(parts)}."
    return ""


def measure_words(rows: pd.DataFrame, name: str, total: int) -> str:
    """Median and quartiles of a measure, empty where there is none or no heart could have it."""
    known = rows[name].dropna() if name in rows else rows["subject"][:0]
    if known.empty:
        return ""
    measure: Any = PRINTED[name]
    low, median, high = known.quantile([0.25, 0.5, 0.75])
    if measure.plausible and not measure.plausible[0] <= median <= measure.plausible[1]:
        return ""
    mark = MARK if views_not_validated(rows) & set(views_of(name)) else ""
    n = int(rows.loc[known.index, "subject"].nunique())
    few = f", n = {count(n)}" if n != total else ""
    quartiles = interval(low, high, measure.digits)
    return f"{measure.label}{mark} {number(median, measure.digits)} {measure.unit} ({quartiles}{few})"


def missing_sentence(context: Context) -> str:
    """Say in a line who was left out and why, and how many are flagged."""
    results, smallest = context.results, context.options.smallest_count
    left_out = results.status[results.status["status"].isin(["excluded", "error"])]
    if left_out.empty:
        text = "Nobody was left out"
    else:
        counts = left_out["code"].value_counts(sort=True)
        parts = [
            f"{finding_words(str(code)) if code else 'a fault that the logs describe'} "
            f"({hidden_count(int(n), smallest)})"
            for code, n in counts.head(MOST_REASONS).items()
        ]
        rest = int(counts.iloc[MOST_REASONS:].sum())
        parts += [f"other reasons ({hidden_count(rest, smallest)})"] if rest else []
        text = f"{count(len(left_out))} of {count(results.n_received)}: {listing(parts)}"
    flagged = len(results.flagged)
    words = f"{count(flagged)} of the analysed {'is' if flagged == 1 else 'are'} flagged for review and kept"
    return f"{text}. {words if flagged else 'Nobody is flagged for review'}."


def own_cautions(context: Context) -> list[Text]:
    """What the data themselves warn of."""
    results = context.results
    items: list[Text] = []
    if results.synthetic:
        items.append([Strong("Synthetic data. "), "This report describes phantoms, not people."])
    n = len(results.analysed)
    if 0 < n < SMALL_COHORT:
        subjects = quantity(n, "subject")
        items.append([Strong("Few subjects. "), f"With {subjects}, every figure is uncertain."])
    items += [block.text for block in summary_blocks(results) if isinstance(block, Paragraph)]
    if not set(results.sources()) - set(results.automatic_sources()):
        items.append([Strong("No observer. "), "How accurate the automatic measures are is not known here."])
    return items
